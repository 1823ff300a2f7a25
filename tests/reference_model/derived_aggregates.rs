//! What is overdue, and pairs of orders: what the batch makes of transitions and of what timers told, and that the comparison
//! notices whatever else is told.

use serde_json::{Value, json};

use crate::support::model::aggregates::WINDOW;
use crate::support::model::aggregates::batch::{Batch, TransitionBatch};
use crate::support::model::aggregates::compare::{compare, unnoticed};
use crate::support::model::aggregates::grouping::DUP_ORDER_SUSPECT;
use crate::support::model::aggregates::overdue::Breach;
use crate::support::model::aggregates::told::Told;
use crate::support::model::outputs::time;

/// 2026-11-20T12:00:00+09:00, 03:00 in UTC.
const START: i64 = 1_795_143_600_000;
const SECOND: i64 = 1_000;

/// An order's event so many seconds after the start; `main` and `status` are as after it.
fn step(order: &str, action: &str, seconds: i64, (main, from, to): (&str, &str, &str)) -> Value {
    let at = time(START + seconds * SECOND);
    json!({
        "orderNo": order, "generation": 1, "eventId": format!("{order}-{action}"), "action": action,
        "outcome": "APPLIED", "target": {"type": "order", "id": order}, "from": from, "to": to, "amount": 10_000,
        "actor": {"type": "CUSTOMER", "id": "cu_1"}, "occurredAt": at, "recordedAt": at,
        "regions": {"main": main, "kitchen": "IDLE", "delivery": "NONE", "payment": "READY", "claim": "NONE"},
        "dims": {"storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "서울-1", "fulfilment": "STORE"},
    })
}

fn created(order: &str, seconds: i64) -> (Value, Value) {
    let step = step(
        order,
        "order.created",
        seconds,
        ("CREATED", "NONE", "PAYMENT_WAIT"),
    );
    (step, json!({"amount": 10_000}))
}

fn failed(order: &str, seconds: i64) -> (Value, Value) {
    let regions = ("PAYMENT_FAILED", "PAYMENT_WAIT", "PAYMENT_FAILED");
    (step(order, "payment.failed", seconds, regions), json!({}))
}

fn batch(events: &[(Value, Value)]) -> Batch {
    let mut batch = TransitionBatch::default();
    for (transition, info) in events {
        batch.add(transition, info);
    }
    batch.finish()
}

fn breach(order: &str, level: &str, since: i64, deadline: i64) -> Breach {
    Breach::read(&json!({
        "orderNo": order, "timer": "payment_wait", "level": level, "since": time(START + since * SECOND),
        "deadline": time(START + deadline * SECOND), "dims": {"sido": "서울", "fulfilment": "STORE"},
    }))
}

/// Pairs by minute.
fn pairs(events: &[(Value, Value)]) -> Vec<(i64, i64)> {
    let derived = batch(events).derived(&[]);
    let windows = derived.windows(DUP_ORDER_SUSPECT.name).unwrap().iter();
    windows
        .map(|(at, pairs)| ((at - START) / WINDOW, *pairs))
        .collect()
}

#[test]
fn pairs_are_of_orders_that_live_at_most_five_minutes_apart() {
    let two = |later| pairs(&[created("B1", 10), created("B2", later)]);
    assert_eq!(two(20), [(0, 1)]);
    assert_eq!(two(310), [(0, 0), (5, 1)]);
    assert_eq!(two(311), [(0, 0), (5, 0)]);
    let ended = |at| pairs(&[created("B1", 10), failed("B1", at), created("B2", 100)]);
    assert_eq!(ended(100), [(0, 0), (1, 0)]);
    assert_eq!(ended(101), [(0, 0), (1, 1)]);
    let mut other = created("B2", 20);
    other.0["dims"]["storeId"] = json!("st_2");
    assert_eq!(pairs(&[created("B1", 10), other]), [(0, 0)]);
    let mut named = created("B2", 20);
    named.1["customerId"] = json!("cu_2");
    assert_eq!(pairs(&[created("B1", 10), named]), [(0, 0)]);
    let mut unknown = created("B1", 10);
    unknown.1 = json!({});
    assert_eq!(pairs(&[unknown]), []);
}

#[test]
fn what_is_overdue_begins_at_its_deadline_and_ends_no_sooner() {
    let over = |at| {
        let events = [created("B1", 10), failed("B1", at)];
        let breaches = [
            breach("B1", "WARN", 10, 190),
            breach("B1", "BREACH", 10, 610),
        ];
        let derived = batch(&events).derived(&breaches);
        let windows = derived.windows("stuck|서울|payment_wait").unwrap().iter();
        let stuck: Vec<_> = windows
            .map(|(at, sum)| ((at - START) / WINDOW, *sum))
            .collect();
        let warned = derived
            .windows("sla_breach|서울|payment_wait|WARN")
            .unwrap();
        assert_eq!(
            warned.keys().copied().collect::<Vec<_>>(),
            [START + 3 * WINDOW]
        );
        stuck
    };
    assert_eq!(over(800), [(10, 1), (13, -1)]);
    // The timer looked when the end had happened already.
    assert_eq!(over(300), [(10, 0)]);
}

/// One record of the two topics.
type Record = (bool, String, Value);

/// An order that waits for its payment for too long, and one like it; the second is told late.
struct Run {
    batch: Batch,
    breaches: Vec<Breach>,
    records: Vec<Record>,
}

const STUCK: &str = "stuck|서울|payment_wait";

impl Run {
    fn honest() -> Run {
        let events = [
            created("B1", 70),
            created("B2", 80),
            failed("B1", 800),
            failed("B2", 870),
        ];
        let mut run = Run {
            batch: batch(&events),
            breaches: vec![
                breach("B1", "BREACH", 70, 670),
                breach("B2", "BREACH", 80, 680),
            ],
            records: Vec::new(),
        };
        run.tell("dup_order_suspect", 1, json!(1), 1);
        for group in ["sla_breach|서울", "sla_breach_by_fulfilment|STORE"] {
            let group = format!("{group}|payment_wait|BREACH");
            run.tell(&group, 11, json!(1), 1);
            run.late(&group, 11, json!(1), None);
        }
        let stuck = |orders: i64, minute: Option<i64>| {
            let oldest = minute.map_or(Value::Null, |minute| time(START + minute * WINDOW));
            json!({"orders": orders, "oldestSince": oldest})
        };
        run.tell(STUCK, 11, stuck(1, Some(1)), 1);
        run.tell(STUCK, 13, stuck(0, None), 1);
        let since = json!([{"minute": time(START + WINDOW), "orders": 1}]);
        run.late(STUCK, 11, json!({"orders": 1, "since": since}), Some(14));
        run.tell(STUCK, 14, stuck(0, None), 1);
        run
    }

    fn place(group: &str, minute: i64) -> Value {
        let mut values = group.split('|');
        let agg = values.next().unwrap();
        let dims: &[&str] = match agg {
            "stuck" => &["sido", "timer"],
            "sla_breach" => &["sido", "timer", "level"],
            "sla_breach_by_fulfilment" => &["fulfilment", "timer", "level"],
            _ => &[],
        };
        let dims: serde_json::Map<String, Value> = dims
            .iter()
            .map(|dim| (*dim).to_owned())
            .zip(values.map(Value::from))
            .collect();
        json!({
            "agg": agg, "dims": dims,
            "windowStart": time(START + minute * WINDOW), "windowEnd": time(START + (minute + 1) * WINDOW),
        })
    }

    fn tell(&mut self, group: &str, minute: i64, value: Value, n: i64) {
        let mut record = Run::place(group, minute);
        (record["value"], record["n"]) = (value, json!(n));
        (record["rev"], record["final"]) = (json!(1), json!(true));
        let key = format!("{group}|2026-11-20T03:{minute:02}Z");
        self.records.push((false, key, record));
    }

    fn late(&mut self, group: &str, minute: i64, delta: Value, closed_before: Option<i64>) {
        let mut record = Run::place(group, minute);
        (record["delta"], record["occurredAt"]) = (delta, time(START));
        if let Some(minute) = closed_before {
            record["closedBefore"] = time(START + minute * WINDOW);
        }
        let key = format!(
            "{group}|2026-11-20T03:{minute:02}Z|0|{}",
            self.records.len()
        );
        self.records.push((true, key, record));
    }

    fn told(&self) -> Told {
        let mut told = Told::default();
        for (is_late, key, value) in &self.records {
            let (key, value) = (key.as_bytes(), value.to_string());
            match is_late {
                true => told.add_late(key, value.as_bytes()),
                false => told.add_update(0, key, value.as_bytes()),
            }
        }
        told
    }

    /// The first record of a group and minute; of late ones if wanted.
    fn record(&mut self, group: &str, minute: i64, late: bool) -> &mut Value {
        let prefix = format!("{group}|2026-11-20T03:{minute:02}Z");
        let mut records = self.records.iter_mut();
        let found = records.find(|(is_late, key, _)| *is_late == late && key.starts_with(&prefix));
        &mut found.unwrap().2
    }

    /// Names of aggregates that are not as they should be.
    fn wrong(&self) -> Vec<&'static str> {
        let report = compare(&self.batch, &self.breaches, &self.told());
        assert_eq!(report.violations, 0, "{report}");
        let derived = [
            "dup_order_suspect",
            "sla_breach",
            "sla_breach_by_fulfilment",
            "stuck",
        ];
        let tallies = report.tallies.iter();
        let wrong = tallies.filter(|(name, tally)| derived.contains(name) && !tally.is_clean());
        wrong.map(|(name, _)| *name).collect()
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Run), expected: &[&str]) {
    let mut run = Run::honest();
    change(&mut run);
    assert_eq!(run.wrong(), expected);
}

