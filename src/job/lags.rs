//! How far behind events come: histograms among the committed counters of the judging tasks.

use topology::process::ProcessingContext;

use super::counters;
use crate::domain::aggregates::{Buckets, buckets};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Judgement;

/// What is measured of each event that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Lag {
    /// From when it happened to its record. What is later than the grace of the aggregates comes when its window is closed.
    Lateness,
    /// From when its owner recorded it to its record: the outbox and its relay.
    OutboxRelay,
}

impl Lag {
    /// All of them with their names, which are part of the state on disk, and their buckets, whose names are too.
    pub const ALL: [(Self, &'static str, Buckets); 2] = [
        (Self::Lateness, "lateness", buckets!(1_000: 10, 120)),
        (
            Self::OutboxRelay,
            "outbox-relay",
            buckets!(1_000: 1, 10, 60),
        ),
    ];
}

/// Counts an event that arrived. A clock that is ahead is counted elsewhere, and no lag.
pub(super) fn count(
    event: &OrderEvent,
    judgement: &Judgement,
    context: &mut ProcessingContext<'_>,
) {
    let record_at = judgement.times.record_at;
    for (lag, _, buckets) in Lag::ALL {
        let since = match lag {
            Lag::Lateness => event.occurred_at(),
            Lag::OutboxRelay => event.recorded_at(),
        };
        let milliseconds = record_at.saturating_sub(since).max(0);
        context.count(counters::lag(lag, buckets.place(milliseconds)), 1);
        context.count(counters::lag_sum(lag), milliseconds.unsigned_abs());
    }
}
