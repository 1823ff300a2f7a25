//! Injected faults: before the effect, after it, and between decision and markers.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use topology::ErrorClass;
use topology::io::memory::{Fault, OperationKind};
use topology::io::{OutputId, Position, RecordBatch};

use crate::memory_log::{Bed, NOW, pairs, partition, record, settle};

impl Bed {
    /// The next call of this kind meets the fault.
    fn fail_next(&self, kind: OperationKind, fault: Fault) {
        let next = Mutex::new(Some(fault));
        self.log.on_operation(Box::new(move |operation| {
            let meets = operation.kind == kind;
            meets.then(|| next.lock().take()).flatten()
        }));
    }
}

#[test]
fn a_commit_that_fails_before_its_effect_can_be_repeated() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    let fault = Fault::Fail(ErrorClass::Retriable);
    bed.fail_next(OperationKind::CommitTransaction, fault);
    assert!(producer.commit_transaction(NOW).is_err());
    assert_eq!(bed.values("t", 0, true), []);
    producer.commit_transaction(NOW).unwrap();
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "v")]));
}

#[test]
fn a_lost_answer_of_a_commit_is_resolved_by_repeating_it() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    let fault = Fault::LoseAnswer(ErrorClass::Retriable);
    bed.fail_next(OperationKind::CommitTransaction, fault);
    let error = producer.commit_transaction(NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retriable);
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "v")]));
    assert_eq!(
        producer.begin_transaction().unwrap_err().class(),
        ErrorClass::Fatal
    );
    assert_eq!(
        producer.abort_transaction(NOW).unwrap_err().class(),
        ErrorClass::Fatal
    );
    producer.commit_transaction(NOW).unwrap();
    producer.begin_transaction().unwrap();
    assert_eq!(bed.log.watermarks("t", 0).unwrap().high, 2, "one marker");
}

#[test]
fn a_lost_answer_of_a_commit_is_resolved_by_a_new_producer() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    let fault = Fault::LoseAnswer(ErrorClass::Retriable);
    bed.fail_next(OperationKind::CommitTransaction, fault);
    assert!(producer.commit_transaction(NOW).is_err());
    drop(producer);
    let _again = bed.transactional("a", &["t"]);
    assert_eq!(bed.values("t", 0, true), pairs(&[(0, "v")]));
    assert_eq!(bed.log.watermarks("t", 0).unwrap().high, 2, "one marker");
}

/// A commit that is decided, and whose markers are not written.
fn decided(bed: &Bed) -> Box<dyn topology::io::Producer> {
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    let group = consumer.group_metadata().unwrap();
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    producer
        .send_offsets(&[(partition("t", 0), 1)], &group, NOW)
        .unwrap();
    let fault = Fault::Prepare(ErrorClass::Retriable);
    bed.fail_next(OperationKind::CommitTransaction, fault);
    assert!(producer.commit_transaction(NOW).is_err());
    assert_eq!(bed.values("t", 0, true), []);
    assert!(bed.log.open_transactions()[0].prepared);
    let error = consumer.committed(&[partition("t", 0)], NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retriable);
    producer
}

fn complete(bed: &Bed) -> bool {
    let offset = bed.log.commit_offsets_of("group");
    bed.values("t", 0, true) == pairs(&[(0, "v")])
        && offset.get(&partition("t", 0)) == Some(&1)
        && bed.log.open_transactions().is_empty()
}

#[test]
fn a_new_producer_completes_a_decided_commit() {
    let bed = Bed::with_topic("t", 1);
    drop(decided(&bed));
    let _again = bed.transactional("a", &["t"]);
    assert!(complete(&bed));
}

#[test]
fn repeating_a_decided_commit_completes_it() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = decided(&bed);
    producer.commit_transaction(NOW).unwrap();
    assert!(complete(&bed));
}

#[test]
fn the_coordinator_completes_a_decided_commit_by_itself() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = decided(&bed);
    assert!(!complete(&bed));
    bed.clock.advance(Duration::from_millis(100));
    assert!(complete(&bed));
    producer.commit_transaction(NOW).unwrap();
}

#[test]
fn a_commit_never_answered_and_timed_out_was_aborted() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    let fault = Fault::Fail(ErrorClass::Retriable);
    bed.fail_next(OperationKind::CommitTransaction, fault);
    assert!(producer.commit_transaction(NOW).is_err());
    bed.clock.advance(crate::memory_log::TRANSACTION);
    let error = producer.commit_transaction(NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fenced);
    assert_eq!(bed.values("t", 0, true), []);
}

