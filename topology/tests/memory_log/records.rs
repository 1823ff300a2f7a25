//! Appending, partitioning, reading, the two isolation levels, ends and limits.

use topology::ErrorClass;
use topology::io::{
    HeaderBuffer, Headers, Log, OutputId, OutputRecord, Position, RecordBatch, TopicSpec,
};

use crate::memory_log::{Bed, NOW, fetch, pairs, partition, read, record, settle};

#[test]
fn a_record_comes_back_with_all_that_belongs_to_it() {
    let bed = Bed::with_topic("t", 2);
    let mut headers = HeaderBuffer::default();
    headers.push("id", Some(b"42"));
    headers.push("empty", None);
    let mut producer = bed.producer(&["t"]);
    let sent = OutputRecord {
        output: OutputId(0),
        partition: Some(1),
        timestamp: 1_234,
        key: None,
        value: None,
        headers: headers.view(),
    };
    producer.send(sent).unwrap();
    let mut reader = bed.log.reader("reader").unwrap();
    let input = reader.add(&partition("t", 1), Position::Beginning).unwrap();
    let mut batch = RecordBatch::default();
    reader.fetch(input, 10, &mut batch).unwrap();
    let record = batch.front().unwrap();
    assert_eq!((record.offset, record.timestamp), (0, 1_234));
    assert_eq!((record.key, record.value), (None, None));
    let headers: Vec<_> = record.headers.iter().collect();
    assert_eq!(headers, [("id", Some(&b"42"[..])), ("empty", None)]);
    assert!(bed.log.records("t", 0, false).unwrap().is_empty());
}

#[test]
fn a_key_goes_to_the_partition_the_jvm_producer_chooses() {
    let bed = Bed::with_topic("t", 7);
    let append = |key: &[u8]| {
        let appended = bed
            .log
            .append("t", None, Some(key), None, 0, Headers::default());
        appended.unwrap().0
    };
    assert_eq!(append(b"21"), (-973_932_308 & i32::MAX) % 7);
    assert_eq!(append(b"foobar"), (-790_332_482 & i32::MAX) % 7);
    assert_eq!(append(b"abc"), 479_470_107 % 7);
    let mut producer = bed.producer(&["t"]);
    let mut keyed = record(0, "v");
    keyed.partition = None;
    keyed.key = Some(b"abc");
    producer.send(keyed).unwrap();
    assert_eq!(
        bed.values("t", 479_470_107 % 7, true),
        pairs(&[(0, "<none>"), (1, "v")])
    );
}

#[test]
fn records_without_a_key_go_round() {
    let bed = Bed::with_topic("t", 3);
    let mut producer = bed.producer(&["t"]);
    for _ in 0..6 {
        let mut unkeyed = record(0, "v");
        (unkeyed.partition, unkeyed.key) = (None, None);
        producer.send(unkeyed).unwrap();
    }
    for number in 0..3 {
        assert_eq!(bed.values("t", number, true).len(), 2);
    }
}

#[test]
fn read_committed_stops_at_the_first_open_transaction_whatever_comes_behind() {
    let bed = Bed::with_topic("t", 1);
    bed.append("t", 0, "before");
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "open")).unwrap();
    bed.append("t", 0, "behind");
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "before")]));
    assert_eq!(
        bed.values("t", 0, false),
        pairs(&[(0, "before"), (1, "open"), (2, "behind")])
    );
    assert_eq!(bed.log.last_stable_offset("t", 0).unwrap(), 1);
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(
        bed.values("t", 0, true),
        pairs(&[(0, "before"), (1, "open"), (2, "behind")])
    );
}

#[test]
fn of_two_open_transactions_the_first_holds_back() {
    let bed = Bed::with_topic("t", 1);
    let mut first = bed.transactional("a", &["t"]);
    let mut second = bed.transactional("b", &["t"]);
    first.begin_transaction().unwrap();
    second.begin_transaction().unwrap();
    first.send(record(0, "a")).unwrap();
    second.send(record(0, "b")).unwrap();
    assert_eq!(bed.log.last_stable_offset("t", 0).unwrap(), 0);
    second.commit_transaction(NOW).unwrap();
    assert_eq!(bed.log.last_stable_offset("t", 0).unwrap(), 0);
    assert_eq!(bed.values("t", 0, true), []);
    first.abort_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(1, "b")]));
}

