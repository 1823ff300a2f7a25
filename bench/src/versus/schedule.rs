//! When events should be sent: decided beforehand, whatever becomes of those before them (an open loop).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A steady rate from an instant on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// When the first event is due, microseconds since the epoch.
    start: u64,
    events_per_second: f64,
}

impl Schedule {
    pub(super) fn new(start: u64, events_per_second: f64) -> Self {
        Self {
            start,
            events_per_second,
        }
    }

    /// When the event of this number, from 0, is due: microseconds since the epoch.
    pub(super) fn due(&self, number: u64) -> u64 {
        self.start + (number as f64 / self.events_per_second * 1e6) as u64
    }

    /// How many events are due within this time.
    pub(super) fn events_in(&self, time: Duration) -> u64 {
        (time.as_secs_f64() * self.events_per_second).ceil() as u64
    }
}

/// Microseconds since the epoch.
pub(super) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

/// Lets this thread go before others where that is allowed, as to root it is: who tells the time of others must not wait for
/// them. Elsewhere it stays as it is, and a run whose generator was late says so.
pub(super) fn before_others() {
    const STEPS: i32 = -15;
    let _ = rustix::process::nice(STEPS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_due_at_equal_distances_however_many_there_are() {
        let schedule = Schedule::new(1_000_000, 330.0);
        assert_eq!(schedule.due(0), 1_000_000);
        assert_eq!(schedule.due(330), 2_000_000);
        // No error adds up.
        assert_eq!(schedule.due(330 * 86_400), 86_401_000_000);
        for number in 0..1_000 {
            let distance = schedule.due(number + 1) - schedule.due(number);
            assert!((3_030..=3_031).contains(&distance), "{distance}");
        }
    }

    #[test]
    fn as_many_are_due_as_the_rate_says() {
        let schedule = Schedule::new(0, 10_000.0);
        assert_eq!(schedule.events_in(Duration::from_secs(600)), 6_000_000);
        assert_eq!(schedule.events_in(Duration::from_millis(1)), 10);
        assert_eq!(schedule.events_in(Duration::ZERO), 0);
    }
}
