//! Ids, versions, what comes too early, and the two kinds of rejection.

use super::fixture::{Desk, accepted, delivered, ev};
use crate::domain::judgement::{ClockSkew, ReconcileKind};
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
