//! When what tasks of a backlog hand over is merged.
//!
//! Tasks that read repartition topics alone change the same keys for what each of the others hands over. While others are far
//! behind they wait until each of those has had a turn: their rows are written once for all of them, and rows of windows that
//! close meanwhile not at all.

use std::time::Duration;

use crate::task::TaskId;

/// Turns in which each task that is far behind has one, by how many there are: every other turn goes round.
const TURNS_EACH: usize = 2;
/// What is handed over waits no longer than this, and the commit in hand.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Tasks that read repartition topics alone, and whether they wait.
#[derive(Debug, Default)]
pub(super) struct Downstream {
    waiting: Vec<TaskId>,
    /// Commits since they last took part.
    commits: usize,
    /// Monotonic time of the last commit that was counted, and of the one after which they last took part.
    counted: Duration,
    took_part: Duration,
}

impl Downstream {
    /// Decides for one turn of the loop, by how many tasks are far behind; of its own tasks it is known whether they have
    /// processed what is there. `last_commit` is monotonic time.
    pub(super) fn choose(
        &mut self,
        behind: usize,
        tasks: impl Iterator<Item = (TaskId, bool)> + Clone,
        last_commit: Duration,
    ) {
        if self.counted != last_commit {
            self.counted = last_commit;
            // Who has begun goes on until it is done.
            if self.commits > 0 || tasks.clone().all(|(_, is_done)| is_done) {
                self.commits += 1;
            }
            let waited = last_commit.saturating_sub(self.took_part);
            if self.commits >= TURNS_EACH * behind || waited >= LONGEST_WAIT {
                self.commits = 0;
            }
        }
        self.waiting.clear();
        if self.commits == 0 {
            self.took_part = last_commit;
        } else if behind > 0 {
            self.waiting.extend(tasks.map(|(id, _)| id));
        }
    }

    /// Whether a task has to wait.
    pub(super) fn waits(&self, id: TaskId) -> bool {
        self.waiting.contains(&id)
    }

    /// The others have nothing to do for the moment; answers whether any waits.
    pub(super) fn has_time(&mut self) -> bool {
        self.commits = 0;
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId {
        subtopology: 1,
        partition: 0,
    };

    fn merges(downstream: &mut Downstream, behind: usize, is_done: bool, last_commit: u64) -> bool {
        let tasks = [(TASK, is_done)].into_iter();
        downstream.choose(behind, tasks, Duration::from_secs(last_commit));
        !downstream.waits(TASK)
    }

    /// After which of so many commits it takes part, where there is one every so many seconds.
    fn merged(behind: usize, every: u64, commits: u64) -> Vec<u64> {
        let mut downstream = Downstream::default();
        let merges = |commit: &u64| {
            let merges = merges(&mut downstream, behind, true, commit * every);
            let again = self::merges(&mut downstream, behind, true, commit * every);
            assert_eq!(merges, again, "until the commit");
            merges
        };
        (1..=commits).filter(merges).collect()
    }

    #[test]
    fn what_a_backlog_hands_over_is_merged_when_each_has_had_a_turn() {
        assert_eq!(merged(1, 1, 6), [2, 4, 6]);
        assert_eq!(merged(3, 1, 18), [6, 12, 18]);
        // Or when it has waited long.
        assert_eq!(merged(3, 4, 9), [3, 6, 9]);
        assert_eq!(merged(0, 1, 3), [1, 2, 3]);
    }

    #[test]
    fn who_merges_goes_on_until_it_is_done() {
        let mut downstream = Downstream::default();
        let is_done = |commit| commit != 2 && commit != 3;
        let merged: Vec<u64> = (1..=7)
            .filter(|commit| merges(&mut downstream, 1, is_done(*commit), *commit))
            .collect();
        assert_eq!(merged, [2, 3, 5, 7]);
    }

    #[test]
    fn what_was_handed_over_does_not_wait_where_there_is_time() {
        let mut downstream = Downstream::default();
        assert!(!merges(&mut downstream, 2, true, 1));
        assert!(downstream.has_time());
        assert!(merges(&mut downstream, 2, true, 1));
        assert!(!downstream.has_time());
    }
}
