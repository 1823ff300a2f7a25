//! What a store is, as the graph declares it.

/// Where a store lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In RocksDB, under the state directory; survives a restart.
    Persistent,
    /// In this process only; restored from the beginning of its changelog after every start.
    InMemory,
}

/// A store of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    /// Name, unique in the topology; names the column family and the changelog topic.
    pub name: String,
    /// Where it lives.
    pub kind: StoreKind,
    /// Whether its changes go to a changelog topic.
    pub changelog: bool,
    /// Whether the keys of a batch of input records are the store's keys, so that they are worth
    /// fetching together ([`TaskState::prefetch`](super::TaskState::prefetch)).
    pub key_prefetch: bool,
}

impl StoreSpec {
    /// A persistent store with a changelog, not fetched ahead.
    pub fn persistent(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: StoreKind::Persistent,
            changelog: true,
            key_prefetch: false,
        }
    }

    /// A store in memory with a changelog, not fetched ahead.
    pub fn in_memory(name: impl Into<String>) -> Self {
        Self {
            kind: StoreKind::InMemory,
            ..Self::persistent(name)
        }
    }
}

/// A store of a task: its index in the specifications the task's state was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u32);

impl StoreId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
