//! Invariants I7 and I8: sums over all orders and records of a task, which must agree.

use std::time::Duration;

use topology::process::ProcessingContext;

use super::counters::{self, Count};
use crate::domain::invariants::Invariant;
use crate::domain::outcome::Outcome;
use crate::domain::status::DisplayStatus;

/// Between two looks.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// How many events of the task are parked now.
pub(super) fn parked(context: &ProcessingContext<'_>) -> u64 {
    let parked = context.counter(counters::of(Outcome::Parked));
    parked.saturating_sub(context.counter(counters::count(Count::Settled)))
}

/// Counts orders that begin or cease to be on their way. What the gauges by status say must be their difference (I7):
/// those come from the deltas of the aggregates, so each is a check of the other.
pub(super) fn count_in_flight(
    from: DisplayStatus,
    to: DisplayStatus,
    context: &mut ProcessingContext<'_>,
) {
    match (from.is_in_flight(), to.is_in_flight()) {
        (false, true) => context.count(counters::count(Count::InFlightEntered), 1),
        (true, false) => context.count(counters::count(Count::InFlightLeft), 1),
        _ => {}
    }
}

/// I8: every record consumed is parked, or has exactly one other outcome.
pub(super) fn check(context: &mut ProcessingContext<'_>) {
    let consumed = context.counter(counters::count(Count::Consumed));
    let settled: u64 = Outcome::all()
        .filter(|outcome| *outcome != Outcome::Parked)
        .map(|outcome| context.counter(counters::of(outcome)))
        .sum();
    let accounted = settled + parked(context);
    if accounted != consumed {
        tracing::error!(
            task = %context.task_id(),
            consumed,
            accounted,
            "records are not accounted for (I8)"
        );
        context.count(counters::violations(Invariant::EveryRecordCounted), 1);
    }
}
