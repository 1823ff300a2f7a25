//! A member of a consumer group.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, State};
use super::faults::{Fault, Operation, OperationKind};
use super::group::{Joining, Membership, Polled};
use super::input::Inputs;
use crate::io::{
    Consumer, ConsumerConfig, Fetched, GroupEvent, GroupMetadata, InputId, IoResult, Position,
    RecordBatch, TopicPartition, Watermarks,
};
use crate::{Error, ErrorClass};

pub(super) struct MemoryConsumer {
    cluster: Arc<Cluster>,
    config: ConsumerConfig,
    topics: Vec<String>,
    membership: Membership,
    /// Partitions of the last assignment, until they are given up.
    held: Vec<TopicPartition>,
    /// The loss of `held` was told, and the group is joined again once they are given up.
    lost: bool,
    inputs: Inputs,
    /// A fetch left records behind.
    more: bool,
    /// Fenced: what every further call of the membership answers.
    fenced: Option<Error>,
    trouble: Option<String>,
}

impl MemoryConsumer {
    pub(super) fn new(cluster: Arc<Cluster>, config: &ConsumerConfig) -> Self {
        Self {
            cluster,
            membership: Membership {
                group_id: config.group_id.clone(),
                instance_id: config.group_instance_id.clone(),
                member_id: 0,
                generation: -1,
            },
            inputs: Inputs::new(config.read_committed),
            config: config.clone(),
            topics: Vec::new(),
            held: Vec::new(),
            lost: false,
            more: false,
            fenced: None,
            trouble: None,
        }
    }

    fn fault(&mut self, kind: OperationKind, input: Option<InputId>) -> Option<Fault> {
        if !self.cluster.faults.armed() {
            return None;
        }
        let partition = input.and_then(|id| self.inputs.partition(kind.as_str(), id).ok());
        self.cluster.faults.ask(&Operation {
            kind,
            client_id: &self.config.client_id,
            transactional_id: None,
            partition: partition.map(|partition| (partition.topic.as_str(), partition.partition)),
        })
    }

    fn operation(&self, kind: OperationKind) -> Operation<'_> {
        Operation {
            kind,
            client_id: &self.config.client_id,
            transactional_id: None,
            partition: None,
        }
    }

    /// Passing trouble of a call that is repeated anyway is kept, anything else is returned.
    fn troubled(&mut self, error: Error) -> IoResult<()> {
        if error.class() == ErrorClass::Retriable {
            self.trouble = Some(error.to_string());
            return Ok(());
        }
        Err(error)
    }

    fn not_fenced(&self) -> IoResult<()> {
        self.fenced.clone().map_or(Ok(()), Err)
    }

    /// An instance id taken over is fatal to the client, as in librdkafka: joining again would fence the successor.
    fn keep_fenced<T>(&mut self, result: IoResult<T>) -> IoResult<T> {
        result.map_err(|error| {
            if !error.detail().starts_with("FENCED_INSTANCE_ID") {
                return error;
            }
            let fatal = Error::fatal(error.operation(), error.detail());
            self.fenced = Some(fatal.clone());
            fatal
        })
    }

    /// One look at the coordinator; joins the group if not a member.
    fn poll_coordinator(
        &mut self,
        state: &mut State,
        now: Duration,
    ) -> IoResult<Option<GroupEvent>> {
        const OPERATION: &str = OperationKind::PollGroup.as_str();
        if self.topics.is_empty() || self.lost {
            return Ok(None);
        }
        let is_missing = |topic: &&String| state.topics.index(topic).is_none();
        if let Some(missing) = self.topics.iter().find(is_missing) {
            let detail = "UNKNOWN_TOPIC_OR_PARTITION: a subscribed topic does not exist; create it";
            return Err(Error::fatal(OPERATION, detail).at(missing.clone()));
        }
        if self.membership.member_id == 0 {
            self.join(state, now);
        }
        let group = state.groups.group_mut(&self.config.group_id);
        let polled = group.poll(OPERATION, &self.membership, now)?;
        group.told(now);
        match polled {
            Polled::Nothing => Ok(None),
            Polled::Epoch(epoch) => {
                self.membership.generation = epoch;
                Ok(None)
            }
            Polled::Event { event, generation } => {
                match &event {
                    GroupEvent::Assigned(partitions) => {
                        self.held.clone_from(partitions);
                        self.membership.generation = generation;
                    }
                    GroupEvent::Added(partitions) => {
                        self.held.extend(partitions.iter().cloned());
                        self.membership.generation = generation;
                    }
                    GroupEvent::Revoked(_) | GroupEvent::Lost(_) | GroupEvent::Removed(_) => {}
                }
                Ok(Some(event))
            }
            Polled::UnknownMember => {
                self.membership.member_id = 0;
                self.membership.generation = -1;
                if self.held.is_empty() {
                    // Nothing to give up: the next poll joins again.
                    return Ok(None);
                }
                self.lost = true;
                Ok(Some(GroupEvent::Lost(self.held.clone())))
            }
        }
    }

    fn join(&mut self, state: &mut State, now: Duration) {
        let joining = Joining {
            protocol: self.config.group_protocol,
            client_id: self.config.client_id.clone(),
            topics: self.topics.clone(),
            session_timeout: self.config.session_timeout,
            max_poll_interval: self.config.max_poll_interval,
        };
        let State { topics, groups, .. } = state;
        let group = groups.group_mut(&self.config.group_id);
        let instance_id = &self.config.group_instance_id;
        self.membership.member_id = group.join(instance_id, joining, topics, now);
        state.due_at(
            now + self
                .config
                .session_timeout
                .min(self.config.max_poll_interval),
        );
        self.cluster.notify();
    }
}

