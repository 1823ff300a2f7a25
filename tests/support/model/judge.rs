//! What a verdict does to an order, and what must be told of it. Nothing waits here any more.

use super::event::InputRecord;
use super::order::{Fact, Ghost, Order};
use super::policy::Cause;
use super::verdict::{Case, Verdict};
use super::{Judged, Model, Outcome, outputs, rules};

/// An event whose time has come.
pub struct Matter<'a> {
    pub case: &'a Case,
    pub record: &'a InputRecord,
    /// How long it was parked, milliseconds.
    pub parked_ms: i64,
    /// Whether it was parked, and its time is over.
    pub timed_out: bool,
}

/// Carries a verdict out. An event that is too early is rejected here.
pub fn carry_out(model: &mut Model, verdict: Verdict, matter: &Matter) -> Judged {
    let order = model.order_or_nothing(&matter.case.event.order_no);
    match verdict {
        Verdict::Duplicate => Judged::plain(Outcome::Duplicate),
        Verdict::Stale => {
            answer_ghost(model, order, matter);
            Judged::plain(Outcome::Stale)
        }
        Verdict::Conflict(reason) => {
            let judged = rejection(reason, &order, matter);
            answer_ghost(model, order, matter);
            judged
        }
        Verdict::Refused(reason) => rejection(reason, &order, matter),
        Verdict::TooEarly(cause, reason) => too_early(model, order, cause, reason, matter),
        Verdict::Unknown => unknown_action(model, order, matter),
        Verdict::Illegal(reason) => judged_rejection(model, order, reason, matter),
        Verdict::Legal => {
            let is_create = matter.case.event.action == "order.created";
            let ghost = model.ghosts.remove(&order.order_no);
            apply(model, order, ghost.filter(|_| is_create), matter)
        }
        Verdict::NextGeneration => {
            let mut next = Order::nothing(&order.order_no);
            next.generation = order.generation + 1;
            apply(model, next, None, matter)
        }
    }
}

fn too_early(
    model: &mut Model,
    order: Order,
    cause: Cause,
    reason: &'static str,
    matter: &Matter,
) -> Judged {
    match (cause, matter.timed_out) {
        (Cause::Violation, _) if reason == "ILLEGAL_TRANSITION" => {
            judged_rejection(model, order, reason, matter)
        }
        (Cause::Violation, _) => {
            let event = &matter.case.event;
            if event.action == "order.cancelled" && !order.exists() {
                let ghost = Ghost {
                    event_id: event.id.clone(),
                    event: event.original.clone(),
                    record: matter.record.clone(),
                };
                model.put_ghost(&order.order_no, ghost);
            }
            rejection(reason, &order, matter)
        }
        (Cause::Predecessor, true) => rejection("PREDECESSOR_TIMEOUT", &order, matter),
        (Cause::Gap, true) => rejection("SEQ_GAP_TIMEOUT", &order, matter),
        (Cause::Predecessor | Cause::Gap, false) => rejection(reason, &order, matter),
    }
}

fn apply(model: &mut Model, mut order: Order, ghost: Option<Ghost>, matter: &Matter) -> Judged {
    let Matter { case, record, .. } = matter;
    let (event, at, version) = (&case.event, case.at, case.version());
    let (status_before, main_before) = (order.status(), order.main);
    let before = order.substance();
    if case.skips_versions(&order) {
        order.flags.insert("incomplete");
    }
    let skipped = rules::apply_effect(&mut order, event, at);
    let outcome = match (skipped, order.substance() == before) {
        (true, _) => Outcome::AppliedSkip,
        (false, true) => Outcome::Annotated,
        (false, false) => Outcome::Applied,
    };

    order.seq += 1;
    note_arrival(&mut order, record);
    if at != event.occurred_at {
        order.flags.insert("bad_time");
    }
    if let Some(version) = version {
        order.versions.insert(event.cursor(), version);
        order
            .applied_versions
            .entry(event.cursor())
            .and_modify(|last| *last = version.max(*last))
            .or_insert(version);
    }
    if event.action == "aggregate.reset" {
        let version = event.number("version").unwrap_or(0);
        order.versions.insert(event.cursor(), version);
        order.applied_versions.insert(event.cursor(), version);
        order.flags.insert("incomplete");
    }
    order.remember(event, version, false);
    if event.target_type == "delivery" && !rules::is_about_any_delivery(&event.action) {
        let former = order.current_delivery.replace(event.target_id.clone());
        order
            .former_deliveries
            .extend(former.filter(|former| *former != event.target_id));
    }
    if outcome != Outcome::Annotated {
        order.contradicted.remove(&event.target_type);
        order.last_applied = Some(Fact {
            event_id: event.id.clone(),
            action: event.action.clone(),
            version: event.version,
            occurred_at: at,
        });
    }
    order.end_ghost(&event.id);

    let mut reconcile = Vec::new();
    if let Some(ghost) = ghost {
        let told = outputs::reconcile("GHOST_CANCEL", &ghost.event, &order, record.timestamp);
        reconcile.push(told);
        order.ghost = Some(ghost);
    }
    let replay = model.settings.rebuild || record.header("x-replay").as_deref() == Some("true");
    let transition = outputs::transition(&order, event, outcome, status_before, at, replay);
    model.put(order, record.partition);
    Judged {
        transition: Some(transition),
        main_before,
        reconcile,
        order_changed: true,
        ..Judged::plain(outcome)
    }
}

