//! Judging: one event against one order, in the order of steps of the taxonomy.

use super::action::Action;
use super::actor::Aggregate;
use super::clock::event_times;
use super::effects::{annotate_after_pick_up, apply_effects};
use super::event::OrderEvent;
use super::examine::{Verdict, annotates_after_pick_up, examine};
use super::judgement::{
    ClockSkew, EventTimes, Explanation, Judgement, Reconcile, ReconcileKind, RecordContext,
    Transition,
};
use super::lifecycle::Row;
use super::memory::Remembered;
use super::order::{Fact, MAX_AFTER_TERMINAL, Order, OrderFlag};
use super::ordering::{Choice, OrderingPolicy};
use super::outcome::{Outcome, RejectionReason};
use super::regions::Main;
use super::rights::{CANCEL_RIGHTS, CancelRights};

/// What differs between platforms.
#[derive(Clone, Debug)]
pub struct JudgingPolicy {
    /// What is done with events that came too early.
    pub ordering: OrderingPolicy,
    /// Who may cancel when.
    pub cancel_rights: Vec<CancelRights>,
}

impl Default for JudgingPolicy {
    fn default() -> Self {
        Self {
            ordering: OrderingPolicy::STRICT,
            cancel_rights: CANCEL_RIGHTS.to_vec(),
        }
    }
}

/// Judges an event whose record's key was found to be its order number, and applies it to the order if it is
/// legal. A rejection leaves the order as it was, except that a judged one is consumed, and that the last cancel
/// before the creation is kept as the order's ghost.
///
/// ```
/// use jumun::domain::{decode::decode, event::OrderEvent, judge::*, judgement::RecordContext, order::Order};
///
/// let payload = r#"{"id": "0192f3c1-0000-7abc-8def-0123456789ab",
///   "target": {"type": "order", "id": "B1", "orderNo": "B1", "version": 1},
///   "action": "order.created", "actor": {"type": "CUSTOMER", "id": "cu_1"},
///   "info": {"storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
///            "fulfilment": "BAEMIN_SINGLE", "amount": 20000, "paymentMethod": "CARD"},
///   "time": {"occurredAt": "2026-11-20T12:00:00.000+09:00", "recordedAt": "2026-11-20T12:00:00.010+09:00"},
///   "schema": {"name": "order.created", "version": 1}}"#;
/// let mut event = OrderEvent::default();
/// decode(Some(payload.as_bytes()), &mut event).map_err(|defect| defect.message)?;
///
/// let (mut order, policy) = (Order::default(), JudgingPolicy::default());
/// let now = event.recorded_at();
/// let context = RecordContext { timestamp: now, wall_clock: now, ..RecordContext::default() };
/// let judgement = judge(&mut order, &event, &context, &policy);
/// assert_eq!(judgement.outcome.name(), "APPLIED");
/// assert_eq!(order.status().korean(), "결제대기");
/// assert_eq!(judge(&mut order, &event, &context, &policy).outcome.name(), "DUPLICATE");
/// # Ok::<(), String>(())
/// ```
pub fn judge(
    order: &mut Order,
    event: &OrderEvent,
    context: &RecordContext,
    policy: &JudgingPolicy,
) -> Judgement {
    let times = event_times(event.occurred_at(), context);
    let mut judgement = Judgement {
        outcome: Outcome::Duplicate,
        times,
        transition: None,
        explanation: None,
        reconcile: None,
        store: false,
        publish_state: false,
    };
    match examine(order, event, context, &times, &policy.cancel_rights) {
        Verdict::Duplicate => {}
        Verdict::Stale => {
            judgement.outcome = Outcome::Stale;
            settle_ghost(order, event, &mut judgement);
        }
        Verdict::DeadLetter { reason, consumes } => {
            judgement.outcome = Outcome::DeadLettered(reason);
            if consumes {
                consume(order, event, true);
                changed(order, &mut judgement);
            }
        }
        Verdict::Wait {
            waits_for,
            violation,
            explanation,
        } => match policy.ordering.choice(waits_for) {
            Choice::Reject => reject(
                order,
                event,
                waits_for.rejection(violation),
                explanation,
                &mut judgement,
            ),
        },
        Verdict::Reject {
            reason,
            explanation,
        } => reject(order, event, reason, explanation, &mut judgement),
        Verdict::Apply { row, anew } => apply(order, event, row, anew, &mut judgement),
    }
    judgement
}

fn changed(order: &mut Order, judgement: &mut Judgement) {
    order.updated_at = judgement.times.record_at;
    judgement.store = true;
    judgement.publish_state = order.exists();
}

/// Takes the event's version, and remembers the event. Returns the delivery's place.
fn consume(order: &mut Order, event: &OrderEvent, judged: bool) -> usize {
    let reset = event.action() == Some(Action::AggregateReset) && !judged;
    let (delivery, cursor) = order.cursor_mut(event);
    // A reset's own version says nothing.
    let version = event
        .version()
        .filter(|_| event.action() != Some(Action::AggregateReset));
    if reset {
        cursor.last = event.info().version.unwrap_or(cursor.last);
        cursor.applied = cursor.applied.min(cursor.last);
    } else if let Some(version) = version {
        cursor.last = cursor.last.max(version);
        if !judged {
            cursor.applied = cursor.applied.max(version);
        }
    }
    order.memory.remember(Remembered {
        id: event.id_key(),
        hash: event.content_hash(),
        aggregate: event.aggregate(),
        delivery,
        version,
        judged,
    });
    delivery
}

