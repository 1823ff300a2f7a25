//! What a thread tells the outside: committed counts, tasks, lag, restore.

use std::collections::BTreeMap;
use std::time::Duration;

use super::restore::Restoration;
use super::status::{RestoreStatus, State, TaskStatus, ThreadStatus};
use super::stream_thread::StreamThread;
use crate::task::TaskPhase;

/// Between two updates of the status board.
const STATUS_INTERVAL: Duration = Duration::from_millis(200);

impl StreamThread {
    /// Step 7: what was committed becomes visible.
    pub(super) fn publish(&mut self, started: Duration) {
        (self.rebuilds, self.aborts) = (0, 0);
        let uncommitted = std::mem::take(&mut self.uncommitted);
        let metrics = &self.metrics;
        metrics.records_in.inc_by(uncommitted.records_in);
        metrics.records_out.inc_by(uncommitted.records_out);
        metrics
            .changelog_records
            .inc_by(uncommitted.changelog_records);
        metrics.dead_letters.inc_by(uncommitted.dead_letters);
        metrics.transactions.with_label_values(&["committed"]).inc();
        metrics
            .commit_seconds
            .observe(self.clock.monotonic().saturating_sub(started).as_secs_f64());
        for task in self
            .tasks
            .values()
            .filter(|task| task.phase == TaskPhase::Running)
        {
            self.board
                .set_counters(task.id, task.scope.counters.values());
        }
    }

    pub(super) fn update_status(&mut self, now: Duration) {
        if self
            .last_status
            .is_some_and(|last| now.saturating_sub(last) < STATUS_INTERVAL)
        {
            return;
        }
        self.last_status = Some(now);
        let Some(clients) = self.clients.as_mut() else {
            return;
        };
        self.trouble = clients.consumer.broker_trouble();
        let mut tasks = Vec::with_capacity(self.tasks.len());
        for task in self.tasks.values() {
            let restore = self
                .restorations
                .iter()
                .find(|restoration| restoration.task == task.id);
            let mut lag = BTreeMap::new();
            for input in task.inputs.iter() {
                let Some(marks) = input
                    .id
                    .and_then(|id| clients.consumer.cached_watermarks(id))
                else {
                    continue;
                };
                // Once the end was seen, what is left before the watermark are transaction markers.
                let behind = if input.queue.is_empty() && input.at_end {
                    0
                } else {
                    (marks.high - input.position).max(0)
                };
                lag.insert(input.partition.to_string(), behind);
            }
            tasks.push(TaskStatus {
                id: task.id.to_string(),
                state: task.phase.as_str(),
                restore: restore.map_or_else(RestoreStatus::default, Restoration::status),
                lag,
            });
        }
        let assigned = clients.group.is_some();
        let restoring = !self.restorations.is_empty();
        let (state, detail) = match (&self.trouble, assigned, restoring) {
            (trouble, false, _) => (
                State::Rebalancing,
                trouble
                    .clone()
                    .unwrap_or_else(|| "waiting for an assignment".to_owned()),
            ),
            (_, true, true) => (
                State::Rebalancing,
                "restoring state from the changelog".to_owned(),
            ),
            (Some(trouble), true, false) => (State::Running, trouble.clone()),
            (None, true, false) => (State::Running, String::new()),
        };
        self.metrics.tasks(&tasks);
        self.board.set_thread(ThreadStatus {
            name: self.name.clone(),
            state,
            detail,
            broker_trouble: self.trouble.clone(),
            tasks,
        });
    }
}
