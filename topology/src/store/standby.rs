//! Copies of the states of tasks that others run, and how such a copy becomes the state of a task that runs here.
//!
//! The thread that keeps a copy up to date and the thread that wants it never wait for each other's loops: the state lies
//! here between two slices of work, and a claim takes it away, open as it is. Whoever keeps the copy finds it gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::task_state::TaskState;
use crate::Error;
use crate::task::TaskId;

type Slot = Arc<Mutex<Option<TaskState>>>;

/// The copies that a process keeps.
#[derive(Default)]
pub(crate) struct StandbyStates {
    all: Mutex<Copies>,
    count: AtomicUsize,
}

#[derive(Default)]
struct Copies {
    kept: BTreeMap<TaskId, Slot>,
    /// By how many threads a task is being opened.
    claimed: BTreeMap<TaskId, usize>,
}

/// What a thread that is to run a task takes over, and its right to open the task's directory: until it is dropped, no
/// copy of the task is begun.
pub(crate) struct Claim<'a> {
    standbys: &'a StandbyStates,
    task: TaskId,
    /// The copy, if there was one: up to date or nearly so, and whole in any case.
    pub(crate) state: Option<TaskState>,
}

impl StandbyStates {
    /// How many copies there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn taken(&self, all: &mut Copies, task: TaskId) -> Option<Slot> {
        let slot = all.kept.remove(&task);
        self.count.store(all.kept.len(), Ordering::Relaxed);
        slot
    }

    /// Begins a copy with what `open` answers; a thread that claims the task meanwhile waits until it is open. False
    /// where the task is claimed, or `open` has nothing to begin with.
    ///
    /// # Errors
    /// Of `open`.
    pub(crate) fn begin(
        &self,
        task: TaskId,
        open: impl FnOnce() -> Result<Option<TaskState>, Error>,
    ) -> Result<bool, Error> {
        let slot = Slot::default();
        let mut all = self.all.lock();
        if all.claimed.contains_key(&task) || all.kept.contains_key(&task) {
            return Ok(false);
        }
        let mut state = slot.lock();
        all.kept.insert(task, Arc::clone(&slot));
        self.count.store(all.kept.len(), Ordering::Relaxed);
        drop(all);
        let opened = open();
        if let Ok(Some(opened)) = opened {
            *state = Some(opened);
            return Ok(true);
        }
        drop(state);
        let mut all = self.all.lock();
        // A claim has taken it away already, and another copy may have been begun since.
        if let Some(kept) = all.kept.get(&task)
            && Arc::ptr_eq(kept, &slot)
        {
            self.taken(&mut all, task);
        }
        opened.map(|_| false)
    }

    /// A slice of work on a copy; `None` if it was claimed.
    pub(crate) fn with<T>(
        &self,
        task: TaskId,
        work: impl FnOnce(&mut TaskState) -> T,
    ) -> Option<T> {
        let slot = self.all.lock().kept.get(&task).cloned()?;
        let mut state = slot.lock();
        state.as_mut().map(work)
    }

    /// Takes a copy away to close it; `None` if it was claimed.
    pub(crate) fn remove(&self, task: TaskId) -> Option<TaskState> {
        let slot = self.taken(&mut self.all.lock(), task)?;
        let mut state = slot.lock();
        state.take()
    }

    /// Drops all copies as a killed process does: the disk keeps what was flushed.
    pub(crate) fn clear(&self) {
        let mut all = self.all.lock();
        let kept = std::mem::take(&mut all.kept);
        self.count.store(0, Ordering::Relaxed);
        drop(all);
        for slot in kept.into_values() {
            drop(slot.lock().take());
        }
    }

    /// Takes the copy of a task that is to run here, if there is one. Waits for a slice of work on it.
    pub(crate) fn claim(&self, task: TaskId) -> Claim<'_> {
        let mut all = self.all.lock();
        *all.claimed.entry(task).or_default() += 1;
        let slot = self.taken(&mut all, task);
        drop(all);
        let state = slot.and_then(|slot| slot.lock().take());
        Claim {
            standbys: self,
            task,
            // One that has failed is opened anew.
            state: state.filter(|state| state.check().is_ok()),
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut all = self.standbys.all.lock();
        if let Some(claims) = all.claimed.get_mut(&self.task) {
            *claims -= 1;
            if *claims == 0 {
                all.claimed.remove(&self.task);
            }
        }
    }
}

impl TaskState {
    /// Opens the state of a task for a thread that is to run it: a copy that this process keeps goes over as it is.
    ///
    /// # Errors
    /// As [`TaskState::open`].
    pub(crate) fn take_over(
        directory: &Arc<super::StateDirectory>,
        task: TaskId,
        stores: &[super::StoreSpec],
    ) -> Result<Self, Error> {
        let mut claim = directory.standbys().claim(task);
        match claim.state.take() {
            Some(mut state) => {
                state.drop_collected();
                Ok(state)
            }
            None => Self::open(directory, task, stores),
        }
    }
}

#[cfg(test)]
mod tests;
