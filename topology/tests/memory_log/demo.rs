//! Several threads on one cluster under the machine's clock, and how fast it is.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use topology::io::memory::MemoryLog;
use topology::io::{GroupEvent, Headers, Log, OutputRecord, Position, ProducerConfig, RecordBatch};
use topology::time::SystemClock;

use crate::memory_log::{Bed, NOW, partition, record};

/// Long enough that only a missing wake-up reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

fn system_log() -> Arc<MemoryLog> {
    MemoryLog::new(Arc::new(SystemClock::new()))
}

#[test]
fn a_waiting_consumer_is_woken_by_a_record_and_by_a_commit() {
    let log = system_log();
    log.create_topic("t", 1).unwrap();
    let (ready, is_ready) = mpsc::channel();
    let reading = Arc::clone(&log);
    let consumer = std::thread::spawn(move || {
        let mut consumer = reading.consumer(&Bed::consumer_config("one")).unwrap();
        consumer.subscribe(&["t"]).unwrap();
        let event = consumer.poll(PATIENCE).unwrap();
        assert!(matches!(event, Some(GroupEvent::Assigned(_))));
        let starts = [(partition("t", 0), Position::Beginning)];
        let input = consumer.assign(&starts).unwrap()[0];
        let started = Instant::now();
        let mut batch = RecordBatch::default();
        while batch.len() < 2 {
            ready.send(batch.len()).unwrap();
            consumer.wait(PATIENCE);
            consumer.fetch(input, 10, &mut batch).unwrap();
        }
        (started.elapsed(), batch.len())
    });
    assert_eq!(is_ready.recv().unwrap(), 0);
    log.append("t", None, None, Some(b"plain"), 0, Headers::default())
        .unwrap();
    while is_ready.recv().unwrap() < 1 {}
    let config = ProducerConfig {
        client_id: "producer".into(),
        transactional_id: Some("a".into()),
        transaction_timeout: PATIENCE,
        max_batch_bytes: None,
    };
    let mut producer = log.producer(&config).unwrap();
    producer.init_transactions(NOW).unwrap();
    producer.register("t").unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(0, "committed")).unwrap();
    producer.commit_transaction(NOW).unwrap();
    let (took, records) = consumer.join().unwrap();
    assert_eq!(records, 2);
    assert!(took < PATIENCE, "woken, not timed out");
}

#[test]
fn committed_offsets_wait_for_the_transaction_where_time_moves_by_itself() {
    let log = system_log();
    log.create_topic("t", 1).unwrap();
    let mut consumer = log.consumer(&Bed::consumer_config("one")).unwrap();
    consumer.subscribe(&["t"]).unwrap();
    consumer.poll(PATIENCE).unwrap();
    let group = consumer.group_metadata().unwrap();
    let config = ProducerConfig {
        client_id: "producer".into(),
        transactional_id: Some("a".into()),
        transaction_timeout: PATIENCE,
        max_batch_bytes: None,
    };
    let mut producer = log.producer(&config).unwrap();
    producer.init_transactions(NOW).unwrap();
    producer.begin_transaction().unwrap();
    producer
        .send_offsets(&[(partition("t", 0), 9)], &group, NOW)
        .unwrap();
    let asked = consumer.committed(&[partition("t", 0)], Duration::from_millis(1));
    assert!(asked.is_err());
    let (asking, is_asking) = mpsc::channel();
    let other = Arc::clone(&log);
    let waiting = std::thread::spawn(move || {
        let mut admin = other.admin("admin").unwrap();
        asking.send(()).unwrap();
        admin
            .committed("group", &[partition("t", 0)], PATIENCE)
            .unwrap()
    });
    is_asking.recv().unwrap();
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(waiting.join().unwrap(), [Some(9)]);
}

/// A generator and two copying threads: everything comes out exactly once, in order by key.
#[test]
fn several_threads_copy_everything_exactly_once() {
    const RECORDS: i32 = 20_000;
    let log = system_log();
    for topic in ["in", "out"] {
        log.create_topic(topic, 4).unwrap();
    }
    let done = Arc::new(std::sync::atomic::AtomicI32::new(0));
    let copiers: Vec<_> = ["i-0", "i-1"]
        .map(|name| {
            let (log, done) = (Arc::clone(&log), Arc::clone(&done));
            std::thread::spawn(move || copy(&log, name, &done, RECORDS))
        })
        .into();
    let mut generator = log
        .producer(&ProducerConfig {
            client_id: "generator".into(),
            transactional_id: None,
            transaction_timeout: PATIENCE,
            max_batch_bytes: None,
        })
        .unwrap();
    let output = generator.register("in").unwrap();
    for number in 0..RECORDS {
        let (key, value) = ((number % 97).to_be_bytes(), number.to_be_bytes());
        let record = OutputRecord {
            output,
            partition: None,
            timestamp: 0,
            key: Some(&key),
            value: Some(&value),
            headers: Headers::default(),
        };
        generator.send(record).unwrap();
    }
    for copier in copiers {
        copier.join().unwrap();
    }
    let mut copied = 0;
    for number in 0..4 {
        let before = log.records("in", number, true).unwrap();
        let after = log.records("out", number, true).unwrap();
        let values = |records: &[topology::io::memory::OwnedRecord]| {
            let values = records.iter().map(|record| record.value.clone());
            values.collect::<Vec<_>>()
        };
        assert_eq!(values(&before), values(&after));
        copied += after.len();
    }
    assert_eq!(copied, RECORDS as usize);
}

