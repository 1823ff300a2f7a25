use crate::store::{StoreKind, StoreSpec};

/// Declares a key-value store.
///
/// ```
/// use topology::graph::StoreBuilder;
/// let orders = StoreBuilder::persistent("orders").keyed_by_record();
/// let scratch = StoreBuilder::in_memory("scratch").without_changelog();
/// # let _ = (orders, scratch);
/// ```
#[derive(Clone, Debug)]
pub struct StoreBuilder {
    pub(crate) spec: StoreSpec,
}

impl StoreBuilder {
    /// A store in RocksDB, with a changelog topic `<application.id>-<name>-changelog`.
    pub fn persistent(name: impl Into<String>) -> Self {
        Self::new(name, StoreKind::Persistent)
    }

    /// A store in memory, with a changelog topic; restored from its beginning at each start.
    pub fn in_memory(name: impl Into<String>) -> Self {
        Self::new(name, StoreKind::InMemory)
    }

    fn new(name: impl Into<String>, kind: StoreKind) -> Self {
        Self {
            spec: StoreSpec {
                name: name.into(),
                kind,
                changelog: true,
                key_prefetch: false,
            },
        }
    }

    /// Without a changelog topic: lost with the directory, and not moved with the task.
    #[must_use]
    pub fn without_changelog(mut self) -> Self {
        self.spec.changelog = false;
        self
    }

    /// Its keys are the bytes of the input records' keys: the engine fetches the values of a whole
    /// batch at once, before the batch is processed.
    #[must_use]
    pub fn keyed_by_record(mut self) -> Self {
        self.spec.key_prefetch = true;
        self
    }
}
