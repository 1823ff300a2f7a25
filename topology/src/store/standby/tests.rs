use std::sync::mpsc;
use std::thread;

use super::*;
use crate::store::{StateConfig, StateDirectory, StoreId, StoreSpec};

const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 0,
};
const ORDERS: StoreId = StoreId(0);

fn stores() -> [StoreSpec; 1] {
    [StoreSpec::persistent("orders")]
}

fn open(directory: &Arc<StateDirectory>) -> Result<Option<TaskState>, Error> {
    TaskState::open(directory, TASK, &stores()).map(Some)
}

fn follow(state: &mut TaskState, value: &[u8], next: i64) {
    let mut records = [(b"order-1".as_slice(), Some(value))].into_iter();
    state.restore(ORDERS, &mut records, next).unwrap();
}

#[test]
fn a_copy_goes_over_open_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let directory = StateDirectory::open(root.path(), StateConfig::default()).unwrap();
    let standbys = directory.standbys();
    assert!(standbys.begin(TASK, || open(&directory)).unwrap());
    standbys
        .with(TASK, |state| follow(state, b"created", 7))
        .unwrap();
    assert_eq!(standbys.count(), 1);
    let mut state = TaskState::take_over(&directory, TASK, &stores()).unwrap();
    // Nothing was flushed, closed or read again.
    assert_eq!(state.changelog_position(ORDERS), Some(7));
    let value = state.get(ORDERS, b"order-1").unwrap();
    assert_eq!(value, Some(b"created".as_slice()));
    assert_eq!(standbys.count(), 0);
    assert!(standbys.with(TASK, |_| ()).is_none(), "taken over");
    assert!(standbys.remove(TASK).is_none());
    drop(state);
    assert!(standbys.begin(TASK, || open(&directory)).unwrap(), "again");
    drop(standbys.remove(TASK));
}

#[test]
fn whoever_claims_a_task_waits_until_its_copy_is_open() {
    let directory = StateDirectory::in_memory(StateConfig::default());
    let (opens, opening) = mpsc::channel();
    let (go_on, gone_on) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let keeper = Arc::clone(&directory);
        scope.spawn(move || {
            let open = || {
                opens.send(()).unwrap();
                gone_on.recv().unwrap();
                let mut state = open(&keeper)?;
                if let Some(state) = &mut state {
                    follow(state, b"created", 3);
                }
                Ok(state)
            };
            assert!(keeper.standbys().begin(TASK, open).unwrap());
        });
        opening.recv().unwrap();
        let claimer = Arc::clone(&directory);
        let claimed = scope.spawn(move || {
            let state = TaskState::take_over(&claimer, TASK, &stores()).unwrap();
            state.changelog_position(ORDERS)
        });
        go_on.send(()).unwrap();
        assert_eq!(claimed.join().unwrap(), Some(3));
    });
}

#[test]
fn while_a_task_is_claimed_no_copy_of_it_begins() {
    let directory = StateDirectory::in_memory(StateConfig::default());
    let standbys = directory.standbys();
    let claim = standbys.claim(TASK);
    assert!(claim.state.is_none());
    let second = standbys.claim(TASK);
    assert!(!standbys.begin(TASK, || panic!("not opened")).unwrap());
    drop(claim);
    assert!(!standbys.begin(TASK, || panic!("not opened")).unwrap());
    drop(second);
    assert!(standbys.begin(TASK, || open(&directory)).unwrap());
    assert!(!standbys.begin(TASK, || panic!("twice")).unwrap());
    drop(standbys.remove(TASK));
}

#[test]
fn what_could_not_be_opened_leaves_nothing() {
    let directory = StateDirectory::in_memory(StateConfig::default());
    let standbys = directory.standbys();
    let failed = standbys.begin(TASK, || Err(Error::fatal("open", "no")));
    assert!(failed.is_err());
    assert!(!standbys.begin(TASK, || Ok(None)).unwrap());
    assert_eq!(standbys.count(), 0);
    assert!(standbys.begin(TASK, || open(&directory)).unwrap());
    drop(standbys.remove(TASK));
}

/// A copy that was being filled with sorted files has more than its position claims, and less than was read.
#[test]
fn what_was_collected_and_not_written_is_read_again() {
    let root = tempfile::tempdir().unwrap();
    let directory = StateDirectory::open(root.path(), StateConfig::default()).unwrap();
    let standbys = directory.standbys();
    assert!(standbys.begin(TASK, || open(&directory)).unwrap());
    let fill = |state: &mut TaskState| {
        state.begin_ingest(ORDERS).unwrap();
        follow(state, b"created", 7);
    };
    standbys.with(TASK, fill).unwrap();
    let mut state = TaskState::take_over(&directory, TASK, &stores()).unwrap();
    assert_eq!(state.changelog_position(ORDERS), None);
    follow(&mut state, b"paid", 8);
    assert_eq!(
        state.changelog_position(ORDERS),
        Some(8),
        "the ordinary way"
    );
}
