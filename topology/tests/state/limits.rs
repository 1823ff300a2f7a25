//! Bounds of memory and time, and queries from other threads.

use std::ops::{Bound, ControlFlow};
use std::time::Duration;

use topology::ErrorClass;
use topology::store::{StateConfig, StateDirectory, StoreId};

use crate::state::support::*;

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
