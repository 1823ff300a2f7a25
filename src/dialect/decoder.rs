//! From a record to an event, by the form of its topic.

use super::columns::Columns;
use super::fields::{Field, pick, pick_with_nulls, text};
use super::form::{Dialect, Dialects, Form, KeyForm};
use super::router::{Unescaped, is_heartbeat};
use super::stated::Stated;
use super::topics::INPUTS;
use super::{MAX_RECORD, change_event, cloud_event, compose, frame, key, router, thin};
use crate::domain::codes::codes;
use crate::domain::decode::{decode, malformed};
use crate::domain::event::{Defect, OrderEvent};
use crate::domain::json::Kind;
use crate::domain::outcome::DeadLetterReason;

/// A record as it arrived, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Topic that it was read from.
    pub topic: &'a str,
    /// Key bytes.
    pub key: Option<&'a [u8]>,
    /// Value bytes.
    pub value: Option<&'a [u8]>,
}

/// Longer than the name of any first member that tells of a form.
const MAX_NAME: usize = 12;

codes! {
    /// Why a record of a change event topic carries no event, and rightly so.
    NoEvent, NoEvents {
        Delete = "DELETE",
        Tombstone = "TOMBSTONE",
        Truncate = "TRUNCATE",
        Message = "MESSAGE",
        Heartbeat = "HEARTBEAT",
    }
}

/// What a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An event; its key is its order number.
    Event,
    /// No event, and it need not be one.
    NoEvent(NoEvent),
}

/// Decodes records of any form. Its buffers are used again from record to record.
///
/// ```
/// use jumun::dialect::{Arrival, Decoded, Decoder, Dialects};
/// use jumun::domain::event::OrderEvent;
///
/// let mut decoder = Decoder::new(Dialects::default());
/// let mut event = OrderEvent::default();
/// // A thin event, keyed as Kafka Connect's JSON converter does it.
/// let arrival = Arrival {
///     topic: "order.events.v1",
///     key: Some(br#""B1""#),
///     value: Some(br#"{"id":"e1","orderNo":"B1","action":"order.created","version":1,"occurredAt":"2026-11-20T12:00:00Z"}"#),
/// };
/// let decoded = decoder.decode(&arrival, std::iter::empty(), &mut event).map_err(|defect| defect.message)?;
/// assert_eq!(decoded, Decoded::Event);
/// assert_eq!((event.order_no(), event.version(), event.is_thin()), ("B1", Some(1), true));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    dialects: Dialects,
    envelope: Vec<u8>,
    unescaped: Unescaped,
}

impl Decoder {
    /// A decoder of topics that are read like this.
    #[must_use]
    pub fn new(dialects: Dialects) -> Self {
        Self {
            dialects,
            ..Self::default()
        }
    }

