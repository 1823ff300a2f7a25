//! The state directory of a process and what its tasks share.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::config::StateConfig;
use super::description::{self, StateDescription};
use super::hand_over::{OpenDirectories, Opening};
use super::rocks_options::RocksResources;
use super::set_aside::{SetAside, SetAsideReason, move_aside};
use super::standby::StandbyStates;
use crate::task::TaskId;
use crate::{Error, ErrorClass};

const LOCK_FILE: &str = ".lock";

/// Process-wide resources of state: the directory, locked against a second process, and the
/// memory that all tasks share.
///
/// ```
/// use topology::store::{StateConfig, StateDirectory, StoreId, StoreSpec, TaskState};
/// use topology::task::TaskId;
///
/// # fn main() -> Result<(), topology::Error> {
/// let directory = StateDirectory::in_memory(StateConfig::default());
/// let task = TaskId { subtopology: 0, partition: 0 };
/// let mut state = TaskState::open(&directory, task, &[StoreSpec::persistent("orders")])?;
/// state.put(StoreId(0), b"order-1", b"created")?;
/// state.commit(&[(StoreId(0), 1)])?;
/// assert_eq!(state.get(StoreId(0), b"order-1")?, Some(b"created".as_slice()));
/// # Ok(())
/// # }
/// ```
pub struct StateDirectory {
    disk: Option<Disk>,
    config: StateConfig,
    open: Arc<OpenDirectories>,
    standbys: StandbyStates,
    set_aside: [AtomicU64; SetAsideReason::ALL.len()],
}

struct Disk {
    root: PathBuf,
    resources: RocksResources,
    /// Held for as long as the process may write below `root`.
    _lock: File,
}

/// What the tasks of a process share, for metrics. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectoryStatistics {
    /// In use of RocksDB's block cache.
    pub block_cache_bytes: u64,
    /// In use of the memtables' budget.
    pub write_buffer_bytes: u64,
}

/// The lock of a directory, which ends with the file handle.
fn locked(operation: &'static str, root: &Path) -> Result<File, Error> {
    let failed = |error: std::io::Error| {
        Error::fatal(
            operation,
            format!(
                "{}: {error}; make it writable or set another state_dir",
                root.display()
            ),
        )
    };
    let lock = File::create(root.join(LOCK_FILE)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::fatal(
                operation,
                format!(
                    "{} is in use by another process; stop it or set another state_dir",
                    root.display()
                ),
            ));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(lock)
}

impl StateDirectory {
    /// Opens and locks `root`, usually `<state.dir>/<application.id>`, creating it if need be.
    ///
    /// # Errors
    ///
    /// Fatal if the directory cannot be written, or if another process has it.
    pub fn open(root: &Path, config: StateConfig) -> Result<Arc<Self>, Error> {
        const OPERATION: &str = "open state directory";
        let failed = |error: std::io::Error| {
            Error::fatal(
                OPERATION,
                format!(
                    "{}: {error}; make it writable or set another state_dir",
                    root.display()
                ),
            )
        };
        fs::create_dir_all(root).map_err(failed)?;
        let lock = locked(OPERATION, root)?;
        let disk = Disk {
            root: root.to_owned(),
            resources: RocksResources::new(&config),
            _lock: lock,
        };
        Ok(Self::new(Some(disk), config))
    }

    /// Deletes all state below `root`, while no process has it; answers whether there was any.
    ///
    /// # Errors
    ///
    /// Fatal if another process has it, or it cannot be deleted.
    pub fn remove(root: &Path) -> Result<bool, Error> {
        const OPERATION: &str = "delete state directory";
        if !root.exists() {
            return Ok(false);
        }
        let _lock = locked(OPERATION, root)?;
        fs::remove_dir_all(root)
            .map(|()| true)
            .map_err(|error| Error::fatal(OPERATION, format!("{}: {error}", root.display())))
    }

    /// No disk at all: persistent stores live in memory too and everything is restored from the
    /// changelog.
    pub fn in_memory(config: StateConfig) -> Arc<Self> {
        Self::new(None, config)
    }

    fn new(disk: Option<Disk>, config: StateConfig) -> Arc<Self> {
        Arc::new(Self {
            disk,
            config,
            open: Arc::default(),
            standbys: StandbyStates::default(),
            set_aside: Default::default(),
        })
    }

