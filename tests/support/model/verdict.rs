//! Steps 2 to 7 of order-domain 4.1 as a question: what should become of this event now? Nothing is changed here.

use super::event::{Event, InputRecord};
use super::order::Order;
use super::policy::{Cause, Choice, DAY, Policy};
use super::waiting::Waiting;
use super::{rules, search};

/// One event in front of its order.
#[derive(Debug, Clone)]
pub struct Case {
    pub event: Event,
    pub action_is_known: bool,
    /// Epoch milliseconds: when it happened, as far as clocks can be trusted (E13).
    pub at: i64,
    /// `x-redrive-force`.
    pub force: bool,
    /// `x-redrive-count`.
    pub redrives: u64,
}

/// Redrives after which a record is rejected.
pub const REDRIVE_LIMIT: u64 = 5;

/// What should become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Duplicate,
    Stale,
    /// Its id or its version is another event's.
    Conflict(&'static str),
    /// Rejected, and it leaves no trace.
    Refused(&'static str),
    /// Something is missing; the reason is that of a rejection at once.
    TooEarly(Cause, &'static str),
    /// UNKNOWN_ACTION: dead-lettered, and its version consumed where the order exists.
    Unknown,
    /// Its owner did what the order does not allow.
    Illegal(&'static str),
    Legal,
    /// Legal as the beginning of another order under an old number (E11).
    NextGeneration,
}

impl Case {
    pub fn new(event: Event, action_is_known: bool, record: &InputRecord, now: i64) -> Case {
        Case {
            at: event_time(now, record.timestamp, &event),
            event,
            action_is_known,
            force: record.is_forced(),
            redrives: record.redrive_count(),
        }
    }

    /// A reset's own version is neither judged nor remembered.
    pub fn version(&self) -> Option<u64> {
        self.event
            .version
            .filter(|_| self.event.action != "aggregate.reset")
    }

    /// Whether versions between the last one and this one are missing.
    pub fn skips_versions(&self, order: &Order) -> bool {
        let last = order.last_version(&self.event.cursor());
        self.version().is_some_and(|version| version > last + 1)
    }

    /// A judged event that is tried once more on its owner's demand, while nothing later was applied.
    pub fn is_forced(&self, order: &Order) -> bool {
        let Some(known) = order.recall(&self.event.id) else {
            return false;
        };
        let applied = order.applied_versions.get(&known.cursor);
        let applied = applied.copied().unwrap_or(0);
        let overtaken = known.version.is_some_and(|version| applied > version);
        self.force && known.judged && !overtaken
    }
}

/// `parked` are the other events of the order that wait.
pub fn verdict(order: &Order, parked: &Waiting, case: &Case, policy: &Policy) -> Verdict {
    let event = &case.event;
    // The last check of step 1.
    if case.action_is_known && case.redrives > REDRIVE_LIMIT {
        return Verdict::Refused("REDRIVE_LIMIT");
    }
    // Step 2: known id.
    let known = order.recall(&event.id).map(|known| &known.canonical);
    let known = known.or_else(|| parked.canonical_of(&event.id));
    let forced = case.is_forced(order);
    if let Some(canonical) = known {
        if *canonical != event.canonical {
            return Verdict::Conflict("EVENT_ID_CONFLICT");
        }
        if !forced {
            return Verdict::Duplicate;
        }
    }
    if !case.action_is_known && (!order.exists() || event.version.is_none()) {
        return Verdict::Unknown;
    }
    if let (Some(version), false) = (case.version(), forced) {
        // Step 3: an old version.
        let cursor = event.cursor();
        if version <= order.last_version(&cursor) {
            if event.action == "order.created" {
                return reuse_of_order_number(order, case);
            }
            let is_taken = order
                .memory
                .iter()
                .any(|known| known.cursor == cursor && known.version == Some(version));
            return match is_taken {
                true => Verdict::Conflict("VERSION_CONFLICT"),
                false => Verdict::Stale,
            };
        }
        // Step 4: a gap. A cancel without a record is PREMATURE, whatever its version.
        let is_premature_cancel = !order.exists() && event.action == "order.cancelled";
        let is_accepted = policy.gap == Choice::Accept;
        if case.skips_versions(order) && !is_premature_cancel && !is_accepted {
            return Verdict::TooEarly(Cause::Gap, "SEQ_GAP");
        }
    }
    if !case.action_is_known {
        return Verdict::Unknown;
    }
    by_the_machine(order, case)
}

/// Steps 5 to 7, by the precedence of 1.2.
fn by_the_machine(order: &Order, case: &Case) -> Verdict {
    let (event, at) = (&case.event, case.at);
    let is_legal = rules::is_kitchen_event_after_collection(order, &event.action)
        || (rules::guard_holds(order, event, at) && concerns_current_delivery(order, event));
    if !is_legal {
        if !order.exists() && event.action == "order.cancelled" {
            return Verdict::TooEarly(Cause::Violation, "PREMATURE");
        }
        let after_delivered = event.target_type == "delivery" && order.delivery == "DELIVERED";
        if order.is_terminal() && !rules::main_fits(order, &event.action) && !after_delivered {
            return Verdict::Illegal("AFTER_TERMINAL");
        }
        if concerns_current_delivery(order, event)
            && search::others_can_make_it_legal(order, event, at)
        {
            return Verdict::TooEarly(Cause::Predecessor, "AWAIT_PREDECESSOR");
        }
        let reason = match order.exists() {
            true => "ILLEGAL_TRANSITION",
            false => "PREMATURE",
        };
        return Verdict::TooEarly(Cause::Violation, reason);
    }
    if !rules::actor_is_allowed(order, event) {
        return Verdict::Illegal("ACTOR_NOT_ALLOWED");
    }
    if rules::is_over_refund(order, event) {
        return Verdict::Illegal("OVER_REFUND");
    }
    Verdict::Legal
}

/// E11: `order.created` for a number that has a record.
fn reuse_of_order_number(order: &Order, case: &Case) -> Verdict {
    let closed_at = order.times.get("closedAt");
    let closed_long_ago =
        closed_at.is_some_and(|closed_at| case.at - closed_at >= rules::THIRTY_DAYS);
    if case.event.version != Some(1) || !order.is_terminal() || !closed_long_ago {
        return Verdict::Refused("ORDER_ID_REUSE");
    }
    match by_the_machine(&Order::nothing(&order.order_no), case) {
        Verdict::Legal => Verdict::NextGeneration,
        // Of a record that does not exist yet nothing is consumed.
        Verdict::Illegal(reason) | Verdict::TooEarly(_, reason) => Verdict::Refused(reason),
        other => other,
    }
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
fn event_time(now: i64, record_timestamp: i64, event: &Event) -> i64 {
    let trusted = record_timestamp.min(now);
    if event.occurred_at <= trusted + DAY {
        return event.occurred_at;
    }
    match record_timestamp <= now + DAY {
        true => record_timestamp,
        false => now,
    }
}
