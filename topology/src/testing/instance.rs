use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Error;
use crate::runtime::{Progress, StateRow, StatusBoard, StoreQuery, StreamThread};
use crate::task::TaskId;

/// One of several instances of an application in a test, driven turn by turn; made by
/// [`super::TestDriver::instance`].
///
/// Dropping it is what `kill -9` does: no word to the brokers, and the disk holds what was flushed.
/// Not giving it a turn is what a stopped process does.
pub struct TestInstance {
    thread: StreamThread,
    board: Arc<StatusBoard>,
}

impl TestInstance {
    pub(super) fn new(thread: StreamThread, board: Arc<StatusBoard>) -> Self {
        Self { thread, board }
    }

    /// One turn of the loop.
    ///
    /// # Errors
    /// What cannot be mended; the instance is to be dropped then.
    pub fn turn(&mut self) -> Result<Progress, Error> {
        self.thread.run_once_or_recover()
    }

    /// Whether all its tasks run and have processed what their inputs hold.
    pub fn has_processed_everything(&self) -> bool {
        self.thread.has_processed_everything()
    }

    /// Forces memtables to disk in the middle of whatever is going on.
    ///
    /// # Errors
    /// Of the disk.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.thread.flush_all()
    }

    /// Every committed row of a task's state.
    ///
    /// # Errors
    /// When the task is not here.
    pub fn dump(&mut self, task: TaskId) -> Result<Vec<StateRow>, Error> {
        self.thread.dump(task)
    }

    /// What a query for a store of one partition meets here.
    pub fn store(&self, name: &str, partition: i32) -> StoreQuery {
        self.board.store(name, partition)
    }

    /// Committed counters of the tasks that are here.
    pub fn counters(&self) -> BTreeMap<TaskId, Vec<u64>> {
        self.board.counters()
    }

    /// Stops in order: commit, flush, close, leave if so configured.
    ///
    /// # Errors
    /// Of the last commit; everything is closed all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.thread.close()
    }
}
