//! The aggregates that a run told, against a batch over the same events.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jumun_harness::{Isolation, Kafka, Reader, Record, wait_for};

use serde_json::Value;

use crate::support::model::aggregates::batch::{Batch, TransitionBatch};
use crate::support::model::aggregates::compare::{Report, compare, unnoticed};
use crate::support::model::aggregates::movement::Movement;
use crate::support::model::aggregates::overdue::Breach;
use crate::support::model::aggregates::told::Told;
use crate::support::model::order_of_arrival::merged;
use crate::support::model::{InputRecord, Model, Policy, Settings};
use crate::support::topics::{DELIVERIES, ORDERS, PAYMENTS, SLA, TRANSITIONS, input_record};

pub const AGGREGATES: &str = "order.agg.1m.v1";
pub const LATE: &str = "order.agg.1m.late.v1";

/// What the inputs must come to, and what was seen of them on the way.
#[derive(Debug, Default)]
pub struct Expected {
    pub batch: Batch,
    /// An order that lives in it, by partition.
    pub orders: BTreeMap<i32, String>,
    /// The offset after the last record, by topic and partition.
    pub ends: BTreeMap<(String, i32), i64>,
    pub records: usize,
    /// Epoch milliseconds.
    pub last_timestamp: i64,
}

/// The batch over the inputs, as the model judges them in the order in which a task takes a backlog. Holds the orders of
/// one partition at a time, and no records.
pub fn expected_of_inputs(kafka: &Kafka, partitions: i32) -> Expected {
    let mut expected = Expected::default();
    for partition in 0..partitions {
        // As `Setup::strict` has the program judge.
        let mut model = Model::with(Settings {
            automatic_redrive: false,
            ..Settings::new(Policy::STRICT)
        });
        let input = |topic| {
            let isolation = Isolation::ReadCommitted;
            let mut reader = kafka.reader(topic, Some(&[partition]), isolation).unwrap();
            std::iter::from_fn(move || Some(input_record(topic, reader.next_record().unwrap()?)))
        };
        for record in merged([ORDERS, PAYMENTS, DELIVERIES].map(input)) {
            expected.see(&record);
            let judged = model.feed(&record);
            let Some(movement) = Movement::of_judged(&judged, record.timestamp) else {
                continue;
            };
            let mut event = Value::Null;
            if says_more(movement.transition()) {
                let bytes = record.value.as_deref().unwrap_or_default();
                event = serde_json::from_slice(bytes).unwrap_or_default();
            }
            expected.batch.live(&movement, &event["info"]);
            expected.orders.entry(partition).or_insert_with(|| {
                String::from_utf8(record.key.clone().unwrap_or_default()).unwrap()
            });
        }
    }
    expected
}

/// Whether an event says what aggregates need and its transition does not tell.
fn says_more(transition: &Value) -> bool {
    let action = transition["action"].as_str().unwrap_or_default();
    matches!(
        action,
        "order.created" | "order.accepted" | "cooking.delayed"
    ) || action.starts_with("payment.")
}

impl Expected {
    fn see(&mut self, record: &InputRecord) {
        self.records += 1;
        self.last_timestamp = self.last_timestamp.max(record.timestamp);
        let input = (record.topic.clone(), record.partition);
        self.ends.insert(input, record.offset + 1);
    }
}

/// The batch over what the program says it applied: for runs in which the moment decides in what order inputs are taken.
pub fn batch_of_transitions(kafka: &Kafka) -> Batch {
    let mut infos: HashMap<String, Value> = HashMap::new();
    for topic in [ORDERS, PAYMENTS, DELIVERIES] {
        let mut events = kafka.reader(topic, None, Isolation::ReadCommitted).unwrap();
        while let Some(record) = events.next_record().unwrap() {
            let event = serde_json::from_slice(record.value.as_deref().unwrap_or_default());
            let mut event: Value = event.unwrap_or_default();
            if let Some(id) = event["id"].as_str().map(str::to_owned) {
                // Of two events with one id the first is the one that counts (E12).
                infos.entry(id).or_insert_with(|| event["info"].take());
            }
        }
    }
    let mut batch = TransitionBatch::default();
    let mut transitions = kafka
        .reader(TRANSITIONS, None, Isolation::ReadCommitted)
        .unwrap();
    while let Some(record) = transitions.next_record().unwrap() {
        let transition: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        let info = transition["eventId"].as_str().and_then(|id| infos.get(id));
        batch.add(&transition, info.unwrap_or(&Value::Null));
    }
    batch.finish()
}

