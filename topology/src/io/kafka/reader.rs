//! A reader of hand-picked partitions, for restore: read_committed, large queues, no group membership.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::client::create;
use super::errors;
use super::events::Events;
use super::inputs::Inputs;
use super::positions;
use super::rebalance::settle;
use crate::io::{Fetched, InputId, IoResult, Position, Reader, RecordBatch, TopicPartition};

/// Beginnings and ends of partitions are waited for this long.
const POSITION_TIMEOUT: Duration = Duration::from_secs(10);
/// So is the leader of a partition, at most.
const LEADER_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct KafkaReader {
    inputs: Inputs,
    client: Arc<BaseConsumer<Events>>,
}

impl KafkaReader {
    pub(super) fn new(
        config: &ClientConfig,
        client_id: &str,
        batch_bytes: Option<usize>,
    ) -> IoResult<Self> {
        Ok(Self {
            inputs: Inputs::new(batch_bytes),
            client: Arc::new(create(config, client_id, "create reader")?),
        })
    }
}

impl Reader for KafkaReader {
    fn add(&mut self, partition: &TopicPartition, position: Position) -> IoResult<InputId> {
        let position = [(partition.clone(), position)];
        let position = positions::resolve(&self.client, &position, POSITION_TIMEOUT)?;
        let offset = position.first().map_or(0, |(_, offset)| *offset);
        let list = positions::offset_list("add partition", &position)?;
        let id = self.inputs.open(&self.client, partition, offset, None)?;
        self.client.incremental_assign(&list).map_err(|error| {
            self.inputs.close(id);
            errors::error("add partition", &error).at(partition.to_string())
        })?;
        // Who leads a partition that is not subscribed to, librdkafka (2.12) asks only once a second. An answer to anyone
        // tells it; without one it asks itself.
        let _ = self
            .client
            .fetch_metadata(Some(&partition.topic), LEADER_TIMEOUT);
        Ok(id)
    }

    fn remove(&mut self, input: InputId) -> IoResult<()> {
        let partition = self.inputs.partition(input)?.clone();
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&partition.topic, partition.partition);
        let removed = self.client.incremental_unassign(&list);
        settle(&self.client)?;
        self.inputs.close(input);
        removed.map_err(|error| errors::error("remove partition", &error).at(partition.to_string()))
    }

    fn fetch(&mut self, input: InputId, max: usize, batch: &mut RecordBatch) -> IoResult<Fetched> {
        let (fetched, _) = self
            .inputs
            .fetch(input, max, batch, self.client.context())?;
        Ok(fetched)
    }

    fn poll(&mut self) -> IoResult<()> {
        // Errors of single partitions come through their queues; what comes here is about brokers, or about the group
        // that is named but never used.
        if let Some(Err(_)) = self.client.poll(Duration::ZERO)
            && let Some((code, reason)) = self.client.client().fatal_error()
        {
            return Err(errors::fatal_client("read", code, &reason));
        }
        Ok(())
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.client.context().closing.store(true, Ordering::Release);
        // An error here means that the client is ending already.
        let _ = self.client.unassign();
        let _ = settle(&self.client);
        self.inputs.close_all();
    }
}
