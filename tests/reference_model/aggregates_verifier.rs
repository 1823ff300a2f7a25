//! The verifier of the aggregates verified: it passes what an honest publisher tells, and notices every kind of lie.

use serde_json::{Value, json};

use crate::support::model::aggregates::WINDOW;
use crate::support::model::aggregates::batch::Batch;
use crate::support::model::aggregates::compare::{Report, Tally, compare};
use crate::support::model::aggregates::movement::Movement;
use crate::support::model::aggregates::told::Told;
use crate::support::model::outputs::time;

/// 2026-11-20T12:00:00+09:00, 03:00 in UTC.
const START: i64 = 1_795_143_600_000;
const COUNT: &str = "orders_created|서울|치킨";
const GAUGE: &str = "in_flight|서울|PAYMENT_WAIT";

/// One record of the two topics.
#[derive(Debug, Clone)]
struct Record {
    is_late: bool,
    partition: i32,
    key: String,
    value: Value,
}

/// A publisher that knows which minutes were closed when a movement came.
#[derive(Default)]
struct Run {
    batch: Batch,
    records: Vec<Record>,
}

impl Run {
    /// Orders created and not yet paid: so many in minute 0, 1 and 3 on time, and one of minute 1 that came when
    /// minutes 0 to 3 were closed.
    fn honest() -> Self {
        let mut run = Run::default();
        for (minute, orders) in [(0, 2), (1, 3), (3, 1)] {
            (0..orders).for_each(|_| run.create(minute));
        }
        run.tell_all(COUNT, &[(0, 2), (1, 3), (3, 1)]);
        run.tell_all(GAUGE, &[(0, 2), (1, 5), (3, 6)]);
        run.create(1);
        run.late(COUNT, 1, 1, 4);
        run.late(GAUGE, 1, 1, 4);
        // The next window of the gauge contains what came late.
        run.create(5);
        run.tell_all(COUNT, &[(5, 1)]);
        run.tell_all(GAUGE, &[(5, 8)]);
        run
    }

    fn create(&mut self, minute: i64) {
        let transition = json!({
            "orderNo": "B1", "action": "order.created", "outcome": "APPLIED", "from": "NONE", "to": "PAYMENT_WAIT",
            "occurredAt": time(START + minute * WINDOW + 7), "actor": {"type": "CUSTOMER"}, "regions": {"main": "CREATED"},
            "dims": {"sido": "서울", "category": "치킨", "sigungu": "서울-1", "fulfilment": "STORE"},
        });
        self.batch
            .add(&Movement::new(&transition, i64::MAX / 2, "NONE"));
    }

    /// An early revision and the final of windows of a group, with these values.
    fn tell_all(&mut self, group: &str, windows: &[(i64, i64)]) {
        for (minute, value) in windows {
            self.tell(group, *minute, value - 1, 1, false);
            self.tell(group, *minute, *value, 2, true);
        }
    }

    fn tell(&mut self, group: &str, minute: i64, value: i64, rev: u64, is_final: bool) {
        let mut record = place(group, minute);
        record["value"] = json!(value);
        record["n"] = json!(value);
        record["rev"] = json!(rev);
        record["final"] = json!(is_final);
        self.records.push(Record {
            is_late: false,
            partition: 0,
            key: format!("{group}|2026-11-20T03:{minute:02}Z"),
            value: record,
        });
    }

    fn late(&mut self, group: &str, minute: i64, delta: i64, closed: i64) {
        let mut record = place(group, minute);
        record["delta"] = json!(delta);
        record["occurredAt"] = time(START);
        record["eventId"] = json!("e1");
        record["closedBefore"] = time(START + closed * WINDOW);
        self.records.push(Record {
            is_late: true,
            partition: 0,
            key: format!(
                "{group}|2026-11-20T03:{minute:02}Z|1|{}",
                self.records.len()
            ),
            value: record,
        });
    }

    fn told(&self) -> Told {
        let mut told = Told::default();
        for record in &self.records {
            let (key, value) = (record.key.as_bytes(), record.value.to_string());
            match record.is_late {
                true => told.add_late(key, value.as_bytes()),
                false => told.add_update(record.partition, key, value.as_bytes()),
            }
        }
        told
    }

    /// The place of the record of that group and minute, by its turn.
    fn find(&self, group: &str, minute: i64, turn: usize) -> usize {
        let prefix = format!("{group}|2026-11-20T03:{minute:02}Z");
        let mut found =
            (0..self.records.len()).filter(|place| self.records[*place].key.starts_with(&prefix));
        found.nth(turn).unwrap()
    }

    fn record(&mut self, group: &str, minute: i64, turn: usize) -> &mut Record {
        let place = self.find(group, minute, turn);
        &mut self.records[place]
    }

    /// Of the two groupings that are told of; the batch has others.
    fn report(&self) -> Report {
        let mut report = compare(&self.batch, &[], &self.told());
        report
            .tallies
            .retain(|name, _| ["orders_created", "in_flight"].contains(name));
        report
    }
}

