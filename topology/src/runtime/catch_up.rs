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
    /// How many in a row had nothing to process, because an input is waited for.
    passed: usize,
}

impl CatchUp {
    /// Chooses among the tasks that are far behind, in ascending order; `last_commit` is monotonic time.
    pub(super) fn choose(
        &mut self,
        behind: impl Iterator<Item = TaskId> + Clone,
        last_commit: Duration,
    ) {
        if self.after == Some(last_commit) && behind.clone().any(|id| Some(id) == self.current) {
            return;
        }
        let next = behind.clone().find(|id| Some(*id) > self.current);
        self.current = next.or_else(|| behind.clone().next());
        self.after = Some(last_commit);
    }

    /// Whether a task that is far behind has to wait for its turn.
    pub(super) fn holds_back(&self, id: TaskId) -> bool {
        self.current != Some(id)
    }

    /// Takes note of what a turn of the loop processed. Where that is nothing, it is another's turn; answers whether that is
    /// one, of so many, that has not had nothing since any had something.
    pub(super) fn processed(&mut self, records: usize, behind: usize) -> bool {
        if records > 0 || behind < 2 {
            self.passed = 0;
            return false;
        }
        self.after = None;
        self.passed += 1;
        if self.passed < behind {
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

    fn turns(catch_up: &CatchUp) -> Vec<i32> {
        (0..4)
            .filter(|&id| !catch_up.holds_back(task(id)))
            .collect()
    }

    #[test]
    fn each_task_that_is_behind_has_its_turn_until_a_commit() {
        let mut catch_up = CatchUp::default();
        let mut seen = Vec::new();
        for commit in 0..4 {
            for _ in 0..3 {
                catch_up.choose([0, 1, 3].map(task).into_iter(), Duration::from_secs(commit));
                seen.extend(turns(&catch_up));
            }
        }
        assert_eq!(seen, [0, 0, 0, 1, 1, 1, 3, 3, 3, 0, 0, 0]);
    }

    #[test]
    fn who_is_behind_no_longer_leaves_the_turn_to_the_next() {
        let mut catch_up = CatchUp::default();
        catch_up.choose([0, 1].map(task).into_iter(), Duration::ZERO);
        catch_up.choose([1, 2].map(task).into_iter(), Duration::ZERO);
        assert_eq!(turns(&catch_up), [1]);
        catch_up.choose([].into_iter(), Duration::ZERO);
        assert_eq!(turns(&catch_up), [] as [i32; 0]);
    }

    #[test]
    fn who_has_nothing_passes_and_when_all_have_passed_there_is_time_to_wait() {
        let mut catch_up = CatchUp::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            catch_up.choose([0, 1].map(task).into_iter(), Duration::ZERO);
            seen.extend(turns(&catch_up));
            seen.push(if catch_up.processed(0, 2) { 10 } else { 20 });
        }
        assert_eq!(seen, [0, 10, 1, 20, 0, 10, 1, 20]);
        catch_up.choose([0, 1].map(task).into_iter(), Duration::ZERO);
        assert!(!catch_up.processed(5, 2));
        catch_up.choose([0, 1].map(task).into_iter(), Duration::ZERO);
        assert_eq!(turns(&catch_up), [0], "its turn lasts until the commit");
    }
}