    /// Decodes a record into the event, in place of what was in it. A record that does not come from one of the
    /// [`INPUTS`] was redriven, and is read as one of the topic that its header `x-redrive-topic` names.
    ///
    /// # Errors
    /// A defect: TOO_LARGE, MALFORMED, or KEY_MISMATCH. What is wrong behind a sound envelope is the event's own
    /// [`defect`](OrderEvent::defect).
    pub fn decode<'h>(
        &mut self,
        arrival: &Arrival<'_>,
        headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
        event: &mut OrderEvent,
    ) -> Result<Decoded, Defect> {
        let stated = Stated::read(headers);
        if stated.size > MAX_RECORD {
            return Err(Defect {
                reason: DeadLetterReason::TooLarge,
                message: format!(
                    "headers of {} bytes, at most {MAX_RECORD} are allowed",
                    stated.size
                ),
            });
        }
        let dialect = self.dialect(arrival.topic, &stated);
        let value = arrival.value.map(frame::strip);
        let tries_plain = match dialect.form {
            Form::Plain => true,
            Form::Detect => may_be_plain(value, &stated),
            // A rejection tells the envelope without what a relay had wrapped it in, and so it is sent again.
            _ => first_topic(arrival.topic, &stated).is_some() && may_be_plain(value, &stated),
        };
        let refused = if tries_plain {
            decode(value, event).err()
        } else {
            None
        };
        let decoded = match (dialect.form, refused) {
            (Form::Plain, Some(defect)) => return Err(defect),
            (Form::Plain, None) => Decoded::Event,
            (_, None) if tries_plain => {
                agree(&stated, event)?;
                Decoded::Event
            }
            (Form::Detect, refused) => self.detect(value, arrival.key, &stated, refused, event)?,
            (form, _) => self.read(form, value, dialect, arrival.key, &stated, event)?,
        };
        if decoded == Decoded::Event {
            check_key(arrival.key, dialect.key, event)?;
        }
        Ok(decoded)
    }

    /// That of the topic in which a record arrived first; the key of one that was redriven may have been written anew.
    fn dialect(&self, topic: &str, stated: &Stated<'_>) -> Dialect {
        match first_topic(topic, stated) {
            Some(first) => Dialect {
                key: KeyForm::Detect,
                ..self.dialects.of(first)
            },
            None => self.dialects.of(topic),
        }
    }

    /// Reads a record of a topic of any form that is no plain envelope; `refused` is what is wrong with it as one, if
    /// that was tried. Apart from the way of plain records, which it would make longer.
    #[inline(never)]
    fn detect(
        &mut self,
        value: Option<&[u8]>,
        key: Option<&[u8]>,
        stated: &Stated<'_>,
        refused: Option<Defect>,
        event: &mut OrderEvent,
    ) -> Result<Decoded, Defect> {
        let form = match value {
            _ if is_cloud_event(stated) => Some(Form::CloudEvents),
            // A change event's key is an object of columns, and a tombstone has no more than that.
            None if key.is_some_and(key::is_object) => {
                return Ok(Decoded::NoEvent(NoEvent::Tombstone));
            }
            Some(bytes) if bytes.len() <= MAX_RECORD => form_of(bytes, stated),
            _ => None,
        };
        match (form, refused) {
            (Some(form), _) => self.read(form, value, Dialect::default(), key, stated, event),
            (None, Some(defect)) => Err(defect),
            (None, None) => {
                decode(value, event)?;
                agree(stated, event)?;
                Ok(Decoded::Event)
            }
        }
    }

    fn read(
        &mut self,
        form: Form,
        value: Option<&[u8]>,
        dialect: Dialect,
        key: Option<&[u8]>,
        stated: &Stated<'_>,
        event: &mut OrderEvent,
    ) -> Result<Decoded, Defect> {
        let size = value.map_or(0, <[u8]>::len);
        if size > MAX_RECORD {
            return Err(Defect {
                reason: DeadLetterReason::TooLarge,
                message: format!("record of {size} bytes, at most {MAX_RECORD} are allowed"),
            });
        }
        let value = value.map(text).transpose()?;
        let key = key
            .and_then(|key| key::parsed(key, dialect.key))
            .map(|key| key.order_no);
        let (out, buffers) = (&mut self.envelope, &mut self.unescaped);
        match form {
            Form::DebeziumOutbox => {
                let columns = Columns {
                    key,
                    ..Columns::of_headers(stated)?
                };
                if value.is_none() && (columns.id.is_none() || columns.action.is_none()) {
                    return Err(malformed(
                        "value is null, and no headers id and eventType tell which event it is",
                    ));
                }
                return router::read(value, &columns, buffers, out, event);
            }
            Form::DebeziumRaw => {
                return match value {
                    None => Ok(Decoded::NoEvent(NoEvent::Tombstone)),
                    Some(text) => change_event::read(text, buffers, out, event),
                };
            }
            Form::CloudEvents => match value {
                Some(text) if !cloud_event::is_binary(&stated.cloud) => {
                    cloud_event::read_structured(text, key, buffers, out, event)?;
                }
                Some(text) if cloud_event::is_structured(stated.content_type) => {
                    cloud_event::read_structured(text, key, buffers, out, event)?;
                }
                data => {
                    let content_type = stated.content_type;
                    cloud_event::read_binary(data, content_type, &stated.cloud, key, out, event)?;
                }
            },
            Form::Thin => {
                let columns = Columns {
                    called: "member",
                    key,
                    ..Columns::default()
                };
                let text = value.ok_or_else(|| malformed("value is null"))?;
                let [target] = pick(text, ["target"])?;
                match target {
                    // Whoever says more is understood too.
                    Some(_) => compose::read(Some(text), &columns, out, event)?,
                    None => thin::read(text, &columns, out, event)?,
                }
            }
            Form::Detect | Form::Plain => decode(value.map(str::as_bytes), event)?,
        }
        Ok(Decoded::Event)
    }
}

/// The topic in which a record that was redriven arrived first; none of one that was not.
fn first_topic<'a>(topic: &'a str, stated: &Stated<'a>) -> Option<&'a str> {
    let first = stated.redrive_topic.filter(|_| !INPUTS.contains(&topic))?;
    Some(std::str::from_utf8(first).unwrap_or(topic))
}

