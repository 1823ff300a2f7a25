//! Steps 1 to 7 of order-domain 4.1 for one record.

use super::event::{Event, InputRecord, Parsed, parse};
use super::order::{Fact, Ghost, Order};
use super::{Judged, Model, Outcome, Policy, outputs, rules, search};

const ONE_DAY: i64 = 24 * 60 * 60 * 1000;
const LARGEST_REDRIVE_COUNT: u64 = 5;

/// Judges one record and changes the model's orders accordingly.
pub fn judge(model: &mut Model, record: &InputRecord) -> Judged {
    // Step 1: parse and validate.
    let (event, action_is_known) = match parse(record) {
        Parsed::DeadLetter(reason) => return dead_letter(reason),
        Parsed::UnknownAction(event) => (event, false),
        Parsed::Event(event) => (event, true),
    };
    let order_no = event.order_no.clone();
    let existing = model.orders.get(&order_no).cloned();
    if !action_is_known && (existing.is_none() || event.version.is_none()) {
        // Without a record, or for an event without version, nothing is consumed; its known id is still DUPLICATE.
        let known = existing.as_ref().and_then(|order| order.recall(&event.id));
        if known.is_none() {
            return dead_letter("UNKNOWN_ACTION");
        }
    }
    if action_is_known && record.redrive_count() > LARGEST_REDRIVE_COUNT {
        let order = existing.unwrap_or_else(|| Order::nothing(&order_no));
        return rejection("REDRIVE_LIMIT", &order, &event, record);
    }

    let has_record = existing.is_some();
    let mut order = existing.unwrap_or_else(|| Order::nothing(&order_no));
    let at = event_time(model.now(), record, &event);
    let cursor = event.cursor();
    // A reset's own version is neither judged nor remembered.
    let version = event.version.filter(|_| event.action != "aggregate.reset");
    let mut forced = false;

    // Step 2: known id.
    if let Some(known) = order.recall(&event.id).cloned() {
        if known.canonical != event.canonical {
            return conflict(model, order, "EVENT_ID_CONFLICT", &event, record);
        }
        let applied = order
            .applied_versions
            .get(&known.cursor)
            .copied()
            .unwrap_or(0);
        let overtaken = known.version.is_some_and(|version| applied > version);
        if !(record.is_forced() && known.judged && !overtaken) {
            return Judged::plain(Outcome::Duplicate);
        }
        forced = true;
    }

    if let (Some(version), false) = (version, forced) {
        // Step 3: an old version.
        let last = order.last_version(&cursor);
        if version <= last {
            if event.action == "order.created" {
                return reuse_of_order_number(model, order, &event, record, at);
            }
            let taken = order
                .memory
                .iter()
                .any(|known| known.cursor == cursor && known.version == Some(version));
            if taken {
                return conflict(model, order, "VERSION_CONFLICT", &event, record);
            }
            end_ghost(&mut order, &event);
            model.orders.insert(order_no, order);
            return Judged::plain(Outcome::Stale);
        }
        // Step 4: a gap. A cancel without a record is PREMATURE, whatever its version.
        let is_premature_cancel = !has_record && event.action == "order.cancelled";
        if version - 1 > last && !is_premature_cancel {
            return match model.policy {
                Policy::Strict => rejection("SEQ_GAP", &order, &event, record),
            };
        }
    }

    if !action_is_known {
        if !forced {
            consume(&mut order, &event, version);
            model.orders.insert(order_no, order);
        }
        return dead_letter("UNKNOWN_ACTION");
    }

    // Steps 5 and 6: illegal, now or for ever.
    if let Some(reason) = why_illegal(&order, &event, at) {
        if matches!(
            reason,
            "AFTER_TERMINAL" | "ILLEGAL_TRANSITION" | "ACTOR_NOT_ALLOWED" | "OVER_REFUND"
        ) {
            return judged_rejection(model, order, has_record, reason, &event, version, record);
        }
        if !has_record && event.action == "order.cancelled" {
            let ghost = Ghost {
                event_id: event.id.clone(),
                event: event.original.clone(),
            };
            model.ghosts.insert(order_no, ghost);
        }
        return rejection(reason, &order, &event, record);
    }

    // Step 7.
    let ghost = model
        .ghosts
        .remove(&order_no)
        .filter(|_| event.action == "order.created");
    apply(model, order, ghost, &event, version, record, at)
}

/// The reason why the event cannot be applied, by the precedence of 1.2; none if it is legal.
fn why_illegal(order: &Order, event: &Event, at: i64) -> Option<&'static str> {
    let legal = rules::is_kitchen_event_after_collection(order, &event.action)
        || (rules::guard_holds(order, event, at) && concerns_current_delivery(order, event));
    if !legal {
        if !order.exists() && event.action == "order.cancelled" {
            return Some("PREMATURE");
        }
        let after_delivered = event.target_type == "delivery" && order.delivery == "DELIVERED";
        if order.is_terminal() && !rules::main_fits(order, &event.action) && !after_delivered {
            return Some("AFTER_TERMINAL");
        }
        if concerns_current_delivery(order, event)
            && search::others_can_make_it_legal(order, event, at)
        {
            return Some("AWAIT_PREDECESSOR");
        }
        return Some(if order.exists() {
            "ILLEGAL_TRANSITION"
        } else {
            "PREMATURE"
        });
    }
    if !rules::actor_is_allowed(order, event) {
        return Some("ACTOR_NOT_ALLOWED");
    }
    if rules::is_over_refund(order, event) {
        return Some("OVER_REFUND");
    }
    None
}

