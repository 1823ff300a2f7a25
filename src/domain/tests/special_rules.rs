//! The rules that one row of the table cannot say.

use super::fixture::{CREATED_INFO, Desk, accepted, assigned, delivered, ev};
use crate::domain::actor::Aggregate;
use crate::domain::judgement::{AfterPickUp, ClockSkew, ReconcileKind};
use crate::domain::order::{Milestone, OrderFlag};
use crate::domain::outcome::{Outcome, RejectionReason};

const DAY: f64 = 86_400.0;

fn rejected(reason: RejectionReason) -> Outcome {
    Outcome::Rejected(reason)
}

#[test]
fn the_same_id_is_a_duplicate_with_the_same_content_and_a_conflict_with_other() {
    let mut desk = Desk::after(&accepted());
    let before = desk.order.clone();
    assert_eq!(desk.outcome(&ev("order.accepted", "STORE", 2)), "DUPLICATE");
    let other = ev("order.accepted", "STORE", 2).info(r#"{"cookMinutes":5}"#);
    assert_eq!(desk.outcome(&other), "REJECTED/EVENT_ID_CONFLICT");
    assert_eq!(desk.order, before);
}

#[test]
fn a_consumed_version_is_a_conflict_while_remembered_and_stale_when_forgotten() {
    let mut desk = Desk::after(&accepted());
    assert_eq!(
        desk.outcome(&ev("order.rejected", "STORE", 2)),
        "REJECTED/VERSION_CONFLICT"
    );
    for version in 3..70 {
        assert_eq!(
            desk.outcome(&ev("order.note_added", "CS", version)),
            "ANNOTATED"
        );
    }
    assert_eq!(desk.order.memory.entries().len(), 64);
    assert_eq!(desk.outcome(&ev("order.rejected", "STORE", 2)), "STALE");
    assert_eq!(desk.outcome(&ev("order.accepted", "STORE", 2)), "STALE");
    assert_eq!(
        desk.outcome(&ev("order.created", "CUSTOMER", 1)),
        "STALE",
        "its own creation is no reuse"
    );
    assert_eq!(
        desk.outcome(&ev("order.created", "CUSTOMER", 1).id("other")),
        "REJECTED/ORDER_ID_REUSE"
    );
}

#[test]
fn what_comes_too_early_is_rejected_and_fits_when_it_is_redriven() {
    let mut desk = Desk::default();
    assert_eq!(
        desk.outcome(&ev("payment.approved", "PG", 1)),
        "REJECTED/AWAIT_PREDECESSOR"
    );
    assert_eq!(
        desk.outcome(&ev("order.relayed", "SYSTEM", 1)),
        "REJECTED/PREMATURE"
    );
    assert_eq!(
        desk.outcome(&ev("order.relayed", "SYSTEM", 2)),
        "REJECTED/SEQ_GAP"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.assigned", "RIDER", 1)),
        "REJECTED/PREMATURE"
    );
    assert!(desk.order.is_empty());
    assert_eq!(desk.outcome(&ev("order.created", "CUSTOMER", 1)), "APPLIED");
    assert_eq!(
        desk.outcome(&ev("order.accepted", "STORE", 3)),
        "REJECTED/SEQ_GAP"
    );
    assert_eq!(
        desk.outcome(&ev("order.accepted", "RIDER", 2)),
        "REJECTED/AWAIT_PREDECESSOR",
        "before its actor"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.requested", "SYSTEM", 1)),
        "REJECTED/AWAIT_PREDECESSOR"
    );
    assert_eq!(desk.outcome(&ev("payment.approved", "PG", 1)), "APPLIED");
    assert_eq!(desk.outcome(&ev("order.accepted", "STORE", 2)), "APPLIED");
    assert_eq!(
        desk.outcome(&ev("delivery.requested", "SYSTEM", 1)),
        "APPLIED"
    );
    assert!(!desk.order.is_contradicted());
}

#[test]
fn a_judged_rejection_consumes_its_version_and_contradicts_until_the_next_applied_event() {
    let mut desk = Desk::after(&accepted());
    let judgement = desk.judge(&ev("cooking.started", "CS", 3));
    assert_eq!(
        judgement.outcome,
        rejected(RejectionReason::ActorNotAllowed)
    );
    let reconcile = judgement.reconcile.unwrap();
    assert_eq!(reconcile.kind, ReconcileKind::ActorNotAllowed);
    assert_eq!(
        (
            reconcile.rejected.version,
            reconcile.applied.unwrap().action.name()
        ),
        (Some(3), "order.accepted")
    );
    assert!(judgement.store && judgement.publish_state && judgement.transition.is_none());
    assert_eq!(desk.order.order_cursor.last, 3);
    assert_eq!(desk.outcome(&ev("cooking.started", "CS", 3)), "DUPLICATE");
    assert_eq!(
        desk.outcome(&ev("delivery.requested", "SYSTEM", 1)),
        "APPLIED"
    );
    assert!(
        desk.order.is_contradicted(),
        "another aggregate settles nothing"
    );
    assert_eq!(desk.outcome(&ev("order.note_added", "CS", 4)), "ANNOTATED");
    assert!(desk.order.is_contradicted(), "nor does an annotation");
    assert_eq!(desk.outcome(&ev("cooking.started", "STORE", 5)), "APPLIED");
    assert!(!desk.order.is_contradicted());
}

#[test]
fn an_event_without_version_is_judged_by_the_machine_alone_and_consumes_nothing() {
    let mut desk = Desk::after(&accepted());
    let before = desk.order.clone();
    let judgement = desk.judge(&ev("order.accepted", "STORE", 0));
    assert_eq!(
        judgement.outcome,
        rejected(RejectionReason::IllegalTransition)
    );
    assert!(judgement.reconcile.is_none() && !judgement.store);
    assert_eq!(desk.order, before);
    assert_eq!(desk.outcome(&ev("cooking.started", "STORE", 0)), "APPLIED");
    assert_eq!(
        desk.outcome(&ev("cooking.started", "STORE", 0)),
        "DUPLICATE"
    );
    assert_eq!(desk.order.order_cursor.last, 2);
}

#[test]
fn a_judged_event_is_judged_again_by_force_while_nothing_later_was_applied() {
    let mut desk = Desk::after(&accepted());
    assert_eq!(
        desk.outcome(&ev("delivery.requested", "SYSTEM", 1)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.arrived_store", "RIDER", 2)),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.arrived_store", "RIDER", 2).force()),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.assigned", "RIDER", 0)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.arrived_store", "RIDER", 2)),
        "DUPLICATE"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.arrived_store", "RIDER", 2).force()),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.arrived_store", "RIDER", 2).force()),
        "DUPLICATE",
        "applied by now"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.assigned", "RIDER", 3)),
        "REJECTED/ILLEGAL_TRANSITION"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.picked_up", "RIDER", 4)),
        "APPLIED_SKIP"
    );
    assert_eq!(
        desk.outcome(&ev("delivery.assigned", "RIDER", 3).force()),
        "DUPLICATE",
        "a later one was applied"
    );
}

