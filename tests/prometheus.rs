//! A real Prometheus beside real processes on a real Kafka: while an instance is killed, a second one joins and leaves,
//! what the recording rules make of the business counters never falls, never repeats, and ends at the truth.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jumun::job::metrics::list;
use jumun_harness::{Broker, Isolation, Kafka, free_port, http_get, wait_for};
use serde_json::Value;
use topology::metrics::MetricSpec;

use crate::support::judged::compare_with_model;
use crate::support::processor::{Processor, Setup, TIMEOUT, tell};
use crate::support::prometheus::{Prometheus, is_here, lint};
use crate::support::{load, prometheus, series, topics};
const PARTITIONS: i32 = 4;
const EVENTS: usize = 15_000;
/// Events per second of one instance.
const RATE: f64 = 400.0;
/// Events between two things that happen.
const STRETCH: f64 = 2_000.0;
/// All recorded outcomes.
const OUTCOMES: &str = "sum(partition_outcome_reason:order_events_outcome:max)";
/// Recorded counters of committed state.
const COUNTERS: [&str; 19] = [
    "partition_outcome_reason:order_events_outcome:max",
    "partition_agg:order_late_events:max",
    "sido:order_created:max",
    "category:order_created:max",
    "sido:order_paid:max",
    "category:order_paid:max",
    "sido_status:order_terminal:max",
    "category_status:order_terminal:max",
    "status_reason:order_terminal:max",
    "from_to:order_transitions:max",
    "le:order_lead_accept_seconds_bucket:max",
    "le:order_lead_total_seconds_bucket:max",
    "partition_le:order_event_lateness_seconds_bucket:max",
    "sido_arrival:order_promises:max",
    "sido:order_delivery_assigned:max",
    "partition:order_riders_active:max",
    "sido:order_gmv_won:max",
    "all:order_refunds_won:max",
    "partition_timer_level:order_sla_reached:max",
];
/// A scrape must not be noticed.
const SCRAPE: Duration = Duration::from_millis(50);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Two ports that nothing listens on.
fn ports() -> [u16; 2] {
    let first = free_port().unwrap();
    let _held = TcpListener::bind(("127.0.0.1", first)).unwrap();
    [first, free_port().unwrap()]
}

fn setup(kafka: &Kafka, instance: &str, port: u16, state: &Path) -> Setup {
    Setup::new(kafka, "scraped", &state.join(instance))
        .strict()
        .flag("--instance-id", instance)
        .flag("--listen", &format!("127.0.0.1:{port}"))
        .flag("--max-rate", &RATE.to_string())
        .setting("application.session_timeout_ms", "6000")
}