fn is_cloud_event(stated: &Stated<'_>) -> bool {
    cloud_event::is_structured(stated.content_type) || cloud_event::is_binary(&stated.cloud)
}

/// Whether it is worth while to try a plain envelope first: neither headers nor the first member tell of another form.
fn may_be_plain(value: Option<&[u8]>, stated: &Stated<'_>) -> bool {
    let Some(bytes) = value else { return false };
    if is_cloud_event(stated) {
        return false;
    }
    let Some((b'{', members)) = bytes.trim_ascii_start().split_first() else {
        return false;
    };
    let Some((b'"', members)) = members.trim_ascii_start().split_first() else {
        return true;
    };
    let name = members.iter().take(MAX_NAME).position(|byte| *byte == b'"');
    let name = name.and_then(|end| members.get(..end)).unwrap_or_default();
    !matches!(
        name,
        b"before"
            | b"after"
            | b"op"
            | b"payload"
            | b"schema"
            | b"source"
            | b"specversion"
            | b"ts_ms"
    )
}

/// The form that a value shows which is no plain envelope; none if it shows none.
fn form_of(bytes: &[u8], stated: &Stated<'_>) -> Option<Form> {
    let text = text(bytes).ok()?;
    if text.starts_with('"') {
        return Some(Form::DebeziumOutbox);
    }
    let names = [
        "target",
        "actor",
        "time",
        "payload",
        "op",
        "specversion",
        "id",
        "action",
        "orderNo",
        "order",
    ];
    let [
        target,
        actor,
        time,
        payload,
        op,
        specversion,
        id,
        action,
        order_no,
        order,
    ] = pick_with_nulls(text, names).ok()?;
    let object = |field: Option<Field<'_>>| field.is_some_and(|field| field.is_object());
    if object(target) || object(actor) {
        return None;
    }
    if op.is_some_and(|op| op.is_string()) {
        return Some(Form::DebeziumRaw);
    }
    if specversion.is_some() {
        return Some(Form::CloudEvents);
    }
    if let Some(payload) = payload {
        let [op] = match payload.kind {
            Kind::Object => pick_with_nulls(payload.written, ["op"]).ok()?,
            _ => [None],
        };
        return Some(if op.is_some_and(|op| op.is_string()) {
            Form::DebeziumRaw
        } else {
            Form::DebeziumOutbox
        });
    }
    if id.is_some() && action.is_some() && order_no.or(order).is_some() {
        return Some(Form::Thin);
    }
    if is_heartbeat(text).ok()? {
        return Some(Form::DebeziumRaw);
    }
    let told = stated.id.is_some() && (stated.action.is_some() || stated.kind.is_some());
    (told && !object(time)).then_some(Form::DebeziumOutbox)
}

/// Refuses a plain envelope whose headers name another event.
fn agree(stated: &Stated<'_>, event: &OrderEvent) -> Result<(), Defect> {
    for (header, found) in [
        (stated.id, event.id()),
        (stated.action, event.action_name()),
    ] {
        if header.is_some_and(|header| header != found.as_bytes()) {
            // It may only be written otherwise.
            let said = Columns {
                called: "header",
                id: super::stated::value("id", stated.id)?,
                action: super::stated::value("action", stated.action)?,
                ..Columns::default()
            };
            return said.agree_with(event);
        }
    }
    Ok(())
}

fn check_key(key: Option<&[u8]>, form: KeyForm, event: &OrderEvent) -> Result<(), Defect> {
    if key.is_some_and(|key| key::is_of(key, form, event.order_no())) {
        return Ok(());
    }
    Err(key_mismatch(key, event))
}

#[cold]
fn key_mismatch(key: Option<&[u8]>, event: &OrderEvent) -> Defect {
    let message = match key {
        None => "the record has no key; it must be target.orderNo".to_owned(),
        Some(key) => {
            // A dead letter has the whole key; here its beginning must do.
            let shown = key.get(..256).unwrap_or(key);
            let hint = if key::is_object(key) && key::ParsedKey::read(key).is_none() {
                "; key change events by the order number (message.key.columns=<table>:aggregateid)"
            } else {
                ""
            };
            format!(
                "the record's key {:?} is not target.orderNo {:?}{hint}",
                String::from_utf8_lossy(shown),
                event.order_no()
            )
        }
    };
    Defect {
        reason: DeadLetterReason::KeyMismatch,
        message,
    }
}
