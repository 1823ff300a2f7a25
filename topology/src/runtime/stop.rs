//! The request to stop, and how its time is shared out.

use std::sync::OnceLock;
use std::time::Duration;

/// A request to stop, told once to everything that runs or waits.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// When it was made, on the monotonic clock, and how long stopping may take.
    request: OnceLock<(Duration, Duration)>,
}

/// What somebody waits for, and so how much of the time of a stop, or of a revocation, it may use up. What comes later
/// has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To start or to take over something; in vain by now.
    Start,
    /// The last commit.
    Commit,
    /// The abort, if the commit failed.
    Abort,
    /// The end of the membership.
    Close,
}

impl Purpose {
    /// The part of `whole` that is over when this has to be.
    pub(super) fn share_of(self, whole: Duration) -> Duration {
        match self {
            Self::Start => Duration::ZERO,
            Self::Commit => whole / 2,
            Self::Abort => whole * 3 / 4,
            // Stores are closed, clients dropped.
            Self::Close => whole * 9 / 10,
        }
    }
}

impl Stop {
    /// The first request counts.
    pub(crate) fn request(&self, now: Duration, timeout: Duration) {
        let _ = self.request.set((now, timeout));
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.request.get().is_some()
    }

    /// When waiting for this has to end, once a stop was requested.
    pub(super) fn deadline(&self, purpose: Purpose) -> Option<Duration> {
        let (at, timeout) = self.request.get()?;
        Some(*at + purpose.share_of(*timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_stop_ends_before_the_next_and_all_before_its_end() {
        let stop = Stop::default();
        assert_eq!(stop.deadline(Purpose::Commit), None);
        stop.request(Duration::from_secs(100), Duration::from_secs(20));
        stop.request(Duration::from_secs(200), Duration::from_secs(90));
        let parts = [
            Purpose::Start,
            Purpose::Commit,
            Purpose::Abort,
            Purpose::Close,
        ];
        let ends: Vec<_> = parts
            .iter()
            .filter_map(|part| stop.deadline(*part))
            .collect();
        assert_eq!(ends, [100, 110, 115, 118].map(Duration::from_secs));
    }
}