#[test]
fn a_sixth_redrive_is_refused_and_changes_nothing() {
    let mut desk = Desk::after(&accepted());
    let before = desk.order.clone();
    assert_eq!(
        desk.outcome(&ev("cooking.started", "STORE", 3).redriven(6)),
        "REJECTED/REDRIVE_LIMIT"
    );
    assert_eq!(desk.order, before);
    assert_eq!(
        desk.outcome(&ev("cooking.started", "STORE", 3).redriven(5)),
        "APPLIED"
    );
}

#[test]
fn a_cancel_before_its_create_is_a_ghost_and_holds_the_order_until_it_is_redriven() {
    let mut desk = Desk::default();
    let judgement = desk.judge(&ev("order.cancelled", "CUSTOMER", 7).id("first"));
    assert_eq!(judgement.outcome, rejected(RejectionReason::Premature));
    assert!(judgement.store && !judgement.publish_state && judgement.reconcile.is_none());
    assert_eq!(
        desk.outcome(&ev("order.cancelled", "CUSTOMER", 2)),
        "REJECTED/PREMATURE"
    );
    assert!(!desk.order.exists() && !desk.order.hold());
    let created = desk.judge(&ev("order.created", "CUSTOMER", 1));
    assert_eq!(created.outcome, Outcome::Applied);
    let reconcile = created.reconcile.unwrap();
    assert_eq!(reconcile.kind, ReconcileKind::GhostCancel);
    assert_eq!(
        reconcile.rejected.id.text(),
        Some("order.cancelled-order-2"),
        "the last one is the ghost"
    );
    assert_eq!(reconcile.applied.unwrap().action.name(), "order.created");
    assert!(desk.order.hold() && desk.order.is_contradicted());
    assert_eq!(desk.outcome(&ev("payment.approved", "PG", 1)), "APPLIED");
    assert!(desk.order.hold());
    let cancelled = desk.judge(&ev("order.cancelled", "CUSTOMER", 2).redriven(1));
    assert_eq!(cancelled.transition.unwrap().to.name(), "CANCELLED");
    assert!(!desk.order.hold() && !desk.order.is_contradicted());
    assert_eq!(desk.order.regions.payment.name(), "REFUND_PENDING");
}

