//! A restore that is killed half-way goes on where its last flush stands, and begins over only if there was none.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use topology::io::memory::OperationKind;
use topology::runtime::StoreQuery;
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};

use crate::restore::job::{append, topology};

/// Changelog records: many turns of a restore.
const RECORDS: usize = 100_000;
const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 0,
};

/// A stopped application with a long changelog; flushes come after `flush_bytes` of it.
fn driver(root: &Path, flush_bytes: usize) -> TestDriver {
    let mut config = TestDriverConfig::new("app").state_dir(root);
    config.state.flush_bytes = flush_bytes;
    let mut driver = TestDriver::new(topology(), config).unwrap();
    append(&driver, 0, RECORDS);
    driver.commit().unwrap();
    driver
}

/// Until the group has given up the member that is gone.
fn wait_for_the_group(driver: &mut TestDriver) {
    let timeout = driver.config_mut().streams.session_timeout;
    driver.clock().advance(timeout + Duration::from_secs(1));
}

fn is_restored(instance: &TestInstance) -> bool {
    matches!(instance.store("counts", 0), StoreQuery::Here(..))
}

/// Turns until the task runs.
fn turns_to_restore(instance: &mut TestInstance) -> usize {
    for turns in 1..1_000 {
        instance.turn().unwrap();
        if is_restored(instance) {
            return turns;
        }
    }
    panic!("not restored");
}

/// Turns of a whole restore, and of one that was killed after three quarters of it.
fn whole_and_resumed(flush_bytes: usize) -> (usize, usize) {
    let root = tempfile::tempdir().unwrap();
    let mut driver = driver(root.path(), flush_bytes);
    let expected = driver.dump(TASK).unwrap();
    assert!(expected.len() > RECORDS, "{} rows", expected.len());
    driver.close().unwrap();
    wait_for_the_group(&mut driver);

    let mut undisturbed = driver.instance("undisturbed").unwrap();
    let whole = turns_to_restore(&mut undisturbed);
    assert_eq!(undisturbed.dump(TASK).unwrap(), expected);
    undisturbed.close().unwrap();
    wait_for_the_group(&mut driver);

    let mut killed = driver.instance("killed").unwrap();
    for _ in 0..whole * 3 / 4 {
        killed.turn().unwrap();
    }
    assert!(!is_restored(&killed), "restored before the kill");
    drop(killed);
    wait_for_the_group(&mut driver);
    let mut again = driver.instance("killed").unwrap();
    let resumed = turns_to_restore(&mut again);
    assert_eq!(again.dump(TASK).unwrap(), expected);
    (whole, resumed)
}

#[test]
fn a_killed_restore_goes_on_from_its_last_flush() {
    let (whole, resumed) = whole_and_resumed(256 << 10);
    assert!(
        resumed <= whole * 3 / 4,
        "{resumed} turns after the kill, {whole} from nothing"
    );
}

/// Without flushes there is nothing to go on from, or the test above would show nothing.
#[test]
fn a_killed_restore_that_never_flushed_begins_over() {
    let (whole, resumed) = whole_and_resumed(usize::MAX);
    assert!(
        resumed + 1 >= whole,
        "{resumed} turns after the kill, {whole} from nothing"
    );
}

/// Behind the last transaction lies its marker: nothing is left to read, and no reader is asked for.
#[test]
fn after_a_clean_stop_no_changelog_is_opened() {
    let root = tempfile::tempdir().unwrap();
    let mut driver = driver(root.path(), usize::MAX);
    let expected = driver.dump(TASK).unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&opened);
    driver.log().on_operation(Box::new(move |operation| {
        if operation.kind == OperationKind::AddPartition {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        None
    }));
    driver.close().unwrap();
    driver.start().unwrap();
    assert_eq!(driver.dump(TASK).unwrap(), expected);
    assert_eq!(opened.load(Ordering::SeqCst), 0, "after a clean stop");
    driver.crash();
    driver.start().unwrap();
    assert_eq!(driver.dump(TASK).unwrap(), expected);
    assert_eq!(
        opened.load(Ordering::SeqCst),
        0,
        "what was flushed is complete"
    );
}
