use std::time::Duration;

use crate::time::milliseconds;

/// Windows of a fixed size, aligned to the epoch, as Kafka Streams' class of the same name: tumbling,
/// or hopping when they advance by less than their size.
///
/// ```
/// use std::time::Duration;
/// use topology::window::TimeWindows;
///
/// let minutes = TimeWindows::of_size(Duration::from_secs(60)).grace(Duration::from_secs(120));
/// assert_eq!(minutes.starts_of(125_000).collect::<Vec<_>>(), [120_000]);
///
/// let hopping = TimeWindows::of_size(Duration::from_secs(60)).advance_by(Duration::from_secs(20));
/// assert_eq!(hopping.starts_of(125_000).collect::<Vec<_>>(), [120_000, 100_000, 80_000]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindows {
    pub(crate) size_ms: i64,
    pub(crate) advance_ms: i64,
    pub(crate) grace_ms: i64,
}

impl TimeWindows {
    /// Tumbling windows of this size (at least a millisecond), without grace.
    #[must_use]
    pub fn of_size(size: Duration) -> Self {
        let size_ms = milliseconds(size).max(1);
        Self {
            size_ms,
            advance_ms: size_ms,
            grace_ms: 0,
        }
    }

    /// A window begins every so often: at least a millisecond, at most the size.
    #[must_use]
    pub fn advance_by(mut self, advance: Duration) -> Self {
        self.advance_ms = milliseconds(advance).clamp(1, self.size_ms);
        self
    }

    /// How long after its end a window waits for records that come late.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace_ms = milliseconds(grace);
        self
    }

    /// The beginnings of the windows that a moment lies in, the latest first; epoch milliseconds.
    pub fn starts_of(&self, timestamp: i64) -> impl Iterator<Item = i64> + use<> {
        let (size, advance) = (self.size_ms, self.advance_ms);
        let last = timestamp.div_euclid(advance).saturating_mul(advance);
        let starts = std::iter::successors(Some(last), move |start| start.checked_sub(advance));
        starts.take_while(move |start| timestamp.saturating_sub(*start) < size)
    }

    /// The end of the window that begins at `start`, itself not in it.
    #[must_use]
    pub fn end_of(&self, start: i64) -> i64 {
        start.saturating_add(self.size_ms)
    }

    /// All windows that begin before this are closed once the watermark is at `watermark`.
    pub(crate) fn closed_before(&self, watermark: i64) -> i64 {
        let last_start = watermark
            .saturating_sub(self.grace_ms)
            .saturating_sub(self.size_ms);
        // The window that begins at a multiple of `advance` not after `last_start` is the last closed.
        last_start
            .div_euclid(self.advance_ms)
            .saturating_add(1)
            .saturating_mul(self.advance_ms)
    }
}

/// A group in a window, as Kafka Streams' class of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Windowed<K> {
    /// The group.
    pub key: K,
    /// When the window begins, epoch milliseconds.
    pub start: i64,
    /// When it ends, itself not in it.
    pub end: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: TimeWindows = TimeWindows {
        size_ms: 60_000,
        advance_ms: 60_000,
        grace_ms: 120_000,
    };

    #[test]
    fn a_window_closes_when_the_watermark_reaches_its_end_and_the_grace() {
        for (watermark, closed_before) in [
            (0, -120_000),
            (179_999, 0),
            (180_000, 60_000),
            (239_999, 60_000),
            (240_000, 120_000),
            (-1, -180_000),
        ] {
            assert_eq!(
                MINUTES.closed_before(watermark),
                closed_before,
                "{watermark}"
            );
        }
    }

    #[test]
    fn moments_before_the_epoch_have_their_window() {
        assert_eq!(MINUTES.starts_of(-1).collect::<Vec<_>>(), [-60_000]);
        assert_eq!(MINUTES.starts_of(0).collect::<Vec<_>>(), [0]);
        assert_eq!(MINUTES.end_of(-60_000), 0);
    }

    #[test]
    fn extreme_moments_and_sizes_do_not_overflow() {
        for windows in [
            MINUTES,
            TimeWindows::of_size(Duration::MAX).grace(Duration::MAX),
        ] {
            for moment in [i64::MIN, i64::MAX] {
                let _ = windows.starts_of(moment).take(3).count();
                let _ = windows.closed_before(moment);
                let _ = windows.end_of(moment);
            }
        }
    }
}
