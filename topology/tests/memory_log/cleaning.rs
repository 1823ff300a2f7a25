//! Compaction, retention, deletion, as clients see them.

use topology::ErrorClass;
use topology::io::{Headers, Log, Position, TopicSpec};

use crate::memory_log::{Bed, NOW, pairs, partition, read, record};

fn compacted(bed: &Bed) {
    let spec = TopicSpec {
        name: "table".into(),
        partitions: 1,
        replication_factor: 1,
        config: vec![
            ("cleanup.policy".into(), "compact".into()),
            ("delete.retention.ms".into(), "60000".into()),
        ],
    };
    bed.log.create(&spec).unwrap();
}

fn put(bed: &Bed, key: &str, value: &str) {
    let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
    bed.log
        .append("table", None, key, value, 0, Headers::default())
        .unwrap();
}

#[test]
fn a_compacted_topic_keeps_the_last_value_of_a_key_under_its_offset() {
    let bed = Bed::new();
    compacted(&bed);
    for (key, value) in [("a", "a1"), ("b", "b1"), ("a", "a2")] {
        put(&bed, key, value);
    }
    let mut producer = bed.transactional("tx", &["table"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "open")).unwrap();
    put(&bed, "b", "b2");
    bed.log.compact("table");
    assert_eq!(
        bed.values("table", 0, false),
        pairs(&[(1, "b1"), (2, "a2"), (3, "open"), (4, "b2")]),
        "nothing at or after the last stable offset is touched"
    );
    producer.commit_transaction(NOW).unwrap();
    bed.log.compact("table");
    assert_eq!(
        bed.values("table", 0, true),
        pairs(&[(2, "a2"), (3, "open"), (4, "b2")])
    );
    let mut reader = bed.log.reader("reader").unwrap();
    let input = reader
        .add(&partition("table", 0), Position::Offset(1))
        .unwrap();
    let (records, end) = read(&mut reader, input);
    assert_eq!((records.len(), end), (3, Some(6)));
}

#[test]
fn a_long_written_table_stays_small_by_itself() {
    let bed = Bed::new();
    compacted(&bed);
    for number in 0..200_000 {
        put(&bed, &format!("key-{}", number % 100), "v");
    }
    assert!(bed.log.records("table", 0, true).unwrap().len() < 20_000);
    assert_eq!(bed.log.watermarks("table", 0).unwrap().high, 200_000);
}

#[test]
fn retention_keeps_the_last_records_and_moves_the_low_watermark() {
    let bed = Bed::with_topic("t", 1);
    bed.log.retain_records(Some(3));
    for value in ["a", "b", "c", "d", "e"] {
        bed.append("t", 0, value);
    }
    assert_eq!(
        bed.values("t", 0, true),
        pairs(&[(2, "c"), (3, "d"), (4, "e")])
    );
    let marks = bed.log.watermarks("t", 0).unwrap();
    assert_eq!((marks.low, marks.high), (2, 5));
}

#[test]
fn retention_deletes_nothing_that_a_transaction_holds_back() {
    let bed = Bed::with_topic("t", 1);
    bed.log.retain_records(Some(1));
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    for value in ["a", "b"] {
        producer.send(record(0, value)).unwrap();
    }
    bed.append("t", 0, "c");
    assert_eq!(bed.values("t", 0, false).len(), 3);
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(2, "c")]));
}

#[test]
fn retention_spares_topics_that_are_only_compacted() {
    let bed = Bed::new();
    compacted(&bed);
    bed.log.retain_records(Some(1));
    for key in ["a", "b", "c"] {
        put(&bed, key, "v");
    }
    assert_eq!(bed.values("table", 0, true).len(), 3);
}

#[test]
fn reading_what_was_deleted_is_out_of_range() {
    let bed = Bed::with_topic("t", 1);
    for value in ["a", "b", "c"] {
        bed.append("t", 0, value);
    }
    bed.log.delete_records("t", 0, 2).unwrap();
    let mut reader = bed.log.reader("reader").unwrap();
    let mut batch = topology::io::RecordBatch::default();
    for offset in [1, 4] {
        let input = reader
            .add(&partition("t", 0), Position::Offset(offset))
            .unwrap();
        let error = reader.fetch(input, 1, &mut batch).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Fatal);
        assert!(error.detail().starts_with("OFFSET_OUT_OF_RANGE"), "{error}");
        reader.remove(input).unwrap();
    }
    let input = reader.add(&partition("t", 0), Position::Beginning).unwrap();
    assert_eq!(read(&mut reader, input), (pairs(&[(2, "c")]), Some(3)));
    bed.log.delete_records("t", 0, 100).unwrap();
    let marks = bed.log.watermarks("t", 0).unwrap();
    assert_eq!((marks.low, marks.high), (3, 3));
}

#[test]
fn a_topic_made_anew_is_another_topic() {
    let bed = Bed::with_topic("t", 1);
    bed.append("t", 0, "old");
    let mut reader = bed.log.reader("reader").unwrap();
    let input = reader.add(&partition("t", 0), Position::Beginning).unwrap();
    let mut producer = bed.producer(&["t"]);
    bed.log.delete_topic("t");
    producer.send(record(0, "v")).unwrap();
    producer.poll(NOW).unwrap();
    let refused = producer.delivery_error().unwrap();
    assert_eq!(refused.class(), ErrorClass::Fatal, "{refused}");
    bed.log.create_topic("t", 1).unwrap();
    let mut batch = topology::io::RecordBatch::default();
    let error = reader.fetch(input, 1, &mut batch).unwrap_err();
    assert!(error.detail().starts_with("UNKNOWN_TOPIC"), "{error}");
    producer.send(record(0, "new")).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "new")]));
}
