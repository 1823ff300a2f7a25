//! How long an event may be parked, and how many may be.

use super::event::OrderEvent;

/// The bounds of parking (order-domain 4.1 and E5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParkingLimits {
    /// How long an event waits, in milliseconds of the wall clock. Default 30 s.
    pub wait_ms: i64,
    /// The same of `payment.*`, longer because money must not be dropped by a short rule. Default 10 min.
    pub payment_wait_ms: i64,
    /// How long an event waits at most while an input lags, in milliseconds. Default 10 min.
    pub longest_wait_ms: i64,
    /// Events of one order that may wait at a time. Default 64.
    pub per_order: usize,
    /// Events of a task that may wait at a time, whatever the share. Default 64.
    pub per_task: u64,
    /// Share of the task's last [`ParkingLimits::task_window`] records that may wait at a time. Default 0.01.
    pub task_share: f64,
    /// So many records the share is of. Default 10 000.
    pub task_window: u64,
}

impl Default for ParkingLimits {
    fn default() -> Self {
        Self {
            wait_ms: 30_000,
            payment_wait_ms: 600_000,
            longest_wait_ms: 600_000,
            per_order: 64,
            per_task: 64,
            task_share: 0.01,
            task_window: 10_000,
        }
    }
}

impl ParkingLimits {
    /// How long this event may wait, in milliseconds.
    #[must_use]
    pub fn wait(&self, event: &OrderEvent) -> i64 {
        if event.action_name().starts_with("payment.") {
            self.payment_wait_ms
        } else {
            self.wait_ms
        }
    }

    /// How long it may wait while an input of its task lags: waiting is better than rejecting what is only
    /// stuck in the relay. `None` stands for a lag that nobody knows.
    ///
    /// ```
    /// use jumun::domain::parking::ParkingLimits;
    ///
    /// let limits = ParkingLimits::default();
    /// assert_eq!(limits.stretched(30_000, Some(2_000)), 30_000);
    /// assert_eq!(limits.stretched(30_000, Some(45_000)), 75_000);
    /// assert_eq!(limits.stretched(30_000, None), 600_000);
    /// ```
    #[must_use]
    pub fn stretched(&self, wait_ms: i64, lag_ms: Option<i64>) -> i64 {
        let longest = self.longest_wait_ms.max(wait_ms);
        match lag_ms {
            None => longest,
            Some(lag) if lag > wait_ms => lag.saturating_add(self.wait_ms).min(longest),
            Some(_) => wait_ms,
        }
    }

    /// How many events of a task may wait at a time once it has consumed so many records.
    #[must_use]
    pub fn task_limit(&self, consumed: u64) -> u64 {
        // Counts of records are far below 2^52, and the share is at most 1.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let share = (consumed.min(self.task_window) as f64 * self.task_share) as u64;
        self.per_task.max(share)
    }
}
