//! The state of a task against a model made of sorted maps, through every call, clean stops and
//! crashes included.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use proptest::prelude::*;
use topology::store::{
    StateConfig, StateDirectory, StoreId, StoreSpec, TaskState, Timer, TimerBatch, TimerClock,
};
use topology::task::TaskId;

const TASK: TaskId = TaskId {
    subtopology: 1,
    partition: 0,
};

fn specs() -> [StoreSpec; 3] {
    [
        StoreSpec::in_memory("sessions"),
        StoreSpec::persistent("orders"),
        StoreSpec::persistent("riders"),
    ]
}

/// What the state should hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    stores: [BTreeMap<Vec<u8>, Vec<u8>>; 3],
    timers: BTreeSet<(i64, Vec<u8>)>,
    own: BTreeMap<Vec<u8>, Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, Vec<u8>, Vec<u8>),
    Delete(usize, Vec<u8>),
    Get(usize, Vec<u8>),
    Prefetch(usize, Vec<Vec<u8>>),
    Range(usize, Bound<Vec<u8>>, Bound<Vec<u8>>, usize),
    SetTimer(i64, Vec<u8>),
    CancelTimer(i64, Vec<u8>),
    TakeDue(i64, usize),
    SetOwn(Vec<u8>, Vec<u8>),
    Mark,
    Rollback,
    Commit,
    Abort,
    Flush,
    CleanStop,
    Crash,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..12_u8).prop_map(|n| vec![b'k', n]),
        1 => Just(vec![]),
        1 => (0..3_u8).prop_map(|n| vec![0xFF, 0x4A, 0x4D, 0xFF, n]),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..20)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded),
        Just(Bound::Unbounded),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..3_usize, key(), value()).prop_map(|(store, key, value)| Step::Put(store, key, value)),
        5 => (0..3_usize, key()).prop_map(|(store, key)| Step::Delete(store, key)),
        6 => (0..3_usize, key()).prop_map(|(store, key)| Step::Get(store, key)),
        2 => (0..3_usize, proptest::collection::vec(key(), 0..6)).prop_map(|(store, keys)| Step::Prefetch(store, keys)),
        5 => (0..3_usize, bound(), bound(), 1..20_usize).prop_map(|(store, from, to, max)| Step::Range(store, from, to, max)),
        5 => (-5..30_i64, key()).prop_map(|(deadline, key)| Step::SetTimer(deadline, key)),
        2 => (-5..30_i64, key()).prop_map(|(deadline, key)| Step::CancelTimer(deadline, key)),
        3 => (-5..30_i64, 1..5_usize).prop_map(|(now, max)| Step::TakeDue(now, max)),
        3 => (key(), value()).prop_map(|(id, value)| Step::SetOwn(id, value)),
        6 => Just(Step::Mark),
        4 => Just(Step::Rollback),
        6 => Just(Step::Commit),
        2 => Just(Step::Abort),
        2 => Just(Step::Flush),
        1 => Just(Step::CleanStop),
        2 => Just(Step::Crash),
    ]
}

type Record = (Vec<u8>, Option<Vec<u8>>);

struct Run {
    directory: Arc<StateDirectory>,
    state: TaskState,
    changelog: [Vec<Record>; 3],
    /// For every length of the changelog at which a commit ended, what was committed.
    commits: Vec<([i64; 3], Model)>,
    now: Model,
    marked: Model,
}

