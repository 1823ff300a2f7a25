//! What the outside may know of a running application: written by the threads, read by anyone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use crate::store::{CommittedView, StoreId};
use crate::task::{TaskId, TaskPhase};

/// State of a thread and of the whole; the names are Kafka Streams'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Not started, or waiting for brokers or topics.
    Created,
    /// Waiting for an assignment, or restoring state.
    Rebalancing,
    /// Processing.
    Running,
    /// Stopping in order.
    PendingShutdown,
    /// Stopped in order.
    NotRunning,
    /// Stopped by an error.
    Error,
}

/// How far a restore has come, in offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestoreStatus {
    /// Offsets still to be read.
    pub remaining: i64,
    /// Offsets to be read in all.
    pub total: i64,
    /// Records restored per second since the restore began.
    pub records_per_second: u64,
    /// Seconds left at the pace so far; `None` before anything was read, and when nothing is left.
    pub eta_seconds: Option<u64>,
}

/// One task as its thread last saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Such as `0_3`.
    pub id: String,
    /// Kafka Streams' names: CREATED, RESTORING, RUNNING, SUSPENDED.
    pub state: &'static str,
    /// Why the task takes no records, with the counts and the fix; its state is RUNNING all the same, because its
    /// timers and commits go on.
    pub paused: Option<String>,
    /// Restore of this assignment.
    pub restore: RestoreStatus,
    /// Its input partitions.
    pub inputs: Vec<InputProgress>,
    /// The last commit in which the task took part here; `None` before the first.
    pub last_commit: Option<LastCommit>,
}

/// How far a task has come on one input partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputProgress {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Offset of the next record to be processed.
    pub position: i64,
    /// Records between position and the last stable offset; `None` before the brokers told of it.
    pub lag: Option<i64>,
    /// Timestamp of the oldest record that is not processed yet, or of the one before it, in milliseconds since the epoch;
    /// `None` where there is none, or nothing was read yet.
    pub oldest_ms: Option<i64>,
}

/// A commit that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastCommit {
    /// When it was done, in milliseconds since the epoch.
    pub at_ms: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A copy of a task that another instance runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandbyTaskStatus {
    /// Such as `0_3`.
    pub id: String,
    /// Changelog offsets that it is behind, as far as is known.
    pub lag: i64,
}

/// One stream thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadStatus {
    /// Thread name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Why it is not running, for a person.
    pub detail: String,
    /// What is wrong between its clients and the brokers, as last heard; it may go on all the same.
    pub broker_trouble: Option<String>,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
}

/// The whole application instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamsStatus {
    /// The least advanced state of its threads.
    pub state: State,
    /// Why it is not running, for a person.
    pub detail: String,
    /// Why the whole instance takes no records, if somebody paused it; see [`Streams::pause`](super::Streams::pause).
    pub paused: Option<String>,
    /// Its threads.
    pub threads: Vec<ThreadStatus>,
    /// Its standby tasks; no query is answered from them.
    pub standby_tasks: Vec<StandbyTaskStatus>,
}

/// What a query for a store of one task meets here.
#[derive(Clone, Debug)]
pub enum StoreQuery {
    /// The task runs here: this is its committed state. Once the task is closed here, reading it fails with a
    /// retriable error.
    Here(CommittedView, StoreId),
    /// The task is assigned to this instance and its state is not complete yet; ask again.
    Restoring,
    /// No task of this instance has such a store of that partition; ask the group who has it.
    NotHere,
}

/// The stores of a task.
#[derive(Debug)]
struct TaskStores {
    phase: TaskPhase,
    /// Names in the order of their ids.
    names: Vec<String>,
    /// Committed state; kept while the task is suspended or restored anew, because it will most likely be back.
    view: Option<CommittedView>,
}

impl TaskStores {
    fn id(&self, name: &str) -> Option<StoreId> {
        let index = self.names.iter().position(|known| known == name)?;
        u32::try_from(index).ok().map(StoreId)
    }

