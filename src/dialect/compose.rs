//! A plain envelope out of a payload and what is said outside of it.
//!
//! A payload that is the whole envelope wins, and must not be contradicted. One that is a part of it is completed, and
//! one that is none of it is the information. Times from outside are written as this program writes times, so that an
//! event has the same content whichever way it came.

use super::columns::Columns;
use super::fields::{Field, pick};
use super::thin;
use crate::domain::action::Action;
use crate::domain::actor::Aggregate;
use crate::domain::decode::{Completeness, decode, decode_as, malformed};
use crate::domain::event::Defect;
use crate::domain::event::OrderEvent;
use crate::domain::json::Kind;
use crate::domain::lifecycle::row;
use crate::domain::outcome::DeadLetterReason;
use crate::domain::time::{parse_rfc3339, write_rfc3339_kst};

/// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can say, in epoch milliseconds.
const LAST_MS: i64 = 253_402_300_799_999;
/// Epoch numbers from here on are microseconds (as milliseconds they would lie beyond the year 5138).
const MICROSECONDS_FROM: u64 = 100_000_000_000_000;
/// Epoch numbers from here on are nanoseconds.
const NANOSECONDS_FROM: u64 = 100_000_000_000_000_000;

/// The parts of an envelope that stand in a payload.
#[derive(Clone, Copy, Debug, Default)]
struct Parts<'a> {
    id: Option<Field<'a>>,
    target: Target<'a>,
    action: Option<Field<'a>>,
    actor: Option<Field<'a>>,
    info: Option<&'a str>,
    occurred_at: Option<Field<'a>>,
    recorded_at: Option<Field<'a>>,
    schema: Option<Field<'a>>,
    source: Option<Field<'a>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Target<'a> {
    kind: Option<Field<'a>>,
    id: Option<Field<'a>>,
    order_no: Option<Field<'a>>,
    version: Option<Field<'a>>,
}

/// Decodes the event of a payload; `out` is where its envelope is put together.
pub(super) fn read(
    payload: Option<&str>,
    columns: &Columns<'_>,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<(), Defect> {
    let Some(text) = payload else {
        write(&Parts::default(), columns, Completeness::Information, out)?;
        return decode_as(Some(out), Completeness::Information, event);
    };
    let names = [
        "id", "target", "action", "actor", "info", "time", "schema", "source", "orderNo", "order",
    ];
    let [
        id,
        target,
        action,
        actor,
        info,
        time,
        schema,
        source,
        order_no,
        order,
    ] = pick(text, names)?;
    let object = |field: Option<Field<'_>>| field.is_some_and(|field| field.is_object());
    if id.is_some() && action.is_some() && object(target) && object(time) {
        decode(Some(text.as_bytes()), event)?;
        return columns.agree_with(event);
    }
    let is_part = [target, actor, info, time].into_iter().any(object);
    if !is_part && id.is_some() && action.is_some() && order_no.or(order).is_some() {
        return thin::read(text, columns, out, event);
    }
    let parts = if is_part {
        let [occurred_at, recorded_at] = picked(time, ["occurredAt", "recordedAt"])?;
        let [kind, target_id, order_no, version] =
            picked(target, ["type", "id", "orderNo", "version"])?;
        Parts {
            id,
            target: Target {
                kind,
                id: target_id,
                order_no,
                version,
            },
            action,
            actor,
            info: info.map(|info| info.written),
            occurred_at,
            recorded_at,
            schema,
            source,
        }
    } else {
        Parts {
            info: Some(text),
            ..Parts::default()
        }
    };
    write(&parts, columns, Completeness::Information, out)?;
    decode_as(Some(out), Completeness::Information, event)?;
    columns.agree_with(event)
}

fn picked<'a, const N: usize>(
    object: Option<Field<'a>>,
    names: [&str; N],
) -> Result<[Option<Field<'a>>; N], Defect> {
    match object {
        Some(object) => pick(object.written, names),
        None => Ok([None; N]),
    }
}