impl Run {
    fn committed(&self) -> Model {
        self.commits
            .last()
            .map(|(_, model)| model.clone())
            .unwrap_or_default()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Put(store, key, value) => {
                self.state.put(id(*store), key, value).expect("put");
                self.now.stores[*store].insert(key.clone(), value.clone());
            }
            Step::Delete(store, key) => {
                self.state.delete(id(*store), key).expect("delete");
                self.now.stores[*store].remove(key);
            }
            Step::Get(store, key) => {
                let expected = self.now.stores[*store].get(key).map(Vec::as_slice);
                assert_eq!(self.state.get(id(*store), key).expect("get"), expected);
            }
            Step::Prefetch(store, keys) => {
                let mut keys = keys.iter().map(Vec::as_slice);
                self.state
                    .prefetch(id(*store), &mut keys)
                    .expect("prefetch");
            }
            Step::Range(store, from, to, max) => self.range(*store, from, to, *max),
            Step::SetTimer(deadline, key) => {
                self.state.set_timer(&timer(*deadline, key));
                self.now.timers.insert((*deadline, key.clone()));
            }
            Step::CancelTimer(deadline, key) => {
                self.state.cancel_timer(&timer(*deadline, key));
                self.now.timers.remove(&(*deadline, key.clone()));
            }
            Step::TakeDue(now_ms, max) => self.take_due(*now_ms, *max),
            Step::SetOwn(id, value) => {
                self.state.set_own(id, value);
                self.now.own.insert(id.clone(), value.clone());
            }
            Step::Mark => {
                self.state.mark();
                self.marked = self.now.clone();
            }
            Step::Rollback => {
                self.state.rollback();
                self.now = self.marked.clone();
            }
            Step::Commit => self.commit(),
            Step::Abort => {
                self.state.abort().expect("abort");
                self.back_to_commit();
            }
            Step::Flush => self.state.flush().expect("flush"),
            Step::CleanStop => self.restart(true),
            Step::Crash => self.restart(false),
        }
        let next = self
            .state
            .next_deadline(TimerClock::StreamTime)
            .expect("next deadline");
        assert_eq!(next, self.now.timers.first().map(|(deadline, _)| *deadline));
        for (id, value) in &self.now.own {
            assert_eq!(self.state.own(id), Some(value.as_slice()));
        }
    }

    fn range(&mut self, store: usize, from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>, max: usize) {
        let (from, to) = (borrowed(from), borrowed(to));
        let inside = |key: &[u8]| {
            let after = match from {
                Bound::Included(from) => key >= from,
                Bound::Excluded(from) => key > from,
                Bound::Unbounded => true,
            };
            after
                && match to {
                    Bound::Included(to) => key <= to,
                    Bound::Excluded(to) => key < to,
                    Bound::Unbounded => true,
                }
        };
        let rows = self.now.stores[store].iter().filter(|(key, _)| inside(key));
        let expected: Vec<_> = rows
            .take(max)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut found = Vec::new();
        self.state
            .range(id(store), from, to, &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                if found.len() < max {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
            .expect("range");
        assert_eq!(found, expected);
    }

    fn take_due(&mut self, now_ms: i64, max: usize) {
        let due: Vec<_> = self
            .now
            .timers
            .iter()
            .take_while(|(deadline, _)| *deadline <= now_ms)
            .take(max)
            .cloned()
            .collect();
        for timer in &due {
            self.now.timers.remove(timer);
        }
        let mut batch = TimerBatch::default();
        self.state
            .take_due(TimerClock::StreamTime, now_ms, max, &mut batch)
            .expect("take due");
        let taken: Vec<_> = batch
            .iter()
            .map(|timer| (timer.deadline_ms, timer.key.to_vec()))
            .collect();
        assert_eq!(taken, due);
    }

    fn commit(&mut self) {
        let before = self.ends();
        self.state
            .changelog(&mut |store, key, value| {
                self.changelog[store.0 as usize].push((key.to_vec(), value.map(<[u8]>::to_vec)));
                Ok(())
            })
            .expect("changelog");
        let after = self.ends();
        let positions: Vec<(StoreId, i64)> = (0..3)
            .filter(|&store| after[store] > before[store])
            .map(|store| (id(store), after[store]))
            .collect();
        self.state.commit(&positions).expect("commit");
        assert!(!self.state.is_dirty() && self.state.dirty_bytes() == 0);
        self.commits.push((after, self.now.clone()));
        self.marked = self.now.clone();
    }

    fn ends(&self) -> [i64; 3] {
        [0, 1, 2].map(|store: usize| self.changelog[store].len() as i64)
    }

    fn back_to_commit(&mut self) {
        self.now = self.committed();
        self.marked = self.now.clone();
    }

    /// Ends the state with or without a clean stop, opens it, checks what the disk kept, restores.
    fn restart(&mut self, clean: bool) {
        let nowhere = StateDirectory::in_memory(StateConfig::default());
        let placeholder = TaskState::open(&nowhere, TASK, &[]).expect("placeholder");
        let state = std::mem::replace(&mut self.state, placeholder);
        if clean {
            state.close().expect("close");
        } else {
            drop(state);
        }
        self.state = TaskState::open(&self.directory, TASK, &specs()).expect("open");
        assert!(self.state.set_aside_at_open().is_none());
        self.back_to_commit();
        self.check_disk(clean);
        for store in 0..3 {
            let from = self.state.changelog_position(id(store)).unwrap_or(0) as usize;
            let mut tail = self.changelog[store][from..]
                .iter()
                .map(|(key, value)| (key.as_slice(), value.as_deref()));
            self.state
                .restore(id(store), &mut tail, self.changelog[store].len() as i64)
                .expect("restore");
        }
        assert_eq!(self.dump(), rows(&self.committed()));
    }

    /// What is on disk is a commit, whole: the one its positions name.
    fn check_disk(&self, clean: bool) {
        let at = [1, 2].map(|store| self.state.changelog_position(id(store)).unwrap_or(0));
        assert_eq!(self.state.changelog_position(id(0)), None);
        if clean {
            assert_eq!(
                at.as_slice(),
                &self.ends()[1..],
                "a clean stop leaves nothing to replay"
            );
        }
        let mut commits = self
            .commits
            .iter()
            .rev()
            .filter(|(ends, _)| ends[1..] == at);
        let mut expected = commits
            .next()
            .map(|(_, model)| model.clone())
            .unwrap_or_default();
        expected.stores[0].clear();
        assert_eq!(self.dump(), rows(&expected));
    }

    fn dump(&self) -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        self.state
            .dump(&mut |family, key, value| {
                let key = if family == "_task" {
                    own_row(key)
                } else {
                    key.to_vec()
                };
                rows.push((family.to_owned(), key, value.to_vec()));
            })
            .expect("dump");
        rows
    }
}

