//! State of a task: what survives a clean stop, a crash, damage, and a change of the topology.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use topology::ErrorClass;
use topology::store::{
    SetAsideReason, StateConfig, StateDirectory, StoreId, StoreSpec, TaskState, Timer, TimerBatch,
    TimerClock, UnknownStores,
};
use topology::task::TaskId;

const ORDERS: StoreId = StoreId(0);
const RIDERS: StoreId = StoreId(1);
const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 3,
};

type Rows = Vec<(String, Vec<u8>, Vec<u8>)>;

fn stores() -> [StoreSpec; 2] {
    [
        StoreSpec::persistent("orders"),
        StoreSpec::persistent("riders"),
    ]
}

fn directory(root: &Path) -> Arc<StateDirectory> {
    StateDirectory::open(root, StateConfig::default()).expect("state directory")
}

fn open(directory: &Arc<StateDirectory>) -> TaskState {
    TaskState::open(directory, TASK, &stores()).expect("state")
}

fn dump(state: &TaskState) -> Rows {
    let mut rows = Rows::new();
    state
        .dump(&mut |family, key, value| {
            rows.push((family.to_owned(), key.to_vec(), value.to_vec()))
        })
        .expect("dump");
    rows
}

fn order_timer(deadline_ms: i64, key: &[u8]) -> Timer<'_> {
    Timer {
        clock: TimerClock::StreamTime,
        deadline_ms,
        node: 1,
        kind: 0,
        key,
    }
}

type Record = (Vec<u8>, Option<Vec<u8>>);

/// The changelog topics: what was committed, in order; offsets are indices.
#[derive(Default, Clone)]
struct Changelog(BTreeMap<StoreId, Vec<Record>>);

impl Changelog {
    /// Steps 2 to 6 of the commit.
    fn commit(&mut self, state: &mut TaskState) {
        let before: BTreeMap<_, _> = self
            .0
            .iter()
            .map(|(id, records)| (*id, records.len()))
            .collect();
        state
            .changelog(&mut |store, key, value| {
                self.0
                    .entry(store)
                    .or_default()
                    .push((key.to_vec(), value.map(<[u8]>::to_vec)));
                Ok(())
            })
            .expect("changelog");
        let positions: Vec<(StoreId, i64)> = self
            .0
            .iter()
            .filter(|(id, records)| before.get(id).copied().unwrap_or(0) < records.len())
            .map(|(id, records)| (*id, records.len() as i64))
            .collect();
        state.commit(&positions).expect("commit");
    }

    fn end(&self, store: StoreId) -> i64 {
        self.0.get(&store).map_or(0, |records| records.len() as i64)
    }

    fn restore(&self, state: &mut TaskState) {
        let stores: Vec<StoreId> = state.specs().map(|(id, _)| id).collect();
        for store in stores {
            let end = self.end(store);
            self.restore_until(state, store, end);
        }
    }

    fn restore_until(&self, state: &mut TaskState, store: StoreId, end: i64) {
        let from = state.changelog_position(store).unwrap_or(0);
        let records = self.0.get(&store).map(Vec::as_slice).unwrap_or_default();
        let mut tail = records[from as usize..end as usize]
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()));
        state.restore(store, &mut tail, end).expect("restore");
    }

    /// The state that these records make, up to the positions given.
    fn fold(&self, specs: &[StoreSpec], positions: impl Fn(StoreId) -> i64) -> Rows {
        let nowhere = StateDirectory::in_memory(StateConfig::default());
        let mut state = TaskState::open(&nowhere, TASK, specs).expect("state");
        for index in 0..specs.len() {
            let store = StoreId(index as u32);
            self.restore_until(&mut state, store, positions(store));
        }
        dump(&state)
    }
}

