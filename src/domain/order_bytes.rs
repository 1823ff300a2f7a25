//! The primitives of the stored record: bytes, varints, times and texts, written and read.

use super::action::Action;
use super::event_id::EventId;
use super::order::{Cursor, Fact};
use super::order_codec::OrderCodecError::{self, Impossible, Truncated};

pub(super) const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Appends the parts of a record.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) base: i64,
}

impl Writer<'_> {
    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            let [low, ..] = number.to_le_bytes();
            self.byte(low | 0x80);
            number >>= 7;
        }
        let [low, ..] = number.to_le_bytes();
        self.byte(low);
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number(zigzag(number));
    }

    pub(super) fn time(&mut self, at: i64) {
        self.signed(at.wrapping_sub(self.base));
    }

    pub(super) fn wide(&mut self, number: u128) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Most cursors have nothing that was judged and not applied, so the second number is mostly one byte.
    pub(super) fn cursor(&mut self, cursor: Cursor) {
        self.number(cursor.last);
        self.number(cursor.last.wrapping_sub(cursor.applied));
    }

    pub(super) fn fact(&mut self, fact: &Fact) {
        self.wide(fact.id.key());
        self.text(fact.id.text().unwrap_or(""));
        self.byte(fact.action.code());
        self.number(fact.version.unwrap_or(0));
        self.time(fact.occurred_at);
    }
}

/// Reads the parts of a record.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) base: i64,
}

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self, name: &'static str) -> Result<u8, OrderCodecError> {
        let (&byte, rest) = self.bytes.split_first().ok_or(Truncated(name))?;
        self.bytes = rest;
        Ok(byte)
    }

    pub(super) fn number(&mut self, name: &'static str) -> Result<u64, OrderCodecError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(name)?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            if placed >> shift != bits || (byte == 0 && shift > 0) {
                return Err(Impossible(name));
            }
            number |= placed;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Impossible(name))
    }

    pub(super) fn small(&mut self, name: &'static str) -> Result<u32, OrderCodecError> {
        u32::try_from(self.number(name)?).map_err(|_| Impossible(name))
    }

    pub(super) fn signed(&mut self, name: &'static str) -> Result<i64, OrderCodecError> {
        self.number(name).map(unzigzag)
    }

    pub(super) fn time(&mut self) -> Result<i64, OrderCodecError> {
        Ok(self.signed("time")?.wrapping_add(self.base))
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        name: &'static str,
    ) -> Result<[u8; N], OrderCodecError> {
        let (array, rest) = self.bytes.split_first_chunk::<N>().ok_or(Truncated(name))?;
        self.bytes = rest;
        Ok(*array)
    }

    pub(super) fn wide(&mut self, name: &'static str) -> Result<u128, OrderCodecError> {
        self.array(name).map(u128::from_le_bytes)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<&'a str, OrderCodecError> {
        let len = usize::try_from(self.number(name)?).map_err(|_| Truncated(name))?;
        let (text, rest) = self.bytes.split_at_checked(len).ok_or(Truncated(name))?;
        self.bytes = rest;
        std::str::from_utf8(text).map_err(|_| Impossible(name))
    }

    pub(super) fn set<T: Copy>(
        &mut self,
        name: &'static str,
        from_bits: fn(u64) -> T,
        bits: fn(T) -> u64,
    ) -> Result<T, OrderCodecError> {
        let number = self.number(name)?;
        let set = from_bits(number);
        if bits(set) == number {
            Ok(set)
        } else {
            Err(Impossible(name))
        }
    }

    pub(super) fn cursor(&mut self) -> Result<Cursor, OrderCodecError> {
        let last = self.number("version")?;
        Ok(Cursor {
            last,
            applied: last.wrapping_sub(self.number("version")?),
        })
    }

    pub(super) fn fact(&mut self) -> Result<Fact, OrderCodecError> {
        let key = self.wide("id of a fact")?;
        let text = self.text("id of a fact")?;
        if !text.is_empty() && EventId::new(text).key() != key {
            return Err(Impossible("id of a fact"));
        }
        let action = Action::from_code(self.byte("action of a fact")?)
            .ok_or(Impossible("action of a fact"))?;
        let version = self.number("version of a fact")?;
        Ok(Fact {
            id: EventId::from_parts(key, text),
            action,
            version: (version > 0).then_some(version),
            occurred_at: self.time()?,
        })
    }
}
