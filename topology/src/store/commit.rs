//! Commit: the changelog of what changed, the one batch that makes it the state, and the flush.

use std::time::Duration;

use super::backend::{BatchWriter, FlushWait};
use super::changelog_key::{VALUE_FORMAT, encode_own_key, encode_store_key};
use super::disk_format::{position_key, value_key};
use super::spec::StoreId;
use super::task_state::TaskState;
use crate::Error;

/// What a changed row takes besides key and value: its slot, its place in the indexes and in the order in which it is written.
const ROW_BYTES: usize = 192;
/// What it takes in the batch besides: its kind, its family, and how long key and value are.
const BATCH_ROW_BYTES: usize = 16;

/// Takes changelog records: the store whose topic it is for, key, value unless it is a tombstone.
pub type ChangelogSink<'a> = dyn FnMut(StoreId, &[u8], Option<&[u8]>) -> Result<(), Error> + 'a;

/// What is committed but not yet on disk: what a killed process would replay.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unflushed {
    pub commits: u64,
    pub records: u64,
    pub bytes: usize,
    /// When the last flush was begun, on the caller's monotonic clock.
    pub last_flush: Option<Duration>,
}

impl TaskState {
    /// Whether anything changed since the last commit.
    pub fn is_dirty(&self) -> bool {
        self.stores.iter().any(|store| store.overlay.is_dirty())
            || self.own.overlay.is_dirty()
            || self.timers.overlay.is_dirty()
    }

    /// Bytes of keys and values changed since the last commit.
    pub fn dirty_bytes(&self) -> usize {
        let stores: usize = self
            .stores
            .iter()
            .map(|store| store.overlay.dirty_bytes())
            .sum();
        stores + self.own.overlay.dirty_bytes() + self.timers.overlay.dirty_bytes()
    }

    /// Memory of what has changed since the last commit, while it is committed: keys and values are then held twice, in the
    /// overlays and in the batch that takes them to the stores. On their way to the changelogs they are the producer's, which
    /// has bounds of its own.
    pub(crate) fn dirty_memory(&self) -> usize {
        2 * self.dirty_bytes() + (ROW_BYTES + BATCH_ROW_BYTES) * self.dirty_rows()
    }

    fn dirty_rows(&self) -> usize {
        let stores = self.stores.iter().map(|store| store.overlay.dirty_rows());
        let own = self.own.overlay.dirty_rows() + self.timers.overlay.dirty_rows();
        stores.sum::<usize>() + own
    }

    /// Step 2 of the commit: hands over one changelog record per changed key; no value is a
    /// tombstone. The task's own rows go under reserved keys to the carrier's changelog. Stops at
    /// the first error of `emit` and returns it; nothing has changed then.
    pub fn changelog(&mut self, emit: &mut ChangelogSink<'_>) -> Result<(), Error> {
        self.check()?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let result = self.emit_changelog(emit, &mut scratch);
        self.scratch = scratch;
        result
    }

