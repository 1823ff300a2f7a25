use super::any_codec::AnyCodec;
use crate::Error;
use crate::process::{InitContext, KeyValueStore, ProcessError};

/// The store of a table: its name and codecs, until it is opened.
pub(super) struct Store<K, V> {
    name: String,
    keys: AnyCodec<K>,
    values: AnyCodec<V>,
    opened: Option<KeyValueStore<K, V>>,
}

impl<K: 'static, V: 'static> Store<K, V> {
    pub(super) fn open(&mut self, context: &InitContext<'_>) -> Result<(), ProcessError> {
        let (keys, values) = (self.keys.clone(), self.values.clone());
        self.opened = Some(KeyValueStore::open(context, &self.name, keys, values)?);
        Ok(())
    }

    pub(super) fn opened(&mut self) -> Result<&mut KeyValueStore<K, V>, ProcessError> {
        let none = || Error::fatal("use a store", "the processor was not initialised");
        self.opened.as_mut().ok_or_else(|| none().into())
    }
}

impl<K, V> Store<K, V> {
    pub(super) fn new(name: &str, keys: AnyCodec<K>, values: AnyCodec<V>) -> Self {
        Self {
            name: name.to_owned(),
            keys,
            values,
            opened: None,
        }
    }
}
