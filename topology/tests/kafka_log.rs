//! The seam on librdkafka against a real Apache Kafka.
#![allow(clippy::print_stdout)]

mod fenced_broker;
mod group;
mod offsets;
mod properties;
mod rates;
mod records;
mod transactions;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jumun_harness::Broker;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::io::{
    Admin, Consumer, ConsumerConfig, GroupEvent, GroupProtocol, Headers, InputId, Log, OutputId,
    OutputRecord, Position, Producer, ProducerConfig, RecordBatch, TopicPartition, TopicSpec,
};

pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn log_at(address: &str) -> KafkaLog {
    KafkaLog::new(KafkaProperties {
        common: vec![("bootstrap.servers".into(), address.into())],
        ..KafkaProperties::default()
    })
    .unwrap()
}

pub fn log() -> KafkaLog {
    log_at(Broker::shared().unwrap().bootstrap_servers())
}

/// A name no other test uses.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn admin() -> Box<dyn Admin> {
    log().admin("test-admin").unwrap()
}

pub fn topic(name: &str, partitions: i32) -> String {
    let name = unique(name);
    admin()
        .create_topics(&[spec(&name, partitions)], PATIENCE)
        .unwrap();
    name
}

/// A topic with one copy, as the broker configures it.
pub fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        name: name.into(),
        partitions,
        replication_factor: 1,
        config: Vec::new(),
    }
}

pub fn member(group: &str, instance: &str) -> ConsumerConfig {
    ConsumerConfig {
        group_id: group.into(),
        group_protocol: GroupProtocol::Classic,
        is_static: true,
        group_instance_id: instance.into(),
        client_id: instance.into(),
        session_timeout: Duration::from_secs(10),
        max_poll_interval: Duration::from_secs(60),
        read_committed: true,
    }
}

pub fn consumer(group: &str, instance: &str) -> Box<dyn Consumer> {
    log().consumer(&member(group, instance)).unwrap()
}

pub fn producer(transactional_id: Option<&str>) -> Box<dyn Producer> {
    let mut producer = log()
        .producer(&ProducerConfig {
            client_id: "test-producer".into(),
            transactional_id: transactional_id.map(str::to_owned),
            transaction_timeout: Duration::from_secs(10),
            max_batch_bytes: None,
        })
        .unwrap();
    if transactional_id.is_some() {
        producer.init_transactions(PATIENCE).unwrap();
    }
    producer
}

pub fn record<'a>(
    output: OutputId,
    partition: i32,
    key: &'a [u8],
    value: &'a [u8],
) -> OutputRecord<'a> {
    OutputRecord {
        output,
        partition: Some(partition),
        timestamp: 1_000,
        key: Some(key),
        value: Some(value),
        headers: Headers::default(),
    }
}

pub fn drain(producer: &mut dyn Producer) {
    let started = Instant::now();
    while producer.in_flight() > 0 {
        assert!(started.elapsed() < PATIENCE, "records stay in flight");
        producer.poll(Duration::from_millis(1)).unwrap();
    }
    assert!(producer.delivery_error().is_none());
}

/// Puts `count` records into partition 0 outside any transaction.
pub fn fill(topic: &str, count: usize) {
    let mut producer = producer(None);
    let output = producer.register(topic).unwrap();
    for index in 0..count {
        let value = index.to_string();
        producer
            .send(record(output, 0, b"key", value.as_bytes()))
            .unwrap();
    }
    drain(&mut *producer);
}

pub fn next_event(consumer: &mut dyn Consumer) -> GroupEvent {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "no group event");
        if let Some(event) = consumer.poll(Duration::from_millis(20)).unwrap() {
            return event;
        }
    }
}

/// Joins, and takes what is assigned from the beginning.
pub fn join(consumer: &mut dyn Consumer, topics: &[&str]) -> Vec<(TopicPartition, InputId)> {
    consumer.subscribe(topics).unwrap();
    accept(consumer)
}

/// Takes the next assignment from the beginning.
pub fn accept(consumer: &mut dyn Consumer) -> Vec<(TopicPartition, InputId)> {
    loop {
        match next_event(consumer) {
            GroupEvent::Assigned(partitions) => {
                let positions: Vec<_> = partitions
                    .iter()
                    .map(|partition| (partition.clone(), Position::Beginning))
                    .collect();
                let ids = consumer.assign(&positions).unwrap();
                return partitions.into_iter().zip(ids).collect();
            }
            GroupEvent::Revoked(_) | GroupEvent::Lost(_) => consumer.unassign().unwrap(),
            other => panic!("{other:?} under the classic protocol"),
        }
    }
}

/// Reads until the end of the partition is told; answers with it.
pub fn read_to_end(consumer: &mut dyn Consumer, input: InputId, batch: &mut RecordBatch) -> i64 {
    let started = Instant::now();
    loop {
        assert!(
            started.elapsed() < PATIENCE,
            "the end of the partition was not told"
        );
        assert_eq!(consumer.poll(Duration::ZERO).unwrap(), None);
        if let Some(end) = consumer
            .fetch(input, 10_000, batch)
            .unwrap()
            .end_of_partition
        {
            return end;
        }
        consumer.wait(Duration::from_millis(100));
    }
}

pub fn values(batch: &RecordBatch) -> Vec<String> {
    batch
        .iter()
        .map(|record| String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned())
        .collect()
}

/// Serves members in turn until each has got a new assignment; answers with the assignments.
pub fn settle(members: &mut [&mut dyn Consumer]) -> Vec<Vec<TopicPartition>> {
    let mut assigned = vec![None; members.len()];
    let started = Instant::now();
    while assigned.iter().any(Option::is_none) {
        assert!(started.elapsed() < PATIENCE, "the group does not settle");
        for (member, assigned) in members.iter_mut().zip(&mut assigned) {
            match member.poll(Duration::from_millis(10)).unwrap() {
                Some(GroupEvent::Assigned(partitions)) => {
                    let positions: Vec<_> = partitions
                        .iter()
                        .map(|partition| (partition.clone(), Position::Beginning))
                        .collect();
                    member.assign(&positions).unwrap();
                    *assigned = Some(partitions);
                }
                Some(_) => {
                    member.unassign().unwrap();
                    *assigned = None;
                }
                None => {}
            }
        }
    }
    assigned.into_iter().flatten().collect()
}
