//! Debezium's change events of the outbox table: `{before, after, source, op, ts_ms}`.
//!
//! Source: "Data change events" of Debezium's MySQL and PostgreSQL connectors. Rows that were inserted (op c) or read
//! by a snapshot (op r) carry events. The purge of the outbox shows as deletes (op d) with a tombstone behind each, or as
//! a truncate (op t); logical messages (op m) and heartbeats are none of ours. Rows of an outbox are never updated.

use super::columns::{Columns, refuse_unavailable};
use super::fields::{Field, pick, pick_with_nulls};
use super::router::{Unescaped, is_heartbeat};
use super::text::{trimmed, unescape};
use super::{Decoded, NoEvent, compose};
use crate::domain::decode::malformed;
use crate::domain::event::{Defect, OrderEvent};
use crate::domain::json::Kind;

/// Decodes the event of a change.
pub(super) fn read(
    text: &str,
    buffers: &mut Unescaped,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<Decoded, Defect> {
    let [op, payload] = pick_with_nulls(text, ["op", "payload"])?;
    let text = match payload {
        Some(payload) if op.is_none() && payload.is_object() => payload.written,
        _ => text,
    };
    let [op, after] = pick(text, ["op", "after"])?;
    let Some(op) = op else {
        if is_heartbeat(text)? {
            return Ok(Decoded::NoEvent(NoEvent::Heartbeat));
        }
        return Err(malformed("op is missing: this is no change event"));
    };
    let none = match op.written {
        "c" | "r" => {
            let row = after
                .filter(Field::is_object)
                .ok_or_else(|| malformed("after is missing: an insert has a row"))?;
            read_row(row.written, buffers, out, event)?;
            return Ok(Decoded::Event);
        }
        "d" => NoEvent::Delete,
        "t" => NoEvent::Truncate,
        "m" => NoEvent::Message,
        "u" => {
            return Err(malformed(
                "op is \"u\": a row of the outbox was updated, but rows are only ever inserted; what the update \
                 changed was published by the insert, and is not an event",
            ));
        }
        _ => return Err(malformed("op is none of c, r, u, d, t, m")),
    };
    Ok(Decoded::NoEvent(none))
}

fn read_row(
    row: &str,
    buffers: &mut Unescaped,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<(), Defect> {
    let names = [
        "id",
        "aggregatetype",
        "aggregateid",
        "target_id",
        "type",
        "version",
        "payload",
        "occurred_at",
        "created_at",
        "schema_version",
        "actor_type",
        "actor_id",
    ];
    let [
        id,
        target_type,
        order_no,
        target_id,
        action,
        version,
        payload,
        occurred_at,
        recorded_at,
        schema_version,
        actor_type,
        actor_id,
    ] = pick(row, names)?;
    let columns = Columns {
        called: "column",
        id,
        action,
        order_no,
        target_type,
        target_id,
        version,
        occurred_at,
        recorded_at,
        schema_version,
        actor_type,
        actor_id,
        ..Columns::default()
    };
    columns.refuse_unavailable()?;
    refuse_unavailable("payload", payload.as_ref())?;
    let [buffer, _] = buffers;
    let payload = match payload {
        None => None,
        Some(payload) if payload.is_object() => Some(payload.written),
        Some(payload) if payload.kind == Kind::String => {
            buffer.clear();
            unescape(payload.written, buffer)
                .ok_or_else(|| malformed("column payload has an escape that is no character"))?;
            Some(trimmed(buffer)).filter(|text| !text.is_empty())
        }
        Some(_) => {
            return Err(malformed(
                "column payload is neither an object nor a string",
            ));
        }
    };
    compose::read(payload, &columns, out, event)
}
