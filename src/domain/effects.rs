//! Step 7 of judging: what an applied event does to the order.

use super::action::Action;
use super::event::{OrderEvent, Span};
use super::judgement::AfterPickUp;
use super::lifecycle::{Effect, Row};
use super::order::{Milestone, Order, OrderFlag};
use super::regions::{Claim, Delivery, Fulfilment, Kitchen, Main, Payment};

/// Ways to pay at the door.
const OFFLINE_METHODS: [&str; 2] = ["PAY_ON_DELIVERY_CARD", "PAY_ON_DELIVERY_CASH"];

/// Applies the effects of a row. Returns whether a milestone was implied or skipped.
pub(super) fn apply_effects(order: &mut Order, event: &OrderEvent, row: &Row, at: i64) -> bool {
    let mut skipped = false;
    for effect in row.effects {
        skipped |= apply_effect(order, event, *effect, at);
    }
    skipped
}

/// A kitchen's event after the food was handed out: only its topic was slow, or it was pressed late.
pub(super) fn annotate_after_pick_up(
    order: &mut Order,
    event: &OrderEvent,
    action: Action,
    at: i64,
) -> AfterPickUp {
    if order.picked_up_at().is_some_and(|picked_up| at > picked_up) {
        order.flag(OrderFlag::PressedLate);
        return AfterPickUp::PressedLate;
    }
    match action {
        Action::CookingStarted => back_fill(order, Milestone::Cooking, at),
        Action::CookingCompleted => {
            back_fill(order, Milestone::Ready, at);
            order.unflag(OrderFlag::ImpliedReady);
        }
        _ => promise(order, event),
    }
    AfterPickUp::BackFilled
}

fn back_fill(order: &mut Order, milestone: Milestone, at: i64) {
    if order.times.get(milestone).is_none() {
        order.times.set(milestone, Some(at));
    }
}

fn apply_effect(order: &mut Order, event: &OrderEvent, effect: Effect, at: i64) -> bool {
    match effect {
        Effect::Create => create(order, event, at),
        Effect::Approve => approve(order, event, at),
        Effect::FailPayment => {
            order.regions.payment = Payment::Failed;
            if order.regions.main == Main::Created {
                order.enter_main(Main::PaymentFailed, at);
            }
        }
        Effect::Main(main) => {
            order.enter_main(main, at);
            if event.action() == Some(Action::OrderHandedOver) {
                order.times.set(Milestone::HandedOver, Some(at));
            }
            if main == Main::Accepted {
                order.cook_minutes = event.info().cook_minutes;
            }
        }
        Effect::Kitchen(kitchen) => {
            let before = order.regions.kitchen;
            if before != kitchen {
                order.enter_kitchen(kitchen, at);
                return before == Kitchen::Idle && kitchen == Kitchen::Ready;
            }
        }
        Effect::ImplyReady => {
            if order.regions.kitchen != Kitchen::Ready {
                // Nobody pressed it, so there is no time of it.
                order.regions.kitchen = Kitchen::Ready;
                order.flag(OrderFlag::ImpliedReady);
                return true;
            }
        }
        Effect::Delivery(delivery) => order.enter_delivery(delivery, at),
        Effect::CountAttempt => order.attempts = order.attempts.saturating_add(1),
        Effect::CountReassignment => order.reassigned = order.reassigned.saturating_add(1),
        Effect::CountRedelivery => order.redelivered = order.redelivered.saturating_add(1),
        Effect::DeliverByStore => order.fulfilment = Some(Fulfilment::Store),
        Effect::Claim(claim) => order.regions.claim = claim,
        Effect::SettleCancelRequest => {
            if order.regions.claim == Claim::CancelRequested {
                order.regions.claim = Claim::None;
            }
        }
        Effect::AskRefund => {
            if order.regions.payment == Payment::Approved {
                order.regions.payment = Payment::RefundPending;
            }
        }
        Effect::Refund => refund(order, event),
        Effect::FailRefund => order.regions.payment = Payment::RefundFailed,
        Effect::PostCancel => {
            order.payment_before_claim = Some(order.regions.payment);
            order.regions.claim = Claim::PostCancelled;
            if matches!(
                order.regions.payment,
                Payment::Approved | Payment::PartRefunded | Payment::Offline
            ) {
                order.regions.payment = Payment::RefundPending;
            }
        }
        Effect::Withdraw => withdraw(order, event),
        Effect::Promise => promise(order, event),
        Effect::Blame => {
            order.reason = event.info().reason;
            order.liability = event.info().liability;
        }
        // The cursor is moved where versions are consumed.
        Effect::ResetVersion => order.flag(OrderFlag::Incomplete),
    }
    false
}

