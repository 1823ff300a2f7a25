//! Committed data in this process: for in-memory stores and for tests without a disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use parking_lot::RwLock;

use super::backend::{
    Backend, BackendResult, BackendStatistics, BatchWriter, FamilyIndex, FlushWait, is_empty_range,
};
use super::ingest::SortedRow;
use super::range::RowVisitor;

type Rows = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// One lock over all families, so that a reader sees a commit whole.
#[derive(Debug, Default)]
pub(crate) struct MemoryBackend {
    families: RwLock<Vec<Rows>>,
}

impl MemoryBackend {
    pub fn new(families: usize) -> Self {
        Self {
            families: RwLock::new(vec![Rows::new(); families]),
        }
    }
}

struct MemoryBatch<'a>(&'a mut Vec<Rows>);

impl BatchWriter for MemoryBatch<'_> {
    fn put(&mut self, family: FamilyIndex, key: &[u8], value: &[u8]) {
        if let Some(rows) = self.0.get_mut(family.0) {
            match rows.get_mut(key) {
                Some(old) if old.len() == value.len() => old.copy_from_slice(value),
                Some(old) => *old = value.into(),
                None => {
                    rows.insert(key.into(), value.into());
                }
            }
        }
    }

    fn delete(&mut self, family: FamilyIndex, key: &[u8]) {
        if let Some(rows) = self.0.get_mut(family.0) {
            rows.remove(key);
        }
    }
}

impl Backend for MemoryBackend {
    fn get(&self, family: FamilyIndex, key: &[u8], value: &mut Vec<u8>) -> BackendResult<bool> {
        let families = self.families.read();
        let found = families.get(family.0).and_then(|rows| rows.get(key));
        if let Some(found) = found {
            value.extend_from_slice(found);
        }
        Ok(found.is_some())
    }

    fn multi_get(
        &self,
        family: FamilyIndex,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> BackendResult<()> {
        let families = self.families.read();
        for (index, key) in keys.iter().enumerate() {
            let value = families.get(family.0).and_then(|rows| rows.get(*key));
            found(index, value.map(AsRef::as_ref));
        }
        Ok(())
    }

    fn range(
        &self,
        family: FamilyIndex,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> BackendResult<()> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        let families = self.families.read();
        if let Some(rows) = families.get(family.0) {
            for (key, value) in rows.range::<[u8], _>((from, to)) {
                if visit(key, value).is_break() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn write(
        &self,
        _bytes: usize,
        fill: &mut dyn FnMut(&mut dyn BatchWriter),
    ) -> BackendResult<()> {
        fill(&mut MemoryBatch(&mut self.families.write()));
        Ok(())
    }

    fn ingest(
        &self,
        family: FamilyIndex,
        rows: &mut dyn Iterator<Item = SortedRow<'_>>,
    ) -> BackendResult<()> {
        let families = &mut self.families.write();
        let mut batch = MemoryBatch(families);
        rows.for_each(|(key, value)| batch.apply(family, key, value));
        Ok(())
    }

    fn flush(&self, _wait: FlushWait) -> BackendResult<()> {
        Ok(())
    }

    fn crash_copy(&self, _to: &Path) -> BackendResult<()> {
        Ok(())
    }

    fn statistics(&self) -> BackendStatistics {
        let families = self.families.read();
        BackendStatistics {
            estimated_keys: families.iter().map(|rows| rows.len() as u64).sum(),
            ..BackendStatistics::default()
        }
    }
}
