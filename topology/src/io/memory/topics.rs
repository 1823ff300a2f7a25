//! Topics by name, and what their settings mean.

use std::time::Duration;

use hashbrown::HashMap;

use super::partition::{NewRecord, Partition};
use crate::Error;
use crate::io::{IoResult, TopicDescription, TopicPartition, TopicSpec};

/// Kafka's default of `max.message.bytes`.
const MAX_MESSAGE_BYTES: usize = 1_048_588;
/// Kafka's default of `delete.retention.ms`.
const DELETE_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a partition is; valid as long as its topic is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) topic: usize,
    pub(super) partition: usize,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) partitions: Vec<Partition>,
    pub(super) max_message_bytes: usize,
    pub(super) cleanup_policy: String,
    compacts: bool,
    deletes: bool,
    delete_retention: Duration,
}

impl Topic {
    fn new(spec: &TopicSpec) -> IoResult<Self> {
        const OPERATION: &str = "create topic";
        let count = usize::try_from(spec.partitions).unwrap_or(0);
        if count == 0 {
            let detail = format!("{} partitions; at least 1 is needed", spec.partitions);
            return Err(Error::fatal(OPERATION, detail).at(&spec.name));
        }
        let mut topic = Self {
            name: spec.name.clone(),
            partitions: (0..count).map(|_| Partition::default()).collect(),
            max_message_bytes: MAX_MESSAGE_BYTES,
            cleanup_policy: "delete".to_owned(),
            compacts: false,
            deletes: true,
            delete_retention: DELETE_RETENTION,
        };
        for (name, value) in &spec.config {
            let number = || {
                value.parse::<u64>().map_err(|_| {
                    Error::fatal(OPERATION, format!("{name} is {value:?}, not a number"))
                        .at(&spec.name)
                })
            };
            match name.as_str() {
                "cleanup.policy" => {
                    topic.compacts = value.split(',').any(|policy| policy.trim() == "compact");
                    topic.deletes = value.split(',').any(|policy| policy.trim() == "delete");
                    topic.cleanup_policy.clone_from(value);
                }
                "max.message.bytes" => {
                    topic.max_message_bytes = usize::try_from(number()?).unwrap_or(usize::MAX);
                }
                "delete.retention.ms" => topic.delete_retention = Duration::from_millis(number()?),
                // Other settings mean nothing to a log in memory.
                _ => {}
            }
        }
        Ok(topic)
    }

    /// What a broker says to a record before it takes it, and would say again.
    pub(super) fn refusal(&self, record: &NewRecord<'_>) -> Option<Error> {
        let refused = |detail| Some(Error::fatal("deliver record", detail).at(self.name.clone()));
        let size = batch_bytes(record);
        if size > self.max_message_bytes {
            return refused(format!(
                "MESSAGE_TOO_LARGE: the batch of this record is {size} bytes, the topic's max.message.bytes is {}; make \
                 the record smaller or raise the limit",
                self.max_message_bytes
            ));
        }
        if self.compacts && record.key.is_none() {
            return refused(
                "INVALID_RECORD: a compacted topic takes no record without a key".to_owned(),
            );
        }
        None
    }

    /// Compaction and retention, when due.
    pub(super) fn clean(&mut self, partition: usize, retention: Option<usize>, now: Duration) {
        let (compacts, deletes) = (self.compacts, self.deletes);
        let Some(partition) = self.partitions.get_mut(partition) else {
            return;
        };
        if let (true, Some(limit)) = (deletes, retention) {
            partition.keep_last(limit);
        }
        if compacts && partition.wants_compaction() {
            partition.compact(now, self.delete_retention);
        }
    }

    /// Compaction now.
    pub(super) fn compact(&mut self, now: Duration) {
        if self.compacts {
            for partition in &mut self.partitions {
                partition.compact(now, self.delete_retention);
            }
        }
    }

    fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }
}

