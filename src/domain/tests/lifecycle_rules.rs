//! What one row of the table cannot say: deliveries, kitchens, money and claims.

use super::fixture::{CREATED_INFO, Desk, accepted, assigned, delivered, ev};
use crate::domain::actor::Aggregate;
use crate::domain::invariants::InvariantSet;
use crate::domain::judgement::{AfterPickUp, ReconcileKind};
use crate::domain::order::{Milestone, OrderFlag};
use crate::domain::outcome::{Outcome, RejectionReason};

const DAY: f64 = 86_400.0;

fn rejected(reason: RejectionReason) -> Outcome {
    Outcome::Rejected(reason)
}

#[test]
fn a_delivery_of_a_cancelled_order_is_flagged_and_kept() {
    let mut events = assigned();
    events.push(ev("order.cancelled", "CS", 3));
    let mut desk = Desk::after(&events);
    for (action, version) in [("delivery.picked_up", 3), ("delivery.delivered", 4)] {
        let judgement = desk.judge(&ev(action, "RIDER", version));
        assert_eq!(judgement.outcome, rejected(RejectionReason::AfterTerminal));
        assert_eq!(
            judgement.reconcile.unwrap().kind,
            ReconcileKind::AfterTerminal
        );
    }
    assert!(desk.order.flags.contains(OrderFlag::GhostDelivery));
    let kept: Vec<_> = desk
        .order
        .after_terminal
        .iter()
        .map(|fact| fact.action.name())
        .collect();
    assert_eq!(kept, ["delivery.picked_up", "delivery.delivered"]);
    assert_eq!(desk.order.status().name(), "CANCELLED");
    assert!(desk.order.contradicted.contains(Aggregate::Delivery));
    assert_eq!(
        desk.outcome(&ev("delivery.failed", "RIDER", 5)),
        "APPLIED",
        "its guard does not name main"
    );
}

