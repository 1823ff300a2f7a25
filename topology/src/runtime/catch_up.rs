//! Which of the tasks that are far behind has its turn.
//!
//! What changes a key several times between two commits is told once: in its changelog, and in topics of latest values. What
//! happens to a key lies close together in its partition, so a thread that works off a backlog stays with one task until the
//! next commit, instead of doing a little of each: fewer records for the same work. Tasks that are not far behind take part
//! in every turn of the loop.

use std::time::Duration;

use crate::task::TaskId;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    current: Option<TaskId>,
    /// When the commit was that it was chosen after; it is another's turn after the next.
    after: Option<Duration>,
    /// The others that are far behind.
    held_back: Vec<TaskId>,
    /// How many in a row had nothing to process, because an input is waited for.
    passed: usize,
}

impl CatchUp {
    /// Decides for one turn of the loop, among the tasks that are far behind, in ascending order; `last_commit` is monotonic
    /// time.
    pub(super) fn choose(&mut self, behind: impl Iterator<Item = TaskId>, last_commit: Duration) {
        self.held_back.clear();
        self.held_back.extend(behind);
        let behind = &self.held_back;
        let stays = self.after == Some(last_commit)
            && self
                .current
                .is_some_and(|current| behind.contains(&current));
        if !stays {
            let next = behind.iter().find(|id| Some(**id) > self.current);
            self.current = next.or(behind.first()).copied();
            self.after = Some(last_commit);
        }
        let current = self.current;
        self.held_back.retain(|id| Some(*id) != current);
    }

    /// Whether a task has a part in this turn.
    pub(super) fn takes_part(&self, id: TaskId) -> bool {
        !self.held_back.contains(&id)
    }

    /// Takes note of how many records the turn processed. Where that is none, it is another's turn; answers whether that is
    /// one that has not had nothing since any had something.
    pub(super) fn processed(&mut self, records: usize) -> bool {
        if records > 0 || self.held_back.is_empty() {
            self.passed = 0;
            return false;
        }
        self.after = None;
        self.passed += 1;
        if self.passed <= self.held_back.len() {
            return true;
        }
        self.passed = 0;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(partition: i32) -> TaskId {
        TaskId {
            subtopology: 0,
            partition,
        }
    }

    /// Chooses among those that are far behind, and says which of all take part.
    fn choose(catch_up: &mut CatchUp, behind: &[i32], last_commit: u64) -> Vec<i32> {
        let behind = behind.iter().map(|id| task(*id));
        catch_up.choose(behind, Duration::from_secs(last_commit));
        (0..4).filter(|&id| catch_up.takes_part(task(id))).collect()
    }

    #[test]
    fn each_task_that_is_behind_has_its_turn_until_a_commit() {
        let mut catch_up = CatchUp::default();
        for (commit, turns) in [(0, [0, 2]), (1, [1, 2]), (2, [2, 3]), (3, [0, 2])] {
            for _ in 0..3 {
                assert_eq!(choose(&mut catch_up, &[0, 1, 3], commit), turns);
            }
        }
    }

    #[test]
    fn who_is_behind_no_longer_leaves_the_turn_to_the_next() {
        let mut catch_up = CatchUp::default();
        assert_eq!(choose(&mut catch_up, &[0, 1], 0), [0, 2, 3]);
        assert_eq!(choose(&mut catch_up, &[1, 2], 0), [0, 1, 3]);
        assert_eq!(choose(&mut catch_up, &[], 0), [0, 1, 2, 3]);
    }

    #[test]
    fn who_has_nothing_passes_and_when_all_have_passed_there_is_time_to_wait() {
        let mut catch_up = CatchUp::default();
        for (turns, another) in [([0, 2, 3], true), ([1, 2, 3], false)].repeat(2) {
            assert_eq!(choose(&mut catch_up, &[0, 1], 0), turns);
            assert_eq!(catch_up.processed(0), another);
        }
        assert_eq!(choose(&mut catch_up, &[0, 1], 0), [0, 2, 3]);
        assert!(!catch_up.processed(5));
        assert_eq!(
            choose(&mut catch_up, &[0, 1], 0),
            [0, 2, 3],
            "its turn lasts until the commit"
        );
    }

    #[test]
    fn where_nobody_is_behind_nobody_passes() {
        let mut catch_up = CatchUp::default();
        choose(&mut catch_up, &[2], 0);
        assert!(!catch_up.processed(0));
        choose(&mut catch_up, &[], 0);
        assert!(!catch_up.processed(0));
    }
}
