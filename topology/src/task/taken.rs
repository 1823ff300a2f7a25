//! What was taken from an input since the last commit, for the metrics.

/// How many records, and when they were written.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    records: u64,
    /// Timestamps in the order of processing, and how many records in a row had each.
    runs: Vec<(i64, u32)>,
    last: Option<i64>,
}

impl Taken {
    /// A record of this timestamp was processed.
    pub(crate) fn add(&mut self, timestamp: i64) {
        self.records += 1;
        self.last = Some(timestamp);
        match self.runs.last_mut() {
            Some((last, count)) if *last == timestamp => *count += 1,
            _ => self.runs.push((timestamp, 1)),
        }
    }

    /// Timestamp of the last record, committed or not.
    pub(crate) fn last(&self) -> Option<i64> {
        self.last
    }

    /// Records since the last commit.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Their timestamps.
    pub(crate) fn runs(&self) -> &[(i64, u32)] {
        &self.runs
    }

    /// Committed, or undone.
    pub(crate) fn clear(&mut self) {
        self.records = 0;
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Taken;

    #[test]
    fn records_of_one_moment_are_kept_together() {
        let mut taken = Taken::default();
        for timestamp in [10, 10, 12, 10] {
            taken.add(timestamp);
        }
        assert_eq!(taken.runs(), [(10, 2), (12, 1), (10, 1)]);
        assert_eq!(taken.records(), 4);
        taken.clear();
        assert_eq!((taken.records(), taken.runs().len()), (0, 0));
        assert_eq!(taken.last(), Some(10));
    }
}
