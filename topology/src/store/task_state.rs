//! The state of one task, as its operators and its runtime see it.

mod open;

use std::ops::{Bound, ControlFlow};
use std::path::PathBuf;
use std::sync::Arc;

use super::backend::{Backend, BackendError, BackendResult, FamilyIndex};
use super::commit::Unflushed;
use super::config::ChangedTopology;
use super::directory::StateDirectory;
use super::disk_format::OWN_FAMILY;
use super::ingest::Collected;
use super::overlay::{Overlay, SlotId};
use super::own::OwnValues;
use super::range::{RowVisitor, merged_range};
use super::set_aside::{SetAside, SetAsideReason, leave_word};
use super::spec::{StoreId, StoreSpec};
use super::timers::{Timer, TimerBatch, TimerClock, Timers};
use super::view::{CommittedView, Published};
use crate::Error;
use crate::task::TaskId;

/// Takes rows of all families: family, key, value.
pub type DumpVisitor<'a> = dyn FnMut(&str, &[u8], &[u8]) + 'a;

/// Where committed rows of a family are.
#[derive(Clone)]
pub(crate) struct Home {
    pub backend: Arc<dyn Backend>,
    pub family: FamilyIndex,
    /// The backend outlives the process.
    pub durable: bool,
}

/// A store of the task.
pub(crate) struct Store {
    pub spec: StoreSpec,
    pub home: Home,
    pub overlay: Overlay,
    /// Next changelog offset to restore from, as committed.
    pub position: Option<i64>,
    /// While a long restore collects rows.
    pub collected: Option<Collected>,
}

impl Store {
    fn load(&mut self, key: &[u8]) -> BackendResult<SlotId> {
        let home = &self.home;
        self.overlay
            .load(key, |value| home.backend.get(home.family, key, value))
    }
}

/// Why nothing more can be done with a state.
#[derive(Clone, Debug)]
pub(crate) struct Poison {
    message: String,
    corrupt: bool,
}

/// The state of one task: its stores, its timers and its own small values.
///
/// Reads look at uncommitted changes, then at the cache, then at the backend. Nothing reaches the
/// backend before [`TaskState::commit`]. After a failed read or write of the backend every call
/// fails: close the state and open it anew. Dropping a state without [`TaskState::close`] is what
/// a killed process does: the disk keeps the last flush, and the changelog has the rest.
pub struct TaskState {
    pub(crate) task: TaskId,
    pub(crate) directory: Arc<StateDirectory>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) durable: Option<Arc<dyn Backend>>,
    pub(crate) memory: Arc<dyn Backend>,
    pub(crate) stores: Vec<Store>,
    /// The store whose changelog carries the task's own rows.
    pub(crate) carrier: Option<StoreId>,
    pub(crate) own_home: Home,
    pub(crate) own: OwnValues,
    pub(crate) timers: Timers,
    pub(crate) unflushed: Unflushed,
    pub(crate) scratch: Vec<u8>,
    poison: Option<Poison>,
    set_aside: Option<SetAside>,
    published: Arc<Published>,
}

impl TaskState {
    /// The task.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The stores as declared, in the order of their ids.
    pub fn specs(&self) -> impl Iterator<Item = (StoreId, &StoreSpec)> {
        self.stores
            .iter()
            .zip(0..)
            .map(|(store, index)| (StoreId(index), &store.spec))
    }

    /// The store whose changelog carries timers and own values.
    pub fn carrier(&self) -> Option<StoreId> {
        self.carrier
    }

