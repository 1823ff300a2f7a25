//! Damaged, outdated and missing directories.

use std::fs;
use std::path::{Path, PathBuf};

use std::time::Duration;

use topology::ErrorClass;
use topology::store::{SetAsideReason, StateConfig, StateDirectory, TaskState};

use crate::state::support::*;

fn table_files(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("0_3")).expect("read directory");
    let paths = entries.map(|entry| entry.expect("entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "sst"))
        .collect()
}

fn set_aside_directories(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).expect("read directory");
    let names = entries.map(|entry| {
        entry
            .expect("entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    names.filter(|name| name.starts_with("0_3.")).collect()
}

#[test]
fn a_truncated_table_is_set_aside_when_opened() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    state.close().expect("close");
    for path in table_files(root.path()) {
        let bytes = fs::read(&path).expect("read");
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("truncate");
    }
    let mut state = open(&directory);
    let found = state.set_aside_at_open().expect("set aside").clone();
    assert_eq!(found.reason, SetAsideReason::Corrupt);
    assert!(found.path.join("SET_ASIDE").exists());
    assert_eq!(directory.set_aside_count(SetAsideReason::Corrupt), 1);
    let names = set_aside_directories(root.path());
    assert!(
        names.len() == 1 && names[0].starts_with("0_3.corrupt-20"),
        "{names:?}"
    );
    assert_eq!(directory.tasks_on_disk(), [TASK]);
    assert_eq!(state.changelog_position(ORDERS), None);
    changelog.restore(&mut state);
    assert_eq!(dump(&state), before);
}

#[test]
fn a_damaged_block_fails_the_read_and_is_set_aside_next_time() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    for i in 0..2_000_u32 {
        // Bytes that do not compress, so that the data blocks are most of the table.
        let value: Vec<u8> = (0..100_u32)
            .map(|j| (i.wrapping_mul(2_654_435_761).rotate_left(j) >> 11) as u8)
            .collect();
        state.put(ORDERS, &i.to_be_bytes(), &value).expect("put");
    }
    state.commit(&[(ORDERS, 2_000)]).expect("commit");
    state.close().expect("close");
    let largest = table_files(root.path())
        .into_iter()
        .max_by_key(|path| fs::metadata(path).expect("metadata").len())
        .expect("a table");
    let mut bytes = fs::read(&largest).expect("read");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 64] {
        *byte ^= 0xFF;
    }
    fs::write(&largest, bytes).expect("damage");

    let mut state = open(&directory);
    assert!(state.set_aside_at_open().is_none());
    let failed = (0..2_000_u32).find_map(|i| state.get(ORDERS, &i.to_be_bytes()).map(|_| ()).err());
    let error = failed.expect("one block is damaged");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(state.is_corrupt());
    drop(state);
    let state = open(&directory);
    assert_eq!(
        state.set_aside_at_open().map(|found| found.reason),
        Some(SetAsideReason::Corrupt)
    );
    assert!(dump(&state).is_empty());
}

#[test]
fn a_missing_current_file_is_damage_not_a_new_database() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    fill(&mut state, &mut Changelog::default());
    state.close().expect("close");
    fs::remove_file(root.path().join("0_3/CURRENT")).expect("remove");
    assert!(open(&directory).set_aside_at_open().is_some());
    assert_eq!(set_aside_directories(root.path()).len(), 1);
}

#[test]
fn a_state_behind_its_changelog_is_set_aside_on_request() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    fill(&mut state, &mut Changelog::default());
    let moved = state
        .set_aside(
            SetAsideReason::ChangelogTruncated,
            "stored position 100, log begins at 400",
        )
        .expect("set aside")
        .expect("a directory");
    assert!(moved.path.is_dir());
    assert!(directory.tasks_on_disk().is_empty());
    assert_eq!(
        directory.set_aside_count(SetAsideReason::ChangelogTruncated),
        1
    );
    assert!(dump(&open(&directory)).is_empty());
}

#[test]
fn a_failed_flush_ends_the_state() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    state.put(ORDERS, b"k", b"v").expect("put");
    state.commit(&[(ORDERS, 1)]).expect("commit");
    fs::remove_dir_all(root.path().join("0_3")).expect("the disk is gone");
    let error = state.flush().expect_err("nowhere to write");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(state.put(ORDERS, b"k", b"v").is_err());
}

#[test]
fn a_second_owner_of_the_directory_is_told() {
    let root = tempfile::tempdir().expect("directory");
    let first = directory(root.path());
    let error = StateDirectory::open(root.path(), StateConfig::default()).expect_err("locked");
    assert!(
        error.to_string().contains("is in use by another process"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&root.path().display().to_string()),
        "{error}"
    );
    drop(first);
    directory(root.path());
}

#[test]
fn a_state_directory_that_cannot_be_is_told() {
    let root = tempfile::tempdir().expect("directory");
    let file = root.path().join("file");
    fs::write(&file, b"").expect("write");
    let error = StateDirectory::open(&file, StateConfig::default()).expect_err("not a directory");
    assert!(
        error.to_string().contains("set another state_dir"),
        "{error}"
    );
}

#[test]
fn a_missing_table_or_manifest_is_damage() {
    for kind in ["sst", "MANIFEST"] {
        let root = tempfile::tempdir().expect("directory");
        let directory = directory(root.path());
        let mut changelog = Changelog::default();
        let mut state = open(&directory);
        fill(&mut state, &mut changelog);
        let before = dump(&state);
        state.close().expect("close");
        for entry in fs::read_dir(root.path().join("0_3")).expect("read directory") {
            let path = entry.expect("entry").path();
            if path.display().to_string().contains(kind) {
                fs::remove_file(path).expect("remove");
            }
        }
        let mut state = open(&directory);
        let reason = state.set_aside_at_open().map(|found| found.reason);
        assert_eq!(reason, Some(SetAsideReason::Corrupt), "{kind}");
        changelog.restore(&mut state);
        assert_eq!(dump(&state), before, "{kind}");
    }
}

#[test]
fn a_task_that_is_open_already_is_refused_and_not_set_aside() {
    let root = tempfile::tempdir().expect("directory");
    let config = StateConfig {
        hand_over_timeout: Duration::from_millis(50),
        ..StateConfig::default()
    };
    let directory = StateDirectory::open(root.path(), config).expect("state directory");
    let _state = open(&directory);
    let error = TaskState::open(&directory, TASK, &stores()).expect_err("open already");
    assert_eq!(error.class(), ErrorClass::Retriable, "{error}");
    assert!(error.to_string().contains("has not closed it"), "{error}");
    assert!(set_aside_directories(root.path()).is_empty());
}
