//! What lies below the overlay: committed data, in RocksDB or in memory.

use std::ops::Bound;
use std::path::Path;

use super::ingest::SortedRow;
use super::range::RowVisitor;

/// A failure of a backend.
#[derive(Clone, Debug)]
pub(crate) struct BackendError {
    /// The data itself is damaged: only setting it aside and restoring helps.
    pub corrupt: bool,
    pub message: String,
}

pub(crate) type BackendResult<T> = Result<T, BackendError>;

/// A family of keys within a backend, by its index in the names the backend was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FamilyIndex(pub usize);

/// Takes the changes of one atomic write.
pub(crate) trait BatchWriter {
    fn put(&mut self, family: FamilyIndex, key: &[u8], value: &[u8]);
    fn delete(&mut self, family: FamilyIndex, key: &[u8]);

    fn apply(&mut self, family: FamilyIndex, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.put(family, key, value),
            None => self.delete(family, key),
        }
    }
}

/// What a backend holds, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BackendStatistics {
    pub memtable_bytes: u64,
    pub sst_bytes: u64,
    pub estimated_keys: u64,
    pub pending_compaction_bytes: u64,
    pub background_errors: u64,
    pub write_stopped: bool,
    pub write_delayed: bool,
}

/// Committed data of one task. Written by the task's thread, read by any.
pub(crate) trait Backend: Send + Sync {
    /// Appends the value of `key` to `value`; false if there is none.
    fn get(&self, family: FamilyIndex, key: &[u8], value: &mut Vec<u8>) -> BackendResult<bool>;

    /// Tells `found` the index and the value of each key.
    fn multi_get(
        &self,
        family: FamilyIndex,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> BackendResult<()>;

    /// Visits the keys of a range, ascending, until told to stop.
    fn range(
        &self,
        family: FamilyIndex,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> BackendResult<()>;

    /// Writes everything that `fill` hands over, or nothing.
    fn write(&self, bytes: usize, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> BackendResult<()>;

    /// Writes rows that come ascending, each key once, as a file of their own where there are files: on disk for good once
    /// this returns, without any batch that claims them.
    fn ingest(
        &self,
        family: FamilyIndex,
        rows: &mut dyn Iterator<Item = SortedRow<'_>>,
    ) -> BackendResult<()>;

    /// Puts what was written on disk, all families together; `Begin` does not wait for the end.
    fn flush(&self, wait: FlushWait) -> BackendResult<()>;

    /// Copies to the directory `to` what a kill of the process would leave on disk now.
    fn crash_copy(&self, to: &Path) -> BackendResult<()>;

    fn statistics(&self) -> BackendStatistics;
}

/// Whether a flush is only begun or also waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushWait {
    Begin,
    Finish,
}

/// Whether no key can lie between the bounds; `BTreeMap::range` panics on some of these.
pub(crate) fn is_empty_range(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Excluded(to) | Bound::Included(to),
        ) => from >= to,
        (_, Bound::Excluded(to)) => to.is_empty(),
        _ => false,
    }
}
