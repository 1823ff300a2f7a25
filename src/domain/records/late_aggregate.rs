//! `order.agg.1m.late.v1`: what belongs to a window that was closed when it came.

use super::aggregate::{AggregateWindow, write_aggregate_key};
use super::aggregate_value::write_delta;
use super::json_writer::Object;
use crate::domain::aggregates::{AggregateValue, DeltaKind};

/// What a late delta says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateDelta<'a> {
    /// What has to be added to the final value.
    pub delta: &'a AggregateValue,
    /// When it happened, epoch milliseconds.
    pub occurred_at: i64,
    /// The event that caused it; empty if that is not known any more.
    pub event_id: &'a str,
    /// Windows that begin before this were closed when the delta came, epoch milliseconds.
    ///
    /// Told of running aggregates only (`in_flight`, `supply_gap`, `stuck`): one event moves a gauge in its own window
    /// and in all later ones. The delta counts in every window from its own on that begins before `closedBefore`;
    /// windows that begin then or later hold it already.
    pub closed_before: i64,
    /// The partition of the topic's writer that told it.
    pub partition: i32,
    /// Counts the late deltas of that partition, from 1.
    pub n: u64,
}

/// Appends the record of a late delta.
pub fn write_late_aggregate(out: &mut Vec<u8>, window: &AggregateWindow<'_>, late: &LateDelta<'_>) {
    let mut object = Object::new(out);
    window.write(&mut object);
    write_delta(&mut object, window.group.counted, late.delta);
    object.time("occurredAt", late.occurred_at);
    object.text_if_any("eventId", late.event_id);
    if window.group.counted.kind() == DeltaKind::Running {
        object.time("closedBefore", late.closed_before);
    }
    object.end();
}

/// Appends the record's key: that of the window's updates, and `|<partition>|<n>`, so that every late delta stays.
pub fn write_late_aggregate_key(
    out: &mut Vec<u8>,
    window: &AggregateWindow<'_>,
    late: &LateDelta<'_>,
) {
    write_aggregate_key(out, window);
    out.push(b'|');
    out.extend_from_slice(itoa::Buffer::new().format(late.partition).as_bytes());
    out.push(b'|');
    out.extend_from_slice(itoa::Buffer::new().format(late.n).as_bytes());
}
