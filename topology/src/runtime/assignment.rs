//! What the group decides: revoke, assign, lost. Done on the stream thread; the group waits.

use std::collections::{BTreeMap, BTreeSet};

use super::AutoOffsetReset;
use super::commit::no_clients;
use super::retry::retry;
use super::stop::Purpose;
use super::stream_thread::StreamThread;
use crate::graph::{InputTopic, SubTopology};
use crate::io::{GroupEvent, GroupProtocol, Position, TopicDescription, TopicPartition};
use crate::task::{Task, TaskId, TaskPhase, TaskTopics};
use crate::{Error, ErrorClass};

impl StreamThread {
    pub(super) fn rebalance(&mut self, event: GroupEvent) -> Result<(), Error> {
        let kind = match &event {
            GroupEvent::Assigned(_) => "assigned",
            GroupEvent::Revoked(_) => "revoked",
            GroupEvent::Lost(_) => "lost",
            GroupEvent::Added(_) => "assigned",
            GroupEvent::Removed(_) => "revoked",
        };
        self.metrics.rebalances.with_label_values(&[kind]).inc();
        let rebalanced = self.rebalanced(event);
        // Behind it: what was given up is closed, and what came is open.
        self.board.assigned();
        rebalanced
    }

    fn rebalanced(&mut self, event: GroupEvent) -> Result<(), Error> {
        match event {
            GroupEvent::Revoked(partitions) => {
                tracing::info!(
                    thread = self.name,
                    partitions = partitions.len(),
                    "partitions revoked: committing"
                );
                let committed = self.commit_in_time();
                let suspended = self.suspend(committed.is_err());
                self.revocation = None;
                suspended?;
                self.given_up(committed)
            }
            GroupEvent::Lost(partitions) => {
                tracing::warn!(
                    thread = self.name,
                    partitions = partitions.len(),
                    "partitions lost: dropping what is not committed"
                );
                self.suspend(true)
            }
            GroupEvent::Assigned(partitions) => self.assigned(&partitions),
            GroupEvent::Added(partitions) => self.added(&partitions),
            GroupEvent::Removed(partitions) => self.removed(&partitions),
        }
    }

