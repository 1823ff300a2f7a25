//! `order.rejected.v1`: one record per rejected event.

use std::io::Write;

use super::json_writer::Object;
use super::{write_regions, write_versions};
use crate::domain::event::OrderEvent;
use crate::domain::judgement::Judgement;
use crate::domain::order::Order;
use crate::domain::outcome::Outcome;

/// Where a record was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordOrigin<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// How long the event was parked, in milliseconds; none if it was not.
    pub parked_ms: Option<i64>,
}

/// Appends the record of a rejected event; the order is as after it. Returns false, and appends nothing, if the
/// event was not rejected.
pub fn write_rejected(
    out: &mut Vec<u8>,
    order: &Order,
    event: &OrderEvent,
    judgement: &Judgement,
    origin: &RecordOrigin<'_>,
) -> bool {
    let Outcome::Rejected(reason) = judgement.outcome else {
        return false;
    };
    let mut object = Object::new(out);
    object.text("orderNo", event.order_no());
    object.name("reason", reason.name());
    if let Some(explanation) = judgement.explanation {
        object.written("detail", |out| {
            out.push(b'"');
            // Writing to memory cannot fail; explanations hold only numbers and names of ours.
            let _ = write!(
                out,
                "{}: {explanation}",
                event
                    .action()
                    .map_or("unknown action", |action| action.name())
            );
            out.push(b'"');
        });
    }
    object.name("status", order.status().name());
    if order.exists() {
        write_regions(&mut object, order);
        write_versions(&mut object, order);
    }
    object.text("topic", origin.topic);
    object.number("partition", origin.partition);
    object.number("offset", origin.offset);
    if let Some(parked_ms) = origin.parked_ms {
        object.number("parkedMs", parked_ms);
    }
    object.written("event", |out| {
        out.extend_from_slice(event.envelope().as_bytes())
    });
    object.end();
    true
}
