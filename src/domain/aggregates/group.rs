//! The stored key of a group: which aggregate or counter, and the values of its dims.
//!
//! ```text
//! code of the aggregate, or of the counter with the highest bit set
//! then each dim in its order:
//!   free text       length (LEB128), bytes in UTF-8
//!   closed list     0 where there is no value, else its code + 1
//! ```
//!
//! Codes are only ever appended, so a key says the same to every later program.

use thiserror::Error;

use super::aggregate::{BusinessAggregate, Shape};
use super::counter::BusinessCounter;
use super::deltas::DeltaKind;
use super::dim::{Dim, UNKNOWN};
use crate::domain::order_bytes::{Reader, Writer};

/// Set in the code of a counter.
const COUNTER: u8 = 0x80;
/// No aggregate has more dims.
const MAX_DIMS: usize = 5;

/// What a group belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// An aggregate told per window.
    Aggregate(BusinessAggregate),
    /// A counter over all time.
    Counter(BusinessCounter),
}

impl Counted {
    /// Everything that is counted.
    pub fn all() -> impl Iterator<Item = Self> {
        let aggregates = BusinessAggregate::ALL.iter().copied().map(Self::Aggregate);
        let counters = BusinessCounter::ALL.iter().copied().map(Self::Counter);
        aggregates.chain(counters)
    }

    /// The name of the aggregate or counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aggregate(aggregate) => aggregate.name(),
            Self::Counter(counter) => counter.name(),
        }
    }

    /// Its dims, in their order.
    #[must_use]
    pub const fn dims(self) -> &'static [Dim] {
        match self {
            Self::Aggregate(aggregate) => aggregate.dims(),
            Self::Counter(counter) => counter.dims(),
        }
    }

    /// Where its deltas count.
    #[must_use]
    pub const fn kind(self) -> DeltaKind {
        match self {
            Self::Aggregate(aggregate) => aggregate.kind(),
            Self::Counter(_) => DeltaKind::Total,
        }
    }

    /// How its value is told.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Aggregate(aggregate) => aggregate.shape(),
            Self::Counter(_) => Shape::Count,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Aggregate(aggregate) => aggregate.code(),
            Self::Counter(counter) => counter.code() | COUNTER,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code & COUNTER {
            0 => BusinessAggregate::from_code(code).map(Self::Aggregate),
            _ => BusinessCounter::from_code(code & !COUNTER).map(Self::Counter),
        }
    }
}

/// Why bytes are no key of a group.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum GroupError {
    /// There is not even a code.
    #[error("the key of a group is empty")]
    Empty,
    /// No aggregate has this code.
    #[error(
        "group of an aggregate with code {0}, which this program does not know; a later one wrote it: run that"
    )]
    UnknownAggregate(u8),
    /// A dim is cut off, no text, or of a value that this program does not know.
    #[error("group of {aggregate} without a legal {dim}")]
    Dim {
        /// Name of the aggregate or counter.
        aggregate: &'static str,
        /// Name of the dim.
        dim: &'static str,
    },
    /// The key goes on after its end.
    #[error("group of {aggregate} with {bytes} bytes too many")]
    Trailing {
        /// Name of the aggregate or counter.
        aggregate: &'static str,
        /// How many.
        bytes: usize,
    },
}

/// A group as read from its key.
///
/// ```
/// use jumun::domain::aggregates::{BusinessCounter, Counted, DeltaBuffer, Group};
///
/// let mut deltas = DeltaBuffer::default();
/// deltas.group(Counted::Counter(BusinessCounter::PaidBySido)).text("서울").add(1);
/// for delta in deltas.iter() {
///     let group = Group::parse(delta.group)?;
///     assert_eq!(group.counted.name(), "order_paid_total");
///     assert!(group.values().eq(["서울"]));
/// }
/// # Ok::<(), jumun::domain::aggregates::GroupError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// What it belongs to.
    pub counted: Counted,
    values: [&'a str; MAX_DIMS],
}

impl<'a> Group<'a> {
    /// Reads a key.
    ///
    /// # Errors
    /// When it is none, or of a later program.
    pub fn parse(key: &'a [u8]) -> Result<Self, GroupError> {
        let (&code, bytes) = key.split_first().ok_or(GroupError::Empty)?;
        let counted = Counted::from_code(code).ok_or(GroupError::UnknownAggregate(code))?;
        let mut reader = Reader { bytes, base: 0 };
        let mut values = [""; MAX_DIMS];
        for (value, dim) in values.iter_mut().zip(counted.dims()) {
            *value = read(&mut reader, *dim).ok_or(GroupError::Dim {
                aggregate: counted.name(),
                dim: dim.name(),
            })?;
        }
        match reader.bytes.len() {
            0 => Ok(Self { counted, values }),
            bytes => Err(GroupError::Trailing {
                aggregate: counted.name(),
                bytes,
            }),
        }
    }

    /// The value of each dim in their order; an absent one is empty.
    pub fn values(&self) -> impl Iterator<Item = &'a str> {
        self.values.into_iter().take(self.counted.dims().len())
    }

    /// The dims with their values, in their order; an absent value is empty.
    pub fn dims(&self) -> impl Iterator<Item = (Dim, &'a str)> {
        self.counted.dims().iter().copied().zip(self.values)
    }
}

fn read<'a>(reader: &mut Reader<'a>, dim: Dim) -> Option<&'a str> {
    if dim.is_text() {
        return reader.text(dim.name()).ok();
    }
    match reader.byte(dim.name()).ok()?.checked_sub(1) {
        None => Some(dim.missing()),
        Some(code) => dim.value(code),
    }
}

pub(super) fn write_code(out: &mut Vec<u8>, counted: Counted) {
    out.push(counted.code());
}

pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    let text = if text.is_empty() { UNKNOWN } else { text };
    Writer { out, base: 0 }.text(text);
}

pub(super) fn write_value(out: &mut Vec<u8>, code: Option<u8>) {
    out.push(code.map_or(0, |code| code.saturating_add(1)));
}
