//! State that does not fit its changelog, is damaged, or is being restored: rows 12, 14 and 15.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Message, Record, wait_for};

use crate::matrix::world::{APPLICATION, World, aside, long_form};
use crate::support::changelogs::compare_with_changelogs;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::topics::changelog_ends;

const CHANGELOG: &str = "survivor-orders-changelog";

/// Works on half of the load, and stops in order.
fn work_on_half(world: &World, one: &Setup) {
    let processor = one.start_ready();
    world.wait_committed(world.total() / 2);
    processor.stop();
    assert!(world.committed() < world.total(), "nothing was left to do");
}

fn set_aside_for(processor: &mut crate::support::processor::Processor, reason: &str) -> u64 {
    let series = format!("topology_states_set_aside_total{{reason=\"{reason}\"}}");
    processor.metric(&series) as u64
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// An old state, and a changelog that no longer reaches back to it.
#[test]
fn row_12_changelog_that_begins_after_the_stored_offset_is_noticed() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 6_000);
    let one = world.instance("one");
    work_on_half(&world, &one);
    let old = world.state.path().join("old");
    copy(&one.store_dir(), &old);
    let processor = one.start_ready();
    world.wait_consumed();
    processor.stop();
    fs::remove_dir_all(one.store_dir()).unwrap();
    copy(&old, &one.store_dir());
    // A topic that is compacted only keeps its records from those who would delete them.
    broker
        .configure_topic(CHANGELOG, &[("cleanup.policy", "compact,delete")])
        .unwrap();
    broker.delete_records(CHANGELOG).unwrap();
    broker
        .configure_topic(CHANGELOG, &[("cleanup.policy", "compact")])
        .unwrap();

    let mut processor = one.start_ready();
    assert_eq!(set_aside_for(&mut processor, "changelog-truncated"), 4);
    let aside = aside(&[&one]);
    assert_eq!(aside.len(), 4, "{aside:?}");
    assert!(
        aside
            .iter()
            .all(|name| name.contains("changelog-truncated"))
    );
    processor.stop();
}

/// The topic was deleted and made anew, shorter than before.
#[test]
fn row_12_changelog_made_anew_is_noticed_by_offset() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 6_000);
    let one = world.instance("one");
    work_on_half(&world, &one);
    make_anew(&broker, 0);
    let mut processor = one.start_ready();
    assert_eq!(set_aside_for(&mut processor, "changelog-recreated"), 4);
    processor.stop();
}

/// Made anew and filled again, beyond the stored offset: no offset tells, only the id of the topic does.
#[test]
fn row_12_changelog_made_anew_is_noticed_by_topic_id() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 8_000);
    let one = world.instance("one");
    work_on_half(&world, &one);
    make_anew(&broker, 2);
    let mut processor = one.start_ready();
    assert_eq!(set_aside_for(&mut processor, "changelog-recreated"), 4);
    // What was copied is the whole state, so nothing is lost.
    world.wait_consumed();
    processor.stop();
    world.assert_outputs();
    let aside = aside(&[&one]);
    assert_eq!(aside.len(), 4, "{aside:?}");
}

/// Deletes the changelog and makes it anew with its records, so many times over.
fn make_anew(broker: &Broker, times: usize) {
    let records: Vec<Record> = broker
        .consume_all(CHANGELOG, Isolation::ReadCommitted)
        .unwrap();
    assert!(!records.is_empty());
    broker.delete_topics(&[CHANGELOG]).unwrap();
    wait_for("the topic to be gone", TIMEOUT, || {
        broker
            .create_topic(CHANGELOG, 4, &[("cleanup.policy", "compact")])
            .ok()
    })
    .unwrap();
    for _ in 0..times {
        let messages = records.iter().map(|record| {
            let key = record.key.as_ref().unwrap();
            let message = match &record.value {
                Some(value) => Message::new(CHANGELOG, key, value),
                None => Message::tombstone(CHANGELOG, key),
            };
            message.partition(record.partition)
        });
        broker.produce(messages).unwrap();
    }
}

