//! The group coordinator: static members (KIP-345), range assignor; the classic protocol, eager, and in `incremental`
//! the consumer protocol.

mod incremental;

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;

use super::offsets::Offsets;
use super::topics::Topics;
use crate::io::range::range;
use crate::io::{GroupEvent, GroupMember, GroupProtocol, IoResult, TopicPartition};
use crate::{Error, ErrorClass};

/// A membership as its owner knows it; what offsets are fenced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) group_id: String,
    pub(super) instance_id: String,
    /// 0 before the first join.
    pub(super) member_id: u64,
    /// -1 before the first assignment.
    pub(super) generation: i32,
}

/// What a member joins with.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) protocol: GroupProtocol,
    pub(super) client_id: String,
    pub(super) topics: Vec<String>,
    pub(super) session_timeout: Duration,
    pub(super) max_poll_interval: Duration,
}

/// What the group owes a member, or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Holds nothing and waits for the next generation.
    Joined,
    /// Its assignment is to be told.
    Assigned,
    /// Knows its assignment.
    Holding,
    /// The revocation is to be told.
    Revoked,
    /// Knows of the revocation; the group waits until it has given up its partitions.
    Releasing,
}

#[derive(Debug)]
struct Member {
    member_id: u64,
    joining: Joining,
    last_call: Duration,
    last_poll: Duration,
    assignment: Vec<TopicPartition>,
    step: Step,
    /// Under the consumer protocol.
    reconciled: incremental::Reconciled,
}

impl Member {
    fn deadline(&self) -> Duration {
        let session = self.last_call + self.joining.session_timeout;
        session.min(self.last_poll + self.joining.max_poll_interval)
    }
}

/// What a poll of the coordinator answers.
#[derive(Debug)]
pub(super) enum Polled {
    Nothing,
    /// Nothing but the epoch of the membership.
    Epoch(i32),
    Event {
        event: GroupEvent,
        generation: i32,
    },
    /// The coordinator does not know the member: its session expired.
    UnknownMember,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    generation: i32,
    next_member_id: u64,
    /// Static members by instance id, which is the order in which partitions are assigned.
    members: BTreeMap<String, Member>,
    /// Since when the group waits for its members to give up their partitions.
    rebalancing: Option<Duration>,
    /// Of the first member.
    protocol: Option<GroupProtocol>,
    pub(super) offsets: Offsets,
}

impl Group {
    /// Joins, and answers the member id. A member that holds the instance id is replaced: when the
    /// group is stable and the topics are the same, its partitions are handed on, and nobody else
    /// notices.
    pub(super) fn join(
        &mut self,
        instance_id: &str,
        joining: Joining,
        topics: &Topics,
        now: Duration,
    ) -> u64 {
        self.next_member_id += 1;
        let member_id = self.next_member_id;
        self.protocol.get_or_insert(joining.protocol);
        let incremental = self.is_incremental();
        if let Some(member) = self.members.get_mut(instance_id) {
            let unchanged = member.joining.topics == joining.topics;
            member.member_id = member_id;
            member.joining = joining;
            (member.last_call, member.last_poll) = (now, now);
            if incremental {
                self.replaced(instance_id);
                if !unchanged {
                    self.rebalance(topics, now);
                }
                return member_id;
            }
            if self.rebalancing.is_none() && unchanged {
                member.step = Step::Assigned;
                return member_id;
            }
            member.step = Step::Joined;
            member.assignment.clear();
        } else {
            let member = Member {
                member_id,
                joining,
                last_call: now,
                last_poll: now,
                assignment: Vec::new(),
                step: Step::Joined,
                reconciled: incremental::Reconciled::default(),
            };
            self.members.insert(instance_id.to_owned(), member);
        }
        self.rebalance(topics, now);
        member_id
    }

    /// Changes the topics of a member.
    pub(super) fn subscribe(
        &mut self,
        membership: &Membership,
        names: &[String],
        topics: &Topics,
        now: Duration,
    ) {
        if let Some(member) = self.member(membership)
            && member.joining.topics != names
        {
            member.joining.topics = names.to_vec();
            self.rebalance(topics, now);
        }
    }

    fn member(&mut self, membership: &Membership) -> Option<&mut Member> {
        self.members
            .get_mut(&membership.instance_id)
            .filter(|member| member.member_id == membership.member_id)
    }

