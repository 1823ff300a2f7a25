//! What one judged event adds to the aggregates and to the counters; here A1 to A5, and which of the others it concerns.

use super::aggregate::BusinessAggregate as A;
use super::counter::BusinessCounter as C;
use super::deltas::DeltaBuffer;
use super::group::Counted::{Aggregate, Counter};
use super::{duplicates, durations, load, rates};
use crate::domain::action::Action;
use crate::domain::event::OrderEvent;
use crate::domain::judgement::{Judgement, Transition};
use crate::domain::order::Order;
use crate::domain::outcome::Outcome;
use crate::domain::regions::Main;
use crate::domain::status::DisplayStatus;

/// Adds the deltas of a judged event; the order is as after it. They all belong to the moment
/// `judgement.times.window_at`.
///
/// Only what was applied counts: an annotation changes no count, and what was rejected, repeated or dead-lettered
/// counts when it is applied, if ever, in the window in which it happened (E27).
///
/// ```
/// use jumun::domain::aggregates::{DeltaBuffer, Group, count, is_suspected};
/// use jumun::domain::{decode::decode, event::OrderEvent, judge::*, judgement::RecordContext, order::Order};
///
/// let payload = r#"{"id": "0192f3c1-0000-7abc-8def-0123456789ab",
///   "target": {"type": "order", "id": "B1", "orderNo": "B1", "version": 1},
///   "action": "order.created", "actor": {"type": "CUSTOMER", "id": "cu_1"},
///   "info": {"storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
///            "fulfilment": "BAEMIN_SINGLE", "amount": 20000, "paymentMethod": "CARD"},
///   "time": {"occurredAt": "2026-11-20T12:00:00.000+09:00", "recordedAt": "2026-11-20T12:00:00.010+09:00"},
///   "schema": {"name": "order.created", "version": 1}}"#;
/// let (mut event, mut order, mut deltas) = (OrderEvent::default(), Order::default(), DeltaBuffer::default());
/// decode(Some(payload.as_bytes()), &mut event).map_err(|defect| defect.message)?;
/// let judgement = judge(&mut order, &event, &RecordContext::default(), &JudgingPolicy::default());
/// count(&order, &event, &judgement, &mut deltas);
///
/// let told = deltas.iter().filter(|delta| !is_suspected(delta.group));
/// let names = told.map(|delta| Ok(Group::parse(delta.group)?.counted.name()));
/// let names = names.collect::<Result<Vec<_>, jumun::domain::aggregates::GroupError>>();
/// assert!(names.is_ok_and(|names| names.contains(&"orders_created") && names.contains(&"in_flight")));
/// # Ok::<(), String>(())
/// ```
pub fn count(order: &Order, event: &OrderEvent, judgement: &Judgement, deltas: &mut DeltaBuffer) {
    let Some(transition) = &judgement.transition else {
        return;
    };
    if !matches!(judgement.outcome, Outcome::Applied | Outcome::AppliedSkip) {
        return;
    }
    if transition.action == Action::OrderCreated {
        count_created(order, deltas);
        count_discount(order, event, deltas);
    }
    count_transition(order, event, transition, deltas);
    count_moved(order, transition.from, transition.to, deltas);
    rates::count(
        order,
        event,
        judgement.times.occurred_at,
        transition,
        deltas,
    );
    durations::count(order, judgement, transition, deltas);
    load::count(order, event, transition, deltas);
    let at = judgement.times.window_at;
    duplicates::count(order, event, at, transition, deltas);
    // `main` is entered once per order and value, so each of these counts once per order.
    if transition.main_before.is_some() {
        if order.regions.main == Main::Paid {
            count_paid(order, deltas);
        }
        if let Some(status) = terminal(order.regions.main) {
            count_terminal(order, event, status, deltas);
        }
    }
}

/// Adds what the end of an order's time changes: one that was still on its way is so no longer.
pub fn count_expired(order: &Order, deltas: &mut DeltaBuffer) {
    count_moved(order, order.status(), DisplayStatus::None, deltas);
    rates::count_expired(order, deltas);
}

/// A1.
fn count_created(order: &Order, deltas: &mut DeltaBuffer) {
    let places = [
        A::OrdersCreated,
        A::OrdersCreatedBySigungu,
        A::OrdersCreatedByFulfilment,
    ];
    count_by_place(
        order,
        places,
        [C::CreatedBySido, C::CreatedByCategory],
        deltas,
    );
}

