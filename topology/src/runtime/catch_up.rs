//! Which of the tasks that are far behind has its turn.
//!
//! What changes a key several times between two commits is told once: in its changelog, and in topics of latest values. What
//! happens to a key lies close together in its partition, so a thread that works off a backlog stays with one task until the
//! next commit, instead of doing a little of each: fewer records for the same work. Tasks that are not far behind take part
//! in every turn of the loop.

use std::time::Duration;

use crate::task::TaskId;

/// Whose turn it is.
///
/// Every other turn is of the task whose stream time is furthest behind, so that the tasks of a backlog stay close to each
/// other: windows close by the slowest of all, and what is open must be kept. The turns between go round, so that nobody
/// waits for a task that has years to work off.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    current: Option<TaskId>,
    /// When the commit was that it was chosen after; it is another's turn after the next.
    after: Option<Duration>,
    /// Who had the last turn of those that go round.
    last_round: Option<TaskId>,
    /// Whether the next turn goes round.
    goes_round: bool,
    /// The others that are far behind.
    held_back: Vec<TaskId>,
    /// Those that had nothing to process since any had something, because an input is waited for.
    passed: Vec<TaskId>,
}

impl CatchUp {
    /// Decides for one turn of the loop, among the tasks that are far behind, in ascending order, with their stream times;
    /// `last_commit` is monotonic time.
    pub(super) fn choose(
        &mut self,
        behind: impl Iterator<Item = (TaskId, Option<i64>)> + Clone,
        last_commit: Duration,
    ) {
        self.held_back.clear();
        self.held_back.extend(behind.clone().map(|(id, _)| id));
        let stays = self.after == Some(last_commit)
            && self
                .current
                .is_some_and(|current| self.held_back.contains(&current));
        if !stays {
            self.current = self.next(behind);
            self.after = Some(last_commit);
        }
        let current = self.current;
        self.held_back.retain(|id| Some(*id) != current);
    }

    fn next(
        &mut self,
        behind: impl Iterator<Item = (TaskId, Option<i64>)> + Clone,
    ) -> Option<TaskId> {
        // Those that have not passed may be behind no longer.
        if self.all_passed() {
            self.passed.clear();
        }
        let passed = &self.passed;
        let waiting = behind.filter(|(id, _)| !passed.contains(id));
        self.goes_round = !self.goes_round;
        // It says of the turn after this one now.
        if self.goes_round {
            let first = waiting.min_by_key(|(id, stream_time)| (*stream_time, *id));
            return first.map(|(id, _)| id);
        }
        let mut ids = waiting.map(|(id, _)| id);
        let first = ids.clone().next();
        self.last_round = ids.find(|id| Some(*id) > self.last_round).or(first);
        self.last_round
    }

    /// Whether a task has a part in this turn.
    pub(super) fn takes_part(&self, id: TaskId) -> bool {
        !self.held_back.contains(&id)
    }

    /// Takes note of how many records the turn processed. Where that is none, it is another's turn; answers whether that is
    /// one that has not had nothing since any had something.
    pub(super) fn processed(&mut self, records: usize) -> bool {
        if records > 0 || self.held_back.is_empty() {
            self.passed.clear();
            return false;
        }
        self.after = None;
        self.passed.extend(self.current);
        !self.all_passed()
    }

    fn all_passed(&self) -> bool {
        self.held_back.iter().all(|id| self.passed.contains(id))
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

    /// Chooses among those that are far behind, with their stream times, and says which of all take part.
    fn choose_timed(
        catch_up: &mut CatchUp,
        behind: &[(i32, Option<i64>)],
        last_commit: u64,
    ) -> Vec<i32> {
        let behind = behind.iter().map(|(id, time)| (task(*id), *time));
        catch_up.choose(behind, Duration::from_secs(last_commit));
        (0..4).filter(|&id| catch_up.takes_part(task(id))).collect()
    }

    /// The same of tasks that are as far as each other.
    fn choose(catch_up: &mut CatchUp, behind: &[i32], last_commit: u64) -> Vec<i32> {
        let behind: Vec<_> = behind.iter().map(|id| (*id, Some(5))).collect();
        choose_timed(catch_up, &behind, last_commit)
    }

    #[test]
    fn a_turn_lasts_until_the_commit() {
        let mut catch_up = CatchUp::default();
        for (commit, turn) in [(0, [0, 2]), (1, [0, 2]), (2, [0, 2]), (3, [1, 2])] {
            for _ in 0..3 {
                assert_eq!(choose(&mut catch_up, &[0, 1, 3], commit), turn);
            }
        }
    }

    #[test]
    fn every_other_turn_is_of_who_is_furthest_behind_and_the_others_go_round() {
        let mut catch_up = CatchUp::default();
        let behind = [(0, Some(9)), (1, Some(7)), (2, Some(3)), (3, Some(8))];
        let turns: Vec<Vec<i32>> = (0..8)
            .map(|commit| choose_timed(&mut catch_up, &behind, commit))
            .collect();
        assert_eq!(turns, [[2], [0], [2], [1], [2], [2], [2], [3]]);
        // Who has not processed anything is furthest behind.
        let behind = [(0, Some(9)), (1, None)];
        assert_eq!(choose_timed(&mut catch_up, &behind, 8), [1, 2, 3]);
    }

    #[test]
    fn tasks_of_a_backlog_stay_close_to_each_other() {
        let mut catch_up = CatchUp::default();
        // One begins far ahead, and turns are of unequal length: they end up within two of the longest.
        let mut times = [0, 0, 10_000, 0];
        for commit in 0..400 {
            let behind: Vec<_> = (0..).zip(times.map(Some)).collect();
            let turn = choose_timed(&mut catch_up, &behind, commit);
            let [of] = turn[..] else {
                panic!("{turn:?}");
            };
            times[usize::try_from(of).unwrap()] +=
                [100, 300, 100, 200][usize::try_from(of).unwrap()];
        }
        let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(most - least <= 600, "{times:?}");
    }

    #[test]
    fn who_is_behind_no_longer_leaves_the_turn_to_the_next() {
        let mut catch_up = CatchUp::default();
        assert_eq!(choose(&mut catch_up, &[0, 1], 0), [0, 2, 3]);
        assert_eq!(choose(&mut catch_up, &[1, 2], 0), [0, 1, 3]);
        assert_eq!(choose(&mut catch_up, &[], 0), [0, 1, 2, 3]);
    }

    #[test]
    fn who_has_passed_has_the_turn_again_when_the_others_are_behind_no_longer() {
        let mut catch_up = CatchUp::default();
        assert_eq!(choose(&mut catch_up, &[0, 1], 0), [0, 2, 3]);
        assert!(catch_up.processed(0));
        assert_eq!(choose(&mut catch_up, &[0], 0), [0, 1, 2, 3]);
    }

    #[test]
    fn who_has_nothing_passes_and_when_all_have_passed_there_is_time_to_wait() {
        let mut catch_up = CatchUp::default();
        let behind = [(0, Some(3)), (1, Some(5))];
        for (turns, another) in [([0, 2, 3], true), ([1, 2, 3], false)].repeat(2) {
            assert_eq!(choose_timed(&mut catch_up, &behind, 0), turns);
            assert_eq!(catch_up.processed(0), another);
        }
        assert_eq!(choose_timed(&mut catch_up, &behind, 0), [0, 2, 3]);
        assert!(!catch_up.processed(5));
        assert_eq!(
            choose_timed(&mut catch_up, &behind, 0),
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