fn fill(state: &mut TaskState, changelog: &mut Changelog) {
    for i in 0..50_i64 {
        let key = format!("order-{i}");
        state.put(ORDERS, key.as_bytes(), b"created").expect("put");
        state.put(RIDERS, key.as_bytes(), &[i as u8]).expect("put");
        state.set_timer(&order_timer(1_000 + i, key.as_bytes()));
        state.set_own(b"stream time", &i.to_be_bytes());
        if i % 7 == 0 {
            changelog.commit(state);
        }
    }
    state.delete(ORDERS, b"order-1").expect("delete");
    state.cancel_timer(&order_timer(1_001, b"order-1"));
    changelog.commit(state);
}

#[test]
fn a_deleted_directory_is_restored_family_by_family() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    for family in ["orders", "riders", "_task"] {
        assert!(
            before.iter().any(|(name, _, _)| name == family),
            "{family} is empty"
        );
    }
    state.close().expect("close");
    fs::remove_dir_all(root.path().join("0_3")).expect("delete");

    let mut state = open(&directory);
    assert!(dump(&state).is_empty());
    assert_eq!(state.changelog_position(ORDERS), None);
    changelog.restore(&mut state);
    assert_eq!(dump(&state), before);
    assert_eq!(
        state.next_deadline(TimerClock::StreamTime).expect("timers"),
        Some(1_000)
    );
    assert_eq!(
        state.own(b"stream time"),
        Some(49_i64.to_be_bytes().as_slice())
    );
    let mut due = TimerBatch::default();
    state
        .take_due(TimerClock::StreamTime, 1_002, 10, &mut due)
        .expect("take due");
    let keys: Vec<&[u8]> = due.iter().map(|timer| timer.key).collect();
    assert_eq!(keys, [b"order-0".as_slice(), b"order-2"]);
}

#[test]
fn a_clean_stop_leaves_nothing_to_replay() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    assert!(state.statistics().unflushed_records > 0);
    let before = dump(&state);
    state.put(ORDERS, b"uncommitted", b"lost").expect("put");
    state.close().expect("close");
    let state = open(&directory);
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(changelog.end(ORDERS))
    );
    assert_eq!(
        state.changelog_position(RIDERS),
        Some(changelog.end(RIDERS))
    );
    assert_eq!(dump(&state), before);
}

#[test]
fn nothing_uncommitted_is_on_disk_after_a_forced_flush() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    let committed = dump(&state);
    state.put(ORDERS, b"order-2", b"uncommitted").expect("put");
    state.delete(RIDERS, b"order-3").expect("delete");
    state.set_timer(&order_timer(1, b"uncommitted"));
    state.set_own(b"stream time", b"uncommitted");
    state
        .flush()
        .expect("flush in the middle of the transaction");
    let copy = state.crash_copy().expect("crash copy");
    drop(state);
    copy.put_back().expect("put back");
    let state = open(&directory);
    assert_eq!(dump(&state), committed);
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(changelog.end(ORDERS))
    );
}

#[test]
fn a_crash_keeps_the_last_flush_and_the_changelog_has_the_rest() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    state.flush().expect("flush");
    let flushed = (dump(&state), changelog.end(ORDERS));
    state.put(ORDERS, b"late", b"1").expect("put");
    state.set_timer(&order_timer(5, b"late"));
    changelog.commit(&mut state);
    let latest = dump(&state);
    drop(state);
    let mut state = open(&directory);
    assert_eq!(
        (
            dump(&state),
            state.changelog_position(ORDERS).expect("position")
        ),
        flushed
    );
    changelog.restore(&mut state);
    assert_eq!(dump(&state), latest);
}

