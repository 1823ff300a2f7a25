//! Parking, redrive and retention of the job, on a log in memory.

use std::time::Duration;

use serde_json::Value;
use topology::codec::{Bytes, Nullable, Utf8};
use topology::io::{HeaderBuffer, Headers};
use topology::testing::{TestDriver, TestDriverConfig, TestOutputTopic};
use topology::time::Clock;

use super::counters::{self, Count};
use super::{JobOptions, topics};
use crate::config::Topics;
use crate::dialect::{Dialect, Dialects, KeyForm};
use crate::domain::invariants::Invariant;
use crate::domain::judge::JudgingPolicy;
use crate::domain::ordering::OrderingPolicy;
use crate::domain::outcome::{Outcome, RejectionReason};
use crate::domain::tests::fixture::{Ev, NOON, accepted, ev};

const DAY: u64 = 86_400;

/// The job without aggregates, on one partition; the clock stands at the noon of the events.
pub(super) struct Desk {
    pub(super) driver: TestDriver,
    transitions: TestOutputTopic<String, String>,
    rejected: TestOutputTopic<String, String>,
    states: TestOutputTopic<String, Option<Vec<u8>>>,
    reconcile: TestOutputTopic<String, String>,
    redrive: TestOutputTopic<String, String>,
}

pub(super) fn desk(judging: JudgingPolicy) -> Desk {
    desk_with(JobOptions {
        judging,
        ..JobOptions::default()
    })
}

fn desk_with(mut options: JobOptions) -> Desk {
    options.aggregates.enabled = false;
    let mut config = TestDriverConfig::new("jumun").partitions(1);
    config.initial_wall_clock_ms = NOON;
    // Dead letters are let in whatever their size.
    config.streams.topics = topics::outputs(&Topics {
        partitions: 1,
        output_partitions: 1,
        replication_factor: 1,
    });
    let topics = &mut config.streams.topics;
    topics.retain(|topic| topic.name == topics::DEAD_LETTERS);
    let driver = TestDriver::new(super::topology(&options).build().unwrap(), config).unwrap();
    Desk {
        transitions: driver.create_output_topic(topics::TRANSITIONS, Utf8, Utf8),
        rejected: driver.create_output_topic(topics::REJECTED, Utf8, Utf8),
        states: driver.create_output_topic(topics::STATE, Utf8, Nullable(Bytes)),
        reconcile: driver.create_output_topic(topics::RECONCILE, Utf8, Utf8),
        redrive: driver.create_output_topic(topics::REDRIVE, Utf8, Utf8),
        driver,
    }
}

impl Desk {
    pub(super) fn send(&mut self, order_no: &str, event: &Ev) {
        self.send_with(order_no, event, Headers::default());
    }

    pub(super) fn send_with(&mut self, order_no: &str, event: &Ev, headers: Headers<'_>) {
        let payload = event.json().replace("B1", order_no);
        let topic = match event.action.split('.').next() {
            Some("payment") => topics::PAYMENT_EVENTS,
            Some("delivery") => topics::DELIVERY_EVENTS,
            _ => topics::ORDER_EVENTS,
        };
        let at = NOON + (event.recorded.unwrap_or(event.at) * 1_000.0) as i64;
        // Records do not come from the future.
        let ahead = at - wall_clock(&self.driver);
        if ahead > 0 {
            let ahead = Duration::from_millis(ahead as u64);
            self.driver.advance_wall_clock_time(ahead).unwrap();
        }
        let (key, value) = (Some(order_no.as_bytes()), Some(payload.as_bytes()));
        let log = self.driver.log();
        log.append(topic, None, key, value, at, headers).unwrap();
        self.driver.run_until_idle().unwrap();
        self.driver.commit().unwrap();
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        let step = Duration::from_secs(1);
        for _ in 0..seconds {
            self.driver.advance_wall_clock_time(step).unwrap();
        }
        self.driver.commit().unwrap();
    }