fn copy(log: &MemoryLog, name: &str, done: &std::sync::atomic::AtomicI32, total: i32) {
    use std::sync::atomic::Ordering;
    let mut consumer = log.consumer(&Bed::consumer_config(name)).unwrap();
    consumer.subscribe(&["in"]).unwrap();
    let mut producer = log
        .producer(&ProducerConfig {
            client_id: name.into(),
            transactional_id: Some(name.into()),
            transaction_timeout: PATIENCE,
            max_batch_bytes: None,
        })
        .unwrap();
    producer.init_transactions(NOW).unwrap();
    let output = producer.register("out").unwrap();
    let mut inputs = Vec::new();
    let mut group = None;
    let mut batch = RecordBatch::default();
    while done.load(Ordering::SeqCst) < total {
        match consumer.poll(NOW).unwrap() {
            None => {}
            Some(GroupEvent::Assigned(partitions)) => {
                let committed = consumer.committed(&partitions, PATIENCE).unwrap();
                let starts: Vec<_> = partitions
                    .into_iter()
                    .zip(committed)
                    .map(|(partition, offset)| (partition, Position::Offset(offset.unwrap_or(0))))
                    .collect();
                let ids = consumer.assign(&starts).unwrap();
                inputs = starts
                    .into_iter()
                    .map(|(partition, _)| partition)
                    .zip(ids)
                    .collect();
                group = Some(consumer.group_metadata().unwrap());
            }
            Some(GroupEvent::Revoked(_) | GroupEvent::Lost(_)) => {
                inputs.clear();
                consumer.unassign().unwrap();
            }
            Some(other) => panic!("{other:?} under the classic protocol"),
        }
        let mut copied = 0;
        producer.begin_transaction().unwrap();
        for (partition, input) in &inputs {
            batch.clear();
            consumer.fetch(*input, 100, &mut batch).unwrap();
            let mut next = None;
            for record in batch.iter() {
                let copy = OutputRecord {
                    output,
                    partition: Some(partition.partition),
                    timestamp: record.timestamp,
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                };
                producer.send(copy).unwrap();
                copied += 1;
                next = Some(record.offset + 1);
            }
            if let (Some(next), Some(group)) = (next, &group) {
                producer
                    .send_offsets(&[(partition.clone(), next)], group, NOW)
                    .unwrap();
            }
        }
        producer.commit_transaction(NOW).unwrap();
        if copied == 0 {
            consumer.wait(Duration::from_millis(20));
        }
        done.fetch_add(copied, Ordering::SeqCst);
    }
}

/// Appends and fetches a million records of 200 bytes in transactions, on one thread. The figure is
/// printed (`--nocapture`); the bound is generous, for machines that are busy.
#[test]
fn a_million_records_go_in_and_out_in_seconds() {
    const RECORDS: usize = 1_000_000;
    let log = system_log();
    log.create_topic("t", 4).unwrap();
    log.retain_records(Some(200_000));
    let config = ProducerConfig {
        client_id: "producer".into(),
        transactional_id: Some("a".into()),
        transaction_timeout: PATIENCE,
        max_batch_bytes: None,
    };
    let mut producer = log.producer(&config).unwrap();
    producer.init_transactions(NOW).unwrap();
    let output = producer.register("t").unwrap();
    let mut reader = log.reader("reader").unwrap();
    let inputs: Vec<_> = (0..4)
        .map(|number| {
            reader
                .add(&partition("t", number), Position::Beginning)
                .unwrap()
        })
        .collect();
    let value = [7_u8; 200];
    let mut batch = RecordBatch::default();
    let mut read = 0;
    let started = Instant::now();
    for transaction in 0..RECORDS / 1000 {
        producer.begin_transaction().unwrap();
        for number in 0..1000 {
            let key = (transaction * 1000 + number).to_be_bytes();
            let record = OutputRecord {
                output,
                partition: None,
                timestamp: 0,
                key: Some(&key),
                value: Some(&value),
                headers: Headers::default(),
            };
            producer.send(record).unwrap();
        }
        producer.commit_transaction(NOW).unwrap();
        for input in &inputs {
            batch.clear();
            while reader.fetch(*input, 500, &mut batch).unwrap().records > 0 {
                read += batch.len();
                batch.clear();
            }
        }
    }
    let took = started.elapsed();
    println!(
        "{:.2} M records/s in and out",
        RECORDS as f64 / took.as_secs_f64() / 1e6
    );
    assert_eq!(read, RECORDS);
    assert!(took < Duration::from_secs(20), "{took:?}");
}