#[test]
fn positions_and_data_agree_whenever_rocksdb_chooses_to_flush() {
    let root = tempfile::tempdir().expect("directory");
    // So little memory for memtables that RocksDB flushes of its own accord all the time.
    let config = StateConfig {
        write_buffer_bytes: 256 << 10,
        ..StateConfig::default()
    };
    let directory = StateDirectory::open(root.path(), config).expect("state directory");
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    let mut seen = Vec::new();
    for round in 0..60_u32 {
        for i in 0..20_u32 {
            let key = (round * 7 + i).to_be_bytes();
            state.put(ORDERS, &key, &[round as u8; 900]).expect("put");
            if i % 3 == 0 {
                state.delete(RIDERS, &i.to_be_bytes()).expect("delete");
            } else {
                state
                    .put(RIDERS, &i.to_be_bytes(), &round.to_be_bytes())
                    .expect("put");
            }
        }
        state.set_own(b"round", &round.to_be_bytes());
        changelog.commit(&mut state);
        if round % 10 == 9 {
            let latest = dump(&state);
            let copy = state.crash_copy().expect("crash copy");
            drop(state);
            copy.put_back().expect("put back");
            state = open(&directory);
            let at = |store| state.changelog_position(store).unwrap_or(0);
            assert_eq!(dump(&state), changelog.fold(&stores(), at), "round {round}");
            seen.push(at(ORDERS));
            changelog.restore(&mut state);
            assert_eq!(dump(&state), latest, "round {round}");
        }
    }
    assert!(
        seen.iter().any(|position| *position > 0),
        "RocksDB never flushed: {seen:?}"
    );
}

#[test]
fn a_restore_cut_short_resumes() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    drop(state);
    fs::remove_dir_all(root.path().join("0_3")).expect("delete");
    let mut state = open(&directory);
    changelog.restore_until(&mut state, ORDERS, 40);
    state.flush().expect("flush");
    changelog.restore_until(&mut state, ORDERS, 60);
    drop(state);
    let mut state = open(&directory);
    assert_eq!(state.changelog_position(ORDERS), Some(40));
    changelog.restore(&mut state);
    assert_eq!(dump(&state), before);
}

#[test]
fn restored_rows_replace_what_was_cached() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    assert_eq!(state.get(ORDERS, b"k").expect("get"), None);
    let row = [(b"k".as_slice(), Some(b"v".as_slice()))];
    state
        .restore(ORDERS, &mut row.into_iter(), 1)
        .expect("restore");
    assert_eq!(state.get(ORDERS, b"k").expect("get"), Some(b"v".as_slice()));
    state.put(ORDERS, b"k", b"uncommitted").expect("put");
    let error = state
        .restore(ORDERS, &mut row.into_iter(), 1)
        .expect_err("uncommitted changes");
    assert!(error.to_string().contains("uncommitted changes"), "{error}");
}

#[test]
fn a_restore_that_fails_half_way_claims_nothing() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    // Several batches, then a reserved key that this version does not know.
    let value = vec![0; 100_000];
    let keys: Vec<[u8; 4]> = (0..250_u32).map(u32::to_be_bytes).collect();
    let rows = keys
        .iter()
        .map(|key| (key.as_slice(), Some(value.as_slice())));
    let unknown = (b"\xFF\x4A\x4D\xFF\x09".as_slice(), Some(b"".as_slice()));
    let error = state
        .restore(ORDERS, &mut rows.chain([unknown]), 251)
        .expect_err("unknown key");
    assert!(
        error
            .to_string()
            .contains("orders: the changelog has a reserved key"),
        "{error}"
    );
    assert_eq!(state.changelog_position(ORDERS), None);
    state.close().expect("close");
    assert_eq!(open(&directory).changelog_position(ORDERS), None);
}

#[test]
fn in_memory_stores_are_restored_from_the_beginning() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let specs = [
        StoreSpec::in_memory("sessions"),
        StoreSpec::persistent("orders"),
    ];
    let mut changelog = Changelog::default();
    let mut state = TaskState::open(&directory, TASK, &specs).expect("state");
    assert_eq!(state.carrier(), Some(StoreId(1)));
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    state.close().expect("close");
    let mut state = TaskState::open(&directory, TASK, &specs).expect("state");
    assert_eq!(state.changelog_position(StoreId(0)), None);
    assert_eq!(
        state.changelog_position(StoreId(1)),
        Some(changelog.end(StoreId(1)))
    );
    changelog.restore(&mut state);
    assert_eq!(dump(&state), before);
}

#[test]
fn without_a_disk_everything_comes_from_the_changelog() {
    let directory = StateDirectory::in_memory(StateConfig::default());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    state.close().expect("close");
    let mut state = open(&directory);
    assert!(dump(&state).is_empty());
    changelog.restore(&mut state);
    assert_eq!(dump(&state), before);
    assert!(directory.tasks_on_disk().is_empty());
}

