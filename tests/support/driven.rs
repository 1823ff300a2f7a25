//! The real topology in a driver without a broker: records in, everything that was emitted out.

use std::collections::BTreeMap;
use std::time::Duration;

use jumun::generate::GeneratedEvent;
use jumun::job::{JobOptions, counters, topology};
use serde_json::Value;
use topology::io::HeaderBuffer;
use topology::io::memory::OwnedRecord;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::time::Clock;

use crate::support::model::InputRecord;
use crate::support::model::outputs::{DeadLetter, RunOutput};

pub const ORDERS: &str = "order.events.v1";
pub const PAYMENTS: &str = "payment.events.v1";
pub const DELIVERIES: &str = "delivery.events.v1";
pub const REDRIVE: &str = "order.redrive.v1";
const TRANSITIONS: &str = "order.transitions.v1";
const STATE: &str = "order.state.v1";
const REJECTED: &str = "order.rejected.v1";
const RECONCILE: &str = "order.reconcile.v1";
const DEAD_LETTERS: &str = "order.dlt.v1";

/// A generated event as a record of that partition.
pub fn record_of(event: &GeneratedEvent) -> InputRecord {
    InputRecord {
        topic: event.topic.name().to_string(),
        partition: 0,
        offset: -1,
        key: Some(event.key.clone()),
        value: Some(event.value.clone()),
        headers: Vec::new(),
        timestamp: i64::try_from(event.timestamp).unwrap(),
    }
}

/// The job on one partition. Nothing is committed behind a test's back.
pub struct Job {
    pub driver: TestDriver,
    /// Records of the redrive topic that were looked at.
    redriven: usize,
    redrive_end: i64,
    /// What is behind the names of output topics.
    suffix: &'static str,
    counted: BTreeMap<String, u64>,
}

impl Job {
    /// Starts it at a moment of the wall clock, epoch milliseconds.
    pub fn new(options: &JobOptions, now: i64) -> Job {
        let mut config = TestDriverConfig::new("jumun");
        config.initial_wall_clock_ms = now;
        // A commit moves the driver's clock by one interval.
        config.streams.commit_interval = Duration::from_millis(1);
        let built = topology(options).build().unwrap();
        Job {
            driver: TestDriver::new(built, config).unwrap(),
            redriven: 0,
            redrive_end: 0,
            suffix: if options.rebuild { "-rebuild" } else { "" },
            counted: BTreeMap::new(),
        }
    }

    /// The wall clock, epoch milliseconds.
    pub fn now(&self) -> i64 {
        self.driver.clock().wall_clock_ms()
    }

    /// Appends a record to its topic; it gets its offset there.
    pub fn append(&mut self, record: &mut InputRecord) {
        let mut headers = HeaderBuffer::default();
        for (name, value) in &record.headers {
            headers.push(name, Some(value));
        }
        let (partition, offset) = self
            .driver
            .log()
            .append(
                &record.topic,
                Some(record.partition),
                record.key.as_deref(),
                record.value.as_deref(),
                record.timestamp,
                headers.view(),
            )
            .unwrap();
        (record.partition, record.offset) = (partition, offset);
    }

    /// Takes what there is, and commits it once.
    pub fn commit(&mut self) {
        self.driver.commit().unwrap();
    }

    /// Takes what there is, commits nothing.
    pub fn run(&mut self) {
        self.driver.run_until_idle().unwrap();
    }

    /// Lets the wall clock go on, in one step.
    pub fn wait(&mut self, milliseconds: u64) {
        self.driver
            .advance_wall_clock_time(Duration::from_millis(milliseconds))
            .unwrap();
    }

    /// As after `kill -9`: what was not committed is done once more.
    pub fn crash_and_restart(&mut self) {
        self.driver.crash();
        self.driver.start().unwrap();
    }

    /// Stops it in order, and starts it with other settings.
    pub fn restart_with(&mut self, options: &JobOptions) {
        self.driver.close().unwrap();
        let built = topology(options).build().unwrap();
        self.driver.replace_topology(built).unwrap();
        self.driver.start().unwrap();
    }

    /// Committed records that were sent again since the last call.
    pub fn redriven(&mut self) -> Vec<InputRecord> {
        let end = self.driver.log().watermarks(REDRIVE, 0).unwrap().high;
        if end == self.redrive_end {
            return Vec::new();
        }
        self.redrive_end = end;
        let all = self.records(REDRIVE);
        let new = all[self.redriven..].iter().map(redriven_record).collect();
        self.redriven = all.len();
        new
    }