/// What was let off (A16): only the event by which an order is created says so.
fn count_discount(order: &Order, event: &OrderEvent, deltas: &mut DeltaBuffer) {
    let discount = event.info().discount.unwrap_or(0);
    if discount > 0 {
        deltas.group(Counter(C::Discounts)).add(discount);
    }
    let price = order.amount.saturating_add(discount);
    deltas.group(Counter(C::ListPrice)).add(price);
}

/// A2.
fn count_paid(order: &Order, deltas: &mut DeltaBuffer) {
    let places = [
        A::OrdersPaid,
        A::OrdersPaidBySigungu,
        A::OrdersPaidByFulfilment,
    ];
    count_by_place(order, places, [C::PaidBySido, C::PaidByCategory], deltas);
}

fn count_by_place(
    order: &Order,
    [by_category, by_sigungu, by_fulfilment]: [A; 3],
    [of_sido, of_category]: [C; 2],
    deltas: &mut DeltaBuffer,
) {
    let (sido, category) = (&order.sido, &order.category);
    deltas
        .group(Aggregate(by_category))
        .text(sido)
        .text(category)
        .add(1);
    deltas
        .group(Aggregate(by_sigungu))
        .text(sido)
        .text(&order.sigungu)
        .add(1);
    let fulfilment = order.fulfilment.map(|fulfilment| fulfilment.code());
    deltas
        .group(Aggregate(by_fulfilment))
        .value(fulfilment)
        .add(1);
    deltas.group(Counter(of_sido)).text(sido).add(1);
    deltas.group(Counter(of_category)).text(category).add(1);
}

/// A3, also where the status stays as it was.
fn count_transition(
    order: &Order,
    event: &OrderEvent,
    transition: &Transition,
    deltas: &mut DeltaBuffer,
) {
    let (from, to) = (Some(transition.from.code()), Some(transition.to.code()));
    let actor = event.actor_type().map(|actor| actor.code());
    deltas
        .group(Aggregate(A::Transitions))
        .text(&order.sido)
        .value(from)
        .value(to)
        .value(actor)
        .add(1);
    deltas
        .group(Counter(C::Transitions))
        .value(from)
        .value(to)
        .add(1);
}

/// A4. The order's sido never changes, so it leaves where it entered.
fn count_moved(order: &Order, from: DisplayStatus, to: DisplayStatus, deltas: &mut DeltaBuffer) {
    if from == to {
        return;
    }
    for (status, change) in [(from, -1), (to, 1)] {
        if status.is_in_flight() {
            deltas
                .group(Aggregate(A::InFlight))
                .text(&order.sido)
                .value(Some(status.code()))
                .add(change);
        }
    }
}

/// A5, with the reason and the liability that the event names.
fn count_terminal(
    order: &Order,
    event: &OrderEvent,
    status: DisplayStatus,
    deltas: &mut DeltaBuffer,
) {
    let status = Some(status.code());
    let reason = event.info().reason.map(|reason| reason.code());
    let liability = event.info().liability.map(|liability| liability.code());
    let (sido, category) = (&order.sido, &order.category);
    deltas
        .group(Aggregate(A::Terminal))
        .text(sido)
        .text(category)
        .value(status)
        .value(reason)
        .value(liability)
        .add(1);
    deltas
        .group(Counter(C::TerminalBySido))
        .text(sido)
        .value(status)
        .add(1);
    deltas
        .group(Counter(C::TerminalByCategory))
        .text(category)
        .value(status)
        .add(1);
    deltas
        .group(Counter(C::TerminalByReason))
        .value(status)
        .value(reason)
        .add(1);
}

/// The terminal value of `main` as a status; they have the same names.
const fn terminal(main: Main) -> Option<DisplayStatus> {
    match main {
        Main::Completed => Some(DisplayStatus::Completed),
        Main::Rejected => Some(DisplayStatus::Rejected),
        Main::Expired => Some(DisplayStatus::Expired),
        Main::Cancelled => Some(DisplayStatus::Cancelled),
        Main::PaymentFailed => Some(DisplayStatus::PaymentFailed),
        Main::None | Main::Created | Main::Paid | Main::Accepted => None,
    }
}
