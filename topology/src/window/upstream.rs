//! What the merging task knows of its upstream tasks: the highest watermark that each has reported.

use std::collections::BTreeMap;

use super::clocks::Watermark;
use crate::task::TaskId;

/// The reports of the upstream tasks.
#[derive(Debug, Default)]
pub(super) struct UpstreamTasks {
    expected: Vec<TaskId>,
    reported: BTreeMap<TaskId, Watermark>,
}

impl UpstreamTasks {
    /// All tasks that write to the repartition topic, as the topology has them.
    pub(super) fn new(expected: Vec<TaskId>) -> Self {
        Self {
            expected,
            reported: BTreeMap::new(),
        }
    }

    /// Keeps a report; answers whether it says anything new.
    pub(super) fn report(&mut self, task: TaskId, watermark: Watermark) -> bool {
        let is_news = watermark.is_news(self.reported.get(&task).copied());
        if is_news {
            self.reported.insert(task, watermark);
        }
        is_news
    }

    /// The watermark of them all; `None` until each has reported, or while all are empty.
    pub(super) fn watermark(&self) -> Option<i64> {
        let mut slowest = None;
        for task in &self.expected {
            match self.reported.get(task)? {
                Watermark::Empty => {}
                Watermark::At(time) => {
                    slowest = Some(slowest.map_or(*time, |slowest: i64| slowest.min(*time)));
                }
            }
        }
        slowest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Watermark::{At, Empty};

    fn task(partition: i32) -> TaskId {
        TaskId {
            subtopology: 0,
            partition,
        }
    }

    #[test]
    fn every_task_is_waited_for_once_and_the_slowest_counts() {
        let mut tasks = UpstreamTasks::new((0..3).map(task).collect());
        assert!(tasks.report(task(0), At(50)));
        assert!(tasks.report(task(1), At(70)));
        assert_eq!(tasks.watermark(), None);
        assert!(tasks.report(task(2), Empty));
        assert_eq!(tasks.watermark(), Some(50));
        assert!(tasks.report(task(2), At(20)));
        assert_eq!(tasks.watermark(), Some(20));
    }

    #[test]
    fn a_watermark_never_goes_back() {
        let mut tasks = UpstreamTasks::new(vec![task(0)]);
        assert!(tasks.report(task(0), At(50)));
        assert!(!tasks.report(task(0), At(50)));
        assert!(!tasks.report(task(0), At(40)));
        assert!(!tasks.report(task(0), Empty));
        assert_eq!(tasks.watermark(), Some(50));
    }

    #[test]
    fn nothing_closes_while_all_are_empty_and_strangers_do_not_count() {
        let mut tasks = UpstreamTasks::new(vec![task(0), task(1)]);
        tasks.report(task(0), Empty);
        tasks.report(task(1), Empty);
        tasks.report(task(9), At(5));
        assert_eq!(tasks.watermark(), None);
    }
}
