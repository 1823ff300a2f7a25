use std::collections::BTreeMap;

use super::TestDriver;
use crate::Error;
use crate::codec::Presence;
use crate::codec::{Deserializer, Serializer};
use crate::io::Headers;
use crate::time::Clock;

/// Pipes records into a topic, as Kafka Streams' class of the same name.
pub struct TestInputTopic<K, V> {
    topic: String,
    keys: parking_lot::Mutex<Box<dyn Serializer<K>>>,
    values: parking_lot::Mutex<Box<dyn Serializer<V>>>,
}

impl<K, V> TestInputTopic<K, V> {
    pub(super) fn new(
        topic: &str,
        keys: impl Serializer<K> + 'static,
        values: impl Serializer<V> + 'static,
    ) -> Self {
        let (keys, values) = (
            parking_lot::Mutex::new(Box::new(keys) as _),
            parking_lot::Mutex::new(Box::new(values) as _),
        );
        Self {
            topic: topic.to_owned(),
            keys,
            values,
        }
    }

    /// Appends a record and lets the topology process it; nothing is committed yet.
    ///
    /// # Errors
    /// Of the serializers, or of [`TestDriver::run_until_idle`].
    pub fn pipe_input(
        &self,
        driver: &mut TestDriver,
        key: &K,
        value: &V,
        timestamp: i64,
    ) -> Result<(), Error> {
        let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        let failed =
            |error: crate::codec::CodecError| Error::fatal("pipe a record", error.to_string());
        let key_presence = self
            .keys
            .lock()
            .serialize(key, &mut key_bytes)
            .map_err(failed)?;
        let value_presence = self
            .values
            .lock()
            .serialize(value, &mut value_bytes)
            .map_err(failed)?;
        driver.log().append(
            &self.topic,
            None,
            (key_presence == Presence::Present).then_some(key_bytes.as_slice()),
            (value_presence == Presence::Present).then_some(value_bytes.as_slice()),
            timestamp,
            Headers::default(),
        )?;
        driver.run_until_idle()
    }
}

impl<K, V> TestInputTopic<K, V> {
    /// Pipes records one after the other, with the wall-clock time as their timestamp.
    ///
    /// # Errors
    /// As [`TestInputTopic::pipe_input`].
    pub fn pipe_key_value_list(
        &self,
        driver: &mut TestDriver,
        records: impl IntoIterator<Item = (impl Into<K>, impl Into<V>)>,
    ) -> Result<(), Error> {
        for (key, value) in records {
            let now = driver.clock().wall_clock_ms();
            self.pipe_input(driver, &key.into(), &value.into(), now)?;
        }
        Ok(())
    }
}

/// A record read from an output topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRecord<K, V> {
    /// Key.
    pub key: K,
    /// Value.
    pub value: V,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Headers by name.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Reads records of a topic in order, as Kafka Streams' class of the same name: partition by
/// partition, as a read_committed consumer.
pub struct TestOutputTopic<K, V> {
    topic: String,
    positions: Vec<usize>,
    keys: Box<dyn Deserializer<K>>,
    values: Box<dyn Deserializer<V>>,
}

impl<K, V> TestOutputTopic<K, V> {
    pub(super) fn new(
        topic: &str,
        partitions: i32,
        keys: impl Deserializer<K> + 'static,
        values: impl Deserializer<V> + 'static,
    ) -> Self {
        let positions = vec![0; usize::try_from(partitions).unwrap_or(0)];
        Self {
            topic: topic.to_owned(),
            positions,
            keys: Box::new(keys),
            values: Box::new(values),
        }
    }
}

impl<K, V> TestOutputTopic<K, V>
where
    K: Default,
    V: Default,
{
    /// Commits, and reads the next record if there is one.
    ///
    /// # Errors
    /// Of the commit or the deserializers.
    pub fn read_record(
        &mut self,
        driver: &mut TestDriver,
    ) -> Result<Option<TestRecord<K, V>>, Error> {
        driver.commit()?;
        for (partition, position) in (0..).zip(self.positions.iter_mut()) {
            let records = driver.log().records(&self.topic, partition, true)?;
            let Some(record) = records.get(*position) else {
                continue;
            };
            *position += 1;
            let failed =
                |error: crate::codec::CodecError| Error::fatal("read a record", error.to_string());
            let (mut key, mut value) = (K::default(), V::default());
            self.keys
                .deserialize(record.key.as_deref(), &mut key)
                .map_err(failed)?;
            self.values
                .deserialize(record.value.as_deref(), &mut value)
                .map_err(failed)?;
            let headers = record.headers.clone();
            return Ok(Some(TestRecord {
                key,
                value,
                timestamp: record.timestamp,
                headers,
            }));
        }
        Ok(None)
    }

    /// As [`TestOutputTopic::read_record`], the value alone.
    ///
    /// # Errors
    /// As [`TestOutputTopic::read_record`].
    pub fn read_value(&mut self, driver: &mut TestDriver) -> Result<Option<V>, Error> {
        Ok(self.read_record(driver)?.map(|record| record.value))
    }

    /// All records not read yet.
    ///
    /// # Errors
    /// As [`TestOutputTopic::read_record`].
    pub fn read_records_to_list(
        &mut self,
        driver: &mut TestDriver,
    ) -> Result<Vec<TestRecord<K, V>>, Error> {
        let mut records = Vec::new();
        while let Some(record) = self.read_record(driver)? {
            records.push(record);
        }
        Ok(records)
    }

    /// The values of all records not read yet.
    ///
    /// # Errors
    /// As [`TestOutputTopic::read_record`].
    pub fn read_values_to_list(&mut self, driver: &mut TestDriver) -> Result<Vec<V>, Error> {
        let records = self.read_records_to_list(driver)?;
        Ok(records.into_iter().map(|record| record.value).collect())
    }

    /// Keys and values of all records not read yet.
    ///
    /// # Errors
    /// As [`TestOutputTopic::read_record`].
    pub fn read_key_values_to_list(
        &mut self,
        driver: &mut TestDriver,
    ) -> Result<Vec<(K, V)>, Error> {
        let records = self.read_records_to_list(driver)?.into_iter();
        Ok(records.map(|record| (record.key, record.value)).collect())
    }

    /// The last value of each key among the records not read yet.
    ///
    /// # Errors
    /// As [`TestOutputTopic::read_record`].
    pub fn read_key_values_to_map(
        &mut self,
        driver: &mut TestDriver,
    ) -> Result<BTreeMap<K, V>, Error>
    where
        K: Ord,
    {
        Ok(self.read_key_values_to_list(driver)?.into_iter().collect())
    }

    /// Whether nothing is left to read.
    ///
    /// # Errors
    /// As [`TestOutputTopic::read_record`].
    pub fn is_empty(&mut self, driver: &mut TestDriver) -> Result<bool, Error> {
        let before = self.positions.clone();
        let next = self.read_record(driver)?;
        self.positions = before;
        Ok(next.is_none())
    }
}