#[test]
fn a_store_with_the_magic_in_its_keys_is_restored() {
    let directory = StateDirectory::in_memory(StateConfig::default());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    for tail in [b"".as_slice(), b"\x00", b"\x01\x01stream time"] {
        let key = [b"\xFF\x4A\x4D\xFF", tail].concat();
        state.put(ORDERS, &key, b"a user's row").expect("put");
    }
    changelog.commit(&mut state);
    let before = dump(&state);
    assert_eq!(
        changelog.fold(&stores(), |store| changelog.end(store)),
        before
    );
    assert_eq!(state.own(b"stream time"), None);
}

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
fn removed_stores_are_refused_by_name_or_dropped() {
    let root = tempfile::tempdir().expect("directory");
    let mut changelog = Changelog::default();
    {
        let directory = directory(root.path());
        let mut state = open(&directory);
        fill(&mut state, &mut changelog);
        state.close().expect("close");
        let error =
            TaskState::open(&directory, TASK, &stores()[..1]).expect_err("riders is unknown");
        assert!(
            error.to_string().contains("does not have: riders"),
            "{error}"
        );
    }
    let config = StateConfig {
        unknown_stores: UnknownStores::Drop,
        ..StateConfig::default()
    };
    let directory = StateDirectory::open(root.path(), config).expect("state directory");
    let state = TaskState::open(&directory, TASK, &stores()[..1]).expect("riders dropped");
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(changelog.end(ORDERS))
    );
    assert!(dump(&state).iter().all(|(family, _, _)| family != "riders"));
    // Crashes right after dropping and right after creating the store anew must not bring back
    // the position of the rows that are gone.
    drop(state);
    drop(open(&directory));
    let mut state = open(&directory);
    assert_eq!(state.changelog_position(RIDERS), None);
    changelog.restore(&mut state);
    assert!(dump(&state).iter().any(|(family, _, _)| family == "riders"));
}

#[test]
fn an_added_store_begins_empty_and_keeps_the_others() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    let mut changelog = Changelog::default();
    fill(&mut state, &mut changelog);
    let before = dump(&state);
    state.close().expect("close");
    let [orders, riders] = stores();
    let specs = [orders, riders, StoreSpec::persistent("added")];
    let state = TaskState::open(&directory, TASK, &specs).expect("state");
    assert_eq!(dump(&state), before);
    assert_eq!(state.changelog_position(StoreId(2)), None);
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(changelog.end(ORDERS))
    );
}

#[test]
fn the_tasks_own_rows_do_not_silently_change_their_changelog() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut changelog = Changelog::default();
    let mut state = open(&directory);
    fill(&mut state, &mut changelog);
    state.close().expect("close");
    let [orders, riders] = stores();
    let error =
        TaskState::open(&directory, TASK, &[riders.clone(), orders.clone()]).expect_err("carrier");
    assert!(
        error.to_string().contains("declare orders as the first"),
        "{error}"
    );

    let nowhere = StateDirectory::in_memory(StateConfig::default());
    let mut state = TaskState::open(&nowhere, TASK, &[riders, orders]).expect("state");
    let records = changelog.0.get(&ORDERS).expect("records");
    let mut records = records
        .iter()
        .map(|(key, value)| (key.as_slice(), value.as_deref()));
    let error = state
        .restore(StoreId(1), &mut records, 9)
        .expect_err("not the carrier");
    assert!(
        error
            .to_string()
            .contains("belong to another store's changelog"),
        "{error}"
    );
}

#[test]
fn reserved_names_and_doubles_are_refused() {
    let nowhere = StateDirectory::in_memory(StateConfig::default());
    for names in [["_task", "a"], ["a", "a"], ["a", "default"]] {
        let specs = names.map(StoreSpec::persistent);
        let error = TaskState::open(&nowhere, TASK, &specs).expect_err("refused");
        assert!(
            error.to_string().contains("reserved or used twice"),
            "{error}"
        );
    }
}

