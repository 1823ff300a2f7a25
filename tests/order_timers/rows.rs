//! Each row of the table: told at its time, to the second, and not at all when it ends before.

use jumun::domain::regions::Fulfilment;
use jumun::domain::watching::{Level, Limits, Selector, SpecialLimit, Watch};
use serde_json::json;

use super::scene::*;
use crate::edge_cases::world::*;

const MINUTES: i64 = 60_000;
const HOURS: i64 = 60 * MINUTES;
const LATER: i64 = 100 * HOURS;

/// How an order comes to where the timer runs: the timer begins with the last of these events.
type Steps = &'static [(&'static str, &'static str)];

struct Row {
    timer: &'static str,
    steps: Steps,
    /// Ends what the timer watches.
    end: (&'static str, &'static str),
    /// Level and milliseconds after the beginning.
    levels: &'static [(&'static str, i64)],
}

const CREATED: (&str, &str) = ("CUSTOMER order.created 1", "");
const APPROVED: (&str, &str) = ("PG payment.approved 1", "");
const ACCEPTED: (&str, &str) = ("STORE order.accepted 2", "");
const REQUESTED: (&str, &str) = ("SYSTEM delivery.requested 1", "");
const ASSIGNED: (&str, &str) = ("DISPATCH delivery.assigned 2", "");
const AT_STORE: (&str, &str) = ("RIDER delivery.arrived_store 3", "");
const READY: (&str, &str) = ("STORE cooking.completed 3", "");
const PICKED_UP: (&str, &str) = ("RIDER delivery.picked_up 4", "");
const CANCELLED: (&str, &str) = ("CS order.cancelled 3", "");

const ROWS: [Row; 11] = [
    Row {
        timer: "payment_wait",
        steps: &[CREATED],
        end: APPROVED,
        levels: &[("WARN", 3 * MINUTES), ("BREACH", 10 * MINUTES)],
    },
    Row {
        timer: "accept_wait",
        steps: &[CREATED, APPROVED],
        end: ACCEPTED,
        levels: &[
            ("WARN", 2 * MINUTES),
            ("BREACH", 5 * MINUTES),
            ("CRITICAL", 10 * MINUTES),
        ],
    },
    Row {
        timer: "cook_late",
        steps: &[CREATED, APPROVED, ACCEPTED],
        end: READY,
        // Twenty minutes were asked for.
        levels: &[("WARN", 25 * MINUTES), ("BREACH", 35 * MINUTES)],
    },
    Row {
        timer: "no_rider",
        steps: &[CREATED, APPROVED, ACCEPTED, REQUESTED],
        end: ASSIGNED,
        levels: &[
            ("WARN", 5 * MINUTES),
            ("BREACH", 10 * MINUTES),
            ("CRITICAL", 20 * MINUTES),
        ],
    },
    Row {
        timer: "rider_late_store",
        steps: &[CREATED, APPROVED, ACCEPTED, REQUESTED, ASSIGNED],
        end: AT_STORE,
        levels: &[("WARN", 15 * MINUTES), ("BREACH", 25 * MINUTES)],
    },
    Row {
        timer: "handover_late",
        steps: &[
            CREATED, APPROVED, ACCEPTED, REQUESTED, ASSIGNED, AT_STORE, READY,
        ],
        end: PICKED_UP,
        levels: &[("WARN", 5 * MINUTES), ("BREACH", 10 * MINUTES)],
    },
    Row {
        timer: "ride_late",
        steps: &[
            CREATED, APPROVED, ACCEPTED, REQUESTED, ASSIGNED, AT_STORE, READY, PICKED_UP,
        ],
        end: ("RIDER delivery.delivered 5", ""),
        levels: &[("WARN", 20 * MINUTES), ("BREACH", 40 * MINUTES)],
    },
    Row {
        timer: "promise_broken",
        steps: &[CREATED, APPROVED, ACCEPTED],
        end: CANCELLED,
        // An hour was promised.
        levels: &[("WARN", HOURS), ("BREACH", 70 * MINUTES)],
    },
    Row {
        timer: "stuck",
        steps: &[CREATED, APPROVED],
        end: ("CUSTOMER order.cancelled 2", ""),
        levels: &[
            ("WARN", 90 * MINUTES),
            ("BREACH", 180 * MINUTES),
            ("CRITICAL", 24 * HOURS),
        ],
    },
    Row {
        timer: "ghost_delivery_risk",
        steps: &[CREATED, APPROVED, ACCEPTED, REQUESTED, CANCELLED],
        end: ("SYSTEM delivery.cancelled 2", ""),
        levels: &[("WARN", 10_000), ("BREACH", MINUTES)],
    },
    Row {
        timer: "refund_late",
        steps: &[CREATED, APPROVED, ACCEPTED, CANCELLED],
        end: ("PG payment.refunded 2", ""),
        levels: &[("WARN", HOURS), ("BREACH", 24 * HOURS)],
    },
];

fn step(world: &mut World, (step, _): (&str, &str)) {
    let action = step.split(' ').nth(1).unwrap();
    let info = match action {
        "order.created" => created("CARD"),
        "order.accepted" => acceptance(20, world.job.now() + HOURS),
        "payment.approved" | "payment.refunded" => json!({"amount": 10_000}),
        "order.cancelled" => json!({"reason": "OTHER"}),
        _ => none(),
    };
    let event = world.event(step, info);
    let outcome = world.send(&event);
    assert!(outcome.starts_with("APPLIED"), "{step}: {outcome}");
}