    /// Outcomes since the last call, by `OUTCOME` or `OUTCOME/REASON`.
    pub fn new_outcomes(&mut self) -> BTreeMap<String, u64> {
        let all = self.outcomes();
        let mut new = all.clone();
        for (name, before) in &self.counted {
            *new.entry(name.clone()).or_default() -= before;
        }
        new.retain(|_, count| *count > 0);
        self.counted = all;
        new
    }

    /// Committed outcomes since the beginning.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        const OUTCOMES: [&str; 8] = [
            "APPLIED",
            "APPLIED_SKIP",
            "ANNOTATED",
            "DUPLICATE",
            "STALE",
            "PARKED",
            "REJECTED",
            "DLT",
        ];
        let counts = counters::names().zip(self.driver.counters());
        counts
            .map(|(name, count)| (name.trim_end_matches('/').to_string(), count))
            .filter(|(name, count)| {
                let outcome = name.split('/').next().unwrap_or_default();
                *count > 0 && OUTCOMES.contains(&outcome)
            })
            .collect()
    }

    /// A committed counter by its name.
    pub fn counter(&self, name: &str) -> u64 {
        let mut counts = counters::names().zip(self.driver.counters());
        counts
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("no counter {name}"))
            .1
    }

    pub fn records(&self, topic: &str) -> Vec<OwnedRecord> {
        self.driver.log().records(topic, 0, true).unwrap()
    }

    /// Records of an output topic.
    pub fn outputs(&self, topic: &str) -> Vec<OwnedRecord> {
        self.records(&format!("{topic}{}", self.suffix))
    }

    pub fn values(&self, topic: &str) -> Vec<Value> {
        let records = self.outputs(topic);
        let values = records.iter().filter_map(|record| record.value.as_deref());
        values
            .map(|bytes| serde_json::from_slice(bytes).unwrap())
            .collect()
    }

    pub fn transitions(&self) -> Vec<Value> {
        self.values(TRANSITIONS)
    }

    pub fn rejections(&self) -> Vec<Value> {
        self.values(REJECTED)
    }

    pub fn reconciles(&self) -> Vec<Value> {
        self.values(RECONCILE)
    }

    pub fn dead_letters(&self) -> Vec<OwnedRecord> {
        self.outputs(DEAD_LETTERS)
    }

    /// `order.state.v1` as a reader of the compacted topic has it.
    pub fn states(&self) -> BTreeMap<String, Value> {
        let mut states = BTreeMap::new();
        for record in self.outputs(STATE) {
            let key = String::from_utf8(record.key.unwrap_or_default()).unwrap();
            match record.value {
                Some(value) => states.insert(key, serde_json::from_slice(&value).unwrap()),
                None => states.remove(&key),
            };
        }
        states
    }

    /// Everything that was emitted, committed.
    pub fn output(&self) -> RunOutput {
        let mut output = RunOutput::default();
        for value in self.transitions() {
            output.add_transition(value);
        }
        for value in self.rejections() {
            output.add_rejection(value);
        }
        for value in self.reconciles() {
            output.add_reconcile(value);
        }
        for record in self.records(REDRIVE) {
            output.add_redriven(&redriven_record(&record));
        }
        output.states = self.states();
        output.dead_letters = self.dead_letters().iter().map(dead_letter).collect();
        output
    }
}

fn redriven_record(record: &OwnedRecord) -> InputRecord {
    let headers = record.headers.iter();
    InputRecord {
        topic: REDRIVE.to_string(),
        partition: 0,
        offset: record.offset,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: headers
            .map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()))
            .collect(),
        timestamp: record.timestamp,
    }
}

fn dead_letter(record: &OwnedRecord) -> DeadLetter {
    let header = |name: &str| {
        let name = format!("__streams.errors.{name}");
        let mut values = record.headers.iter().rev();
        let value = values.find(|(known, _)| *known == name);
        let value = value.and_then(|(_, value)| value.clone());
        String::from_utf8(value.unwrap_or_default()).unwrap()
    };
    DeadLetter {
        topic: header("topic"),
        partition: header("partition").parse().unwrap(),
        offset: header("offset").parse().unwrap(),
        reason: header("reason"),
    }
}
