//! Records on their way out and in.

use std::time::{Duration, Instant};

use topology::ErrorClass;
use topology::io::{
    HeaderBuffer, Log, OutputRecord, Position, RecordBatch, TopicPartition, TopicSpec,
};

use crate::kafka_log::{
    PATIENCE, admin, consumer, drain, fill, join, log, producer, read_to_end, record, topic,
    unique, values,
};

#[test]
fn round_trip_keeps_headers_nulls_and_timestamps() {
    let topic = topic("round-trip", 1);
    let mut producer = producer(None);
    let output = producer.register(&topic).unwrap();
    assert_eq!(producer.register(&topic).unwrap(), output);
    let mut headers = HeaderBuffer::default();
    headers.push("event-id", Some(b"42"));
    headers.push("empty", Some(b""));
    headers.push("null", None);
    headers.push("event-id", Some(b"43"));
    type Fields<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, i64);
    let sent: [Fields; 4] = [
        (Some(b"key"), Some(b"value"), 1_234),
        (None, Some(b"value"), 1_235),
        (Some(b"key"), None, 1_236),
        (Some(b""), Some(b""), 1_700_000_000_000),
    ];
    for (key, value, timestamp) in sent {
        producer
            .send(OutputRecord {
                output,
                partition: Some(0),
                timestamp,
                key,
                value,
                headers: headers.view(),
            })
            .unwrap();
    }
    drain(&mut *producer);
    assert_eq!(producer.last_offset(output, 0), Some(3));
    assert_eq!(producer.last_offset(output, 1), None);

    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    let mut batch = RecordBatch::default();
    assert_eq!(read_to_end(&mut *consumer, inputs[0].1, &mut batch), 4);
    let got: Vec<_> = batch
        .iter()
        .map(|record| (record.key, record.value, record.timestamp))
        .collect();
    assert_eq!(got, sent);
    for record in batch.iter() {
        let headers: Vec<_> = record.headers.iter().collect();
        assert_eq!(
            headers,
            [
                ("event-id", Some(&b"42"[..])),
                ("empty", Some(b"")),
                ("null", None),
                ("event-id", Some(b"43"))
            ]
        );
    }
}

#[test]
fn keys_choose_partitions_as_jvm_producers_do() {
    let topic = topic("murmur2", 7);
    let mut producer = producer(None);
    let output = producer.register(&topic).unwrap();
    // Values of org.apache.kafka.common.utils.Utils.murmur2, from its own test.
    let known: [(&str, i32); 3] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("abc", 479_470_107),
    ];
    for (key, hash) in known {
        let expected = (hash & 0x7fff_ffff) % 7;
        let before = producer.last_offset(output, expected);
        producer
            .send(OutputRecord {
                partition: None,
                ..record(output, 0, key.as_bytes(), b"value")
            })
            .unwrap();
        drain(&mut *producer);
        assert_eq!(
            producer.last_offset(output, expected),
            Some(before.unwrap_or(-1) + 1),
            "{key}"
        );
    }
}

#[test]
fn end_of_partition_is_told_again_after_later_records_and_wait_wakes_for_them() {
    let topic = topic("end", 1);
    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    let input = inputs[0].1;
    let mut batch = RecordBatch::default();
    assert_eq!(read_to_end(&mut *consumer, input, &mut batch), 0);
    assert!(batch.is_empty());

    consumer.wait(Duration::ZERO);
    let writer = {
        let topic = topic.clone();
        std::thread::spawn(move || fill(&topic, 3))
    };
    let started = Instant::now();
    while batch.is_empty() {
        consumer.wait(PATIENCE);
        consumer.poll(Duration::ZERO).unwrap();
        consumer.fetch(input, 1, &mut batch).unwrap();
    }
    assert!(
        started.elapsed() < PATIENCE / 2,
        "wait slept through the arrival of records"
    );
    writer.join().unwrap();
    // One at a time: each wait comes back, because there is more.
    let started = Instant::now();
    while batch.len() < 3 {
        consumer.wait(PATIENCE);
        let fetched = consumer.fetch(input, 1, &mut batch).unwrap();
        assert!(fetched.records <= 1);
    }
    assert!(
        started.elapsed() < PATIENCE / 2,
        "wait slept although records were left"
    );
    assert_eq!(read_to_end(&mut *consumer, input, &mut batch), 3);
    assert_eq!(values(&batch), ["0", "1", "2"]);
    let watermarks = consumer.cached_watermarks(input).unwrap();
    assert_eq!((watermarks.low, watermarks.high), (0, 3));
}

