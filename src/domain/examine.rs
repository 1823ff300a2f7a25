//! Steps 2 to 6 of judging: what an event is to this order, without changing anything.

use super::action::Action;
use super::actor::Aggregate;
use super::awaited::awaits_another;
use super::event::OrderEvent;
use super::headers::REDRIVE_LIMIT;
use super::judge::JudgingPolicy;
use super::judgement::{EventTimes, Explanation, RecordContext};
use super::lifecycle::{Condition, Row, row};
use super::order::{Milestone, Order};
use super::ordering::{Cause, Choice};
use super::outcome::{DeadLetterReason, RejectionReason};
use super::regions::{Delivery, Main, MainSet, Payment};
use super::rights::may_cancel;
use super::time::DAY_MS;

/// How long after its end an order number may be used again, and how long a claim may be made.
pub const CLOSED_PERIOD_MS: i64 = 30 * DAY_MS;

/// What an event is to an order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// A dead letter; its version is consumed if it is an unknown action in turn.
    DeadLetter {
        reason: DeadLetterReason,
        consumes: bool,
    },
    /// Known by its id.
    Duplicate,
    /// Of a version consumed by an event that is forgotten.
    Stale,
    /// It came before something; the policy says what then.
    Wait {
        cause: Cause,
        violation: RejectionReason,
        explanation: Explanation,
    },
    /// Not to be applied.
    Reject {
        reason: RejectionReason,
        explanation: Explanation,
    },
    /// To be applied; `anew` if the order number begins a new life with it.
    Apply { row: &'static Row, anew: bool },
}

const fn reject(reason: RejectionReason, explanation: Explanation) -> Verdict {
    Verdict::Reject {
        reason,
        explanation,
    }
}

const fn wait(cause: Cause, violation: RejectionReason, explanation: Explanation) -> Verdict {
    Verdict::Wait {
        cause,
        violation,
        explanation,
    }
}

/// Judges the event against the order as it is. `is_new` says that it has just arrived; else it was set aside, and
/// does not know itself.
pub(super) fn examine(
    order: &Order,
    event: &OrderEvent,
    context: &RecordContext,
    times: &EventTimes,
    policy: &JudgingPolicy,
    is_new: bool,
) -> Verdict {
    let Some(action) = event.action().filter(|_| event.defect().is_none()) else {
        return examine_defect(order, event, context, policy, is_new);
    };
    if context.headers.redrive_count > REDRIVE_LIMIT {
        return reject(
            RejectionReason::RedriveLimit,
            Explanation::Redriven(context.headers.redrive_count),
        );
    }
    let row = row(action);
    let delivery = delivery_of(order, event);
    if let Some(known) = order.memory.find(event.id_key()) {
        if known.hash != event.content_hash() {
            return reject(RejectionReason::EventIdConflict, Explanation::OtherContent);
        }
        if !(known.judged && may_be_forced(order, event, context)) {
            return Verdict::Duplicate;
        }
        return examine_guard(order, event, row, times, policy, false);
    }
    if let Some(parked) = order.waiting.parked(event.id_key()).filter(|_| is_new) {
        if parked.hash != event.content_hash() {
            return reject(RejectionReason::EventIdConflict, Explanation::OtherContent);
        }
        return Verdict::Duplicate;
    }
    if lacks_room(order, event, delivery) {
        return reject(
            RejectionReason::DeliveryLimit,
            Explanation::DeliveryLimit(order.deliveries.len()),
        );
    }
    // A reset declares versions void, so its own says nothing.
    if let Some(version) = event.version().filter(|_| action != Action::AggregateReset) {
        let last = order.cursor(event.aggregate(), delivery).last;
        if version <= last {
            return examine_consumed(order, event, action, version, times, policy);
        }
        if version > last.saturating_add(1) {
            if action == Action::OrderCancelled && !order.exists() {
                return wait(
                    Cause::Violation,
                    RejectionReason::Premature,
                    Explanation::NoOrder,
                );
            }
            if policy.ordering.gap != Choice::Accept {
                return wait(
                    Cause::Gap,
                    RejectionReason::SeqGap,
                    Explanation::Gap { last, version },
                );
            }
        }
    }
    examine_guard(order, event, row, times, policy, false)
}

fn delivery_of(order: &Order, event: &OrderEvent) -> Option<usize> {
    (event.aggregate() == Aggregate::Delivery)
        .then(|| order.delivery_index(event.target_id()))
        .flatten()
}

