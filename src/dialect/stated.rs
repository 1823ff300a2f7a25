//! What the headers of a record say of its event.

use super::MAX_HEADER;
use super::fields::{Field, pick};
use super::text::{needs_no_escape, trimmed};
use crate::domain::decode::malformed;
use crate::domain::event::Defect;
use crate::domain::headers::REDRIVE_TOPIC;
use crate::domain::json::Kind;

/// What a header takes besides name and value: two lengths, of five bytes at most each.
const HEADER_OVERHEAD: usize = 10;

/// Values of the headers that are looked at, as they came. Of several of one name the last counts, as in Kafka's
/// `lastHeader`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stated<'a> {
    /// Bytes of all headers, with what each takes besides name and value.
    pub(super) size: usize,
    pub(super) redrive_topic: Option<&'a [u8]>,
    pub(super) content_type: Option<&'a [u8]>,
    pub(super) id: Option<&'a [u8]>,
    pub(super) action: Option<&'a [u8]>,
    pub(super) kind: Option<&'a [u8]>,
    pub(super) order_no: Option<&'a [u8]>,
    pub(super) target_type: Option<&'a [u8]>,
    pub(super) target_id: Option<&'a [u8]>,
    pub(super) version: Option<&'a [u8]>,
    pub(super) occurred_at: Option<&'a [u8]>,
    pub(super) recorded_at: Option<&'a [u8]>,
    pub(super) schema_version: Option<&'a [u8]>,
    pub(super) actor_type: Option<&'a [u8]>,
    pub(super) actor_id: Option<&'a [u8]>,
    pub(super) cloud: Cloud<'a>,
}

/// Attributes of a CloudEvent in Kafka's binary mode.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cloud<'a> {
    pub(super) specversion: Option<&'a [u8]>,
    pub(super) id: Option<&'a [u8]>,
    pub(super) kind: Option<&'a [u8]>,
    pub(super) source: Option<&'a [u8]>,
    pub(super) subject: Option<&'a [u8]>,
    pub(super) time: Option<&'a [u8]>,
    pub(super) partitionkey: Option<&'a [u8]>,
    pub(super) recordedtime: Option<&'a [u8]>,
    pub(super) orderno: Option<&'a [u8]>,
    pub(super) targettype: Option<&'a [u8]>,
    pub(super) targetid: Option<&'a [u8]>,
    pub(super) version: Option<&'a [u8]>,
    pub(super) schemaversion: Option<&'a [u8]>,
    pub(super) actortype: Option<&'a [u8]>,
    pub(super) actorid: Option<&'a [u8]>,
}

impl<'a> Stated<'a> {
    pub(super) fn read(headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) -> Self {
        let mut stated = Self::default();
        for (name, value) in headers {
            stated.size += name.len() + value.map_or(0, <[u8]>::len) + HEADER_OVERHEAD;
            if let Some(slot) = stated.slot(name) {
                *slot = value;
            }
        }
        stated
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a [u8]>> {
        if let Some(attribute) = name.strip_prefix("ce_") {
            return self.cloud.slot(attribute);
        }
        Some(match name {
            "id" => &mut self.id,
            "eventType" | "action" | "event_type" => &mut self.action,
            "type" => &mut self.kind,
            "aggregateid" | "aggregate_id" | "orderNo" => &mut self.order_no,
            "aggregatetype" | "aggregate_type" => &mut self.target_type,
            "target_id" | "targetId" => &mut self.target_id,
            "version" => &mut self.version,
            "occurred_at" | "occurredAt" => &mut self.occurred_at,
            "created_at" | "createdAt" | "recordedAt" => &mut self.recorded_at,
            "schema-version" | "schema_version" | "schemaVersion" => &mut self.schema_version,
            "actor_type" | "actorType" => &mut self.actor_type,
            "actor_id" | "actorId" => &mut self.actor_id,
            "content-type" => &mut self.content_type,
            REDRIVE_TOPIC => &mut self.redrive_topic,
            _ => return None,
        })
    }
}

impl<'a> Cloud<'a> {
    fn slot(&mut self, attribute: &str) -> Option<&mut Option<&'a [u8]>> {
        Some(match attribute {
            "specversion" => &mut self.specversion,
            "id" => &mut self.id,
            "type" => &mut self.kind,
            "source" => &mut self.source,
            "subject" => &mut self.subject,
            "time" => &mut self.time,
            "partitionkey" => &mut self.partitionkey,
            "recordedtime" => &mut self.recordedtime,
            "orderno" => &mut self.orderno,
            "targettype" => &mut self.targettype,
            "targetid" => &mut self.targetid,
            "version" => &mut self.version,
            "schemaversion" => &mut self.schemaversion,
            "actortype" => &mut self.actortype,
            "actorid" => &mut self.actorid,
            _ => return None,
        })
    }
}

/// The value of a header. Kafka Connect writes one bare, as JSON, or as JSON with its schema, as its header converter
/// likes.
pub(super) fn value<'a>(name: &str, bytes: Option<&'a [u8]>) -> Result<Option<Field<'a>>, Defect> {
    let Some(bytes) = bytes else { return Ok(None) };
    let wrong = |problem: &str| malformed(&format!("header {name} {problem}"));
    if bytes.len() > MAX_HEADER {
        let problem = format!("has {} bytes, at most {MAX_HEADER} are read", bytes.len());
        return Err(wrong(&problem));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not utf-8"))?;
    let text = trimmed(text);
    let field = match text.as_bytes().first() {
        None => return Ok(None),
        Some(b'"') => Field::parse(text).map_err(|_| wrong("is not a json string"))?,
        Some(b'{') => {
            let [payload] = pick(text, ["payload"]).map_err(|_| wrong("is not valid json"))?;
            payload
        }
        _ if text == "null" => None,
        _ => Some(Field::text(text)),
    };
    match field {
        Some(field) if !matches!(field.kind, Kind::String | Kind::Integer) => {
            Err(wrong("is neither text nor an integer"))
        }
        Some(field) if !field.escaped && !needs_no_escape(field.written) => Err(wrong(
            "has quotes, backslashes or control characters in its text",
        )),
        field => Ok(field),
    }
}