    fn texts(
        topic: &mut TestOutputTopic<String, String>,
        driver: &mut TestDriver,
        fields: &[&str],
    ) -> Vec<String> {
        let records = topic.read_records_to_list(driver).unwrap();
        let text = |value: &str| {
            let json: Value = serde_json::from_str(value).unwrap();
            let fields = fields.iter().map(|field| match &json[field] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            fields.collect::<Vec<_>>().join(" ")
        };
        records.iter().map(|record| text(&record.value)).collect()
    }

    fn applied(&mut self) -> Vec<String> {
        Self::texts(
            &mut self.transitions,
            &mut self.driver,
            &["action", "outcome"],
        )
    }

    fn rejections(&mut self) -> Vec<String> {
        let fields = ["reason", "parkedMs"];
        let told = Self::texts(&mut self.rejected, &mut self.driver, &fields);
        // The driver lets some time pass on its own: seconds are fine enough.
        let seconds = |text: String| match text.split_once(' ') {
            Some((reason, ms)) => match ms.parse::<u64>() {
                Ok(ms) => format!("{reason} {}", ms / 1_000),
                Err(_) => reason.to_owned(),
            },
            None => text,
        };
        told.into_iter().map(seconds).collect()
    }

    fn count(&self, count: Count) -> u64 {
        self.driver.counters()[counters::count(count)]
    }

    /// I8, and nothing violated.
    fn check(&self) {
        let counters = self.driver.counters();
        for invariant in Invariant::ALL {
            assert_eq!(
                counters[counters::violations(*invariant)],
                0,
                "{invariant:?}"
            );
        }
        let outcomes = Outcome::all().filter(|outcome| *outcome != Outcome::Parked);
        let settled: u64 = outcomes
            .map(|outcome| counters[counters::of(outcome)])
            .sum();
        let parked = counters[counters::of(Outcome::Parked)] - self.count(Count::Settled);
        assert_eq!(settled + parked, self.count(Count::Consumed));
    }
}

fn wall_clock(driver: &TestDriver) -> i64 {
    driver.clock().wall_clock_ms()
}

#[test]
fn an_early_event_waits_and_follows_its_predecessor() {
    let mut desk = desk(JudgingPolicy::default());
    let [created, approved, order] = &accepted()[..3] else {
        panic!()
    };
    desk.send("B1", created);
    desk.send("B1", order);
    assert_eq!(desk.applied(), ["order.created APPLIED"]);
    // Another copy of what waits is known.
    desk.send("B1", order);
    desk.driver.crash();
    desk.driver.start().unwrap();
    desk.wait(5);
    desk.send("B1", approved);
    assert_eq!(
        desk.applied(),
        ["payment.approved APPLIED", "order.accepted APPLIED"]
    );
    desk.wait(60);
    assert!(desk.rejections().is_empty());
    assert_eq!(desk.count(Count::Settled), 1);
    desk.check();
}

#[test]
fn what_waited_in_vain_is_rejected_kept_and_redriven_when_its_predecessor_comes() {
    let mut desk = desk(JudgingPolicy::default());
    let events = accepted();
    desk.send("B1", &events[0]);
    desk.send("B1", &events[2]);
    desk.wait(29);
    assert!(desk.rejections().is_empty());
    desk.wait(1);
    assert_eq!(desk.rejections(), ["PREDECESSOR_TIMEOUT 30"]);
    desk.driver.crash();
    desk.driver.start().unwrap();
    desk.send("B1", &events[1]);
    let redriven = desk.redrive.read_records_to_list(&mut desk.driver).unwrap();
    assert_eq!(redriven.len(), 1);
    let header = |name: &str| {
        let mut headers = redriven[0].headers.iter();
        let (_, value) = headers.find(|(known, _)| known == name).unwrap();
        String::from_utf8(value.clone().unwrap()).unwrap()
    };
    assert_eq!(header("x-redrive-count"), "1");
    assert_eq!(header("x-redrive-topic"), topics::ORDER_EVENTS);
    assert_eq!(
        desk.applied(),
        [
            "order.created APPLIED",
            "payment.approved APPLIED",
            "order.accepted APPLIED"
        ]
    );
    assert_eq!(desk.count(Count::Redriven), 1);
    desk.check();
}

#[test]
fn after_a_long_downtime_what_came_meanwhile_is_read_first() {
    let mut desk = desk(JudgingPolicy::default());
    let events = accepted();
    desk.send("B1", &events[0]);
    desk.send("B1", &events[2]);
    desk.driver.crash();
    let payload = events[1].json();
    let (key, value) = (Some(&b"B1"[..]), Some(payload.as_bytes()));
    let log = desk.driver.log();
    let topic = topics::PAYMENT_EVENTS;
    log.append(topic, None, key, value, NOON, Headers::default())
        .unwrap();
    desk.driver.clock().advance(Duration::from_secs(3_600));
    desk.driver.start().unwrap();
    desk.wait(5);
    assert!(desk.rejections().is_empty());
    assert_eq!(desk.applied().len(), 3);
    desk.check();
}

#[test]
fn payments_wait_longer() {
    let mut desk = desk(JudgingPolicy::default());
    desk.send("B1", &accepted()[1]);
    desk.wait(599);
    assert!(desk.rejections().is_empty());
    desk.wait(1);
    assert_eq!(desk.rejections(), ["PREDECESSOR_TIMEOUT 600"]);
    desk.check();
}

#[test]
fn a_gap_is_filled_in_the_order_of_versions() {
    let mut desk = desk(JudgingPolicy::default());
    for event in accepted() {
        desk.send("B1", &event);
    }
    desk.applied();
    let late = ev("cooking.started", "STORE", 3);
    for event in [
        ev("order.note_added", "STORE", 5).id("n5"),
        ev("order.note_added", "STORE", 4).id("n4"),
    ] {
        desk.send("B1", &event);
    }
    desk.send("B1", &late);
    let records = desk.transitions.read_records_to_list(&mut desk.driver);
    let versions: Vec<i64> = records
        .unwrap()
        .iter()
        .map(|record| serde_json::from_str::<Value>(&record.value).unwrap())
        .map(|json| json["target"]["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, [3, 4, 5]);
    assert_eq!(
        (desk.count(Count::Gap), desk.count(Count::Inversion)),
        (2, 2)
    );
    desk.check();
}

#[test]
fn the_limits_hold_to_the_event() {
    let mut judging = JudgingPolicy::default();
    judging.parking.per_task = 70;
    let mut desk = desk(judging);
    desk.send("B1", &accepted()[0]);
    for version in 3..68 {
        let id = format!("note-{version}");
        desk.send("B1", &ev("order.note_added", "STORE", version).id(&id));
    }
    assert_eq!(desk.rejections(), ["PARK_LIMIT"], "the 65th of the order");
    for number in 2..9 {
        let order_no = format!("B{number}");
        desk.send(&order_no, &ev("order.accepted", "STORE", 2).id(&order_no));
    }
    assert_eq!(desk.rejections(), ["PARK_LIMIT"], "the 71st of the task");
    // The rest flows.
    desk.applied();
    desk.send("B99", &accepted()[0].clone().id("other"));
    assert_eq!(desk.applied(), ["order.created APPLIED"]);
    desk.send("B1", &ev("order.note_added", "STORE", 2).id("note-2"));
    assert_eq!(desk.applied().len(), 65);
    desk.check();
}

#[test]
fn a_cancel_before_its_create_is_redriven_and_hold_ends() {
    for autoapply in [false, true] {
        let mut desk = desk(JudgingPolicy {
            ghost_autoapply: autoapply,
            ..JudgingPolicy::default()
        });
        desk.send("B1", &ev("order.cancelled", "CUSTOMER", 2));
        assert_eq!(desk.rejections(), ["PREMATURE"]);
        desk.send("B1", &accepted()[0]);
        let fields = ["action", "outcome", "hold", "to", "replay"];
        let told = Desk::texts(&mut desk.transitions, &mut desk.driver, &fields);
        assert_eq!(
            told,
            [
                "order.created APPLIED true PAYMENT_WAIT false",
                "order.cancelled APPLIED false CANCELLED false"
            ]
        );
        assert_eq!(desk.count(Count::Redriven), u64::from(!autoapply));
        desk.check();
    }
}

#[test]
fn parked_under_park_a_cancel_before_its_create_follows_it() {
    let mut desk = desk(JudgingPolicy {
        ordering: OrderingPolicy::PARK,
        ..JudgingPolicy::default()
    });
    desk.send("B1", &ev("order.cancelled", "CUSTOMER", 2));
    desk.send("B1", &accepted()[0]);
    assert_eq!(
        desk.applied(),
        ["order.created APPLIED", "order.cancelled APPLIED"]
    );
    // In vain it is what it is under the default.
    desk.send("B2", &ev("order.cancelled", "CUSTOMER", 2).id("c2"));
    desk.wait(31);
    assert_eq!(desk.rejections(), ["PREMATURE 30"]);
    desk.send("B2", &accepted()[0].clone().id("o2"));
    assert_eq!(desk.applied().len(), 2);
    desk.check();
}

#[test]
fn an_event_is_not_kept_beyond_the_limit_of_redrives() {
    let mut desk = desk(JudgingPolicy::default());
    let mut headers = HeaderBuffer::default();
    headers.push("x-redrive-count", Some(b"5"));
    let events = accepted();
    desk.send("B1", &events[0]);
    desk.send_with("B1", &events[2], headers.view());
    desk.wait(31);
    desk.send("B1", &events[1]);
    assert_eq!(desk.count(Count::Redriven), 0);
    let timeout = Outcome::Rejected(RejectionReason::PredecessorTimeout);
    assert_eq!(desk.driver.counters()[counters::of(timeout)], 1);
    desk.check();
}

#[test]
fn orders_leave_when_their_time_is_over() {
    let mut desk = desk(JudgingPolicy::default());
    let day = |days: f64| days * DAY as f64;
    // One is closed, one stays open, one is a ghost.
    desk.send("B1", &accepted()[0].clone().id("c1"));
    desk.send(
        "B1",
        &ev("order.cancelled", "CUSTOMER", 2).id("x1").at(60.0),
    );
    desk.send(
        "B1",
        &ev("order.note_added", "CS", 3).id("n1").at(day(20.0)),
    );
    desk.send("B2", &accepted()[0].clone().id("c2"));
    desk.send(
        "B2",
        &ev("order.note_added", "CS", 2).id("n2").at(day(10.0)),
    );
    desk.send("B3", &ev("order.cancelled", "CUSTOMER", 2).id("x3"));
    desk.driver.crash();
    desk.driver.start().unwrap();
    let tombstones = |desk: &mut Desk, days: f64| {
        let order_no = format!("D{days}");
        let created = accepted()[0].clone().id(&order_no).at(day(days));
        desk.send(&order_no, &created);
        let states = desk.states.read_records_to_list(&mut desk.driver).unwrap();
        let gone = states.into_iter().filter(|record| record.value.is_none());
        gone.map(|record| record.key).collect::<Vec<String>>()
    };
    assert!(tombstones(&mut desk, 30.9).is_empty());
    assert_eq!(tombstones(&mut desk, 31.01), ["B1"]);
    assert!(tombstones(&mut desk, 40.9).is_empty());
    assert_eq!(tombstones(&mut desk, 41.01), ["B2"]);
    let fields = ["orderNo", "kind", "status"];
    let told = Desk::texts(&mut desk.reconcile, &mut desk.driver, &fields);
    assert_eq!(told, ["B3 ABANDONED NONE", "B2 ABANDONED PAYMENT_WAIT"]);
    assert_eq!(
        (
            desk.count(Count::ExpiredClosed),
            desk.count(Count::ExpiredAbandoned),
            desk.count(Count::ExpiredGhost)
        ),
        (1, 1, 1)
    );
    // A number that is free again begins anew.
    desk.send("B1", &accepted()[0].clone().id("again").at(day(41.1)));
    let fields = ["orderNo", "generation", "seq"];
    let told = Desk::texts(&mut desk.transitions, &mut desk.driver, &fields);
    assert_eq!(told.last().unwrap(), "B1 1 1");
    desk.check();
}

#[test]
fn a_cancel_that_comes_twice_before_its_create_is_kept_once_and_redriven() {
    let mut desk = desk(JudgingPolicy::default());
    for _ in 0..2 {
        desk.send("B1", &ev("order.cancelled", "CUSTOMER", 2));
    }
    assert_eq!(desk.rejections(), ["PREMATURE", "PREMATURE"]);
    desk.send("B1", &accepted()[0]);
    assert_eq!(
        desk.applied(),
        ["order.created APPLIED", "order.cancelled APPLIED"]
    );
    desk.check();
}

#[test]
fn an_event_is_redriven_where_the_keys_of_its_topic_are_pinned_to_json() {
    let json = Dialect {
        key: KeyForm::Json,
        ..Dialect::default()
    };
    let mut desk = desk_with(JobOptions {
        dialects: Dialects::new([(topics::ORDER_EVENTS.to_owned(), json)]),
        ..JobOptions::default()
    });
    for event in [ev("order.cancelled", "CUSTOMER", 2), accepted()[0].clone()] {
        let (key, value) = (Some(&b"\"B1\""[..]), event.json());
        let log = desk.driver.log();
        let value = Some(value.as_bytes());
        log.append(
            topics::ORDER_EVENTS,
            None,
            key,
            value,
            NOON,
            Headers::default(),
        )
        .unwrap();
        desk.driver.run_until_idle().unwrap();
        desk.driver.commit().unwrap();
    }
    assert_eq!(
        desk.applied(),
        ["order.created APPLIED", "order.cancelled APPLIED"]
    );
    desk.check();
}

#[test]
fn an_early_event_with_more_headers_than_any_output_takes_does_not_stop_its_task() {
    let mut desk = desk(JudgingPolicy::default());
    desk.send("B1", &accepted()[0]);
    let mut headers = HeaderBuffer::default();
    for _ in 0..60_000 {
        headers.push("a", Some(b"12345678"));
    }
    desk.send_with("B1", &ev("order.note_added", "CS", 3), headers.view());
    // At the end of its time it has to be told with its headers.
    desk.wait(31);
    desk.send("B2", &accepted()[0].clone().id("other"));
    assert_eq!(
        desk.applied(),
        ["order.created APPLIED", "order.created APPLIED"]
    );
    desk.check();
}

#[test]
fn an_order_told_long_after_its_day_is_not_forgotten_at_once() {
    let mut desk = desk(JudgingPolicy::default());
    let day = |days: f64| days * DAY as f64;
    desk.send("B1", &accepted()[0].clone().id("c1").at(day(40.0)));
    for event in &accepted()[..2] {
        desk.send("B2", event);
    }
    assert_eq!(
        desk.applied(),
        [
            "order.created APPLIED",
            "order.created APPLIED",
            "payment.approved APPLIED"
        ]
    );
    assert_eq!(desk.count(Count::ExpiredAbandoned), 0);
    desk.check();
}

#[test]
fn what_was_kept_of_the_old_life_of_a_number_is_not_told_to_the_new_one() {
    let mut desk = desk(JudgingPolicy::default());
    let day = |days: f64| days * DAY as f64;
    let note = |version: i64| ev("order.note_added", "CS", version);
    desk.send("B1", &accepted()[0]);
    desk.send("B1", &ev("order.cancelled", "CUSTOMER", 2));
    desk.send("B1", &note(4).id("old"));
    desk.wait(31);
    assert_eq!(desk.rejections(), ["SEQ_GAP_TIMEOUT 30"]);
    let again = accepted()[0].clone().id("again").at(day(30.5));
    desk.send("B1", &again);
    for version in 2..5 {
        desk.send("B1", &note(version).at(day(30.5)));
    }
    let fields = ["generation", "eventId"];
    let told = Desk::texts(&mut desk.transitions, &mut desk.driver, &fields);
    assert!(!told.contains(&"2 old".to_owned()), "{told:?}");
    assert_eq!(told.len(), 6);
    desk.check();
}
