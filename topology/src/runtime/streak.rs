use std::time::Duration;

use crate::time::Clock;

/// Attempts without a commit in between, after which a thread gives up, if they have also taken longer
/// than `task_timeout`: what is refused again and again is not passing trouble.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Aborts or rebuilds that follow each other without a commit in between.
#[derive(Debug, Default)]
pub(super) struct Streak {
    times: u32,
    since: Duration,
}

/// How long a streak has become: too long.
pub(super) struct TooLong {
    pub(super) times: u32,
    pub(super) took: Duration,
}

impl Streak {
    /// Counts one more, and slows it down unless it is the first.
    pub(super) fn again(
        &mut self,
        clock: &dyn Clock,
        task_timeout: Duration,
    ) -> Result<(), TooLong> {
        let now = clock.monotonic();
        self.times += 1;
        if self.times == 1 {
            self.since = now;
            return Ok(());
        }
        let (times, took) = (self.times, now.saturating_sub(self.since));
        if times > ATTEMPTS && took > task_timeout {
            return Err(TooLong { times, took });
        }
        clock.sleep(PAUSE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::VirtualClock;

    const TIMEOUT: Duration = Duration::from_secs(60);

    #[test]
    fn only_many_attempts_over_a_long_time_are_too_long() {
        let clock = VirtualClock::at(0);
        let mut many = Streak::default();
        assert!((0..100).all(|_| many.again(&clock, TIMEOUT).is_ok()));
        clock.advance(TIMEOUT + Duration::from_millis(1));
        let too_long = many.again(&clock, TIMEOUT).err().unwrap();
        assert_eq!((too_long.times, too_long.took.as_millis()), (101, 60_001));

        let mut few = Streak::default();
        for _ in 0..ATTEMPTS {
            assert!(few.again(&clock, TIMEOUT).is_ok());
            clock.advance(TIMEOUT);
        }
        assert!(few.again(&clock, TIMEOUT).is_err());
    }
}
