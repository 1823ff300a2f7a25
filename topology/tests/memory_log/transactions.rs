//! Epochs, fencing, time-outs.

use std::time::Duration;

use topology::ErrorClass;
use topology::io::{OutputId, TopicSpec};

use crate::memory_log::{Bed, NOW, TRANSACTION, pairs, record};

fn class<T: std::fmt::Debug>(result: Result<T, topology::Error>) -> ErrorClass {
    result.unwrap_err().class()
}

#[test]
fn a_transaction_is_visible_in_all_its_partitions_at_once() {
    let bed = Bed::with_topic("t", 2);
    bed.log.create_topic("u", 1).unwrap();
    let mut producer = bed.transactional("a", &["t", "u"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "t0")).unwrap();
    let mut other = record(0, "t1");
    other.partition = Some(1);
    producer.send(other).unwrap();
    producer.send(record(1, "u0")).unwrap();
    let seen = || {
        [("t", 0), ("t", 1), ("u", 0)].map(|(topic, number)| bed.values(topic, number, true).len())
    };
    assert_eq!(seen(), [0, 0, 0]);
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(seen(), [1, 1, 1]);
    assert!(bed.log.open_transactions().is_empty());
}

#[test]
fn a_transaction_is_open_from_its_first_record() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    assert!(bed.log.open_transactions().is_empty());
    producer.send(record(0, "v")).unwrap();
    bed.clock.advance(Duration::from_secs(3));
    let open = bed.log.open_transactions();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].transactional_id, "a");
    assert_eq!(open[0].age, Duration::from_secs(3));
}

#[test]
fn a_new_producer_of_the_name_fences_the_old_one_and_aborts_what_it_left_open() {
    let bed = Bed::with_topic("t", 1);
    let mut zombie = bed.transactional("a", &["t"]);
    zombie.begin_transaction().unwrap();
    zombie.send(record(0, "zombie")).unwrap();
    let mut owner = bed.transactional("a", &["t"]);
    assert!(bed.log.open_transactions().is_empty());
    assert_eq!(bed.log.last_stable_offset("t", 0).unwrap(), 2);
    assert_eq!(class(zombie.send(record(0, "again"))), ErrorClass::Fenced);
    assert_eq!(class(zombie.commit_transaction(NOW)), ErrorClass::Fenced);
    assert_eq!(class(zombie.abort_transaction(NOW)), ErrorClass::Fenced);
    assert_eq!(class(zombie.begin_transaction()), ErrorClass::Fenced);
    assert_eq!(class(zombie.init_transactions(NOW)), ErrorClass::Fenced);
    assert_eq!(class(zombie.register("t")), ErrorClass::Fenced);
    owner.begin_transaction().unwrap();
    owner.send(record(0, "owner")).unwrap();
    owner.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(2, "owner")]));
    let epochs = bed.log.records("t", 0, false).unwrap();
    let epochs: Vec<_> = epochs
        .iter()
        .map(|record| record.producer.unwrap())
        .collect();
    assert_eq!(epochs[0].0, epochs[1].0);
    assert_eq!(epochs[0].1 + 1, epochs[1].1);
}

#[test]
fn a_commit_by_a_zombie_is_refused_and_its_records_stay_aborted() {
    let bed = Bed::with_topic("t", 1);
    let mut zombie = bed.transactional("a", &["t"]);
    zombie.begin_transaction().unwrap();
    zombie.send(record(0, "zombie")).unwrap();
    let _owner = bed.transactional("a", &["t"]);
    assert_eq!(class(zombie.commit_transaction(NOW)), ErrorClass::Fenced);
    assert_eq!(bed.values("t", 0, true), []);
}

#[test]
fn beginning_and_ending_an_empty_transaction_reach_nobody() {
    let bed = Bed::with_topic("t", 1);
    let mut zombie = bed.transactional("a", &["t"]);
    let _owner = bed.transactional("a", &["t"]);
    zombie.begin_transaction().unwrap();
    zombie.commit_transaction(NOW).unwrap();
    zombie.begin_transaction().unwrap();
    assert_eq!(class(zombie.send(record(0, "v"))), ErrorClass::Fenced);
}

#[test]
fn names_are_independent() {
    let bed = Bed::with_topic("t", 1);
    let mut first = bed.transactional("a", &["t"]);
    let mut second = bed.transactional("b", &["t"]);
    first.begin_transaction().unwrap();
    first.send(record(0, "a")).unwrap();
    second.begin_transaction().unwrap();
    second.send(record(0, "b")).unwrap();
    first.commit_transaction(NOW).unwrap();
    second.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "a"), (1, "b")]));
}

