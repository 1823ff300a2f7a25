//! Transactions and fencing.

use topology::ErrorClass;
use topology::io::{RecordBatch, TopicPartition};

use crate::kafka_log::{
    PATIENCE, consumer, drain, fill, join, producer, read_to_end, record, topic, unique, values,
};

#[test]
fn aborted_records_are_not_seen_and_the_end_lies_past_the_markers() {
    let topic = topic("aborted", 1);
    let mut producer = producer(Some(&unique("tx")));
    let output = producer.register(&topic).unwrap();
    producer.begin_transaction().unwrap();
    producer
        .send(record(output, 0, b"key", b"aborted"))
        .unwrap();
    drain(&mut *producer);
    producer.abort_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    producer
        .send(record(output, 0, b"key", b"committed"))
        .unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    producer
        .send(record(output, 0, b"key", b"purged or aborted"))
        .unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
    assert_eq!(producer.in_flight(), 0);
    assert!(producer.delivery_error().is_none());

    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    let mut batch = RecordBatch::default();
    // aborted 0, marker 1, committed 2, marker 3; the last may or may not have reached the log.
    let end = read_to_end(&mut *consumer, inputs[0].1, &mut batch);
    assert!(end == 4 || end == 6, "{end}");
    assert_eq!(values(&batch), ["committed"]);
    assert_eq!(batch.front().map(|record| record.offset), Some(2));
}

#[test]
fn an_open_transaction_holds_back_the_cached_end_but_not_the_asked_high_watermark() {
    let topic = topic("open", 1);
    fill(&topic, 2);
    let mut producer = producer(Some(&unique("tx")));
    let output = producer.register(&topic).unwrap();
    producer.begin_transaction().unwrap();
    for _ in 0..3 {
        producer.send(record(output, 0, b"key", b"open")).unwrap();
    }
    drain(&mut *producer);
    let partition = TopicPartition::new(&topic, 0);
    let watermarks = crate::kafka_log::admin()
        .watermarks(&[partition], PATIENCE)
        .unwrap();
    assert_eq!((watermarks[0].low, watermarks[0].high), (0, 5));

    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    let mut batch = RecordBatch::default();
    assert_eq!(read_to_end(&mut *consumer, inputs[0].1, &mut batch), 2);
    assert_eq!(batch.len(), 2);
    assert_eq!(
        consumer
            .cached_watermarks(inputs[0].1)
            .map(|found| found.high),
        Some(2)
    );
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(read_to_end(&mut *consumer, inputs[0].1, &mut batch), 6);
    assert_eq!(batch.len(), 5);
}

#[test]
fn offsets_are_committed_with_the_transaction_or_not_at_all() {
    let topic = topic("offsets", 1);
    fill(&topic, 10);
    let group = unique("group");
    let mut consumer = consumer(&group, "a");
    join(&mut *consumer, &[&topic]);
    let metadata = consumer.group_metadata().unwrap();
    let partition = TopicPartition::new(&topic, 0);
    let mut producer = producer(Some(&unique("tx")));
    assert_eq!(
        consumer
            .committed(std::slice::from_ref(&partition), PATIENCE)
            .unwrap(),
        [None]
    );
    for (offset, commit, expected) in [(3, true, 3), (5, false, 3), (7, true, 7)] {
        producer.begin_transaction().unwrap();
        producer
            .send_offsets(&[(partition.clone(), offset)], &metadata, PATIENCE)
            .unwrap();
        if commit {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
        assert_eq!(
            consumer
                .committed(std::slice::from_ref(&partition), PATIENCE)
                .unwrap(),
            [Some(expected)]
        );
    }
    assert_eq!(
        crate::kafka_log::admin()
            .committed(&group, &[partition], PATIENCE)
            .unwrap(),
        [Some(7)]
    );
}

#[test]
fn a_second_producer_of_the_same_name_fences_the_first() {
    let topic = topic("zombie", 1);
    let name = unique("tx");
    let mut zombie = producer(Some(&name));
    let output = zombie.register(&topic).unwrap();
    zombie.begin_transaction().unwrap();
    zombie.send(record(output, 0, b"key", b"zombie")).unwrap();
    drain(&mut *zombie);

    let mut heir = producer(Some(&name));
    let heir_output = heir.register(&topic).unwrap();
    heir.begin_transaction().unwrap();
    heir.send(record(heir_output, 0, b"key", b"heir")).unwrap();
    heir.commit_transaction(PATIENCE).unwrap();

    let error = zombie.commit_transaction(PATIENCE).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced, "{error}");
    let error = zombie.begin_transaction().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced, "{error}");
    drop(zombie);

    let mut consumer = consumer(&unique("group"), "a");
    let inputs = join(&mut *consumer, &[&topic]);
    let mut batch = RecordBatch::default();
    read_to_end(&mut *consumer, inputs[0].1, &mut batch);
    assert_eq!(values(&batch), ["heir"]);
}

#[test]
fn a_zombie_that_only_sends_is_told_by_its_delivery_report() {
    let topic = topic("zombie-sends", 1);
    let name = unique("tx");
    let mut zombie = producer(Some(&name));
    let output = zombie.register(&topic).unwrap();
    zombie.begin_transaction().unwrap();
    zombie.send(record(output, 0, b"key", b"before")).unwrap();
    drain(&mut *zombie);
    let _heir = producer(Some(&name));
    zombie.send(record(output, 0, b"key", b"after")).unwrap();
    let started = std::time::Instant::now();
    while zombie.in_flight() > 0 {
        assert!(started.elapsed() < PATIENCE);
        zombie.poll(std::time::Duration::from_millis(5)).unwrap();
    }
    let error = zombie.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Fenced, "{error}");
}

#[test]
fn offsets_of_a_past_generation_are_refused_as_fenced() {
    let topic = topic("generation", 2);
    fill(&topic, 5);
    let group = unique("group");
    let mut first = consumer(&group, "a");
    join(&mut *first, &[&topic]);
    let stale = first.group_metadata().unwrap();
    // A second member makes a new generation.
    let mut second = consumer(&group, "b");
    second.subscribe(&[&topic]).unwrap();
    crate::kafka_log::settle(&mut [&mut *first, &mut *second]);
    let fresh = first.group_metadata().unwrap();
    let mut producer = producer(Some(&unique("tx")));
    let offsets = [(TopicPartition::new(&topic, 0), 1)];
    producer.begin_transaction().unwrap();
    let error = producer
        .send_offsets(&offsets, &stale, PATIENCE)
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced, "{error}");
    producer.abort_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    producer.send_offsets(&offsets, &fresh, PATIENCE).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
}