impl Consumer for MemoryConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> IoResult<()> {
        self.not_fenced()?;
        if let Some(fault) = self.fault(OperationKind::Subscribe, None) {
            return Err(fault.error(OperationKind::Subscribe));
        }
        self.topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        self.topics.sort_unstable();
        self.topics.dedup();
        if self.membership.member_id != 0 {
            let (mut state, now) = self.cluster.lock();
            let State { topics, groups, .. } = &mut *state;
            let group = groups.group_mut(&self.config.group_id);
            group.subscribe(&self.membership, &self.topics, topics, now);
            self.cluster.notify();
        }
        Ok(())
    }

    fn poll(&mut self, timeout: Duration) -> IoResult<Option<GroupEvent>> {
        self.not_fenced()?;
        if let Some(fault) = self.fault(OperationKind::PollGroup, None) {
            self.troubled(fault.error(OperationKind::PollGroup))?;
            return Ok(None);
        }
        self.trouble = None;
        let cluster = Arc::clone(&self.cluster);
        let polled = cluster.wait_for(timeout, |state, now| {
            self.poll_coordinator(state, now).transpose()
        });
        self.keep_fenced(polled.transpose())
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>> {
        self.cluster
            .faults
            .run(&self.operation(OperationKind::ReadCommittedOffsets), || {
                committed(&self.cluster, &self.config.group_id, partitions, timeout)
            })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Position)]) -> IoResult<Vec<InputId>> {
        const OPERATION: &str = OperationKind::Assign.as_str();
        if let Some(fault) = self.fault(OperationKind::Assign, None) {
            return Err(fault.error(OperationKind::Assign));
        }
        self.inputs.close_all();
        let (state, _) = self.cluster.lock();
        let topics = &state.topics;
        partitions
            .iter()
            .map(|(partition, position)| self.inputs.open(OPERATION, topics, partition, *position))
            .collect()
    }

    fn unassign(&mut self) -> IoResult<()> {
        if let Some(fault) = self.fault(OperationKind::Unassign, None) {
            return Err(fault.error(OperationKind::Unassign));
        }
        self.inputs.close_all();
        self.lost = false;
        self.held.clear();
        let (mut state, _) = self.cluster.lock();
        let State { topics, groups, .. } = &mut *state;
        groups
            .group_mut(&self.config.group_id)
            .released(&self.membership, topics);
        self.cluster.notify();
        Ok(())
    }

    fn incremental_assign(
        &mut self,
        partitions: &[(TopicPartition, Position)],
    ) -> IoResult<Vec<InputId>> {
        const OPERATION: &str = OperationKind::Assign.as_str();
        if let Some(fault) = self.fault(OperationKind::Assign, None) {
            return Err(fault.error(OperationKind::Assign));
        }
        let (state, _) = self.cluster.lock();
        let topics = &state.topics;
        partitions
            .iter()
            .map(|(partition, position)| self.inputs.open(OPERATION, topics, partition, *position))
            .collect()
    }

    fn incremental_unassign(&mut self, partitions: &[TopicPartition]) -> IoResult<()> {
        if let Some(fault) = self.fault(OperationKind::Unassign, None) {
            return Err(fault.error(OperationKind::Unassign));
        }
        self.inputs.close_partitions(partitions);
        self.held.retain(|held| !partitions.contains(held));
        let (mut state, now) = self.cluster.lock();
        let group = state.groups.group_mut(&self.config.group_id);
        group.released_incrementally(&self.membership, partitions, now);
        self.cluster.notify();
        Ok(())
    }

    fn fetch(&mut self, input: InputId, max: usize, batch: &mut RecordBatch) -> IoResult<Fetched> {
        if let Some(fault) = self.fault(OperationKind::Fetch, Some(input)) {
            self.troubled(fault.error(OperationKind::Fetch))?;
            return Ok(Fetched::default());
        }
        let (mut state, now) = self.cluster.lock();
        // A process that calls is alive, and its client sends heartbeats.
        state
            .groups
            .group_mut(&self.config.group_id)
            .touch(&self.membership, now);
        let operation = OperationKind::Fetch.as_str();
        let (fetched, more) = self
            .inputs
            .fetch(operation, &state.topics, input, max, batch)?;
        self.more |= more && fetched.records > 0;
        Ok(fetched)
    }

    fn seek(&mut self, input: InputId, offset: i64) -> IoResult<()> {
        if let Some(fault) = self.fault(OperationKind::Seek, Some(input)) {
            return Err(fault.error(OperationKind::Seek));
        }
        self.more = true;
        self.inputs
            .seek(OperationKind::Seek.as_str(), input, offset)
    }

    fn wait(&mut self, timeout: Duration) {
        if std::mem::take(&mut self.more) {
            return;
        }
        let (inputs, membership) = (&mut self.inputs, &self.membership);
        let fenced = self.fenced.is_some();
        self.cluster.wait_for(timeout, |state, now| {
            let group = state.groups.group_mut(&membership.group_id);
            group.touch(membership, now);
            let event = !fenced && membership.member_id != 0 && group.has_event(membership);
            let moved = inputs.notice(&state.topics);
            (event || moved).then_some(())
        });
    }

    fn group_metadata(&mut self) -> IoResult<GroupMetadata> {
        if let Some(fault) = self.fault(OperationKind::ReadGroupMetadata, None) {
            return Err(fault.error(OperationKind::ReadGroupMetadata));
        }
        Ok(GroupMetadata(Box::new(self.membership.clone())))
    }

    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> IoResult<()> {
        self.not_fenced()?;
        let operation = self.operation(OperationKind::CommitOffsets);
        let result = self.cluster.faults.run(&operation, || {
            if offsets.is_empty() {
                return Ok(());
            }
            let (mut state, now) = self.cluster.lock();
            let group = state.groups.group_mut(&self.config.group_id);
            group.validate(OperationKind::CommitOffsets.as_str(), &self.membership)?;
            group.touch(&self.membership, now);
            group.offsets.commit(offsets);
            Ok(())
        });
        self.keep_fenced(result)
    }

    fn cached_watermarks(&mut self, input: InputId) -> Option<Watermarks> {
        self.inputs.cached_watermarks(input)
    }

    fn broker_trouble(&mut self) -> Option<String> {
        self.trouble.clone()
    }

    /// Without `leave` the coordinator learns nothing: the membership and its partitions are kept until the session ends,
    /// and a rebalance under way waits as long.
    fn close(self: Box<Self>, leave: bool, _timeout: Duration) -> IoResult<()> {
        let operation = self.operation(OperationKind::CloseConsumer);
        self.cluster.faults.run(&operation, || {
            if leave {
                let (mut state, now) = self.cluster.lock();
                let State { topics, groups, .. } = &mut *state;
                let group = groups.group_mut(&self.config.group_id);
                group.leave(&self.membership, topics, now);
                self.cluster.notify();
            }
            Ok(())
        })
    }
}

/// Committed offsets of a group, waiting for transactions in flight where time moves by itself.
pub(super) fn committed(
    cluster: &Cluster,
    group: &str,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> IoResult<Vec<Option<i64>>> {
    const OPERATION: &str = OperationKind::ReadCommittedOffsets.as_str();
    let mut unstable = None;
    let found = cluster.wait_for(timeout, |state, _| {
        let Some(group) = state.groups.group(group) else {
            return Some(vec![None; partitions.len()]);
        };
        match group.offsets.stable(OPERATION, partitions) {
            Ok(offsets) => Some(offsets),
            Err(error) => {
                unstable = Some(error);
                None
            }
        }
    });
    let unstable = || unstable.unwrap_or_else(|| Error::fatal(OPERATION, "no answer"));
    found.ok_or_else(unstable)
}
