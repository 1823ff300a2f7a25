//! A long restore writes sorted files: what it leaves is what an ordinary one leaves, whenever it is killed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use topology::store::{StateConfig, StateDirectory, TaskState};

use crate::state::support::*;

/// A file is written whenever so much is collected: many of them.
const FILE_BYTES: usize = 4 << 10;
const ROUNDS: u32 = 60;

fn small_files(root: &Path) -> Arc<StateDirectory> {
    let config = StateConfig {
        flush_bytes: FILE_BYTES,
        ..StateConfig::default()
    };
    StateDirectory::open(root, config).expect("state directory")
}

/// Rows that are written again and again, deleted, and deleted for good; timers and values of the task beside them.
fn history(root: &Path) -> (Changelog, Rows) {
    let directory = directory(root);
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    for round in 0..ROUNDS {
        for order in 0..40_u32 {
            let key = format!("order-{}", (round * 7 + order * 13) % 200);
            match (round + order) % 5 {
                0 => state.delete(ORDERS, key.as_bytes()).expect("delete"),
                _ => {
                    let value = format!("{round}-{order}");
                    state
                        .put(ORDERS, key.as_bytes(), value.as_bytes())
                        .expect("put");
                }
            }
            state.put(RIDERS, key.as_bytes(), b"idle").expect("put");
        }
        state.set_timer(&order_timer(i64::from(round), b"order"));
        state.cancel_timer(&order_timer(i64::from(round) - 3, b"order"));
        state.set_own(b"round", &round.to_be_bytes());
        changelog.commit(&mut state);
    }
    let rows = dump(&state);
    drop(state);
    fs::remove_dir_all(root.join("0_3")).expect("delete");
    (changelog, rows)
}

/// Restores as the runtime does: a slice at a time, and what is left at the end.
fn restore_by_files(
    state: &mut TaskState,
    changelog: &Changelog,
    step: i64,
    slices: usize,
) -> bool {
    let mut slices = 0..slices;
    for store in [ORDERS, RIDERS] {
        let end = changelog.end(store);
        let mut at = state.changelog_position(store).unwrap_or(0);
        state.begin_ingest(store).expect("begin");
        while at < end {
            if slices.next().is_none() {
                return false;
            }
            let to = (at + step).min(end);
            let records = &changelog.0[&store][at as usize..to as usize];
            let mut records = records
                .iter()
                .map(|(key, value)| (key.as_slice(), value.as_deref()));
            state.restore(store, &mut records, to).expect("restore");
            at = to;
        }
        state.end_ingest(store).expect("end");
    }
    true
}

fn tables(root: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(root.join("0_3")).expect("directory");
    let paths = entries.map(|entry| entry.expect("entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "sst"))
        .collect()
}

#[test]
fn what_is_restored_by_files_is_what_is_restored_row_by_row() {
    let root = tempfile::tempdir().expect("directory");
    let (changelog, rows) = history(root.path());
    let directory = small_files(root.path());
    let mut state = open(&directory);
    assert!(restore_by_files(&mut state, &changelog, 50, usize::MAX));
    assert_eq!(dump(&state), rows);
    for store in [ORDERS, RIDERS] {
        assert_eq!(state.changelog_position(store), Some(changelog.end(store)));
    }
    state.close().expect("close");
    assert!(tables(root.path()).len() > 5, "{:?}", tables(root.path()));
    assert_eq!(dump(&open(&directory)), rows);
}

#[test]
fn killed_after_any_slice_it_goes_on_from_a_position_whose_rows_are_there() {
    let root = tempfile::tempdir().expect("directory");
    let (changelog, rows) = history(root.path());
    let directory = small_files(root.path());
    let (mut resumed, mut kills) = (0, 0);
    for slices in (1..).step_by(4) {
        let mut state = open(&directory);
        let ended = restore_by_files(&mut state, &changelog, 90, slices);
        let copy = state.crash_copy().expect("crash copy");
        drop(state);
        copy.put_back().expect("put back");
        // Without ingestion, as a state of few rows would go on.
        let mut state = open(&directory);
        let position = state.changelog_position(ORDERS);
        assert!(position <= Some(changelog.end(ORDERS)));
        resumed += usize::from(position.is_some());
        kills += 1;
        changelog.restore(&mut state);
        assert_eq!(dump(&state), rows, "killed after {slices} slices");
        drop(state);
        fs::remove_dir_all(root.path().join("0_3")).expect("delete");
        if ended {
            break;
        }
    }
    assert!(kills > 8 && resumed > kills / 2, "{resumed} of {kills}");
}

/// Killed between a file and the position that claims it: the next restore begins at the old one, with rows that are
/// newer. It deletes them again where the changelog does.
#[test]
fn rows_that_no_position_claims_do_not_come_back() {
    let root = tempfile::tempdir().expect("directory");
    let (changelog, rows) = history(root.path());
    let directory = small_files(root.path());
    let mut state = open(&directory);
    state.begin_ingest(ORDERS).expect("begin");
    // A row of the middle of the history, deleted before its end.
    let gone = changelog.0[&ORDERS].iter().find(|(key, value)| {
        let key = key.as_slice();
        value.is_some()
            && key.starts_with(b"order-")
            && !rows.iter().any(|row| row.1 == key && row.0 == "orders")
    });
    let (key, value) = gone.expect("a row that is deleted later");
    let row = (key.as_slice(), value.as_deref());
    state
        .restore(ORDERS, &mut std::iter::once(row), 1)
        .expect("restore");
    state.end_ingest(ORDERS).expect("end");
    drop(state);
    let mut state = open(&directory);
    let mut all = changelog.0[&ORDERS]
        .iter()
        .map(|(key, value)| (key.as_slice(), value.as_deref()));
    state.begin_ingest(ORDERS).expect("begin");
    state
        .restore(ORDERS, &mut all, changelog.end(ORDERS))
        .expect("restore");
    state.end_ingest(ORDERS).expect("end");
    changelog.restore(&mut state);
    assert_eq!(dump(&state), rows);
}

/// A file is moved in by a second name and the removal of the first. Killed between them, the first name is that of a
/// table that lives: writing to it would destroy the table.
#[test]
fn a_name_left_over_of_a_table_that_lives_is_taken_away_not_written_to() {
    let root = tempfile::tempdir().expect("directory");
    let (changelog, rows) = history(root.path());
    let directory = small_files(root.path());
    let mut state = open(&directory);
    assert!(!restore_by_files(&mut state, &changelog, 90, 12));
    drop(state);
    let left = root.path().join("0_3").join("restored.rows");
    let largest = tables(root.path())
        .into_iter()
        .max_by_key(|table| fs::metadata(table).expect("table").len());
    let largest = largest.expect("a table");
    fs::hard_link(&largest, &left).expect("link");
    let before = fs::read(&largest).expect("read");
    let mut state = open(&directory);
    assert!(restore_by_files(&mut state, &changelog, 90, usize::MAX));
    assert_eq!(dump(&state), rows);
    assert!(!left.exists());
    if let Ok(after) = fs::read(&largest) {
        assert_eq!(after, before, "the table was written to");
    }
    state.close().expect("close");
    let state = open(&directory);
    assert!(state.set_aside_at_open().is_none());
    assert_eq!(dump(&state), rows);
}
