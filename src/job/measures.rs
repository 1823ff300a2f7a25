//! What a judged event adds to what the detectors measure per minute.

use super::judge_processor::Told;
use super::metrics::{CATEGORIES, SIDOS};
use crate::domain::action::Action;
use crate::domain::actor::ActorType;
use crate::domain::aggregates::DeltaBuffer;
use crate::domain::detection::Measure;
use crate::domain::event::OrderEvent;
use crate::domain::judgement::{Judgement, RecordContext};
use crate::domain::order::{Milestone, Order};
use crate::domain::outcome::Outcome;
use crate::domain::regions::{Main, Payment};

/// The scope of everything.
const ALL: [&str; 2] = ["all", ""];
/// So soon after the payment a cancel by the system is suspect, milliseconds.
const CANCELLED_SOON_MS: i64 = 60_000;
/// An event is delayed when it is judged so long after it was recorded, milliseconds.
const DELAYED_MS: i64 = 10_000;
/// A store with a longer id has no scope of its own.
const MAX_STORE_BYTES: usize = 200;

/// Adds the deltas of a judged event; the order is as after it.
pub(super) fn count(
    order: &Order,
    event: &OrderEvent,
    judgement: &Judgement,
    about: &RecordContext,
    (told, replay): (Told, bool),
    deltas: &mut DeltaBuffer,
) {
    let Some(transition) = &judgement.transition else {
        return;
    };
    if !matches!(judgement.outcome, Outcome::Applied | Outcome::AppliedSkip) {
        return;
    }
    // What is read once more is late on purpose.
    if told == Told::Arrived && !replay {
        let delay = about.wall_clock.saturating_sub(about.timestamp);
        let delayed = i64::from(delay > DELAYED_MS);
        deltas.measure(Measure::Delayed, ALL, [delayed, 1]);
    }
    let entered = transition.main_before.is_some();
    if entered && order.regions.main == Main::Paid {
        deltas.measure(Measure::Paid, ALL, [1, 0]);
        // Its minutes are 0 until there is one: a wave may be the first of all.
        deltas.measure(Measure::ApprovedAndCancelled, ALL, [0, 0]);
        // Whoever sends nonsense must not make a scope of it.
        if SIDOS.contains(&order.sido.as_str()) {
            deltas.measure(Measure::Paid, ["sido=", &order.sido], [1, 0]);
        }
        if CATEGORIES.contains(&order.category.as_str()) {
            deltas.measure(Measure::Paid, ["category=", &order.category], [1, 0]);
        }
    }
    let is_suspect = match transition.action {
        Action::PaymentApproved => is_cancelled_and_approved(order, event),
        _ => entered && is_approved_and_cancelled(order, event),
    };
    if is_suspect {
        deltas.measure(Measure::ApprovedAndCancelled, ALL, [1, 0]);
    }
    if transition.action == Action::ClaimPostCancelled
        && !order.store_id.is_empty()
        && order.store_id.len() <= MAX_STORE_BYTES
    {
        deltas.measure(Measure::PostCancelled, ["store=", &order.store_id], [1, 0]);
    }
}

fn is_approved_and_cancelled(order: &Order, event: &OrderEvent) -> bool {
    if order.regions.main != Main::Cancelled
        || event.actor_type() != Some(ActorType::System)
        || order.regions.payment != Payment::RefundPending
    {
        return false;
    }
    let time = |milestone| order.times.get(milestone);
    match (time(Milestone::Paid), time(Milestone::Closed)) {
        (Some(paid), Some(closed)) => closed.saturating_sub(paid) <= CANCELLED_SOON_MS,
        _ => false,
    }
}

/// The payment was approved when the order was cancelled already, by whomever.
fn is_cancelled_and_approved(order: &Order, event: &OrderEvent) -> bool {
    let closed = order.times.get(Milestone::Closed);
    let soon = |closed| event.occurred_at().saturating_sub(closed) <= CANCELLED_SOON_MS;
    order.regions.main == Main::Cancelled && closed.is_some_and(soon)
}

/// The scope of an order's sido; none of what is no sido.
pub(super) fn sido_scope(order: &Order) -> Option<[&str; 2]> {
    let sido = order.sido.as_str();
    SIDOS.contains(&sido).then_some(["sido=", sido])
}
