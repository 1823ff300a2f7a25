use std::sync::Arc;
use std::time::Duration;

use super::stop::{Purpose, Stop};
use crate::time::Clock;
use crate::{Error, ErrorClass};

const PAUSE: Duration = Duration::from_millis(20);
/// One call waits no longer than this, so that a stop is noticed meanwhile.
const CALL: Duration = Duration::from_secs(5);

/// How long an answer of the brokers is waited for: until `deadline`, or until a stop that is requested meanwhile
/// has no more time for it.
#[derive(Clone)]
pub(super) struct Patience {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: Arc<Stop>,
    pub(super) purpose: Purpose,
    /// On the monotonic clock.
    pub(super) deadline: Duration,
}

impl Patience {
    /// What is left of it.
    pub(super) fn left(&self) -> Duration {
        let stop = self.stop.deadline(self.purpose);
        let deadline = stop.map_or(self.deadline, |stop| stop.min(self.deadline));
        deadline.saturating_sub(self.clock.monotonic())
    }
}

/// Repeats a call while its error is retriable, until there is no patience left or as many pauses were made as fit into it (a
/// virtual clock does not move while we wait). The call gets the time that it may take; it is made once in any case.
pub(super) fn retry<T>(
    patience: Patience,
    mut call: impl FnMut(Duration) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut pauses = patience.left().as_millis() / PAUSE.as_millis();
    loop {
        let left = patience.left();
        match call(left.clamp(PAUSE, CALL)) {
            Err(error) if error.class() == ErrorClass::Retriable => {
                if patience.left().is_zero() || pauses == 0 {
                    return Err(error);
                }
                tracing::debug!(%error, "trying again");
                pauses -= 1;
                patience.clock.sleep(PAUSE);
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SystemClock;

    #[test]
    fn a_stop_that_is_requested_meanwhile_ends_it() {
        let (clock, stop) = (SystemClock::new(), Arc::new(Stop::default()));
        let deadline = clock.monotonic() + Duration::from_secs(600);
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let patience = Patience {
            clock: Arc::clone(&clock),
            stop: Arc::clone(&stop),
            purpose: Purpose::Commit,
            deadline,
        };
        let mut calls = 0;
        let refused: Result<(), Error> = retry(patience, |_| {
            calls += 1;
            if calls == 2 {
                stop.request(clock.monotonic(), Duration::from_millis(100));
            }
            Err(Error::new(ErrorClass::Retriable, "ask", "no answer"))
        });
        assert!(refused.is_err());
        assert!(calls > 2, "the last commit has time left");
        assert!(clock.monotonic() < Duration::from_secs(60));
    }

    #[test]
    fn without_patience_the_call_is_made_once() {
        let (clock, stop) = (SystemClock::new(), Stop::default());
        stop.request(Duration::ZERO, Duration::from_secs(20));
        let deadline = clock.monotonic() + Duration::from_secs(600);
        let patience = Patience {
            clock: Arc::new(clock),
            stop: Arc::new(stop),
            purpose: Purpose::Start,
            deadline,
        };
        let mut timeouts = Vec::new();
        let refused: Result<(), Error> = retry(patience, |timeout| {
            timeouts.push(timeout);
            Err(Error::new(ErrorClass::Retriable, "ask", "no answer"))
        });
        assert!(refused.is_err());
        assert_eq!(timeouts, [PAUSE]);
    }
}