/// Writes the envelope of an event of which all stands outside of any payload, without actor and information.
pub(super) fn write_thin(columns: &Columns<'_>, out: &mut Vec<u8>) -> Result<(), Defect> {
    write(&Parts::default(), columns, Completeness::Thin, out)
}

fn write(
    parts: &Parts<'_>,
    columns: &Columns<'_>,
    completeness: Completeness,
    out: &mut Vec<u8>,
) -> Result<(), Defect> {
    out.clear();
    let action = required(parts.action.or(columns.action), "action", columns)?;
    member(
        out,
        "{\"id\":",
        required(parts.id.or(columns.id), "id", columns)?,
    );
    write_target(parts, columns, &action, out)?;
    member(out, ",\"action\":", action);
    if let Some(actor) = parts.actor {
        member(out, ",\"actor\":", actor);
    } else if let Some(kind) = columns.actor_type {
        member(out, ",\"actor\":{\"type\":", kind);
        if let Some(id) = columns.actor_id {
            member(out, ",\"id\":", text_of(id));
        }
        out.push(b'}');
    }
    if let Some(info) = parts.info {
        for part in [",\"info\":", info] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    write_times(parts, columns, completeness, out)?;
    if let Some(schema) = parts.schema {
        member(out, ",\"schema\":", schema);
    } else if completeness != Completeness::Thin {
        member(out, ",\"schema\":{\"name\":", action);
        let first = Field {
            kind: Kind::Integer,
            written: "1",
            escaped: false,
        };
        let version = columns.schema_version.map_or(Ok(first), number)?;
        member(out, ",\"version\":", version);
        out.push(b'}');
    }
    if let Some(source) = parts.source.filter(Field::is_object) {
        member(out, ",\"source\":", source);
    } else if let Some(system) = columns.system {
        member(out, ",\"source\":{\"system\":", system);
        out.push(b'}');
    }
    out.push(b'}');
    Ok(())
}

fn write_target(
    parts: &Parts<'_>,
    columns: &Columns<'_>,
    action: &Field<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Defect> {
    let target = parts.target;
    let order_no = target.order_no.or(columns.order_no).or(columns.key);
    let order_no = order_no.ok_or_else(|| Defect {
        reason: DeadLetterReason::KeyMismatch,
        message: format!(
            "nobody tells the order number: neither the payload, nor a {}, nor the record's key",
            columns.called
        ),
    })?;
    match target.kind {
        Some(kind) => member(out, ",\"target\":{\"type\":", kind),
        None => {
            let kind = aggregate(columns.target_type.as_ref(), action);
            member(out, ",\"target\":{\"type\":", Field::text(kind.name()));
        }
    }
    let id = target.id.or(columns.target_id).unwrap_or(order_no);
    member(out, ",\"id\":", text_of(id));
    member(out, ",\"orderNo\":", text_of(order_no));
    if let Some(version) = target.version {
        member(out, ",\"version\":", version);
    } else if let Some(version) = columns.version {
        member(out, ",\"version\":", number(version)?);
    }
    out.push(b'}');
    Ok(())
}

fn write_times(
    parts: &Parts<'_>,
    columns: &Columns<'_>,
    completeness: Completeness,
    out: &mut Vec<u8>,
) -> Result<(), Defect> {
    out.extend_from_slice(b",\"time\":{\"occurredAt\":");
    // Each stands for the other where only one is told: both are the owner's, and repeating the record changes neither.
    let recorded = columns.recorded_at;
    let occurred = columns.occurred_at.or(recorded);
    match (parts.occurred_at, occurred) {
        (Some(written), _) => written.write(out),
        (None, Some(occurred)) => write_time(out, "occurred_at", occurred)?,
        (None, None) => return Err(missing("time.occurredAt", columns)),
    }
    match (parts.recorded_at, recorded) {
        (Some(written), _) => member(out, ",\"recordedAt\":", written),
        (None, Some(recorded)) => {
            out.extend_from_slice(b",\"recordedAt\":");
            write_time(out, "created_at", recorded)?;
        }
        (None, None) if completeness == Completeness::Thin => {}
        (None, None) => {
            out.extend_from_slice(b",\"recordedAt\":");
            match (parts.occurred_at, occurred) {
                (Some(written), _) => written.write(out),
                (None, Some(occurred)) => write_time(out, "occurred_at", occurred)?,
                (None, None) => return Err(missing("time.recordedAt", columns)),
            }
        }
    }
    out.push(b'}');
    Ok(())
}

fn member(out: &mut Vec<u8>, before: &str, field: Field<'_>) {
    out.extend_from_slice(before.as_bytes());
    field.write(out);
}

fn required<'a>(
    field: Option<Field<'a>>,
    name: &str,
    columns: &Columns<'_>,
) -> Result<Field<'a>, Defect> {
    field.ok_or_else(|| missing(name, columns))
}