/// Follows the two topics, and what timers tell.
pub struct Listener {
    updates: Reader,
    late: Reader,
    sla: Reader,
    pub told: Told,
    pub breaches: Vec<Breach>,
}

impl Listener {
    pub fn new(kafka: &Kafka) -> Self {
        Self::of(kafka, "")
    }

    /// What is behind the topics' names.
    pub fn of(kafka: &Kafka, suffix: &str) -> Self {
        let reader = |topic| {
            let topic = format!("{topic}{suffix}");
            kafka
                .reader(&topic, None, Isolation::ReadCommitted)
                .unwrap()
        };
        Self {
            updates: reader(AGGREGATES),
            late: reader(LATE),
            sla: reader(SLA),
            told: Told::default(),
            breaches: Vec::new(),
        }
    }

    /// Reads what is committed by now.
    pub fn listen(&mut self) {
        while let Some(record) = self.updates.next_record().unwrap() {
            let (key, value) = parts(&record);
            self.told.add_update(record.partition, key, value);
        }
        while let Some(record) = self.late.next_record().unwrap() {
            let (key, value) = parts(&record);
            self.told.add_late(key, value);
        }
        while let Some(record) = self.sla.next_record().unwrap() {
            let value = serde_json::from_slice(record.value.as_deref().unwrap_or_default());
            self.breaches.push(Breach::read(&value.unwrap()));
        }
    }

    /// What was told so far, against the batch.
    pub fn report(&self, batch: &Batch) -> Report {
        compare(batch, &self.breaches, &self.told)
    }

    /// Waits until everything is told, and closed but for those windows that stay open for an hour longer than the others.
    pub fn wait_told_by_now(&mut self, batch: &Batch, timeout: Duration) -> Report {
        self.wait(batch, timeout, Told::open_minutes, Report::is_clean_by_now)
    }

    /// Waits until everything is told and closed, and gives the comparison: the last one if that never comes.
    pub fn wait_told(&mut self, batch: &Batch, timeout: Duration) -> Report {
        self.wait(batch, timeout, Told::open_windows, Report::is_clean)
    }

    fn wait(
        &mut self,
        batch: &Batch,
        timeout: Duration,
        open: fn(&Told) -> usize,
        is_clean: fn(&Report) -> bool,
    ) -> Report {
        let is_told = || {
            self.listen();
            let report = (open(&self.told) == 0).then(|| self.report(batch))?;
            is_clean(&report).then_some(report)
        };
        // A report says better what is missing than an error of waiting.
        wait_for("the aggregates to be told", timeout, is_told)
            .unwrap_or_else(|_| self.report(batch))
    }
}

fn parts(record: &Record) -> (&[u8], &[u8]) {
    (
        record.key.as_deref().unwrap_or_default(),
        record.value.as_deref().unwrap_or_default(),
    )
}

/// Everything that was told from the beginning, against the batch: for the end, when the program has stopped.
pub fn compare_all(kafka: &Kafka, batch: &Batch) -> Report {
    let mut listener = Listener::new(kafka);
    listener.listen();
    listener.report(batch)
}

/// A control of the comparison: a wrong value of any aggregate, read where a right one was told, must be noticed.
#[track_caller]
pub fn assert_each_is_looked_at(listener: &mut Listener, batch: &Batch) {
    let unnoticed = unnoticed(batch, &listener.breaches, &mut listener.told);
    assert_eq!(unnoticed, [""; 0], "wrong values of these are not noticed");
    assert!(listener.report(batch).is_clean());
}
