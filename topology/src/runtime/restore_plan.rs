//! Where the restore of each task begins and ends, and whether the state on disk continues in its changelog at all.

use std::collections::{BTreeMap, BTreeSet};

use super::commit::no_clients;
use super::restore::{Changelog, Restoration};
use super::retry::{Patience, retry};
use super::stop::Purpose;
use super::stream_thread::StreamThread;
use crate::Error;
use crate::graph::SubTopology;
use crate::io::{Admin, Position, TopicId, TopicPartition, Watermarks};
use crate::store::{SetAsideReason, StoreId, TaskState};
use crate::task::{Task, TaskId, TaskPhase};

/// Offsets to restore from which on rows are written as sorted files; below, the files would be many and small.
pub(super) const INGEST_FROM: i64 = 50_000;

/// A store with a changelog, and what the brokers say of its partition.
pub(super) struct Logged {
    pub(super) store: StoreId,
    pub(super) partition: TopicPartition,
    pub(super) marks: Watermarks,
    topic: Option<TopicId>,
}

/// The stores with a changelog of each task. The brokers are asked once for all of them.
pub(super) fn logged_stores(
    admin: &mut dyn Admin,
    patience: Patience,
    application_id: &str,
    tasks: &[(TaskId, SubTopology)],
) -> Result<BTreeMap<TaskId, Vec<Logged>>, Error> {
    let mut stores = Vec::new();
    for (id, subtopology) in tasks {
        for (store, spec) in (0..).map(StoreId).zip(subtopology.stores()) {
            if spec.changelog {
                let topic = SubTopology::changelog_topic(application_id, &spec.name);
                stores.push((*id, store, TopicPartition::new(topic, id.partition)));
            }
        }
    }
    let mut logged: BTreeMap<TaskId, Vec<Logged>> =
        tasks.iter().map(|(id, _)| (*id, Vec::new())).collect();
    if stores.is_empty() {
        return Ok(logged);
    }
    let partitions = stores.iter().map(|(_, _, partition)| partition.clone());
    let partitions: Vec<TopicPartition> = partitions.collect();
    let names: BTreeSet<&str> = partitions.iter().map(|it| it.topic.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let marks = retry(patience.clone(), |timeout| {
        admin.watermarks(&partitions, timeout)
    })?;
    let topics = retry(patience, |timeout| admin.topic_ids(&names, timeout))?;
    let topics: BTreeMap<&str, Option<TopicId>> = names.into_iter().zip(topics).collect();
    for ((id, store, partition), marks) in stores.into_iter().zip(marks) {
        let topic = topics.get(partition.topic.as_str()).copied().flatten();
        logged.entry(id).or_default().push(Logged {
            store,
            partition,
            marks,
            topic,
        });
    }
    Ok(logged)
}

/// Why the state on disk does not continue in the changelogs, if it does not in one of them: the offset is not there, or
/// it is, in a topic that was made anew and has grown since.
pub(super) fn discontinued(
    state: &mut TaskState,
    logged: &[Logged],
) -> Result<Option<(SetAsideReason, String)>, Error> {
    for logged in logged {
        let Some(position) = state.changelog_position(logged.store) else {
            continue;
        };
        let stored = state.changelog_topic(logged.store)?;
        let differs = stored.is_some() && logged.topic.is_some() && stored != logged.topic;
        let found = outside(position, logged.marks).or_else(|| {
            let why = "the topic is not the one of the stored offset; it was made anew";
            differs.then(|| (SetAsideReason::ChangelogRecreated, why.to_owned()))
        });
        if let Some((reason, why)) = found {
            return Ok(Some((reason, format!("{}: {why}", logged.partition))));
        }
    }
    Ok(None)
}

/// The offset from which on a store is to be brought up to date. The state remembers to which topic it belongs.
pub(super) fn begin_at(state: &mut TaskState, logged: &Logged) -> Result<i64, Error> {
    if let Some(topic) = logged.topic
        && state.changelog_topic(logged.store)? != Some(topic)
    {
        state.set_changelog_topic(logged.store, topic)?;
    }
    let begin = state.changelog_position(logged.store);
    Ok(begin.unwrap_or(logged.marks.low))
}

impl StreamThread {
    /// Begins the restore of tasks that were just assigned; one whose state is complete runs at
    /// once.
    pub(super) fn begin_restore(
        &mut self,
        ids: &BTreeSet<TaskId>,
        never_committed: &BTreeSet<TopicPartition>,
    ) -> Result<(), Error> {
        let tasks = self.tasks.iter().filter(|(id, _)| ids.contains(id));
        let tasks: Vec<_> = tasks
            .map(|(id, task)| (*id, task.subtopology().clone()))
            .collect();
        let patience = self.patience(Purpose::Start);
        let application_id = self.config.application_id.clone();
        let admin = self.clients_mut()?.admin.as_mut();
        for (id, logged) in logged_stores(admin, patience, &application_id, &tasks)? {
            let restoration = self.plan(id, logged, never_committed)?;
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
        logged: Vec<Logged>,
        never_committed: &BTreeSet<TopicPartition>,
    ) -> Result<Restoration, Error> {
        let missing = |task: &Task| {
            task.inputs
                .iter()
                .any(|input| never_committed.contains(&input.partition))
        };
        let mut plan = Restoration {
            task: id,
            changelogs: Vec::new(),
            started: self.clock.monotonic(),
            records: 0,
            never_committed: self.tasks.get(&id).is_some_and(missing),
        };
        let task = self.tasks.get_mut(&id);
        let found = task.map_or(Ok(None), |task| {
            discontinued(&mut task.scope.state, &logged)
        })?;
        if let Some((reason, why)) = found {
            self.set_aside(id, reason, &why)?;
        }
        for logged in logged {
            let Some(task) = self.tasks.get_mut(&id) else {
                break;
            };
            let state = &mut task.scope.state;
            let begin = begin_at(state, &logged)?;
            let target = logged.marks.high;
            if begin >= target {
                // Complete, as after a clean stop.
                continue;
            }
            if target - begin >= INGEST_FROM {
                state.begin_ingest(logged.store)?;
            }
            let clients = self.clients.as_mut().ok_or_else(no_clients)?;
            let position = Position::Offset(begin);
            let input = clients.reader.add(&logged.partition, position)?;
            plan.changelogs.push(Changelog {
                store: logged.store,
                partition: logged.partition,
                input,
                begin,
                position: begin,
                target,
                done: false,
            });
        }
        Ok(plan)
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
