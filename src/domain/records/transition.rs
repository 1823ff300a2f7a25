//! `order.transitions.v1`: one record per applied or annotated event.

use super::json_writer::Object;
use super::{write_dims, write_regions};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Judgement;
use crate::domain::order::Order;

/// Appends the record of a judged event; the order is as after it. Returns false, and appends nothing, if the
/// event was neither applied nor annotated.
pub fn write_transition(
    out: &mut Vec<u8>,
    order: &Order,
    event: &OrderEvent,
    judgement: &Judgement,
    replay: bool,
) -> bool {
    let Some(transition) = &judgement.transition else {
        return false;
    };
    let mut object = Object::new(out);
    object.text("orderNo", event.order_no());
    object.number("generation", order.generation);
    object.number("seq", order.seq);
    object.text("eventId", event.id());
    object.name("action", transition.action.name());
    object.name("outcome", judgement.outcome.name());
    let mut target = object.object("target");
    target.name("type", event.aggregate().name());
    target.text("id", event.target_id());
    if let Some(version) = event.version() {
        target.number("version", version);
    }
    target.end();
    object.name("from", transition.from.name());
    object.name("to", transition.to.name());
    if let Some(actor_type) = event.actor_type() {
        let mut actor = object.object("actor");
        actor.name("type", actor_type.name());
        if let Some(id) = event.actor_id() {
            actor.text("id", id);
        }
        actor.end();
    }
    if let Some(reason) = event.info().reason {
        object.name("reason", reason.name());
    }
    if let Some(liability) = event.info().liability {
        object.name("liability", liability.name());
    }
    object.time("occurredAt", judgement.times.occurred_at);
    object.time("recordedAt", event.recorded_at());
    write_regions(&mut object, order);
    write_dims(&mut object, order);
    object.number("amount", order.amount);
    object.boolean("hold", order.hold());
    object.boolean("contradicted", order.is_contradicted());
    object.boolean("replay", replay);
    object.end();
    true
}