/// Size of a batch that holds this record alone, uncompressed (record format v2 of Kafka's protocol).
fn batch_bytes(record: &NewRecord<'_>) -> usize {
    const BATCH_HEADER: usize = 61;
    // Attributes, timestamp delta and offset delta of a first record: one byte each.
    let mut body = 3 + field(record.key.map(<[u8]>::len)) + field(record.value.map(<[u8]>::len));
    body += varint(record.headers.len());
    for (name, value) in record.headers.iter() {
        body += field(Some(name.len())) + field(value.map(<[u8]>::len));
    }
    BATCH_HEADER + varint(body) + body
}

/// A length and as many bytes; -1 for none.
fn field(len: Option<usize>) -> usize {
    len.map_or(1, |len| varint(len) + len)
}

/// Bytes of a zigzag varint.
fn varint(value: usize) -> usize {
    let bits = usize::BITS as usize - (value << 1).leading_zeros() as usize;
    bits.div_ceil(7).max(1)
}

#[derive(Default)]
pub(super) struct Topics {
    /// A deleted topic leaves its slot empty, so that a place never means another topic.
    slots: Vec<Option<Topic>>,
    by_name: HashMap<String, usize>,
}

impl Topics {
    /// Creates a topic; false if it exists already.
    pub(super) fn create(&mut self, spec: &TopicSpec) -> IoResult<bool> {
        if self.by_name.contains_key(&spec.name) {
            return Ok(false);
        }
        let topic = Topic::new(spec)?;
        self.by_name.insert(spec.name.clone(), self.slots.len());
        self.slots.push(Some(topic));
        Ok(true)
    }

    pub(super) fn delete(&mut self, name: &str) {
        if let Some(slot) = self
            .by_name
            .remove(name)
            .and_then(|at| self.slots.get_mut(at))
        {
            *slot = None;
        }
    }

    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(super) fn topic(&self, index: usize) -> Option<&Topic> {
        self.slots.get(index)?.as_ref()
    }

    pub(super) fn topic_mut(&mut self, index: usize) -> Option<&mut Topic> {
        self.slots.get_mut(index)?.as_mut()
    }

    pub(super) fn partition(&self, place: Place) -> Option<&Partition> {
        self.topic(place.topic)?.partitions.get(place.partition)
    }

    pub(super) fn partition_mut(&mut self, place: Place) -> Option<&mut Partition> {
        self.topic_mut(place.topic)?
            .partitions
            .get_mut(place.partition)
    }

    /// Number of partitions of a topic.
    pub(super) fn partition_count(&self, name: &str) -> Option<i32> {
        Some(self.topic(self.index(name)?)?.partition_count())
    }

    /// Where a partition is.
    ///
    /// # Errors
    /// Fatal if there is no such partition.
    pub(super) fn place(
        &self,
        operation: &'static str,
        topic: &str,
        partition: i32,
    ) -> IoResult<Place> {
        let index = self.index(topic);
        let place = index.and_then(|topic| {
            let partition = usize::try_from(partition).ok()?;
            let place = Place { topic, partition };
            self.partition(place).map(|_| place)
        });
        place.ok_or_else(|| {
            Error::fatal(
                operation,
                "UNKNOWN_TOPIC_OR_PARTITION: create the topic, with this many partitions",
            )
            .at(TopicPartition::new(topic, partition).to_string())
        })
    }

    pub(super) fn describe(&self, name: &str) -> Option<TopicDescription> {
        let topic = self.topic(self.index(name)?)?;
        Some(TopicDescription {
            name: topic.name.clone(),
            partitions: topic.partition_count(),
            max_message_bytes: topic.max_message_bytes,
            cleanup_policy: topic.cleanup_policy.clone(),
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        let names = self.slots.iter().flatten();
        names.map(|topic| topic.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_takes_seven_bits_a_byte_and_one_for_the_sign() {
        assert_eq!([0, 63, 64, 8191, 8192].map(varint), [1, 1, 2, 2, 3]);
    }
}
