//! A sketch of quantiles: how many samples fell into which bin, where any two samples of a bin are nearly the same.
//!
//! It is DDSketch (Masson, Rim, Lee: *DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
//! Guarantees*, VLDB 2019) on whole numbers. A bin is as wide as its representative is within [`ACCURACY_PERCENT`] of
//! each sample in it; its bounds follow by whole arithmetic, so that they are the same on every machine. Bins are
//! counts, so sketches that are merged in any order are equal to the last bit. Bins of negative samples have negative
//! numbers.

use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

/// So many percent of a sample its representative is off at most (α of the paper).
pub const ACCURACY_PERCENT: i64 = 1;

/// The next bin's last sample, where it begins with `from`: its representative is `from` and one percent.
const fn last_of(from: i64) -> i64 {
    let middle = from as i128 * (100 + ACCURACY_PERCENT as i128) / 100;
    let last = middle * 100 / (100 - ACCURACY_PERCENT as i128);
    if last > i64::MAX as i128 {
        i64::MAX
    } else {
        last as i64
    }
}

const BINS: usize = {
    let (mut bins, mut last) = (0, 0);
    while last < i64::MAX {
        last = last_of(last + 1);
        bins += 1;
    }
    bins
};

/// The last sample of each bin; the first bin is number 1 and begins with 1.
#[allow(clippy::indexing_slicing, reason = "made by the compiler, which looks")]
static LAST: [i64; BINS] = {
    let mut table = [0; BINS];
    let (mut bin, mut last) = (0, 0);
    while bin < BINS {
        last = last_of(last + 1);
        table[bin] = last;
        bin += 1;
    }
    table
};

/// The number of a sample's bin.
fn bin_of(sample: i64) -> i16 {
    // The table has far fewer bins than an i16 has numbers; the smallest number has no positive counterpart.
    let size = sample.checked_abs().unwrap_or(i64::MAX);
    let number = match size {
        0 => 0,
        size => LAST.partition_point(|last| *last < size) as i16 + 1,
    };
    if sample < 0 { -number } else { number }
}

/// What stands for the samples of a bin.
fn representative(bin: i16) -> i64 {
    let before = |number: usize| LAST.get(number).copied().unwrap_or(0);
    let size = match usize::from(bin.unsigned_abs()) {
        0 => return 0,
        1 => 1,
        number => {
            let first = before(number - 2).saturating_add(1);
            first.saturating_add(
                first / 100 * ACCURACY_PERCENT + first % 100 * ACCURACY_PERCENT / 100,
            )
        }
    };
    if bin < 0 { -size } else { size }
}

/// Samples, each known to one percent; the least and the greatest exactly.
///
/// ```
/// use jumun::domain::aggregates::Sketch;
///
/// let mut sketch = Sketch::of(90_000);
/// for seconds in 91..=190 {
///     sketch.add(seconds * 1_000);
/// }
/// assert_eq!((sketch.count(), sketch.min(), sketch.max()), (101, 90_000, 190_000));
/// let median = sketch.quantile(50);
/// assert!((median - 140_000).abs() <= 1_400, "{median}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// Number and count of bins that have samples, by their number.
    bins: Vec<(i16, u64)>,
    min: i64,
    max: i64,
}

impl Sketch {
    /// Of one sample.
    #[must_use]
    pub fn of(sample: i64) -> Self {
        Self {
            bins: vec![(bin_of(sample), 1)],
            min: sample,
            max: sample,
        }
    }

    /// Adds a sample.
    pub fn add(&mut self, sample: i64) {
        self.count_in(bin_of(sample), 1);
        self.min = self.min.min(sample);
        self.max = self.max.max(sample);
    }

    /// Adds the samples of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (bin, count) in &other.bins {
            self.count_in(*bin, *count);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn count_in(&mut self, bin: i16, count: u64) {
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(place) => {
                if let Some((_, known)) = self.bins.get_mut(place) {
                    *known = known.saturating_add(count);
                }
            }
            Err(place) => self.bins.insert(place, (bin, count)),
        }
    }

    /// How many samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins
            .iter()
            .fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// The least sample.
    #[must_use]
    pub fn min(&self) -> i64 {
        self.min
    }

    /// The greatest sample.
    #[must_use]
    pub fn max(&self) -> i64 {
        self.max
    }

    /// The sample before which so many percent of the others stand, to one percent of itself: of n samples in their order
    /// that with the index ⌊percent · (n − 1) / 100⌋.
    #[must_use]
    pub fn quantile(&self, percent: u32) -> i64 {
        let others = u128::from(self.count().saturating_sub(1));
        let index = others * u128::from(percent) / 100;
        let mut seen = 0;
        for (bin, count) in &self.bins {
            seen += u128::from(*count);
            if seen > index {
                return representative(*bin).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// What stands for its samples, and how many of them, by their size.
    pub fn samples(&self) -> impl Iterator<Item = (i64, u64)> {
        let sample =
            |(bin, count): &(i16, u64)| (representative(*bin).clamp(self.min, self.max), *count);
        self.bins.iter().map(sample)
    }

    /// Appends its bytes: number of bins, least sample, greatest less least, then of each bin its number, less that of
    /// the one before, and its count.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.number(self.bins.len() as u64);
        writer.signed(self.min);
        writer.signed(self.max.wrapping_sub(self.min));
        let mut before = 0;
        for (bin, count) in &self.bins {
            writer.signed(i64::from(*bin) - before);
            writer.number(*count);
            before = i64::from(*bin);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, OrderCodecError> {
        const IMPOSSIBLE: OrderCodecError = OrderCodecError::Impossible("sketch");
        let bins = reader.number("bins")?;
        let min = reader.signed("least sample")?;
        let max = min.wrapping_add(reader.signed("greatest sample")?);
        let mut sketch = Self {
            bins: Vec::with_capacity(usize::try_from(bins.min(2 * BINS as u64)).unwrap_or(0)),
            min,
            max,
        };
        let mut before = 0;
        for _ in 0..bins {
            before = reader.signed("bin")?.wrapping_add(before);
            let bin = i16::try_from(before).map_err(|_| IMPOSSIBLE)?;
            let is_next = sketch.bins.last().is_none_or(|(last, _)| *last < bin);
            if !is_next || usize::from(bin.unsigned_abs()) > BINS {
                return Err(IMPOSSIBLE);
            }
            sketch.bins.push((bin, reader.number("count")?));
        }
        match sketch.bins.is_empty() {
            true => Err(IMPOSSIBLE),
            false => Ok(sketch),
        }
    }
}
