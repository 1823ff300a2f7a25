//! Rows 10, 12 to 15: brokers, changelogs and disks in trouble.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use topology::ErrorClass;
use topology::io::memory::{Fault, OperationKind as Kind};
use topology::store::StoreCall;

use crate::simulation::world::Turn;
use crate::simulation::{job, verify, world};

/// The directories that were moved aside below an instance's state.
fn set_aside(root: &Path) -> usize {
    let states = root.join("a").join(job::APPLICATION);
    let entries = fs::read_dir(states).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with("0_") && name.contains('.'))
        .count()
}

#[test]
fn row_10_brokers_away_for_seconds_during_a_commit_cost_nothing() {
    thread_local! {
        static CALLS: Cell<usize> = const { Cell::new(0) };
    }
    for answer in [
        Fault::Fail(ErrorClass::Retriable),
        Fault::LoseAnswer(ErrorClass::Retriable),
        Fault::Prepare(ErrorClass::Retriable),
    ] {
        let dir = tempfile::tempdir().unwrap();
        world::begin(job::config().state_dir(dir.path()));
        CALLS.set(0);
        world::log().on_operation(Box::new(move |operation| {
            let ends = matches!(operation.kind, Kind::SendOffsets | Kind::CommitTransaction);
            if !ends {
                return None;
            }
            CALLS.set(CALLS.get() + 1);
            let away = (5..25).contains(&CALLS.get());
            if away {
                world::advance(Duration::from_millis(100));
            }
            away.then_some(answer)
        }));
        world::start("a");
        for _ in 0..4 {
            world::append(40);
            world::settle(&["a"]);
        }
        assert!(CALLS.get() > 25);
        verify::verify();
        assert_eq!(set_aside(dir.path()), 0, "no wipe");
        world::end();
    }
}

#[test]
fn row_13_a_full_disk_at_the_store_batch_stops_the_task_and_the_repaired_one_replays() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let hook = Arc::clone(&full);
    let mut config = job::config().state_dir(dir.path());
    config.state.faults = Some(Arc::new(move |operation| {
        let hit = operation.call == StoreCall::Write && hook.load(Ordering::SeqCst);
        hit.then(|| "No space left on device".to_owned())
    }));
    world::begin(config);
    world::start("a");
    world::append(40);
    world::settle(&["a"]);
    full.store(true, Ordering::SeqCst);
    world::append(40);
    let mut ended = None;
    for _ in 0..20 {
        world::advance(Duration::from_millis(100));
        if let Turn::Ended(error) = world::live("a") {
            ended = Some(error);
            break;
        }
    }
    let error = ended.expect("it goes on with a full disk");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    assert!(error.to_string().contains("task 0_"), "{error}");
    // It does not start either, until the disk is repaired.
    world::start("a");
    let refused = (0..200).any(|_| {
        world::advance(Duration::from_millis(100));
        matches!(world::live("a"), Turn::Ended(_))
    });
    assert!(refused, "it started on a full disk");
    full.store(false, Ordering::SeqCst);
    world::start("a");
    world::settle(&["a"]);
    verify::verify();
    assert_eq!(set_aside(dir.path()), 0, "no wipe");
    world::end();
}

#[test]
fn row_14_a_corrupt_table_is_set_aside_and_the_state_restored_in_full() {
    let dir = tempfile::tempdir().unwrap();
    world::begin(job::config().state_dir(dir.path()));
    world::start("a");
    world::append(200);
    world::settle(&["a"]);
    world::stop("a");
    let task = dir.path().join("a").join(job::APPLICATION).join("0_0");
    for entry in fs::read_dir(task).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "sst") {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    world::start("a");
    world::append(40);
    world::settle(&["a"]);
    verify::verify();
    assert_eq!(set_aside(dir.path()), 1);
    world::end();
}

#[test]
fn row_15_a_kill_at_any_write_of_a_restore_is_resumed() {
    for nth in 1..9 {
        let dir = tempfile::tempdir().unwrap();
        let writes = Arc::new(AtomicUsize::new(usize::MAX / 2));
        let hook = Arc::clone(&writes);
        let mut config = job::config().state_dir(dir.path());
        config.streams.poll_records = 7;
        config.state.faults = Some(Arc::new(move |operation| {
            if operation.call == StoreCall::Write && hook.fetch_sub(1, Ordering::SeqCst) == 1 {
                std::panic::resume_unwind(world::kill_running());
            }
            None
        }));
        world::begin(config);
        world::start("a");
        world::append(200);
        world::settle(&["a"]);
        world::stop("a");
        fs::remove_dir_all(dir.path().join("a")).unwrap();
        world::start("a");
        writes.store(nth, Ordering::SeqCst);
        let killed = (0..100).any(|_| matches!(world::live("a"), Turn::Killed));
        assert!(killed, "write {nth} never came");
        writes.store(usize::MAX / 2, Ordering::SeqCst);
        world::start("a");
        world::append(20);
        world::settle(&["a"]);
        verify::verify();
        world::end();
    }
}

/// What the state holds was made from records that are gone, or from another topic: it is not built upon.
#[test]
fn row_12_a_changelog_that_begins_later_or_is_another_is_noticed() {
    for made_anew in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        world::begin(job::config().state_dir(dir.path()));
        world::start("a");
        world::append(200);
        world::settle(&["a"]);
        world::stop("a");
        world::start("b");
        world::append(200);
        world::settle(&["b"]);
        world::stop("b");
        let (log, changelog) = (world::log(), "simulated-counts-changelog");
        // The keys of the job leave a partition empty, whose state has nothing to lose.
        let high = |partition| log.watermarks(changelog, partition).unwrap().high;
        let filled = (0..job::PARTITIONS)
            .filter(|partition| high(*partition) > 0)
            .count();
        assert!(filled > 0);
        if made_anew {
            log.delete_topic(changelog);
            log.create_topic(changelog, job::PARTITIONS).unwrap();
        } else {
            for partition in 0..job::PARTITIONS {
                let end = log.watermarks(changelog, partition).unwrap().high;
                log.delete_records(changelog, partition, end).unwrap();
            }
        }
        world::start("a");
        world::settle(&["a"]);
        assert_eq!(set_aside(dir.path()), filled, "{made_anew}");
        world::end();
    }
}
