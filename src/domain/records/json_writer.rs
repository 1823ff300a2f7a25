//! A writer of JSON objects that appends to a buffer and allocates nothing.
//!
//! Members are inlined where they are written: their keys are constants, and copying a constant is a store or two.

use std::io::Write as _;

use crate::domain::json::plain_len;
use crate::domain::time::write_rfc3339_kst;

/// One object being written. Call [`Object::end`] to close it.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Closes the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    /// Writes a key that needs no escapes.
    #[inline(always)]
    fn key(&mut self, key: &str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    #[inline(always)]
    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
    }

    /// A member that is text.
    #[inline(always)]
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        write_string(self.out, text);
    }

    /// A member that is text, left out if it is empty.
    pub(super) fn text_if_any(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    /// A member that is a name of ours, which needs no escapes.
    #[inline(always)]
    pub(super) fn name(&mut self, key: &str, name: &str) {
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'"');
    }

    /// A member that is text written by a function. The text must need no escapes, or be escaped.
    pub(super) fn written(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.key(key);
        write(self.out);
    }

    /// A member that is an integer.
    #[inline(always)]
    pub(super) fn number(&mut self, key: &str, number: impl itoa::Integer) {
        self.key(key);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// A member whose key is data.
    pub(super) fn number_of(&mut self, key: &str, number: impl itoa::Integer) {
        self.comma();
        write_string(self.out, key);
        self.out.push(b':');
        self.out
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// A member that is the quotient of two numbers; null where there is nothing to divide by.
    pub(super) fn ratio(&mut self, key: &str, number: i64, by: i64) {
        self.key(key);
        match by {
            0 => self.out.extend_from_slice(b"null"),
            // Writing to memory does not fail.
            _ => drop(write!(self.out, "{}", number as f64 / by as f64)),
        }
    }

    /// A member that is a number, whole where it is; null where it is none.
    pub(super) fn float(&mut self, key: &str, number: f64) {
        self.key(key);
        // Writing to memory does not fail.
        match number.is_finite() {
            true => drop(write!(self.out, "{number}")),
            false => self.out.extend_from_slice(b"null"),
        }
    }

    /// A member that is an array; the function writes its elements.
    pub(super) fn array(&mut self, key: &str, write: impl FnOnce(&mut Array<'_>)) {
        self.key(key);
        self.out.push(b'[');
        write(&mut Array {
            out: self.out,
            first: true,
        });
        self.out.push(b']');
    }

    /// A member that is true or false.
    #[inline(always)]
    pub(super) fn boolean(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A member that is a time.
    #[inline(always)]
    pub(super) fn time(&mut self, key: &str, epoch_ms: i64) {
        self.key(key);
        self.out.push(b'"');
        write_rfc3339_kst(self.out, epoch_ms);
        self.out.push(b'"');
    }

    /// A member that is a time; null where there is none.
    pub(super) fn time_or_null(&mut self, key: &str, epoch_ms: Option<i64>) {
        match epoch_ms {
            Some(epoch_ms) => self.time(key, epoch_ms),
            None => {
                self.key(key);
                self.out.extend_from_slice(b"null");
            }
        }
    }

    /// A member that is an object.
    pub(super) fn object(&mut self, key: &str) -> Object<'_> {
        self.key(key);
        Object::new(self.out)
    }

    /// A member that is an array of names of ours.
    pub(super) fn names(&mut self, key: &str, each: impl FnOnce(&mut dyn FnMut(&'static str))) {
        self.key(key);
        self.out.push(b'[');
        let mut first = true;
        let out = &mut *self.out;
        each(&mut |name| {
            if !std::mem::replace(&mut first, false) {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.push(b'"');
        });
        self.out.push(b']');
    }
}

/// The elements of an array being written.
pub(super) struct Array<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Array<'_> {
    /// An element that is an object.
    pub(super) fn object(&mut self) -> Object<'_> {
        self.comma();
        Object::new(self.out)
    }

    /// An element that is an array of two numbers.
    pub(super) fn pair(&mut self, one: i64, other: u64) {
        self.comma();
        self.out.push(b'[');
        let mut buffer = itoa::Buffer::new();
        self.out.extend_from_slice(buffer.format(one).as_bytes());
        self.out.push(b',');
        self.out.extend_from_slice(buffer.format(other).as_bytes());
        self.out.push(b']');
    }

    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
    }
}

/// Writes a JSON string with the escapes that it needs.
pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, tail) = rest
            .split_at_checked(plain_len(rest))
            .unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((&byte, tail)) = tail.split_first() else {
            break;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(b'0' + (byte >> 4));
                out.push(if byte & 15 < 10 {
                    b'0' + (byte & 15)
                } else {
                    b'a' + (byte & 15) - 10
                });
            }
        }
        rest = tail;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::write_string;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_read_back_by_the_library(text in any::<String>()) {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