    fn emit_changelog(
        &self,
        emit: &mut ChangelogSink<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Error> {
        for (store, index) in self.stores.iter().zip(0..) {
            if !store.spec.changelog {
                continue;
            }
            for (key, value) in store.overlay.changes() {
                emit(StoreId(index), encode_store_key(key, scratch), value)?;
            }
        }
        let Some(carrier) = self.carrier else {
            return Ok(());
        };
        let (mut row, mut framed) = (Vec::new(), Vec::new());
        for (id, value) in self.own.overlay.changes() {
            let key = encode_own_key(value_key(id, &mut row), scratch);
            framed.clear();
            framed.push(VALUE_FORMAT);
            framed.extend_from_slice(value.unwrap_or_default());
            emit(carrier, key, value.is_some().then_some(framed.as_slice()))?;
        }
        for (row, value) in self.timers.overlay.changes() {
            let key = encode_own_key(row, scratch);
            emit(
                carrier,
                key,
                value.is_some().then_some([VALUE_FORMAT].as_slice()),
            )?;
        }
        Ok(())
    }

    /// Step 6 of the commit, once the transaction is committed: what changed becomes the state.
    /// `changelog_positions` are the next offsets to restore from, of the stores that had records.
    ///
    /// # Errors
    ///
    /// Fatal. After a failed write the state is unusable: it stands at the commit before, and
    /// restoring from its position brings it to this one. A store with a changelog that has
    /// changes but no position at all is refused before anything is written.
    pub fn commit(&mut self, changelog_positions: &[(StoreId, i64)]) -> Result<(), Error> {
        self.check()?;
        self.check_positions(changelog_positions)?;
        let dirty = self.is_dirty();
        if !dirty && changelog_positions.is_empty() {
            self.mark();
            return Ok(());
        }
        // IMPORTANT: data and the positions that claim it in one batch (invariant 6), after the
        // transaction and never before (invariant 5); memory last, because it cannot fail.
        // A batch that grows is copied.
        let bytes =
            self.dirty_bytes() + BATCH_ROW_BYTES * self.dirty_rows() + 64 * self.stores.len();
        if let Some(durable) = &self.durable {
            let written = durable.write(bytes, &mut |batch| {
                self.fill_batch(batch, changelog_positions, true)
            });
            if let Err(error) = written {
                return Err(self.fail("write commit", error));
            }
        }
        let written = self.memory.write(bytes, &mut |batch| {
            self.fill_batch(batch, changelog_positions, false)
        });
        if let Err(error) = written {
            return Err(self.fail("write commit", error));
        }
        self.committed_overlays(changelog_positions);
        Ok(())
    }

    fn check_positions(&self, positions: &[(StoreId, i64)]) -> Result<(), Error> {
        for (store, index) in self.stores.iter().zip(0..) {
            let own = self.carrier == Some(StoreId(index))
                && (self.own.overlay.has_changes() || self.timers.overlay.has_changes());
            let needed = store.spec.changelog && (own || store.overlay.has_changes());
            let given = positions.iter().any(|(id, _)| *id == StoreId(index));
            if needed && !given && store.position.is_none() {
                return Err(self.error(
                    "commit state",
                    format!(
                        "store {} has changes but no changelog position",
                        store.spec.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn fill_batch(&self, batch: &mut dyn BatchWriter, positions: &[(StoreId, i64)], durable: bool) {
        for store in self
            .stores
            .iter()
            .filter(|store| store.home.durable == durable)
        {
            // In the order of keys, so that the memtable finds the place of each beside the last.
            let mut changes: Vec<_> = store.overlay.changes().collect();
            changes.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in changes {
                batch.apply(store.home.family, key, value);
            }
        }
        if self.own_home.durable != durable {
            return;
        }
        let mut scratch = Vec::new();
        for (id, value) in self.own.overlay.changes() {
            batch.apply(self.own_home.family, value_key(id, &mut scratch), value);
        }
        for (row, value) in self.timers.overlay.changes() {
            batch.apply(self.own_home.family, row, value);
        }
        for (id, position) in positions {
            if let Some(store) = self
                .stores
                .get(id.index())
                .filter(|store| store.home.durable)
            {
                let key = position_key(&store.spec.name);
                batch.put(self.own_home.family, &key, &position.to_be_bytes());
            }
        }
    }

    fn committed_overlays(&mut self, positions: &[(StoreId, i64)]) {
        for store in &mut self.stores {
            if store.spec.changelog {
                self.unflushed.records += store.overlay.changes().count() as u64;
            }
        }
        if self.carrier.is_some() {
            let own = self.own.overlay.changes().count() + self.timers.overlay.changes().count();
            self.unflushed.records += own as u64;
        }
        self.unflushed.commits += 1;
        self.unflushed.bytes += self.dirty_bytes();
        for store in &mut self.stores {
            store.overlay.committed();
        }
        self.own.overlay.committed();
        self.timers.committed();
        for (id, position) in positions {
            if let Some(store) = self.stores.get_mut(id.index()) {
                store.position = Some(*position);
            }
        }
        self.make_room();
    }

    /// Begins a flush if the last one is long ago or much was committed since. `now` is monotonic
    /// time. Does not wait for the disk; a flush that fails later makes the next commit fail.
    pub fn maybe_flush(&mut self, now: Duration) -> Result<(), Error> {
        self.check()?;
        let config = self.directory.config();
        let last = *self.unflushed.last_flush.get_or_insert(now);
        let is_late =
            self.unflushed.commits > 0 && now.saturating_sub(last) >= config.flush_interval;
        if is_late || self.unflushed.bytes >= config.flush_bytes {
            self.flush_with(FlushWait::Begin)?;
            self.unflushed.last_flush = Some(now);
        } else if self.unflushed.commits == 0 {
            self.unflushed.last_flush = Some(now);
        }
        Ok(())
    }

    /// Puts everything committed on disk and waits for it.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check()?;
        self.flush_with(FlushWait::Finish)
    }

    pub(crate) fn flush_with(&mut self, wait: FlushWait) -> Result<(), Error> {
        if let Some(durable) = &self.durable
            && let Err(error) = durable.flush(wait)
        {
            return Err(self.fail("flush state", error));
        }
        self.unflushed = Unflushed {
            last_flush: self.unflushed.last_flush,
            ..Unflushed::default()
        };
        Ok(())
    }
}
