//! The topics of the job as the tests see them: inputs for the model, outputs for the comparison.

use std::collections::BTreeMap;
use std::time::Duration;

use jumun_harness::{Isolation, Kafka, Record, wait_for};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::support::model::InputRecord;
use crate::support::model::outputs::{DeadLetter, RunOutput};

pub const ORDERS: &str = "order.events.v1";
pub const PAYMENTS: &str = "payment.events.v1";
pub const DELIVERIES: &str = "delivery.events.v1";
pub const INPUTS: [&str; 3] = [ORDERS, PAYMENTS, DELIVERIES];
/// What was rejected and is judged once more; the processor creates it.
pub const REDRIVE: &str = "order.redrive.v1";
pub const TRANSITIONS: &str = "order.transitions.v1";
pub const STATE: &str = "order.state.v1";
pub const REJECTED: &str = "order.rejected.v1";
pub const RECONCILE: &str = "order.reconcile.v1";
pub const SLA: &str = "order.sla.v1";
pub const DETECTOR: &str = "order.detector.v1";
pub const DEAD_LETTERS: &str = "order.dlt.v1";

const CALL: Duration = Duration::from_secs(30);

/// Creates the three input topics.
pub fn create_inputs(kafka: &Kafka, partitions: i32) {
    for topic in INPUTS {
        kafka
            .create_topic(topic, partitions, &[("retention.ms", "-1")])
            .unwrap();
    }
}

/// Everything in the input topics, as it really lies there.
pub fn input_records(kafka: &Kafka) -> Vec<InputRecord> {
    let mut records = Vec::new();
    for topic in INPUTS {
        let of_topic = kafka.consume_all(topic, Isolation::ReadCommitted).unwrap();
        records.extend(
            of_topic
                .into_iter()
                .map(|record| input_record(topic, record)),
        );
    }
    records
}

/// A record of an input topic for the model.
pub fn input_record(topic: &str, record: Record) -> InputRecord {
    let headers = record
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.unwrap_or_default()));
    InputRecord {
        topic: topic.to_owned(),
        partition: record.partition,
        offset: record.offset,
        key: record.key,
        value: record.value,
        headers: headers.collect(),
        timestamp: record.timestamp,
    }
}

/// The committed records of the output topics, still as bytes.
pub struct Outputs {
    transitions: Vec<Record>,
    states: Vec<Record>,
    rejections: Vec<Record>,
    reconciles: Vec<Record>,
    dead_letters: Vec<Record>,
}

impl Outputs {
    pub fn read(kafka: &Kafka) -> Self {
        let committed = |topic| kafka.consume_all(topic, Isolation::ReadCommitted).unwrap();
        Self {
            transitions: committed(TRANSITIONS),
            states: committed(STATE),
            rejections: committed(REJECTED),
            reconciles: committed(RECONCILE),
            dead_letters: committed(DEAD_LETTERS),
        }
    }

    /// All of it, parsed.
    pub fn whole(&self) -> RunOutput {
        self.of(|_| true, |_| true)
    }