    /// What a query for the store of this name meets; none if the task has no such store.
    fn query(&self, name: &str) -> Option<StoreQuery> {
        let id = self.id(name)?;
        Some(match (self.phase, &self.view) {
            (TaskPhase::Running, Some(view)) => StoreQuery::Here(view.clone(), id),
            (TaskPhase::Suspended, _) => StoreQuery::NotHere,
            _ => StoreQuery::Restoring,
        })
    }
}

/// Holds the status, and the committed counters and state of each task.
#[derive(Debug, Default)]
pub struct StatusBoard {
    threads: Mutex<BTreeMap<String, ThreadStatus>>,
    counters: Mutex<BTreeMap<TaskId, Vec<u64>>>,
    stores: Mutex<BTreeMap<TaskId, TaskStores>>,
    /// How often somebody asked to resume the paused tasks.
    resumes: AtomicU64,
    /// Why the instance is paused.
    pause: Mutex<Option<String>>,
    standbys: Mutex<Vec<StandbyTaskStatus>>,
    /// How often a thread was assigned something, or gave something up.
    assignments: AtomicU64,
}

impl StatusBoard {
    /// What is known now.
    pub fn status(&self) -> StreamsStatus {
        let threads: Vec<ThreadStatus> = self.threads.lock().values().cloned().collect();
        let rank = |state: State| match state {
            State::Error => 0,
            State::Created => 1,
            State::Rebalancing => 2,
            State::PendingShutdown => 3,
            State::NotRunning => 4,
            State::Running => 5,
        };
        // Of several in one state, the one that has something to say.
        let least = threads
            .iter()
            .min_by_key(|thread| (rank(thread.state), thread.detail.is_empty()));
        StreamsStatus {
            state: least.map_or(State::Created, |thread| thread.state),
            detail: least.map_or_else(String::new, |thread| thread.detail.clone()),
            paused: self.paused(),
            threads,
            standby_tasks: self.standbys.lock().clone(),
        }
    }

    /// Committed counters per task this instance runs.
    pub fn counters(&self) -> BTreeMap<TaskId, Vec<u64>> {
        self.counters.lock().clone()
    }

    /// The committed state of each task of this instance that has the store `name` and is running: what
    /// Kafka Streams calls interactive queries.
    pub fn stores(&self, name: &str) -> Vec<(CommittedView, StoreId)> {
        let stores = self.stores.lock();
        let with_name = stores
            .values()
            .filter_map(|task| Some((task.view.clone()?, task.id(name)?)));
        with_name.collect()
    }

    /// The committed state of the one task of this instance that has the store `name` of `partition`: what a query for
    /// a key of that partition must read, and no other. A task that is given up in a rebalance is not here, though its
    /// state is still open: another instance may have changed it meanwhile.
    pub fn store(&self, name: &str, partition: i32) -> StoreQuery {
        let stores = self.stores.lock();
        let mut of_partition = stores
            .iter()
            .filter(|(task, _)| task.partition == partition)
            .filter_map(|(_, task)| task.query(name));
        of_partition.next().unwrap_or(StoreQuery::NotHere)
    }

    /// What a query for the store `name` meets here, of each partition that has such a task on this instance: for keys
    /// of which nobody knows how their producers chose the partition.
    pub fn store_by_partition(&self, name: &str) -> Vec<(i32, StoreQuery)> {
        let stores = self.stores.lock();
        let with_name = stores
            .iter()
            .filter_map(|(task, stores)| Some((task.partition, stores.query(name)?)));
        with_name.collect()
    }

    /// Lets the instance take no more records; `reason` is told to whoever looks.
    pub fn pause(&self, reason: &str) {
        *self.pause.lock() = Some(reason.to_owned());
    }

    /// Lets it take records again; answers why it was paused, if it was.
    pub fn resume(&self) -> Option<String> {
        self.pause.lock().take()
    }