/// Whether the event is of a further delivery than an order may know, so that no version of it can be consumed.
fn lacks_room(order: &Order, event: &OrderEvent, delivery: Option<usize>) -> bool {
    event.aggregate() == Aggregate::Delivery
        && delivery.is_none()
        && !order.deliveries.has_room_for(event.target_id())
}

/// Whether a judged event is asked to be judged again, and nothing later of its aggregate was applied.
fn may_be_forced(order: &Order, event: &OrderEvent, context: &RecordContext) -> bool {
    let applied = order
        .cursor(event.aggregate(), delivery_of(order, event))
        .applied;
    context.headers.redrive_force && event.version().is_some_and(|version| applied <= version)
}

/// An event whose envelope is sound, but not what is behind it.
fn examine_defect(
    order: &Order,
    event: &OrderEvent,
    context: &RecordContext,
    policy: &JudgingPolicy,
    is_new: bool,
) -> Verdict {
    let reason = event
        .defect()
        .map_or(DeadLetterReason::UnknownAction, |defect| defect.reason);
    let dead = Verdict::DeadLetter {
        reason,
        consumes: false,
    };
    if reason != DeadLetterReason::UnknownAction || !order.exists() {
        return dead;
    }
    if let Some(known) = order.memory.find(event.id_key()) {
        let same = known.hash == event.content_hash();
        return if same && !may_be_forced(order, event, context) {
            Verdict::Duplicate
        } else {
            dead
        };
    }
    if let Some(parked) = order.waiting.parked(event.id_key()).filter(|_| is_new) {
        return if parked.hash == event.content_hash() {
            Verdict::Duplicate
        } else {
            dead
        };
    }
    let delivery = delivery_of(order, event);
    let Some(version) = event
        .version()
        .filter(|_| !lacks_room(order, event, delivery))
    else {
        return dead;
    };
    let last = order.cursor(event.aggregate(), delivery).last;
    if version > last.saturating_add(1) && policy.ordering.gap != Choice::Accept {
        return wait(
            Cause::Gap,
            RejectionReason::SeqGap,
            Explanation::Gap { last, version },
        );
    }
    Verdict::DeadLetter {
        reason,
        consumes: version > last,
    }
}

/// Step 3: the version was consumed, and not by this event as far as is remembered.
fn examine_consumed(
    order: &Order,
    event: &OrderEvent,
    action: Action,
    version: u64,
    times: &EventTimes,
    policy: &JudgingPolicy,
) -> Verdict {
    if action == Action::OrderCreated {
        if event.id_key() == order.created_by {
            return Verdict::Stale;
        }
        let closed = order
            .times
            .get(Milestone::Closed)
            .filter(|_| order.regions.main.is_terminal());
        let is_over =
            closed.is_some_and(|at| times.record_at.saturating_sub(at) >= CLOSED_PERIOD_MS);
        let anew = examine_guard(&Order::default(), event, row(action), times, policy, true);
        // What may not begin a new life of the number leaves the old one as it is.
        return match anew {
            Verdict::Apply { .. } if is_over && version == 1 => anew,
            _ => reject(RejectionReason::OrderIdReuse, Explanation::NumberInUse),
        };
    }
    let delivery = delivery_of(order, event).unwrap_or(0);
    if order
        .memory
        .knows_version(event.aggregate(), delivery, version)
    {
        return reject(
            RejectionReason::VersionConflict,
            Explanation::OtherEvent(version),
        );
    }
    Verdict::Stale
}