#[cold]
fn missing(name: &str, columns: &Columns<'_>) -> Defect {
    malformed(&format!(
        "{name} is missing: neither the payload nor a {} tells it",
        columns.called
    ))
}

/// A number where text is expected is the text of its digits: ids may be numbers in a database.
fn text_of(field: Field<'_>) -> Field<'_> {
    match field.kind {
        Kind::Integer => Field::text(field.written),
        _ => field,
    }
}

/// Text where a number is expected is the number, if it is one: headers are text.
fn number(field: Field<'_>) -> Result<Field<'_>, Defect> {
    match field.integer() {
        Some(number) if number >= 0 && !field.written.starts_with(['+', '0']) => Ok(Field {
            kind: Kind::Integer,
            ..field
        }),
        _ => Err(malformed(&format!(
            "version {:?} is not an integer from 1 upwards",
            shown(field.written)
        ))),
    }
}

/// The aggregate that a row names; where it names none of ours, the one that the action belongs to.
fn aggregate(named: Option<&Field<'_>>, action: &Field<'_>) -> Aggregate {
    let find = |name: &str| {
        Aggregate::ALL
            .iter()
            .copied()
            .find(|aggregate| aggregate.name().eq_ignore_ascii_case(name))
    };
    if let Some(named) = named.and_then(|named| find(named.written)) {
        return named;
    }
    let action = action.written;
    if let Some(known) = Action::from_name(action) {
        let mut aggregates = row(known).aggregates.iter();
        if let (Some(only), None) = (aggregates.next(), aggregates.next()) {
            return only;
        }
    }
    let prefix = action.split('.').next().unwrap_or_default();
    find(prefix).unwrap_or(Aggregate::Order)
}

fn write_time(out: &mut Vec<u8>, name: &str, field: Field<'_>) -> Result<(), Defect> {
    let ms = moment(&field).ok_or_else(|| {
        malformed(&format!(
            "{name} {:?} is neither an rfc 3339 time with offset nor a number since the epoch",
            shown(field.written)
        ))
    })?;
    out.push(b'"');
    write_rfc3339_kst(out, ms);
    out.push(b'"');
    Ok(())
}

/// Epoch milliseconds of a time as a column, a header or an attribute tells it: RFC 3339, or a number since the epoch
/// in the unit that its size shows. Debezium gives a DATETIME(6) in microseconds, one without fractions in
/// milliseconds, both as if it were UTC (`time.precision.mode`), and a TIMESTAMP as text.
fn moment(field: &Field<'_>) -> Option<i64> {
    let Some(number) = field.integer() else {
        return (field.is_string() && !field.escaped)
            .then(|| parse_rfc3339(field.written))
            .flatten()
            .filter(|ms| ms.unsigned_abs() <= LAST_MS.unsigned_abs());
    };
    let size = number.unsigned_abs();
    let ms = if size >= NANOSECONDS_FROM {
        number.div_euclid(1_000_000)
    } else if size >= MICROSECONDS_FROM {
        number.div_euclid(1_000)
    } else {
        number
    };
    Some(ms)
}

/// What is quoted of a wrong value.
fn shown(written: &str) -> &str {
    written
        .char_indices()
        .nth(64)
        .and_then(|(end, _)| written.get(..end))
        .unwrap_or(written)
}
