use std::any::{Any, type_name};

use super::node::{Node, wrong_types};
use super::{ProcessError, ProcessingContext, Record};
use crate::codec::{Deserializer, RecordOrigin};
use crate::io::{Headers, RecordView};

/// Decodes records from the wire into one key and one value that are used again and again.
pub(crate) struct SourceNode<K, V> {
    pub(crate) key_deserializer: Box<dyn Deserializer<K>>,
    pub(crate) value_deserializer: Box<dyn Deserializer<V>>,
    pub(crate) key: K,
    pub(crate) value: V,
}

impl<K: Send + 'static, V: Send + 'static> Node for SourceNode<K, V> {
    fn process(
        &mut self,
        _key: &dyn Any,
        _value: &dyn Any,
        _timestamp: i64,
        _headers: Headers<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        Err(wrong_types(self.takes(), context))
    }

    fn feed(
        &mut self,
        record: RecordView<'_>,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessError> {
        let origin = RecordOrigin {
            topic: context.source_record().map_or("", |source| source.topic),
            headers: record.headers,
            key: record.key,
        };
        self.key_deserializer
            .deserialize_record(origin, record.key, &mut self.key)?;
        self.value_deserializer
            .deserialize_record(origin, record.value, &mut self.value)?;
        context.forward(Record {
            key: &self.key,
            value: &self.value,
            timestamp: record.timestamp,
            headers: record.headers,
        })
    }

    fn takes(&self) -> (&'static str, &'static str) {
        (type_name::<K>(), type_name::<V>())
    }
}