#[test]
fn aborted_records_are_seen_by_read_uncommitted_alone() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "aborted")).unwrap();
    producer.abort_transaction(NOW).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(0, "committed")).unwrap();
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(2, "committed")]));
    assert_eq!(
        bed.values("t", 0, false),
        pairs(&[(0, "aborted"), (2, "committed")])
    );
}

#[test]
fn markers_take_an_offset_and_are_never_handed_over() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    for value in ["0", "2"] {
        producer.begin_transaction().unwrap();
        producer.send(record(0, value)).unwrap();
        producer.commit_transaction(NOW).unwrap();
    }
    assert_eq!(bed.values("t", 0, false), pairs(&[(0, "0"), (2, "2")]));
    assert_eq!(bed.log.watermarks("t", 0).unwrap().high, 4);
    let mut admin = bed.log.admin("admin").unwrap();
    let marks = admin.watermarks(&[partition("t", 0)], NOW).unwrap();
    assert_eq!((marks[0].low, marks[0].high), (0, 4));
}

#[test]
fn the_end_is_told_past_markers_and_aborted_records() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "seen")).unwrap();
    producer.commit_transaction(NOW).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(0, "aborted")).unwrap();
    producer.abort_transaction(NOW).unwrap();
    let mut reader = bed.log.reader("reader").unwrap();
    let input = reader.add(&partition("t", 0), Position::Beginning).unwrap();
    assert_eq!(read(&mut reader, input), (pairs(&[(0, "seen")]), Some(4)));
}

#[test]
fn the_end_is_told_once_for_every_place_it_moves_to() {
    let bed = Bed::with_topic("t", 1);
    let mut reader = bed.log.reader("reader").unwrap();
    let input = reader.add(&partition("t", 0), Position::Beginning).unwrap();
    assert_eq!(read(&mut reader, input), (vec![], Some(0)));
    assert_eq!(read(&mut reader, input), (vec![], None));
    bed.append("t", 0, "a");
    assert_eq!(read(&mut reader, input), (pairs(&[(0, "a")]), Some(1)));
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "aborted")).unwrap();
    assert_eq!(
        read(&mut reader, input),
        (vec![], None),
        "still the end at 1"
    );
    producer.abort_transaction(NOW).unwrap();
    assert_eq!(read(&mut reader, input), (vec![], Some(3)));
}

#[test]
fn the_end_is_not_told_while_a_fetch_leaves_records_behind() {
    let bed = Bed::with_topic("t", 1);
    for value in ["a", "b", "c"] {
        bed.append("t", 0, value);
    }
    let mut reader = bed.log.reader("reader").unwrap();
    let input = reader.add(&partition("t", 0), Position::Beginning).unwrap();
    let mut batch = RecordBatch::default();
    let first = reader.fetch(input, 2, &mut batch).unwrap();
    assert_eq!((first.records, first.end_of_partition), (2, None));
    let second = reader.fetch(input, 2, &mut batch).unwrap();
    assert_eq!((second.records, second.end_of_partition), (1, Some(3)));
    assert_eq!(batch.len(), 3);
}

#[test]
fn positions_begin_where_asked_and_a_seek_goes_back() {
    let bed = Bed::with_topic("t", 1);
    for value in ["a", "b", "c"] {
        bed.append("t", 0, value);
    }
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    let from = |position| [(partition("t", 0), position)];
    let input = consumer.assign(&from(Position::End)).unwrap()[0];
    assert_eq!(fetch(&mut consumer, input), (vec![], Some(3)));
    let input = consumer.assign(&from(Position::Offset(2))).unwrap()[0];
    assert_eq!(fetch(&mut consumer, input), (pairs(&[(2, "c")]), Some(3)));
    consumer.seek(input, 1).unwrap();
    assert_eq!(
        fetch(&mut consumer, input),
        (pairs(&[(1, "b"), (2, "c")]), Some(3))
    );
    consumer.seek(input, 3).unwrap();
    let end_again = (vec![], Some(3));
    assert_eq!(fetch(&mut consumer, input), end_again);
}

#[test]
fn ids_of_an_earlier_assignment_are_void() {
    let bed = Bed::with_topic("t", 1);
    let mut consumer = bed.consumer("one", &["t"]);
    let starts = [(partition("t", 0), Position::Beginning)];
    let old = consumer.assign(&starts).unwrap()[0];
    let new = consumer.assign(&starts).unwrap()[0];
    let mut batch = RecordBatch::default();
    let error = consumer.fetch(old, 1, &mut batch).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    consumer.fetch(new, 1, &mut batch).unwrap();
    consumer.unassign().unwrap();
    assert!(consumer.fetch(new, 1, &mut batch).is_err());
}

