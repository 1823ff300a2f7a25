//! What is usual at a minute of the week: an exponentially weighted mean over the same minute, and the two before and behind
//! it, of the last four weeks; without these the mean of the last half hour.

use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError::{self, Impossible, Trailing};

/// A minute, in milliseconds.
pub const MINUTE_MS: i64 = 60_000;
/// So many weeks are remembered.
pub const PAST_WEEKS: usize = 4;
/// So many minutes stand in where there is no history.
pub const SEED_MINUTES: i64 = 30;
/// Fewer say nothing.
const LEAST_SEED_MINUTES: i64 = 10;
/// The weight of the last week among all.
const ALPHA: f64 = 0.3;
const WEEK_MS: i64 = 7 * 1_440 * MINUTE_MS;
const FORMAT: u8 = 1;

/// The week of a moment, counted from 1970; weeks begin on Thursdays, in UTC.
#[must_use]
pub const fn week(at: i64) -> i64 {
    at.div_euclid(WEEK_MS)
}

/// The minute of the week of a moment.
#[must_use]
pub fn minute_of_week(at: i64) -> u16 {
    u16::try_from(at.rem_euclid(WEEK_MS) / MINUTE_MS).unwrap_or(0)
}

/// What was counted in one minute of the week, in the last weeks; the newest first.
///
/// Bytes: the format, then week (zigzag) and count (zigzag) of each, LEB128.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past(Vec<(i64, i64)>);

impl Past {
    /// Remembers what was counted in a week.
    pub fn remember(&mut self, week: i64, count: i64) {
        self.0.retain(|(known, _)| *known != week);
        self.0.push((week, count));
        self.0.sort_by_key(|(week, _)| std::cmp::Reverse(*week));
        self.0.truncate(PAST_WEEKS);
    }

    /// What was counted in a week.
    #[must_use]
    pub fn of(&self, week: i64) -> Option<i64> {
        let found = self.0.iter().find(|(known, _)| *known == week);
        found.map(|(_, count)| *count)
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.byte(FORMAT);
        for (week, count) in &self.0 {
            writer.signed(*week);
            writer.signed(*count);
        }
    }

    /// Reads its bytes, in place of what was in it.
    ///
    /// # Errors
    /// Bytes that [`Past::encode`] cannot have written.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(), OrderCodecError> {
        self.0.clear();
        let mut reader = Reader { bytes, base: 0 };
        if reader.byte("format of past counts")? != FORMAT {
            return Err(Impossible("format of past counts"));
        }
        while !reader.bytes.is_empty() {
            if self.0.len() >= PAST_WEEKS {
                return Err(Trailing(reader.bytes.len()));
            }
            self.0
                .push((reader.signed("week")?, reader.signed("count")?));
        }
        Ok(())
    }

    /// The usual count in a week that follows, from this minute and its neighbours; none without any history.
    #[must_use]
    pub fn usual(neighbours: &[Self], this_week: i64) -> Option<f64> {
        let (mut sum, mut weights, mut weight) = (0.0, 0.0, ALPHA);
        for ago in 1..=PAST_WEEKS as i64 {
            let known = neighbours.iter().filter_map(|it| it.of(this_week - ago));
            let (n, total) = known.fold((0, 0), |(n, total), count| (n + 1, total + count));
            if n > 0 {
                sum += weight * total as f64 / f64::from(n);
                weights += weight;
            }
            weight *= 1.0 - ALPHA;
        }
        (weights > 0.0).then(|| sum / weights)
    }
}

/// The mean of the last minutes, of which `known` are known at all and usual; none if these are too few to say something.
#[must_use]
pub fn from_seed(total: i64, known: i64) -> Option<f64> {
    (known >= LEAST_SEED_MINUTES).then(|| total as f64 / known.min(SEED_MINUTES) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(counts: &[(i64, i64)]) -> Past {
        let mut past = Past::default();
        for (week, count) in counts {
            past.remember(*week, *count);
        }
        past
    }

    #[test]
    fn the_last_week_counts_most_and_the_fifth_not_at_all() {
        let one = past(&[(6, 1_000), (7, 100), (8, 100), (9, 100), (10, 200)]);
        let usual = Past::usual(&[one], 11).unwrap();
        let weights = [0.3, 0.21, 0.147, 0.1029];
        let sum: f64 = weights.iter().sum();
        assert!(
            (usual - (100.0 + 100.0 * 0.3 / sum)).abs() < 1e-9,
            "{usual}"
        );
    }

    #[test]
    fn neighbours_are_averaged_and_missing_weeks_left_out() {
        let minutes = [past(&[(9, 10)]), past(&[(9, 30)]), past(&[])];
        assert_eq!(Past::usual(&minutes, 11), Some(20.0));
        assert_eq!(Past::usual(&[past(&[])], 11), None);
        assert_eq!(Past::usual(&[past(&[(11, 5)])], 11), None, "not of itself");
    }

    #[test]
    fn few_minutes_say_nothing() {
        assert_eq!(from_seed(90, 9), None);
        assert_eq!(from_seed(100, 10), Some(10.0));
        assert_eq!(from_seed(90, 500), Some(3.0));
    }

    #[test]
    fn bytes_are_read_again() {
        let (mut bytes, mut read) = (Vec::new(), Past::default());
        let past = past(&[(2_900, 7), (2_901, 0)]);
        past.encode(&mut bytes);
        read.decode(&bytes).unwrap();
        assert_eq!(read, past);
        bytes[0] = 2;
        assert!(read.decode(&bytes).is_err());
    }
}
