//! Faults a test injects below a state: a write or a flush may fail before it has an effect, or after, and the
//! process may end there. Not in builds without the feature `store-faults`.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use super::backend::{
    Backend, BackendError, BackendResult, BackendStatistics, BatchWriter, FamilyIndex, FlushWait,
};
use super::ingest::SortedRow;
use super::range::RowVisitor;
use crate::task::TaskId;

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCall {
    /// A batch, of a commit or a restore.
    Write,
    /// What was written is put on disk.
    Flush,
}

/// One call, as the hook sees it: before it has its effect, and once more after.
#[derive(Clone, Copy, Debug)]
pub struct StoreOperation {
    /// Whose state.
    pub task: TaskId,
    /// Which call.
    pub call: StoreCall,
    /// Whether it has had its effect.
    pub done: bool,
}

/// Answers what the disk says instead of nothing, for example that it is full. A hook that unwinds ends the process
/// there.
pub type StoreFaultHook = dyn Fn(&StoreOperation) -> Option<String> + Send + Sync;

struct Faulty {
    below: Arc<dyn Backend>,
    task: TaskId,
    hook: Arc<StoreFaultHook>,
}

pub(super) fn wrap(
    below: Arc<dyn Backend>,
    task: TaskId,
    hook: &Arc<StoreFaultHook>,
) -> Arc<dyn Backend> {
    let hook = Arc::clone(hook);
    Arc::new(Faulty { below, task, hook })
}

impl Faulty {
    fn run(
        &self,
        call: StoreCall,
        effect: impl FnOnce() -> BackendResult<()>,
    ) -> BackendResult<()> {
        self.ask(call, false)?;
        effect()?;
        self.ask(call, true)
    }

    fn ask(&self, call: StoreCall, done: bool) -> BackendResult<()> {
        let task = self.task;
        let corrupt = false;
        match (self.hook)(&StoreOperation { task, call, done }) {
            Some(message) => Err(BackendError { corrupt, message }),
            None => Ok(()),
        }
    }
}

impl Backend for Faulty {
    fn get(&self, family: FamilyIndex, key: &[u8], value: &mut Vec<u8>) -> BackendResult<bool> {
        self.below.get(family, key, value)
    }

    fn multi_get(
        &self,
        family: FamilyIndex,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> BackendResult<()> {
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
        self.run(StoreCall::Write, || self.below.write(bytes, fill))
    }

    fn ingest(
        &self,
        family: FamilyIndex,
        rows: &mut dyn Iterator<Item = SortedRow<'_>>,
    ) -> BackendResult<()> {
        self.run(StoreCall::Write, || self.below.ingest(family, rows))
    }

    fn flush(&self, wait: FlushWait) -> BackendResult<()> {
        self.run(StoreCall::Flush, || self.below.flush(wait))
    }

    fn crash_copy(&self, to: &Path) -> BackendResult<()> {
        self.below.crash_copy(to)
    }

    fn statistics(&self) -> BackendStatistics {
        self.below.statistics()
    }
}