/// A flush finds that no file may grow any further, as on a full disk.
#[test]
fn row_13_full_disk_ends_the_thread_and_after_the_repair_it_replays() {
    if !long_form() {
        return;
    }
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 40_000);
    let one = world.instance("one").flag("--max-rate", "2500");
    let processor = one.start_ready();
    world.wait_committed(4_000);
    // More than the log of the program, less than a table of orders.
    let log = processor.process.stderr().len() as u64;
    processor.process.limit_file_size(log + (16 << 10)).unwrap();
    let (status, errors) = processor.wait_end();
    let last = errors.lines().last().unwrap_or_default();
    tell(last);
    assert_eq!(status, Some(1), "{errors}");
    let store = one.store_dir().display().to_string();
    assert!(last.contains("(task ") && last.contains(&store), "{last}");
    assert!(last.contains("mend the disk"), "{last}");
    assert!(world.committed() < world.total(), "nothing was left to do");
    let all = changelog_ends(&broker, APPLICATION) as f64;
    let mut processor = one.start_ready();
    let replayed = processor.metric("topology_restored_records_total");
    tell(format!("{replayed} of {all} changelog records replayed"));
    assert!(replayed > 0.0, "nothing was replayed");
    world.wait_consumed();
    processor.stop();
    world.assert_outputs();
    let folded = compare_with_changelogs(&broker, APPLICATION, &[one.store_dir()]);
    assert!(folded.differences.is_empty(), "{folded:?}");
    assert!(aside(&[&one]).is_empty(), "{:?}", aside(&[&one]));
}

/// Bytes in the middle of every file of one task are not those that were written.
#[test]
fn row_14_corrupt_sst_file_is_set_aside_and_restored() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 8_000);
    let one = world.instance("one");
    work_on_half(&world, &one);
    let task = one.store_dir().join("0_0");
    let files: Vec<PathBuf> = fs::read_dir(&task)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    assert!(!files.is_empty(), "no SST file in {}", task.display());
    for path in &files {
        let file = fs::File::options().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        // From the front: data, not the footer that is read at once.
        file.write_all_at(&vec![0xA5; (length / 2) as usize], 0)
            .unwrap();
    }
    let processor = one.start();
    world.wait_consumed();
    let log = processor.process.stderr();
    tell(format!("{} files overwritten", files.len()));
    processor.stop();
    world.assert_outputs();
    let aside = aside(&[&one]);
    assert_eq!(aside.len(), 1, "{aside:?}\n{log}");
    assert!(aside[0].contains("0_0.corrupt"), "{aside:?}");
}

/// Killed again and again while it restores from nothing.
#[test]
fn row_15_kill_during_restore_resumes() {
    if !long_form() {
        return;
    }
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 60_000);
    // Short transactions: many records to restore, or it is over before it is seen.
    let one = world
        .instance("one")
        .flag("--max-rate", "100000")
        .flag("--commit-interval-ms", "20")
        .setting("application.catch_up_commit_interval_ms", "20");
    let processor = one.start_ready();
    world.wait_consumed();
    processor.stop();
    fs::remove_dir_all(one.store_dir()).unwrap();
    let mut during = 0;
    for wait_ms in (0..20).map(|number| number * 15) {
        let mut processor = one.start();
        let restoring = || {
            let (_, body) = processor.readiness();
            body.to_string().contains("RESTORING").then_some(())
        };
        wait_for("a restore", TIMEOUT, restoring).unwrap();
        thread::sleep(Duration::from_millis(wait_ms));
        let (status, _) = processor.readiness();
        processor.process.kill9().unwrap();
        if status == 200 {
            break;
        }
        during += 1;
    }
    tell(format!("{during} kills during the restore"));
    assert!(during >= 2, "{during} kills during the restore");
    let processor = one.start_ready();
    processor.stop();
    world.assert_outputs();
    let folded = compare_with_changelogs(&broker, APPLICATION, &[one.store_dir()]);
    assert!(folded.differences.is_empty(), "{folded:?}");
    assert!(
        folded.complete.values().all(|complete| *complete == 1),
        "{folded:?}"
    );
    assert!(aside(&[&one]).is_empty());
}
