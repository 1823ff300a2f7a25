//! What a clean stop, a crash and a restore leave of the state.

use std::fs;

use topology::io::TopicId;
use topology::store::{
    StateConfig, StateDirectory, StoreId, StoreSpec, TaskState, Timer, TimerBatch, TimerClock,
};

use crate::state::support::*;

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

/// A changelog record: whose changelog, key, value.
type Emitted<'a> = (StoreId, &'a [u8], Option<&'a [u8]>);

/// The bytes below are in topics and on disks: they may only change with a new format version.
#[test]
fn the_changelog_holds_the_bytes_of_format_one() {
    let directory = StateDirectory::in_memory(StateConfig::default());
    let mut state = open(&directory);
    state.put(RIDERS, b"rider", b"idle").expect("put");
    state.put(RIDERS, b"\xFF\x4A\x4D\xFF", b"x").expect("put");
    state.delete(RIDERS, b"gone").expect("delete");
    state.set_own(b"clock", b"\x07");
    state.set_timer(&Timer {
        clock: TimerClock::WallClock,
        deadline_ms: 0x0102,
        node: 0x0304,
        kind: 5,
        key: b"k",
    });
    let mut records = Vec::new();
    state
        .changelog(&mut |store, key, value| {
            records.push((store, key.to_vec(), value.map(<[u8]>::to_vec)));
            Ok(())
        })
        .expect("changelog");
    let expected: [Emitted<'_>; 5] = [
        (RIDERS, b"rider", Some(b"idle")),
        (RIDERS, b"\xFF\x4A\x4D\xFF\x00\xFF\x4A\x4D\xFF", Some(b"x")),
        (RIDERS, b"gone", None),
        (ORDERS, b"\xFF\x4A\x4D\xFF\x01\x01clock", Some(b"\x01\x07")),
        (
            ORDERS,
            b"\xFF\x4A\x4D\xFF\x01\x02\x00\x80\0\0\0\0\0\x01\x02\x03\x04\x05k",
            Some(b"\x01"),
        ),
    ];
    let expected =
        expected.map(|(store, key, value)| (store, key.to_vec(), value.map(<[u8]>::to_vec)));
    assert_eq!(records, expected);
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
            .contains("the changelog of orders: it has a reserved key"),
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

#[test]
fn the_changelog_topic_is_not_known_until_it_is_told_and_then_lasts() {
    let root = tempfile::tempdir().expect("directory");
    let directory = directory(root.path());
    let mut state = open(&directory);
    // As in what was written before topics had ids here.
    assert_eq!(state.changelog_topic(ORDERS).expect("read"), None);
    state
        .set_changelog_topic(ORDERS, TopicId([7; 16]))
        .expect("write");
    state.close().expect("close");

    let mut state = open(&directory);
    let [orders, riders] =
        [ORDERS, RIDERS].map(|store| state.changelog_topic(store).expect("read"));
    assert_eq!((orders, riders), (Some(TopicId([7; 16])), None));
    assert!(
        dump(&state).is_empty(),
        "it concerns only this copy on disk"
    );
}
