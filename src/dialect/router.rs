//! What Debezium's outbox event router makes of a row.
//!
//! Source: "Outbox Event Router" in Debezium's documentation, and its class `EventRouterDelegate`. The key is the
//! column `aggregateid`; a header `id` is always there, other columns are headers or, placed in the envelope, members
//! beside `payload`. The converter of the connector decides what JSON comes of it: the payload is an object
//! (`table.expand.json.payload`) or a string that holds JSON, and either has Connect's `{"schema", "payload"}` around
//! it (`schemas.enable`) or not. What is no row passes through the router as it is: heartbeats.

use super::columns::{Columns, refuse_unavailable};
use super::compose;
use super::fields::{Field, pick_with_nulls};
use super::text::{trimmed, unescape};
use super::{Decoded, NoEvent};
use crate::domain::decode::malformed;
use crate::domain::event::{Defect, OrderEvent};
use crate::domain::json::Kind;

/// So often JSON may stand in JSON: a string, the schema's wrapper, the placed fields' wrapper, a string again.
const MAX_WRAPPERS: usize = 4;

/// Buffers for text of strings that hold JSON: one cannot be read while it is written.
pub(super) type Unescaped = [String; 2];

/// Decodes the event of a router's value.
pub(super) fn read(
    value: Option<&str>,
    columns: &Columns<'_>,
    buffers: &mut Unescaped,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<Decoded, Defect> {
    match value.map(trimmed) {
        None | Some("" | "null") => compose::read(None, columns, out, event)?,
        Some(text) => return unwrap(text, columns, MAX_WRAPPERS, buffers, out, event),
    }
    Ok(Decoded::Event)
}

fn unwrap(
    text: &str,
    columns: &Columns<'_>,
    wrappers: usize,
    buffers: &mut [String],
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<Decoded, Defect> {
    let Some(wrappers) = wrappers.checked_sub(1) else {
        return Err(malformed("payload is wrapped too often"));
    };
    if text.starts_with('"') {
        let Some(string) = Field::parse(text)? else {
            return Err(malformed("payload is null"));
        };
        return unwrap_string(&string, columns, wrappers, buffers, out, event);
    }
    let [payload, target] = pick_with_nulls(text, ["payload", "target"])?;
    let Some(payload) = payload.filter(|_| target.is_none()) else {
        if is_heartbeat(text)? {
            return Ok(Decoded::NoEvent(NoEvent::Heartbeat));
        }
        compose::read(Some(text), columns, out, event)?;
        return Ok(Decoded::Event);
    };
    let columns = placed(text)?.or(columns);
    match payload.kind {
        Kind::Null => {
            compose::read(None, &columns, out, event)?;
            Ok(Decoded::Event)
        }
        Kind::Object => unwrap(payload.written, &columns, wrappers, buffers, out, event),
        Kind::String => unwrap_string(&payload, &columns, wrappers, buffers, out, event),
        _ => Err(malformed("payload is neither an object nor a string")),
    }
}

fn unwrap_string(
    string: &Field<'_>,
    columns: &Columns<'_>,
    wrappers: usize,
    buffers: &mut [String],
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<Decoded, Defect> {
    refuse_unavailable("payload", Some(string))?;
    let Some((buffer, buffers)) = buffers.split_first_mut() else {
        return Err(malformed("payload is a string in a string in a string"));
    };
    buffer.clear();
    unescape(string.written, buffer)
        .ok_or_else(|| malformed("payload has an escape that is no character"))?;
    let text = trimmed(buffer);
    if text.is_empty() {
        compose::read(None, columns, out, event)?;
        return Ok(Decoded::Event);
    }
    unwrap(text, columns, wrappers, buffers, out, event)
}

/// Columns that were placed beside the payload.
fn placed(text: &str) -> Result<Columns<'_>, Defect> {
    let names = [
        "id",
        "eventType",
        "action",
        "type",
        "aggregateid",
        "aggregatetype",
        "target_id",
        "version",
        "occurred_at",
        "created_at",
        "schema_version",
        "actor_type",
        "actor_id",
    ];
    let [
        id,
        event_type,
        action,
        kind,
        order_no,
        target_type,
        target_id,
        version,
        occurred_at,
        recorded_at,
        schema_version,
        actor_type,
        actor_id,
    ] = super::fields::pick(text, names)?;
    let columns = Columns {
        called: "header or placed field",
        id,
        action: event_type.or(action).or(kind),
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
    Ok(columns)
}

/// Whether the object is a heartbeat: nothing but the time.
pub(super) fn is_heartbeat(text: &str) -> Result<bool, Defect> {
    let [ts_ms, id, op, action] = pick_with_nulls(text, ["ts_ms", "id", "op", "action"])?;
    Ok(ts_ms.is_some_and(|field| field.kind == Kind::Integer)
        && [id, op, action].iter().all(Option::is_none))
}
