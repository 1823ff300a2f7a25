//! What all clients share, behind one lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::faults::Faults;
use super::group::Groups;
use super::topics::Topics;
use super::transactions::{Effects, Transactions};
use crate::time::Clock;

#[derive(Default)]
pub(super) struct State {
    pub(super) topics: Topics,
    pub(super) transactions: Transactions,
    pub(super) groups: Groups,
    /// Records kept by each partition of a topic whose `cleanup.policy` contains delete.
    pub(super) retention: Option<usize>,
    /// Someone reads records of open transactions, and is to be woken for them.
    pub(super) read_uncommitted: bool,
    /// Nothing times out before; a lower bound.
    due: Duration,
}

impl State {
    /// The transactions, and what ending one changes elsewhere.
    pub(super) fn transactions(&mut self, now: Duration) -> (&mut Transactions, Effects<'_>) {
        let effects = Effects {
            topics: &mut self.topics,
            groups: &mut self.groups,
            retention: self.retention,
            now,
        };
        (&mut self.transactions, effects)
    }

    /// Something new may time out at `at`.
    pub(super) fn due_at(&mut self, at: Duration) {
        self.due = self.due.min(at);
    }

    /// Lets time have its effects: transactions and sessions that are over.
    fn tick(&mut self, now: Duration) -> bool {
        if now < self.due {
            return false;
        }
        let (transactions, mut effects) = self.transactions(now);
        let (ended, transactions_due) = transactions.tick(&mut effects);
        let (expired, groups_due) = self.groups.tick(&self.topics, now);
        self.due = transactions_due.min(groups_due);
        ended || expired
    }
}

pub(super) struct Cluster {
    state: Mutex<State>,
    /// Told when there may be something to read, or an event of a group.
    changed: Condvar,
    clock: Arc<dyn Clock>,
    pub(super) faults: Faults,
}

impl Cluster {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            clock,
            faults: Faults::default(),
        }
    }

    /// The state as of now, and now.
    pub(super) fn lock(&self) -> (MutexGuard<'_, State>, Duration) {
        let mut state = self.state.lock();
        let now = self.clock.monotonic();
        if state.tick(now) {
            self.changed.notify_all();
        }
        (state, now)
    }

    /// There may be something to read, or an event of a group.
    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Looks at the state until `look` finds something or `timeout` has passed on the machine's
    /// clock; on a virtual clock looks once.
    pub(super) fn wait_for<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&mut State, Duration) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now().checked_add(timeout);
        let (mut state, mut now) = self.lock();
        loop {
            if let Some(found) = look(&mut state, now) {
                return Some(found);
            }
            if self.clock.is_virtual() || timeout.is_zero() {
                return None;
            }
            let timed_out = match deadline {
                Some(deadline) => self.changed.wait_until(&mut state, deadline).timed_out(),
                None => {
                    self.changed.wait(&mut state);
                    false
                }
            };
            now = self.clock.monotonic();
            if state.tick(now) {
                self.changed.notify_all();
            }
            if timed_out {
                return look(&mut state, now);
            }
        }
    }
}
