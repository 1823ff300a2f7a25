//! What a task's state holds, for metrics.

use std::time::Duration;

use super::backend::BackendStatistics;
use super::task_state::TaskState;

/// What a task's state holds. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateStatistics {
    /// RocksDB's memtables.
    pub memtable_bytes: u64,
    /// Table files on disk.
    pub sst_bytes: u64,
    /// Keys in all stores, roughly.
    pub estimated_keys: u64,
    /// What compaction has yet to rewrite.
    pub pending_compaction_bytes: u64,
    /// Failures of flushes and compactions.
    pub background_errors: u64,
    /// RocksDB takes no writes until a flush or compaction is done.
    pub write_stopped: bool,
    /// RocksDB slows writes down.
    pub write_delayed: bool,
    /// Clean entries above the backend.
    pub cached_bytes: usize,
    /// Changes not yet committed.
    pub dirty_bytes: usize,
    /// Changelog records committed since the last flush was begun: what a killed process would
    /// replay, once that flush is done.
    pub unflushed_records: u64,
    /// Their size.
    pub unflushed_bytes: usize,
    /// When the last flush was begun, on the clock given to
    /// [`TaskState::maybe_flush`](super::TaskState::maybe_flush).
    pub last_flush: Option<Duration>,
}

impl TaskState {
    /// What the state holds now. Asks RocksDB for its properties: not for the record path.
    pub fn statistics(&self) -> StateStatistics {
        let durable = self
            .durable
            .as_ref()
            .map_or_else(BackendStatistics::default, |b| b.statistics());
        StateStatistics {
            memtable_bytes: durable.memtable_bytes,
            sst_bytes: durable.sst_bytes,
            estimated_keys: durable.estimated_keys + self.memory.statistics().estimated_keys,
            pending_compaction_bytes: durable.pending_compaction_bytes,
            background_errors: durable.background_errors,
            write_stopped: durable.write_stopped,
            write_delayed: durable.write_delayed,
            cached_bytes: self.cached_bytes(),
            dirty_bytes: self.dirty_bytes(),
            unflushed_records: self.unflushed.records,
            unflushed_bytes: self.unflushed.bytes,
            last_flush: self.unflushed.last_flush,
        }
    }
}