    /// The damaged directory that was found and moved aside when this state was opened.
    pub fn set_aside_at_open(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Whether timers of nodes that are gone are dropped rather than refused.
    pub(crate) fn drops_what_is_gone(&self) -> bool {
        self.directory.config().changed_topology == ChangedTopology::Migrate
    }

    /// Whether the state has failed because its files are damaged. The next opening sets the
    /// directory aside.
    pub fn is_corrupt(&self) -> bool {
        self.poison.as_ref().is_some_and(|poison| poison.corrupt)
    }

    /// The value of `key`, with uncommitted changes.
    ///
    /// # Errors
    ///
    /// Fatal if the backend cannot be read, now or earlier, or the store is unknown; so are all
    /// errors of this type.
    pub fn get(&mut self, store: StoreId, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        self.check()?;
        let slot = match self.store(store)?.overlay.find(key) {
            Some(slot) => slot,
            None => {
                self.make_room();
                match self.store(store)?.load(key) {
                    Ok(slot) => slot,
                    Err(error) => return Err(self.fail("read store", error)),
                }
            }
        };
        Ok(self.store(store)?.overlay.read(slot))
    }

    /// Writes the value of `key`.
    pub fn put(&mut self, store: StoreId, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.check()?;
        self.store(store)?.overlay.write(key, Some(value));
        Ok(())
    }

    /// Deletes `key`.
    pub fn delete(&mut self, store: StoreId, key: &[u8]) -> Result<(), Error> {
        self.check()?;
        self.store(store)?.overlay.write(key, None);
        Ok(())
    }

    /// Visits the rows between two keys, ascending, with uncommitted changes, until told to stop.
    pub fn range(
        &mut self,
        store: StoreId,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> Result<(), Error> {
        self.check()?;
        let Store { home, overlay, .. } = self.store(store)?;
        let committed =
            |visit: &mut RowVisitor<'_>| home.backend.range(home.family, from, to, visit);
        merged_range(overlay, from, to, committed, visit)
            .map_err(|error| self.fail("read range of store", error))
    }

    /// Reads the keys that are neither in the overlay nor in the cache, all at once, into the
    /// cache.
    pub fn prefetch(
        &mut self,
        store: StoreId,
        keys: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<(), Error> {
        self.check()?;
        self.make_room();
        let Store { home, overlay, .. } = self.store(store)?;
        let unknown: Vec<&[u8]> = keys.filter(|key| overlay.find(key).is_none()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let result = home
            .backend
            .multi_get(home.family, &unknown, &mut |index, value| {
                let Some(key) = unknown.get(index) else {
                    return;
                };
                // A key may occur twice in a batch.
                if overlay.find(key).is_none() {
                    let loaded: Result<_, std::convert::Infallible> = overlay.load(key, |buffer| {
                        buffer.extend_from_slice(value.unwrap_or_default());
                        Ok(value.is_some())
                    });
                    let Ok(_) = loaded;
                }
            });
        result.map_err(|error| self.fail("read keys of a batch", error))
    }

    /// A record begins: [`TaskState::rollback`] takes back what is done from here on.
    pub fn mark(&mut self) {
        for store in &mut self.stores {
            store.overlay.mark();
        }
        self.own.overlay.mark();
        self.timers.mark();
    }

    /// Takes back everything since the mark: store writes, timers and own values (invariant 9).
    pub fn rollback(&mut self) {
        for store in &mut self.stores {
            store.overlay.rollback();
        }
        self.own.overlay.rollback();
        self.timers.rollback();
    }

    /// Sets a timer; setting it again changes nothing.
    pub fn set_timer(&mut self, timer: &Timer<'_>) {
        self.timers.set(timer);
    }

    /// Cancels a timer; one that is not set is no error, but costs a tombstone.
    pub fn cancel_timer(&mut self, timer: &Timer<'_>) {
        self.timers.cancel(timer);
    }

    /// The earliest deadline of a clock. Reads the backend only after timers were taken or the
    /// earliest one was cancelled.
    pub fn next_deadline(&mut self, clock: TimerClock) -> Result<Option<i64>, Error> {
        self.check()?;
        let home = &self.own_home;
        self.timers
            .next_deadline(clock, home.backend.as_ref(), home.family)
            .map_err(|error| self.fail("read timers", error))
    }

    /// Moves at most `max` timers with a deadline not after `now_ms` into `due`, in the order of
    /// their deadlines. What `due` held before is forgotten.
    pub fn take_due(
        &mut self,
        clock: TimerClock,
        now_ms: i64,
        max: usize,
        due: &mut TimerBatch,
    ) -> Result<(), Error> {
        self.check()?;
        let home = &self.own_home;
        self.timers
            .take_due(clock, now_ms, max, due, home.backend.as_ref(), home.family)
            .map_err(|error| self.fail("read timers", error))
    }

    /// One of the task's own values, with uncommitted changes.
    pub fn own(&self, id: &[u8]) -> Option<&[u8]> {
        self.own.get(id)
    }

    /// Writes one of the task's own values.
    pub fn set_own(&mut self, id: &[u8], value: &[u8]) {
        self.own.overlay.write(id, Some(value));
    }

    /// Removes one of the task's own values.
    pub fn remove_own(&mut self, id: &[u8]) {
        self.own.overlay.write(id, None);
    }

    /// Drops what is not committed: back to the last commit.
    pub fn abort(&mut self) -> Result<(), Error> {
        self.check()?;
        for store in &mut self.stores {
            store.overlay.abort();
        }
        self.timers.abort();
        if self.own.overlay.is_dirty() {
            self.reload_own()?;
        }
        Ok(())
    }

    /// Committed data, for queries from other threads.
    pub fn committed(&self) -> CommittedView {
        CommittedView::new(Arc::clone(&self.published))
    }

    /// Visits every family's committed rows in order: the stores as declared, then the task's own
    /// family `_task`, without what concerns only this copy on disk. For audits and tests.
    pub fn dump(&self, visit: &mut DumpVisitor<'_>) -> Result<(), Error> {
        self.check()?;
        let stores = self
            .stores
            .iter()
            .map(|store| (store.spec.name.as_str(), &store.home));
        for (name, home) in stores.chain([(OWN_FAMILY, &self.own_home)]) {
            let from = match name {
                OWN_FAMILY => Bound::Included([super::disk_format::VALUE_TAG].as_slice()),
                _ => Bound::Unbounded,
            };
            home.backend
                .range(home.family, from, Bound::Unbounded, &mut |key, value| {
                    visit(name, key, value);
                    ControlFlow::Continue(())
                })
                .map_err(|error| self.error("dump state", error.message))?;
        }
        Ok(())
    }

    /// Writes everything to disk, so that nothing is replayed at the next start, and closes. What
    /// is not committed is lost. Waits for queries that are under way.
    ///
    /// # Errors
    ///
    /// Fatal if the flush fails. A state that had failed before is closed as it is.
    pub fn close(mut self) -> Result<(), Error> {
        match self.poison {
            Some(_) => Ok(()),
            None => self.flush(),
        }
    }

    /// Closes, and moves the directory aside: it cannot be brought up to date. Does nothing but
    /// close where there is no directory.
    pub fn set_aside(
        self,
        reason: SetAsideReason,
        detail: &str,
    ) -> Result<Option<SetAside>, Error> {
        let (directory, path, task) = (Arc::clone(&self.directory), self.path.clone(), self.task);
        drop(self);
        path.map(|path| directory.move_aside(&path, reason, detail))
            .transpose()
            .map_err(|error| error.at(format!("task {task}")))
    }

    pub(crate) fn store(&mut self, id: StoreId) -> Result<&mut Store, Error> {
        let task = self.task;
        self.stores.get_mut(id.index()).ok_or_else(|| {
            Error::fatal("use store", format!("store {} is not declared", id.0))
                .at(format!("task {task}"))
        })
    }

    pub(crate) fn reload_own(&mut self) -> Result<(), Error> {
        self.own
            .reload(self.own_home.backend.as_ref(), self.own_home.family)
            .map_err(|error| self.fail("read own values", error))
    }

    /// Fails if the state has failed before.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.poison {
            None => Ok(()),
            Some(poison) => Err(self.error(
                "use state",
                format!(
                    "the state has failed before and must be closed: {}",
                    poison.message
                ),
            )),
        }
    }

    pub(crate) fn error(&self, operation: &'static str, detail: String) -> Error {
        Error::fatal(operation, detail).at(format!("task {}", self.task))
    }

    /// Poisons the state. Damage is remembered beyond the process.
    pub(crate) fn fail(&mut self, operation: &'static str, failure: BackendError) -> Error {
        if failure.corrupt
            && let Some(path) = &self.path
            && let Err(error) = leave_word(path, &failure.message)
        {
            tracing::warn!(task = %self.task, %error, "cannot mark the damaged state directory");
        }
        let error = self.error(operation, failure.message.clone());
        self.poison = Some(Poison {
            message: format!("{operation}: {}", failure.message),
            corrupt: failure.corrupt,
        });
        error
    }

    /// Evicts until the cache is within its bound, from the largest store first.
    pub(crate) fn make_room(&mut self) {
        let limit = self.directory.overlay_cache_bytes();
        let mut total = self.cached_bytes();
        while total > limit {
            let largest = self
                .stores
                .iter_mut()
                .max_by_key(|store| store.overlay.clean_bytes());
            let freed = largest.map_or(0, |store| store.overlay.evict(total - limit));
            if freed == 0 {
                return;
            }
            total -= freed.min(total);
        }
    }

    pub(crate) fn cached_bytes(&self) -> usize {
        self.stores
            .iter()
            .map(|store| store.overlay.clean_bytes())
            .sum()
    }

    #[cfg(any(test, feature = "store-faults"))]
    pub(crate) fn wrap_backend(&mut self, wrap: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>) {
        let Some(durable) = self.durable.take() else {
            return;
        };
        let wrapped = wrap(durable);
        for store in self.stores.iter_mut().filter(|store| store.home.durable) {
            store.home.backend = Arc::clone(&wrapped);
        }
        if self.own_home.durable {
            self.own_home.backend = Arc::clone(&wrapped);
        }
        self.durable = Some(wrapped);
    }
}

impl Drop for TaskState {
    fn drop(&mut self) {
        // Queries of other threads must not keep the database open.
        self.published.close();
    }
}

impl std::fmt::Debug for TaskState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskState")
            .field("task", &self.task)
            .field("path", &self.path)
            .field("poison", &self.poison)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
