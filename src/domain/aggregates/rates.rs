//! Rates and money: cancels (A6 and A7), cancels after delivery (A8), what was paid (A16), how riders keep up (A24).

use super::aggregate::BusinessAggregate as A;
use super::counter::BusinessCounter as C;
use super::deltas::{DeltaBuffer, GroupWriter};
use super::dim::Age;
use super::group::Counted::{Aggregate, Counter};
use crate::domain::action::Action;
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Transition;
use crate::domain::order::{Milestone, Order};
use crate::domain::regions::{Delivery, Main};
use crate::domain::status::DisplayStatus;

/// So long after its payment an order that is cancelled counts as cancelled in the cohort of that minute, milliseconds.
const COHORT_MS: i64 = 3_600_000;

/// Adds what an applied event that happened `at` this moment (epoch milliseconds) means for them.
pub(super) fn count(
    order: &Order,
    event: &OrderEvent,
    at: i64,
    transition: &Transition,
    deltas: &mut DeltaBuffer,
) {
    if transition.main_before.is_some() {
        match order.regions.main {
            Main::Paid => count_paid(order, deltas),
            Main::Cancelled | Main::Rejected | Main::Expired => count_cancelled(order, at, deltas),
            _ => {}
        }
    }
    if transition.refunded > 0 {
        count_gmv(order, [0, 0, transition.refunded], deltas);
        let counter = deltas.group(Counter(C::Refunds));
        counter.add(transition.refunded);
    }
    match transition.action {
        Action::ClaimPostCancelled => {
            count_claim(order, event, at, [1, order.amount, 0, 0], deltas)
        }
        Action::ClaimWithdrawn => count_claim(order, event, at, [0, 0, 1, order.amount], deltas),
        _ => {}
    }
    count_supply(order, transition, deltas);
}

/// Adds what the end of an order's time changes.
pub(super) fn count_expired(order: &Order, deltas: &mut DeltaBuffer) {
    if waits_for_rider(order.status(), order.regions.delivery) {
        add_supply(order, [-1, 0], deltas);
    }
}

fn count_paid(order: &Order, deltas: &mut DeltaBuffer) {
    count_gmv(order, [order.amount, 1, 0], deltas);
    let counter = deltas.group(Counter(C::Gmv)).text(&order.sido);
    counter.add(order.amount);
    count_flow(order, [0, 1], deltas);
    count_cohort(order, [0, 1], deltas);
}

fn count_cancelled(order: &Order, at: i64, deltas: &mut DeltaBuffer) {
    count_flow(order, [1, 0], deltas);
    let paid = order.times.get(Milestone::Paid);
    if paid.is_some_and(|paid| at.saturating_sub(paid) <= COHORT_MS) {
        count_cohort(order, [1, 0], deltas);
    }
}

fn count_flow(order: &Order, sums: [i64; 2], deltas: &mut DeltaBuffer) {
    let places = [A::CancelRateFlow, A::CancelRateFlowByCategory];
    each(order, places, deltas, |group| group.sums(sums));
}

/// In the minute in which the order was paid.
fn count_cohort(order: &Order, sums: [i64; 2], deltas: &mut DeltaBuffer) {
    let Some(paid) = order.times.get(Milestone::Paid) else {
        return;
    };
    let places = [A::CancelRateCohort, A::CancelRateCohortByCategory];
    each(order, places, deltas, |group| group.sums_at(paid, sums));
}

fn count_gmv(order: &Order, sums: [i64; 3], deltas: &mut DeltaBuffer) {
    let places = [A::Gmv, A::GmvByCategory];
    each(order, places, deltas, |group| group.sums(sums));
}

/// Adds to the order's sido in the first aggregate, and to its category in the second.
fn each(order: &Order, places: [A; 2], deltas: &mut DeltaBuffer, add: impl Fn(GroupWriter<'_>)) {
    for (aggregate, dim) in places.into_iter().zip([&order.sido, &order.category]) {
        add(deltas.group(Aggregate(aggregate)).text(dim));
    }
}

/// A withdrawal names nobody who answers for it: whoever did for the cancel that is withdrawn.
fn count_claim(
    order: &Order,
    event: &OrderEvent,
    at: i64,
    sums: [i64; 4],
    deltas: &mut DeltaBuffer,
) {
    let liability = event.info().liability.or(order.liability);
    let closed = order.times.get(Milestone::Closed).unwrap_or(at);
    let age = Age::of(at.saturating_sub(closed));
    let liability = liability.map(|liability| liability.code());
    let [cancelled, cancelled_won, withdrawn, withdrawn_won] = sums;
    if cancelled > 0 {
        let counter = deltas.group(Counter(C::PostCancelled));
        counter.value(liability).add(cancelled);
        let counter = deltas.group(Counter(C::PostCancelledWon));
        counter.value(liability).add(cancelled_won);
    } else {
        deltas.group(Counter(C::Withdrawn)).add(withdrawn);
        deltas.group(Counter(C::WithdrawnWon)).add(withdrawn_won);
    }
    deltas
        .group(Aggregate(A::PostCancel))
        .text(&order.category)
        .value(liability)
        .value(Some(age.code()))
        .sums(sums);
}

fn waits_for_rider(status: DisplayStatus, delivery: Delivery) -> bool {
    status.is_in_flight() && delivery == Delivery::Requested
}

fn count_supply(order: &Order, transition: &Transition, deltas: &mut DeltaBuffer) {
    let waited = waits_for_rider(transition.from, transition.delivery_before);
    let waits = waits_for_rider(transition.to, order.regions.delivery);
    let assigned = i64::from(transition.action == Action::DeliveryAssigned);
    let change = i64::from(waits) - i64::from(waited);
    if change != 0 || assigned != 0 {
        add_supply(order, [change, assigned], deltas);
    }
}

fn add_supply(order: &Order, sums: [i64; 2], deltas: &mut DeltaBuffer) {
    deltas
        .group(Aggregate(A::SupplyGap))
        .text(&order.sido)
        .sums(sums);
}
