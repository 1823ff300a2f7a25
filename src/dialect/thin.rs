//! Thin ("zero payload") events: `{id, orderNo, action, version, occurredAt}` (order-domain 2.4).
//!
//! Enough for the machine and the counters. What it cannot tell:
//! - who acted: no right is checked, and transitions have no `actor`;
//! - the order's dimensions: they count under `unknown`, fulfilment included, so both counter and store delivery are
//!   legal for such an order;
//! - money: an order is of amount 0 and flagged `amount_unknown`, a refund is one of all that is left, and a refund in
//!   part changes no sum. An order paid at the door waits for a payment that is never told;
//! - promises, reasons, liabilities; resets of versions, which dead-letter as UNSUPPORTED_SCHEMA;
//! - which delivery it is, unless `targetId` is there: without it an order can have one delivery only.

use super::columns::Columns;
use super::compose;
use super::fields::{Field, pick};
use crate::domain::decode::{Completeness, decode_as};
use crate::domain::event::{Defect, OrderEvent};

/// Decodes a thin event.
pub(super) fn read(
    text: &str,
    outside: &Columns<'_>,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<(), Defect> {
    let names = [
        "id",
        "orderNo",
        "order",
        "action",
        "version",
        "occurredAt",
        "time",
        "recordedAt",
        "targetType",
        "targetId",
    ];
    let [
        id,
        order_no,
        order,
        action,
        version,
        occurred_at,
        time,
        recorded_at,
        target_type,
        target_id,
    ] = pick(text, names)?;
    let [time_occurred, time_recorded] = match time {
        Some(time) if time.is_object() => pick(time.written, ["occurredAt", "recordedAt"])?,
        time => [time, None],
    };
    let own = Columns {
        called: "member",
        id,
        action,
        order_no: order_no.or(order.filter(Field::is_string)),
        target_type,
        target_id,
        version,
        occurred_at: occurred_at.or(time_occurred),
        recorded_at: recorded_at.or(time_recorded),
        ..Columns::default()
    };
    compose::write_thin(&own.or(outside), out)?;
    decode_as(Some(out), Completeness::Thin, event)?;
    outside.agree_with(event)
}
