use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Error;
use crate::metrics::EngineMetrics;
use crate::runtime::{
    Progress, StandbyThread, StateRow, StatusBoard, StoreQuery, StreamThread, StreamsStatus,
};
use crate::store::SetAsideReason;
use crate::task::TaskId;

/// One of several instances of an application in a test, driven turn by turn; made by
/// [`super::TestDriver::instance`].
///
/// Dropping it is what `kill -9` does: no word to the brokers, and the disk holds what was flushed.
/// Not giving it a turn is what a stopped process does.
pub struct TestInstance {
    thread: StreamThread,
    standby: Option<StandbyThread>,
    board: Arc<StatusBoard>,
    metrics: Arc<EngineMetrics>,
}

impl TestInstance {
    /// `standby` only with one thread of each process.
    pub(super) fn new(
        thread: StreamThread,
        standby: Option<StandbyThread>,
        board: Arc<StatusBoard>,
        metrics: Arc<EngineMetrics>,
    ) -> Self {
        Self {
            thread,
            standby,
            board,
            metrics,
        }
    }

    /// One turn of the loop, and one of the instance's standby tasks.
    ///
    /// # Errors
    /// What cannot be mended; the instance is to be dropped then.
    pub fn turn(&mut self) -> Result<Progress, Error> {
        let progress = self.thread.run_once_or_recover()?;
        if let Some(standby) = &mut self.standby {
            standby.run_once();
        }
        Ok(progress)
    }

    /// Takes no records until [`TestInstance::resume`], as [`Streams::pause`](crate::runtime::Streams::pause).
    pub fn pause(&self, reason: &str) {
        self.board.pause(reason);
    }

    /// Takes records again; answers why it was paused, if it was.
    pub fn resume(&self) -> Option<String> {
        self.board.resume()
    }

    /// State, tasks, lag, restore, standby tasks, as they were told last.
    pub fn status(&self) -> StreamsStatus {
        self.board.status()
    }

    /// Changelog records that were read to restore tasks assigned to it, those of standby tasks not counted.
    pub fn restored_records(&self) -> u64 {
        self.metrics.restored_records.get()
    }

    /// How often its state directories were set aside for `reason`.
    pub fn set_aside_count(&self, reason: SetAsideReason) -> u64 {
        self.thread.set_aside_count(reason)
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
        if let Some(standby) = &mut self.standby {
            standby.close();
        }
        self.thread.close()
    }
}