#[test]
fn seek_delivers_nothing_that_was_prefetched() {
    const COUNT: usize = 20_000;
    let topic = topic("seek", 1);
    fill(&topic, COUNT);
    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    let input = inputs[0].1;
    for (round, target) in [5_i64, 15_000, 0, 7, COUNT as i64].into_iter().enumerate() {
        // Let something be prefetched, and take a part of it.
        let mut batch = RecordBatch::default();
        let started = Instant::now();
        while batch.is_empty() && round < 4 {
            assert!(started.elapsed() < PATIENCE);
            consumer.poll(Duration::ZERO).unwrap();
            consumer.wait(Duration::from_millis(50));
            consumer.fetch(input, 100, &mut batch).unwrap();
        }
        consumer.seek(input, target).unwrap();
        let mut batch = RecordBatch::default();
        if round == 4 {
            assert_eq!(read_to_end(&mut *consumer, input, &mut batch), target);
            assert!(batch.is_empty());
            break;
        }
        let started = Instant::now();
        while batch.is_empty() {
            assert!(started.elapsed() < PATIENCE);
            consumer.wait(Duration::from_millis(50));
            consumer.fetch(input, 100, &mut batch).unwrap();
        }
        let offsets: Vec<_> = batch.iter().map(|record| record.offset).collect();
        let expected: Vec<_> = (target..).take(offsets.len()).collect();
        assert_eq!(offsets, expected, "after seek to {target}");
    }
}

#[test]
fn seek_right_after_assign_stays_where_it_went() {
    let topic = topic("seek-early", 1);
    fill(&topic, 10);
    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    consumer.seek(inputs[0].1, 6).unwrap();
    let mut batch = RecordBatch::default();
    read_to_end(&mut *consumer, inputs[0].1, &mut batch);
    // librdkafka's own search for the beginning would come back after half a second.
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(800) {
        consumer.poll(Duration::ZERO).unwrap();
        consumer.wait(Duration::from_millis(100));
        consumer.fetch(inputs[0].1, 100, &mut batch).unwrap();
    }
    assert_eq!(values(&batch), ["6", "7", "8", "9"]);
}

#[test]
fn quick_reassignment_delivers_from_the_last_position_only() {
    let topic = topic("reassign", 1);
    fill(&topic, 100);
    let partition = TopicPartition::new(&topic, 0);
    let mut consumer = consumer(&unique("group"), "a");
    join(&mut *consumer, &[&topic]);
    for round in 0..50_i64 {
        let beginning = consumer
            .assign(&[(partition.clone(), Position::Beginning)])
            .unwrap();
        let inputs = consumer
            .assign(&[(partition.clone(), Position::Offset(round))])
            .unwrap();
        assert!(
            consumer
                .fetch(beginning[0], 1, &mut RecordBatch::default())
                .is_err()
        );
        let mut batch = RecordBatch::default();
        assert_eq!(read_to_end(&mut *consumer, inputs[0], &mut batch), 100);
        let offsets: Vec<_> = batch.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (round..100).collect::<Vec<_>>());
        consumer.unassign().unwrap();
    }
    // Faster than a partition stops: librdkafka's assertions must hold.
    for round in 0..500_i64 {
        consumer
            .assign(&[(partition.clone(), Position::Offset(round % 100))])
            .unwrap();
        consumer
            .assign(&[(partition.clone(), Position::Offset(1))])
            .unwrap();
        consumer.unassign().unwrap();
    }
    let mut reader = log().reader("reassign").unwrap();
    for round in 0..500_i64 {
        let input = reader
            .add(&partition, Position::Offset(round % 100))
            .unwrap();
        reader.remove(input).unwrap();
    }
}

#[test]
fn offset_beyond_the_log_is_fatal_and_names_partition_and_offset() {
    let topic = topic("lost-offset", 1);
    fill(&topic, 3);
    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    consumer.seek(inputs[0].1, 1_000).unwrap();
    let started = Instant::now();
    let error = loop {
        assert!(started.elapsed() < PATIENCE);
        consumer.poll(Duration::ZERO).unwrap();
        match consumer.fetch(inputs[0].1, 100, &mut RecordBatch::default()) {
            Ok(_) => consumer.wait(Duration::from_millis(50)),
            Err(error) => break error,
        }
    };
    assert_eq!(error.class(), ErrorClass::Fatal);
    let text = error.to_string();
    assert!(
        text.contains(&format!("{topic}-0"))
            && text.contains("1000")
            && text.contains("--reset-offsets"),
        "{text}"
    );
}

#[test]
fn too_large_a_record_is_refused_when_sent() {
    let topic = topic("too-large", 1);
    let mut producer = producer(None);
    let output = producer.register(&topic).unwrap();
    let value = vec![b'x'; 20_000_000];
    let error = producer
        .send(record(output, 0, b"key", &value))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::User);
    assert!(error.to_string().contains(&topic), "{error}");
    assert_eq!(producer.in_flight(), 0);
}

