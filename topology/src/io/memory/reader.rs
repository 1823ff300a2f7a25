//! A reader of hand-picked partitions, read_committed.

use std::sync::Arc;

use super::cluster::Cluster;
use super::faults::{Operation, OperationKind};
use super::input::Inputs;
use crate::io::{Fetched, InputId, IoResult, Position, Reader, RecordBatch, TopicPartition};
use crate::{Error, ErrorClass};

pub(super) struct MemoryReader {
    cluster: Arc<Cluster>,
    client_id: String,
    inputs: Inputs,
}

impl MemoryReader {
    pub(super) fn new(cluster: Arc<Cluster>, client_id: &str) -> Self {
        Self {
            cluster,
            client_id: client_id.to_owned(),
            inputs: Inputs::new(true),
        }
    }

    fn inject(&self, kind: OperationKind, partition: Option<&TopicPartition>) -> IoResult<()> {
        let fault = self.cluster.faults.ask(&Operation {
            kind,
            client_id: &self.client_id,
            transactional_id: None,
            partition: partition.map(|partition| (partition.topic.as_str(), partition.partition)),
        });
        fault.map_or(Ok(()), |fault| Err(fault.error(kind)))
    }
}

impl Reader for MemoryReader {
    fn add(&mut self, partition: &TopicPartition, position: Position) -> IoResult<InputId> {
        const KIND: OperationKind = OperationKind::AddPartition;
        self.inject(KIND, Some(partition))?;
        if self.inputs.is_open(partition) {
            // As librdkafka, whose incremental assignment takes no partition twice.
            let error = Error::fatal(KIND.as_str(), "CONFLICT: the partition is open already");
            return Err(error.at(partition.to_string()));
        }
        let (state, _) = self.cluster.lock();
        self.inputs
            .open(KIND.as_str(), &state.topics, partition, position)
    }

    fn remove(&mut self, input: InputId) -> IoResult<()> {
        self.inject(OperationKind::RemovePartition, None)?;
        self.inputs
            .close(OperationKind::RemovePartition.as_str(), input)
    }

    fn fetch(&mut self, input: InputId, max: usize, batch: &mut RecordBatch) -> IoResult<Fetched> {
        const KIND: OperationKind = OperationKind::Fetch;
        if self.cluster.faults.armed() {
            let partition = self.inputs.partition(KIND.as_str(), input)?.clone();
            match self.inject(KIND, Some(&partition)) {
                // The client tries again by itself.
                Err(error) if error.class() == ErrorClass::Retriable => {
                    return Ok(Fetched::default());
                }
                other => other?,
            }
        }
        let (state, _) = self.cluster.lock();
        let (fetched, _) = self
            .inputs
            .fetch(KIND.as_str(), &state.topics, input, max, batch)?;
        Ok(fetched)
    }

    fn poll(&mut self) -> IoResult<()> {
        self.inject(OperationKind::PollReader, None)
    }
}
