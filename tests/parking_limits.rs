//! How many events wait: exactly so many of an order, and exactly so many of a task; the rest flows.

use std::collections::BTreeMap;
use std::time::Duration;

use jumun::config::Aggregates;
use jumun::job::{JobOptions, counters, topology};
use topology::io::Headers;
use topology::testing::{TestDriver, TestDriverConfig};

use crate::support::written::{CREATED, Written};

/// 2026-11-20T12:00:00+09:00
const NOON_MS: i64 = 1_795_143_600_000;

/// The job on one partition with its limits as they are by default.
struct Job {
    driver: TestDriver,
    sent: u64,
    orders: u64,
    /// Outcomes when they were last asked for.
    counted: BTreeMap<String, u64>,
}

impl Job {
    fn new() -> Self {
        let options = JobOptions {
            aggregates: Aggregates {
                enabled: false,
                ..Aggregates::default()
            },
            ..JobOptions::default()
        };
        let mut config = TestDriverConfig::new("jumun");
        config.initial_wall_clock_ms = NOON_MS;
        config.streams.commit_interval = Duration::from_millis(1);
        let built = topology(&options).build().unwrap();
        Self {
            driver: TestDriver::new(built, config).unwrap(),
            sent: 0,
            orders: 0,
            counted: BTreeMap::new(),
        }
    }

    /// Sends an event; its id is its number among those sent.
    fn send(&mut self, number: &str, action: &str, version: u64, actor: &str) -> u64 {
        self.sent += 1;
        self.send_as(self.sent, number, action, version, actor);
        self.sent
    }

    fn send_as(&mut self, id: u64, number: &str, action: &str, version: u64, actor: &str) {
        let info = match action {
            "order.created" => CREATED,
            "payment.approved" => r#"{"amount":20000}"#,
            _ => "{}",
        };
        let written = Written {
            number,
            action,
            version,
            actor,
            info,
            at: NOON_MS,
        };
        let (key, value) = (Some(number.as_bytes()), written.envelope(id));
        let (topic, value) = (written.topic(), Some(value.as_bytes()));
        let log = self.driver.log();
        log.append(topic, None, key, value, NOON_MS, Headers::default())
            .unwrap();
    }

    /// Creates orders until so many records were sent in all.
    fn create_until(&mut self, sent: u64) {
        while self.sent < sent {
            self.orders += 1;
            let number = format!("B{}", self.orders);
            self.send(&number, "order.created", 1, "CUSTOMER");
        }
    }

    /// Accepts created orders that are not paid, so many after the first `from`; each has to wait.
    fn accept(&mut self, from: u64, count: u64) {
        for order in from + 1..=from + count {
            self.send(&format!("B{order}"), "order.accepted", 2, "STORE");
        }
    }

    /// Outcomes since the last call.
    fn outcomes(&mut self) -> Vec<(String, u64)> {
        self.driver.commit().unwrap();
        let names = counters::names().map(|name| name.trim_end_matches('/').to_owned());
        let all: BTreeMap<String, u64> = names.zip(self.driver.counters()).collect();
        let is_outcome = |name: &str| {
            let outcome = name.split('/').next().unwrap_or_default();
            ["APPLIED", "ANNOTATED", "PARKED", "REJECTED", "DUPLICATE"].contains(&outcome)
        };
        let new = all.iter().filter_map(|(name, count)| {
            let new = count - self.counted.get(name).unwrap_or(&0);
            (new > 0 && is_outcome(name)).then(|| (name.clone(), new))
        });
        let new = new.collect();
        self.counted = all;
        new
    }

    fn expect(&mut self, expected: &[(&str, u64)]) {
        let expected: Vec<(String, u64)> = expected
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        assert_eq!(self.outcomes(), expected);
    }

    fn crash_and_restart(&mut self) {
        self.driver.crash();
        self.driver.start().unwrap();
    }
}

#[test]
fn sixty_four_events_of_an_order_wait_and_the_sixty_fifth_does_not() {
    let mut job = Job::new();
    job.send("B1", "order.created", 1, "CUSTOMER");
    let notes: Vec<u64> = (3..=67)
        .map(|version| job.send("B1", "order.note_added", version, "CS"))
        .collect();
    job.send("B2", "order.created", 1, "CUSTOMER");
    job.expect(&[("APPLIED", 2), ("PARKED", 64), ("REJECTED/PARK_LIMIT", 1)]);
    job.crash_and_restart();
    // One more is still one too many; a copy of what waits is a copy.
    job.send_as(900, "B1", "order.note_added", 68, "CS");
    job.send_as(notes[0], "B1", "order.note_added", 3, "CS");
    job.expect(&[("DUPLICATE", 1), ("REJECTED/PARK_LIMIT", 1)]);

    // What was missing comes: all go on, and the one that had no place fits when it is sent again.
    job.send("B1", "order.note_added", 2, "CS");
    job.expect(&[("ANNOTATED", 65)]);
    job.send_as(notes[64], "B1", "order.note_added", 67, "CS");
    job.expect(&[("ANNOTATED", 1)]);
    for version in 69..=133 {
        job.send("B1", "order.note_added", version, "CS");
    }
    job.expect(&[("PARKED", 64), ("REJECTED/PARK_LIMIT", 1)]);
}

#[test]
fn one_in_a_hundred_records_of_a_task_waits_at_most() {
    let mut job = Job::new();
    // Few records: 64 may wait.
    job.create_until(1_000);
    job.accept(0, 65);
    job.expect(&[
        ("APPLIED", 1_000),
        ("PARKED", 64),
        ("REJECTED/PARK_LIMIT", 1),
    ]);
    // The record that is the 8,000th is the first that counts for 80.
    job.create_until(7_898);
    job.accept(100, 101);
    let sent = job.sent;
    assert_eq!(sent, 7_999);
    job.expect(&[
        ("APPLIED", 6_833),
        ("PARKED", 15),
        ("REJECTED/PARK_LIMIT", 86),
    ]);
    job.crash_and_restart();
    job.accept(300, 5);
    job.expect(&[("PARKED", 1), ("REJECTED/PARK_LIMIT", 4)]);

    // The same at 10,000, and there it ends, however many come.
    job.create_until(9_979);
    job.accept(400, 40);
    job.expect(&[
        ("APPLIED", 1_975),
        ("PARKED", 20),
        ("REJECTED/PARK_LIMIT", 20),
    ]);
    job.create_until(25_000);
    job.accept(500, 1);
    job.expect(&[("APPLIED", 14_981), ("REJECTED/PARK_LIMIT", 1)]);

    // One goes on, and leaves its place to another.
    job.send("B1", "payment.approved", 1, "PG");
    job.expect(&[("APPLIED", 2)]);
    job.accept(600, 2);
    job.expect(&[("PARKED", 1), ("REJECTED/PARK_LIMIT", 1)]);

    // The time of all is over, and all places are free.
    for _ in 0..31 {
        let second = Duration::from_secs(1);
        job.driver.advance_wall_clock_time(second).unwrap();
    }
    job.expect(&[("REJECTED/PREDECESSOR_TIMEOUT", 100)]);
    job.accept(700, 101);
    job.expect(&[("PARKED", 100), ("REJECTED/PARK_LIMIT", 1)]);
}
