//! Committed offsets of a group, and those that wait for their transaction.

use std::collections::BTreeMap;

use crate::io::{IoResult, TopicPartition};
use crate::{Error, ErrorClass};

#[derive(Debug, Default)]
pub(super) struct Offsets {
    committed: BTreeMap<TopicPartition, i64>,
    /// By producer id, in the order in which they were sent.
    pending: Vec<(i64, TopicPartition, i64)>,
}

impl Offsets {
    pub(super) fn commit(&mut self, offsets: &[(TopicPartition, i64)]) {
        self.committed.extend(offsets.iter().cloned());
    }

    /// Offsets that become visible when the producer's transaction commits.
    pub(super) fn add_pending(&mut self, producer_id: i64, offsets: &[(TopicPartition, i64)]) {
        for (partition, offset) in offsets {
            self.pending.push((producer_id, partition.clone(), *offset));
        }
    }

    pub(super) fn end(&mut self, producer_id: i64, commit: bool) {
        let committed = &mut self.committed;
        self.pending.retain_mut(|(owner, partition, offset)| {
            if *owner != producer_id {
                return true;
            }
            if commit {
                let partition = std::mem::replace(partition, TopicPartition::new("", 0));
                committed.insert(partition, *offset);
            }
            false
        });
    }

    /// The committed offsets of partitions, in order.
    ///
    /// # Errors
    /// Retriable while a transaction may still change one (`require_stable`).
    pub(super) fn stable(
        &self,
        operation: &'static str,
        partitions: &[TopicPartition],
    ) -> IoResult<Vec<Option<i64>>> {
        let pending = |partition: &&TopicPartition| {
            self.pending
                .iter()
                .any(|(_, pending, _)| pending == *partition)
        };
        if let Some(unstable) = partitions.iter().find(pending) {
            let detail = "UNSTABLE_OFFSET_COMMIT: a transaction that commits its offset is open";
            let error = Error::new(ErrorClass::Retriable, operation, detail);
            return Err(error.at(unstable.to_string()));
        }
        let committed = partitions
            .iter()
            .map(|partition| self.committed.get(partition).copied());
        Ok(committed.collect())
    }

    pub(super) fn all(&self) -> &BTreeMap<TopicPartition, i64> {
        &self.committed
    }

    pub(super) fn forget_committed(&mut self) {
        self.committed.clear();
    }

    pub(super) fn forget_topic(&mut self, topic: &str) {
        self.committed
            .retain(|partition, _| partition.topic != topic);
        self.pending
            .retain(|(_, partition, _)| partition.topic != topic);
    }
}