#[test]
fn watermarks_as_cached_are_those_of_the_last_fetch_up_to_the_last_stable_offset() {
    let bed = Bed::with_topic("t", 1);
    bed.append("t", 0, "a");
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "open")).unwrap();
    let mut consumer = bed.consumer("one", &["t"]);
    let starts = [(partition("t", 0), Position::Beginning)];
    let input = consumer.assign(&starts).unwrap()[0];
    assert_eq!(consumer.cached_watermarks(input), None);
    fetch(&mut consumer, input);
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(consumer.cached_watermarks(input).unwrap().high, 1);
    fetch(&mut consumer, input);
    assert_eq!(consumer.cached_watermarks(input).unwrap().high, 3);
}

#[test]
fn a_record_larger_than_the_topic_takes_is_refused_at_its_acknowledgement() {
    let bed = Bed::new();
    let spec = TopicSpec {
        name: "small".into(),
        partitions: 1,
        replication_factor: 1,
        config: vec![("max.message.bytes".into(), "100".into())],
    };
    bed.log.create(&spec).unwrap();
    // 61 bytes of batch header, 1 length, 3 fixed, 1+3 key, 1+n value, 1 header count.
    let fits = "x".repeat(100 - 61 - 1 - 3 - 4 - 1 - 1);
    let mut producer = bed.producer(&["small"]);
    producer.send(record(0, &fits)).unwrap();
    producer.poll(NOW).unwrap();
    assert!(producer.delivery_error().is_none());
    producer.send(record(0, &format!("{fits}x"))).unwrap();
    assert!(producer.delivery_error().is_none(), "not acknowledged yet");
    producer.poll(NOW).unwrap();
    let error = producer.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(
        error
            .detail()
            .starts_with("MESSAGE_TOO_LARGE: the batch of this record is 101 bytes")
    );
    assert!(producer.delivery_error().is_none(), "taken, not copied");
    assert_eq!(bed.values("small", 0, true).len(), 1);
}

#[test]
fn the_default_limit_is_kafkas() {
    let bed = Bed::with_topic("t", 1);
    let mut admin = bed.log.admin("admin").unwrap();
    let described = admin.describe_topics(&["t", "absent"], NOW).unwrap();
    let topic = described[0].as_ref().unwrap();
    assert_eq!((topic.partitions, topic.max_message_bytes), (1, 1_048_588));
    assert_eq!(topic.cleanup_policy, "delete");
    assert_eq!(described[1], None);
}

#[test]
fn creating_a_topic_again_changes_nothing() {
    let bed = Bed::with_topic("t", 2);
    bed.append("t", 1, "kept");
    bed.log.create_topic("t", 5).unwrap();
    assert_eq!(bed.values("t", 1, true).len(), 1);
    assert!(bed.log.records("t", 2, true).is_err());
    assert!(bed.log.create_topic("none", 0).is_err());
}

#[test]
fn a_record_for_an_unknown_partition_is_refused_with_its_name() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.producer(&["t", "absent"]);
    let mut wrong = record(0, "v");
    wrong.partition = Some(1);
    producer.send(wrong).unwrap();
    producer.poll(NOW).unwrap();
    let error = producer.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(error.to_string().contains("t-1"), "{error}");
    producer.send(record(1, "v")).unwrap();
    producer.poll(NOW).unwrap();
    assert!(producer.delivery_error().is_some(), "there is no topic");
    bed.log.create_topic("absent", 1).unwrap();
    producer.send(record(1, "v")).unwrap();
    assert_eq!(producer.in_flight(), 1);
}

#[test]
fn acknowledgements_come_with_poll() {
    let bed = Bed::with_topic("t", 2);
    let mut producer = bed.producer(&["t"]);
    producer.send(record(0, "a")).unwrap();
    producer.send(record(0, "b")).unwrap();
    assert_eq!(producer.in_flight(), 2);
    assert_eq!(producer.last_offset(OutputId(0), 0), None);
    producer.poll(NOW).unwrap();
    assert_eq!(producer.in_flight(), 0);
    assert_eq!(producer.last_offset(OutputId(0), 0), Some(1));
    assert_eq!(producer.last_offset(OutputId(0), 1), None);
}
