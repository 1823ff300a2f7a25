//! Event ids: 128 bits to compare by, and the text to report.

use xxhash_rust::xxh3::xxh3_128;

/// The id of an event. A canonical UUID is its 128 bits; any other text is hashed to 128 bits and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventId {
    key: u128,
    /// Empty if `key` is the UUID itself.
    text: String,
}

impl EventId {
    /// The id of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match parse_uuid(text) {
            Some(key) => Self {
                key,
                text: String::new(),
            },
            None => Self {
                key: xxh3_128(text.as_bytes()),
                text: text.to_owned(),
            },
        }
    }

    /// The id as stored: the bits, and the text if it is no UUID.
    #[must_use]
    pub fn from_parts(key: u128, text: &str) -> Self {
        Self {
            key,
            text: text.to_owned(),
        }
    }

    /// The 128 bits to compare by.
    #[must_use]
    pub const fn key(&self) -> u128 {
        self.key
    }

    /// The text, if the id is no UUID.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        (!self.text.is_empty()).then_some(self.text.as_str())
    }

    /// Appends the id as it was written.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.text.is_empty() {
            write_uuid(out, self.key)
        } else {
            out.extend_from_slice(self.text.as_bytes())
        }
    }
}

/// The 128 bits of an id's text without keeping the text.
#[must_use]
pub fn event_id_key(text: &str) -> u128 {
    parse_uuid(text).unwrap_or_else(|| xxh3_128(text.as_bytes()))
}

/// No hexadecimal digit.
const NO_DIGIT: u8 = 0xf0;

/// The value of a lower-case hexadecimal digit, or [`NO_DIGIT`]; without a branch.
const fn nibble(byte: u8) -> u8 {
    let (digit, letter) = (byte.wrapping_sub(b'0'), byte.wrapping_sub(b'a'));
    if digit < 10 {
        digit
    } else if letter < 6 {
        letter + 10
    } else {
        NO_DIGIT
    }
}

/// Parses a UUID in its canonical form: lower-case, with hyphens. Every event has a few; whether one was well formed is
/// looked at once, at its end.
fn parse_uuid(text: &str) -> Option<u128> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut high, mut low, mut wrong) = (0u64, 0u64, 0u8);
    for (at, &byte) in bytes.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            wrong |= byte ^ b'-';
            continue;
        }
        let nibble = nibble(byte);
        wrong |= nibble & NO_DIGIT;
        let half = if at < 18 { &mut high } else { &mut low };
        *half = *half << 4 | u64::from(nibble);
    }
    (wrong == 0).then_some(u128::from(high) << 64 | u128::from(low))
}

fn write_uuid(out: &mut Vec<u8>, key: u128) {
    for (at, byte) in key.to_be_bytes().into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(hex(byte >> 4));
        out.push(hex(byte & 15));
    }
}

const fn hex(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}

#[cfg(test)]
mod tests {
    use super::{EventId, event_id_key};

    #[test]
    fn ids_are_written_as_they_were_read() {
        for text in [
            "0192f3c1-0000-7abc-8def-0123456789ab",
            "0192F3C1-0000-7ABC-8DEF-0123456789AB",
            "0192f3c1-0000-7abc-8def-0123456789ag",
            "g192f3c1-0000-7abc-8def-0123456789ab",
            "0192f3c1-0000-7abc+8def-0123456789ab",
            "0192f3c1-0000-7abc-8def00123456789ab",
            "evt 1",
            "주문",
        ] {
            let id = EventId::new(text);
            let mut out = Vec::new();
            id.write(&mut out);
            assert_eq!(out, text.as_bytes());
            assert_eq!(id.key(), event_id_key(text));
        }
        assert!(
            EventId::new("0192f3c1-0000-7abc-8def-0123456789ab")
                .text()
                .is_none()
        );
    }
}