fn id(store: usize) -> StoreId {
    StoreId(store as u32)
}

fn timer(deadline_ms: i64, key: &[u8]) -> Timer<'_> {
    Timer {
        clock: TimerClock::StreamTime,
        deadline_ms,
        node: 7,
        kind: 2,
        key,
    }
}

fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// A row of the task's own family as the model writes it: timers as deadline and key.
fn own_row(row: &[u8]) -> Vec<u8> {
    match row {
        [1, id @ ..] => [b"own ".as_slice(), id].concat(),
        [2, 1, deadline_node_kind_key @ ..] => {
            let (deadline, rest) = deadline_node_kind_key.split_at(8);
            assert_eq!(rest[..3], [0, 7, 2], "node and kind");
            [b"timer ".as_slice(), deadline, &rest[3..]].concat()
        }
        other => panic!("unknown row {other:?}"),
    }
}

fn rows(model: &Model) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for (spec, store) in specs().iter().zip(&model.stores) {
        rows.extend(
            store
                .iter()
                .map(|(key, value)| (spec.name.clone(), key.clone(), value.clone())),
        );
    }
    rows.extend(model.own.iter().map(|(id, value)| {
        (
            "_task".to_owned(),
            [b"own ".as_slice(), id].concat(),
            value.clone(),
        )
    }));
    rows.extend(model.timers.iter().map(|(deadline, key)| {
        let ordered = (*deadline as u64) ^ (1 << 63);
        let row = [b"timer ".as_slice(), &ordered.to_be_bytes(), key].concat();
        ("_task".to_owned(), row, Vec::new())
    }));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_state_equals_sorted_maps(
        steps in proptest::collection::vec(step(), 1..120),
        cache in prop_oneof![Just(0_usize), Just(2_000), Just(1 << 20)],
    ) {
        let root = tempfile::tempdir().expect("directory");
        let config = StateConfig { overlay_cache_bytes: cache, ..StateConfig::default() };
        let directory = StateDirectory::open(root.path(), config).expect("state directory");
        let state = TaskState::open(&directory, TASK, &specs()).expect("state");
        let mut run = Run {
            directory,
            state,
            changelog: Default::default(),
            commits: Vec::new(),
            now: Model::default(),
            marked: Model::default(),
        };
        for step in &steps {
            run.apply(step);
        }
        run.restart(false);
    }
}
