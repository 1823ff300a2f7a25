//! The harness that all tests on a real broker stand on does what they rely on.

use std::process::{Command, Stdio};
use std::time::Duration;

use jumun_harness::{
    Broker, Cluster, Isolation, Kafka, Message, Process, Record, unique_name, wait_for,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(30);

fn transactional_producer(kafka: &Kafka, id: &str) -> BaseProducer {
    let producer: BaseProducer = kafka
        .client_config()
        .set("transactional.id", id)
        .create()
        .unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    producer
}

/// Sends `values` in a transaction that stays open, and waits until the broker has them.
fn send_in_transaction(producer: &BaseProducer, topic: &str, values: &[&str]) {
    producer.begin_transaction().unwrap();
    for value in values {
        producer
            .send(BaseRecord::to(topic).key("k").payload(*value))
            .unwrap();
    }
    wait_for("acknowledgements", TIMEOUT, || {
        producer.poll(Duration::ZERO);
        (producer.in_flight_count() == 0).then_some(())
    })
    .unwrap();
}

fn values(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| String::from_utf8(record.value.clone().unwrap()).unwrap())
        .collect()
}

/// A process that has ended but whose parent has not asked for its status yet is gone for this purpose.
fn exists(process: u32) -> bool {
    state(process) != "Z"
}

#[test]
fn what_is_produced_is_consumed_with_key_headers_and_timestamp() {
    let broker = Broker::shared().unwrap();
    let topic = unique_name("round-trip");
    broker
        .create_topic(&topic, 3, &[("cleanup.policy", "compact")])
        .unwrap();
    let keys: Vec<String> = (0..50).map(|number| format!("order-{number}")).collect();
    let messages = keys.iter().map(|key| {
        Message::new(&topic, key, "value")
            .timestamp(1_700_000_000_123)
            .header("h", "1")
    });
    assert_eq!(broker.produce(messages).unwrap(), 50);
    assert_eq!(
        broker
            .produce([Message::tombstone(&topic, "gone").partition(2)])
            .unwrap(),
        1
    );

    let records = broker
        .consume_all(&topic, Isolation::ReadCommitted)
        .unwrap();

    assert_eq!(records.len(), 51);
    for partition in 0..3 {
        let offsets: Vec<i64> = records
            .iter()
            .filter(|r| r.partition == partition)
            .map(|r| r.offset)
            .collect();
        assert!(
            !offsets.is_empty(),
            "fifty keys left partition {partition} empty"
        );
        assert!(offsets.iter().copied().eq(0..offsets.len() as i64));
    }
    let tombstone = records
        .iter()
        .find(|record| record.key.as_deref() == Some(b"gone"))
        .unwrap();
    assert_eq!((tombstone.partition, &tombstone.value), (2, &None));
    // The JVM's default partitioner: murmur2("order-7") without its sign, modulo the number of partitions.
    let seventh = records
        .iter()
        .find(|record| record.key.as_deref() == Some(b"order-7"))
        .unwrap();
    assert_eq!(
        seventh.partition,
        i32::try_from((murmur2(b"order-7") & 0x7fff_ffff) % 3).unwrap()
    );
    assert_eq!(seventh.timestamp, 1_700_000_000_123);
    assert_eq!(seventh.headers, [("h".to_owned(), Some(b"1".to_vec()))]);
}

/// Kafka's `Utils.murmur2`, written from its definition (seed 0x9747b28c, m 0x5bd1e995, r 24).
fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(bytes.len()).unwrap();
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (word ^ (word >> 24)).wrapping_mul(M);
    }
    for (place, byte) in tail.iter().enumerate().rev() {
        hash ^= u32::from(*byte) << (8 * place);
    }
    if !tail.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[test]
fn records_of_an_aborted_or_open_transaction_are_invisible_to_read_committed() {
    let broker = Broker::shared().unwrap();
    let topic = unique_name("transactions");
    broker.create_topic(&topic, 1, &[]).unwrap();
    let producer = transactional_producer(broker, &unique_name("writer"));
    send_in_transaction(&producer, &topic, &["a1", "a2"]);
    producer.abort_transaction(TIMEOUT).unwrap();
    send_in_transaction(&producer, &topic, &["c1", "c2"]);
    producer.commit_transaction(TIMEOUT).unwrap();
    send_in_transaction(&producer, &topic, &["o1"]);

    let committed = broker
        .consume_all(&topic, Isolation::ReadCommitted)
        .unwrap();
    let everything = broker
        .consume_all(&topic, Isolation::ReadUncommitted)
        .unwrap();

    assert_eq!(values(&committed), ["c1", "c2"]);
    assert_eq!(values(&everything), ["a1", "a2", "c1", "c2", "o1"]);
    producer.abort_transaction(TIMEOUT).unwrap();
}

#[test]
fn committed_offsets_are_those_the_group_committed() {
    let broker = Broker::shared().unwrap();
    let (topic, group) = (unique_name("offsets"), unique_name("group"));
    broker.create_topic(&topic, 2, &[]).unwrap();
    let consumer: BaseConsumer = broker
        .client_config()
        .set("group.id", &group)
        .create()
        .unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(&topic, 1, Offset::Offset(42))
        .unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();

    let committed = broker.committed_offsets(&group, &[&topic]).unwrap();

    assert_eq!(
        committed.into_iter().collect::<Vec<_>>(),
        [((topic, 1), 42)]
    );
}