    /// The tasks that have a directory here, in order.
    pub fn tasks_on_disk(&self) -> Vec<TaskId> {
        let Some(disk) = &self.disk else {
            return Vec::new();
        };
        let Ok(entries) = fs::read_dir(&disk.root) else {
            return Vec::new();
        };
        let mut tasks: Vec<TaskId> = entries
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| TaskId::parse(entry.file_name().to_str()?))
            .collect();
        tasks.sort_unstable();
        tasks
    }

    /// With how many partitions the stores here were built, by name; empty without a disk.
    pub(crate) fn built_with(&self) -> Result<BTreeMap<String, i32>, Error> {
        let Some(disk) = &self.disk else {
            return Ok(BTreeMap::new());
        };
        match description::read(&disk.root)? {
            Some(description) => Ok(description.partitions()),
            None => description::read_version_0(&disk.root),
        }
    }

    /// Remembers by which topology state is built from now on.
    pub(crate) fn describe(&self, description: &StateDescription) -> Result<(), Error> {
        self.disk
            .as_ref()
            .map_or(Ok(()), |disk| description::write(&disk.root, description))
    }

    /// Where state lies on disk and what to open it with; `None` without a disk.
    pub(super) fn disk(&self) -> Option<(&Path, &RocksResources)> {
        let disk = self.disk.as_ref()?;
        Some((&disk.root, &disk.resources))
    }

    /// Where it is, for messages; `None` without a disk.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.disk.as_ref().map(|disk| disk.root.as_path())
    }

    /// How often a task's directory was set aside for `reason` since the start.
    pub fn set_aside_count(&self, reason: SetAsideReason) -> u64 {
        self.set_aside
            .get(reason as usize)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// What is in use of the shared memory.
    pub fn statistics(&self) -> DirectoryStatistics {
        self.disk
            .as_ref()
            .map_or_else(DirectoryStatistics::default, |disk| DirectoryStatistics {
                block_cache_bytes: disk.resources.block_cache_usage() as u64,
                write_buffer_bytes: disk.resources.write_buffer_usage() as u64,
            })
    }

    /// The settings.
    pub fn config(&self) -> &StateConfig {
        &self.config
    }

    /// Copies of tasks that run elsewhere.
    pub(crate) fn standbys(&self) -> &StandbyStates {
        &self.standbys
    }

    /// What a task may keep of clean entries, in bytes. Copies keep none.
    pub(crate) fn overlay_cache_bytes(&self) -> usize {
        let running = self.open.count().saturating_sub(self.standbys.count());
        let of_all = self.config.overlay_caches_bytes / running.max(1);
        self.config.overlay_cache_bytes.min(of_all)
    }

    /// The directory of a task and what to open it with; `None` without a disk.
    pub(crate) fn task(&self, task: TaskId) -> Option<(PathBuf, &RocksResources)> {
        let disk = self.disk.as_ref()?;
        Some((disk.root.join(task.to_string()), &disk.resources))
    }

    /// Waits for a thread that still closes the directory of a task.
    ///
    /// # Errors
    ///
    /// Retriable if that takes longer than [`StateConfig::hand_over_timeout`].
    pub(super) fn take_over(&self, path: &Path) -> Result<Opening, Error> {
        let patience = self.config.hand_over_timeout;
        self.open.wait(path, patience).ok_or_else(|| {
            Error::new(
                ErrorClass::Retriable,
                "open state",
                format!("another thread of this process has not closed it within {patience:?}"),
            )
            .at(path.display().to_string())
        })
    }

    /// Whether a thread of this process has the directory of a task open, or waits for it.
    pub(crate) fn is_open(&self, task: TaskId) -> bool {
        let path = self
            .disk
            .as_ref()
            .map(|disk| disk.root.join(task.to_string()));
        path.is_some_and(|path| self.open.is_open(&path))
    }

    /// Moves the closed directory of a task aside and counts it.
    pub(crate) fn move_aside(
        &self,
        directory: &Path,
        reason: SetAsideReason,
        detail: &str,
    ) -> Result<SetAside, Error> {
        let now = self.config.clock.wall_clock_ms();
        let moved = move_aside(directory, reason, detail, now).map_err(|error| {
            Error::fatal(
                "set state directory aside",
                format!("{}: {error}; move it away by hand", directory.display()),
            )
        })?;
        if let Some(count) = self.set_aside.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tracing::warn!(
            from = %directory.display(),
            to = %moved.path.display(),
            reason = reason.as_str(),
            detail,
            "state directory set aside, restoring from the changelog"
        );
        Ok(moved)
    }
}

impl std::fmt::Debug for StateDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateDirectory")
            .field("root", &self.disk.as_ref().map(|disk| &disk.root))
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_tasks_are_tasks() {
        assert_eq!(
            TaskId::parse("1_12"),
            Some(TaskId {
                subtopology: 1,
                partition: 12
            })
        );
        for name in [
            "1_12.corrupt-20260101T000000Z",
            "01_2",
            "1",
            "1_",
            "_1",
            ".lock",
            "1_+2",
        ] {
            assert_eq!(TaskId::parse(name), None, "{name}");
        }
    }
}
