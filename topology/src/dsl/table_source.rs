use super::any_codec::AnyCodec;
use super::store::Store;
use crate::process::{InitContext, ProcessError, Processor, ProcessorContext, Record};

/// Keeps the last value of each key of a topic; a tombstone deletes it.
pub(super) struct TableSource<K, V> {
    store: Store<K, V>,
}

impl<K, V> TableSource<K, V> {
    pub(super) fn new(name: &str, keys: AnyCodec<K>, values: AnyCodec<V>) -> Self {
        Self {
            store: Store::new(name, keys, values),
        }
    }
}

impl<K: 'static, V: 'static> Processor for TableSource<K, V> {
    type Key = K;
    type Value = Option<V>;
    type OutKey = K;
    type OutValue = Option<V>;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store.open(context)
    }

    fn process(
        &mut self,
        record: Record<'_, K, Option<V>>,
        context: &mut ProcessorContext<'_, '_, K, Option<V>>,
    ) -> Result<(), ProcessError> {
        let store = self.store.opened()?;
        match record.value {
            Some(value) => store.put(context, record.key, value)?,
            None => store.delete(context, record.key)?,
        }
        context.forward(record)
    }
}