    /// The members and what they are assigned.
    ///
    /// # Errors
    /// Retriable while the group waits for members to give up their partitions.
    pub(super) fn describe(
        &self,
        operation: &'static str,
        name: &str,
    ) -> IoResult<Vec<GroupMember>> {
        if self.rebalancing.is_some() {
            let detail = "the group rebalances; ask again";
            return Err(Error::new(ErrorClass::Retriable, operation, detail).at(name));
        }
        let described = self.members.values().map(|member| {
            let mut partitions = member.assignment.clone();
            partitions.sort_unstable();
            GroupMember {
                client_id: member.joining.client_id.clone(),
                host: "memory".to_owned(),
                partitions,
            }
        });
        let mut described: Vec<GroupMember> = described.collect();
        described.sort_by(|one, other| one.client_id.cmp(&other.client_id));
        Ok(described)
    }

    /// Takes a sign of life.
    pub(super) fn touch(&mut self, membership: &Membership, now: Duration) {
        if let Some(member) = self.member(membership) {
            member.last_call = now;
        }
    }

    /// Whether a poll would bring something.
    pub(super) fn has_event(&self, membership: &Membership) -> bool {
        self.members
            .get(&membership.instance_id)
            .is_none_or(|member| {
                member.member_id != membership.member_id
                    || matches!(member.step, Step::Assigned | Step::Revoked)
            })
    }

    /// # Errors
    /// Fenced if another member has the instance id now.
    pub(super) fn poll(
        &mut self,
        operation: &'static str,
        membership: &Membership,
        now: Duration,
    ) -> IoResult<Polled> {
        let generation = self.generation;
        let Some(member) = self.members.get_mut(&membership.instance_id) else {
            return Ok(Polled::UnknownMember);
        };
        if member.member_id != membership.member_id {
            return Err(fenced_instance(operation, &membership.instance_id));
        }
        (member.last_call, member.last_poll) = (now, now);
        if self.protocol == Some(GroupProtocol::Consumer) {
            return Ok(member.heartbeat(generation));
        }
        let event = match member.step {
            Step::Joined | Step::Holding | Step::Releasing => return Ok(Polled::Nothing),
            Step::Assigned => {
                member.step = Step::Holding;
                GroupEvent::Assigned(member.assignment.clone())
            }
            Step::Revoked => {
                member.step = Step::Releasing;
                GroupEvent::Revoked(member.assignment.clone())
            }
        };
        Ok(Polled::Event { event, generation })
    }

    /// The member has given up its partitions.
    pub(super) fn released(&mut self, membership: &Membership, topics: &Topics) {
        if let Some(member) = self.member(membership)
            && member.step == Step::Releasing
        {
            member.step = Step::Joined;
            member.assignment.clear();
            self.complete_rebalance(topics);
        }
    }

    pub(super) fn leave(&mut self, membership: &Membership, topics: &Topics, now: Duration) {
        if self.member(membership).is_some() {
            self.members.remove(&membership.instance_id);
            self.rebalance(topics, now);
        }
    }

    /// Whether offsets may be committed under this membership.
    ///
    /// # Errors
    /// Fenced, by instance id, member id or generation.
    pub(super) fn validate(
        &self,
        operation: &'static str,
        membership: &Membership,
    ) -> IoResult<()> {
        let Some(member) = self.members.get(&membership.instance_id) else {
            return Err(Error::new(
                ErrorClass::Fenced,
                operation,
                format!(
                    "UNKNOWN_MEMBER_ID: {} is not a member of {} any more; its session expired",
                    membership.instance_id, membership.group_id
                ),
            ));
        };
        if member.member_id != membership.member_id {
            return Err(fenced_instance(operation, &membership.instance_id));
        }
        if self.is_incremental() {
            return member.validate_epoch(operation, membership);
        }
        if membership.generation != self.generation {
            return Err(Error::new(
                ErrorClass::Fenced,
                operation,
                format!(
                    "ILLEGAL_GENERATION: {} is of generation {}, the group {} is at {}",
                    membership.instance_id,
                    membership.generation,
                    membership.group_id,
                    self.generation
                ),
            ));
        }
        Ok(())
    }

    /// Removes members that were silent too long, or that keep their partitions while the group
    /// waits. Answers whether anything changed, and when to look again.
    fn tick(&mut self, topics: &Topics, now: Duration) -> (bool, Duration) {
        let before = self.members.len();
        let rebalancing = self.rebalancing;
        let deadline = |member: &Member| {
            if let Some(since) = member.reconciled.releasing {
                return member
                    .deadline()
                    .min(since + member.joining.max_poll_interval);
            }
            let release = rebalancing.filter(|_| member.step != Step::Joined);
            let release = release.map(|since| since + member.joining.max_poll_interval);
            release.unwrap_or(Duration::MAX).min(member.deadline())
        };
        self.members.retain(|_, member| now < deadline(member));
        let changed = self.members.len() != before;
        if changed {
            self.rebalance(topics, now);
        }
        let due = self.members.values().map(deadline).min();
        (changed, due.unwrap_or(Duration::MAX))
    }