/// The ghost's cancel was settled one way or another: consumers need not wait any longer.
fn settle_ghost(order: &mut Order, event: &OrderEvent, judgement: &mut Judgement) {
    if order.hold()
        && order
            .ghost
            .as_ref()
            .is_some_and(|ghost| ghost.id.key() == event.id_key())
    {
        order.ghost = None;
        order.ghost_event.clear();
        changed(order, judgement);
    }
}

fn apply(
    order: &mut Order,
    event: &OrderEvent,
    row: &'static Row,
    anew: bool,
    judgement: &mut Judgement,
) {
    let at = judgement.times.occurred_at;
    if anew {
        let generation = order.generation;
        order.clear();
        order.generation = generation.saturating_add(1);
    }
    let (before, status, refunded) = (order.regions, order.status(), order.refunded);
    let delivery = consume(order, event, false);
    let mut after_pick_up = None;
    let mut skipped = false;
    if annotates_after_pick_up(row, order) {
        after_pick_up = Some(annotate_after_pick_up(order, event, row.action, at));
    } else {
        skipped = apply_effects(order, event, row, at);
    }
    if event.aggregate() == Aggregate::Delivery && row.changes_delivery() {
        order.current_delivery = Some(delivery);
        if let Some(current) = order.deliveries.get_mut(delivery) {
            current.opened = true;
        }
    }
    judgement.outcome = if order.regions == before && order.refunded == refunded {
        Outcome::Annotated
    } else if skipped {
        Outcome::AppliedSkip
    } else {
        Outcome::Applied
    };
    if judgement.outcome != Outcome::Annotated {
        order.contradicted = order.contradicted.without(event.aggregate());
        order.last_applied = Some(Fact::of(event, row.action, at));
    }
    if judgement.times.skew == ClockSkew::Bad {
        order.flag(OrderFlag::BadTime);
    }
    order.seq = order.seq.saturating_add(1);
    judgement.transition = Some(Transition {
        action: row.action,
        from: status,
        to: order.status(),
        main_before: (order.regions.main != before.main).then_some(before.main),
        after_pick_up,
        refunded: order.refunded.saturating_sub(refunded).max(0),
    });
    changed(order, judgement);
    settle_ghost(order, event, judgement);
    if row.action == Action::OrderCreated
        && let Some(ghost) = &order.ghost
    {
        judgement.reconcile = Some(Reconcile {
            kind: ReconcileKind::GhostCancel,
            rejected: ghost.clone(),
            applied: order.last_applied.clone(),
        });
    }
}

fn reject(
    order: &mut Order,
    event: &OrderEvent,
    reason: RejectionReason,
    explanation: Explanation,
    judgement: &mut Judgement,
) {
    judgement.outcome = Outcome::Rejected(reason);
    judgement.explanation = Some(explanation);
    let Some(action) = event.action() else { return };
    if reason == RejectionReason::Premature && action == Action::OrderCancelled {
        order.ghost = Some(Fact::of(event, action, judgement.times.occurred_at));
        order.ghost_event.clear();
        order.ghost_event.push_str(event.envelope());
        changed(order, judgement);
        return;
    }
    if !order.exists() {
        return;
    }
    if reason.is_judged() {
        contradict(order, event, action, reason, judgement);
    }
    if reason.is_judged()
        || matches!(
            reason,
            RejectionReason::EventIdConflict | RejectionReason::VersionConflict
        )
    {
        settle_ghost(order, event, judgement);
    }
}

/// A judged rejection: the version exists at its owner, so it is consumed, and both facts are reported.
fn contradict(
    order: &mut Order,
    event: &OrderEvent,
    action: Action,
    reason: RejectionReason,
    judgement: &mut Judgement,
) {
    let times: &EventTimes = &judgement.times;
    let fact = Fact::of(event, action, times.occurred_at);
    let handed_out = matches!(action, Action::DeliveryPickedUp | Action::DeliveryDelivered);
    if reason == RejectionReason::AfterTerminal && (handed_out || event.version().is_some()) {
        if handed_out && order.regions.main == Main::Cancelled {
            order.flag(OrderFlag::GhostDelivery);
        }
        let known = order.after_terminal.iter().any(|kept| kept.id == fact.id);
        if !known && order.after_terminal.len() < MAX_AFTER_TERMINAL {
            order.after_terminal.push(fact.clone());
        }
        changed(order, judgement);
    }
    if event.version().is_none() {
        return;
    }
    consume(order, event, true);
    order.contradicted = order.contradicted.with(event.aggregate());
    judgement.reconcile = ReconcileKind::of(reason).map(|kind| Reconcile {
        kind,
        rejected: fact,
        applied: order.last_applied.clone(),
    });
    changed(order, judgement);
}
