//! The buckets of histograms over all time.
//!
//! The value of a histogram is the sum of its samples, and how often which bucket, by the name of its bound: a kind of value that there was
//! before, merged exactly. A later program that has other bounds finds for each old one its place between its own.

use super::frequent::ShortName;
use super::value::{AggregateValue, Thing};

/// The bucket of what is above all bounds.
const ABOVE: &str = "+Inf";

/// The upper bounds of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// The greatest sample of each bucket, rising, and its name: the same in the unit of the metric.
    pub bounds: &'static [(i64, &'static str)],
    /// So many samples make one of the metric's unit: 1,000 where milliseconds are told as seconds.
    pub unit: i64,
}

/// Declares buckets by their bounds in the unit of the metric.
macro_rules! buckets {
    ($unit:literal: $($bound:literal),+) => {
        Buckets { bounds: &[$(($bound * $unit, stringify!($bound))),+], unit: $unit }
    };
}

pub(crate) use buckets;

/// A histogram as it is exposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many samples there are up to each bound.
    pub cumulative: Vec<u64>,
    /// How many samples there are.
    pub count: u64,
    /// Their sum.
    pub sum: i64,
}

impl Buckets {
    /// The place of a sample's bucket; that of what is above all bounds is behind the last.
    #[must_use]
    pub fn place(self, sample: i64) -> usize {
        self.bounds.partition_point(|(bound, _)| *bound < sample)
    }

    /// The buckets' names, the last of what is above all bounds.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let names = self.bounds.iter().map(|(_, name)| *name);
        names.chain([ABOVE])
    }

    /// What a sample adds besides its sum.
    pub(super) fn thing(self, sample: i64) -> Thing {
        let bound = self.bounds.get(self.place(sample));
        let name = bound.map_or(ABOVE, |(_, name)| *name);
        ShortName::new(name).map_or(Thing::None, Thing::Name)
    }

    /// The histogram that a value is.
    ///
    /// ```
    /// use jumun::domain::aggregates::{BusinessCounter, DeltaBuffer};
    ///
    /// let mut deltas = DeltaBuffer::default();
    /// deltas.sample(BusinessCounter::LeadRide, 1_200_000);
    /// let buckets = BusinessCounter::LeadRide.buckets();
    /// let ride = deltas.iter().zip(buckets).map(|(delta, buckets)| buckets.read(delta.value)).next();
    /// assert!(ride.is_some_and(|ride| ride.count == 1 && ride.sum == 1_200_000));
    /// ```
    #[must_use]
    pub fn read(self, value: &AggregateValue) -> Histogram {
        let mut histogram = Histogram {
            cumulative: vec![0; self.bounds.len()],
            count: 0,
            sum: value.sum(0),
        };
        let mut add = |name: &str, count: u64| {
            histogram.count = histogram.count.saturating_add(count);
            let Ok(bound) = name.parse::<i64>() else {
                return;
            };
            let place = self.place(bound.saturating_mul(self.unit));
            for number in histogram.cumulative.iter_mut().skip(place) {
                *number = number.saturating_add(count);
            }
        };
        match value.thing() {
            Thing::Name(name) => add(name.as_str(), 1),
            Thing::Names(names) => names.names().for_each(|(name, count)| add(name, count)),
            _ => {}
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: Buckets = buckets!(1_000: -300, 0, 60, 120);

    fn of(samples: &[i64]) -> AggregateValue {
        let mut sum = AggregateValue::default();
        for sample in samples {
            sum.merge(&AggregateValue::of([*sample]).with(BUCKETS.thing(*sample)));
        }
        sum
    }

    #[test]
    fn a_sample_on_a_bound_is_within_it() {
        let read = BUCKETS.read(&of(&[
            -300_000, -299_999, 0, 60_000, 60_001, 120_000, 120_001,
        ]));
        assert_eq!(read.cumulative, [1, 3, 4, 6]);
        assert_eq!((read.count, read.sum), (7, -239_997));
        assert_eq!(BUCKETS.read(&of(&[60_000])).cumulative, [0, 0, 1, 1]);
        assert_eq!(
            BUCKETS.read(&AggregateValue::default()).cumulative,
            [0, 0, 0, 0]
        );
    }

    #[test]
    fn samples_are_read_from_what_was_stored_also_with_other_bounds() {
        let mut bytes = Vec::new();
        of(&[-1, 60_000, 60_001, 90_000, 500_000]).encode(&mut bytes);
        let mut stored = AggregateValue::default();
        stored.decode(&bytes).unwrap();
        assert_eq!(BUCKETS.read(&stored).cumulative, [0, 1, 2, 4]);
        // What was up to 60 s is within 90, what was up to 120 s may not be.
        let others = buckets!(1_000: 30, 90, 180);
        let read = others.read(&stored);
        assert_eq!((read.cumulative, read.count), (vec![1, 2, 4], 5));
    }
}
