//! The derived records, written as JSON into a reused buffer, with the fields in the order of their schema.

mod aggregate;
mod aggregate_value;
mod detector;
mod json_writer;
mod late_aggregate;
mod reconcile;
mod rejected;
mod sla;
mod state;
mod transition;

pub use aggregate::{AggregateUpdate, AggregateWindow, write_aggregate, write_aggregate_key};
pub use aggregate_value::riders;
pub use detector::{Finding, Phase, write_finding, write_minute_detail, write_order_detail};
pub use late_aggregate::{LateDelta, write_late_aggregate, write_late_aggregate_key};
pub use reconcile::{write_abandoned, write_reconcile};
pub use rejected::{RecordOrigin, write_rejected};
pub use sla::write_sla;
pub use state::write_state;
pub use transition::write_transition;

use super::order::Order;
use json_writer::Object;

/// Writes the five regions.
fn write_regions(object: &mut Object<'_>, order: &Order) {
    let regions = &order.regions;
    let mut inner = object.object("regions");
    inner.name("main", regions.main.name());
    inner.name("kitchen", regions.kitchen.name());
    inner.name("delivery", regions.delivery.name());
    inner.name("payment", regions.payment.name());
    inner.name("claim", regions.claim.name());
    inner.end();
}

/// Writes where the order belongs.
fn write_dims(object: &mut Object<'_>, order: &Order) {
    let mut dims = object.object("dims");
    dims.text_if_any("storeId", &order.store_id);
    dims.text_if_any("category", &order.category);
    dims.text_if_any("sido", &order.sido);
    dims.text_if_any("sigungu", &order.sigungu);
    dims.text_if_any("dong", &order.dong);
    if let Some(fulfilment) = order.fulfilment {
        dims.name("fulfilment", fulfilment.name());
    }
    dims.end();
}

/// Writes the version of each aggregate that has one.
fn write_versions(object: &mut Object<'_>, order: &Order) {
    let mut inner = object.object("versions");
    for (name, cursor) in [
        ("order", order.order_cursor),
        ("payment", order.payment_cursor),
        ("claim", order.claim_cursor),
    ] {
        if cursor.last > 0 {
            inner.number(name, cursor.last);
        }
    }
    if !order.deliveries.is_empty() {
        let mut deliveries = inner.object("delivery");
        for delivery in order.deliveries.iter() {
            deliveries.number_of(&delivery.id, delivery.cursor.last);
        }
        deliveries.end();
    }
    inner.end();
}