/// The region `delivery` is that of the current delivery. Only a request, or the store's own pick-up where no
/// delivery is open, begins another.
fn concerns_current_delivery(order: &Order, event: &Event) -> bool {
    if event.target_type != "delivery" || rules::is_about_any_delivery(&event.action) {
        return true;
    }
    let Some(current) = &order.current_delivery else {
        return true;
    };
    if *current == event.target_id {
        return true;
    }
    if order.former_deliveries.contains(&event.target_id) {
        return false;
    }
    event.action == "delivery.requested"
        || (event.action == "delivery.picked_up" && order.delivery == "NONE")
}

/// When it happened, unless the clock of the actor's system is a day ahead (E13).
fn event_time(now: i64, record: &InputRecord, event: &Event) -> i64 {
    let trusted = record.timestamp.min(now);
    if event.occurred_at <= trusted + ONE_DAY {
        return event.occurred_at;
    }
    if record.timestamp <= now + ONE_DAY {
        record.timestamp
    } else {
        now
    }
}

fn apply(
    model: &mut Model,
    mut order: Order,
    ghost: Option<Ghost>,
    event: &Event,
    version: Option<u64>,
    record: &InputRecord,
    at: i64,
) -> Judged {
    let (status_before, main_before) = (order.status(), order.main);
    let before = order.substance();
    let skipped = rules::apply_effect(&mut order, event, at);
    let outcome = match (skipped, order.substance() == before) {
        (true, _) => Outcome::AppliedSkip,
        (false, true) => Outcome::Annotated,
        (false, false) => Outcome::Applied,
    };

    order.seq += 1;
    order.updated_at = record.timestamp;
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
    end_ghost(&mut order, event);

    let mut reconcile = Vec::new();
    if let Some(ghost) = ghost {
        reconcile.push(outputs::reconcile(
            "GHOST_CANCEL",
            &ghost.event,
            &order,
            record,
        ));
        order.ghost = Some(ghost);
    }
    let transition = outputs::transition(&order, event, outcome, status_before, at);
    model.orders.insert(order.order_no.clone(), order);
    Judged {
        transition: Some(transition),
        main_before,
        reconcile,
        ..Judged::plain(outcome)
    }
}

/// E11: `order.created` for a number that has a record.
fn reuse_of_order_number(
    model: &mut Model,
    order: Order,
    event: &Event,
    record: &InputRecord,
    at: i64,
) -> Judged {
    let closed_long_ago = order
        .times
        .get("closedAt")
        .is_some_and(|closed_at| at - closed_at >= rules::THIRTY_DAYS);
    if event.version != Some(1) || !order.is_terminal() || !closed_long_ago {
        return rejection("ORDER_ID_REUSE", &order, event, record);
    }
    let mut next = Order::nothing(&order.order_no);
    next.generation = order.generation + 1;
    if let Some(reason) = why_illegal(&next, event, at) {
        return rejection(reason, &order, event, record);
    }
    apply(model, next, None, event, event.version, record, at)
}

fn dead_letter(reason: &'static str) -> Judged {
    Judged {
        reason: Some(reason),
        ..Judged::plain(Outcome::DeadLettered)
    }
}

/// A rejection that leaves no trace in the order.
fn rejection(reason: &'static str, order: &Order, event: &Event, record: &InputRecord) -> Judged {
    Judged {
        reason: Some(reason),
        rejection: Some(outputs::rejection(reason, order, event, record)),
        ..Judged::plain(Outcome::Rejected)
    }
}

/// Repairable too, but it answers the question what becomes of a ghost's cancel.
fn conflict(
    model: &mut Model,
    mut order: Order,
    reason: &'static str,
    event: &Event,
    record: &InputRecord,
) -> Judged {
    let judged = rejection(reason, &order, event, record);
    end_ghost(&mut order, event);
    model.orders.insert(order.order_no.clone(), order);
    judged
}

/// AFTER_TERMINAL, ILLEGAL_TRANSITION, ACTOR_NOT_ALLOWED, OVER_REFUND: the version exists at its owner, so it is
/// consumed, and the order contradicts its owner until the aggregate's next applied event.
fn judged_rejection(
    model: &mut Model,
    mut order: Order,
    has_record: bool,
    reason: &'static str,
    event: &Event,
    version: Option<u64>,
    record: &InputRecord,
) -> Judged {
    let mut judged = rejection(reason, &order, event, record);
    if !has_record {
        return judged;
    }
    let left_or_arrived = matches!(
        event.action.as_str(),
        "delivery.picked_up" | "delivery.delivered"
    );
    if left_or_arrived && order.main == "CANCELLED" {
        order.flags.insert("ghost_delivery");
    }
    if version.is_some() {
        consume(&mut order, event, version);
        order.contradicted.insert(event.target_type.clone());
        // As transitions do, it tells the order after the event, whose version is consumed.
        judged.rejection = Some(outputs::rejection(reason, &order, event, record));
        judged
            .reconcile
            .push(outputs::reconcile(reason, &event.original, &order, record));
    }
    end_ghost(&mut order, event);
    order.updated_at = record.timestamp;
    model.orders.insert(order.order_no.clone(), order);
    judged
}

/// The cursor moves and the id enters the memory, though nothing was applied. A forced redrive finds both done.
fn consume(order: &mut Order, event: &Event, version: Option<u64>) {
    if let Some(version) = version {
        let last = order.versions.entry(event.cursor()).or_default();
        *last = version.max(*last);
    }
    order.remember(event, version, true);
}

/// Applied, judged, in conflict or stale: the ghost's cancel has been answered.
fn end_ghost(order: &mut Order, event: &Event) {
    if order
        .ghost
        .as_ref()
        .is_some_and(|ghost| ghost.event_id == event.id)
    {
        order.ghost = None;
    }
}
