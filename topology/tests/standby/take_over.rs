//! What a take-over has to read.

use std::path::Path;

use topology::ErrorClass;
use topology::io::memory::{Fault, OperationKind};

use crate::standby::pair::Pair;

const KEYS: usize = 5_000;
/// Records that reached the changelog, and the copy not.
const ROUND: u64 = KEYS as u64;

/// Records that `b` reads after the death of `a`, of a state of `KEYS` keys.
fn restored(root: Option<&Path>, replicas: usize) -> u64 {
    let mut pair = Pair::begin(root, replicas);
    pair.send(KEYS);
    pair.settle();
    pair.kill_a();
    pair.settle();
    pair.verify();
    pair.b.unwrap().restored_records()
}

#[test]
fn with_a_standby_nothing_is_left_to_read() {
    let root = tempfile::tempdir().unwrap();
    for disk in [None, Some(root.path())] {
        assert_eq!(restored(disk.map(|it| it.join("1")).as_deref(), 1), 0);
        // Without one it is the whole state, and the timers' and positions' rows.
        assert!(restored(disk.map(|it| it.join("0")).as_deref(), 0) > ROUND);
    }
}

#[test]
fn what_the_copy_had_not_read_is_read_and_no_more() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::begin(Some(root.path()), 1);
    for _ in 0..4 {
        pair.send(KEYS);
        pair.settle();
    }
    // The copy hears of nothing more while `a` goes on, and dies.
    pair.driver.log().on_operation(Box::new(|operation| {
        let follows = operation.client_id.contains("StandbyThread");
        let stalls = follows && operation.kind == OperationKind::Fetch;
        stalls.then_some(Fault::Fail(ErrorClass::Retriable))
    }));
    pair.send(KEYS);
    pair.settle();
    pair.kill_a();
    pair.settle();
    pair.verify();
    let tail = pair.b.unwrap().restored_records();
    // Each commit has a row or two of the task's own besides.
    assert!((ROUND..ROUND + 50).contains(&tail), "{tail}");
}

#[test]
fn the_copy_is_told_with_its_lag_and_answers_no_query() {
    let mut pair = Pair::begin(None, 1);
    pair.send(KEYS);
    pair.settle();
    assert_eq!(pair.copies(), [("0_0".to_owned(), 0)]);
    let b = pair.b.as_ref().unwrap();
    let answer = b.store("counts", 0);
    assert!(matches!(answer, topology::runtime::StoreQuery::NotHere));
    assert!(
        b.status()
            .threads
            .iter()
            .all(|thread| thread.tasks.is_empty())
    );
    pair.kill_a();
    pair.settle();
    assert_eq!(pair.copies(), []);
}

/// From copy to task and back, twice: `a` comes back each time, and gets its task back.
#[test]
fn a_directory_may_be_a_copy_and_a_task_and_a_copy_again() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::begin(Some(root.path()), 1);
    pair.send(KEYS);
    pair.settle();
    for _ in 0..2 {
        pair.kill_a();
        pair.settle();
        pair.send(KEYS);
        pair.settle();
        pair.verify();
        pair.restart_a();
        pair.settle();
        pair.send(KEYS);
        pair.settle();
        pair.verify();
        let copies = pair.copies();
        assert_eq!(copies, [("0_0".to_owned(), 0)]);
    }
    pair.kill_a();
    pair.settle();
    pair.verify();
    assert_eq!(pair.b.unwrap().restored_records(), 0);
}

/// A copy that was closed in order goes on where it was.
#[test]
fn an_instance_that_restarts_goes_on_with_its_copies() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::begin(Some(root.path()), 1);
    pair.send(KEYS);
    pair.settle();
    pair.b.take().unwrap().close().unwrap();
    pair.b = Some(pair.driver.instance("b").unwrap());
    pair.live(20);
    pair.kill_a();
    pair.settle();
    pair.verify();
    assert_eq!(pair.b.unwrap().restored_records(), 0);
}

/// The owner stands still, its task is taken over and goes on, and then it wakes up.
#[test]
fn a_zombie_owner_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::begin(Some(root.path()), 1);
    pair.send(KEYS);
    pair.settle();
    // In the middle of a transaction, which is lost with it.
    pair.send(KEYS);
    pair.a.as_mut().unwrap().turn().unwrap();
    let zombie = pair.a.take();
    pair.let_session_pass();
    pair.driver
        .clock()
        .advance(std::time::Duration::from_secs(10));
    pair.settle();
    pair.verify();
    assert_eq!(pair.b.as_ref().unwrap().restored_records(), 0);
    pair.a = zombie;
    pair.live(20);
    pair.settle();
    pair.verify();
    assert!(matches!(
        pair.a.as_ref().unwrap().store("counts", 0),
        topology::runtime::StoreQuery::Here(..)
    ));
    // What it had on its disk was its own, and is followed by what came after it.
    pair.send(KEYS);
    pair.settle();
    pair.verify();
    pair.kill_a();
    pair.settle();
    pair.verify();
    assert_eq!(pair.b.as_ref().unwrap().restored_records(), 0);
}
