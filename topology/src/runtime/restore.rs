//! Brings the state of newly assigned tasks up to the changelog, all of them in parallel, a slice
//! per turn of the loop so that running tasks go on.
//!
//! A restore ends when end-of-partition is seen at or beyond the high watermark captured after the
//! assignment: positions alone cannot tell, because transaction markers take offsets; and
//! end-of-partition alone cannot either, because the open transaction of a dead owner ends a
//! read_committed partition early.

use std::collections::BTreeSet;
use std::time::Duration;

use super::commit::{no_clients, rebuild_if_passing};
use super::contain::contained;
use super::status::RestoreStatus;
use super::stream_thread::StreamThread;
use crate::io::{InputId, TopicPartition};
use crate::store::StoreId;
use crate::task::{Task, TaskId, TaskPhase};
use crate::{Error, ErrorClass};

/// Records restored of one changelog before the others have their turn.
const TURN: usize = 10_000;
/// Records restored per turn of the loop, of all changelogs together, while other tasks of the thread have something to
/// do: about as long as those take for one of their batches at most.
const TURN_BESIDE_RUNNING: usize = 400;

/// The restore of one task.
pub(super) struct Restoration {
    pub(super) task: TaskId,
    pub(super) changelogs: Vec<Changelog>,
    pub(super) started: Duration,
    pub(super) records: u64,
    /// The group has no offset of one of the task's inputs.
    pub(super) never_committed: bool,
}

pub(super) struct Changelog {
    pub(super) store: StoreId,
    pub(super) partition: TopicPartition,
    pub(super) input: InputId,
    pub(super) begin: i64,
    pub(super) position: i64,
    pub(super) target: i64,
    pub(super) done: bool,
}

impl Restoration {
    /// How far it has come at this moment of the monotonic clock.
    pub(super) fn status(&self, now: Duration) -> RestoreStatus {
        let (mut remaining, mut total) = (0, 0);
        for changelog in &self.changelogs {
            if !changelog.done {
                remaining += (changelog.target - changelog.position).max(0);
            }
            total += (changelog.target - changelog.begin).max(0);
        }
        let seconds = now.saturating_sub(self.started).as_secs_f64();
        let per_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        // Offsets, not records: compaction and transaction markers leave gaps, which pass at no cost.
        let pace = per_second((total - remaining) as f64);
        RestoreStatus {
            remaining,
            total,
            records_per_second: per_second(self.records as f64) as u64,
            eta_seconds: (remaining > 0 && pace > 0.0)
                .then(|| (remaining as f64 / pace).ceil() as u64),
        }
    }
}

impl StreamThread {
    /// Starting over would process every input record again on top of what it already did. Unless
    /// the offsets are there by now: then another has the partition, and this is a zombie.
    fn offsets_missing(&mut self, id: TaskId) -> Error {
        let inputs: Vec<TopicPartition> = self
            .tasks
            .get(&id)
            .map(|task| {
                task.inputs
                    .iter()
                    .map(|input| input.partition.clone())
                    .collect()
            })
            .unwrap_or_default();
        let consumer = match self.clients_mut() {
            Ok(clients) => &mut clients.consumer,
            Err(error) => return error,
        };
        match consumer.committed(&inputs, Duration::from_secs(5)) {
            Ok(committed) if committed.iter().any(Option::is_none) => {
                offsets_missing(id, &self.config.application_id)
            }
            Ok(_) => Error::new(
                ErrorClass::Fenced,
                "start a task",
                "another instance has committed since the partition was assigned to this one",
            ),
            Err(error) => error,
        }
    }

    /// Ends the restores of these tasks that are under way; a client takes no partition twice.
    pub(super) fn end_restore(&mut self, ids: &BTreeSet<TaskId>) -> Result<(), Error> {
        let (restorations, going) = std::mem::take(&mut self.restorations)
            .into_iter()
            .partition::<Vec<_>, _>(|restoration| ids.contains(&restoration.task));
        self.restorations = going;
        let reader = &mut self.clients_mut()?.reader;
        let mut ended = Ok(());
        for changelog in restorations
            .iter()
            .flat_map(|restoration| &restoration.changelogs)
        {
            ended = ended.and(reader.remove(changelog.input));
        }
        ended
    }