fn place(group: &str, minute: i64) -> Value {
    let parts: Vec<&str> = group.split('|').collect();
    let second = match parts[0] {
        "orders_created" => "category",
        _ => "status",
    };
    json!({
        "agg": parts[0], "dims": {"sido": parts[1], second: parts[2]},
        "windowStart": time(START + minute * WINDOW), "windowEnd": time(START + (minute + 1) * WINDOW),
    })
}

/// Changes the honest run: what is then missing, extra, wrong, never closed, and not as it should be.
#[track_caller]
fn check(change: impl FnOnce(&mut Run), expected: [u64; 5]) {
    let mut run = Run::honest();
    change(&mut run);
    let report = run.report();
    let sum = |of: fn(&Tally) -> u64| report.tallies.values().map(of).sum::<u64>();
    let found = [
        sum(|tally| tally.missing),
        sum(|tally| tally.extra),
        sum(|tally| tally.wrong),
        sum(|tally| tally.open),
        report.violations,
    ];
    assert_eq!(found, expected, "{report}");
    assert_eq!(report.is_clean(), expected == [0; 5], "{report}");
}

#[test]
fn the_truth_passes() {
    check(|_| {}, [0; 5]);
    let report = Run::honest().report();
    assert_eq!((report.updates, report.late_records), (16, 2));
    assert_eq!(report.revised_windows, 8);
    assert_eq!(report.tallies["orders_created"].expected, 4);
}

#[test]
fn groupings_of_which_nothing_was_told_are_missing() {
    let run = Run::honest();
    let report = compare(&run.batch, &[], &run.told());
    for name in ["orders_created_by_sigungu", "transitions"] {
        assert_eq!(report.tallies[name].missing, 4, "{report}");
    }
    assert!(!report.is_clean());
}

#[test]
fn a_dropped_window_is_missing_even_at_the_end() {
    for minute in [0, 5] {
        let drop_both = |group: &'static str| {
            move |run: &mut Run| {
                (0..2).for_each(|_| {
                    run.records.remove(run.find(group, minute, 0));
                });
            }
        };
        check(drop_both(COUNT), [1, 0, 0, 0, 0]);
        check(drop_both(GAUGE), [1, 0, 0, 0, 0]);
    }
}

#[test]
fn a_dropped_final_leaves_its_window_open() {
    let drop_final = |group: &'static str| {
        move |run: &mut Run| {
            run.records.remove(run.find(group, 3, 1));
        }
    };
    check(drop_final(COUNT), [0, 0, 1, 1, 0]);
    check(drop_final(GAUGE), [0, 0, 1, 1, 0]);
}

#[test]
fn a_doubled_record_is_noticed() {
    // An early revision, a final, a late delta of a count and of a gauge.
    for (turn, expected) in [
        (0, [0, 0, 0, 0, 1]),
        (1, [0, 0, 0, 0, 1]),
        (2, [0, 0, 1, 0, 1]),
    ] {
        for group in [COUNT, GAUGE] {
            let double = |run: &mut Run| {
                let place = run.find(group, 1, turn);
                let record = run.records[place].clone();
                run.records.insert(place, record);
            };
            let mut expected = expected;
            if (group, turn) == (GAUGE, 2) {
                // Minute 3 too hangs on the late delta of minute 1.
                expected[2] = 2;
            }
            check(double, expected);
        }
    }
}

#[test]
fn a_wrong_value_is_noticed() {
    check(
        |run| {
            let record = run.record(COUNT, 1, 1);
            record.value["value"] = json!(2);
            record.value["n"] = json!(2);
        },
        [0, 0, 1, 0, 0],
    );
    check(
        |run| run.record(GAUGE, 1, 1).value["value"] = json!(4),
        [0, 0, 1, 0, 0],
    );
    check(
        |run| run.record(COUNT, 1, 1).value["n"] = json!(2),
        // What cannot be read counts as not told: the early revision stays.
        [0, 0, 1, 1, 1],
    );
}

#[test]
fn a_late_delta_lost_is_noticed() {
    let lose = |group: &'static str| {
        move |run: &mut Run| {
            run.records.remove(run.find(group, 1, 2));
        }
    };
    check(lose(COUNT), [0, 0, 1, 0, 0]);
    check(lose(GAUGE), [0, 0, 2, 0, 0]);
}

#[test]
fn a_late_delta_that_a_later_window_forgot_is_noticed() {
    check(
        |run| run.record(GAUGE, 5, 1).value["value"] = json!(7),
        [0, 0, 1, 0, 0],
    );
}

#[test]
fn a_late_delta_that_closed_windows_contain_already_is_noticed() {
    check(
        |run| run.record(GAUGE, 1, 2).value["closedBefore"] = time(START + 2 * WINDOW),
        [0, 0, 1, 0, 0],
    );
    check(
        |run| run.record(GAUGE, 1, 2).value["closedBefore"] = time(START + WINDOW),
        [0, 0, 2, 0, 1],
    );
}

