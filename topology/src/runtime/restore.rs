//! Brings the state of newly assigned tasks up to the changelog, all of them in parallel, a slice
//! per turn of the loop so that running tasks go on.
//!
//! A restore ends when end-of-partition is seen at or beyond the high watermark captured after the
//! assignment: positions alone cannot tell, because transaction markers take offsets; and
//! end-of-partition alone cannot either, because the open transaction of a dead owner ends a
//! read_committed partition early.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::commit::{no_clients, rebuild_if_passing};
use super::contain::contained;
use super::retry::retry;
use super::status::RestoreStatus;
use super::stream_thread::StreamThread;
use crate::graph::SubTopology;
use crate::io::{InputId, Position, TopicId, TopicPartition, Watermarks};
use crate::store::{SetAsideReason, StoreId};
use crate::task::{Task, TaskId, TaskPhase};
use crate::{Error, ErrorClass};

/// Records restored of one changelog before the others have their turn.
const TURN: usize = 10_000;
/// Records restored per turn of the loop, of all changelogs together, while other tasks of the thread have something to
/// do: about as long as those take for one of their batches at most.
const TURN_BESIDE_RUNNING: usize = 2_000;

/// The restore of one task.
pub(super) struct Restoration {
    pub(super) task: TaskId,
    changelogs: Vec<Changelog>,
    started: Duration,
    records: u64,
    never_committed: bool,
}

struct Changelog {
    store: StoreId,
    partition: TopicPartition,
    input: InputId,
    begin: i64,
    position: i64,
    target: i64,
    done: bool,
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
    /// Begins the restore of tasks that were just assigned; one whose state is complete runs at
    /// once.
    pub(super) fn begin_restore(
        &mut self,
        ids: &BTreeSet<TaskId>,
        never_committed: &BTreeSet<TopicPartition>,
    ) -> Result<(), Error> {
        for id in ids.iter().copied() {
            let restoration = self.plan(id, never_committed)?;
            if let Some(task) = self.tasks.get_mut(&id) {
                task.phase = TaskPhase::Restoring;
                let names = task.scope.state.specs();
                let names = names.map(|(_, spec)| spec.name.clone()).collect();
                self.board.restoring(id, names);
            }
            self.restorations.push(restoration);
        }
        Ok(())
    }

    fn plan(
        &mut self,
        id: TaskId,
        never_committed: &BTreeSet<TopicPartition>,
    ) -> Result<Restoration, Error> {
        let missing = |task: &Task| {
            task.inputs
                .iter()
                .any(|input| never_committed.contains(&input.partition))
        };
        let never_committed = self.tasks.get(&id).is_some_and(missing);
        let mut plan = Restoration {
            task: id,
            changelogs: Vec::new(),
            started: self.clock.monotonic(),
            records: 0,
            never_committed,
        };
        let logged = self.logged_stores(id);
        let partitions: Vec<TopicPartition> = logged
            .iter()
            .map(|(_, partition)| partition.clone())
            .collect();
        if partitions.is_empty() {
            return Ok(plan);
        }
        let (clock, timeout) = (Arc::clone(&self.clock), self.config.task_timeout);
        let admin = &mut self.clients_mut()?.admin;
        let marks = retry(clock.as_ref(), timeout, || {
            admin.watermarks(&partitions, Duration::from_secs(5))
        })?;
        let names: Vec<&str> = partitions.iter().map(|it| it.topic.as_str()).collect();
        let ids = retry(clock.as_ref(), timeout, || {
            admin.topic_ids(&names, Duration::from_secs(5))
        })?;
        let mut outside = logged
            .iter()
            .zip(&marks)
            .find_map(|((store, partition), marks)| {
                let position = self
                    .tasks
                    .get(&id)?
                    .scope
                    .state
                    .changelog_position(*store)?;
                outside(position, *marks)
                    .map(|(reason, why)| (reason, format!("{partition}: {why}")))
            });
        if outside.is_none() {
            outside = self.made_anew(id, &logged, &ids)?;
        }
        if let Some((reason, why)) = outside {
            self.set_aside(id, reason, &why)?;
        }
        self.remember_topics(id, &logged, &ids)?;
        for ((store, partition), marks) in logged.into_iter().zip(marks) {
            let Some(task) = self.tasks.get(&id) else {
                break;
            };
            let begin = task
                .scope
                .state
                .changelog_position(store)
                .unwrap_or(marks.low);
            let target = marks.high;
            if begin >= target {
                // Complete, as after a clean stop.
                continue;
            }
            let clients = self.clients.as_mut().ok_or_else(no_clients)?;
            let input = clients.reader.add(&partition, Position::Offset(begin))?;
            plan.changelogs.push(Changelog {
                store,
                partition,
                input,
                begin,
                position: begin,
                target,
                done: false,
            });
        }
        Ok(plan)
    }