/// Brings an order to where the timer runs; answers since when.
fn begin(row: &Row, world: &mut World) -> i64 {
    let mut since = 0;
    for event in row.steps {
        since = world.job.now();
        step(world, *event);
    }
    since
}

fn of_timer(world: &World, timer: &str) -> Vec<String> {
    let mut told = told(world);
    told.retain(|text| text.starts_with(timer));
    told
}

#[test]
fn each_level_is_told_at_its_time_and_once() {
    for row in &ROWS {
        let mut world = world();
        let since = begin(row, &mut world);
        let mut expected = Vec::new();
        for (level, after) in row.levels {
            go_on_until(&mut world, since + after - 2_000);
            assert_eq!(of_timer(&world, row.timer), expected, "before {level}");
            go_on_until(&mut world, since + after + 1_000);
            expected.push(format!("{} {level}", row.timer));
            assert_eq!(of_timer(&world, row.timer), expected, "at {level}");
        }
        let records = world.job.values(SLA);
        let of_row = records.iter().filter(|value| value["timer"] == row.timer);
        for (record, (_, after)) in of_row.zip(row.levels) {
            let at = |name: &str| {
                let text = record[name].as_str().unwrap();
                text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
            };
            // What is promised is late from then on, not from the promise.
            let began = since
                + if row.timer == "promise_broken" {
                    HOURS
                } else {
                    0
                };
            assert_eq!(at("since"), began, "{record}");
            assert_eq!(at("deadline"), since + after, "{record}");
            assert!(
                (0..=1_000).contains(&(at("firedAt") - since - after)),
                "{record}"
            );
            assert_eq!(record["orderNo"], ORDER);
            assert_eq!(record["dims"]["sido"], "서울");
        }
        go_on_until(&mut world, since + 30 * HOURS);
        assert_eq!(of_timer(&world, row.timer), expected);
        let levels = row.levels.iter();
        let counters: Vec<String> = levels
            .clone()
            .map(|(level, _)| format!("sla/{}/{level} 1", row.timer))
            .collect();
        assert_eq!(
            counted(&world, &format!("sla/{}/", row.timer)).len(),
            counters.len()
        );

        // Overdue, until what is watched ends.
        let left = format!("sla-left/{}", row.timer);
        assert_eq!(world.job.counter(&left), 0);
        step(&mut world, row.end);
        assert_eq!(world.job.counter(&left), 1, "{}", row.timer);
        go_on_until(&mut world, since + LATER);
        assert_eq!(of_timer(&world, row.timer), expected);
    }
}

#[test]
fn nothing_is_told_of_what_ends_in_time() {
    for row in &ROWS {
        let mut world = world();
        let since = begin(row, &mut world);
        let (_, first) = row.levels[0];
        go_on_until(&mut world, since + first - 2_000);
        step(&mut world, row.end);
        go_on_until(&mut world, since + first + HOURS);
        assert_eq!(of_timer(&world, row.timer), Vec::<String>::new());
        let left = format!("sla-left/{}", row.timer);
        assert_eq!(world.job.counter(&left), 0);
    }
}

#[test]
fn what_began_anew_is_told_anew() {
    let mut world = world();
    let row = &ROWS[3];
    let since = begin(row, &mut world);
    go_on_until(&mut world, since + 6 * MINUTES);
    step(&mut world, ASSIGNED);
    step(&mut world, ("RIDER delivery.unassigned 3", ""));
    let again = world.job.now();
    go_on_until(&mut world, again + 6 * MINUTES);
    assert_eq!(of_timer(&world, "no_rider"), ["no_rider WARN"; 2]);
    assert_eq!(
        world.job.counter("sla-left/no_rider"),
        0,
        "neither was a breach"
    );
}

#[test]
fn other_limits_hold_by_fulfilment_sido_and_category() {
    let special = |of: Selector, minutes: i64| SpecialLimit {
        of,
        watch: Watch::PaymentWait,
        level: Level::Warn,
        ms: minutes * MINUTES,
    };
    let single = special(Selector::Fulfilment(Fulfilment::BaeminSingle), 7);
    let sido = special(Selector::Sido("서울".to_owned()), 6);
    let category = special(Selector::Category("치킨".to_owned()), 4);
    let elsewhere = special(Selector::Sido("부산".to_owned()), 1);
    for (limits, minutes) in [
        (vec![single.clone(), elsewhere.clone()], 7),
        (vec![sido.clone(), single.clone()], 6),
        (vec![category, sido, single, elsewhere], 4),
    ] {
        let mut options = job_options();
        for limit in limits {
            options.watching.limits.add_special(limit);
        }
        let mut world = World::with(&options);
        let since = begin(&ROWS[0], &mut world);
        go_on_until(&mut world, since + minutes * MINUTES - 2_000);
        assert_eq!(told(&world), Vec::<String>::new());
        go_on_until(&mut world, since + minutes * MINUTES + 1_000);
        assert_eq!(told(&world), ["payment_wait WARN"]);
    }
}

#[test]
fn bundled_rides_may_take_a_quarter_of_an_hour_longer() {
    let limits = Limits::default();
    let order = |fulfilment| jumun::domain::order::Order {
        fulfilment: Some(fulfilment),
        ..Default::default()
    };
    let ride = |fulfilment, level| limits.of(&order(fulfilment), Watch::RideLate, level);
    for (level, minutes) in [(Level::Warn, 20), (Level::Breach, 40)] {
        assert_eq!(
            ride(Fulfilment::BaeminSingle, level),
            Some(minutes * MINUTES)
        );
        let longer = Some((minutes + 15) * MINUTES);
        assert_eq!(ride(Fulfilment::BaeminBundle, level), longer);
    }
}