/// Waits until so many more outcomes are recorded.
fn pass(prometheus: &Prometheus, events: f64) {
    let counted = || prometheus.value(OUTCOMES).unwrap_or(0.0);
    let target = counted() + events;
    wait_for("more outcomes", TIMEOUT, || {
        (counted() >= target).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {} of {target}", counted()));
}

/// What happens while events flow in; the processor that is left at the end.
fn disturb(prometheus: &Prometheus, first: &Setup, second: &Setup) -> Processor {
    let mut one = first.start_ready();
    pass(prometheus, STRETCH);
    one.process.kill9().unwrap();
    let mut one = first.start_ready();
    pass(prometheus, STRETCH);
    let other = second.start_ready();
    wait_for("both instances at work", TIMEOUT, || {
        let telling =
            r#"count(count by (instance) (order_events_outcome_total{outcome="APPLIED"}))"#;
        (prometheus.value(telling) == Some(2.0)).then_some(())
    })
    .unwrap();
    pass(prometheus, STRETCH);
    other.stop();
    pass(prometheus, STRETCH);
    one.wait_ready();
    one
}

/// Fails unless the series never fall and have no hole; answers how many there are.
fn check_history(prometheus: &Prometheus, expression: &str, from: i64) -> usize {
    let all = prometheus.range(expression, from, now());
    for (labels, points) in &all {
        let span = points.last().unwrap().0 - points[0].0 + 1;
        assert_eq!(span as usize, points.len(), "holes: {labels:?} {points:?}");
        for pair in points.windows(2) {
            let [(_, before), (time, after)] = pair else {
                unreachable!()
            };
            assert!(before <= after, "{labels:?} fell at {time}: {points:?}");
        }
    }
    all.len()
}

/// Fails if more was counted in a moment than two instances are allowed to process: a repetition, or a jump.
fn check_pace(prometheus: &Prometheus, from: i64) {
    const SPAN: usize = 5;
    // Of what was processed before, a scrape and an evaluation may be late.
    let most = 2.0 * RATE * (SPAN as f64 + 2.0);
    for (_, points) in prometheus.range(OUTCOMES, from, now()) {
        for span in points.windows(SPAN + 1) {
            let counted = span[SPAN].1 - span[0].1;
            assert!(counted <= most, "{counted} in {SPAN} s: {span:?}");
        }
    }
}

/// The truth about orders, from the committed transitions, which were compared with the model.
#[derive(Debug, Default, PartialEq)]
struct Orders {
    created: BTreeMap<String, f64>,
    accepted: f64,
    assigned: f64,
    transitions: f64,
    in_flight: f64,
}

fn orders(kafka: &Kafka) -> Orders {
    const OVER: [&str; 6] = [
        "PAYMENT_FAILED",
        "REJECTED",
        "EXPIRED",
        "CANCELLED",
        "POST_CANCELLED",
        "COMPLETED",
    ];
    let mut orders = Orders::default();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for record in kafka
        .consume_all(topics::TRANSITIONS, Isolation::ReadCommitted)
        .unwrap()
    {
        let value: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        let text = |field: &str| value[field].as_str().unwrap().to_owned();
        if text("outcome") == "ANNOTATED" {
            continue;
        }
        orders.transitions += 1.0;
        if text("action") == "order.created" {
            let sido = value["dims"]["sido"].as_str().unwrap().to_owned();
            *orders.created.entry(sido).or_default() += 1.0;
        }
        match text("action").as_str() {
            "order.accepted" => orders.accepted += 1.0,
            "delivery.assigned" => orders.assigned += 1.0,
            _ => {}
        }
        last.insert(text("orderNo"), text("to"));
    }
    let in_flight = last
        .values()
        .filter(|status| !OVER.contains(&status.as_str()));
    orders.in_flight = in_flight.count() as f64;
    orders
}

fn recorded_orders(prometheus: &Prometheus) -> Orders {
    let created = prometheus.query("sido:order_created:max");
    let created = created.into_iter();
    Orders {
        created: created
            .map(|(labels, value)| (labels["sido"].clone(), value))
            .collect(),
        accepted: prometheus
            .value(r#"le:order_lead_accept_seconds_bucket:max{le="+Inf"}"#)
            .unwrap_or(0.0),
        assigned: prometheus
            .value("sum(sido:order_delivery_assigned:max)")
            .unwrap_or(0.0),
        transitions: prometheus
            .value("sum(from_to:order_transitions:max)")
            .unwrap_or(0.0),
        in_flight: prometheus
            .value("sum(status:order_in_flight:sum)")
            .unwrap_or(0.0),
    }
}

fn recorded_outcomes(prometheus: &Prometheus) -> BTreeMap<String, u64> {
    let outcomes = prometheus
        .query("sum by (outcome, reason) (partition_outcome_reason:order_events_outcome:max) > 0");
    let name = |labels: &prometheus::Labels| match labels.get("reason").map_or("", String::as_str) {
        "" => labels["outcome"].clone(),
        reason => format!("{}/{reason}", labels["outcome"]),
    };
    let outcomes = outcomes.iter();
    outcomes
        .map(|(labels, value)| (name(labels), *value as u64))
        .collect()
}

#[test]
fn recorded_counters_survive_kills_and_moves() {
    if !is_here("prometheus") {
        return;
    }
    let broker = Broker::start().unwrap();
    load::preload(&broker, EVENTS, PARTITIONS);
    let records = topics::input_records(&broker);
    let ends = topics::ends(&records);
    let state = tempfile::tempdir().unwrap();
    let ports = ports();
    let [first, second] = [("one", 0), ("two", 1)]
        .map(|(name, port)| setup(&broker, name, ports[port], state.path()));
    let second = second.setting("application.leave_on_stop", "true");
    let addresses = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let prometheus = Prometheus::start(&addresses);
    let from = now();
    let mut processor = disturb(&prometheus, &first, &second);
    let counted = prometheus.value(OUTCOMES).unwrap();
    assert!(counted < EVENTS as f64, "nothing was left to do at the end");

    topics::wait_consumed(&broker, &first.application_id, &ends, TIMEOUT);
    let compared = compare_with_model(&broker, &records);
    assert!(compared.report.is_clean(), "{}", compared.report);
    let truth = orders(&broker);
    wait_for("the truth about orders", TIMEOUT, || {
        (recorded_orders(&prometheus) == truth).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}, not {truth:?}", recorded_orders(&prometheus)));
    assert_eq!(recorded_outcomes(&prometheus), compared.outcomes);
    assert!(
        !truth.created.is_empty() && truth.in_flight > 0.0,
        "{truth:?}"
    );

    for counters in COUNTERS {
        let series = check_history(&prometheus, counters, from);
        assert!(series > 0, "{counters} has no series");
    }
    check_pace(&prometheus, from);
    check_that_it_was_hard(&prometheus, from);
    check_exposition(&mut processor);
    processor.stop();
}

/// Without a gap in what the instances told, the rules would have had nothing to do.
fn check_that_it_was_hard(prometheus: &Prometheus, from: i64) {
    let told = prometheus.range(
        r#"count(count by (partition) (order_events_outcome_total{outcome="APPLIED"})) or vector(0)"#,
        from,
        now(),
    );
    let (_, points) = &told[0];
    let begun = points
        .iter()
        .skip_while(|(_, partitions)| *partitions < 4.0);
    let dark = begun.filter(|(_, partitions)| *partitions < 4.0).count();
    tell(format!(
        "{dark} s with a partition that no instance told of"
    ));
    assert!(dark > 0);
}

/// What the linter, the series budget and the clock say of an instance that has seen it all.
fn check_exposition(processor: &mut Processor) {
    let address = processor.address();
    let took = (0..5).map(|_| {
        let began = Instant::now();
        http_get(address, "/metrics").unwrap();
        began.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took < SCRAPE, "{took:?}");
    let (_, exposition) = http_get(address, "/metrics").unwrap();
    let samples = || exposition.lines().filter(|line| !line.starts_with('#'));
    let all = samples().count();
    tell(format!("{all} series, scraped in {took:.1?}"));
    assert!(all <= series::BUDGET, "{all} series");
    for (spec, most) in series::all() {
        let is_of = |line: &&str| {
            let rest = line.strip_prefix(spec.name).unwrap_or_default();
            let rest = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| rest.strip_prefix(part))
                .unwrap_or(rest);
            rest.starts_with(['{', ' '])
        };
        let found = samples().filter(is_of).count();
        assert!(found <= most, "{}: {found} series, not {most}", spec.name);
        assert!(found > 0, "{} is not there", spec.name);
    }
    if is_here("promtool") {
        assert_eq!(lint(&exposition), "");
    }
    // Nothing is there that is not listed, and kinds are those of the list.
    let listed = topology::metrics::list::ALL
        .iter()
        .copied()
        .chain(list::all());
    let listed: BTreeMap<&str, &MetricSpec> = listed.map(|spec| (spec.name, spec)).collect();
    let mut exposed = BTreeMap::new();
    for line in exposition.lines() {
        if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|it| it.split_once(' '))
        {
            exposed.insert(name, kind);
        }
    }
    let expected = listed.iter().map(|(name, spec)| (*name, spec.kind.name()));
    assert_eq!(exposed, expected.collect());
}
