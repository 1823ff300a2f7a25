//! Row 8: a process that stood still longer than its session, and goes on.

use std::cell::Cell;
use std::time::Duration;

use topology::io::memory::OperationKind as Kind;

use crate::simulation::{job, verify, world};

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// Instance "a" stands still in the `nth` call of `kind` from now on, while "b" goes on.
fn stops_in(kind: Kind, nth: usize, standstill: Duration) {
    CALLS.set(0);
    world::log().on_operation(Box::new(move |operation| {
        if operation.kind == kind && world::is_of(operation, "a") {
            CALLS.set(CALLS.get() + 1);
            if CALLS.get() == nth {
                for _ in 0..20 {
                    world::advance(standstill / 20);
                    world::turn("b").unwrap();
                }
            }
        }
        None
    }));
}

const LONG: Duration = Duration::from_secs(30);
/// Longer than the session, not than the transaction.
const SHORT: Duration = Duration::from_secs(8);

#[test]
fn row_8_a_zombie_that_goes_on_anywhere_in_a_transaction_is_fenced() {
    for kind in [
        Kind::PollGroup,
        Kind::Fetch,
        Kind::BeginTransaction,
        Kind::Send,
        Kind::PollProducer,
        Kind::SendOffsets,
        Kind::CommitTransaction,
    ] {
        for nth in [1, 2, 5] {
            for standstill in [SHORT, LONG] {
                eprintln!("{kind:?}, call {nth}, {standstill:?}");
                world::begin(job::config());
                world::start("a");
                world::start("b");
                world::append(40);
                world::settle(&["a", "b"]);
                stops_in(kind, nth, standstill);
                for _ in 0..12 {
                    if CALLS.get() >= nth {
                        break;
                    }
                    world::append(40);
                    for _ in 0..3 {
                        world::turn("a").unwrap();
                        world::turn("b").unwrap();
                        world::advance(Duration::from_millis(60));
                    }
                }
                assert!(CALLS.get() >= nth, "{kind:?} never came to call {nth}");
                world::settle(&["a", "b"]);
                verify::verify();
                world::end();
            }
        }
    }
}

#[test]
fn row_8_a_zombie_that_wakes_with_nothing_but_a_due_timer_is_fenced() {
    world::begin(job::config());
    world::start("a");
    world::settle(&["a"]);
    world::append(40);
    // Processed and committed; the timers are not due yet.
    world::turn("a").unwrap();
    world::advance(Duration::from_millis(100));
    world::turn("a").unwrap();
    assert_eq!(verify::committed("counted").len(), 38);
    assert!(verify::committed("fired").is_empty());
    world::start("b");
    // After the poll that would have told it, before it looks at its timers.
    stops_in(Kind::Fetch, 1, LONG);
    world::turn("a").unwrap();
    assert_eq!(verify::committed("fired").len(), 38, "fired by the other");
    world::settle(&["a", "b"]);
    verify::verify();
    world::end();
}

#[test]
fn row_16_a_take_over_waits_for_the_open_transaction_of_the_dead_owner() {
    thread_local! {
        static PROCESSED_EARLY: Cell<bool> = const { Cell::new(false) };
    }
    world::begin(job::config());
    world::start("a");
    world::append(40);
    world::settle(&["a"]);
    world::start("b");
    CALLS.set(0);
    world::log().on_operation(Box::new(|operation| {
        let commits = operation.kind == Kind::CommitTransaction;
        if commits && world::is_of(operation, "a") && CALLS.replace(1) == 0 {
            // Changelog and offsets are sent, the transaction is open for another 10 s.
            for _ in 0..40 {
                world::advance(Duration::from_millis(500));
                world::turn("b").unwrap();
                let log = world::log();
                let open = log.open_transactions();
                let open = open
                    .iter()
                    .any(|open| open.transactional_id == "simulated-a-0");
                let outputs: usize = verify::committed("counted").len();
                if open && outputs > 38 {
                    PROCESSED_EARLY.set(true);
                }
            }
            assert!(verify::committed("counted").len() > 38, "never taken over");
        }
        None
    }));
    world::append(40);
    for _ in 0..10 {
        world::turn("a").unwrap();
        world::advance(Duration::from_millis(60));
    }
    assert_eq!(CALLS.get(), 1);
    assert!(!PROCESSED_EARLY.get(), "processed before the stable offset");
    world::settle(&["a", "b"]);
    verify::verify();
    world::end();
}
