//! What a clean stream promises.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::legality::Judge;
use super::{
    Action, DayCurve, Ending, EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit, Rate,
    order_number,
};

/// 2026-11-20T00:00:00+09:00.
const START: u64 = 1_795_100_400_000;

fn orders(seed: u64, orders: u64) -> GeneratorConfig {
    GeneratorConfig {
        limit: Limit::Orders(orders),
        ..GeneratorConfig::new(seed, START)
    }
}

fn for_each(config: GeneratorConfig, mut visit: impl FnMut(&GeneratedEvent)) -> Generator {
    let mut generator = Generator::new(config);
    let mut event = GeneratedEvent::default();
    while generator.next_into(&mut event) {
        visit(&event);
    }
    generator
}

fn bytes(config: GeneratorConfig) -> Vec<u8> {
    let mut all = Vec::new();
    for_each(config, |event| {
        all.extend_from_slice(event.topic.name().as_bytes());
        all.extend_from_slice(&event.key);
        all.extend_from_slice(&event.timestamp.to_le_bytes());
        all.extend_from_slice(&event.value);
    });
    all
}

#[test]
fn equal_configurations_give_equal_streams_and_seeds_differ() {
    assert_eq!(bytes(orders(3, 300)), bytes(orders(3, 300)));
    assert_ne!(bytes(orders(3, 300)), bytes(orders(4, 300)));
}

#[test]
fn every_event_is_legal_where_it_stands() {
    for seed in 0..10 {
        let mut judge = Judge::default();
        for_each(orders(seed, 3_000), |event| {
            judge.apply(&event.value);
        });
        assert_eq!(judge.orders.len(), 3_000);
    }
}

#[test]
fn every_event_is_legal_when_stories_are_told_fast() {
    for speed in [60, 150, 5_000] {
        let mut judge = Judge::default();
        for_each(
            GeneratorConfig {
                story_speed: speed,
                ..orders(1, 3_000)
            },
            |event| {
                judge.apply(&event.value);
            },
        );
    }
}

#[test]
fn two_thousand_orders_of_any_seed_contain_all_actions() {
    for seed in 0..20 {
        let mut actions = BTreeSet::new();
        for_each(orders(seed, 2_000), |event| {
            actions.insert(event.action);
        });
        let all: BTreeSet<_> = Action::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(actions, all, "seed {seed}");
    }
}

#[test]
fn the_record_agrees_with_the_envelope_in_it() {
    let mut last = 0;
    let mut ids = BTreeSet::new();
    for_each(orders(5, 500), |event| {
        assert!(event.timestamp >= last);
        last = event.timestamp;
        let json: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
        assert_eq!(
            json["target"]["orderNo"].as_str().unwrap().as_bytes(),
            event.key
        );
        assert!(order_number::is_valid(&event.key));
        assert_eq!(json["id"].as_str().unwrap().as_bytes(), event.id);
        assert!(ids.insert(event.id));
        assert_eq!(json["action"], event.action);
        assert_eq!(json["schema"]["name"], event.action);
        assert_eq!(json["target"]["version"], event.version());
        assert_eq!(json["target"]["type"], event.target.name());
        assert_eq!(event.topic, event.target.topic());
        let recorded: jiff::Timestamp = json["time"]["recordedAt"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(recorded.as_millisecond() as u64, event.timestamp);
        if json["target"]["type"] == "delivery" && event.action == "delivery.requested" {
            assert_eq!(json["info"]["deliveryId"], json["target"]["id"]);
        }
    });
}

#[test]
fn events_come_in_the_proportions_of_the_load_model() {
    const ORDERS: u64 = 50_000;
    let mut actions: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut size, mut events) = (0, 0);
    let mut created: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut lifetimes = Vec::new();
    let mut fulfilments: HashMap<String, u64> = HashMap::new();
    for_each(orders(8, ORDERS), |event| {
        *actions.entry(event.action).or_default() += 1;
        size += event.value.len();
        events += 1;
        match event.action {
            "order.created" => {
                created.insert(event.key.clone(), event.timestamp);
                let json: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
                let fulfilment = json["info"]["fulfilment"].as_str().unwrap().to_owned();
                *fulfilments.entry(fulfilment).or_default() += 1;
            }
            "delivery.delivered" | "order.handed_over" => {
                lifetimes.push((event.timestamp - created[&event.key]) as f64 / 60_000.0);
            }
            _ => {}
        }
    });
    let share = |action: &str| actions[action] as f64 / ORDERS as f64;
    let check = |what: &str, share: f64, expected: f64, tolerance: f64| {
        assert!(
            (share - expected).abs() <= tolerance,
            "{what}: {share}, not {expected}"
        );
    };
    lifetimes.sort_by(f64::total_cmp);
    let mean = lifetimes.iter().sum::<f64>() / lifetimes.len() as f64;
    for (action, count) in &actions {
        println!("{action} {:.4}", *count as f64 / ORDERS as f64);
    }
    println!(
        "{:.3} events per order, {:.1} bytes per event, {mean:.1} min from created to closed, median {:.1}",
        events as f64 / ORDERS as f64,
        size as f64 / events as f64,
        lifetimes[lifetimes.len() / 2],
    );
    check("events", events as f64 / ORDERS as f64, 9.5, 0.1);
    check(
        "paid, in advance",
        share("payment.approved"),
        0.985 * 0.9,
        0.01,
    );
    check("accepted", share("order.accepted"), 0.965, 0.015);
    check("rejected", share("order.rejected"), 0.02, 0.007);
    check(
        "kitchen",
        share("cooking.started") + share("cooking.delayed"),
        0.95,
        0.06,
    );
    check("ready", share("cooking.completed"), 0.9, 0.02);
    check("assigned", share("delivery.assigned"), 1.15 * 0.75, 0.06);
    check(
        "unassigned",
        share("delivery.unassigned"),
        0.15 * 0.75,
        0.02,
    );
    let gone = share("delivery.picked_up") + share("order.handed_over");
    check("picked up or handed over", gone, 0.95, 0.01);
    let closed = share("delivery.delivered") + share("order.handed_over");
    check("delivered or handed over", closed, 0.95, 0.02);
    check("cancelled", share("order.cancelled"), 0.04, 0.008);
    assert!(
        (45.0..60.0).contains(&mean),
        "{mean} min from created to closed"
    );
    for (fulfilment, expected) in [
        ("BAEMIN_SINGLE", 0.55),
        ("BAEMIN_BUNDLE", 0.2),
        ("STORE", 0.15),
        ("PICKUP", 0.1),
    ] {
        check(
            fulfilment,
            fulfilments[fulfilment] as f64 / ORDERS as f64,
            expected,
            0.01,
        );
    }
}

