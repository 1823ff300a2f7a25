//! Latencies as an HDR histogram: microseconds up to an hour, three significant digits.

use hdrhistogram::Histogram;

use crate::error::{Error, Result};

/// Whatever takes longer counts as this.
const LONGEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 3;
/// What is told of a distribution, and drawn.
pub(super) const QUANTILES: [f64; 12] = [
    0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0,
];

/// Latencies that were recorded.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        histogram
            .map(Self)
            .map_err(|error| Error::failed(format!("a histogram of latencies: {error}")))
    }

    /// Records a latency in microseconds.
    pub(super) fn record(&mut self, us: u64) {
        self.0.saturating_record(us.clamp(1, LONGEST_US));
    }

    pub(super) fn clear(&mut self) {
        self.0.reset();
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len()
    }

    /// In milliseconds.
    pub(super) fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    /// Milliseconds at each of [`QUANTILES`].
    pub(super) fn distribution(&self) -> Vec<(f64, f64)> {
        QUANTILES
            .iter()
            .map(|quantile| (*quantile, self.at(*quantile)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_told_to_three_digits() -> Result<()> {
        let mut latencies = Latencies::new()?;
        for us in 1..=100_000 {
            latencies.record(us);
        }
        assert_eq!(latencies.len(), 100_000);
        for (quantile, expected) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            let told = latencies.at(quantile);
            assert!((told / expected - 1.0).abs() < 2e-3, "{quantile}: {told}");
        }
        let distribution = latencies.distribution();
        assert!(distribution.is_sorted_by(|one, other| one.1 <= other.1));
        Ok(())
    }

    #[test]
    fn nothing_is_too_long_or_too_short_to_be_counted() -> Result<()> {
        let mut latencies = Latencies::new()?;
        latencies.record(0);
        latencies.record(u64::MAX);
        assert_eq!(latencies.len(), 2);
        assert!(latencies.at(1.0) >= 3_600_000.0 * 0.999, "{latencies:?}");
        latencies.clear();
        assert_eq!(latencies.len(), 0);
        Ok(())
    }
}