fn create(order: &mut Order, event: &OrderEvent, at: i64) {
    let info = event.info();
    let text = |span: Option<Span>| span.map_or("", |span| event.text(span));
    for (target, source) in [
        (&mut order.store_id, text(info.store_id)),
        (&mut order.category, text(info.category)),
        (&mut order.sido, text(info.sido)),
        (&mut order.sigungu, text(info.sigungu)),
        (&mut order.dong, text(info.dong)),
        (&mut order.payment_method, text(info.payment_method)),
        (&mut order.customer_id, event.customer_id().unwrap_or("")),
    ] {
        target.clear();
        target.push_str(source);
    }
    order.generation = order.generation.max(1);
    order.created_by = event.id_key();
    order.fulfilment = info.fulfilment;
    order.amount = info.amount.unwrap_or(0);
    if info.amount.is_none() {
        order.flag(OrderFlag::AmountUnknown);
    }
    order.regions.delivery = if info.fulfilment == Some(Fulfilment::Pickup) {
        Delivery::Na
    } else {
        Delivery::None
    };
    order.enter_main(Main::Created, at);
    promise(order, event);
    if OFFLINE_METHODS.contains(&order.payment_method.as_str()) {
        order.regions.payment = Payment::Offline;
        order.paid = order.amount;
        order.enter_main(Main::Paid, at);
    }
}

fn approve(order: &mut Order, event: &OrderEvent, at: i64) {
    // A thin approval is one of the order's amount, as far as that is known.
    order.paid = event.info().amount.unwrap_or(order.amount);
    order.regions.payment = Payment::Approved;
    match order.regions.main {
        Main::Created => order.enter_main(Main::Paid, at),
        Main::Cancelled => order.regions.payment = Payment::RefundPending,
        _ => {}
    }
}

fn refund(order: &mut Order, event: &OrderEvent) {
    let in_part = event.action() == Some(Action::PaymentPartRefunded);
    let amount = event.info().amount;
    let rest = order.paid.saturating_sub(order.refunded).max(0);
    // A thin refund brings back the rest, a thin refund in part nobody knows how much.
    let refunded = amount.unwrap_or(if in_part { 0 } else { rest });
    order.refunded = order.refunded.saturating_add(refunded);
    // Where amounts are not known, the name of the action says whether it is all.
    let is_all = if amount.is_none() || order.paid_unknown() {
        !in_part
    } else {
        order.refunded == order.paid
    };
    order.regions.payment = if is_all {
        Payment::Refunded
    } else {
        Payment::PartRefunded
    };
}

fn withdraw(order: &mut Order, event: &OrderEvent) {
    let before = order
        .payment_before_claim
        .take()
        .unwrap_or(order.regions.payment);
    order.regions.claim = Claim::Withdrawn;
    order.regions.payment = before;
    if event.info().recharge {
        order.refunded = 0;
        order.regions.payment = if before == Payment::Offline {
            Payment::Offline
        } else {
            Payment::Approved
        };
    }
}

fn promise(order: &mut Order, event: &OrderEvent) {
    if let Some(promised_at) = event.info().promised_at {
        order.promised_at = Some(promised_at);
        order.first_promised_at.get_or_insert(promised_at);
    }
}
