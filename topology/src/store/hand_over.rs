//! Hands a task's directory from one thread of the process to another.
//!
//! A database can be open only once in a process, and a thread that has given its partitions up may still be closing it
//! when the group has given them to another thread already. The other one waits; nothing is damaged, so nothing is set
//! aside.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The directories that this process has open.
#[derive(Debug, Default)]
pub(super) struct OpenDirectories {
    open: Mutex<BTreeSet<PathBuf>>,
    count: AtomicUsize,
    closed: Condvar,
}

/// The right to open a directory; dropped once it is closed.
#[derive(Debug)]
pub(crate) struct Opening {
    all: Arc<OpenDirectories>,
    path: PathBuf,
}

impl OpenDirectories {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether somebody has the directory open.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        self.open.lock().contains(path)
    }

    /// Waits until nobody else has the directory open; `None` when that takes longer than `patience`.
    pub(super) fn wait(self: &Arc<Self>, path: &Path, patience: Duration) -> Option<Opening> {
        let deadline = Instant::now() + patience;
        let mut open = self.open.lock();
        while open.contains(path) {
            if self.closed.wait_until(&mut open, deadline).timed_out() {
                return None;
            }
        }
        open.insert(path.to_owned());
        self.count.store(open.len(), Ordering::Relaxed);
        Some(Opening {
            all: Arc::clone(self),
            path: path.to_owned(),
        })
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut open = self.all.open.lock();
        open.remove(&self.path);
        self.all.count.store(open.len(), Ordering::Relaxed);
        drop(open);
        self.all.closed.notify_all();
    }
}
