//! What a task, and not an order, knows: how much it took, and how late it is.

use std::collections::BTreeSet;

use super::retention::Calendar;
use super::waiting::Deadline;

/// Records over which the share of parked ones is taken.
const RECENT_RECORDS: u64 = 10_000;
const FEWEST_PARKED: u64 = 64;

#[derive(Debug, Default)]
pub struct TaskClock {
    /// Records consumed.
    pub consumed: u64,
    /// The largest record timestamp, epoch milliseconds.
    pub stream_time: i64,
    /// How far its inputs lag, milliseconds.
    pub lag: i64,
    pub calendar: Calendar,
    /// Of every parked event.
    pub deadlines: BTreeSet<Deadline>,
}

/// A record further ahead of our own clock does not move stream time (E13), milliseconds.
const TOLERATED_LEAD: i64 = 5_000;

impl TaskClock {
    /// Takes note of a record.
    pub fn see(&mut self, timestamp: i64, now: i64) {
        if timestamp <= now + TOLERATED_LEAD {
            self.stream_time = self.stream_time.max(timestamp);
        }
    }

    /// Events that may be parked at a time: 1 % of the last 10,000 records, and at least 64.
    pub fn park_limit(&self) -> usize {
        let share = self.consumed.min(RECENT_RECORDS) / 100;
        usize::try_from(share.max(FEWEST_PARKED)).unwrap()
    }
}
