//! The value of an aggregate: sums by their place, and one thing that is no sum.
//!
//! ```text
//! a value that is its first sum alone   that number (zigzag LEB128), as it was when there were only counts
//! any other                             80 00, which no number begins with
//!                                       bits 0 to 3: which sums are not 0
//!                                       bits 4 to 7: 1 sketch, 2 distinct things, 4 names, 3 since when, 5 marks of orders
//!                                       these sums (zigzag LEB128), then the thing
//! ```
//!
//! Kinds are only ever appended. Merging is adding up, bin by bin and sum by sum, so that the order of parts does not show.

use super::distinct::Distinct;
use super::duplicates::{Mark, Marks};
use super::frequent::{Frequent, ShortName};
use super::since::Since;
use super::sketch::Sketch;
use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

/// No aggregate has more sums.
pub const MAX_SUMS: usize = 4;
const MARK: [u8; 2] = [0x80, 0];
const SKETCH: u8 = 1 << 4;
const DISTINCT: u8 = 1 << 5;
const NAMES: u8 = 1 << 6;
const SINCE: u8 = 3 << 4;
const MARKS: u8 = 5 << 4;

/// What a value has besides sums. One of its kind is kept without memory of its own: most parts of a commit have no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Thing {
    /// Nothing.
    #[default]
    None,
    /// One sample.
    Sample(i64),
    /// Samples.
    Sketch(Box<Sketch>),
    /// One rider with one delivery, by their hashes.
    Pair(u64, u64),
    /// Different riders, and different deliveries.
    Pairs(Box<[Distinct; 2]>),
    /// One store once.
    Name(ShortName),
    /// How often which store.
    Names(Box<Frequent>),
    /// So many that began in this minute since 1970, or are over.
    Began(i64, i64),
    /// How many that are not over began when.
    Since(Box<Since>),
    /// That an order was created, or ended.
    Mark(Mark),
    /// The same of several.
    Marks(Box<Marks>),
}

impl Thing {
    fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::None) => {}
            (Self::None, other) => self.clone_from(other),
            (Self::Sample(known), Self::Sample(sample)) => {
                let mut sketch = Sketch::of(*known);
                sketch.add(*sample);
                *self = Self::Sketch(Box::new(sketch));
            }
            (Self::Sample(known), Self::Sketch(sketch)) => {
                let known = *known;
                let mut sketch = sketch.clone();
                sketch.add(known);
                *self = Self::Sketch(sketch);
            }
            (Self::Sketch(sketch), Self::Sample(sample)) => sketch.add(*sample),
            (Self::Sketch(sketch), Self::Sketch(other)) => sketch.merge(other),
            (Self::Pair(rider, delivery), other @ (Self::Pair(..) | Self::Pairs(_))) => {
                let mut pairs = Box::<[Distinct; 2]>::default();
                add_pair(&mut pairs, *rider, *delivery);
                *self = Self::Pairs(pairs);
                self.merge(other);
            }
            (Self::Pairs(pairs), Self::Pair(rider, delivery)) => {
                add_pair(pairs, *rider, *delivery);
            }
            (Self::Pairs(pairs), Self::Pairs(others)) => {
                for (things, others) in pairs.iter_mut().zip(others.iter()) {
                    things.merge(others);
                }
            }
            (Self::Name(name), other @ (Self::Name(_) | Self::Names(_))) => {
                *self = Self::Names(Box::new(Frequent::of(name.as_str())));
                self.merge(other);
            }
            (Self::Names(names), Self::Name(name)) => names.add(name.as_str(), 1),
            (Self::Names(names), Self::Names(others)) => names.merge(others),
            (Self::Began(minute, number), other @ (Self::Began(..) | Self::Since(_))) => {
                let mut since = Since::default();
                since.add(*minute, *number);
                *self = Self::Since(Box::new(since));
                self.merge(other);
            }
            (Self::Since(since), Self::Began(minute, number)) => since.add(*minute, *number),
            (Self::Since(since), Self::Since(others)) => since.merge(others),
            (Self::Mark(mark), other @ (Self::Mark(_) | Self::Marks(_))) => {
                let mut marks = Marks::default();
                marks.add(*mark);
                *self = Self::Marks(Box::new(marks));
                self.merge(other);
            }
            (Self::Marks(marks), Self::Mark(mark)) => marks.add(*mark),
            (Self::Marks(marks), Self::Marks(others)) => marks.merge(others),
            // A group has values of one kind.
            _ => {}
        }
        if matches!(self, Self::Since(since) if since.is_empty()) {
            *self = Self::None;
        }
    }
}

fn add_pair(pairs: &mut [Distinct; 2], rider: u64, delivery: u64) {
    for (things, member) in pairs.iter_mut().zip([rider, delivery]) {
        things.add(member);
    }
}

