//! Rebalances of the `consumer` protocol (KIP-848): the coordinator names what comes and what goes, and whatever stays is
//! not interrupted.
//!
//! The inputs of one task may come in steps, because their former owners give them up one after the other. A task begins
//! once all of them are here, and ends when the first of them goes.

use std::collections::{BTreeMap, BTreeSet};

use super::commit::no_clients;
use super::stream_thread::StreamThread;
use crate::Error;
use crate::io::{Position, TopicPartition};
use crate::task::{Task, TaskId, TaskPhase};

impl StreamThread {
    /// Takes partitions besides those held, and begins the tasks that are complete with them.
    pub(super) fn added(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        for part in self.topology.subtopologies() {
            let inputs = part.inputs(&self.config.application_id);
            let of_part = partitions
                .iter()
                .filter(|partition| inputs.iter().any(|input| input.topic == partition.topic));
            for partition in of_part {
                self.refuse_new_partition(part, partition)?;
            }
        }
        let mut positions = self.positions(partitions)?;
        let starts: Vec<(TopicPartition, Position)> = positions
            .iter()
            .map(|(partition, (offset, _))| (partition.clone(), Position::Offset(*offset)))
            .collect();
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        let ids = clients.consumer.incremental_assign(&starts)?;
        clients.group = Some(clients.consumer.group_metadata()?);
        let partitions_with_ids = starts.into_iter().map(|(partition, _)| partition).zip(ids);
        self.waiting.extend(partitions_with_ids);

        let complete = self.complete_tasks();
        tracing::info!(
            thread = self.name,
            partitions = partitions.len(),
            tasks = ?complete.keys().map(ToString::to_string).collect::<Vec<_>>(),
            "partitions added"
        );
        // Those that came earlier may since have been committed by the owner of the others.
        let earlier: Vec<TopicPartition> = complete
            .values()
            .flatten()
            .filter(|partition| !positions.contains_key(partition))
            .cloned()
            .collect();
        if !earlier.is_empty() {
            let found = self.positions(&earlier)?;
            let clients = self.clients.as_mut().ok_or_else(no_clients)?;
            for (partition, (offset, _)) in &found {
                if let Some(id) = self.waiting.get(partition) {
                    clients.consumer.seek(*id, *offset)?;
                }
            }
            positions.extend(found);
        }
        for id in complete.keys() {
            self.begin_task(*id, &positions)?;
        }
        let never_committed = positions
            .into_iter()
            .filter(|(_, (_, committed))| !committed)
            .map(|(partition, _)| partition)
            .collect();
        self.begin_restore(&complete.into_keys().collect(), &never_committed)
    }

    /// The tasks whose inputs all wait, with these.
    fn complete_tasks(&self) -> BTreeMap<TaskId, Vec<TopicPartition>> {
        let mut complete = BTreeMap::new();
        for part in self.topology.subtopologies() {
            let inputs = part.inputs(&self.config.application_id);
            let numbers: BTreeSet<i32> = self
                .waiting
                .keys()
                .filter(|partition| inputs.iter().any(|input| input.topic == partition.topic))
                .map(|partition| partition.partition)
                .collect();
            for partition in numbers {
                let of_task: Vec<TopicPartition> = inputs
                    .iter()
                    .map(|input| TopicPartition::new(&input.topic, partition))
                    .collect();
                if of_task.iter().all(|input| self.waiting.contains_key(input)) {
                    let subtopology = part.index();
                    let id = TaskId {
                        subtopology,
                        partition,
                    };
                    complete.insert(id, of_task);
                } else {
                    tracing::info!(
                        thread = self.name,
                        partition,
                        inputs = ?inputs.iter().map(|input| &input.topic).collect::<Vec<_>>(),
                        "a task waits for the rest of its inputs"
                    );
                }
            }
        }
        complete
    }

    fn begin_task(
        &mut self,
        id: TaskId,
        positions: &BTreeMap<TopicPartition, (i64, bool)>,
    ) -> Result<(), Error> {
        let topics = self.topics_of(id);
        let mut task = Task::open(id, &self.topology, &self.directory, &self.settings, topics)?;
        for input in task.inputs.iter_mut() {
            input.id = self.waiting.remove(&input.partition);
            let position = positions.get(&input.partition);
            input.reset(position.map_or(0, |(offset, _)| *offset));
        }
        self.tasks.insert(id, task);
        Ok(())
    }

    /// Gives partitions up: commits, which covers all tasks, and ends those that lose an input.
    pub(super) fn removed(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let committed = self.commit_in_time();
        tracing::info!(
            thread = self.name,
            partitions = partitions.len(),
            "partitions removed"
        );
        let ended = self.end_tasks(partitions, committed.is_err());
        self.revocation = None;
        ended?;
        self.given_up(committed)
    }

    fn end_tasks(&mut self, partitions: &[TopicPartition], roll_back: bool) -> Result<(), Error> {
        let mut going = BTreeSet::new();
        for task in self.tasks.values_mut() {
            let mut inputs = task.inputs.iter();
            if !inputs.any(|input| partitions.contains(&input.partition)) {
                continue;
            }
            going.insert(task.id);
            for input in task.inputs.iter_mut() {
                // What is not to go waits for the rest; there is nothing to seek in before.
                let id = input.id.take();
                self.waiting
                    .extend(id.map(|id| (input.partition.clone(), id)));
            }
        }
        let aborted = if roll_back { self.abort() } else { Ok(()) };
        self.end_restore(&going)?;
        for id in &going {
            if let Some(task) = self.tasks.get_mut(id) {
                task.phase = TaskPhase::Suspended;
            }
        }
        self.waiting
            .retain(|partition, _| !partitions.contains(partition));
        // Before anything is closed: others wait for the partitions, and nobody for our files.
        let clients = self.clients_mut()?;
        clients.consumer.incremental_unassign(partitions)?;
        let staying: BTreeSet<TaskId> = self
            .tasks
            .keys()
            .filter(|id| !going.contains(id))
            .copied()
            .collect();
        self.close_tasks_except(&staying)?;
        aborted
    }
}
