//! `order.agg.1m.v1`: what is known of an aggregate in a window.

use super::aggregate_value::write_value;
use super::json_writer::Object;
use crate::domain::aggregates::{AggregateValue, Group};
use crate::domain::time::write_utc_minute;

/// A group in a window: the subject of an update or of a late delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateWindow<'a> {
    /// The aggregate and the values of its dims.
    pub group: Group<'a>,
    /// When the window begins, epoch milliseconds.
    pub start: i64,
    /// When it ends, itself not in it.
    pub end: i64,
}

impl AggregateWindow<'_> {
    /// Writes the members that updates and late deltas begin with.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        object.name("agg", self.group.counted.name());
        let mut dims = object.object("dims");
        for (dim, value) in self.group.dims() {
            dims.text_if_any(dim.name(), value);
        }
        dims.end();
        object.time("windowStart", self.start);
        object.time("windowEnd", self.end);
    }
}

/// What an update says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateUpdate<'a> {
    /// The value; of a running aggregate that at the end of the window.
    pub value: &'a AggregateValue,
    /// What moved it in this window: of others than running aggregates the same.
    pub moved: &'a AggregateValue,
    /// How many deltas it is made of.
    pub n: u64,
    /// Counts the updates of the group in the window, from 1; readers keep the highest.
    pub rev: u64,
    /// Whether the window is closed, so that only late deltas follow.
    pub is_final: bool,
}

/// Appends the record of an update.
pub fn write_aggregate(
    out: &mut Vec<u8>,
    window: &AggregateWindow<'_>,
    update: &AggregateUpdate<'_>,
) {
    let mut object = Object::new(out);
    window.write(&mut object);
    write_value(
        &mut object,
        window.group.counted,
        update.value,
        update.moved,
    );
    object.number("n", update.n);
    object.number("rev", update.rev);
    object.boolean("final", update.is_final);
    object.end();
}

/// Appends the record's key, `<agg>|<dim values joined by |>|<window start>`: the start in UTC to the minute, an absent
/// dim as nothing.
///
/// In a value `|` is written `\|` and `\` is written `\\`, so that no two groups have one key.
pub fn write_aggregate_key(out: &mut Vec<u8>, window: &AggregateWindow<'_>) {
    out.extend_from_slice(window.group.counted.name().as_bytes());
    out.push(b'|');
    for value in window.group.values() {
        for &byte in value.as_bytes() {
            if matches!(byte, b'|' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'|');
    }
    write_utc_minute(out, window.start);
}
