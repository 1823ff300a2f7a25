//! Step 1 of judging: from the bytes of a record to an [`OrderEvent`], or to a dead letter.
//!
//! A broken envelope is an error: nothing of the record can be trusted, not even its order number. What is wrong
//! behind a sound envelope is kept as the event's [`OrderEvent::defect`], because the record's key is compared
//! between the two, and because an unknown action still has a version.

use super::action::Action;
use super::actor::{ActorType, Aggregate};
use super::decode_info::read_information;
use super::event::{Defect, Member, OrderEvent, Span};
use super::event_id::event_id_key;
use super::info::InfoField;
use super::json::{JsonError, Kind, Scanner, Token};
use super::outcome::DeadLetterReason;
use super::time::parse_rfc3339;

/// Largest payload in bytes.
pub const MAX_PAYLOAD: usize = 16 * 1024;

/// How much of the envelope a source gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// All of it.
    #[default]
    Full,
    /// The information without the envelope around it, as in a row of an outbox: perhaps nobody says who acted, and
    /// without a schema version it is the first.
    Information,
    /// Only what happened to which order, which version that made, and when: no actor, no information, no schema.
    Thin,
}

/// Decodes a record's value into the event, in place of what was in it.
///
/// # Errors
/// A defect of the envelope: TOO_LARGE or MALFORMED.
pub fn decode(payload: Option<&[u8]>, event: &mut OrderEvent) -> Result<(), Defect> {
    decode_as(payload, Completeness::Full, event)
}

/// As [`decode`], from a source that may leave out parts of the envelope.
///
/// # Errors
/// A defect of the envelope: TOO_LARGE or MALFORMED.
pub fn decode_as(
    payload: Option<&[u8]>,
    completeness: Completeness,
    event: &mut OrderEvent,
) -> Result<(), Defect> {
    event.clear();
    event.completeness = completeness;
    let payload = payload.unwrap_or(&[]);
    if payload.len() > MAX_PAYLOAD {
        return Err(Defect {
            reason: DeadLetterReason::TooLarge,
            message: format!(
                "payload of {} bytes, at most {MAX_PAYLOAD} are allowed",
                payload.len()
            ),
        });
    }
    if payload.is_empty() {
        return Err(malformed("payload is empty; deletes are not events"));
    }
    let text = std::str::from_utf8(payload)
        .map_err(|error| malformed(&format!("payload is not utf-8: {error}")))?;
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    event.text.push_str(trimmed);
    event.payload = Span {
        start: 0,
        end: trimmed.len(),
    };
    Envelope {
        scanner: Scanner::new(trimmed),
        event,
    }
    .read()?;
    read_information(event);
    Ok(())
}

#[cold]
pub(crate) fn malformed(message: &str) -> Defect {
    Defect {
        reason: DeadLetterReason::Malformed,
        message: message.to_owned(),
    }
}

#[cold]
fn missing(field: &str) -> Defect {
    malformed(&format!("{field} is missing"))
}

#[cold]
pub(super) fn not_a(field: &str, expected: &str) -> Defect {
    malformed(&format!("{field} is not {expected}"))
}

impl From<JsonError> for Defect {
    #[cold]
    fn from(error: JsonError) -> Self {
        malformed(&error.to_string())
    }
}

/// Parts of the envelope that were seen.
#[derive(Default)]
struct Seen {
    id: bool,
    target: bool,
    action: bool,
    actor: bool,
    info: bool,
    time: bool,
    schema: bool,
    source: bool,
}

struct Envelope<'a> {
    scanner: Scanner<'a>,
    event: &'a mut OrderEvent,
}