    /// Restores a slice of each changelog; answers whether anything was done.
    pub(super) fn restore(&mut self) -> Result<bool, Error> {
        if self.restorations.is_empty() {
            return Ok(false);
        }
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        clients.reader.poll()?;
        let running = || {
            let tasks = self.tasks.values();
            tasks.filter(|task| task.phase == TaskPhase::Running)
        };
        let mut allowed = if running().any(|task| !task.inputs.caught_up()) {
            TURN_BESIDE_RUNNING
        } else if running().next().is_some() {
            // Nothing to do at present; what comes is not to wait for long.
            TURN
        } else {
            usize::MAX
        };
        // Whoever came first this turn comes last in the next one.
        self.restorations.rotate_left(1);
        let mut moved = false;
        'turn: for restoration in &mut self.restorations {
            let Some(task) = self.tasks.get_mut(&restoration.task) else {
                continue;
            };
            for changelog in restoration
                .changelogs
                .iter_mut()
                .filter(|changelog| !changelog.done)
            {
                if allowed == 0 {
                    break 'turn;
                }
                self.batch.clear();
                let fetched =
                    clients
                        .reader
                        .fetch(changelog.input, TURN.min(allowed), &mut self.batch)?;
                allowed -= fetched.records.min(allowed);
                if let Some(last) = self.batch.iter().last().map(|record| record.offset) {
                    let mut records = self
                        .batch
                        .iter()
                        .filter_map(|record| Some((record.key?, record.value)));
                    task.scope
                        .state
                        .restore(changelog.store, &mut records, last + 1)?;
                    changelog.position = last + 1;
                    restoration.records += fetched.records as u64;
                    self.metrics.restored_records.inc_by(fetched.records as u64);
                    moved = true;
                }
                if let Some(end) = fetched
                    .end_of_partition
                    .filter(|end| *end >= changelog.target)
                {
                    // Past the markers, so that nothing of this is read again.
                    task.scope
                        .state
                        .restore(changelog.store, &mut std::iter::empty(), end)?;
                    task.scope.state.end_ingest(changelog.store)?;
                    changelog.position = end;
                    changelog.done = true;
                }
            }
        }
        // What is done is not asked again.
        moved |= self.finish_restored().map_err(rebuild_if_passing)?;
        Ok(moved)
    }

    fn finish_restored(&mut self) -> Result<bool, Error> {
        let is_done = |restoration: &Restoration| {
            restoration
                .changelogs
                .iter()
                .all(|changelog| changelog.done)
        };
        let (done, going): (Vec<_>, Vec<_>) = std::mem::take(&mut self.restorations)
            .into_iter()
            .partition(is_done);
        self.restorations = going;
        let any = !done.is_empty();
        for restoration in done {
            let clients = self.clients.as_mut().ok_or_else(no_clients)?;
            for changelog in &restoration.changelogs {
                tracing::debug!(changelog = %changelog.partition, from = changelog.begin, to = changelog.position, "restored");
                clients.reader.remove(changelog.input)?;
            }
            let Some(task) = self.tasks.get_mut(&restoration.task) else {
                continue;
            };
            let history = task
                .progress()?
                .is_some_and(|progress| !progress.positions.is_empty());
            if restoration.never_committed && history {
                return Err(self.offsets_missing(restoration.task));
            }
            contained(task, "start a processor", Task::complete_restoration)?;
            if restoration.records > 0 {
                // Else whoever is killed again and again would replay ever more.
                task.scope.state.flush()?;
            }
            let took = self.clock.monotonic().saturating_sub(restoration.started);
            self.metrics.restore_seconds.observe(took.as_secs_f64());
            tracing::info!(thread = self.name, task = %restoration.task, records = restoration.records, ?took, "state restored");
            let names = task.scope.state.specs();
            let names = names.map(|(_, spec)| spec.name.clone()).collect();
            let view = task.scope.state.committed();
            self.board.set_stores(task.id, view, names);
            self.board
                .set_counters(task.id, task.scope.counters.values());
        }
        Ok(any)
    }
}

fn offsets_missing(task: TaskId, application_id: &str) -> Error {
    Error::fatal(
        "start a task",
        format!(
            "there is state, but the group {application_id} has no committed offsets (they expired, or the group was \
             deleted, or an input topic, with which its offsets go); \
             set the offsets to the positions of the state with kafka-consumer-groups --reset-offsets, or delete the state \
             directory and the changelog topics of {application_id} to begin anew"
        ),
    )
    .at(format!("task {task}"))
}
