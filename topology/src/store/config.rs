//! Settings of the state of all tasks of a process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::time::{Clock, SystemClock};

/// What happens where the topology does not fit the state on disk that another one built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedTopology {
    /// Nothing is opened; the error names each difference and what to do.
    Refuse,
    /// Directories of sub-topologies that moved get their new numbers. Stores that are gone are dropped from disk for good,
    /// and timers of nodes that are gone when they are due; changelog topics are not touched. What cannot be migrated is
    /// refused.
    Migrate,
}

/// Settings of the state of all tasks of a process. Sizes are in bytes.
#[derive(Clone)]
pub struct StateConfig {
    /// RocksDB's block cache, one for the process: data, index and filter blocks.
    pub block_cache_bytes: usize,
    /// Memory of RocksDB's memtables, one budget for the process; beyond it they are flushed.
    pub write_buffer_bytes: usize,
    /// Clean entries kept above RocksDB, per task.
    pub overlay_cache_bytes: usize,
    /// The same of all tasks of the process together: each that is open has an equal part at most.
    pub overlay_caches_bytes: usize,
    /// Commits are flushed to disk at least this often: bounds what a killed process replays.
    pub flush_interval: Duration,
    /// Commits are flushed once they amount to this much changelog.
    pub flush_bytes: usize,
    /// Files RocksDB keeps open per task.
    pub max_open_files: i32,
    /// Threads of RocksDB for flushes and compactions, for the process.
    pub background_jobs: i32,
    /// What happens where the topology does not fit the state on disk.
    pub changed_topology: ChangedTopology,
    /// How long a thread waits for another one of the process to close a task: a flush of memtables, even on a slow disk.
    pub hand_over_timeout: Duration,
    /// Tells when a directory was set aside.
    pub clock: Arc<dyn Clock>,
    /// Consulted at every write and flush of a state on disk.
    #[cfg(feature = "store-faults")]
    pub faults: Option<Arc<super::StoreFaultHook>>,
}

impl Default for StateConfig {
    fn default() -> Self {
        Self {
            block_cache_bytes: 128 << 20,
            write_buffer_bytes: 128 << 20,
            overlay_cache_bytes: 16 << 20,
            overlay_caches_bytes: usize::MAX,
            flush_interval: Duration::from_secs(10),
            flush_bytes: 32 << 20,
            max_open_files: 128,
            background_jobs: 2,
            changed_topology: ChangedTopology::Refuse,
            hand_over_timeout: Duration::from_secs(30),
            clock: Arc::new(SystemClock::new()),
            #[cfg(feature = "store-faults")]
            faults: None,
        }
    }
}

impl fmt::Debug for StateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateConfig")
            .field("block_cache_bytes", &self.block_cache_bytes)
            .field("write_buffer_bytes", &self.write_buffer_bytes)
            .field("overlay_cache_bytes", &self.overlay_cache_bytes)
            .field("overlay_caches_bytes", &self.overlay_caches_bytes)
            .field("flush_interval", &self.flush_interval)
            .field("flush_bytes", &self.flush_bytes)
            .field("max_open_files", &self.max_open_files)
            .field("background_jobs", &self.background_jobs)
            .field("changed_topology", &self.changed_topology)
            .finish_non_exhaustive()
    }
}