impl Envelope<'_> {
    fn read(&mut self) -> Result<(), Defect> {
        let mut seen = Seen::default();
        let mut first = true;
        self.scanner
            .enter_object()
            .map_err(|_| malformed("payload is not a json object"))?;
        while let Some(key) = self.scanner.next_member(first)? {
            first = false;
            match self.key(&key) {
                "id" => {
                    once(&mut seen.id, "id")?;
                    let token = self.scanner.value()?;
                    self.event.id = self.required_text(&token, "id")?;
                }
                "target" => {
                    once(&mut seen.target, "target")?;
                    self.target(&key)?;
                }
                "action" => {
                    once(&mut seen.action, "action")?;
                    let token = self.scanner.value()?;
                    self.add_hash(&key, &token);
                    self.event.action_name = self.required_text(&token, "action")?;
                    self.event.action = Action::from_name(self.event.action_name());
                }
                "actor" => {
                    once(&mut seen.actor, "actor")?;
                    self.actor(&key)?;
                }
                "info" => {
                    once(&mut seen.info, "info")?;
                    self.info(&key)?;
                }
                "time" => {
                    once(&mut seen.time, "time")?;
                    self.time(&key)?;
                }
                "schema" => {
                    once(&mut seen.schema, "schema")?;
                    self.schema()?;
                }
                "source" => {
                    once(&mut seen.source, "source")?;
                    self.source()?;
                }
                _ => {
                    self.scanner.value()?;
                }
            }
        }
        self.scanner.finish()?;
        for (present, name) in [
            (seen.id, "id"),
            (seen.target, "target"),
            (seen.action, "action"),
            (
                seen.actor || self.event.completeness != Completeness::Full,
                "actor",
            ),
            (seen.time, "time"),
        ] {
            if !present {
                return Err(missing(name));
            }
        }
        self.event.id_key = event_id_key(self.event.id());
        Ok(())
    }

    fn members(
        &mut self,
        outer: Option<&Token>,
        name: &str,
        mut read: impl FnMut(&mut Self, &str, &Token) -> Result<(), Defect>,
    ) -> Result<(), Defect> {
        self.named_members(outer, name, |this, _, key, token| read(this, key, token))
    }

    /// Reads the members of an object, each with where its key stands; the hash of its content is added under its
    /// own key.
    fn named_members(
        &mut self,
        outer: Option<&Token>,
        name: &str,
        mut read: impl FnMut(&mut Self, &Token, &str, &Token) -> Result<(), Defect>,
    ) -> Result<(), Defect> {
        if !self.scanner.at_object() {
            return Err(not_a(name, "an object"));
        }
        self.scanner.enter_object()?;
        let mut content = 0u64;
        let mut first = true;
        while let Some(key) = self.scanner.next_member(first)? {
            first = false;
            let token = self.scanner.value()?;
            content = content.wrapping_add(self.scanner.member_hash(&key, &token));
            let text = self.key(&key);
            read(self, &key, text, &token)?;
        }
        if let Some(outer) = outer {
            self.add_hash(outer, &Token::object(content));
        }
        Ok(())
    }

    fn target(&mut self, outer: &Token) -> Result<(), Defect> {
        let (mut aggregate, mut id, mut order_no, mut version) = (None, None, None, None);
        self.members(Some(outer), "target", |this, key, token| match key {
            "type" => set_once(&mut aggregate, *token, "target.type"),
            "id" => set_once(&mut id, *token, "target.id"),
            "orderNo" => set_once(&mut order_no, *token, "target.orderNo"),
            "version" if token.kind == Kind::Null => Ok(()),
            "version" => match this
                .integer(token)
                .and_then(|number| u64::try_from(number).ok())
            {
                Some(number) if number > 0 => set_once(&mut version, number, "target.version"),
                _ => Err(not_a("target.version", "an integer from 1 upwards")),
            },
            _ => Ok(()),
        })?;
        let aggregate = self.required_text(
            &aggregate.ok_or_else(|| missing("target.type"))?,
            "target.type",
        )?;
        self.event.target_type = Aggregate::from_name(self.event.text(aggregate));
        if self.event.target_type.is_none() {
            return Err(not_a("target.type", "order, delivery, payment or claim"));
        }
        self.event.target_id =
            self.required_text(&id.ok_or_else(|| missing("target.id"))?, "target.id")?;
        self.event.order_no = self.required_text(
            &order_no.ok_or_else(|| missing("target.orderNo"))?,
            "target.orderNo",
        )?;
        self.event.version = version;
        Ok(())
    }

    fn actor(&mut self, outer: &Token) -> Result<(), Defect> {
        let (mut actor_type, mut id) = (None, None);
        self.members(Some(outer), "actor", |_, key, token| match key {
            "type" => set_once(&mut actor_type, *token, "actor.type"),
            "id" => set_once(&mut id, *token, "actor.id"),
            _ => Ok(()),
        })?;
        let actor_type = self.required_text(
            &actor_type.ok_or_else(|| missing("actor.type"))?,
            "actor.type",
        )?;
        self.event.actor_type = ActorType::from_name(self.event.text(actor_type));
        if self.event.actor_type.is_none() {
            return Err(not_a("actor.type", "a known kind of actor"));
        }
        self.event.actor_id = match id {
            Some(token) => self.optional_text(&token, "actor.id")?,
            None => None,
        };
        Ok(())
    }

    fn info(&mut self, outer: &Token) -> Result<(), Defect> {
        if self.scanner.at_object() {
            // Which fields count hangs on the action, which may come later: they are kept until then.
            return self.named_members(Some(outer), "info", |this, name, key, token| {
                this.event.members.push(Member {
                    name: Span {
                        start: name.start,
                        end: name.end,
                    },
                    field: InfoField::from_name(key),
                    value: *token,
                });
                Ok(())
            });
        }
        let token = self.scanner.value()?;
        if token.kind == Kind::Null {
            Ok(())
        } else {
            Err(not_a("info", "an object"))
        }
    }

    fn time(&mut self, outer: &Token) -> Result<(), Defect> {
        let (mut occurred, mut recorded) = (None, None);
        self.members(Some(outer), "time", |this, key, token| match key {
            "occurredAt" => set_once(
                &mut occurred,
                this.moment(token, "time.occurredAt")?,
                "time.occurredAt",
            ),
            "recordedAt" => set_once(
                &mut recorded,
                this.moment(token, "time.recordedAt")?,
                "time.recordedAt",
            ),
            _ => Ok(()),
        })?;
        self.event.occurred_at = occurred.ok_or_else(|| missing("time.occurredAt"))?;
        // Who tells of no recording tells of no other time.
        let recorded = recorded
            .or((self.event.completeness == Completeness::Thin).then_some(self.event.occurred_at));
        self.event.recorded_at = recorded.ok_or_else(|| missing("time.recordedAt"))?;
        Ok(())
    }

    fn schema(&mut self) -> Result<(), Defect> {
        let mut version = None;
        self.members(None, "schema", |this, key, token| match key {
            "version" => {
                let number = this
                    .integer(token)
                    .ok_or_else(|| not_a("schema.version", "an integer"))?;
                set_once(&mut version, number, "schema.version")
            }
            _ => Ok(()),
        })?;
        self.event.schema_version = version;
        Ok(())
    }

    fn source(&mut self) -> Result<(), Defect> {
        if !self.scanner.at_object()
            && self
                .scanner
                .clone()
                .value()
                .is_ok_and(|token| token.kind == Kind::Null)
        {
            self.scanner.value()?;
            return Ok(());
        }
        let mut system = None;
        self.members(None, "source", |_, key, token| match key {
            "system" => set_once(&mut system, *token, "source.system"),
            _ => Ok(()),
        })?;
        self.event.source = match system {
            Some(token) => self.optional_text(&token, "source.system")?,
            None => None,
        };
        Ok(())
    }

    fn add_hash(&mut self, key: &Token, value: &Token) {
        self.event.content_hash = self
            .event
            .content_hash
            .wrapping_add(self.scanner.member_hash(key, value));
    }

    /// A key's text. A key written with escapes is none of ours: no producer escapes plain letters.
    fn key<'s>(&self, token: &Token) -> &'s str
    where
        Self: 's,
    {
        if token.escaped {
            ""
        } else {
            self.scanner.slice(token.start, token.end)
        }
    }

    fn integer(&self, token: &Token) -> Option<i64> {
        (token.kind == Kind::Integer)
            .then(|| self.scanner.slice(token.start, token.end).parse().ok())
            .flatten()
    }

    fn moment(&self, token: &Token, name: &str) -> Result<i64, Defect> {
        if token.kind == Kind::String
            && let Some(ms) = parse_rfc3339(self.scanner.slice(token.start, token.end))
        {
            return Ok(ms);
        }
        Err(not_a(name, "an rfc 3339 time with offset"))
    }

    fn required_text(&mut self, token: &Token, name: &str) -> Result<Span, Defect> {
        match self.optional_text(token, name)? {
            Some(span) if span.end > span.start => Ok(span),
            Some(_) => Err(malformed(&format!("{name} is empty"))),
            None => Err(missing(name)),
        }
    }

    fn optional_text(&mut self, token: &Token, name: &str) -> Result<Option<Span>, Defect> {
        match token.kind {
            Kind::Null => Ok(None),
            Kind::String => text_span(&mut self.event.text, token)
                .map(Some)
                .ok_or_else(|| malformed(&format!("{name} has an escape that is no character"))),
            _ => Err(not_a(name, "a string")),
        }
    }
}

fn once(seen: &mut bool, name: &str) -> Result<(), Defect> {
    if std::mem::replace(seen, true) {
        Err(malformed(&format!("{name} is there twice")))
    } else {
        Ok(())
    }
}

fn set_once<T>(slot: &mut Option<T>, value: T, name: &str) -> Result<(), Defect> {
    if slot.replace(value).is_some() {
        Err(malformed(&format!("{name} is there twice")))
    } else {
        Ok(())
    }
}

/// The range of a string's text; escapes are resolved into the end of the text.
pub(super) fn text_span(text: &mut String, token: &Token) -> Option<Span> {
    if !token.escaped {
        return Some(Span {
            start: token.start,
            end: token.end,
        });
    }
    let quoted = text.get(token.start.checked_sub(1)?..token.end + 1)?;
    let plain: String = serde_json::from_str(quoted).ok()?;
    let start = text.len();
    text.push_str(&plain);
    Some(Span {
        start,
        end: text.len(),
    })
}