#[test]
fn an_initialization_whose_answer_is_lost_is_repeated_with_the_next_epoch() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.producer_of(Some("a".into()), &["t"]);
    let fault = Fault::LoseAnswer(ErrorClass::Retriable);
    bed.fail_next(OperationKind::InitTransactions, fault);
    assert!(producer.init_transactions(NOW).is_err());
    producer.init_transactions(NOW).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(record(0, "v")).unwrap();
    producer.commit_transaction(NOW).unwrap();
    let records = bed.log.records("t", 0, true).unwrap();
    assert_eq!(records[0].producer.unwrap().1, 1);
}

#[test]
fn a_record_whose_acknowledgement_is_lost_is_in_the_log_and_costs_the_transaction() {
    let bed = Bed::with_topic("t", 1);
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    let fault = Fault::LoseAnswer(ErrorClass::Abortable);
    bed.fail_next(OperationKind::Send, fault);
    producer.send(record(0, "v")).unwrap();
    producer.poll(NOW).unwrap();
    let error = producer.delivery_error().unwrap();
    assert_eq!(error.class(), ErrorClass::Abortable);
    assert_eq!(bed.values("t", 0, false), pairs(&[(0, "v")]));
    assert!(producer.commit_transaction(NOW).is_err());
    producer.abort_transaction(NOW).unwrap();
}

#[test]
fn offsets_that_fail_before_their_effect_leave_no_transaction_behind() {
    let bed = Bed::with_topic("t", 1);
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    let group = consumer.group_metadata().unwrap();
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    let fault = Fault::Fail(ErrorClass::Abortable);
    bed.fail_next(OperationKind::SendOffsets, fault);
    let offsets = [(partition("t", 0), 1)];
    assert!(producer.send_offsets(&offsets, &group, NOW).is_err());
    assert!(bed.log.open_transactions().is_empty());
    producer.abort_transaction(NOW).unwrap();
}

#[test]
fn passing_trouble_of_poll_and_fetch_is_kept_not_returned() {
    let bed = Bed::with_topic("t", 1);
    bed.append("t", 0, "v");
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    let starts = [(partition("t", 0), Position::Beginning)];
    let input = consumer.assign(&starts).unwrap()[0];
    let fault = Fault::Fail(ErrorClass::Retriable);
    bed.fail_next(OperationKind::Fetch, fault);
    let mut batch = RecordBatch::default();
    assert_eq!(consumer.fetch(input, 1, &mut batch).unwrap().records, 0);
    assert!(consumer.broker_trouble().unwrap().contains("injected"));
    assert_eq!(consumer.fetch(input, 1, &mut batch).unwrap().records, 1);
    consumer.poll(NOW).unwrap();
    assert_eq!(consumer.broker_trouble(), None);
    bed.fail_next(OperationKind::PollGroup, Fault::Fail(ErrorClass::Fatal));
    assert_eq!(consumer.poll(NOW).unwrap_err().class(), ErrorClass::Fatal);
}

#[test]
fn the_hook_sees_who_calls_what_and_may_use_the_log() {
    let bed = Bed::with_topic("t", 3);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (told, log) = (Arc::clone(&seen), Arc::downgrade(&bed.log));
    bed.log.on_operation(Box::new(move |operation| {
        let place = operation
            .partition
            .map(|(topic, number)| format!("{topic}-{number}"));
        let who = operation.transactional_id.map(str::to_owned);
        told.lock().push((operation.kind, who, place));
        log.upgrade().unwrap().tick();
        None
    }));
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    let mut keyed = record(0, "v");
    keyed.partition = None;
    keyed.key = Some(b"abc");
    producer.send(keyed).unwrap();
    producer.commit_transaction(NOW).unwrap();
    bed.log.clear_faults();
    producer.begin_transaction().unwrap();
    let of = |kind, place: Option<&str>| (kind, Some("a".to_owned()), place.map(str::to_owned));
    assert_eq!(
        *seen.lock(),
        [
            of(OperationKind::CreateProducer, None),
            of(OperationKind::RegisterTopic, None),
            of(OperationKind::InitTransactions, None),
            of(OperationKind::BeginTransaction, None),
            of(OperationKind::Send, Some("t-0")),
            of(OperationKind::CommitTransaction, None),
        ]
    );
    let sent_to = (0..3).find(|number| !bed.values("t", *number, true).is_empty());
    assert_eq!(sent_to, Some(479_470_107 % 3));
    assert_eq!(producer.last_offset(OutputId(0), 479_470_107 % 3), Some(0));
}
