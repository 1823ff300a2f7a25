//! What can only be seen from below: which reads reach the backend, and what a failed write does.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::backend::{BackendStatistics, BatchWriter, FlushWait};
use super::super::config::StateConfig;
use super::super::disk_format::VERSION_KEY;
use super::super::ingest::SortedRow;
use super::*;

const ORDERS: StoreId = StoreId(0);
const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 3,
};

/// Counts reads and fails writes on demand.
#[derive(Default)]
struct Probe {
    reads: AtomicUsize,
    fail_writes: AtomicBool,
}

struct Probed {
    below: Arc<dyn Backend>,
    probe: Arc<Probe>,
}

impl Backend for Probed {
    fn get(&self, family: FamilyIndex, key: &[u8], value: &mut Vec<u8>) -> BackendResult<bool> {
        self.probe.reads.fetch_add(1, Ordering::Relaxed);
        self.below.get(family, key, value)
    }

    fn multi_get(
        &self,
        family: FamilyIndex,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> BackendResult<()> {
        self.probe.reads.fetch_add(keys.len(), Ordering::Relaxed);
        self.below.multi_get(family, keys, found)
    }

    fn range(
        &self,
        family: FamilyIndex,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> BackendResult<()> {
        self.below.range(family, from, to, visit)
    }

    fn write(&self, bytes: usize, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> BackendResult<()> {
        if self.probe.fail_writes.load(Ordering::Relaxed) {
            return Err(BackendError {
                corrupt: false,
                message: "no space left on device".to_owned(),
            });
        }
        self.below.write(bytes, fill)
    }

    fn ingest(
        &self,
        family: FamilyIndex,
        rows: &mut dyn Iterator<Item = SortedRow<'_>>,
    ) -> BackendResult<()> {
        self.below.ingest(family, rows)
    }

    fn flush(&self, wait: FlushWait) -> BackendResult<()> {
        self.below.flush(wait)
    }

    fn crash_copy(&self, to: &Path) -> BackendResult<()> {
        self.below.crash_copy(to)
    }

    fn statistics(&self) -> BackendStatistics {
        self.below.statistics()
    }
}

fn open(root: &Path) -> (Arc<StateDirectory>, TaskState) {
    let directory = StateDirectory::open(root, StateConfig::default()).expect("state directory");
    let state =
        TaskState::open(&directory, TASK, &[StoreSpec::persistent("orders")]).expect("state");
    (directory, state)
}

fn probed(state: &mut TaskState) -> Arc<Probe> {
    let probe = Arc::new(Probe::default());
    let shared = Arc::clone(&probe);
    state.wrap_backend(|below| {
        Arc::new(Probed {
            below,
            probe: shared,
        })
    });
    probe
}

#[test]
fn absent_keys_are_read_once() {
    let root = tempfile::tempdir().expect("directory");
    let (_directory, mut state) = open(root.path());
    let probe = probed(&mut state);
    for _ in 0..3 {
        assert_eq!(state.get(ORDERS, b"nobody").expect("get"), None);
    }
    assert_eq!(probe.reads.load(Ordering::Relaxed), 1);
}

#[test]
fn prefetched_keys_are_not_read_again() {
    let root = tempfile::tempdir().expect("directory");
    let (directory, mut state) = open(root.path());
    state.put(ORDERS, b"a", b"1").expect("put");
    state.commit(&[(ORDERS, 1)]).expect("commit");
    state.close().expect("close");
    let mut state =
        TaskState::open(&directory, TASK, &[StoreSpec::persistent("orders")]).expect("state");
    let probe = probed(&mut state);
    state.put(ORDERS, b"dirty", b"2").expect("put");
    let keys: [&[u8]; 4] = [b"a", b"b", b"a", b"dirty"];
    state
        .prefetch(ORDERS, &mut keys.into_iter())
        .expect("prefetch");
    assert_eq!(probe.reads.load(Ordering::Relaxed), 3, "a, b, a");
    assert_eq!(state.get(ORDERS, b"a").expect("get"), Some(b"1".as_slice()));
    assert_eq!(state.get(ORDERS, b"b").expect("get"), None);
    assert_eq!(
        state.get(ORDERS, b"dirty").expect("get"),
        Some(b"2".as_slice())
    );
    assert_eq!(probe.reads.load(Ordering::Relaxed), 3);
}

#[test]
fn a_failed_commit_poisons_the_state_and_leaves_the_one_before() {
    let root = tempfile::tempdir().expect("directory");
    let (directory, mut state) = open(root.path());
    state.put(ORDERS, b"k", b"first").expect("put");
    state.commit(&[(ORDERS, 1)]).expect("commit");
    state.flush().expect("flush");
    let probe = probed(&mut state);
    state.put(ORDERS, b"k", b"second").expect("put");
    probe.fail_writes.store(true, Ordering::Relaxed);
    let error = state.commit(&[(ORDERS, 2)]).expect_err("no space");
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(error.to_string().contains("task 0_3"), "{error}");
    probe.fail_writes.store(false, Ordering::Relaxed);

    let later = [
        state.get(ORDERS, b"k").map(|_| ()).expect_err("get"),
        state.put(ORDERS, b"k", b"x").expect_err("put"),
        state.delete(ORDERS, b"k").expect_err("delete"),
        state.commit(&[(ORDERS, 2)]).expect_err("commit"),
        state
            .changelog(&mut |_, _, _| Ok(()))
            .expect_err("changelog"),
        state.flush().expect_err("flush"),
        state.abort().expect_err("abort"),
        state
            .next_deadline(TimerClock::WallClock)
            .map(|_| ())
            .expect_err("timers"),
        state
            .restore(ORDERS, &mut std::iter::empty(), 9)
            .expect_err("restore"),
    ];
    for error in later {
        assert!(error.to_string().contains("has failed before"), "{error}");
    }
    assert!(!state.is_corrupt());
    state.close().expect("a failed state closes");

    let mut state =
        TaskState::open(&directory, TASK, &[StoreSpec::persistent("orders")]).expect("state");
    assert_eq!(
        state.get(ORDERS, b"k").expect("get"),
        Some(b"first".as_slice())
    );
    assert_eq!(state.changelog_position(ORDERS), Some(1));
}

#[test]
fn a_directory_of_another_version_is_refused_and_left_alone() {
    let root = tempfile::tempdir().expect("directory");
    let (directory, state) = open(root.path());
    let own = state.own_home.clone();
    let stamp = |version: u32| {
        let version = version.to_be_bytes();
        own.backend
            .write(0, &mut |batch| batch.put(own.family, VERSION_KEY, &version))
            .expect("write");
    };
    stamp(0);
    let stores = [
        StoreSpec::persistent("orders"),
        StoreSpec::persistent("added"),
    ];
    state.close().expect("close");
    drop(own);
    // Twice: an older version that nobody converts must not be stamped as the present one.
    for _ in 0..2 {
        let error = TaskState::open(&directory, TASK, &stores).expect_err("older");
        let expected = "format 0, and this program reads format 1; it was written by an older";
        assert!(error.to_string().contains(expected), "{error}");
    }
    let path = root.path().join("0_3");
    std::fs::remove_dir_all(&path).expect("remove");
    let state = TaskState::open(&directory, TASK, &stores).expect("anew");
    let own = state.own_home.clone();
    let newer = 2_u32.to_be_bytes();
    own.backend
        .write(0, &mut |batch| batch.put(own.family, VERSION_KEY, &newer))
        .expect("write");
    drop(own);
    state.close().expect("close");
    let error = TaskState::open(&directory, TASK, &stores).expect_err("newer");
    let expected = "format 2, and this program reads format 1; it was written by a newer";
    assert!(error.to_string().contains(expected), "{error}");
    assert!(
        error.to_string().contains("task 0_3") || error.to_string().contains("0_3"),
        "{error}"
    );
    assert_eq!(directory.tasks_on_disk(), [TASK]);
}

#[test]
fn a_state_can_move_between_threads() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync + Clone>() {}
    is_send::<TaskState>();
    is_shared::<CommittedView>();
}