#[test]
fn a_hold_ends_too_when_the_cancel_is_judged_or_in_conflict_or_stale() {
    let ghost = ev("order.cancelled", "CUSTOMER", 3);
    let create = |desk: &mut Desk| {
        assert_eq!(desk.outcome(&ghost), "REJECTED/PREMATURE");
        assert_eq!(desk.outcome(&ev("order.created", "CUSTOMER", 1)), "APPLIED");
        assert_eq!(desk.outcome(&ev("payment.approved", "PG", 1)), "APPLIED");
        assert_eq!(desk.outcome(&ev("order.accepted", "STORE", 2)), "APPLIED");
        assert!(desk.order.hold());
    };
    let mut judged = Desk::default();
    create(&mut judged);
    assert_eq!(judged.outcome(&ghost), "REJECTED/ACTOR_NOT_ALLOWED");
    assert!(
        !judged.order.hold() && judged.order.is_contradicted(),
        "contradicted by the rejection"
    );
    let mut conflict = Desk::default();
    create(&mut conflict);
    assert_eq!(
        conflict.outcome(&ev("cooking.started", "STORE", 3)),
        "APPLIED"
    );
    let judgement = conflict.judge(&ghost);
    assert_eq!(
        judgement.outcome,
        rejected(RejectionReason::VersionConflict)
    );
    assert!(judgement.store && judgement.publish_state);
    assert!(!conflict.order.is_contradicted());
    let mut stale = Desk::default();
    create(&mut stale);
    for version in 3..70 {
        assert_eq!(
            stale.outcome(&ev("order.note_added", "CS", version)),
            "ANNOTATED"
        );
    }
    assert!(stale.order.hold());
    assert_eq!(stale.outcome(&ghost), "STALE");
    assert!(!stale.order.hold());
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

#[test]
fn a_reset_moves_the_cursor_without_its_own_version_and_marks_the_order() {
    let mut desk = Desk::after(&accepted());
    assert_eq!(
        desk.outcome(&ev("aggregate.reset", "STORE", 99)),
        "REJECTED/ACTOR_NOT_ALLOWED"
    );
    let reset = ev("aggregate.reset", "CS", 77).info(r#"{"version":6}"#);
    assert_eq!(desk.outcome(&reset), "ANNOTATED");
    assert_eq!(desk.outcome(&reset), "DUPLICATE");
    assert!(desk.order.flags.contains(OrderFlag::Incomplete));
    assert_eq!(desk.outcome(&ev("cooking.started", "STORE", 3)), "STALE");
    assert_eq!(desk.outcome(&ev("cooking.started", "STORE", 7)), "APPLIED");
    let back = ev("aggregate.reset", "CS", 78).info(r#"{"version":2}"#);
    assert_eq!(desk.outcome(&back), "ANNOTATED");
    assert_eq!(
        desk.outcome(&ev("cooking.completed", "STORE", 3)),
        "APPLIED"
    );
    assert_eq!(
        desk.outcome(
            &ev("aggregate.reset", "CS", 1)
                .target("payment", "p")
                .id("rp")
        ),
        "ANNOTATED"
    );
    assert_eq!(desk.order.payment_cursor.last, 1);
}

#[test]
fn an_unknown_action_in_turn_consumes_its_version_and_nothing_else() {
    let mut desk = Desk::default();
    assert_eq!(
        desk.outcome(&ev("order.teleported", "STORE", 1)),
        "DLT/UNKNOWN_ACTION"
    );
    assert!(desk.order.is_empty());
    let mut desk = Desk::after(&accepted());
    assert_eq!(
        desk.outcome(&ev("order.teleported", "STORE", 4)),
        "REJECTED/SEQ_GAP"
    );
    assert_eq!(
        desk.outcome(&ev("order.teleported", "STORE", 3)),
        "DLT/UNKNOWN_ACTION"
    );
    assert_eq!(desk.order.order_cursor.last, 3);
    assert_eq!(
        desk.outcome(&ev("order.teleported", "STORE", 3)),
        "DUPLICATE"
    );
    assert_eq!(
        desk.outcome(&ev("order.teleported", "STORE", 3).force()),
        "DLT/UNKNOWN_ACTION"
    );
    assert_eq!(
        desk.outcome(&ev("order.teleported", "STORE", 2).id("x")),
        "DLT/UNKNOWN_ACTION"
    );
    assert_eq!(desk.outcome(&ev("cooking.started", "STORE", 4)), "APPLIED");
}

#[test]
fn a_dead_letter_of_a_known_action_leaves_the_cursor() {
    let mut desk = Desk::after(&accepted());
    let before = desk.order.clone();
    let broken = ev("cooking.delayed", "STORE", 3).info(r#"{"addMinutes":"ten"}"#);
    assert_eq!(desk.outcome(&broken), "DLT/MALFORMED");
    assert_eq!(desk.order, before);
    assert_eq!(
        desk.outcome(&ev("cooking.delayed", "STORE", 3).info(r#"{"addMinutes":10}"#)),
        "ANNOTATED"
    );
}

#[test]
fn an_order_number_is_used_again_only_30_days_after_its_end() {
    let mut desk = Desk::after(&delivered());
    let create = |days: f64| ev("order.created", "CUSTOMER", 1).id("new").at(days * DAY);
    let before = desk.order.clone();
    assert_eq!(desk.outcome(&create(29.0)), "REJECTED/ORDER_ID_REUSE");
    assert_eq!(desk.order, before);
    let mut stranger = create(31.0);
    stranger.actor = "RIDER".to_owned();
    assert_eq!(
        desk.outcome(&stranger),
        "REJECTED/ORDER_ID_REUSE",
        "no customer begins it"
    );
    assert_eq!(desk.order, before);
    assert_eq!(desk.outcome(&create(31.0)), "APPLIED");
    assert_eq!(
        (
            desk.order.generation,
            desk.order.seq,
            desk.order.order_cursor.last
        ),
        (2, 1, 1)
    );
    assert_eq!(
        (desk.order.payment_cursor.last, desk.order.deliveries.len()),
        (0, 0)
    );
    assert_eq!(desk.order.status().name(), "PAYMENT_WAIT");
}

#[test]
fn a_clock_a_day_ahead_does_not_count_and_is_flagged() {
    let mut desk = Desk::after(&accepted());
    let ahead = desk.judge(&ev("cooking.started", "STORE", 3).at(3_600.0).recorded(0.0));
    assert_eq!(
        (ahead.outcome, ahead.times.skew),
        (Outcome::Applied, ClockSkew::Ahead)
    );
    assert!(!desk.order.flags.contains(OrderFlag::BadTime));
    let bad = desk.judge(
        &ev("cooking.completed", "STORE", 4)
            .at(2.0 * DAY)
            .recorded(7.0),
    );
    assert_eq!(
        (bad.outcome, bad.times.skew),
        (Outcome::Applied, ClockSkew::Bad)
    );
    assert_eq!(
        desk.order.times.get(Milestone::Ready),
        Some(super::fixture::NOON + 7_000)
    );
    assert!(desk.order.flags.contains(OrderFlag::BadTime));
}
