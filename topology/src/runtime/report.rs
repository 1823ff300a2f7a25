//! What a thread tells the outside: committed counts, tasks, lag, restore, what the state holds.

use std::time::Duration;

use super::paused::reason_of_pauses;
use super::status::{InputProgress, LastCommit, RestoreStatus, State, TaskStatus, ThreadStatus};
use super::stream_thread::StreamThread;
use crate::metrics::{InputLag, Oldest, StateTotals, TaskSample, ThreadSample, input_kind};
use crate::store::SetAsideReason;
use crate::task::TaskPhase;

/// Between two updates of the status board.
const STATUS_INTERVAL: Duration = Duration::from_millis(200);
/// Between two looks at what RocksDB says of itself.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(3);

/// What the states held when they were last looked at.
#[derive(Debug, Default)]
pub(super) struct SampledStatistics {
    at: Option<Duration>,
    totals: StateTotals,
}

/// How long the parts of one turn of the loop took; those without anything to do are left out.
pub(super) struct Turn {
    pub(super) polled: Option<Duration>,
    pub(super) processed: Option<Duration>,
    pub(super) punctuated: Option<Duration>,
}

impl StreamThread {
    pub(super) fn turn_took(&self, turn: Turn) {
        let metrics = &self.metrics;
        for (histogram, took) in [
            (&metrics.poll_seconds, turn.polled),
            (&metrics.process_seconds, turn.processed),
            (&metrics.punctuate_seconds, turn.punctuated),
        ] {
            if let Some(took) = took {
                histogram.observe(took.as_secs_f64());
            }
        }
    }

    /// Step 7: what was committed becomes visible.
    pub(super) fn publish(&mut self, started: Duration) {
        (self.rebuilds, self.aborts) = Default::default();
        let uncommitted = std::mem::take(&mut self.uncommitted);
        let metrics = &self.metrics;
        let outputs = self.clients.iter().flat_map(|it| it.outputs.topics());
        for (output, topic, kind) in outputs {
            let sent = uncommitted.sent.get(output.0 as usize);
            if let Some(sent) = sent.filter(|sent| **sent > 0) {
                let counter = &metrics.records_out;
                counter
                    .with_label_values(&[topic, kind.as_str()])
                    .inc_by(*sent);
            }
        }
        metrics.transactions.with_label_values(&["committed"]).inc();
        let took = self.clock.monotonic().saturating_sub(started);
        metrics.commit_seconds.observe(took.as_secs_f64());
        let now = self.clock.wall_clock_ms();
        let commit = (now, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        // Added up here first: one record costs no atomic operation.
        let latency = metrics.end_to_end_latency.local();
        for task in self
            .tasks
            .values_mut()
            .filter(|task| task.phase == TaskPhase::Running)
        {
            if std::mem::take(&mut task.wrote) {
                task.last_commit = Some(commit);
            }
            for input in task.inputs.iter_mut() {
                if input.taken.records() == 0 {
                    continue;
                }
                metrics
                    .records_in
                    .with_label_values(&[
                        input.partition.topic.as_str(),
                        input_kind(input.internal),
                    ])
                    .inc_by(input.taken.records());
                let runs = input.taken.runs().iter().filter(|_| !input.internal);
                for (timestamp, count) in runs {
                    let age = now.saturating_sub(*timestamp).max(0) as f64 / 1_000.0;
                    (0..*count).for_each(|_| latency.observe(age));
                }
                input.taken.clear();
            }
            for (reason, count) in task.scope.dead_lettered.drain() {
                metrics
                    .dead_letters
                    .with_label_values(&["user", reason])
                    .inc_by(count);
            }
            self.board
                .set_counters(task.id, task.scope.counters.values());
        }
        latency.flush();
    }

    /// Asks RocksDB, but not often.
    fn look_at_state(&mut self, now: Duration) {
        let statistics = &mut self.statistics;
        let recently = |at: Duration| now.saturating_sub(at) < STATISTICS_INTERVAL;
        if statistics.at.is_some_and(recently) {
            return;
        }
        statistics.at = Some(now);
        statistics.totals = StateTotals::default();
        for task in self.tasks.values() {
            statistics.totals.add(&task.scope.state.statistics());
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
        self.look_at_state(now);
        let Some(clients) = self.clients.as_mut() else {
            return;
        };
        self.trouble = clients.consumer.broker_trouble();
        let mut tasks = Vec::with_capacity(self.tasks.len());
        let mut samples = Vec::with_capacity(self.tasks.len());
        for task in self.tasks.values() {
            let restore = self
                .restorations
                .iter()
                .find(|restoration| restoration.task == task.id);
            let mut inputs = Vec::with_capacity(task.inputs.all.len());
            let mut lags = Vec::with_capacity(task.inputs.all.len());
            for input in task.inputs.iter() {
                let next = input.queue.front().map(|record| record.timestamp);
                let mut progress = InputProgress {
                    topic: input.partition.topic.clone(),
                    partition: input.partition.partition,
                    position: input.position,
                    lag: None,
                    oldest_ms: next.or(input.taken.last()),
                };
                let marks = input
                    .id
                    .and_then(|id| clients.consumer.cached_watermarks(id));
                let Some(marks) = marks else {
                    inputs.push(progress);
                    continue;
                };
                // Once the end was seen, what is left before the watermark are transaction markers.
                let caught_up = input.queue.is_empty() && input.at_end;
                let behind = if caught_up {
                    0
                } else {
                    (marks.high - input.position).max(0)
                };
                progress.lag = Some(behind);
                if caught_up {
                    progress.oldest_ms = None;
                }
                lags.push(InputLag {
                    topic: input.partition.topic.clone(),
                    partition: input.partition.partition,
                    records: behind,
                    oldest: match progress.oldest_ms {
                        _ if caught_up => Oldest::CaughtUp,
                        Some(timestamp) => Oldest::At(timestamp),
                        None => Oldest::Unknown,
                    },
                });
                inputs.push(progress);
            }
            let restore =
                restore.map_or_else(RestoreStatus::default, |restore| restore.status(now));
            samples.push(TaskSample {
                id: task.id,
                phase: task.phase,
                restore_remaining: restore.remaining,
                restore_eta_seconds: restore.eta_seconds,
                stream_time_ms: task.scope.stream_time,
                watermark_ms: task.scope.watermark_ms,
                paused: task.scope.circuit.paused().is_some(),
                lag: lags,
            });
            tasks.push(TaskStatus {
                id: task.id.to_string(),
                state: task.phase.as_str(),
                paused: task.scope.circuit.paused().map(str::to_owned),
                restore,
                inputs,
                last_commit: task
                    .last_commit
                    .map(|(at_ms, took_ms)| LastCommit { at_ms, took_ms }),
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
            (None, true, false) => (State::Running, reason_of_pauses(&tasks)),
        };
        let directory = &self.directory;
        let sample = ThreadSample {
            tasks: samples,
            state: self.statistics.totals,
            directory: directory.statistics(),
            set_aside: SetAsideReason::ALL.map(|reason| directory.set_aside_count(reason)),
        };
        self.metrics.samples.set(&self.name, sample);
        self.board.set_thread(ThreadStatus {
            name: self.name.clone(),
            state,
            detail,
            broker_trouble: self.trouble.clone(),
            tasks,
        });
    }
}
