//! Dead letters since the last commit, by reason: counted with the record that causes them, undone with it.

/// Counts by reason. There are few reasons, and few dead letters.
#[derive(Debug, Default)]
pub(crate) struct DeadLetterCounts {
    counts: Vec<(&'static str, u64)>,
    /// Of the record being processed.
    pending: Vec<&'static str>,
}

impl DeadLetterCounts {
    pub(crate) fn add(&mut self, reason: &'static str) {
        self.pending.push(reason);
    }

    /// The record failed, and its dead letter is undone like any output.
    pub(crate) fn rollback(&mut self) {
        self.pending.clear();
    }

    /// The record succeeded; answers whether it left a dead letter.
    pub(crate) fn accept(&mut self) -> bool {
        let is_dead = !self.pending.is_empty();
        for reason in self.pending.drain(..) {
            match self.counts.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => self.counts.push((reason, 1)),
            }
        }
        is_dead
    }

    /// The transaction was aborted.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.counts.clear();
    }

    /// The transaction was committed: what it counted.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counts.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_counts_once_its_record_has_succeeded() {
        let mut counts = DeadLetterCounts::default();
        counts.add("MALFORMED");
        counts.rollback();
        assert!(!counts.accept());
        counts.add("TOO_LARGE");
        assert!(counts.accept());
        counts.add("TOO_LARGE");
        counts.accept();
        assert_eq!(counts.drain().collect::<Vec<_>>(), [("TOO_LARGE", 2)]);
        assert_eq!(counts.drain().count(), 0);
    }
}
