use std::time::Duration;

/// Allows so many records per second, evenly; unused allowance is kept for a tenth of a second.
pub(super) struct RateLimit {
    per_second: f64,
    allowance: f64,
    last: Duration,
}

impl RateLimit {
    pub(super) fn new(per_second: u32, now: Duration) -> Self {
        Self {
            per_second: f64::from(per_second.max(1)),
            allowance: 1.0,
            last: now,
        }
    }

    /// How many records may be processed at `now` (monotonic).
    pub(super) fn allowance(&mut self, now: Duration) -> usize {
        let earned = now.saturating_sub(self.last).as_secs_f64() * self.per_second;
        self.last = now;
        self.allowance = (self.allowance + earned).min((self.per_second / 10.0).max(1.0));
        self.allowance as usize
    }

    pub(super) fn spend(&mut self, records: usize) {
        self.allowance -= records as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_ten_seconds_no_more_than_the_rate_is_allowed() {
        let mut limit = RateLimit::new(2_000, Duration::ZERO);
        let mut total = 0;
        for step in 0..=10_000 {
            let allowed = limit.allowance(Duration::from_millis(step));
            limit.spend(allowed);
            total += allowed;
        }
        assert!((19_990..=20_010).contains(&total), "{total}");
    }
}
