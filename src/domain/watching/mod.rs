//! What must not last too long in the life of an order: which watches run, when they reach which level, what was told.
//! Pure: clocks and timers are the caller's.

mod limits;
mod row;
mod running;
mod watch;

pub use limits::{Limits, Selector, SpecialLimit};
pub use row::{ROW_FORMAT, Told, WatchRow};
pub use running::{Running, Since, handed_out_after_end};
pub use watch::{Level, LevelSet, Watch, WatchSet};

use super::order::Order;

/// A level with its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Of what.
    pub watch: Watch,
    /// Which level is reached then.
    pub level: Level,
    /// When what is watched began, epoch milliseconds.
    pub since: i64,
    /// When the level is reached, epoch milliseconds.
    pub at: i64,
    /// How long it may last before the level is reached, milliseconds.
    pub limit: i64,
}

/// Calls for each level that the running watches have before them or have reached, and that was not told.
pub fn for_each_deadline(
    order: &Order,
    running: &Running,
    limits: &Limits,
    row: &WatchRow,
    mut each: impl FnMut(Deadline),
) {
    for (watch, since) in running.iter() {
        for level in Level::ALL {
            let Some(limit) = limits.of(order, watch, *level) else {
                continue;
            };
            if row.has(watch, *level, since.at) {
                continue;
            }
            let limit = limit.saturating_add(since.offset);
            each(Deadline {
                watch,
                level: *level,
                since: since.at,
                at: since.at.saturating_add(limit),
                limit,
            });
        }
    }
}

/// The first of these deadlines.
#[must_use]
pub fn next_deadline(
    order: &Order,
    running: &Running,
    limits: &Limits,
    row: &WatchRow,
) -> Option<i64> {
    let mut next: Option<i64> = None;
    for_each_deadline(order, running, limits, row, |deadline| {
        next = Some(next.map_or(deadline.at, |next| next.min(deadline.at)));
    });
    next
}
