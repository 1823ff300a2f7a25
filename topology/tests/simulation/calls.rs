//! Every call of the log fails once, in every way in which it can fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use topology::ErrorClass;
use topology::io::memory::{Fault, OperationKind as Kind};

use crate::simulation::{job, verify, world};

/// Runs one instance over a few batches; the `nth` call of `kind` fails. Answers whether it came
/// to that.
fn fails_once(kind: Kind, nth: usize, fault: Fault) -> bool {
    world::begin(job::config());
    let calls = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&calls);
    world::log().on_operation(Box::new(move |operation| {
        let hit = operation.kind == kind
            && world::is_of(operation, "a")
            && counted.fetch_add(1, Ordering::SeqCst) + 1 == nth;
        hit.then_some(fault)
    }));
    world::start("a");
    for _ in 0..3 {
        world::append(40);
        world::settle(&["a"]);
    }
    verify::verify();
    world::end();
    calls.load(Ordering::SeqCst) >= nth
}

fn all(kinds: &[Kind], faults: &[Fault]) {
    for kind in kinds {
        for fault in faults {
            for nth in [1, 2, 7, 60] {
                // Seen only if it fails.
                eprintln!("{kind:?} {fault:?}, call {nth}");
                let reached = fails_once(*kind, nth, *fault);
                assert!(reached || nth > 1, "{kind:?} is never called");
            }
        }
    }
}

const PRODUCING: [Kind; 5] = [
    Kind::BeginTransaction,
    Kind::Send,
    Kind::PollProducer,
    Kind::SendOffsets,
    Kind::CommitTransaction,
];

#[test]
fn an_abortable_error_of_any_call_in_a_transaction_is_processed_again() {
    all(&PRODUCING, &[Fault::Fail(ErrorClass::Abortable)]);
    all(&[Kind::Send], &[Fault::LoseAnswer(ErrorClass::Abortable)]);
}

#[test]
fn a_retriable_error_of_any_call_neither_loses_nor_doubles() {
    all(&PRODUCING, &[Fault::Fail(ErrorClass::Retriable)]);
    let others = [
        Kind::CreateConsumer,
        Kind::CreateProducer,
        Kind::CreateReader,
        Kind::CreateAdmin,
        Kind::Subscribe,
        Kind::PollGroup,
        Kind::ReadCommittedOffsets,
        Kind::Assign,
        Kind::Fetch,
        Kind::ReadGroupMetadata,
        Kind::InitTransactions,
        Kind::RegisterTopic,
        Kind::ReadWatermarks,
    ];
    all(&others, &[Fault::Fail(ErrorClass::Retriable)]);
}

#[test]
fn a_producer_that_is_fenced_or_broken_at_any_call_is_replaced() {
    let faults = [
        Fault::Fail(ErrorClass::Fenced),
        Fault::Fail(ErrorClass::Fatal),
    ];
    all(&PRODUCING, &faults);
}

#[test]
fn row_6_the_answer_of_a_commit_is_lost_and_the_broker_committed() {
    let faults = [
        Fault::LoseAnswer(ErrorClass::Retriable),
        Fault::LoseAnswer(ErrorClass::Fenced),
        Fault::LoseAnswer(ErrorClass::Fatal),
        Fault::Prepare(ErrorClass::Retriable),
        Fault::Prepare(ErrorClass::Fenced),
    ];
    all(&[Kind::CommitTransaction], &faults);
}

#[test]
fn row_7_the_answer_of_a_commit_is_lost_and_the_broker_aborted() {
    let faults = [
        Fault::Fail(ErrorClass::Fenced),
        Fault::Fail(ErrorClass::Fatal),
    ];
    all(&[Kind::CommitTransaction], &faults);
}

#[test]
fn row_11_the_transactional_id_expired_at_the_broker() {
    world::begin(job::config());
    world::start("a");
    world::append(40);
    world::settle(&["a"]);
    let forgotten = world::log().forget_transactional_id("simulated-a-0");
    assert!(forgotten, "the id is another");
    world::append(40);
    world::settle(&["a"]);
    verify::verify();
    world::end();
}

