//! Offsets in and outside transactions, and who may commit them.

use topology::io::{Consumer, GroupMetadata, Producer, TopicPartition};
use topology::{Error, ErrorClass};

use crate::memory_log::{Bed, NOW, SESSION, TRANSACTION, partition, record, settle};

fn committed(consumer: &mut Box<dyn Consumer>) -> Result<Vec<Option<i64>>, Error> {
    consumer.committed(&[partition("t", 0)], NOW)
}

fn at(offset: i64) -> [(TopicPartition, i64); 1] {
    [(partition("t", 0), offset)]
}

/// A bed whose consumer holds the topic, with its membership, and a producer in a transaction.
fn prepared() -> (Bed, Box<dyn Consumer>, GroupMetadata, Box<dyn Producer>) {
    let bed = Bed::with_topic("t", 1);
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    let group = consumer.group_metadata().unwrap();
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    (bed, consumer, group, producer)
}

#[test]
fn offsets_appear_with_the_commit() {
    let (bed, mut consumer, group, mut producer) = prepared();
    assert_eq!(committed(&mut consumer).unwrap(), [None]);
    producer.send_offsets(&at(5), &group, NOW).unwrap();
    assert!(bed.log.commit_offsets_of("group").is_empty());
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(committed(&mut consumer).unwrap(), [Some(5)]);
    assert_eq!(bed.log.commit_offsets_of("group")[&partition("t", 0)], 5);
}

#[test]
fn offsets_vanish_with_the_abort() {
    let (_bed, mut consumer, group, mut producer) = prepared();
    producer.send_offsets(&at(5), &group, NOW).unwrap();
    producer.abort_transaction(NOW).unwrap();
    assert_eq!(committed(&mut consumer).unwrap(), [None]);
}

#[test]
fn offsets_alone_make_a_transaction_that_times_out() {
    let (bed, mut consumer, group, mut producer) = prepared();
    producer.send_offsets(&at(5), &group, NOW).unwrap();
    assert_eq!(bed.log.open_transactions().len(), 1);
    bed.clock.advance(TRANSACTION);
    let error = producer.commit_transaction(NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    assert_eq!(committed(&mut consumer).unwrap(), [None]);
}

#[test]
fn committed_offsets_are_retriable_while_a_transaction_may_change_them() {
    let (bed, mut consumer, group, mut producer) = prepared();
    producer.send_offsets(&at(5), &group, NOW).unwrap();
    let error = committed(&mut consumer).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retriable);
    let other = consumer.committed(&[partition("t", 1)], NOW).unwrap();
    assert_eq!(other, [None], "only what is pending is held back");
    use topology::io::Log as _;
    let mut admin = bed.log.admin("admin").unwrap();
    assert!(admin.committed("group", &[partition("t", 0)], NOW).is_err());
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(committed(&mut consumer).unwrap(), [Some(5)]);
    let seen = admin.committed("group", &[partition("t", 0)], NOW).unwrap();
    assert_eq!(seen, [Some(5)]);
}

#[test]
fn a_stale_generation_is_fenced_and_costs_the_transaction() {
    let (bed, mut consumer, group, mut producer) = prepared();
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    settle(&mut consumer);
    settle(&mut second);
    producer.send(record(0, "zombie")).unwrap();
    let error = producer.send_offsets(&at(5), &group, NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    assert!(error.detail().starts_with("ILLEGAL_GENERATION"), "{error}");
    let error = producer.commit_transaction(NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Abortable);
    producer.abort_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), []);
    assert_eq!(committed(&mut consumer).unwrap(), [None]);
}

#[test]
fn the_generation_holds_until_all_have_given_up_their_partitions() {
    let (bed, mut consumer, group, mut producer) = prepared();
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    assert!(consumer.poll(NOW).unwrap().is_some(), "revoked");
    producer.send_offsets(&at(5), &group, NOW).unwrap();
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(bed.log.commit_offsets_of("group")[&partition("t", 0)], 5);
}

#[test]
fn a_member_whose_session_expired_is_fenced() {
    let (bed, _consumer, group, mut producer) = prepared();
    bed.clock.advance(SESSION);
    let error = producer.send_offsets(&at(5), &group, NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    assert!(error.detail().starts_with("UNKNOWN_MEMBER_ID"), "{error}");
}

#[test]
fn a_replaced_static_member_is_fenced() {
    let (bed, mut zombie, group, mut producer) = prepared();
    let mut owner = bed.consumer("one", &["t"]);
    settle(&mut owner);
    let error = producer.send_offsets(&at(5), &group, NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    assert!(error.detail().starts_with("FENCED_INSTANCE_ID"), "{error}");
    let error = zombie.commit(&at(5)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
}

#[test]
fn an_empty_list_of_offsets_fences_nobody() {
    let (bed, _zombie, group, mut producer) = prepared();
    bed.clock.advance(SESSION);
    let mut owner = bed.consumer("one", &["t"]);
    settle(&mut owner);
    producer.send(record(0, "zombie")).unwrap();
    producer.send_offsets(&[], &group, NOW).unwrap();
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true).len(), 1);
    assert!(bed.log.commit_offsets_of("group").is_empty());
}

#[test]
fn a_fenced_producer_sends_no_offsets() {
    let (bed, mut consumer, group, mut zombie) = prepared();
    let _owner = bed.transactional("a", &["t"]);
    let error = zombie.send_offsets(&at(5), &group, NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    assert_eq!(committed(&mut consumer).unwrap(), [None]);
}

#[test]
fn a_member_without_an_assignment_commits_nothing() {
    let bed = Bed::with_topic("t", 1);
    let mut consumer = bed.consumer("one", &["t"]);
    let group = consumer.group_metadata().unwrap();
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    let error = producer.send_offsets(&at(5), &group, NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
}

#[test]
fn offsets_outside_a_transaction_are_committed_by_a_current_member() {
    let (bed, mut consumer, _group, _producer) = prepared();
    consumer.commit(&at(3)).unwrap();
    assert_eq!(committed(&mut consumer).unwrap(), [Some(3)]);
    bed.clock.advance(SESSION);
    let error = consumer.commit(&at(4)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    bed.log.forget_offsets_of("group");
    assert_eq!(committed(&mut consumer).unwrap(), [None]);
}