/// A partial or whole value of an aggregate.
///
/// ```
/// use jumun::domain::aggregates::{AggregateValue, Thing};
///
/// let mut value = AggregateValue::of([1, 20_000]);
/// value.merge(&AggregateValue::of([1, 15_000]));
/// assert_eq!(value.sum(1), 35_000);
///
/// let (mut bytes, mut read) = (Vec::new(), AggregateValue::default());
/// value.encode(&mut bytes);
/// read.decode(&bytes)?;
/// assert_eq!(read, value);
/// # Ok::<(), jumun::domain::order_codec::OrderCodecError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AggregateValue {
    sums: [i64; MAX_SUMS],
    thing: Thing,
}

impl AggregateValue {
    /// A count.
    #[must_use]
    pub fn count(number: i64) -> Self {
        Self::of([number])
    }

    /// The first sums; further ones are 0.
    #[must_use]
    pub fn of<const N: usize>(first: [i64; N]) -> Self {
        let mut value = Self::default();
        for (sum, number) in value.sums.iter_mut().zip(first) {
            *sum = number;
        }
        value
    }

    /// The same sums and this.
    #[must_use]
    pub fn with(self, thing: Thing) -> Self {
        Self { thing, ..self }
    }

    /// The sum in this place.
    #[must_use]
    pub fn sum(&self, place: usize) -> i64 {
        self.sums.get(place).copied().unwrap_or(0)
    }

    /// What it has besides sums.
    #[must_use]
    pub fn thing(&self) -> &Thing {
        &self.thing
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.saturating_add(more);
        }
        self.thing.merge(&other.thing);
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [first, rest @ ..] = self.sums;
        if self.thing == Thing::None && rest == [0; MAX_SUMS - 1] {
            Writer { out, base: 0 }.signed(first);
            return;
        }
        out.extend_from_slice(&MARK);
        let sums = self.sums.iter().enumerate();
        let bits = sums.fold(0, |bits, (place, sum)| bits | u8::from(*sum != 0) << place);
        out.push(
            bits | match self.thing {
                Thing::None => 0,
                Thing::Sample(_) | Thing::Sketch(_) => SKETCH,
                Thing::Pair(..) | Thing::Pairs(_) => DISTINCT,
                Thing::Name(_) | Thing::Names(_) => NAMES,
                Thing::Began(..) | Thing::Since(_) => SINCE,
                Thing::Mark(_) | Thing::Marks(_) => MARKS,
            },
        );
        let mut writer = Writer { out, base: 0 };
        for sum in self.sums.iter().filter(|sum| **sum != 0) {
            writer.signed(*sum);
        }
        match &self.thing {
            Thing::None => {}
            Thing::Sample(sample) => Sketch::of(*sample).encode(out),
            Thing::Sketch(sketch) => sketch.encode(out),
            Thing::Pair(rider, delivery) => {
                for member in [*rider, *delivery] {
                    let mut things = Distinct::default();
                    things.add(member);
                    things.encode(out);
                }
            }
            Thing::Pairs(pairs) => pairs.iter().for_each(|things| things.encode(out)),
            Thing::Name(name) => Frequent::of(name.as_str()).encode(out),
            Thing::Names(names) => names.encode(out),
            Thing::Began(minute, number) => {
                let mut since = Since::default();
                since.add(*minute, *number);
                since.encode(out);
            }
            Thing::Since(since) => since.encode(out),
            Thing::Mark(mark) => {
                let mut marks = Marks::default();
                marks.add(*mark);
                marks.encode(out);
            }
            Thing::Marks(marks) => marks.encode(out),
        }
    }

    /// Reads its bytes, in place of what was in it.
    ///
    /// # Errors
    /// Bytes that [`AggregateValue::encode`] cannot have written.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(), OrderCodecError> {
        self.sums = [0; MAX_SUMS];
        self.thing = Thing::None;
        let mut reader = Reader { bytes, base: 0 };
        match bytes.strip_prefix(&MARK) {
            None => {
                if let Some(first) = self.sums.first_mut() {
                    *first = reader.signed("count")?;
                }
            }
            Some(rest) => {
                reader.bytes = rest;
                let bits = reader.byte("kind of value")?;
                for (place, sum) in self.sums.iter_mut().enumerate() {
                    if bits & 1 << place != 0 {
                        *sum = reader.signed("sum")?;
                    }
                }
                self.thing = match bits >> MAX_SUMS << MAX_SUMS {
                    0 => Thing::None,
                    SKETCH => match Sketch::decode(&mut reader)? {
                        sketch if sketch.count() == 1 => Thing::Sample(sketch.min()),
                        sketch => Thing::Sketch(Box::new(sketch)),
                    },
                    DISTINCT => Thing::Pairs(Box::new([
                        Distinct::decode(&mut reader)?,
                        Distinct::decode(&mut reader)?,
                    ])),
                    NAMES => Thing::Names(Box::new(Frequent::decode(&mut reader)?)),
                    SINCE => Thing::Since(Box::new(Since::decode(&mut reader)?)),
                    MARKS => Thing::Marks(Box::new(Marks::decode(&mut reader)?)),
                    _ => return Err(OrderCodecError::Impossible("kind of value")),
                };
            }
        }
        match reader.bytes.len() {
            0 => Ok(()),
            bytes => Err(OrderCodecError::Trailing(bytes)),
        }
    }
}