#[test]
fn calls_out_of_order_are_fatal() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.producer_of(Some("a".into()), &["t"]);
    assert_eq!(class(producer.begin_transaction()), ErrorClass::Fatal);
    producer.init_transactions(NOW).unwrap();
    assert_eq!(class(producer.init_transactions(NOW)), ErrorClass::Fatal);
    assert_eq!(
        class(producer.send(record(0, "outside"))),
        ErrorClass::Fatal
    );
    assert_eq!(class(producer.commit_transaction(NOW)), ErrorClass::Fatal);
    assert_eq!(class(producer.abort_transaction(NOW)), ErrorClass::Fatal);
    producer.begin_transaction().unwrap();
    assert_eq!(class(producer.begin_transaction()), ErrorClass::Fatal);
    let mut plain = bed.producer(&["t"]);
    assert_eq!(class(plain.init_transactions(NOW)), ErrorClass::Fatal);
    assert_eq!(class(plain.begin_transaction()), ErrorClass::Fatal);
    assert_eq!(bed.values("t", 0, false), []);
}

#[test]
fn a_transaction_open_too_long_is_aborted_and_its_producer_fenced() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    bed.clock.advance(TRANSACTION);
    // The time counts from the first record.
    producer.send(record(0, "v")).unwrap();
    bed.append("t", 0, "behind");
    bed.clock.advance(TRANSACTION - Duration::from_millis(1));
    assert_eq!(bed.log.open_transactions().len(), 1);
    assert_eq!(bed.values("t", 0, true), []);
    bed.clock.advance(Duration::from_millis(1));
    bed.log.tick();
    assert!(bed.log.open_transactions().is_empty());
    assert_eq!(bed.values("t", 0, true), pairs(&[(1, "behind")]));
    assert_eq!(class(producer.commit_transaction(NOW)), ErrorClass::Fenced);
    let mut again = bed.transactional("a", &["t"]);
    again.begin_transaction().unwrap();
    again.send(record(0, "again")).unwrap();
    again.commit_transaction(NOW).unwrap();
    assert_eq!(
        bed.values("t", 0, true),
        pairs(&[(1, "behind"), (3, "again")])
    );
}

#[test]
fn a_time_out_happens_on_access_without_a_tick() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    bed.clock.advance(TRANSACTION);
    assert_eq!(class(producer.send(record(0, "late"))), ErrorClass::Fenced);
    assert_eq!(bed.log.last_stable_offset("t", 0).unwrap(), 2);
}

#[test]
fn after_a_refused_record_the_transaction_can_only_be_aborted() {
    let bed = Bed::new();
    let spec = TopicSpec {
        name: "t".into(),
        partitions: 1,
        replication_factor: 1,
        config: vec![("max.message.bytes".into(), "200".into())],
    };
    bed.log.create(&spec).unwrap();
    let large = "x".repeat(200);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "small")).unwrap();
    producer.send(record(0, &large)).unwrap();
    producer.poll(NOW).unwrap();
    assert_eq!(
        producer.delivery_error().unwrap().class(),
        ErrorClass::Fatal
    );
    assert_eq!(
        class(producer.send(record(0, "small"))),
        ErrorClass::Abortable
    );
    assert_eq!(
        class(producer.commit_transaction(NOW)),
        ErrorClass::Abortable
    );
    producer.abort_transaction(NOW).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(0, "small")).unwrap();
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(2, "small")]));
}

#[test]
fn a_commit_that_meets_the_refusal_itself_fails() {
    let bed = Bed::new();
    let spec = TopicSpec {
        name: "t".into(),
        partitions: 1,
        replication_factor: 1,
        config: vec![("cleanup.policy".into(), "compact".into())],
    };
    bed.log.create(&spec).unwrap();
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    let mut unkeyed = record(0, "v");
    unkeyed.key = None;
    producer.send(unkeyed).unwrap();
    assert_eq!(
        class(producer.commit_transaction(NOW)),
        ErrorClass::Abortable
    );
    let error = producer.delivery_error().unwrap();
    assert!(error.detail().starts_with("INVALID_RECORD"), "{error}");
}

#[test]
fn last_offsets_are_those_of_records_not_of_markers() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    for last in [0, 2] {
        producer.begin_transaction().unwrap();
        producer.send(record(0, "v")).unwrap();
        producer.commit_transaction(NOW).unwrap();
        assert_eq!(producer.last_offset(OutputId(0), 0), Some(last));
    }
}

#[test]
fn a_forgotten_transactional_id_needs_a_new_producer() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    assert!(!bed.log.forget_transactional_id("a"), "in a transaction");
    producer.commit_transaction(NOW).unwrap();
    assert!(bed.log.forget_transactional_id("a"));
    producer.begin_transaction().unwrap();
    let error = producer.send(record(0, "lost")).unwrap_err();
    assert!(
        error.detail().starts_with("INVALID_PRODUCER_ID_MAPPING"),
        "{error}"
    );
    let mut again = bed.transactional("a", &["t"]);
    again.begin_transaction().unwrap();
    again.send(record(0, "again")).unwrap();
    again.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "v"), (2, "again")]));
}