    /// Partitions were given up after this commit, or without it: whoever takes over starts from the last one.
    pub(super) fn given_up(&self, committed: Result<bool, Error>) -> Result<(), Error> {
        match committed {
            Err(error) if error.class() == ErrorClass::Abortable => {
                tracing::warn!(
                    thread = self.name,
                    "{error}; partitions given up without this commit"
                );
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    /// Gives up all partitions; stores stay open, because most of them will be back. With several
    /// threads they are closed: another thread of this process may be given the task, and a
    /// database is open only once. Under the consumer protocol they are closed too: who lost them is
    /// given some later, and the others not at all.
    fn suspend(&mut self, roll_back: bool) -> Result<(), Error> {
        for input in self
            .tasks
            .values_mut()
            .flat_map(|task| task.inputs.iter_mut())
        {
            // Given up in a moment: there is nothing to seek in.
            input.id = None;
        }
        let aborted = if roll_back { self.abort() } else { Ok(()) };
        let ids: BTreeSet<TaskId> = self.tasks.keys().copied().collect();
        self.end_restore(&ids)?;
        self.waiting.clear();
        for task in self.tasks.values_mut() {
            task.phase = TaskPhase::Suspended;
            self.board.suspended(task.id);
            for input in task.inputs.iter_mut() {
                input.reset(input.committed);
            }
        }
        let closes = self.config.num_stream_threads > 1
            || self.config.group_protocol == GroupProtocol::Consumer;
        if closes && aborted.is_ok() {
            self.close_tasks_except(&BTreeSet::new())?;
        }
        let clients = self.clients_mut()?;
        clients.group = None;
        clients.consumer.unassign()?;
        aborted
    }

    fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let wanted = self.tasks_of(partitions)?;
        tracing::info!(thread = self.name, tasks = ?wanted.iter().map(ToString::to_string).collect::<Vec<_>>(), "partitions assigned");
        self.close_tasks_except(&wanted)?;
        for id in &wanted {
            if !self.tasks.contains_key(id) {
                let topics = self.topics_of(*id);
                let task =
                    Task::open(*id, &self.topology, &self.directory, &self.settings, topics)?;
                self.tasks.insert(*id, task);
            }
        }
        let positions = self.positions(partitions)?;
        let starts: Vec<(TopicPartition, Position)> = positions
            .iter()
            .map(|(partition, (offset, _))| (partition.clone(), Position::Offset(*offset)))
            .collect();
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        let ids = clients.consumer.assign(&starts)?;
        clients.group = Some(clients.consumer.group_metadata()?);
        let ids: BTreeMap<&TopicPartition, _> = starts
            .iter()
            .map(|(partition, _)| partition)
            .zip(ids)
            .collect();
        for task in self.tasks.values_mut() {
            for input in task.inputs.iter_mut() {
                input.id = ids.get(&input.partition).copied();
                input.reset(
                    positions
                        .get(&input.partition)
                        .map_or(0, |(offset, _)| *offset),
                );
            }
        }
        let never_committed: BTreeSet<TopicPartition> = positions
            .into_iter()
            .filter(|(_, (_, committed))| !committed)
            .map(|(partition, _)| partition)
            .collect();
        self.begin_restore(&wanted, &never_committed)
    }

    /// The tasks whose inputs these partitions are; all inputs of a task, or the assignor has torn
    /// co-partitioned topics apart.
    fn tasks_of(&self, partitions: &[TopicPartition]) -> Result<BTreeSet<TaskId>, Error> {
        let assigned: BTreeSet<&TopicPartition> = partitions.iter().collect();
        let mut tasks = BTreeSet::new();
        for part in self.topology.subtopologies() {
            let inputs = part.inputs(&self.config.application_id);
            for partition in assigned
                .iter()
                .filter(|assigned| inputs.iter().any(|input| input.topic == assigned.topic))
            {
                let id = TaskId {
                    subtopology: part.index(),
                    partition: partition.partition,
                };
                self.refuse_new_partition(part, partition)?;
                let missing = |input: &&InputTopic| {
                    !assigned.contains(&TopicPartition::new(&input.topic, id.partition))
                };
                if let Some(torn) = inputs.iter().find(missing) {
                    let detail = format!(
                        "task {id} was given {partition} without {}-{}; all members must use the range assignor, and the topics must have equal partition counts",
                        torn.topic, id.partition
                    );
                    return Err(Error::fatal("take an assignment", detail));
                }
                tasks.insert(id);
            }
        }
        Ok(tasks)
    }

    /// A partition that was added to an input of stateful tasks would have records of keys whose state lies elsewhere.
    pub(super) fn refuse_new_partition(
        &self,
        part: &SubTopology,
        partition: &TopicPartition,
    ) -> Result<(), Error> {
        let known = self.known_topics.get(&partition.topic);
        let is_new = |known: &&TopicDescription| partition.partition >= known.partitions;
        let Some(known) = known.filter(is_new).filter(|_| !part.stores().is_empty()) else {
            return Ok(());
        };
        let (topic, before) = (&known.name, known.partitions);
        let detail = format!(
            "{topic} had {before} partitions at the start and has more now: records of a key would go to another task \
             than the one that holds its state. Let the producers write to a new topic with {before} partitions, or \
             start under a new application id"
        );
        Err(Error::fatal("take an assignment", detail))
    }

    pub(super) fn close_tasks_except(&mut self, wanted: &BTreeSet<TaskId>) -> Result<(), Error> {
        let gone: Vec<TaskId> = self
            .tasks
            .keys()
            .filter(|id| !wanted.contains(id))
            .copied()
            .collect();
        for id in gone {
            self.board.forget_task(id);
            if let Some(task) = self.tasks.remove(&id) {
                task.close()?;
            }
        }
        Ok(())
    }

    pub(super) fn topics_of(&self, id: TaskId) -> TaskTopics {
        let application_id = &self.config.application_id;
        TaskTopics::of(id, &self.topology, application_id, &self.known_topics)
    }

    /// Where each partition begins, and whether the group ever committed there. Committed offsets
    /// are asked for first: the answer waits until no transaction on them is pending, so watermarks
    /// asked for afterwards include what a dead owner managed to commit.
    pub(super) fn positions(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, (i64, bool)>, Error> {
        let patience = self.patience(Purpose::Start);
        let reset = self.config.auto_offset_reset;
        let clients = self.clients_mut()?;
        let consumer = &mut clients.consumer;
        let committed = retry(patience.clone(), |timeout| {
            consumer.committed(partitions, timeout)
        })?;
        let mut positions = BTreeMap::new();
        let mut unknown = Vec::new();
        for (partition, committed) in partitions.iter().zip(committed) {
            match committed {
                Some(offset) => {
                    positions.insert(partition.clone(), (offset, true));
                }
                None => unknown.push(partition.clone()),
            }
        }
        if !unknown.is_empty() {
            let admin = &mut clients.admin;
            let marks = retry(patience, |timeout| admin.watermarks(&unknown, timeout))?;
            for (partition, marks) in unknown.into_iter().zip(marks) {
                let offset = match reset {
                    AutoOffsetReset::Earliest => marks.low,
                    AutoOffsetReset::Latest => marks.high,
                };
                positions.insert(partition, (offset, false));
            }
        }
        Ok(positions)
    }
}
