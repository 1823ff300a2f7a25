//! A scanner of JSON text that finds values without copying them, and hashes them as written.
//!
//! A general parser builds or visits values; judging an event needs only ranges, a few integers and one hash of
//! the content, so one pass over the bytes does all of it.

use std::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Containers inside containers beyond this are refused, so that hostile text cannot exhaust the stack.
const MAX_DEPTH: usize = 128;

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value found in the text.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte; of a string the first inside its quotes.
    pub start: usize,
    /// One past the last byte; of a string the closing quote.
    pub end: usize,
    /// Whether a string contains escapes.
    pub escaped: bool,
    /// Hash of a container's content.
    pub(super) content: u64,
}

impl Token {
    /// An object whose members were read one by one, by the sum of their hashes.
    #[must_use]
    pub const fn object(content: u64) -> Self {
        Self {
            kind: Kind::Object,
            start: 0,
            end: 0,
            escaped: false,
            content,
        }
    }
}

/// Where and why text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What was expected.
    pub expected: &'static str,
    /// Byte offset in the text.
    pub offset: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not valid json: expected {} at byte {}",
            self.expected, self.offset
        )
    }
}

/// Scans one JSON text.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of the text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            depth: 0,
        }
    }

    /// The text of a range that a token named.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }

    fn error<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        Err(JsonError {
            expected,
            offset: self.at,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_whitespace(&mut self) {
        // Mostly there is none, and all of it is below what else may come.
        while let Some(byte) = self.peek().filter(|byte| *byte <= b' ') {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return;
            }
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.error(expected)
    }

    /// Enters an object. Then call [`Scanner::next_member`] until it returns none.
    ///
    /// # Errors
    /// Where the text is no object.
    pub fn enter_object(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        self.take(b'{', "an object")?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error("fewer nested values");
        }
        Ok(())
    }

    /// The key of the next member, with the scanner before its value; none at the end of the object.
    /// `first` must be true for the first call after entering.
    ///
    /// # Errors
    /// Where the text is no member.
    pub fn next_member(&mut self, first: bool) -> Result<Option<Token>, JsonError> {
        self.skip_whitespace();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(None);
        }
        if !first {
            self.take(b',', "a comma or the end of the object")?;
            self.skip_whitespace();
        }
        self.take(b'"', "a key")?;
        let key = self.string()?;
        self.skip_whitespace();
        self.take(b':', "a colon")?;
        Ok(Some(key))
    }

    /// Whether the next value is an object.
    pub fn at_object(&mut self) -> bool {
        self.skip_whitespace();
        self.peek() == Some(b'{')
    }

    /// Scans the next value, whatever it is.
    ///
    /// # Errors
    /// Where the text is no value.
    pub fn value(&mut self) -> Result<Token, JsonError> {
        self.skip_whitespace();
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string()
            }
            Some(b'{') => {
                self.enter_object()?;
                let mut content = 0u64;
                let mut first = true;
                while let Some(key) = self.next_member(first)? {
                    first = false;
                    let token = self.value()?;
                    content = content.wrapping_add(self.member_hash(&key, &token));
                }
                Ok(Token {
                    kind: Kind::Object,
                    start,
                    end: self.at,
                    escaped: false,
                    content,
                })
            }
            Some(b'[') => self.array(start),
            Some(b'-' | b'0'..=b'9') => self.number(start),
            Some(b't') => self.word("true", Kind::True),
            Some(b'f') => self.word("false", Kind::False),
            Some(b'n') => self.word("null", Kind::Null),
            _ => self.error("a value"),
        }
    }

    /// Makes sure that nothing follows.
    ///
    /// # Errors
    /// If anything but white space follows.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            self.error("the end")
        }
    }

    /// The hash of one member of an object. The hash of the object is the sum of those of its members, so it
    /// does not depend on their order.
    #[must_use]
    pub fn member_hash(&self, key: &Token, value: &Token) -> u64 {
        let seed = key_seed(self.bytes.get(key.start..key.end).unwrap_or(&[]));
        let kind = u64::from(value.kind as u8);
        match value.kind {
            Kind::Array | Kind::Object => {
                xxh3_64_with_seed(&value.content.to_le_bytes(), seed ^ kind)
            }
            _ => {
                let written = self.bytes.get(value.start..value.end).unwrap_or(&[]);
                // A string and a number of the same characters differ by the kind.
                xxh3_64_with_seed(written, seed ^ u64::from(value.kind == Kind::String))
            }
        }
    }

    fn array(&mut self, start: usize) -> Result<Token, JsonError> {
        self.take(b'[', "an array")?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error("fewer nested values");
        }
        let mut content = 0u64;
        let mut index = 0u64;
        self.skip_whitespace();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                let value = self.value()?;
                let place = Token {
                    start: 0,
                    end: 0,
                    ..value
                };
                let element = self.member_hash(&place, &value);
                content = xxh3_64_with_seed(&element.to_le_bytes(), content.wrapping_add(index));
                index += 1;
                self.skip_whitespace();
                if self.peek() == Some(b']') {
                    self.at += 1;
                    break;
                }
                self.take(b',', "a comma or the end of the array")?;
            }
        }
        self.depth -= 1;
        Ok(Token {
            kind: Kind::Array,
            start,
            end: self.at,
            escaped: false,
            content,
        })
    }

    /// The rest of a string whose opening quote was taken.
    fn string(&mut self) -> Result<Token, JsonError> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(Token {
                        kind: Kind::String,
                        start,
                        end,
                        escaped,
                        content: 0,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1
                        }
                        Some(b'u') => {
                            let hex = self.bytes.get(self.at + 1..self.at + 5).unwrap_or(&[]);
                            if hex.len() != 4 || !hex.iter().all(u8::is_ascii_hexdigit) {
                                return self.error("four hexadecimal digits");
                            }
                            self.at += 5;
                        }
                        _ => return self.error("an escape"),
                    }
                }
                Some(_) => return self.error("no control character in a string"),
                None => return self.error("the end of a string"),
            }
        }
    }

    /// Skips to the next quote, backslash or control character.
    fn skip_plain(&mut self) {
        self.at += plain_len(self.bytes.get(self.at..).unwrap_or(&[]));
    }

    fn number(&mut self, start: usize) -> Result<Token, JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.error("a digit"),
        }
        let mut kind = Kind::Integer;
        if self.peek() == Some(b'.') {
            kind = Kind::Number;
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            kind = Kind::Number;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(Token {
            kind,
            start,
            end: self.at,
            escaped: false,
            content: 0,
        })
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.error("a digit");
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &'static str, kind: Kind) -> Result<Token, JsonError> {
        let start = self.at;
        if self
            .bytes
            .get(start..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            self.at += word.len();
            return Ok(Token {
                kind,
                start,
                end: self.at,
                escaped: false,
                content: 0,
            });
        }
        self.error(word)
    }
}

/// The seed of a member's hash: the key's bytes, eight at a time.
fn key_seed(key: &[u8]) -> u64 {
    if key.len() > 16 {
        return xxh3_64(key);
    }
    let mut padded = [0u8; 16];
    for (target, source) in padded.iter_mut().zip(key) {
        *target = *source;
    }
    let word = u128::from_le_bytes(padded);
    let mixed =
        (word ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xA076_1D64_78BD_642F_E703_7ED1_A0B4_28DB);
    let [low, high] = [mixed & u128::from(u64::MAX), mixed >> 64];
    u64::try_from(low ^ high).unwrap_or(0)
}

/// How many bytes there are before the first quote, backslash or control character; eight are looked at at a time.
pub(in crate::domain) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special_bytes(u64::from_le_bytes(chunk));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of each byte that ends a run of plain string characters: `"`, `\` and control characters.
/// Bits above the lowest one set may be wrong, as the borrow of a subtraction runs upwards.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = word.wrapping_sub(ONES * 0x20) & !word;
    (is_quote | is_backslash | is_control) & HIGH
}