#[test]
fn the_truth_passes_and_nothing_else() {
    check(|_| {}, &[]);
    let pairs = "dup_order_suspect";
    check(
        |run| {
            let record = run.record(pairs, 1, false);
            (record["value"], record["n"]) = (json!(2), json!(2));
        },
        &[pairs],
    );
    check(
        |run| run.records.retain(|(_, key, _)| !key.starts_with(pairs)),
        &[pairs],
    );
    check(|run| run.late(pairs, 1, json!(-1), None), &[pairs]);
    check(|run| run.tell(pairs, 2, json!(0), 0), &[pairs]);
    check(
        |run| run.record(STUCK, 11, false)["value"]["orders"] = json!(2),
        &["stuck"],
    );
    for oldest in [Value::Null, time(START), time(START + 2 * WINDOW)] {
        check(
            |run| run.record(STUCK, 11, false)["value"]["oldestSince"] = oldest,
            &["stuck"],
        );
    }
    check(
        |run| run.record(STUCK, 14, false)["value"]["oldestSince"] = time(START + WINDOW),
        &["stuck"],
    );
    check(
        |run| run.record(STUCK, 11, true)["delta"]["since"][0]["minute"] = time(START),
        &["stuck"],
    );
    check(
        |run| run.records.retain(|(late, ..)| !late),
        &["sla_breach", "sla_breach_by_fulfilment", "stuck"],
    );
    check(
        |run| run.breaches.truncate(1),
        &["sla_breach", "sla_breach_by_fulfilment", "stuck"],
    );
}

#[test]
fn the_control_of_the_comparison_finds_what_was_never_told() {
    let run = Run::honest();
    let mut told = run.told();
    let unnoticed = unnoticed(&run.batch, &run.breaches, &mut told);
    // Of all others nothing is told here.
    let derived = [
        "dup_order_suspect",
        "sla_breach",
        "sla_breach_by_fulfilment",
        "stuck",
    ];
    assert!(unnoticed.contains(&"orders_created"));
    assert!(
        derived.iter().all(|name| !unnoticed.contains(name)),
        "{unnoticed:?}"
    );
    assert!(compare(&run.batch, &run.breaches, &told).tallies["stuck"].is_clean());
}
