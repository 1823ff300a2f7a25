//! What goes wrong at random: with calls of the log, in the phases of a commit, with the disk.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::time::Duration;

use topology::io::memory::{Fault, Operation, OperationKind as Kind};
use topology::runtime::{CommitPhase, PhaseObserver};
use topology::store::{StoreCall, StoreOperation};
use topology::{Error, ErrorClass};

use crate::simulation::world::Turn;
use crate::simulation::{dice, story, world};

/// What a full disk says.
const DISK_FULL: &str = "No space left on device";
const SESSION: Duration = Duration::from_secs(6);
const TRANSACTION: Duration = Duration::from_secs(10);

thread_local! {
    /// A fault about every so many calls; 0: none.
    static RATE: Cell<u64> = const { Cell::new(0) };
}

pub fn every(calls: u64) {
    RATE.set(calls);
}

pub fn stop() {
    RATE.set(0);
}

fn off() -> bool {
    RATE.get() == 0 || world::is_nested()
}

fn die_if_dead() {
    if world::is_dead() {
        resume_unwind(world::kill_running());
    }
}

fn die(story: &'static str) -> ! {
    story::happened(story);
    resume_unwind(world::kill_running())
}

const RETRIABLE: Fault = Fault::Fail(ErrorClass::Retriable);
const ABORTABLE: Fault = Fault::Fail(ErrorClass::Abortable);
const FENCED: Fault = Fault::Fail(ErrorClass::Fenced);
const FATAL: Fault = Fault::Fail(ErrorClass::Fatal);

/// What may go wrong with a call, as a broker and its client could make it go wrong.
fn choices(kind: Kind) -> &'static [Fault] {
    match kind {
        Kind::Send => &[
            RETRIABLE,
            ABORTABLE,
            FENCED,
            FATAL,
            Fault::LoseAnswer(ErrorClass::Abortable),
        ],
        Kind::SendOffsets => &[
            RETRIABLE,
            ABORTABLE,
            FENCED,
            FATAL,
            Fault::LoseAnswer(ErrorClass::Retriable),
            Fault::LoseAnswer(ErrorClass::Abortable),
        ],
        Kind::CommitTransaction => &[
            RETRIABLE,
            ABORTABLE,
            FENCED,
            FATAL,
            Fault::LoseAnswer(ErrorClass::Retriable),
            Fault::LoseAnswer(ErrorClass::Fenced),
            Fault::LoseAnswer(ErrorClass::Fatal),
            Fault::Prepare(ErrorClass::Retriable),
            Fault::Prepare(ErrorClass::Fenced),
        ],
        Kind::AbortTransaction => &[
            RETRIABLE,
            FENCED,
            Fault::LoseAnswer(ErrorClass::Retriable),
            Fault::Prepare(ErrorClass::Fenced),
        ],
        Kind::BeginTransaction | Kind::PollProducer => &[RETRIABLE, ABORTABLE, FENCED, FATAL],
        Kind::InitTransactions => &[RETRIABLE, FENCED, Fault::LoseAnswer(ErrorClass::Retriable)],
        Kind::CreateTopics | Kind::CloseConsumer | Kind::CreateAdmin => &[],
        _ => &[RETRIABLE, FENCED],
    }
}

fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Fail(ErrorClass::Retriable) => "retriable error",
        Fault::Fail(ErrorClass::Abortable) => "abortable error",
        Fault::Fail(ErrorClass::Fenced) => "fenced",
        Fault::Fail(_) => "fatal error of the client",
        Fault::LoseAnswer(_) => "answer lost",
        Fault::Prepare(_) => "decided without an answer",
    }
}

/// For every call of the log.
pub fn on_call(operation: &Operation<'_>) -> Option<Fault> {
    if off() {
        return None;
    }
    die_if_dead();
    // There are few of these, and most depends on them.
    let ends = matches!(operation.kind, Kind::SendOffsets | Kind::CommitTransaction);
    let rate = if ends {
        RATE.get().div_ceil(10)
    } else {
        RATE.get()
    };
    if dice::below(rate * 4) == 0 {
        others_go_on();
        die_if_dead();
    }
    if dice::below(rate * 8) == 0 {
        die("kill in a call");
    }
    let choices = choices(operation.kind);
    if choices.is_empty() || dice::below(rate) != 0 {
        return None;
    }
    let fault = dice::one_of(choices);
    story::happened(name(fault));
    Some(fault)
}

/// In the middle of a call of one instance the process stands still, and the others go on, perhaps for longer than its
/// session or its transaction lasts.
fn others_go_on() {
    let step = dice::one_of(&[10, 200, 2_000]);
    let times = dice::below(12) as u32;
    let stands = Duration::from_millis(step) * times;
    story::happened(match stands {
        stands if stands >= TRANSACTION => "stands still past its transaction",
        stands if stands >= SESSION => "stands still past its session",
        _ => "a call takes long",
    });
    world::standing_still(|| {
        for _ in 0..times {
            world::advance(Duration::from_millis(step));
            for name in world::names() {
                turn(name);
            }
        }
    });
}

/// A turn; an instance may end only by what was done to it.
pub fn turn(name: &'static str) {
    if let Turn::Ended(error) = world::live(name) {
        // With a fault in every few calls a thread may give up by itself, which is one more death.
        let gave_up = ["rebuild the thread", "process again"].contains(&error.operation());
        let disk = error.detail().contains(DISK_FULL);
        assert!(disk || gave_up && RATE.get() > 0, "{name} ended: {error}");
        story::happened("thread gave up");
    }
}

/// For every phase of every commit: the process may end there.
pub struct Phases;

impl PhaseObserver for Phases {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if off() {
            return Ok(());
        }
        die_if_dead();
        if dice::below(RATE.get() / 2 + 20) == 0 {
            die(match phase {
                CommitPhase::Idle => "kill after a store batch",
                CommitPhase::Processing => "kill while processing",
                CommitPhase::Changelog => "kill before the changelog",
                CommitPhase::Draining => "kill before acknowledgements",
                CommitPhase::Offsets => "kill before offsets",
                CommitPhase::Committing => "kill before a commit",
                CommitPhase::StoreBatch => "kill before a store batch",
            });
        }
        Ok(())
    }
}

/// For every write and flush of a state on disk.
pub fn on_store(operation: &StoreOperation) -> Option<String> {
    if off() {
        return None;
    }
    if dice::below(RATE.get() / 2 + 10) != 0 {
        return None;
    }
    if dice::below(2) == 0 {
        die(match (operation.call, operation.done) {
            (StoreCall::Write, false) => "kill before a write",
            (StoreCall::Write, true) => "kill after a write",
            (StoreCall::Flush, false) => "kill before a flush",
            (StoreCall::Flush, true) => "kill after a flush",
        });
    }
    story::happened(match operation.call {
        StoreCall::Write => "disk full at a write",
        StoreCall::Flush => "disk full at a flush",
    });
    Some(DISK_FULL.to_owned())
}
