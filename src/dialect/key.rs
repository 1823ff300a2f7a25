//! Order numbers out of keys, whatever encoding those have.
//!
//! Kafka Connect writes a key as its converter likes: bare (`StringConverter`), as a JSON string, or as JSON with its
//! schema (`JsonConverter`); a change event's key is an object of the key columns (`message.key.columns`).

use std::fmt;

use super::fields::{Field, pick, text};
use super::form::KeyForm;
use super::frame;

/// How a key holds the order number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyEncoding {
    /// The order number's bytes.
    Bare,
    /// A JSON string.
    Json,
    /// A JSON object with a member `aggregateid`.
    Object,
    /// Connect's `{"schema": …, "payload": …}` around either.
    Schema,
}

impl fmt::Display for KeyEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare text",
            Self::Json => "a JSON string",
            Self::Object => "a JSON object",
            Self::Schema => "JSON with its schema",
        })
    }
}

/// A key that was taken apart.
#[derive(Clone, Copy, Debug)]
pub struct ParsedKey<'a> {
    /// How it holds the order number.
    pub encoding: KeyEncoding,
    pub(super) order_no: Field<'a>,
    bytes: &'a [u8],
}

impl<'a> ParsedKey<'a> {
    /// Takes a key apart; none if it is no text, or holds no order number.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let content = text(frame::strip(bytes)).ok()?;
        let (encoding, order_no) = match content.as_bytes().first()? {
            b'"' => (KeyEncoding::Json, Field::parse(content).ok()??),
            b'{' => match pick(content, ["payload"]).ok()? {
                [Some(payload)] if payload.is_object() => {
                    (KeyEncoding::Schema, member(payload.written)?)
                }
                [Some(payload)] => (KeyEncoding::Schema, payload),
                [None] => (KeyEncoding::Object, member(content)?),
            },
            // White space around it would be part of the number.
            _ => (
                KeyEncoding::Bare,
                Field::text(std::str::from_utf8(frame::strip(bytes)).ok()?),
            ),
        };
        (order_no.is_string() && !order_no.written.is_empty()).then_some(Self {
            encoding,
            order_no,
            bytes,
        })
    }

    /// The order number as it is written in the key.
    #[must_use]
    pub const fn order_no(&self) -> &'a str {
        self.order_no.written
    }

    /// The bytes before and after the order number: two keys of the same order are the same bytes, and go to the same
    /// partition, if and only if these are the same.
    #[must_use]
    pub fn around(&self) -> (&'a [u8], &'a [u8]) {
        let number = self.order_no.written.as_bytes();
        // The number stands behind the schema.
        let at = self
            .bytes
            .windows(number.len())
            .rposition(|window| window == number)
            .unwrap_or(0);
        (
            self.bytes.get(..at).unwrap_or_default(),
            self.bytes.get(at + number.len()..).unwrap_or_default(),
        )
    }
}

impl fmt::Display for ParsedKey<'_> {
    /// The key as it is, cut off where it becomes long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 160;
        let text = String::from_utf8_lossy(self.bytes.get(..SHOWN).unwrap_or(self.bytes));
        for character in text.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        f.write_str(if self.bytes.len() > SHOWN { "…" } else { "" })
    }
}

fn member(object: &str) -> Option<Field<'_>> {
    let names = ["aggregateid", "aggregate_id", "orderNo", "order_no"];
    pick(object, names).ok()?.into_iter().flatten().next()
}

/// Whether a key is an object, as the keys of change events are.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    let Ok(content) = text(frame::strip(bytes)) else {
        return false;
    };
    match pick(content, ["payload"]) {
        Ok([Some(payload)]) => payload.is_object(),
        Ok([None]) => true,
        Err(_) => false,
    }
}

/// Whether the key is this order number.
pub(super) fn is_of(bytes: &[u8], form: KeyForm, order_no: &str) -> bool {
    // Nearly all keys are bare, and no other encoding is an order number.
    if matches!(form, KeyForm::Detect | KeyForm::Bare) && bytes == order_no.as_bytes() {
        return true;
    }
    parsed(bytes, form).is_some_and(|key| key.order_no.is(order_no))
}

/// The key, if it is of this form.
pub(super) fn parsed(bytes: &[u8], form: KeyForm) -> Option<ParsedKey<'_>> {
    ParsedKey::read(bytes).filter(|key| match form {
        KeyForm::Detect => true,
        KeyForm::Bare => key.encoding == KeyEncoding::Bare,
        KeyForm::Json => matches!(key.encoding, KeyEncoding::Json | KeyEncoding::Object),
        KeyForm::Schema => key.encoding == KeyEncoding::Schema,
    })
}
