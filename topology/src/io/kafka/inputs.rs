//! Fetching from split partition queues; what consumer and reader have in common.

use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::errors;
use super::events::Events;
use super::native::{PartitionQueue, Waker};
use crate::io::{Fetched, InputId, IoResult, RecordBatch, TopicPartition, Watermarks};
use crate::{Error, ErrorClass};

struct Input {
    partition: TopicPartition,
    queue: PartitionQueue,
    /// No record below this offset may come.
    next: i64,
    /// The end that was told last, with no record since.
    end: Option<i64>,
}

/// The open partitions of a client.
pub(super) struct Inputs {
    /// What is taken at a time, in bytes; one record more is.
    batch_bytes: usize,
    open: Vec<Option<Input>>,
    /// Number of the first of them; ids of earlier assignments lie below.
    first: u32,
}

impl Inputs {
    /// None is open yet. `batch_bytes` bounds what is taken at a time.
    pub(super) fn new(batch_bytes: Option<usize>) -> Self {
        Self {
            batch_bytes: batch_bytes.unwrap_or(usize::MAX),
            open: Vec::new(),
            first: 0,
        }
    }

    /// Splits a partition off; to be done before it is assigned.
    pub(super) fn open(
        &mut self,
        client: &Arc<BaseConsumer<Events>>,
        partition: &TopicPartition,
        offset: i64,
        waker: Option<&Arc<Waker>>,
    ) -> IoResult<InputId> {
        let queue = PartitionQueue::new(client, &partition.topic, partition.partition, waker)
            .ok_or_else(|| {
                Error::fatal(
                    "open partition",
                    "the client knows no such topic name or partition",
                )
                .at(partition.to_string())
            })?;
        let index = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.open.push(Some(Input {
            partition: partition.clone(),
            queue,
            next: offset,
            end: None,
        }));
        Ok(InputId(self.first.wrapping_add(index)))
    }

    /// Voids all ids. To be called when the client has given the partitions up.
    pub(super) fn close_all(&mut self) {
        let slots = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.first = self.first.wrapping_add(slots);
        for input in self.open.drain(..).flatten() {
            input.queue.discard();
        }
    }

    /// Voids one id.
    pub(super) fn close(&mut self, id: InputId) {
        if let Some(input) = self.slot(id).and_then(Option::take) {
            input.queue.discard();
        }
    }

    /// Voids the ids of these partitions.
    pub(super) fn close_partitions(&mut self, partitions: &[TopicPartition]) {
        for slot in &mut self.open {
            if let Some(input) = slot.take_if(|input| partitions.contains(&input.partition)) {
                input.queue.discard();
            }
        }
    }

    fn slot(&mut self, id: InputId) -> Option<&mut Option<Input>> {
        let index = id.0.checked_sub(self.first)?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    fn input(&mut self, id: InputId) -> IoResult<&mut Input> {
        self.slot(id).and_then(Option::as_mut).ok_or_else(|| {
            Error::fatal(
                "use input",
                format!("input {} is not of the present assignment", id.0),
            )
        })
    }

    pub(super) fn partition(&mut self, id: InputId) -> IoResult<&TopicPartition> {
        Ok(&self.input(id)?.partition)
    }

    /// The partition continues at `offset`; that its end was seen is forgotten.
    pub(super) fn sought(&mut self, id: InputId, offset: i64) {
        if let Ok(input) = self.input(id) {
            input.next = offset;
            input.end = None;
        }
    }

    /// Takes records; passing errors go to `events`. The second answer: there may be more.
    pub(super) fn fetch(
        &mut self,
        id: InputId,
        max: usize,
        batch: &mut RecordBatch,
        events: &Events,
    ) -> IoResult<(Fetched, bool)> {
        let bytes = batch.bytes().saturating_add(self.batch_bytes);
        let input = self.input(id);
        let taken = input.map(|input| {
            let taken = input.queue.take(max, bytes, &mut input.next, batch);
            if taken.records > 0 || taken.end.is_some() {
                input.end = taken.end;
            }
            (taken, &input.partition)
        });
        let result = taken.and_then(|(taken, partition)| match taken.error {
            Some((code, offset, text)) => {
                partition_error(code, offset, &text, partition, events)?;
                Ok((taken.records, taken.end, taken.full))
            }
            None => {
                if taken.records > 0 || taken.end.is_some() {
                    events.clear_trouble();
                }
                Ok((taken.records, taken.end, taken.full))
            }
        });
        let (records, end_of_partition, full) = result?;
        Ok((
            Fetched {
                records,
                end_of_partition,
            },
            full,
        ))
    }

    /// See [`crate::io::Consumer::cached_watermarks`]. The client keeps the last stable offset to itself; but where the
    /// end was seen and nothing lies in the queue, that end *is* the last stable offset as last told. Else it is the high
    /// watermark, which is later by markers and open transactions.
    pub(super) fn cached_watermarks(&mut self, id: InputId) -> Option<Watermarks> {
        let input = self.input(id).ok()?;
        let (low, high) = input.queue.cached_watermarks()?;
        if high < 0 {
            return None;
        }
        let high = match input.end {
            Some(end) if input.queue.is_empty() => end,
            _ => high,
        };
        Some(Watermarks {
            low: low.max(0),
            high,
        })
    }

    /// Any open partition, to ask the brokers for when in doubt whether they are there.
    pub(super) fn any(&self) -> Option<&TopicPartition> {
        self.open
            .iter()
            .flatten()
            .map(|input| &input.partition)
            .next()
    }
}

/// Decides about an error of one partition: fatal ones are returned, passing ones noted.
fn partition_error(
    code: Code,
    offset: i64,
    text: &str,
    partition: &TopicPartition,
    events: &Events,
) -> IoResult<()> {
    let error = match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange => Error::fatal(
            "fetch",
            format!(
                "offset {offset} is not in the partition any more: retention or truncation removed it, or the topic was \
                 made anew; set the group's offset (kafka-consumer-groups --reset-offsets) and start again ({text})"
            ),
        ),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            Error::fatal(
                "fetch",
                format!(
                    "the topic or partition does not exist any more; create it or remove it from the topology ({text})"
                ),
            )
        }
        Code::TopicAuthorizationFailed => Error::fatal(
            "fetch",
            format!(
                "reading the topic is not allowed; grant Read on it to this principal ({text})"
            ),
        ),
        _ => errors::coded("fetch", code, text),
    };
    let error = error.at(format!("{partition} offset {offset}"));
    if error.class() == ErrorClass::Retriable {
        events.set_trouble(error.to_string());
        return Ok(());
    }
    Err(error)
}

/// Whether the brokers answer, by asking for something small.
pub(super) fn answers(client: &BaseConsumer<Events>, topic: &str) -> bool {
    let patience = std::time::Duration::from_millis(200);
    client.fetch_metadata(Some(topic), patience).is_ok()
}
