//! `order.sla.v1`: one record per level that a timer of an order has reached.

use super::json_writer::Object;
use super::write_dims;
use crate::domain::order::Order;
use crate::domain::watching::Deadline;

/// Appends the record of a level that was reached, told at this moment, epoch milliseconds.
pub fn write_sla(
    out: &mut Vec<u8>,
    order_no: &str,
    order: &Order,
    reached: &Deadline,
    fired_at: i64,
) {
    let mut object = Object::new(out);
    object.text("orderNo", order_no);
    object.name("timer", reached.watch.name());
    object.name("level", reached.level.name());
    object.time("since", reached.since);
    object.time("deadline", reached.at);
    object.time("firedAt", fired_at);
    object.name("status", order.status().name());
    write_dims(&mut object, order);
    object.end();
}
