//! Members of a JSON object by name, found in one pass and without a copy.

use super::text::{trimmed, unescape};
use crate::domain::decode::malformed;
use crate::domain::event::Defect;
use crate::domain::json::{Kind, Scanner};

/// A value as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) kind: Kind,
    /// Of a string what is between its quotes, of all else all of it.
    pub(super) written: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Field<'a> {
    /// Text that needs no escape.
    pub(super) const fn text(text: &'a str) -> Self {
        Self {
            kind: Kind::String,
            written: text,
            escaped: false,
        }
    }

    /// The value, if the text is one JSON value and nothing else; JSON's null is none.
    pub(super) fn parse(text: &'a str) -> Result<Option<Self>, Defect> {
        let mut scanner = Scanner::new(text);
        let token = scanner.value()?;
        scanner.finish()?;
        Ok(Self {
            kind: token.kind,
            written: scanner.slice(token.start, token.end),
            escaped: token.escaped,
        }
        .unless_null())
    }

    fn unless_null(self) -> Option<Self> {
        (self.kind != Kind::Null).then_some(self)
    }

    pub(super) const fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object)
    }

    pub(super) const fn is_string(&self) -> bool {
        matches!(self.kind, Kind::String)
    }

    /// Appends the value as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let quote = if self.is_string() { "\"" } else { "" };
        for part in [quote, self.written, quote] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// Whether the value is this text; a number is the text of its digits.
    pub(super) fn is(&self, text: &str) -> bool {
        if !self.escaped {
            return self.written == text;
        }
        let mut plain = String::new();
        unescape(self.written, &mut plain).is_some() && plain == text
    }

    /// The number that the value is, or that its text is.
    pub(super) fn integer(&self) -> Option<i64> {
        match self.kind {
            Kind::Integer | Kind::String => self.written.parse().ok(),
            _ => None,
        }
    }
}

/// The members of the object with these names, in the order of the names; null is as if it were missing.
///
/// # Errors
/// MALFORMED, if the text is no JSON object, or has a member twice.
pub(super) fn pick<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<[Option<Field<'a>>; N], Defect> {
    Ok(pick_with_nulls(text, names)?.map(|field| field.and_then(Field::unless_null)))
}

/// As [`pick`], but null is a value.
pub(super) fn pick_with_nulls<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> Result<[Option<Field<'a>>; N], Defect> {
    let mut found = [None; N];
    let mut seen = [false; N];
    let mut scanner = Scanner::new(text);
    scanner
        .enter_object()
        .map_err(|_| malformed("payload is not a json object"))?;
    let mut first = true;
    while let Some(key) = scanner.next_member(first)? {
        first = false;
        let token = scanner.value()?;
        if key.escaped {
            continue;
        }
        let key = scanner.slice(key.start, key.end);
        let slots = found.iter_mut().zip(seen.iter_mut()).zip(names);
        for ((slot, seen), name) in slots {
            if key != name {
                continue;
            }
            if std::mem::replace(seen, true) {
                return Err(malformed(&format!("{name} is there twice")));
            }
            *slot = Some(Field {
                kind: token.kind,
                written: scanner.slice(token.start, token.end),
                escaped: token.escaped,
            });
        }
    }
    scanner.finish()?;
    Ok(found)
}

/// The bytes as text without the white space around it.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Defect> {
    std::str::from_utf8(bytes)
        .map(trimmed)
        .map_err(|error| malformed(&format!("payload is not utf-8: {error}")))
}