#[test]
fn a_record_the_topic_refuses_is_a_fatal_delivery_error_that_names_the_fix() {
    let topic = topic("refused", 1);
    let mut producer = producer(Some(&unique("tx")));
    let output = producer.register(&topic).unwrap();
    // Does not shrink: a linear congruential sequence.
    let mut state = 1_u64;
    let value: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(3_000_000)
    .collect();
    producer.begin_transaction().unwrap();
    producer.send(record(output, 0, b"key", &value)).unwrap();
    let started = Instant::now();
    while producer.in_flight() > 0 {
        assert!(started.elapsed() < PATIENCE);
        producer.poll(Duration::from_millis(5)).unwrap();
    }
    // Whoever goes on with the transaction is told of the refusal, not only that it takes nothing more.
    let sent = producer.send(record(output, 0, b"key", b"small"));
    assert_eq!(sent.unwrap_err().class(), ErrorClass::Abortable);
    let error = producer.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Fatal, "{error}");
    let told = error.to_string();
    assert!(told.contains("raise that"), "{told}");
    assert!(told.contains(&format!("{topic}-0")), "{told}");
    assert!(producer.delivery_error().is_none());
    producer.abort_transaction(PATIENCE).unwrap();
    // The producer goes on. The refused record left a gap in the sequence numbers, for which the client takes a new
    // epoch, at the price of one more abort.
    let mut aborts = 0;
    loop {
        producer.begin_transaction().unwrap();
        producer.send(record(output, 0, b"key", b"small")).unwrap();
        match producer.commit_transaction(PATIENCE) {
            Ok(()) => break,
            Err(error) => assert_eq!(error.class(), ErrorClass::Abortable, "{error}"),
        }
        producer.abort_transaction(PATIENCE).unwrap();
        aborts += 1;
        assert!(aborts <= 1, "the producer does not recover");
    }
}

/// The state of the transaction changes before the report of the refusal is served.
#[test]
fn a_send_after_a_refusal_leaves_its_reason_to_be_told() {
    let topic = topic("refused-then-sent", 1);
    let small = [("max.message.bytes".to_owned(), "60".to_owned())];
    let refusing = TopicSpec {
        name: unique("refusing"),
        partitions: 1,
        replication_factor: 1,
        config: small.to_vec(),
    };
    admin()
        .create_topics(std::slice::from_ref(&refusing), PATIENCE)
        .unwrap();
    let mut producer = producer(Some(&unique("tx")));
    let (good, bad) = (
        producer.register(&topic).unwrap(),
        producer.register(&refusing.name).unwrap(),
    );
    producer.begin_transaction().unwrap();
    producer.send(record(bad, 0, b"key", &[7; 200])).unwrap();
    let started = Instant::now();
    // Nothing is polled in between.
    let error = loop {
        assert!(started.elapsed() < PATIENCE);
        if let Err(error) = producer.send(record(good, 0, b"key", b"value")) {
            break error;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(error.class(), ErrorClass::Abortable, "{error}");
    let error = producer.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Fatal, "{error}");
    let place = format!("({}-0)", refusing.name);
    assert!(error.to_string().ends_with(&place), "{error}");
    producer.abort_transaction(PATIENCE).unwrap();
}

#[test]
fn a_record_for_a_topic_that_was_deleted_is_refused_for_good_and_says_so() {
    let topic = topic("deleted", 1);
    let mut producer = producer(Some(&unique("tx")));
    let output = producer.register(&topic).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(output, 0, b"key", b"value")).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    admin().delete_topics(&[&topic], PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    // Taken or refused: that depends on what the client has heard already.
    let _ = producer.send(record(output, 0, b"key", b"value"));
    let started = Instant::now();
    while producer.in_flight() > 0 {
        assert!(started.elapsed() < PATIENCE);
        producer.poll(Duration::from_millis(5)).unwrap();
    }
    let error = producer.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Fatal, "{error}");
    assert!(
        error.to_string().contains("does not exist any more"),
        "{error}"
    );
    assert!(error.to_string().contains(&topic), "{error}");
}

#[test]
fn a_reader_adds_and_removes_partitions_one_by_one() {
    let topic = topic("reader", 2);
    let mut producer = producer(None);
    let output = producer.register(&topic).unwrap();
    for index in 0..100 {
        producer
            .send(record(output, index % 2, b"key", b"value"))
            .unwrap();
    }
    drain(&mut *producer);
    let mut reader = log().reader("restore").unwrap();
    let read = |reader: &mut dyn topology::io::Reader, input, batch: &mut RecordBatch| {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE);
            reader.poll().unwrap();
            if let Some(end) = reader.fetch(input, 1_000, batch).unwrap().end_of_partition {
                return end;
            }
            std::thread::yield_now();
        }
    };
    let first = reader
        .add(&TopicPartition::new(&topic, 0), Position::Beginning)
        .unwrap();
    let mut batch = RecordBatch::default();
    assert_eq!(read(&mut *reader, first, &mut batch), 50);
    assert_eq!(batch.len(), 50);
    let second = reader
        .add(&TopicPartition::new(&topic, 1), Position::Offset(40))
        .unwrap();
    batch.clear();
    assert_eq!(read(&mut *reader, second, &mut batch), 50);
    assert_eq!(batch.front().map(|record| record.offset), Some(40));
    reader.remove(first).unwrap();
    assert!(reader.fetch(first, 1, &mut batch).is_err());
    let again = reader
        .add(&TopicPartition::new(&topic, 0), Position::Offset(49))
        .unwrap();
    batch.clear();
    assert_eq!(read(&mut *reader, again, &mut batch), 50);
    assert_eq!(batch.len(), 1);
}