    /// A changelog whose topic is not the one that the stored position belongs to, though the offset might be: it was
    /// deleted, made anew and has grown since.
    fn made_anew(
        &mut self,
        id: TaskId,
        logged: &[(StoreId, TopicPartition)],
        ids: &[Option<TopicId>],
    ) -> Result<Option<(SetAsideReason, String)>, Error> {
        let Some(task) = self.tasks.get_mut(&id) else {
            return Ok(None);
        };
        let state = &mut task.scope.state;
        for ((store, partition), found) in logged.iter().zip(ids) {
            let stored = state.changelog_topic(*store)?;
            let differs = stored.is_some() && found.is_some() && stored != *found;
            if differs && state.changelog_position(*store).is_some() {
                let why = format!(
                    "{partition}: the topic is not the one of the stored offset; it was made anew"
                );
                return Ok(Some((SetAsideReason::ChangelogRecreated, why)));
            }
        }
        Ok(None)
    }

    fn remember_topics(
        &mut self,
        id: TaskId,
        logged: &[(StoreId, TopicPartition)],
        ids: &[Option<TopicId>],
    ) -> Result<(), Error> {
        let Some(task) = self.tasks.get_mut(&id) else {
            return Ok(());
        };
        for ((store, _), found) in logged.iter().zip(ids) {
            if let Some(found) = found
                && task.scope.state.changelog_topic(*store)? != Some(*found)
            {
                task.scope.state.set_changelog_topic(*store, *found)?;
            }
        }
        Ok(())
    }

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

    fn logged_stores(&self, id: TaskId) -> Vec<(StoreId, TopicPartition)> {
        let Some(task) = self.tasks.get(&id) else {
            return Vec::new();
        };
        let stores = (0..).map(StoreId).zip(task.subtopology().stores());
        stores
            .filter(|(_, spec)| spec.changelog)
            .map(|(store, spec)| {
                let topic = SubTopology::changelog_topic(&self.config.application_id, &spec.name);
                (store, TopicPartition::new(topic, id.partition))
            })
            .collect()
    }

    /// The state on disk does not continue in the changelog: it is kept aside for a person, and the
    /// task begins with nothing.
    fn set_aside(&mut self, id: TaskId, reason: SetAsideReason, why: &str) -> Result<(), Error> {
        let Some(task) = self.tasks.remove(&id) else {
            return Ok(());
        };
        tracing::warn!(thread = self.name, task = %id, "state set aside, restoring from the beginning: {why}");
        let topics = self.topics_of(id);
        let inputs = task.set_aside(reason, why)?;
        let mut task = Task::open(id, &self.topology, &self.directory, &self.settings, topics)?;
        task.inputs = inputs;
        self.tasks.insert(id, task);
        Ok(())
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
        for restoration in &mut self.restorations {
            let Some(task) = self.tasks.get_mut(&restoration.task) else {
                continue;
            };
            for changelog in restoration
                .changelogs
                .iter_mut()
                .filter(|changelog| !changelog.done)
            {
                if allowed == 0 {
                    return Ok(moved | self.finish_restored().map_err(rebuild_if_passing)?);
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
                .progress()
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

/// Why a stored position is not one of the changelog's, if it is not.
fn outside(position: i64, marks: Watermarks) -> Option<(SetAsideReason, String)> {
    if position < marks.low {
        let why = format!(
            "the stored offset {position} was deleted, the log begins at {}",
            marks.low
        );
        return Some((SetAsideReason::ChangelogTruncated, why));
    }
    // The marker of the last transaction is counted in, and may not be written yet.
    (position > marks.high + 1).then(|| {
        let why = format!(
            "the stored offset {position} lies beyond the end {}; the topic was made anew",
            marks.high
        );
        (SetAsideReason::ChangelogRecreated, why)
    })
}

fn offsets_missing(task: TaskId, application_id: &str) -> Error {
    Error::fatal(
        "start a task",
        format!(
            "there is state, but the group {application_id} has no committed offsets (they expired, or the group was deleted); \
             set the offsets to the positions of the state with kafka-consumer-groups --reset-offsets, or delete the state \
             directory and the changelog topics of {application_id} to begin anew"
        ),
    )
    .at(format!("task {task}"))
}
