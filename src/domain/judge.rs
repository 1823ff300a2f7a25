//! Judging: one event against one order, in the order of steps of the taxonomy.

use super::action::Action;
use super::actor::{ActorSet, Aggregate};
use super::clock::event_times;
use super::effects::{annotate_after_pick_up, apply_effects};
use super::event::OrderEvent;
use super::examine::{Verdict, annotates_after_pick_up, examine};
use super::headers::REDRIVE_LIMIT;
use super::invariants::Before;
use super::judgement::{
    ClockSkew, EventTimes, Explanation, Judgement, ParkLimit, Reconcile, ReconcileKind,
    RecordContext, Transition,
};
use super::lifecycle::Row;
use super::memory::Remembered;
use super::order::{Fact, Order, OrderFlag};
use super::ordering::{Cause, Choice, OrderingPolicy};
use super::outcome::{Outcome, RejectionReason};
use super::parking::ParkingLimits;
use super::regions::Main;
use super::rights::{CANCEL_RIGHTS, CancelRights};
use super::waiting::{Aside, MAX_KEPT};

/// What differs between platforms.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgingPolicy {
    /// What is done with events that came too early.
    pub ordering: OrderingPolicy,
    /// How long events are parked, and how many.
    pub parking: ParkingLimits,
    /// Who may cancel when.
    pub cancel_rights: Vec<CancelRights>,
    /// Who may do what, where it differs from the lifecycle's table.
    pub actors: Vec<(Action, ActorSet)>,
    /// Whether events rejected for something that may still come are kept to be redriven.
    pub redrive: bool,
    /// Whether a ghost's cancel is applied as soon as its order is created (E3).
    pub ghost_autoapply: bool,
}

impl Default for JudgingPolicy {
    fn default() -> Self {
        Self {
            ordering: OrderingPolicy::DEFAULT,
            parking: ParkingLimits::default(),
            cancel_rights: CANCEL_RIGHTS.to_vec(),
            actors: Vec::new(),
            redrive: true,
            ghost_autoapply: false,
        }
    }
}

impl JudgingPolicy {
    /// Everything that came too early is rejected at once, and nothing is kept: an event is judged by what came
    /// before it alone.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            ordering: OrderingPolicy::STRICT,
            redrive: false,
            ..Self::default()
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
    judge_at(Stage::Arrived, order, event, context, policy)
}

/// Judges a parked event once more, because something has changed or because its time is over. `None` says that
/// it goes on waiting: only while its time is not over.
///
/// The record that was kept for it is not needed any more, unless the order then lists its arrival as
/// [`Aside::Kept`].
pub fn judge_parked(
    order: &mut Order,
    event: &OrderEvent,
    arrival: u64,
    is_over: bool,
    context: &RecordContext,
    policy: &JudgingPolicy,
) -> Option<Judgement> {
    let times = event_times(event.occurred_at(), context);
    let verdict = examine(order, event, context, &times, policy, false);
    if let Verdict::Wait { cause, .. } = verdict
        && policy.ordering.choice(cause) == Choice::Park
        && !is_over
    {
        return None;
    }
    let mut judgement = judge_at(Stage::Parked(arrival), order, event, context, policy);
    let entry = order.waiting.get(arrival);
    if entry.is_some_and(|entry| entry.aside == Aside::Parked) {
        order.waiting.remove(arrival);
    }
    judgement.store = true;
    Some(judgement)
}

/// What has become possible with an event that was rejected and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What it waits for is still missing.
    Waits,
    /// It was applied meanwhile, in another copy.
    Settled,
    /// It would be judged now: it is to be redriven.
    Ready,
}

/// Looks whether a kept event is to be redriven. Whatever came of it, a redriven one is judged like any other.
#[must_use]
pub fn examine_kept(
    order: &Order,
    event: &OrderEvent,
    context: &RecordContext,
    policy: &JudgingPolicy,
) -> Kept {
    let times = event_times(event.occurred_at(), context);
    match examine(order, event, context, &times, policy, true) {
        // One that became illegal meanwhile waits for nothing: it is to be judged, or it would block its order.
        Verdict::Wait {
            cause, violation, ..
        } if cause != Cause::Violation
            || violation == RejectionReason::Premature
            || policy.ordering.violation == Choice::Park =>
        {
            Kept::Waits
        }
        Verdict::Duplicate => Kept::Settled,
        _ => Kept::Ready,
    }
}

/// When an event is judged.
#[derive(Clone, Copy)]
enum Stage {
    /// As it arrives.
    Arrived,
    /// After it was parked under this number of arrival, for the last time.
    Parked(u64),
}

fn judge_at(
    stage: Stage,
    order: &mut Order,
    event: &OrderEvent,
    context: &RecordContext,
    policy: &JudgingPolicy,
) -> Judgement {
    let times = event_times(event.occurred_at(), context);
    let mut judgement = Judgement::of(times);
    let before = Before::of(order, event);
    let is_new = matches!(stage, Stage::Arrived);
    match examine(order, event, context, &times, policy, is_new) {
        Verdict::Duplicate => {}
        Verdict::Stale => {
            judgement.outcome = Outcome::Stale;
            settle_ghost(order, event, &mut judgement);
        }
        Verdict::DeadLetter { reason, consumes } => {
            judgement.outcome = Outcome::DeadLettered(reason);
            if consumes {
                consume(order, event, true, &mut judgement);
                changed(order, &mut judgement);
            }
        }
        Verdict::Wait {
            cause,
            violation,
            explanation,
        } => {
            judgement.cause = Some(cause);
            let reason = match (policy.ordering.choice(cause), stage) {
                (Choice::Park, Stage::Arrived) => {
                    match park(order, event, context, policy, &mut judgement) {
                        Ok(()) => return judgement,
                        Err(limit) => {
                            let explanation = Explanation::ParkLimit(limit);
                            let reason = RejectionReason::ParkLimit;
                            reject(order, event, reason, explanation, &mut judgement);
                            return judgement;
                        }
                    }
                }
                (Choice::Park, Stage::Parked(_)) => cause.timeout(violation),
                (Choice::Reject | Choice::Accept, _) => cause.rejection(violation),
            };
            reject(order, event, reason, explanation, &mut judgement);
            keep(stage, order, event, context, policy, reason, &mut judgement);
        }
        Verdict::Reject {
            reason,
            explanation,
        } => reject(order, event, reason, explanation, &mut judgement),
        Verdict::Apply { row, anew } => apply(order, event, row, anew, &mut judgement),
    }
    judgement.violations = before.violations(order, event, &judgement);
    if judgement.moved {
        order.memory.settle(event.id_key(), judgement.outcome);
    }
    judgement
}

