//! What lasts too long: orders past the breach of a timer (A17), and the levels that timers told (A18). Both count at the
//! moment of the deadline, whenever it was noticed.

use super::aggregate::BusinessAggregate as A;
use super::deltas::DeltaBuffer;
use super::group::Counted::Aggregate;
use super::since::Since;
use super::value::Thing;
use crate::domain::order::Order;
use crate::domain::watching::{Deadline, Level, Told};

/// Adds that a timer has reached a level. Answers since when the order is overdue, epoch milliseconds, if it counts as such
/// from here on.
pub fn count_reached(order: &Order, reached: &Deadline, deltas: &mut DeltaBuffer) -> Option<i64> {
    let timer = Some(reached.watch.code());
    let level = Some(reached.level.code());
    deltas
        .group(Aggregate(A::SlaBreach))
        .text(&order.sido)
        .value(timer)
        .value(level)
        .sums_at(reached.at, [1]);
    deltas
        .group(Aggregate(A::SlaBreachByFulfilment))
        .value(order.fulfilment.map(|fulfilment| fulfilment.code()))
        .value(timer)
        .value(level)
        .sums_at(reached.at, [1]);
    if reached.level != Level::Breach || !deltas.wants(A::Stuck) {
        return None;
    }
    let began = Thing::Began(Since::minute_of(reached.since), 1);
    deltas
        .group(Aggregate(A::Stuck))
        .text(&order.sido)
        .value(timer)
        .thing_at(reached.at, [1], began);
    Some(reached.at)
}

/// Adds that what was told is over, at this moment (epoch milliseconds). What was over before it was too long, and was only
/// heard of afterwards, counts in no window.
pub fn count_over(order: &Order, told: &Told, at: i64, deltas: &mut DeltaBuffer) {
    let Some(deadline) = told.overdue_from else {
        return;
    };
    let began = Thing::Began(Since::minute_of(told.since), -1);
    deltas
        .group(Aggregate(A::Stuck))
        .text(&order.sido)
        .value(Some(told.watch.code()))
        .thing_at(at.max(deadline), [-1], began);
}
