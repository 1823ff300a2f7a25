//! Since when things last that are not over yet: how many by the minute in which they began.
//!
//! Counts are added up and taken off, so that parts merged in any order are equal to the last bit; of a minute whose count is
//! 0 nothing is kept. Minutes, because of those there are few however much lasts too long.

use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

const MINUTE_MS: i64 = 60_000;

/// How many began in which minute.
///
/// ```
/// use jumun::domain::aggregates::Since;
///
/// let mut since = Since::default();
/// since.add(Since::minute_of(119_999), 1);
/// since.add(Since::minute_of(300_000), 1);
/// assert_eq!(since.oldest(), Some(60_000));
/// since.add(Since::minute_of(60_000), -1);
/// assert_eq!(since.oldest(), Some(300_000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// Minutes since 1970 and how many began in them, by minute.
    counts: Vec<(i64, i64)>,
}

impl Since {
    /// The minute of a moment, epoch milliseconds.
    #[must_use]
    pub const fn minute_of(at: i64) -> i64 {
        at.div_euclid(MINUTE_MS)
    }

    /// Adds to those of a minute.
    pub fn add(&mut self, minute: i64, number: i64) {
        if number == 0 {
            return;
        }
        match self
            .counts
            .binary_search_by_key(&minute, |(minute, _)| *minute)
        {
            Err(place) => self.counts.insert(place, (minute, number)),
            Ok(place) => {
                let Some((_, known)) = self.counts.get_mut(place) else {
                    return;
                };
                *known = known.saturating_add(number);
                if *known == 0 {
                    self.counts.remove(place);
                }
            }
        }
    }

    /// Adds those of another.
    pub fn merge(&mut self, other: &Self) {
        for (minute, number) in &other.counts {
            self.add(*minute, *number);
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The beginning of the minute in which what has lasted longest began, epoch milliseconds.
    ///
    /// Where something was taken off before it was added, its minute does not count.
    #[must_use]
    pub fn oldest(&self) -> Option<i64> {
        let first = self.counts.iter().find(|(_, number)| *number > 0);
        first.map(|(minute, _)| minute.saturating_mul(MINUTE_MS))
    }

    /// The beginning of each minute, epoch milliseconds, with how many began in it.
    pub fn minutes(&self) -> impl Iterator<Item = (i64, i64)> {
        let start = |(minute, number): &(i64, i64)| (minute.saturating_mul(MINUTE_MS), *number);
        self.counts.iter().map(start)
    }

    /// Appends its bytes: number of minutes, then of each its number, less that of the one before, and its count.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.number(self.counts.len() as u64);
        let mut before = 0;
        for (minute, number) in &self.counts {
            writer.signed(minute.wrapping_sub(before));
            writer.signed(*number);
            before = *minute;
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, OrderCodecError> {
        const IMPOSSIBLE: OrderCodecError = OrderCodecError::Impossible("minutes");
        let minutes = reader.number("minutes")?;
        let mut since = Self::default();
        let mut before = 0_i64;
        for _ in 0..minutes {
            before = reader.signed("minute")?.wrapping_add(before);
            let number = reader.signed("count")?;
            let last = since.counts.last();
            if number == 0 || last.is_some_and(|(last, _)| *last >= before) {
                return Err(IMPOSSIBLE);
            }
            since.counts.push((before, number));
        }
        match since.is_empty() {
            true => Err(IMPOSSIBLE),
            false => Ok(since),
        }
    }
}