/// Sets the event aside, if there is room.
fn park(
    order: &mut Order,
    event: &OrderEvent,
    context: &RecordContext,
    policy: &JudgingPolicy,
    judgement: &mut Judgement,
) -> Result<(), ParkLimit> {
    let limits = &policy.parking;
    if order.waiting.count(Aside::Parked) >= limits.per_order {
        return Err(ParkLimit::Order(limits.per_order));
    }
    if context.task_is_full {
        return Err(ParkLimit::Task);
    }
    let since = context.parking_clock;
    let deadline = since.saturating_add(limits.wait(event));
    judgement.outcome = Outcome::Parked;
    let beyond_gap = judgement.cause == Some(Cause::Gap);
    let time = (since, deadline);
    judgement.set_aside = Some(order.waiting.add(event, Aside::Parked, beyond_gap, time));
    stored(order, judgement);
    Ok(())
}

/// Keeps an event that was rejected for something that may still come.
fn keep(
    stage: Stage,
    order: &mut Order,
    event: &OrderEvent,
    context: &RecordContext,
    policy: &JudgingPolicy,
    reason: RejectionReason,
    judgement: &mut Judgement,
) {
    let is_ghost = reason == RejectionReason::Premature;
    let wanted = policy.redrive || (policy.ghost_autoapply && is_ghost);
    if !wanted
        || !reason.is_transient(event.action())
        || context.headers.redrive_count >= REDRIVE_LIMIT
    {
        return;
    }
    // The same event may have been rejected before: one copy of it is enough.
    let id = event.id_key();
    let earlier = order.waiting.of(Aside::Kept).find(|entry| entry.id == id);
    let earlier = earlier.map(|entry| (entry.arrival, entry.since));
    let others = order.waiting.of(Aside::Kept);
    if others.filter(|entry| entry.id != id).count() < MAX_KEPT {
        match stage {
            Stage::Parked(arrival) => order.waiting.keep(arrival),
            Stage::Arrived => {
                let since = context.parking_clock;
                let time = (since, since);
                let arrival = order.waiting.add(event, Aside::Kept, false, time);
                judgement.set_aside = Some(arrival);
            }
        }
    }
    // Not before the new copy has its number, which could be the same: both records go by it.
    if let Some((earlier, since)) = earlier {
        order.waiting.waits_since(id, since);
        order.waiting.remove(earlier);
        judgement.dropped = Some(earlier);
    }
    stored(order, judgement);
}

/// The order's record changed, though not in a way of which anybody is told.
fn stored(order: &mut Order, judgement: &mut Judgement) {
    judgement.store = true;
    if order.retained_from == 0 {
        order.retained_from = judgement.times.record_at;
    }
}

fn changed(order: &mut Order, judgement: &mut Judgement) {
    // An event that waited is older than what has been applied since.
    order.updated_at = order.updated_at.max(judgement.times.record_at);
    // Once closed, the time runs from there.
    if !order.regions.main.is_terminal() || judgement.closed {
        order.retained_from = order.updated_at;
    }
    judgement.store = true;
    judgement.publish_state = order.exists();
}

/// Takes the event's version, and remembers the event. Returns the delivery's place.
fn consume(
    order: &mut Order,
    event: &OrderEvent,
    judged: bool,
    judgement: &mut Judgement,
) -> usize {
    judgement.moved = true;
    let last = order.cursor_of(event).last;
    let beyond_gap = |version: u64| version > last.saturating_add(1);
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
        if beyond_gap(version) {
            // A gap was accepted.
            order.flag(OrderFlag::Incomplete);
        }
    }
    order.memory.remember(Remembered {
        id: event.id_key(),
        hash: event.content_hash(),
        aggregate: event.aggregate(),
        delivery,
        version,
        judged,
        action: event.action(),
        at: judgement.times.occurred_at,
        outcome: Outcome::Applied,
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
        order.renew();
    }
    let (before, status, refunded) = (order.regions, order.status(), order.refunded);
    let delivery = consume(order, event, false, judgement);
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
        delivery_before: before.delivery,
        after_pick_up,
        refunded: order.refunded.saturating_sub(refunded).max(0),
    });
    judgement.closed = order.regions.main.is_terminal() && order.regions.main != before.main;
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
        order.keep_after_terminal(&fact);
        changed(order, judgement);
    }
    if event.version().is_none() {
        return;
    }
    consume(order, event, true, judgement);
    order.contradicted = order.contradicted.with(event.aggregate());
    judgement.reconcile = ReconcileKind::of(reason).map(|kind| Reconcile {
        kind,
        rejected: fact,
        applied: order.last_applied.clone(),
    });
    changed(order, judgement);
}