    /// The part that belongs to certain keys, and to certain partitions of the inputs.
    pub fn of(
        &self,
        is_key: impl Fn(&[u8]) -> bool,
        is_partition: impl Fn(i32) -> bool,
    ) -> RunOutput {
        let mut output = RunOutput::default();
        let values = |records: &[Record]| -> Vec<Value> {
            let chosen = records
                .iter()
                .filter(|record| is_key(record.key.as_deref().unwrap_or_default()));
            chosen
                .filter_map(|record| Some(parsed(record.value.as_deref()?)))
                .collect()
        };
        values(&self.transitions)
            .into_iter()
            .for_each(|value| output.add_transition(value));
        values(&self.states)
            .into_iter()
            .for_each(|value| output.add_state(value));
        values(&self.rejections)
            .into_iter()
            .for_each(|value| output.add_rejection(value));
        values(&self.reconciles)
            .into_iter()
            .for_each(|value| output.add_reconcile(value));
        let letters = self.dead_letters.iter().map(dead_letter);
        output.dead_letters = letters
            .filter(|letter| is_partition(letter.partition))
            .collect();
        output
    }
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn dead_letter(record: &Record) -> DeadLetter {
    let header = |name: &str| {
        let name = format!("__streams.errors.{name}");
        let value = record
            .headers
            .iter()
            .find(|(known, _)| *known == name)
            .and_then(|(_, value)| value.clone());
        String::from_utf8(value.unwrap_or_else(|| panic!("no {name} in {:?}", record.headers)))
            .unwrap()
    };
    DeadLetter {
        topic: header("topic"),
        partition: header("partition").parse().unwrap(),
        offset: header("offset").parse().unwrap(),
        reason: header("reason"),
    }
}

/// The offsets a group has committed on the inputs, without waiting for a transaction that still is undecided; partitions
/// without any are left out.
pub fn decided_offsets(
    kafka: &Kafka,
    group: &str,
    partitions: i32,
) -> BTreeMap<(String, i32), i64> {
    decided_offsets_of(&observer(kafka, group), partitions)
}

/// A client that may ask for a group's offsets again and again; it never joins.
pub fn observer(kafka: &Kafka, group: &str) -> BaseConsumer {
    kafka
        .client_config()
        .set("group.id", group)
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap()
}

/// As [`decided_offsets`].
pub fn decided_offsets_of(
    observer: &BaseConsumer,
    partitions: i32,
) -> BTreeMap<(String, i32), i64> {
    let mut asked = TopicPartitionList::new();
    for topic in INPUTS {
        asked.add_partition_range(topic, 0, partitions - 1);
    }
    // A broker that was started again is no coordinator at first.
    let answer = || observer.committed_offsets(asked.clone(), CALL).ok();
    let committed = wait_for("the committed offsets", CALL * 6, answer).unwrap();
    let mut offsets = BTreeMap::new();
    for element in committed.elements() {
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    offsets
}

/// Waits until a group has committed the ends of all inputs.
pub fn wait_consumed(
    kafka: &Kafka,
    group: &str,
    ends: &BTreeMap<(String, i32), i64>,
    timeout: Duration,
) {
    let consumed = || {
        let committed = kafka.committed_offsets(group, &INPUTS).ok()?;
        ends.iter()
            .all(|(partition, end)| committed.get(partition) == Some(end))
            .then_some(())
    };
    wait_for("all input to be processed and committed", timeout, consumed).unwrap_or_else(
        |error| {
            panic!(
                "{error}: {:?} of {ends:?}",
                kafka.committed_offsets(group, &INPUTS)
            )
        },
    );
}

/// Waits until a group has committed these ends, and those of all that was redriven on the way there.
pub fn wait_settled(
    kafka: &Kafka,
    group: &str,
    ends: &BTreeMap<(String, i32), i64>,
    timeout: Duration,
) {
    let topics = [&INPUTS[..], &[REDRIVE]].concat();
    let settled = || {
        let committed = kafka.committed_offsets(group, &topics).ok()?;
        // Read afterwards and whether committed or not: what was redriven up to these offsets is there.
        let redriven = kafka
            .consume_all(REDRIVE, Isolation::ReadUncommitted)
            .ok()?;
        let mut ends = ends.clone();
        for record in redriven {
            let partition = (REDRIVE.to_owned(), record.partition);
            ends.insert(partition, record.offset + 1);
        }
        let reached =
            |(partition, end): (&(String, i32), &i64)| committed.get(partition) >= Some(end);
        ends.iter().all(reached).then_some(())
    };
    wait_for("all that came to be judged", timeout, settled).unwrap_or_else(|error| {
        panic!(
            "{error}: {:?} of {ends:?}",
            kafka.committed_offsets(group, &topics)
        )
    });
}

/// Everything that was redriven.
pub fn redriven(kafka: &Kafka) -> Vec<Record> {
    kafka
        .consume_all(REDRIVE, Isolation::ReadCommitted)
        .unwrap()
}

/// The offset after the last record of every partition of the inputs that has any.
pub fn ends(records: &[InputRecord]) -> BTreeMap<(String, i32), i64> {
    let mut ends = BTreeMap::new();
    for record in records {
        let end = ends
            .entry((record.topic.clone(), record.partition))
            .or_default();
        *end = (record.offset + 1).max(*end);
    }
    ends
}

/// As [`ends`], without reading: an input has no markers of transactions.
pub fn input_ends(kafka: &Kafka, partitions: i32) -> BTreeMap<(String, i32), i64> {
    let consumer: BaseConsumer = kafka.client_config().create().unwrap();
    let mut ends = BTreeMap::new();
    for topic in INPUTS {
        for partition in 0..partitions {
            let (_, high) = consumer.fetch_watermarks(topic, partition, CALL).unwrap();
            if high > 0 {
                ends.insert((topic.to_owned(), partition), high);
            }
        }
    }
    ends
}

/// The ends of the changelogs of an application, all partitions added up; transaction markers count too, and what is not
/// decided yet: the markers of a transaction that was committed a moment ago may still be on their way.
pub fn changelog_ends(kafka: &Kafka, application_id: &str) -> i64 {
    let consumer: BaseConsumer = kafka
        .client_config()
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(None, CALL).unwrap();
    let is_changelog = |name: &str| {
        name.starts_with(&format!("{application_id}-")) && name.ends_with("-changelog")
    };
    let mut sum = 0;
    for topic in metadata
        .topics()
        .iter()
        .filter(|topic| is_changelog(topic.name()))
    {
        for partition in topic.partitions() {
            sum += consumer
                .fetch_watermarks(topic.name(), partition.id(), CALL)
                .unwrap()
                .1;
        }
    }
    sum
}
