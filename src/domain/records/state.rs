//! `order.state.v1`: the latest record of an order.

use super::json_writer::Object;
use super::{write_regions, write_versions};
use crate::domain::order::{Milestone, Order};

/// Appends the record of an order. A ghost is no order: it has none.
pub fn write_state(out: &mut Vec<u8>, order_no: &str, order: &Order) {
    let mut object = Object::new(out);
    object.text("orderNo", order_no);
    object.number("generation", order.generation);
    object.number("seq", order.seq);
    object.name("status", order.status().name());
    write_regions(&mut object, order);
    write_versions(&mut object, order);
    object.text_if_any("customerId", &order.customer_id);
    object.text_if_any("storeId", &order.store_id);
    object.text_if_any("category", &order.category);
    object.text_if_any("sido", &order.sido);
    object.text_if_any("sigungu", &order.sigungu);
    object.text_if_any("dong", &order.dong);
    if let Some(fulfilment) = order.fulfilment {
        object.name("fulfilment", fulfilment.name());
    }
    object.number("amount", order.amount);
    object.number("refunded", order.refunded);
    object.text_if_any("paymentMethod", &order.payment_method);
    if let Some(promised_at) = order.promised_at {
        object.time("promisedAt", promised_at);
    }
    let mut times = object.object("times");
    for milestone in Milestone::ALL {
        if let Some(at) = order.times.get(*milestone) {
            times.time(milestone.name(), at);
        }
    }
    times.end();
    object.number("attempts", order.attempts);
    object.number("reassigned", order.reassigned);
    if let Some(reason) = order.reason {
        object.name("reason", reason.name());
    }
    if let Some(liability) = order.liability {
        object.name("liability", liability.name());
    }
    object.names("flags", |each| order.for_each_flag(each));
    object.time("updatedAt", order.updated_at);
    object.end();
}