#[test]
fn a_broker_keeps_its_data_through_stop_kill_and_pause_and_leaves_nothing_behind() {
    let mut broker = Broker::start().unwrap();
    broker.create_topic("kept", 1, &[]).unwrap();
    broker
        .produce([Message::new("kept", "k", "before the restart")])
        .unwrap();
    broker.restart().unwrap();
    broker
        .produce([Message::new("kept", "k", "before the kill")])
        .unwrap();
    broker.kill9().unwrap();
    broker.start_again().unwrap();
    broker.pause().unwrap();
    broker.resume().unwrap();
    broker
        .produce([Message::new("kept", "k", "after the pause")])
        .unwrap();

    let records = broker
        .consume_all("kept", Isolation::ReadCommitted)
        .unwrap();
    assert_eq!(
        values(&records),
        ["before the restart", "before the kill", "after the pause"]
    );

    let (process, directory) = (broker.id(), broker.directory().to_owned());
    assert!(exists(process) && directory.exists());
    drop(broker);
    assert!(!exists(process) && !directory.exists());
}

#[test]
fn a_cluster_keeps_its_data_through_the_death_of_a_node_and_refuses_writes_when_two_are_gone() {
    let mut cluster = Cluster::start().unwrap();
    cluster.create_topic("kept", 3, &[]).unwrap();
    let all: Vec<Message<'_>> = (0..3)
        .map(|partition| Message::new("kept", "k", "before the kill").partition(partition))
        .collect();
    cluster.produce(all.clone()).unwrap();
    let id = unique_name("writer");
    drop(transactional_producer(&cluster, &id));
    let coordinator = cluster.transaction_coordinator(&id).unwrap();
    let process = cluster.id(coordinator).unwrap();
    cluster.kill9(coordinator).unwrap();
    assert!(!exists(process));
    cluster.produce(all.clone()).unwrap();
    wait_for("another coordinator", TIMEOUT, || {
        let now = cluster.transaction_coordinator(&id).ok()?;
        (now != coordinator).then_some(())
    })
    .unwrap();

    // Two of three cannot be gone for writes that want two copies: the third refuses or has no quorum.
    let other = (coordinator + 1) % cluster.len();
    cluster.pause(other).unwrap();
    let producer: BaseProducer = cluster.client_config().create().unwrap();
    producer
        .send(BaseRecord::<str, str>::to("kept").payload("not yet"))
        .unwrap();
    producer.poll(Duration::from_secs(3));
    assert_eq!(producer.in_flight_count(), 1, "one copy was enough");
    drop(producer);
    cluster.resume(other).unwrap();
    cluster.start_again(coordinator).unwrap();
    cluster.wait_ready().unwrap();

    let records = cluster
        .consume_all("kept", Isolation::ReadCommitted)
        .unwrap();
    let kept = values(&records);
    let written = kept.iter().filter(|value| *value == "before the kill");
    assert_eq!(written.count(), 6, "{kept:?}");
}

#[test]
fn a_broker_that_cannot_start_tells_its_log() {
    let properties = vec![("process.roles".to_owned(), "nonsense".to_owned())];
    let error = Broker::start_with(jumun_harness::BrokerOptions {
        properties,
        ..Default::default()
    })
    .unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
}

#[test]
fn a_process_is_watched_frozen_and_killed() {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        // No forks after the output: a shell that is stopped between vfork and exec does not show as stopped.
        "trap 'exit 7' TERM; sleep 1000 & echo out; echo err >&2; wait",
    ]);
    let mut process = Process::start(command).unwrap();
    wait_for("output", TIMEOUT, || {
        (process.stdout() == "out\n" && process.stderr() == "err\n").then_some(())
    })
    .unwrap();
    process.sigstop().unwrap();
    wait_for("the frozen state", TIMEOUT, || {
        (state(process.id()) == "T").then_some(())
    })
    .unwrap();
    process.sigcont().unwrap();
    wait_for("the end of the frozen state", TIMEOUT, || {
        (state(process.id()) != "T").then_some(())
    })
    .unwrap();
    process.sigterm().unwrap();
    assert_eq!(process.wait_exit(TIMEOUT).unwrap().code(), Some(7));
}

/// The state letter in `/proc/<process>/stat`, which follows the name in brackets; `Z` when there is none.
fn state(process: u32) -> String {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return "Z".to_owned();
    };
    stat.rsplit_once(") ").unwrap().1.chars().take(1).collect()
}

/// Names the file in which the killed half of the next test leaves the id of its child.
const NOTE: &str = "JUMUN_HARNESS_NOTE";

#[test]
fn nothing_outlives_a_test_process_that_is_killed() {
    if let Ok(note) = std::env::var(NOTE) {
        // This is the half that gets killed: it starts a child, tells its id, and waits for its end.
        let mut command = Command::new("sleep");
        command.arg("600");
        let mut child = Process::start(command).unwrap();
        std::fs::write(format!("{note}.new"), child.id().to_string()).unwrap();
        std::fs::rename(format!("{note}.new"), note).unwrap();
        child.wait_exit(Duration::from_secs(600)).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let note = directory.path().join("child");
    let mut half = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "broker_harness::nothing_outlives_a_test_process_that_is_killed",
        ])
        .env(NOTE, &note)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let child = wait_for("the child", TIMEOUT, || std::fs::read_to_string(&note).ok()).unwrap();
    let child: u32 = child.parse().unwrap();
    assert!(exists(child));
    half.kill().unwrap();
    half.wait().unwrap();
    wait_for("the end of the child", TIMEOUT, || {
        (!exists(child)).then_some(())
    })
    .unwrap();
}