#[test]
fn a_delivery_event_after_the_delivery_is_illegal_and_a_cancel_is_after_the_end() {
    let mut desk = Desk::after(&delivered());
    assert_eq!(
        desk.outcome(&ev("delivery.delivered", "RIDER", 5)),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(
        desk.outcome(&ev("order.cancelled", "CS", 4)),
        "REJECTED/AFTER_TERMINAL"
    );
    assert_eq!(
        desk.outcome(&ev("order.created", "CUSTOMER", 5)),
        "REJECTED/AFTER_TERMINAL"
    );
}

#[test]
fn ready_pressed_after_the_pick_up_is_back_filled_if_it_was_earlier_and_late_if_not() {
    let mut events = assigned();
    events.push(ev("delivery.picked_up", "RIDER", 3).at(100.0));
    for (at, after_pick_up, pressed_late) in [
        (90.0, AfterPickUp::BackFilled, false),
        (100.0, AfterPickUp::BackFilled, false),
        (100.1, AfterPickUp::PressedLate, true),
    ] {
        let mut desk = Desk::after(&events);
        assert!(desk.order.flags.contains(OrderFlag::ImpliedReady));
        assert_eq!(desk.order.times.get(Milestone::Ready), None);
        let judgement = desk.judge(&ev("cooking.completed", "STORE", 3).at(at));
        assert_eq!(judgement.outcome, Outcome::Annotated);
        assert_eq!(
            judgement.transition.unwrap().after_pick_up,
            Some(after_pick_up)
        );
        assert_eq!(
            desk.order.times.get(Milestone::Ready).is_some(),
            !pressed_late
        );
        assert_eq!(
            desk.order.flags.contains(OrderFlag::ImpliedReady),
            pressed_late
        );
        assert_eq!(
            desk.order.flags.contains(OrderFlag::PressedLate),
            pressed_late
        );
    }
}

#[test]
fn cooking_started_and_delayed_after_the_delivery_are_annotations() {
    let mut desk = Desk::after(&delivered());
    assert_eq!(
        desk.outcome(&ev("cooking.started", "STORE", 4).at(30.0)),
        "ANNOTATED"
    );
    assert!(desk.order.times.get(Milestone::Cooking).is_some());
    let promise = r#"{"promisedAt":"2026-11-20T13:00:00+09:00"}"#;
    assert_eq!(
        desk.outcome(&ev("cooking.delayed", "STORE", 5).at(200.0).info(promise)),
        "ANNOTATED"
    );
    assert_eq!(desk.order.promised_at, None, "too late to move the promise");
    assert_eq!(
        desk.outcome(&ev("cooking.delayed", "STORE", 6).at(100.0).info(promise)),
        "ANNOTATED"
    );
    assert!(desk.order.promised_at.is_some());
}

#[test]
fn a_legal_event_that_changes_nothing_is_an_annotation_and_keeps_the_first_time() {
    let mut desk = Desk::after(&accepted());
    assert_eq!(
        desk.outcome(&ev("cooking.completed", "STORE", 3).at(10.0)),
        "APPLIED_SKIP"
    );
    let ready = desk.order.times.get(Milestone::Ready);
    assert_eq!(
        desk.outcome(&ev("cooking.completed", "STORE", 4).at(20.0)),
        "ANNOTATED"
    );
    assert_eq!(desk.order.times.get(Milestone::Ready), ready);
    assert_eq!(
        desk.outcome(&ev("order.cancel_requested", "CUSTOMER", 5)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("order.cancel_requested", "CUSTOMER", 6)),
        "ANNOTATED"
    );
    assert_eq!(desk.outcome(&ev("order.cancelled", "SYSTEM", 7)), "APPLIED");
    assert_eq!(
        desk.order.regions.claim.name(),
        "NONE",
        "the request is settled"
    );
}

#[test]
fn each_delivery_has_versions_of_its_own_and_an_older_one_says_nothing_more() {
    let mut events = assigned();
    events.push(ev("delivery.cancelled", "SYSTEM", 3));
    events.push(
        ev("delivery.requested", "SYSTEM", 1)
            .id("again")
            .target("delivery", "dl_2"),
    );
    let mut desk = Desk::after(&events);
    assert_eq!(desk.order.deliveries.len(), 2);
    assert_eq!(
        desk.outcome(&ev("delivery.assigned", "RIDER", 4)),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(desk.order.regions.delivery.name(), "REQUESTED");
    assert_eq!(
        desk.outcome(&ev("delivery.eta_updated", "SYSTEM", 5)),
        "ANNOTATED",
        "a note is welcome"
    );
    let unknown = ev("delivery.assigned", "RIDER", 1)
        .target("delivery", "dl_3")
        .id("a3");
    assert_eq!(
        desk.outcome(&unknown),
        "REJECTED/ILLEGAL_TRANSITION",
        "a delivery does not begin with its rider"
    );
    let assigned = ev("delivery.assigned", "RIDER", 2)
        .target("delivery", "dl_2")
        .id("a2");
    assert_eq!(desk.outcome(&assigned), "APPLIED");
    assert_eq!(desk.order.attempts, 2);
    let versions: Vec<_> = desk
        .order
        .deliveries
        .iter()
        .map(|delivery| delivery.cursor.last)
        .collect();
    assert_eq!(versions, [5, 2, 1]);
}

#[test]
fn an_unassigned_or_redispatched_rider_clears_the_times_of_the_attempt() {
    let mut desk = Desk::after(&assigned());
    assert_eq!(
        desk.outcome(&ev("delivery.arrived_store", "RIDER", 3).at(5.0)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.unassigned", "RIDER", 4).at(9.0)),
        "APPLIED"
    );
    let times = &desk.order.times;
    assert_eq!(
        (
            times.get(Milestone::Assigned),
            times.get(Milestone::AtStore)
        ),
        (None, None)
    );
    assert_eq!(
        times.get(Milestone::Requested),
        Some(super::fixture::NOON + 9_000)
    );
    assert_eq!((desk.order.attempts, desk.order.reassigned), (1, 1));
    for (action, actor, version) in [
        ("delivery.assigned", "RIDER", 5),
        ("delivery.failed", "RIDER", 6),
        ("delivery.redispatched", "CS", 7),
    ] {
        assert_eq!(
            desk.outcome(&ev(action, actor, version).at(20.0)),
            "APPLIED"
        );
    }
    assert_eq!(
        (
            desk.order.redelivered,
            desk.order.times.get(Milestone::Assigned)
        ),
        (1, None)
    );
}

#[test]
fn a_store_that_delivers_itself_may_pick_up_and_after_that_only_cs_cancels_the_delivery() {
    let mut events = accepted();
    events.push(ev("delivery.requested", "SYSTEM", 1));
    let mut desk = Desk::after(&events);
    assert_eq!(
        desk.outcome(&ev("delivery.picked_up", "STORE", 2)),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.switched_to_store", "STORE", 3)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.picked_up", "STORE", 4)),
        "APPLIED_SKIP"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.cancelled", "SYSTEM", 5)),
        "REJECTED/ACTOR_NOT_ALLOWED"
    );
    assert_eq!(desk.outcome(&ev("delivery.cancelled", "CS", 6)), "APPLIED");
}

#[test]
fn a_store_cancels_only_with_a_reason_and_an_unknown_reason_is_other() {
    let mut desk = Desk::after(&accepted());
    assert_eq!(
        desk.outcome(&ev("order.cancelled", "STORE", 3)),
        "REJECTED/ACTOR_NOT_ALLOWED"
    );
    let cancel =
        ev("order.cancelled", "STORE", 4).info(r#"{"reason":"ALIENS","liability":"STORE"}"#);
    assert_eq!(desk.outcome(&cancel), "APPLIED");
    assert_eq!(desk.order.reason.unwrap().name(), "OTHER");
    assert_eq!(desk.order.liability.unwrap().name(), "STORE");
    assert!(desk.event.info().unknown_reason);
}

#[test]
fn refunds_add_up_to_what_was_paid_and_not_beyond() {
    let mut events = accepted();
    events.push(ev("order.cancelled", "CS", 3));
    let mut desk = Desk::after(&events);
    assert_eq!(
        desk.outcome(&ev("payment.part_refunded", "PG", 2)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("payment.refunded", "PG", 3)),
        "REJECTED/OVER_REFUND"
    );
    assert_eq!(
        desk.outcome(&ev("payment.refund_failed", "PG", 4)),
        "APPLIED"
    );
    let rest = ev("payment.refunded", "PG", 5).info(r#"{"amount":15000}"#);
    assert_eq!(desk.outcome(&rest), "APPLIED");
    assert_eq!(desk.order.regions.payment.name(), "REFUNDED");
    assert_eq!(
        desk.outcome(&ev("payment.part_refunded", "STORE", 6)),
        "REJECTED/ACTOR_NOT_ALLOWED"
    );
    let nothing = ev("payment.part_refunded", "PG", 7).info(r#"{"amount":0}"#);
    assert_eq!(
        desk.outcome(&nothing),
        "REJECTED/OVER_REFUND",
        "any refund after REFUNDED"
    );
}

#[test]
fn an_approval_of_a_cancelled_order_asks_for_the_money_back() {
    let mut desk = Desk::after(&[
        ev("order.created", "CUSTOMER", 1),
        ev("order.cancelled", "CUSTOMER", 2),
    ]);
    assert_eq!(desk.outcome(&ev("payment.approved", "PG", 1)), "APPLIED");
    assert_eq!(desk.order.regions.payment.name(), "REFUND_PENDING");
}

#[test]
fn a_refund_of_what_nobody_told_violates_nothing() {
    let mut desk = Desk::after(&accepted());
    // As thin events leave an order.
    desk.order.flag(OrderFlag::AmountUnknown);
    (desk.order.amount, desk.order.paid) = (0, 0);
    let judgement = desk.judge(&ev("payment.part_refunded", "PG", 2));
    assert_eq!(judgement.outcome, Outcome::Applied);
    assert_eq!(judgement.violations, InvariantSet::EMPTY);
}

#[test]
fn a_claim_is_made_within_30_days_and_its_withdrawal_restores_the_payment() {
    let mut desk = Desk::after(&delivered());
    let late = ev("claim.post_cancelled", "CS", 1).at(31.0 * DAY);
    assert_eq!(desk.outcome(&late), "REJECTED/ILLEGAL_TRANSITION");
    let claim = ev("claim.post_cancelled", "CS", 2)
        .at(29.0 * DAY)
        .info(r#"{"liability":"RIDER"}"#);
    assert_eq!(desk.outcome(&claim), "APPLIED");
    assert_eq!(
        (
            desk.order.status().name(),
            desk.order.regions.payment.name()
        ),
        ("POST_CANCELLED", "REFUND_PENDING")
    );
    assert_eq!(desk.outcome(&ev("payment.refunded", "PG", 2)), "APPLIED");
    assert_eq!(
        desk.outcome(&ev("claim.withdrawn", "CS", 3)),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(
        desk.outcome(&ev("claim.withdrawn", "CS", 4).info(r#"{"recharge":true}"#)),
        "APPLIED"
    );
    assert_eq!(
        (desk.order.regions.payment.name(), desk.order.refunded),
        ("APPROVED", 0)
    );
    assert_eq!(desk.order.status().name(), "COMPLETED");
}

#[test]
fn a_claim_on_money_paid_at_the_door_refunds_the_amount_and_is_offline_again_when_withdrawn() {
    let info = CREATED_INFO
        .replace("CARD", "PAY_ON_DELIVERY_CARD")
        .replace("BAEMIN_SINGLE", "PICKUP");
    let mut desk = Desk::after(&[
        ev("order.created", "CUSTOMER", 1).info(&info),
        ev("order.accepted", "SYSTEM", 2),
        ev("order.handed_over", "STORE", 3),
        ev("claim.post_cancelled", "CS", 1),
    ]);
    assert!(desk.order.times.get(Milestone::HandedOver).is_some());
    assert_eq!(desk.order.regions.payment.name(), "REFUND_PENDING");
    assert_eq!(desk.outcome(&ev("payment.refunded", "PG", 1)), "APPLIED");
    assert_eq!(
        desk.outcome(&ev("claim.withdrawn", "CS", 2).info(r#"{"recharge":true}"#)),
        "APPLIED"
    );
    assert_eq!(desk.order.regions.payment.name(), "OFFLINE");
}
