//! What goes wrong with a copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use topology::ErrorClass;
use topology::io::memory::{Fault, OperationKind};
use topology::store::SetAsideReason;

use crate::standby::pair::Pair;

const KEYS: usize = 2_000;
const CHANGELOG: &str = "app-counts-changelog";

/// Retention or a person deleted what a copy had still to read: it begins anew, aside from what it had.
#[test]
fn a_copy_whose_changelog_was_truncated_begins_anew() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::begin(Some(root.path()), 1);
    pair.send(KEYS);
    pair.settle();
    let read = pair.driver.log().watermarks(CHANGELOG, 0).unwrap().high;
    let b = pair.b.take();
    for _ in 0..2 {
        pair.send(KEYS);
        pair.settle();
    }
    // All keys were written again behind what is gone.
    let log = Arc::clone(pair.driver.log());
    log.delete_records(CHANGELOG, 0, read + 1).unwrap();
    pair.b = b;
    pair.settle();
    let b = pair.b.as_ref().unwrap();
    let truncated = SetAsideReason::ChangelogTruncated;
    assert_eq!(b.set_aside_count(truncated), 1);
    assert_eq!(pair.copies(), [("0_0".to_owned(), 0)]);
    pair.kill_a();
    pair.settle();
    pair.verify();
    assert_eq!(pair.b.as_ref().unwrap().restored_records(), 0);
    assert_eq!(pair.b.unwrap().set_aside_count(truncated), 1);
}

/// Whatever fails for the thread of copies, the instance goes on, and the copies come back.
#[test]
fn no_error_of_a_copy_ends_the_instance() {
    for class in [ErrorClass::Retriable, ErrorClass::Fenced, ErrorClass::Fatal] {
        for kind in [
            OperationKind::CreateAdmin,
            OperationKind::CreateReader,
            OperationKind::DescribeGroup,
            OperationKind::ReadWatermarks,
            OperationKind::AddPartition,
            OperationKind::RemovePartition,
            OperationKind::Fetch,
            OperationKind::PollReader,
        ] {
            let mut pair = Pair::begin(None, 1);
            let failed = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&failed);
            pair.driver.log().on_operation(Box::new(move |operation| {
                let of_copies = operation.client_id.contains("StandbyThread");
                let fails =
                    of_copies && operation.kind == kind && count.fetch_add(1, Ordering::SeqCst) < 3;
                fails.then_some(Fault::Fail(class))
            }));
            // New clients, and copies that come and go.
            pair.b.take().unwrap().close().unwrap();
            pair.b = Some(pair.driver.instance("b").unwrap());
            pair.send(KEYS);
            pair.live(400);
            pair.settle();
            pair.verify();
            if failed.load(Ordering::SeqCst) > 0 {
                assert_eq!(pair.copies(), [("0_0".to_owned(), 0)], "{kind:?} {class:?}");
            }
            pair.kill_a();
            pair.settle();
            pair.verify();
            let restored = pair.b.as_ref().unwrap().restored_records();
            assert_eq!(restored, 0, "{kind:?} {class:?}");
            let met = failed.load(Ordering::SeqCst);
            assert!(met > 0, "{kind:?} is never called");
        }
    }
}

/// A group that is never understood costs copies, not the instance, and is not asked without end.
#[test]
fn a_group_that_cannot_be_described_is_asked_now_and_then() {
    let mut pair = Pair::begin(None, 1);
    pair.send(KEYS);
    pair.settle();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    pair.driver.log().on_operation(Box::new(move |operation| {
        let describes = operation.kind == OperationKind::DescribeGroup
            && operation.client_id.contains("-b-StandbyThread");
        describes.then(|| {
            count.fetch_add(1, Ordering::SeqCst);
            Fault::Fail(ErrorClass::Retriable)
        })
    }));
    let minute = Duration::from_secs(60);
    pair.live(usize::try_from(minute.as_millis() / 100).unwrap());
    // The last decision stands.
    assert_eq!(pair.copies(), [("0_0".to_owned(), 0)]);
    let asked = asked.load(Ordering::SeqCst);
    assert!((5..=60).contains(&asked), "{asked} times in a minute");
}
