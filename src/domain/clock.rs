//! Which clock counts: the actor's, the record's, or our own.

use super::judgement::{ClockSkew, EventTimes, RecordContext};
use super::time::DAY_MS;

/// How far an actor's clock may be ahead of the record's before windows stop following it, in milliseconds.
pub const AHEAD_MS: i64 = 5_000;

/// The times by which an event counts.
///
/// The record's timestamp is a producer's clock too: if it is negative, or more than a day ahead of our own
/// clock, our own stands in for it.
#[must_use]
pub fn event_times(occurred_at: i64, context: &RecordContext) -> EventTimes {
    let bad_record =
        context.timestamp < 0 || context.timestamp.saturating_sub(context.wall_clock) > DAY_MS;
    let record_at = if bad_record {
        context.wall_clock
    } else {
        context.timestamp
    };
    let ahead = occurred_at.saturating_sub(record_at);
    if ahead > DAY_MS {
        EventTimes {
            occurred_at: record_at,
            window_at: record_at,
            record_at,
            skew: ClockSkew::Bad,
        }
    } else if ahead > AHEAD_MS {
        EventTimes {
            occurred_at,
            window_at: record_at,
            record_at,
            skew: ClockSkew::Ahead,
        }
    } else {
        EventTimes {
            occurred_at,
            window_at: occurred_at,
            record_at,
            skew: ClockSkew::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::event_times;
    use crate::domain::judgement::{ClockSkew, RecordContext};

    #[test]
    fn the_worst_clock_does_not_count() {
        let day = 86_400_000;
        let context = RecordContext {
            timestamp: 1_000_000,
            wall_clock: 10 * day,
            ..RecordContext::default()
        };
        for (occurred, kept, window, skew) in [
            (1_005_000, 1_005_000, 1_005_000, ClockSkew::None),
            (1_005_001, 1_005_001, 1_000_000, ClockSkew::Ahead),
            (
                1_000_000 + day,
                1_000_000 + day,
                1_000_000,
                ClockSkew::Ahead,
            ),
            (1_000_001 + day, 1_000_000, 1_000_000, ClockSkew::Bad),
            (-5, -5, -5, ClockSkew::None),
        ] {
            let times = event_times(occurred, &context);
            assert_eq!(
                (times.occurred_at, times.window_at, times.skew),
                (kept, window, skew),
                "{occurred}"
            );
        }
        let bad_record = RecordContext {
            timestamp: 12 * day,
            wall_clock: 10 * day,
            ..RecordContext::default()
        };
        assert_eq!(event_times(13 * day, &bad_record).occurred_at, 10 * day);
        let no_record = RecordContext {
            timestamp: -1,
            wall_clock: 10 * day,
            ..RecordContext::default()
        };
        assert_eq!(event_times(10 * day, &no_record).record_at, 10 * day);
    }
}
