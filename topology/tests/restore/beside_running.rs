//! A task that restores much does not hold up those of its thread that run.

use topology::runtime::StoreQuery;
use topology::testing::{TestDriver, TestDriverConfig};

use crate::restore::job::{append, topology};

/// Records that the running task has processed when the other one is restored.
fn processed_meanwhile(backlog: usize, to_restore: usize) -> usize {
    let mut config = TestDriverConfig::new("app").partitions(2);
    config.streams.leave_on_stop = true;
    let mut driver = TestDriver::new(topology(), config).unwrap();
    append(&driver, 1, to_restore);
    driver.commit().unwrap();
    driver.close().unwrap();
    append(&driver, 0, backlog);
    let mut instance = driver.instance("again").unwrap();
    let mut processed = 0;
    for _ in 0..1_000 {
        processed += instance.turn().unwrap().records;
        if matches!(instance.store("counts", 1), StoreQuery::Here(..)) {
            return processed;
        }
    }
    panic!("not restored");
}

#[test]
fn a_running_task_goes_on_while_another_one_restores() {
    let to_restore = 30_000;
    let processed = processed_meanwhile(40_000, to_restore);
    assert!(
        processed >= to_restore * 3 / 4,
        "only {processed} records while {to_restore} were restored"
    );
}

#[test]
fn with_nothing_else_to_do_a_restore_takes_all_there_is() {
    let processed = processed_meanwhile(0, 30_000);
    assert_eq!(processed, 0);
}
