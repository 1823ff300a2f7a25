//! When a record of a replay is due: open loop, so that a slow receiver does not slow the sender's
//! clock down.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How fast recorded time passes in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Speed {
    /// So many times as fast as it was; always positive and finite.
    Times(f64),
    /// As fast as records can be sent.
    #[default]
    Max,
}

/// A text that is not a speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("speed \"{0}\" is neither \"max\" nor a positive factor like \"60x\"")]
pub struct ParseSpeedError(String);

impl FromStr for Speed {
    type Err = ParseSpeedError;

    fn from_str(text: &str) -> Result<Self, ParseSpeedError> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        text.strip_suffix(['x', 'X'])
            .and_then(|factor| factor.parse::<f64>().ok())
            .filter(|factor| factor.is_finite() && *factor > 0.0)
            .map(Self::Times)
            .ok_or_else(|| ParseSpeedError(text.to_owned()))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(formatter, "{factor}x"),
            Self::Max => formatter.write_str("max"),
        }
    }
}

/// The schedule of a replay, a pure function of record time.
///
/// ```
/// use std::time::{Duration, Instant};
/// use jumun::replay::{Pace, Speed};
///
/// let start = Instant::now();
/// let pace = Pace::new(Speed::Times(60.0), 1_000_000, start);
/// assert_eq!(pace.due(1_060_000), Some(start + Duration::from_secs(1)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: Speed,
    first: u64,
    start: Instant,
}

impl Pace {
    /// A replay that sends the record of timestamp `first` (epoch ms) at `start`.
    pub const fn new(speed: Speed, first: u64, start: Instant) -> Self {
        Self {
            speed,
            first,
            start,
        }
    }

    /// When the record of a timestamp (epoch ms) is due; `None` if as soon as possible. A record
    /// that is older than the first is due at the start.
    pub fn due(&self, timestamp: u64) -> Option<Instant> {
        let Speed::Times(factor) = self.speed else {
            return None;
        };
        let seconds = timestamp.saturating_sub(self.first) as f64 / 1000.0 / factor;
        // Beyond what the clock can express nothing is ever due; a year will do.
        let wait = Duration::try_from_secs_f64(seconds)
            .unwrap_or(A_YEAR)
            .min(A_YEAR);
        self.start.checked_add(wait)
    }
}

const A_YEAR: Duration = Duration::from_secs(366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_and_shown_in_the_same_form() {
        for text in ["60x", "600x", "0.5x", "max"] {
            assert_eq!(text.parse::<Speed>().unwrap().to_string(), text);
        }
        for text in ["", "x", "60", "-1x", "0x", "infx", "NaNx", "fast"] {
            let error = text.parse::<Speed>().unwrap_err();
            assert!(error.to_string().contains("neither \"max\" nor"), "{text}");
        }
    }

    #[test]
    fn records_are_due_by_their_timestamps_alone() {
        let start = Instant::now();
        let pace = Pace::new(Speed::Times(600.0), 10_000, start);
        assert_eq!(pace.due(10_000), Some(start));
        assert_eq!(pace.due(610_000), Some(start + Duration::from_secs(1)));
        assert_eq!(pace.due(9_000), Some(start), "older than the first");
        assert_eq!(pace.due(610_000), Some(start + Duration::from_secs(1)));
    }

    #[test]
    fn at_full_speed_nothing_waits() {
        assert_eq!(Pace::new(Speed::Max, 0, Instant::now()).due(5), None);
    }
}