/// Steps 5 and 6: the guard, whether others can make it true, the actor, and the money.
fn examine_guard(
    order: &Order,
    event: &OrderEvent,
    row: &'static Row,
    times: &EventTimes,
    policy: &JudgingPolicy,
    anew: bool,
) -> Verdict {
    use RejectionReason::{AfterTerminal, IllegalTransition, OverRefund, Premature};
    let regions = &order.regions;
    let aggregate = event.aggregate();
    let guard = Explanation::Guard(*regions);
    let annotates = annotates_after_pick_up(row, order);
    let legal_main = if annotates {
        AFTER_PICK_UP
    } else {
        row.guard.main
    }
    .contains(regions.main);
    if !legal_main {
        if regions.main.is_terminal() {
            let delivered =
                aggregate == Aggregate::Delivery && regions.delivery == Delivery::Delivered;
            return match delivered {
                true => wait(Cause::Violation, IllegalTransition, guard),
                false => reject(AfterTerminal, guard),
            };
        }
        if awaits_another(row, aggregate, order) {
            return wait(Cause::Predecessor, RejectionReason::AwaitPredecessor, guard);
        }
        if regions.main == Main::None {
            return wait(Cause::Violation, Premature, Explanation::NoOrder);
        }
    }
    if aggregate == Aggregate::Delivery && is_other_delivery(order, event, row) {
        return wait(
            Cause::Violation,
            IllegalTransition,
            Explanation::OtherDelivery,
        );
    }
    let store_delivers = order.store_may_deliver();
    let late = row.guard.delivery_late.contains(regions.delivery);
    let legal_delivery = late
        || row.guard.delivery.contains(regions.delivery)
        || (store_delivers && row.guard.delivery_by_store.contains(regions.delivery));
    let legal_rest = annotates
        || (legal_delivery
            && row.guard.kitchen.contains(regions.kitchen)
            && row.guard.payment.contains(regions.payment)
            && row.guard.claim.contains(regions.claim)
            && order
                .fulfilment
                .is_none_or(|fulfilment| row.guard.fulfilment.contains(fulfilment)));
    if !(legal_main && legal_rest) {
        if legal_main && awaits_another(row, aggregate, order) {
            return wait(Cause::Predecessor, RejectionReason::AwaitPredecessor, guard);
        }
        return wait(Cause::Violation, IllegalTransition, guard);
    }
    match row.condition {
        Condition::WithinClaimPeriod => {
            let closed = order
                .times
                .get(Milestone::Closed)
                .unwrap_or(times.occurred_at);
            if times.occurred_at.saturating_sub(closed) > CLOSED_PERIOD_MS {
                let over = Explanation::ClaimPeriodOver;
                return wait(Cause::Violation, IllegalTransition, over);
            }
        }
        Condition::NotRefundedUnlessRecharged
            if regions.payment == Payment::Refunded && !event.info().recharge =>
        {
            return wait(Cause::Violation, IllegalTransition, guard);
        }
        _ => {}
    }
    if !is_allowed(order, event, row, late, store_delivers, policy) {
        return reject(
            RejectionReason::ActorNotAllowed,
            Explanation::Actor(order.status()),
        );
    }
    if row.condition == Condition::WithinPaid {
        let refunds = order
            .refunded
            .saturating_add(event.info().amount.unwrap_or(0));
        let too_much = refunds > order.paid && !order.paid_unknown();
        if too_much || regions.payment == Payment::Refunded {
            return reject(
                OverRefund,
                Explanation::OverRefund {
                    paid: order.paid,
                    refunds,
                },
            );
        }
    }
    Verdict::Apply { row, anew }
}

/// Where the kitchen's events are annotations once the food was handed out.
const AFTER_PICK_UP: MainSet = MainSet::EMPTY.with(Main::Accepted).with(Main::Completed);

/// Whether the event is one of the kitchen's after the food was handed out.
pub(super) fn annotates_after_pick_up(row: &Row, order: &Order) -> bool {
    row.condition == Condition::AnnotatesAfterPickUp && order.picked_up_at().is_some()
}

/// Whether the event is of a delivery that the region is not of, and may not become it.
fn is_other_delivery(order: &Order, event: &OrderEvent, row: &Row) -> bool {
    let Some(current) = order.current_delivery else {
        return false;
    };
    if row.is_note() {
        return false;
    }
    match order.delivery_index(event.target_id()) {
        Some(place) if place == current => false,
        Some(place)
            if order
                .deliveries
                .get(place)
                .is_some_and(|delivery| delivery.opened) =>
        {
            true
        }
        _ => !row.opens_delivery(),
    }
}

fn is_allowed(
    order: &Order,
    event: &OrderEvent,
    row: &Row,
    late: bool,
    store_delivers: bool,
    policy: &JudgingPolicy,
) -> bool {
    // Who did it is not told by everyone; then nobody can say that they may not.
    let Some(actor) = event.actor_type() else {
        return true;
    };
    let set = policy
        .actors
        .iter()
        .find(|(action, _)| *action == row.action);
    let actors = match set {
        Some((_, actors)) => *actors,
        None if late => row.late_actors,
        None => row.actors,
    };
    let named = actors.contains(actor) || (store_delivers && row.actors_by_store.contains(actor));
    named
        && (row.condition != Condition::ByRights
            || may_cancel(
                &policy.cancel_rights,
                order.status(),
                actor,
                event.info().reason.is_some(),
            ))
}
