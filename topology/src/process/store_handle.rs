use super::{InitContext, ProcessError, ProcessingContext};
use crate::codec::{Deserializer, Presence, Serializer};
use crate::store::StoreId;

/// A key-value store with typed keys and values, resolved in [`super::Processor::init`].
///
/// ```
/// use topology::codec::{I64, Utf8};
/// use topology::process::{InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record};
///
/// /// Counts the records of each key.
/// #[derive(Default)]
/// struct Count {
///     counts: Option<KeyValueStore<String, i64>>,
/// }
///
/// impl Processor for Count {
///     type Key = String;
///     type Value = String;
///     type OutKey = String;
///     type OutValue = i64;
///
///     fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
///         self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
///         Ok(())
///     }
///
///     fn process(&mut self, record: Record<'_, String, String>, context: &mut ProcessorContext<'_, '_, String, i64>) -> Result<(), ProcessError> {
///         let Some(counts) = &mut self.counts else { return Ok(()) };
///         let mut count = 0;
///         counts.get(context, record.key, &mut count)?;
///         count += 1;
///         counts.put(context, record.key, &count)?;
///         context.forward(record.with_value(&count))
///     }
/// }
/// ```
pub struct KeyValueStore<K, V> {
    store: StoreId,
    keys: Box<dyn Serializer<K>>,
    values: Box<dyn ValueCodec<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
}

trait ValueCodec<V>: Send {
    fn read(&mut self, bytes: &[u8], target: &mut V) -> Result<(), ProcessError>;
    fn write(&mut self, value: &V, out: &mut Vec<u8>) -> Result<Presence, ProcessError>;
}

impl<V, C: Serializer<V> + Deserializer<V>> ValueCodec<V> for C {
    fn read(&mut self, bytes: &[u8], target: &mut V) -> Result<(), ProcessError> {
        Ok(self.deserialize(Some(bytes), target)?)
    }

    fn write(&mut self, value: &V, out: &mut Vec<u8>) -> Result<Presence, ProcessError> {
        Ok(self.serialize(value, out)?)
    }
}

impl<K, V> KeyValueStore<K, V> {
    /// The store `name`, which must be connected to this processor.
    ///
    /// # Errors
    /// Fatal when it is not.
    pub fn open(
        context: &InitContext<'_>,
        name: &str,
        keys: impl Serializer<K> + 'static,
        values: impl Serializer<V> + Deserializer<V> + 'static,
    ) -> Result<Self, ProcessError> {
        let store = context.store(name)?;
        Ok(Self {
            store,
            keys: Box::new(keys),
            values: Box::new(values),
            key: Vec::new(),
            value: Vec::new(),
        })
    }

    fn encode_key(&mut self, key: &K) -> Result<(), ProcessError> {
        self.key.clear();
        self.keys.serialize(key, &mut self.key)?;
        Ok(())
    }

    /// Decodes the value of `key` into `target`; answers whether there is one.
    ///
    /// # Errors
    /// Of the codec or of the store.
    pub fn get(
        &mut self,
        context: &mut ProcessingContext<'_>,
        key: &K,
        target: &mut V,
    ) -> Result<bool, ProcessError> {
        self.encode_key(key)?;
        match context.get(self.store, &self.key)? {
            None => Ok(false),
            Some(bytes) => self.values.read(bytes, target).map(|()| true),
        }
    }

    /// Sets the value of `key`; one that its codec writes as null removes the key.
    ///
    /// # Errors
    /// Of the codec or of the store.
    pub fn put(
        &mut self,
        context: &mut ProcessingContext<'_>,
        key: &K,
        value: &V,
    ) -> Result<(), ProcessError> {
        self.encode_key(key)?;
        self.value.clear();
        match self.values.write(value, &mut self.value)? {
            Presence::Present => context.put(self.store, &self.key, &self.value),
            Presence::Null => context.delete(self.store, &self.key),
        }
    }

    /// Removes `key`.
    ///
    /// # Errors
    /// Of the codec or of the store.
    pub fn delete(
        &mut self,
        context: &mut ProcessingContext<'_>,
        key: &K,
    ) -> Result<(), ProcessError> {
        self.encode_key(key)?;
        context.delete(self.store, &self.key)
    }
}