    fn subscribed_to(&self, topic: &str) -> bool {
        let mut topics = self
            .members
            .values()
            .flat_map(|member| &member.joining.topics);
        topics.any(|name| name == topic)
    }

    /// Every member has to give up its partitions before the next generation.
    fn rebalance(&mut self, topics: &Topics, now: Duration) {
        if self.is_incremental() {
            self.decide(topics, now);
            return;
        }
        self.rebalancing.get_or_insert(now);
        for member in self.members.values_mut() {
            match member.step {
                Step::Holding if !member.assignment.is_empty() => member.step = Step::Revoked,
                // It was never told, or there is nothing to give up.
                Step::Assigned | Step::Holding => {
                    member.step = Step::Joined;
                    member.assignment.clear();
                }
                Step::Joined | Step::Revoked | Step::Releasing => {}
            }
        }
        self.complete_rebalance(topics);
    }

    fn complete_rebalance(&mut self, topics: &Topics) {
        let waiting = self
            .members
            .values()
            .any(|member| member.step != Step::Joined);
        if self.rebalancing.is_none() || waiting {
            return;
        }
        self.rebalancing = None;
        self.generation += 1;
        for (instance_id, partitions) in self.shares(topics) {
            if let Some(member) = self.members.get_mut(&instance_id) {
                member.assignment = partitions;
                member.step = Step::Assigned;
            }
        }
    }

    /// What each member is to have, by the range assignor.
    fn shares(&self, topics: &Topics) -> BTreeMap<String, Vec<TopicPartition>> {
        let mut shares: BTreeMap<String, Vec<TopicPartition>> = self
            .members
            .keys()
            .map(|instance_id| (instance_id.clone(), Vec::new()))
            .collect();
        let mut names: Vec<String> = self
            .members
            .values()
            .flat_map(|member| member.joining.topics.iter().cloned())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let partitions = topics.partition_count(&name).unwrap_or(0);
            let takes = |member: &Member| member.joining.topics.contains(&name);
            let count = self.members.values().filter(|it| takes(it)).count();
            let subscribers = self.members.iter().filter(|(_, it)| takes(it));
            for (index, (instance_id, _)) in subscribers.enumerate() {
                let range = range(partitions, count, index);
                let given = range.map(|partition| TopicPartition::new(&name, partition));
                if let Some(share) = shares.get_mut(instance_id) {
                    share.extend(given);
                }
            }
        }
        shares
    }
}

fn fenced_instance(operation: &'static str, instance_id: &str) -> Error {
    Error::new(
        ErrorClass::Fenced,
        operation,
        format!(
            "FENCED_INSTANCE_ID: another member has joined as {instance_id}; give every instance an id of its own, or stop \
             the other one"
        ),
    )
}

/// All groups of the cluster.
#[derive(Default)]
pub(super) struct Groups {
    by_name: HashMap<String, Group>,
}

impl Groups {
    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.by_name.get(name)
    }

    pub(super) fn group_mut(&mut self, name: &str) -> &mut Group {
        self.by_name.entry_ref(name).or_default()
    }

    pub(super) fn end_offsets(&mut self, group: &str, producer_id: i64, commit: bool) {
        if let Some(group) = self.by_name.get_mut(group) {
            group.offsets.end(producer_id, commit);
        }
    }

    pub(super) fn tick(&mut self, topics: &Topics, now: Duration) -> (bool, Duration) {
        let mut outcome = (false, Duration::MAX);
        for group in self.by_name.values_mut() {
            let (changed, due) = group.tick(topics, now);
            outcome = (outcome.0 | changed, outcome.1.min(due));
        }
        outcome
    }

    /// A topic was created or deleted: groups that read it assign anew.
    pub(super) fn topic_changed(&mut self, name: &str, topics: &Topics, now: Duration) {
        for group in self.by_name.values_mut() {
            if topics.index(name).is_none() {
                group.offsets.forget_topic(name);
            }
            if group.subscribed_to(name) {
                group.rebalance(topics, now);
            }
        }
    }
}