#[test]
fn changes_without_a_changelog_position_are_refused_before_anything_is_written() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    state.put(RIDERS, b"k", b"v").expect("put");
    let error = state
        .commit(&[(ORDERS, 1)])
        .expect_err("riders has no position");
    assert!(
        error
            .to_string()
            .contains("store riders has changes but no changelog position"),
        "{error}"
    );
    state
        .commit(&[(ORDERS, 1), (RIDERS, 1)])
        .expect("the state is not poisoned");
}

#[test]
fn the_cache_stays_within_its_bound() {
    let root = tempfile::tempdir().expect("directory");
    let config = StateConfig {
        overlay_cache_bytes: 64 << 10,
        ..StateConfig::default()
    };
    let directory = StateDirectory::open(root.path(), config).expect("state directory");
    let mut state = open(&directory);
    let mut changelog = Changelog::default();
    for i in 0..5_000_u32 {
        state
            .put(StoreId(i % 2), &i.to_be_bytes(), &[7; 100])
            .expect("put");
    }
    changelog.commit(&mut state);
    assert!(state.statistics().cached_bytes <= 64 << 10);
    for i in 0..5_000_u32 {
        let expected: &[u8] = &[7; 100];
        assert_eq!(
            state.get(StoreId(i % 2), &i.to_be_bytes()).expect("get"),
            Some(expected)
        );
        assert_eq!(
            state
                .get(StoreId(i % 2), &(i + 100_000).to_be_bytes())
                .expect("get"),
            None
        );
        assert!(
            state.statistics().cached_bytes <= (64 << 10) + 512,
            "after key {i}"
        );
    }
}

#[test]
fn flushes_come_by_time_and_by_size() {
    let root = tempfile::tempdir().expect("directory");
    let config = StateConfig {
        flush_interval: Duration::from_secs(10),
        flush_bytes: 10_000,
        ..StateConfig::default()
    };
    let directory = StateDirectory::open(root.path(), config).expect("state directory");
    let mut state = open(&directory);
    let second = Duration::from_secs;
    state.maybe_flush(second(100)).expect("flush");
    state.put(ORDERS, b"k", b"v").expect("put");
    state.commit(&[(ORDERS, 1)]).expect("commit");
    state.maybe_flush(second(109)).expect("flush");
    assert_eq!(state.statistics().unflushed_records, 1);
    state.maybe_flush(second(110)).expect("flush");
    assert_eq!(state.statistics().unflushed_records, 0);
    state.put(ORDERS, b"k", &[0; 10_000]).expect("put");
    state.commit(&[(ORDERS, 2)]).expect("commit");
    state.maybe_flush(second(111)).expect("flush");
    assert_eq!(state.statistics().unflushed_records, 0);
    assert_eq!(state.statistics().last_flush, Some(second(111)));
}

#[test]
fn queries_see_committed_data_only_and_end_with_the_task() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    let view = state.committed();
    state.put(ORDERS, b"a", b"1").expect("put");
    assert_eq!(view.get(ORDERS, b"a").expect("query"), None);
    state.commit(&[(ORDERS, 1)]).expect("commit");
    state.put(ORDERS, b"a", b"2").expect("put");
    state.put(ORDERS, b"b", b"2").expect("put");
    let other = view.clone();
    let rows = std::thread::spawn(move || {
        let mut rows = Vec::new();
        other
            .range(
                ORDERS,
                Bound::Unbounded,
                Bound::Unbounded,
                &mut |key, value| {
                    rows.push((key.to_vec(), value.to_vec()));
                    ControlFlow::Continue(())
                },
            )
            .expect("query");
        rows
    });
    assert_eq!(
        rows.join().expect("thread"),
        [(b"a".to_vec(), b"1".to_vec())]
    );
    drop(state);
    let error = view.get(ORDERS, b"a").expect_err("closed");
    assert_eq!(error.class(), ErrorClass::Retriable);
    // The view holds nothing open: the same process opens the task again.
    open(&directory);
}
