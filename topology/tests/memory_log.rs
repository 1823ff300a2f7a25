//! The log in memory keeps Kafka's contract.

mod cleaning;
mod demo;
mod faults;
mod groups;
mod offsets;
mod records;
mod transactions;

use std::sync::Arc;
use std::time::Duration;

use topology::io::memory::MemoryLog;
use topology::io::{
    Consumer, ConsumerConfig, GroupEvent, GroupProtocol, Headers, InputId, Log, OutputId,
    OutputRecord, Position, Producer, ProducerConfig, Reader, RecordBatch, TopicPartition,
};
use topology::time::{Clock, VirtualClock};

const NOW: Duration = Duration::ZERO;
const SESSION: Duration = Duration::from_secs(6);
const TRANSACTION: Duration = Duration::from_secs(10);

/// A cluster whose time the test moves.
struct Bed {
    clock: Arc<VirtualClock>,
    log: Arc<MemoryLog>,
}

impl Bed {
    fn new() -> Self {
        let clock = Arc::new(VirtualClock::at(1_000_000));
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>);
        Self { clock, log }
    }

    fn with_topic(name: &str, partitions: i32) -> Self {
        let bed = Self::new();
        bed.log.create_topic(name, partitions).unwrap();
        bed
    }

    fn consumer_config(instance: &str) -> ConsumerConfig {
        ConsumerConfig {
            group_id: "group".into(),
            group_protocol: GroupProtocol::Classic,
            is_static: true,
            group_instance_id: instance.into(),
            client_id: instance.into(),
            session_timeout: SESSION,
            max_poll_interval: Duration::from_secs(300),
            read_committed: true,
        }
    }

    fn consumer(&self, instance: &str, topics: &[&str]) -> Box<dyn Consumer> {
        let mut consumer = self.log.consumer(&Self::consumer_config(instance)).unwrap();
        consumer.subscribe(topics).unwrap();
        consumer
    }

    /// An ordinary producer; `topics` are its outputs 0, 1, …
    fn producer(&self, topics: &[&str]) -> Box<dyn Producer> {
        self.producer_of(None, topics)
    }

    /// A transactional producer, initialized.
    fn transactional(&self, name: &str, topics: &[&str]) -> Box<dyn Producer> {
        let mut producer = self.producer_of(Some(name.into()), topics);
        producer.init_transactions(NOW).unwrap();
        producer
    }

    fn producer_of(&self, name: Option<String>, topics: &[&str]) -> Box<dyn Producer> {
        let config = ProducerConfig {
            client_id: name.clone().unwrap_or_else(|| "producer".into()),
            transactional_id: name,
            transaction_timeout: TRANSACTION,
            max_batch_bytes: None,
        };
        let mut producer = self.log.producer(&config).unwrap();
        for (index, topic) in (0..).zip(topics) {
            assert_eq!(producer.register(topic).unwrap(), OutputId(index));
        }
        producer
    }

    fn append(&self, topic: &str, partition: i32, value: &str) -> i64 {
        let appended = self.log.append(
            topic,
            Some(partition),
            Some(b"key"),
            Some(value.as_bytes()),
            0,
            Headers::default(),
        );
        appended.unwrap().1
    }

    /// Values of a partition of a topic, with their offsets.
    fn values(&self, topic: &str, partition: i32, read_committed: bool) -> Vec<(i64, String)> {
        let records = self.log.records(topic, partition, read_committed).unwrap();
        records
            .into_iter()
            .map(|record| (record.offset, text(record.value.as_deref())))
            .collect()
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap_or(b"<none>").to_vec()).unwrap()
}

fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn partitions(topic: &str, numbers: impl IntoIterator<Item = i32>) -> Vec<TopicPartition> {
    numbers
        .into_iter()
        .map(|number| partition(topic, number))
        .collect()
}

/// A record to partition 0 of an output.
fn record(output: u32, value: &str) -> OutputRecord<'_> {
    OutputRecord {
        output: OutputId(output),
        partition: Some(0),
        timestamp: 7,
        key: Some(b"key"),
        value: Some(value.as_bytes()),
        headers: Headers::default(),
    }
}

/// Polls until nothing more comes, and assigns what is given from the beginning.
fn settle(consumer: &mut Box<dyn Consumer>) -> Vec<GroupEvent> {
    let mut events = Vec::new();
    while let Some(event) = consumer.poll(NOW).unwrap() {
        match &event {
            GroupEvent::Assigned(partitions) => {
                let starts: Vec<_> = partitions
                    .iter()
                    .map(|partition| (partition.clone(), Position::Beginning))
                    .collect();
                consumer.assign(&starts).unwrap();
            }
            GroupEvent::Revoked(_) | GroupEvent::Lost(_) => consumer.unassign().unwrap(),
            GroupEvent::Added(partitions) => {
                let starts: Vec<_> = partitions
                    .iter()
                    .map(|partition| (partition.clone(), Position::Beginning))
                    .collect();
                consumer.incremental_assign(&starts).unwrap();
            }
            GroupEvent::Removed(partitions) => consumer.incremental_unassign(partitions).unwrap(),
        }
        events.push(event);
    }
    events
}

/// What a fetch brings: offsets and values, and the end if it was seen.
fn fetch(consumer: &mut Box<dyn Consumer>, input: InputId) -> (Vec<(i64, String)>, Option<i64>) {
    let mut batch = RecordBatch::default();
    let fetched = consumer.fetch(input, usize::MAX, &mut batch).unwrap();
    (contents(&batch), fetched.end_of_partition)
}

fn read(reader: &mut Box<dyn Reader>, input: InputId) -> (Vec<(i64, String)>, Option<i64>) {
    let mut batch = RecordBatch::default();
    let fetched = reader.fetch(input, usize::MAX, &mut batch).unwrap();
    (contents(&batch), fetched.end_of_partition)
}

fn contents(batch: &RecordBatch) -> Vec<(i64, String)> {
    batch
        .iter()
        .map(|record| (record.offset, text(record.value)))
        .collect()
}

fn pairs(expected: &[(i64, &str)]) -> Vec<(i64, String)> {
    expected
        .iter()
        .map(|(offset, value)| (*offset, (*value).to_owned()))
        .collect()
}