/// Dead-lettered; its version is consumed, so that the order is not blocked.
fn unknown_action(model: &mut Model, mut order: Order, matter: &Matter) -> Judged {
    let case = matter.case;
    let consumes = order.exists() && case.event.version.is_some() && !case.is_forced(&order);
    if consumes {
        consume(&mut order, case);
        note_arrival(&mut order, matter.record);
        model.put(order, matter.record.partition);
    }
    Judged {
        order_changed: consumes,
        ..dead_letter("UNKNOWN_ACTION")
    }
}

pub fn dead_letter(reason: &'static str) -> Judged {
    Judged {
        reason: Some(reason),
        ..Judged::plain(Outcome::DeadLettered)
    }
}

/// A rejection that leaves no trace in the order.
pub fn rejection(reason: &'static str, order: &Order, matter: &Matter) -> Judged {
    let told = outputs::rejection(
        reason,
        order,
        &matter.case.event,
        matter.record,
        matter.parked_ms,
    );
    Judged {
        reason: Some(reason),
        rejection: Some(told),
        ..Judged::plain(Outcome::Rejected)
    }
}

/// AFTER_TERMINAL, ILLEGAL_TRANSITION, ACTOR_NOT_ALLOWED, OVER_REFUND: the version exists at its owner, so it is
/// consumed, and the order contradicts its owner until the aggregate's next applied event.
fn judged_rejection(
    model: &mut Model,
    mut order: Order,
    reason: &'static str,
    matter: &Matter,
) -> Judged {
    let Matter { case, record, .. } = matter;
    let event = &case.event;
    if !order.exists() {
        return rejection(reason, &order, matter);
    }
    let left_or_arrived = matches!(
        event.action.as_str(),
        "delivery.picked_up" | "delivery.delivered"
    );
    if left_or_arrived && order.main == "CANCELLED" {
        order.flags.insert("ghost_delivery");
    }
    let consumes = case.version().is_some();
    let mut reconcile = Vec::new();
    if consumes {
        consume(&mut order, case);
        order.contradicted.insert(event.target_type.clone());
        let told = outputs::reconcile(reason, &event.original, &order, record.timestamp);
        reconcile.push(told);
    }
    // As transitions do, it tells the order after the event, whose version is consumed.
    let judged = rejection(reason, &order, matter);
    order.end_ghost(&event.id);
    note_arrival(&mut order, record);
    model.put(order, record.partition);
    Judged {
        reconcile,
        order_changed: consumes,
        ..judged
    }
}

/// The cursor moves and the id enters the memory, though nothing was applied. A forced redrive finds both done.
fn consume(order: &mut Order, case: &Case) {
    if case.skips_versions(order) {
        order.flags.insert("incomplete");
    }
    if let Some(version) = case.version() {
        let last = order.versions.entry(case.event.cursor()).or_default();
        *last = version.max(*last);
    }
    order.remember(&case.event, case.version(), true);
}

fn note_arrival(order: &mut Order, record: &InputRecord) {
    order.updated_at = record.timestamp;
    order.last_event_at = order.last_event_at.max(record.timestamp);
    if order.is_terminal() {
        order.closed_recorded_at.get_or_insert(record.timestamp);
    }
}

/// In conflict or stale: the ghost's cancel has been answered, and nothing else changes.
fn answer_ghost(model: &mut Model, mut order: Order, matter: &Matter) {
    if order.exists() {
        order.end_ghost(&matter.case.event.id);
        model.put(order, matter.record.partition);
    }
}
