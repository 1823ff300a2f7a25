//! Moments as people write them: a time, or how long ago.

use std::str::FromStr;

use thiserror::Error;

use super::sending::now_ms;
use crate::domain::time::parse_rfc3339;

/// A moment, epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) i64);

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{0}\" is neither a time with offset such as 2026-11-20T12:00:00+09:00 nor how long ago, such as 30m, 2h or 7d"
)]
pub(super) struct ParseMomentError(String);

impl FromStr for Moment {
    type Err = ParseMomentError;

    fn from_str(text: &str) -> Result<Self, ParseMomentError> {
        let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let ago = || duration_ms(text).map(|ago| now.saturating_sub(ago));
        parse_rfc3339(text)
            .or_else(ago)
            .map(Self)
            .ok_or_else(|| ParseMomentError(text.to_owned()))
    }
}

/// A whole number and its unit.
fn duration_ms(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let unit_ms = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    number
        .checked_mul(unit_ms)
        .filter(|duration| *duration >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_read() {
        assert_eq!(
            "2024-05-12T12:03:11.482+09:00".parse(),
            Ok(Moment(1_715_482_991_482))
        );
        assert_eq!(duration_ms("90s"), Some(90_000));
        assert_eq!(duration_ms("2h"), Some(7_200_000));
        assert_eq!(duration_ms("7d"), Some(604_800_000));
        for text in [
            "",
            "h",
            "2",
            "-2h",
            "2w",
            "2 h",
            "9223372036854775807d",
            "2시",
            "2026-11-20",
        ] {
            let error = text.parse::<Moment>().unwrap_err().to_string();
            assert!(error.contains("2h"), "{error}");
        }
    }

    #[test]
    fn how_long_ago_is_counted_from_now() {
        let now = i64::try_from(now_ms()).unwrap();
        let Moment(hour_ago) = "1h".parse().unwrap();
        assert!((now - 3_600_000 - hour_ago).abs() < 60_000);
    }
}
