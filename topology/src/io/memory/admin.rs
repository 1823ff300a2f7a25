//! Topics and offsets.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, State};
use super::consumer;
use super::faults::{Operation, OperationKind};
use crate::io::{
    Admin, GroupMember, IoResult, TopicDescription, TopicPartition, TopicSpec, Watermarks,
};

pub(super) struct MemoryAdmin {
    cluster: Arc<Cluster>,
    client_id: String,
}

impl MemoryAdmin {
    pub(super) fn new(cluster: Arc<Cluster>, client_id: &str) -> Self {
        Self {
            cluster,
            client_id: client_id.to_owned(),
        }
    }

    fn run<T>(
        &self,
        kind: OperationKind,
        call: impl FnOnce(&Cluster) -> IoResult<T>,
    ) -> IoResult<T> {
        let operation = Operation {
            kind,
            client_id: &self.client_id,
            transactional_id: None,
            partition: None,
        };
        let faults = &self.cluster.faults;
        faults.run(&operation, || call(&self.cluster))
    }
}

impl Admin for MemoryAdmin {
    fn describe_topics(
        &mut self,
        names: &[&str],
        _timeout: Duration,
    ) -> IoResult<Vec<Option<TopicDescription>>> {
        self.run(OperationKind::DescribeTopics, |cluster| {
            let (state, _) = cluster.lock();
            Ok(names
                .iter()
                .map(|name| state.topics.describe(name))
                .collect())
        })
    }

    fn create_topics(&mut self, topics: &[TopicSpec], _timeout: Duration) -> IoResult<()> {
        self.run(OperationKind::CreateTopics, |cluster| {
            create_topics(cluster, topics)
        })
    }

    fn watermarks(
        &mut self,
        partitions: &[TopicPartition],
        _timeout: Duration,
    ) -> IoResult<Vec<Watermarks>> {
        const KIND: OperationKind = OperationKind::ReadWatermarks;
        self.run(KIND, |cluster| {
            let (state, _) = cluster.lock();
            let topics = &state.topics;
            let marks = partitions.iter().map(|partition| {
                let place = topics.place(KIND.as_str(), &partition.topic, partition.partition)?;
                let log = topics.partition(place);
                Ok(Watermarks {
                    low: log.map_or(0, |log| log.low()),
                    high: log.map_or(0, |log| log.high()),
                })
            });
            marks.collect()
        })
    }

    fn offsets_at(
        &mut self,
        partitions: &[TopicPartition],
        timestamp_ms: i64,
        _timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>> {
        const KIND: OperationKind = OperationKind::ReadWatermarks;
        self.run(KIND, |cluster| {
            let (state, _) = cluster.lock();
            let topics = &state.topics;
            let offsets = partitions.iter().map(|partition| {
                let place = topics.place(KIND.as_str(), &partition.topic, partition.partition)?;
                let mut records = topics
                    .partition(place)
                    .into_iter()
                    .flat_map(|log| log.stable_records());
                let found = records.find(|(_, record)| record.timestamp >= timestamp_ms);
                Ok(found.map(|(_, record)| record.offset))
            });
            offsets.collect()
        })
    }

    fn delete_records(&mut self, below: &[(TopicPartition, i64)]) -> IoResult<()> {
        const KIND: OperationKind = OperationKind::DeleteRecords;
        self.run(KIND, |cluster| {
            let (mut state, _) = cluster.lock();
            for (partition, offset) in below {
                let (topic, number) = (&partition.topic, partition.partition);
                let place = state.topics.place(KIND.as_str(), topic, number)?;
                if let Some(log) = state.topics.partition_mut(place) {
                    log.delete_before(*offset);
                }
            }
            Ok(())
        })
    }

    fn group_members(&mut self, group: &str, _timeout: Duration) -> IoResult<Vec<GroupMember>> {
        const KIND: OperationKind = OperationKind::DescribeGroup;
        self.run(KIND, |cluster| {
            let (state, _) = cluster.lock();
            state
                .groups
                .group(group)
                .map_or(Ok(Vec::new()), |found| found.describe(KIND.as_str(), group))
        })
    }

    fn committed(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>> {
        self.run(OperationKind::ReadCommittedOffsets, |cluster| {
            consumer::committed(cluster, group, partitions, timeout)
        })
    }
}

/// Creates topics; one that exists already is no error. Groups that read them assign anew.
pub(super) fn create_topics(cluster: &Cluster, specs: &[TopicSpec]) -> IoResult<()> {
    let (mut state, now) = cluster.lock();
    let State { topics, groups, .. } = &mut *state;
    for spec in specs {
        if topics.create(spec)? {
            groups.topic_changed(&spec.name, topics, now);
        }
    }
    cluster.notify();
    Ok(())
}
