//! `order.reconcile.v1`: two facts that cannot both be true.

use super::json_writer::{Object, write_string};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::{Judgement, ReconcileKind};
use crate::domain::order::{Fact, Order};

/// Appends the record of a contradiction: first the rejected event, whole, then the last applied one. Returns false,
/// and appends nothing, if the event contradicted nothing.
pub fn write_reconcile(
    out: &mut Vec<u8>,
    event: &OrderEvent,
    order: &Order,
    judgement: &Judgement,
) -> bool {
    let Some(reconcile) = &judgement.reconcile else {
        return false;
    };
    let mut object = Object::new(out);
    object.text("orderNo", event.order_no());
    object.name("kind", reconcile.kind.name());
    object.written("facts", |out| {
        out.push(b'[');
        // The cancel before its creation was told long before the creation that is judged now.
        let rejected = match reconcile.kind {
            ReconcileKind::GhostCancel => order.ghost_event.as_str(),
            _ => event.envelope(),
        };
        out.extend_from_slice(rejected.as_bytes());
        if let Some(applied) = &reconcile.applied {
            out.push(b',');
            write_fact(out, applied);
        }
        out.push(b']');
    });
    object.name("status", order.status().name());
    object.time("at", judgement.times.record_at);
    object.end();
    true
}

/// Appends the record of an order that is forgotten without having been closed, and of a ghost: with the last that is
/// known of it. Returns false, and appends nothing, if the order was closed.
pub fn write_abandoned(out: &mut Vec<u8>, order_no: &str, order: &Order, at: i64) -> bool {
    if order.regions.main.is_terminal() {
        return false;
    }
    let mut object = Object::new(out);
    object.text("orderNo", order_no);
    object.name("kind", ReconcileKind::Abandoned.name());
    object.written("facts", |out| {
        out.push(b'[');
        if let Some(applied) = &order.last_applied {
            write_fact(out, applied);
        } else {
            out.extend_from_slice(order.ghost_event.as_bytes());
        }
        out.push(b']');
    });
    object.name("status", order.status().name());
    object.time("at", at);
    object.end();
    true
}

fn write_fact(out: &mut Vec<u8>, fact: &Fact) {
    let mut object = Object::new(out);
    object.written("eventId", |out| match fact.id.text() {
        Some(text) => write_string(out, text),
        None => {
            out.push(b'"');
            fact.id.write(out);
            out.push(b'"');
        }
    });
    object.name("action", fact.action.name());
    if let Some(version) = fact.version {
        object.number("version", version);
    }
    object.time("occurredAt", fact.occurred_at);
    object.end();
}