    /// Whether somebody paused the instance.
    pub fn is_paused(&self) -> bool {
        self.pause.lock().is_some()
    }

    /// Why the instance is paused, if it is.
    pub fn paused(&self) -> Option<String> {
        self.pause.lock().clone()
    }

    /// Lets all paused tasks of this instance take records again, each with an empty window; answers which were seen
    /// to be paused. Their threads do it with their next turn.
    pub fn resume_paused_tasks(&self) -> Vec<String> {
        let threads = self.threads.lock();
        let tasks = threads.values().flat_map(|thread| &thread.tasks);
        let paused = tasks.filter(|task| task.paused.is_some());
        let paused = paused.map(|task| task.id.clone()).collect();
        self.resumes.fetch_add(1, Ordering::SeqCst);
        paused
    }

    pub(super) fn resumes(&self) -> u64 {
        self.resumes.load(Ordering::SeqCst)
    }

    /// A thread was assigned something, or gave something up.
    pub(super) fn assigned(&self) {
        self.assignments.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn assignments(&self) -> u64 {
        self.assignments.load(Ordering::Relaxed)
    }

    pub(super) fn set_standbys(&self, standbys: Vec<StandbyTaskStatus>) {
        *self.standbys.lock() = standbys;
    }

    /// The task runs: its state is complete.
    pub(super) fn set_stores(&self, task: TaskId, view: CommittedView, names: Vec<String>) {
        let stores = TaskStores {
            phase: TaskPhase::Running,
            names,
            view: Some(view),
        };
        self.stores.lock().insert(task, stores);
    }

    /// The task is assigned to this instance and its state is being restored.
    pub(super) fn restoring(&self, task: TaskId, names: Vec<String>) {
        let mut stores = self.stores.lock();
        let view = stores.remove(&task).and_then(|known| known.view);
        let phase = TaskPhase::Restoring;
        stores.insert(task, TaskStores { phase, names, view });
    }

    /// The task was given up, and stays open in case it comes back.
    pub(super) fn suspended(&self, task: TaskId) {
        if let Some(stores) = self.stores.lock().get_mut(&task) {
            stores.phase = TaskPhase::Suspended;
        }
    }

    pub(super) fn set_thread(&self, status: ThreadStatus) {
        self.threads.lock().insert(status.name.clone(), status);
    }

    pub(super) fn set_state(&self, thread: &str, state: State, detail: &str) {
        let mut threads = self.threads.lock();
        let entry = threads
            .entry(thread.to_owned())
            .or_insert_with(|| ThreadStatus {
                name: thread.to_owned(),
                state,
                detail: String::new(),
                broker_trouble: None,
                tasks: Vec::new(),
            });
        entry.state = state;
        detail.clone_into(&mut entry.detail);
    }

    /// Only of a thread that is on the board already.
    pub(super) fn set_broker_trouble(&self, thread: &str, trouble: Option<String>) {
        if let Some(entry) = self.threads.lock().get_mut(thread) {
            entry.broker_trouble = trouble;
        }
    }

    pub(super) fn remove_thread(&self, thread: &str) {
        self.threads.lock().remove(thread);
    }

    pub(super) fn set_counters(&self, task: TaskId, counters: &[u64]) {
        let mut all = self.counters.lock();
        let slot = all.entry(task).or_default();
        slot.clear();
        slot.extend_from_slice(counters);
    }

    /// The task is not here any more.
    pub(super) fn forget_task(&self, task: TaskId) {
        self.stores.lock().remove(&task);
        self.counters.lock().remove(&task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_of_several_running_threads_says_is_heard() {
        let board = StatusBoard::default();
        board.set_state("one", State::Running, "");
        board.set_state("two", State::Running, "task 0_1 is paused");
        let status = board.status();
        assert_eq!(status.state, State::Running);
        assert_eq!(status.detail, "task 0_1 is paused");
        board.set_state("one", State::Rebalancing, "");
        assert_eq!(board.status().state, State::Rebalancing);
    }
}