#[test]
fn nothing_may_come_after_the_final() {
    check(|run| run.tell(COUNT, 0, 2, 3, true), [0, 0, 0, 0, 1]);
    check(|run| run.tell(COUNT, 0, 2, 3, false), [0, 0, 0, 1, 1]);
}

#[test]
fn revisions_only_grow() {
    let swap = |run: &mut Run| {
        let place = run.find(GAUGE, 0, 0);
        run.records.swap(place, place + 1);
    };
    check(swap, [0, 0, 1, 1, 1]);
    check(
        |run| run.record(COUNT, 0, 1).value["rev"] = json!(1),
        [0, 0, 0, 0, 1],
    );
}

#[test]
fn what_nobody_did_is_extra() {
    check(|run| run.tell_all(COUNT, &[(2, 1)]), [0, 1, 0, 0, 0]);
    check(|run| run.tell_all(GAUGE, &[(2, 5)]), [0, 1, 0, 0, 0]);
    check(|run| run.late(COUNT, 4, 1, 6), [0, 1, 0, 0, 0]);
    check(|run| run.late(GAUGE, 4, 1, 6), [0, 1, 1, 0, 0]);
    check(
        |run| run.tell_all("orders_created|서울|피자", &[(2, 1)]),
        [0, 1, 0, 0, 0],
    );
}

#[test]
fn a_key_agrees_with_its_value_to_the_letter() {
    for key in [
        "orders_created|서울|치킨|2026-11-20T03:00",
        "orders_created|서울|치킨|2026-11-20T03:01Z",
        "orders_created|서울|치킨|2026-11-20T12:00Z",
        "orders_created|치킨|서울|2026-11-20T03:00Z",
        "orders_paid|서울|치킨|2026-11-20T03:00Z",
    ] {
        check(
            |run| run.record(COUNT, 0, 1).key = key.to_owned(),
            [0, 0, 1, 1, 1],
        );
    }
    for key in ["", "|1", "|1|", "|1|x", "|1|2|3"] {
        check(
            |run| run.record(COUNT, 1, 2).key = format!("{COUNT}|2026-11-20T03:01Z{key}"),
            [0, 0, 1, 0, 1],
        );
    }
}

#[test]
fn fields_are_written_as_the_design_says() {
    for (field, value) in [
        ("windowStart", json!("2026-11-20T03:00:00.000Z")),
        ("windowStart", json!("2026-11-20T12:00:00+09:00")),
        ("windowStart", time(START + 1)),
        ("windowEnd", time(START + 2 * WINDOW)),
        ("agg", json!("orders")),
        ("dims", json!({"sido": "서울"})),
        ("dims", json!({"sido": "서울", "category": null})),
        (
            "dims",
            json!({"sido": "서울", "category": "치킨", "dong": "d"}),
        ),
        ("rev", json!(-1)),
        ("final", Value::Null),
        ("value", json!(1.5)),
    ] {
        check(
            |run| run.record(COUNT, 0, 1).value[field] = value.clone(),
            [0, 0, 1, 1, 1],
        );
    }
}

#[test]
fn a_late_delta_may_not_know_its_event_but_names_none_that_is_empty() {
    let set =
        |event_id: Value| move |run: &mut Run| run.record(COUNT, 1, 2).value["eventId"] = event_id;
    check(set(Value::Null), [0; 5]);
    check(set(json!("")), [0, 0, 1, 0, 1]);
    check(set(json!(7)), [0, 0, 1, 0, 1]);
}

#[test]
fn reason_and_liability_may_be_absent_and_nothing_else() {
    let mut told = Told::default();
    let mut tell = |key: &str, dims: Value| {
        let value = json!({
            "agg": "terminal", "dims": dims, "windowStart": time(START), "windowEnd": time(START + WINDOW),
            "value": 1, "n": 1, "rev": 1, "final": true,
        });
        let key = format!("terminal|{key}|2026-11-20T03:00Z");
        told.add_update(0, key.as_bytes(), value.to_string().as_bytes());
        told.violations()
    };
    let full = json!({"sido": "a", "category": "b", "status": "CANCELLED", "reason": "OTHER", "liability": "CS"});
    assert_eq!(tell("a|b|CANCELLED|OTHER|CS", full), 0);
    let bare = json!({"sido": "a", "category": "b", "status": "COMPLETED"});
    assert_eq!(tell("a|b|COMPLETED||", bare.clone()), 0);
    assert_eq!(tell("a|b|COMPLETED", bare), 1);
    let reason = json!({"sido": "a", "category": "b", "status": "REJECTED", "reason": "OTHER"});
    assert_eq!(tell("a|b|REJECTED|OTHER|", reason), 1);
    let without = json!({"sido": "a", "status": "COMPLETED"});
    assert_eq!(tell("a||COMPLETED||", without), 2);
}

#[test]
fn a_window_lives_in_one_partition() {
    check(|run| run.record(COUNT, 0, 1).partition = 1, [0, 0, 0, 0, 1]);
}