#[test]
fn a_day_has_its_mean_rate_and_its_dinner_peak() {
    let config = GeneratorConfig {
        rate: Rate::OrdersPerSecond(0.5),
        limit: Limit::Until(START + 86_400_000),
        ..GeneratorConfig::new(2, START)
    };
    let mut quarters = [0u32; 96];
    let generator = for_each(config, |event| {
        if event.action == "order.created" {
            quarters[((event.timestamp - START) / 900_000) as usize] += 1;
        }
    });
    let mean = generator.orders() as f64 / 86_400.0;
    assert!((0.48..0.52).contains(&mean), "{mean}");
    let busiest = quarters.iter().max_by_key(|count| **count);
    assert_eq!(busiest, quarters.get(74), "18:30");
    assert!(
        (1_800..2_250).contains(&quarters[74]),
        "4.5 × 450 is 2 025, was {}",
        quarters[74]
    );
}

#[test]
fn the_demo_shows_every_status_within_half_a_minute() {
    for seed in 0..5 {
        let config = GeneratorConfig {
            limit: Limit::Until(START + 30_000),
            ending: Ending::CutOff,
            ..GeneratorConfig::demo(seed, START, Rate::EventsPerSecond(2_000.0))
        };
        let mut judge = Judge::default();
        let mut statuses = BTreeSet::new();
        for_each(config, |event| {
            assert!(event.timestamp < START + 30_000);
            statuses.insert(judge.apply(&event.value).1);
        });
        assert_eq!(statuses.len(), 14, "seed {seed}: {statuses:?}");
    }
}

#[test]
fn limits_end_the_stream_as_they_say() {
    let count = |limit, ending| {
        let mut events = 0;
        let mut unfinished = BTreeSet::new();
        let config = GeneratorConfig {
            limit,
            ending,
            ..GeneratorConfig::new(6, START)
        };
        let generator = for_each(config, |event| {
            events += 1;
            if event.is_last_of_order {
                unfinished.remove(&event.key);
            } else {
                unfinished.insert(event.key.clone());
            }
        });
        assert_eq!(generator.events(), events);
        (generator.orders(), events, unfinished.len())
    };
    let (orders, _, unfinished) = count(Limit::Orders(400), Ending::Complete);
    assert_eq!((orders, unfinished), (400, 0));
    let (orders, _, unfinished) = count(Limit::Orders(400), Ending::CutOff);
    assert_eq!(orders, 400);
    assert!(unfinished > 0);
    let (_, events, unfinished) = count(Limit::Events(5_000), Ending::Complete);
    assert!((5_000..5_050).contains(&events), "{events}");
    assert_eq!(unfinished, 0);
    let (_, events, unfinished) = count(Limit::Events(5_000), Ending::CutOff);
    assert_eq!(events, 5_000);
    assert!(unfinished > 0);
    assert_eq!(count(Limit::Orders(0), Ending::Complete), (0, 0, 0));
}

#[test]
fn memory_is_bounded_by_the_orders_under_way() {
    let config = GeneratorConfig {
        rate: Rate::OrdersPerSecond(2.0),
        day_curve: DayCurve::Flat,
        ..orders(1, 100_000)
    };
    let mut generator = Generator::new(config);
    let mut event = GeneratedEvent::default();
    let mut most = 0;
    while generator.next_into(&mut event) {
        most = most.max(generator.live_orders());
    }
    // 2 orders per second that live for about 50 minutes.
    assert!((4_000..8_000).contains(&most), "{most}");
}

#[test]
fn throughput_is_reported() {
    let config = GeneratorConfig {
        limit: Limit::Events(1_000_000),
        ..GeneratorConfig::new(1, START)
    };
    let begun = Instant::now();
    let generator = for_each(config, |_| {});
    let rate = generator.events() as f64 / begun.elapsed().as_secs_f64();
    println!("{} events at {rate:.0} per second", generator.events());
    assert!(generator.events() >= 1_000_000);
}
