//! The consumer protocol (KIP-848) at the coordinator: every change of the members makes a new target, and each member is
//! led to its own, alone: first it gives up what is not its own any more, then its epoch moves on, then it is given what
//! others have given up.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::topics::Topics;
use super::{Group, Member, Membership, Polled, Step};
use crate::io::{GroupEvent, GroupProtocol, IoResult, TopicPartition};
use crate::{Error, ErrorClass};

/// How far a member has come.
#[derive(Debug, Default)]
pub(super) struct Reconciled {
    /// What the newest target gives it.
    target: Vec<TopicPartition>,
    /// What it was last told, or is to be told: those that come, or those that go.
    moving: Vec<TopicPartition>,
    epoch: i32,
    /// Since when the group waits for it to give partitions up.
    pub(super) releasing: Option<Duration>,
}

impl Member {
    /// A heartbeat: what is to be told, and the epoch, which moves on once nothing is left to be given up.
    pub(super) fn heartbeat(&mut self, group_epoch: i32) -> Polled {
        let moving = self.reconciled.moving.clone();
        let event = match self.step {
            Step::Revoked => {
                self.step = Step::Releasing;
                Some(GroupEvent::Removed(moving))
            }
            Step::Assigned => {
                self.step = Step::Holding;
                Some(GroupEvent::Added(moving))
            }
            Step::Joined | Step::Holding | Step::Releasing => None,
        };
        if self.step == Step::Holding {
            self.reconciled.epoch = group_epoch;
        }
        let generation = self.reconciled.epoch;
        match event {
            Some(event) => Polled::Event { event, generation },
            None => Polled::Epoch(generation),
        }
    }

    /// Abortable where the epoch has moved on and the member has not heard of it: its partitions are still its own, or
    /// it would have been asked to give them up.
    pub(super) fn validate_epoch(
        &self,
        operation: &'static str,
        membership: &Membership,
    ) -> IoResult<()> {
        if membership.generation == self.reconciled.epoch {
            return Ok(());
        }
        let detail = format!(
            "STALE_MEMBER_EPOCH: {} is of epoch {}, the member is at {}",
            membership.instance_id, membership.generation, self.reconciled.epoch
        );
        Err(Error::new(ErrorClass::Abortable, operation, detail))
    }
}

impl Group {
    pub(super) fn is_incremental(&self) -> bool {
        self.protocol == Some(GroupProtocol::Consumer)
    }

    /// A static member came back: what it had is told again, all of it.
    pub(super) fn replaced(&mut self, instance_id: &str) {
        if let Some(member) = self.members.get_mut(instance_id) {
            member.step = Step::Assigned;
            member.reconciled.moving.clone_from(&member.assignment);
            member.reconciled.releasing = None;
        }
    }

    /// Makes a new target.
    pub(super) fn decide(&mut self, topics: &Topics, now: Duration) {
        self.generation += 1;
        for (instance_id, target) in self.shares(topics) {
            if let Some(member) = self.members.get_mut(&instance_id) {
                member.reconciled.target = target;
            }
        }
        self.reconcile(now);
    }

    /// The member has given up what it was told to.
    pub(in super::super) fn released_incrementally(
        &mut self,
        membership: &Membership,
        partitions: &[TopicPartition],
        now: Duration,
    ) {
        if let Some(member) = self.member(membership)
            && member.step == Step::Releasing
        {
            member.assignment.retain(|held| !partitions.contains(held));
            member.step = Step::Holding;
            member.reconciled.releasing = None;
            self.reconcile(now);
        }
    }

    /// Leads every member on that is not busy with the step before.
    fn reconcile(&mut self, now: Duration) {
        let mut taken: BTreeSet<TopicPartition> = self
            .members
            .values()
            .flat_map(|member| member.assignment.iter().cloned())
            .collect();
        for member in self.members.values_mut() {
            if !matches!(member.step, Step::Joined | Step::Holding) {
                continue;
            }
            let target = &member.reconciled.target;
            let held = &member.assignment;
            let goes = held.iter().filter(|held| !target.contains(held));
            let goes: Vec<TopicPartition> = goes.cloned().collect();
            if !goes.is_empty() {
                member.reconciled.moving = goes;
                member.reconciled.releasing = Some(now);
                member.step = Step::Revoked;
                continue;
            }
            let comes = target.iter().filter(|wanted| !taken.contains(wanted));
            let comes: Vec<TopicPartition> = comes.cloned().collect();
            if !comes.is_empty() || member.step == Step::Joined {
                taken.extend(comes.iter().cloned());
                member.assignment.extend(comes.iter().cloned());
                member.reconciled.moving = comes;
                member.step = Step::Assigned;
            }
        }
    }

    /// Goes on where a member has become idle by being told.
    pub(in super::super) fn told(&mut self, now: Duration) {
        if self.is_incremental() {
            self.reconcile(now);
        }
    }
}
