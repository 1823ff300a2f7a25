//! What tests look at and turn by hand. None of it meets injected faults.

use std::collections::BTreeMap;

use super::cluster::State;
use super::partition::NewRecord;
use super::topics::Place;
use super::{MemoryLog, OpenTransaction, admin};
use crate::Error;
use crate::io::murmur2;
use crate::io::{Headers, IoResult, TopicPartition, TopicSpec, Watermarks};

/// A record with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Offset in its partition.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Value bytes.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Id and epoch of the transactional producer.
    pub producer: Option<(i64, i16)>,
}

impl MemoryLog {
    /// Creates a topic with Kafka's default settings; see [`MemoryLog::create`].
    ///
    /// # Errors
    /// Fatal if there is not at least one partition.
    pub fn create_topic(&self, name: &str, partitions: i32) -> IoResult<()> {
        self.create(&TopicSpec {
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            config: Vec::new(),
        })
    }

    /// Creates a topic; one that exists already is no error. Of the settings, `cleanup.policy`,
    /// `max.message.bytes` and `delete.retention.ms` mean something here.
    ///
    /// # Errors
    /// Fatal if there is not at least one partition, or a setting is no number.
    pub fn create(&self, spec: &TopicSpec) -> IoResult<()> {
        admin::create_topics(&self.cluster, std::slice::from_ref(spec))
    }

    /// Deletes a topic and the groups' offsets in it. Created again, it is another topic.
    pub fn delete_topic(&self, name: &str) {
        let (mut state, now) = self.cluster.lock();
        let State { topics, groups, .. } = &mut *state;
        topics.delete(name);
        groups.topic_changed(name, topics, now);
        self.cluster.notify();
    }

    /// Names of all topics.
    pub fn topics(&self) -> Vec<String> {
        self.cluster.lock().0.topics.names()
    }

    /// Deletes the records of a partition before an offset, as retention does.
    ///
    /// # Errors
    /// Fatal if there is no such partition.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) -> IoResult<()> {
        let (mut state, _) = self.cluster.lock();
        let place = state.topics.place("delete records", topic, partition)?;
        if let Some(partition) = state.topics.partition_mut(place) {
            partition.delete_before(before);
        }
        Ok(())
    }

    /// Every partition of a topic whose `cleanup.policy` contains `delete` keeps at most so many
    /// records from now on, and whatever open transactions hold back; `None`: all, the default.
    pub fn retain_records(&self, limit: Option<usize>) {
        self.cluster.lock().0.retention = limit;
    }

    /// Compacts a topic now, if its `cleanup.policy` contains `compact`. It is also done whenever
    /// enough has been written.
    pub fn compact(&self, topic: &str) {
        let (mut state, now) = self.cluster.lock();
        let index = state.topics.index(topic);
        if let Some(topic) = index.and_then(|index| state.topics.topic_mut(index)) {
            topic.compact(now);
        }
    }

    /// Lets what is overdue by the clock happen: sessions and transactions time out. Every call of
    /// a client does the same.
    pub fn tick(&self) {
        drop(self.cluster.lock());
    }

    /// The records of a partition as a read_committed or read_uncommitted consumer sees them.
    ///
    /// # Errors
    /// Fatal if there is no such partition.
    pub fn records(
        &self,
        topic: &str,
        partition: i32,
        read_committed: bool,
    ) -> IoResult<Vec<OwnedRecord>> {
        let (state, _) = self.cluster.lock();
        let place = state.topics.place("read records", topic, partition)?;
        let mut records = Vec::new();
        let Some(log) = state.topics.partition(place) else {
            return Ok(records);
        };
        log.read(log.low(), read_committed, usize::MAX, |record, producer| {
            let headers = record.headers.iter();
            records.push(OwnedRecord {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                    .collect(),
                producer: producer.map(|producer| (producer.id, producer.epoch)),
            });
        });
        Ok(records)
    }

    /// Appends a record as an ordinary producer does, and answers its partition and offset. Without
    /// a partition it goes by the key's hash, without a key to partition 0.
    ///
    /// # Errors
    /// Fatal if there is no such partition; abortable if the topic refuses the record.
    pub fn append(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: i64,
        headers: Headers<'_>,
    ) -> IoResult<(i32, i64)> {
        let record = NewRecord {
            timestamp,
            key,
            value,
            headers,
        };
        let (mut state, now) = self.cluster.lock();
        let count = state.topics.partition_count(topic).unwrap_or(0);
        let hashed = || key.map_or(0, |key| murmur2::partition_of(key, count));
        let number = partition.unwrap_or_else(hashed);
        let place = state.topics.place("append record", topic, number)?;
        let retention = state.retention;
        let found = state.topics.topic_mut(place.topic);
        let found = found.ok_or_else(|| Error::fatal("append record", "unknown topic"))?;
        if let Some(refusal) = found.refusal(&record) {
            return Err(refusal);
        }
        let log = found.partitions.get_mut(place.partition);
        let offset = log.map_or(-1, |log| log.append(record, None));
        found.clean(place.partition, retention, now);
        drop(state);
        self.cluster.notify();
        Ok((number, offset))
    }

    /// Committed offsets of a group; those of open transactions are not among them.
    pub fn commit_offsets_of(&self, group: &str) -> BTreeMap<TopicPartition, i64> {
        let (state, _) = self.cluster.lock();
        let group = state.groups.group(group);
        group.map_or_else(BTreeMap::new, |group| group.offsets.all().clone())
    }

    /// Forgets the committed offsets of a group, as after `offsets.retention.minutes`.
    pub fn forget_offsets_of(&self, group: &str) {
        let (mut state, _) = self.cluster.lock();
        state.groups.group_mut(group).offsets.forget_committed();
    }

    /// Forgets a transactional id that is idle, as after `transactional.id.expiration.ms`; false if
    /// it is unknown or in a transaction.
    pub fn forget_transactional_id(&self, transactional_id: &str) -> bool {
        let (mut state, _) = self.cluster.lock();
        state.transactions.forget(transactional_id)
    }

    /// Transactions that have written something and are not complete.
    pub fn open_transactions(&self) -> Vec<OpenTransaction> {
        let (state, now) = self.cluster.lock();
        state.transactions.open(now)
    }

    /// First and next offset of a partition.
    ///
    /// # Errors
    /// Fatal if there is no such partition.
    pub fn watermarks(&self, topic: &str, partition: i32) -> IoResult<Watermarks> {
        self.look("read watermarks", topic, partition, |state, place| {
            let log = state.topics.partition(place)?;
            Some(Watermarks {
                low: log.low(),
                high: log.high(),
            })
        })
    }

    /// Where a read_committed reader of a partition stops at present.
    ///
    /// # Errors
    /// Fatal if there is no such partition.
    pub fn last_stable_offset(&self, topic: &str, partition: i32) -> IoResult<i64> {
        self.look(
            "read last stable offset",
            topic,
            partition,
            |state, place| Some(state.topics.partition(place)?.last_stable_offset()),
        )
    }

    fn look<T>(
        &self,
        operation: &'static str,
        topic: &str,
        partition: i32,
        look: impl FnOnce(&State, Place) -> Option<T>,
    ) -> IoResult<T> {
        let (state, _) = self.cluster.lock();
        let place = state.topics.place(operation, topic, partition)?;
        look(&state, place).ok_or_else(|| Error::fatal(operation, "no such partition"))
    }
}