/// Aborting has calls of its own that can fail.
#[test]
fn an_error_while_aborting_leaves_no_task_between_two_commits() {
    for (kind, class) in [
        (Kind::Seek, ErrorClass::Retriable),
        (Kind::AbortTransaction, ErrorClass::Retriable),
        (Kind::AbortTransaction, ErrorClass::Abortable),
        (Kind::AbortTransaction, ErrorClass::Fenced),
    ] {
        world::begin(job::config());
        let (offsets, aborts) = (AtomicUsize::new(0), AtomicUsize::new(0));
        world::log().on_operation(Box::new(move |operation| {
            let nth = |calls: &AtomicUsize| calls.fetch_add(1, Ordering::SeqCst) + 1;
            if operation.kind == Kind::SendOffsets && nth(&offsets) == 3 {
                return Some(Fault::Fail(ErrorClass::Abortable));
            }
            (operation.kind == kind && nth(&aborts) == 2 - usize::from(kind != Kind::Seek))
                .then_some(Fault::Fail(class))
        }));
        world::start("a");
        for _ in 0..5 {
            world::append(40);
            world::settle(&["a"]);
        }
        verify::verify();
        world::end();
    }
}

#[test]
fn counters_of_a_job_without_stores_survive_an_abort() {
    use topology::codec::Utf8;
    use topology::graph::Topology;
    use topology::process::{ProcessError, Processor, ProcessorContext, Record};
    use topology::testing::{TestDriver, TestDriverConfig};

    struct Tally;
    impl Processor for Tally {
        type Key = String;
        type Value = String;
        type OutKey = String;
        type OutValue = String;
        fn process(
            &mut self,
            record: Record<'_, String, String>,
            context: &mut ProcessorContext<'_, '_, String, String>,
        ) -> Result<(), ProcessError> {
            context.count(0, 1);
            context.forward(record)
        }
    }
    let mut topology = Topology::new();
    topology.add_source("in", &["in"], || Utf8, || Utf8);
    topology.add_processor("tally", || Tally, &["in"]);
    topology.add_sink("out", "out", || Utf8, || Utf8, &["tally"]);
    topology.counters(["records".to_owned()]);
    let config = TestDriverConfig::new("stateless");
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    let input = driver.create_input_topic("in", Utf8, Utf8);
    for number in 0..3 {
        let (key, value) = ("k".to_owned(), "v".to_owned());
        input.pipe_input(&mut driver, &key, &value, number).unwrap();
        driver.commit().unwrap();
    }
    let failed = AtomicUsize::new(0);
    driver.log().on_operation(Box::new(move |operation| {
        let first =
            operation.kind == Kind::SendOffsets && failed.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Fault::Fail(ErrorClass::Abortable))
    }));
    let (key, value) = ("k".to_owned(), "v".to_owned());
    input.pipe_input(&mut driver, &key, &value, 3).unwrap();
    driver.commit().unwrap();
    driver.commit().unwrap();
    assert_eq!(driver.counters(), [4]);
}

#[test]
fn what_is_refused_again_and_again_ends_the_thread_and_is_named() {
    world::begin(job::config());
    world::log().on_operation(Box::new(|operation| {
        let changelog = operation
            .partition
            .is_some_and(|(topic, _)| topic.ends_with("-changelog"));
        (operation.kind == Kind::Send && changelog)
            .then_some(Fault::LoseAnswer(ErrorClass::Abortable))
    }));
    world::start("a");
    world::append(40);
    let mut turns = 0;
    let ended = loop {
        turns += 1;
        assert!(turns < 10_000, "it spins for ever");
        match world::turn("a") {
            Ok(_) => world::advance(std::time::Duration::from_millis(100)),
            Err(error) => break error,
        }
    };
    assert!(turns > 600, "no patience: {turns}");
    assert!(ended.detail().contains("injected"), "{ended}");
    assert!(verify::committed("counted").is_empty());
    world::end();
}

/// A panic when a commit is prepared names the node, like any other.
#[test]
fn a_panic_before_a_commit_is_contained() {
    use topology::codec::Utf8;
    use topology::graph::Topology;
    use topology::process::{ProcessError, Processor, ProcessorContext, Record};
    use topology::testing::{TestDriver, TestDriverConfig};

    struct Panics;
    impl Processor for Panics {
        type Key = String;
        type Value = String;
        type OutKey = ();
        type OutValue = ();
        fn process(
            &mut self,
            _record: Record<'_, String, String>,
            _context: &mut ProcessorContext<'_, '_, (), ()>,
        ) -> Result<(), ProcessError> {
            Ok(())
        }
        fn before_commit(
            &mut self,
            _context: &mut ProcessorContext<'_, '_, (), ()>,
        ) -> Result<(), ProcessError> {
            panic!("on purpose")
        }
    }
    let mut topology = Topology::new();
    topology.add_source("in", &["in"], || Utf8, || Utf8);
    topology.add_processor("panics", || Panics, &["in"]);
    let config = TestDriverConfig::new("panics");
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    let error = driver.commit().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    let told = error.to_string();
    assert!(
        told.contains("on purpose") && told.contains("node panics"),
        "{told}"
    );
}
