use crate::graph::StoreBuilder;
use crate::store::StoreKind;

/// The store of a table. Its name is part of the names of topics and of what is on disk.
///
/// Where a `Materialized` is asked for, the name alone will do: a store in RocksDB with a changelog.
///
/// ```
/// use topology::dsl::Materialized;
///
/// let counts = Materialized::from("counts");
/// let in_memory = Materialized::as_("counts").in_memory();
/// # let _ = (counts, in_memory);
/// ```
#[derive(Clone, Debug)]
pub struct Materialized {
    pub(super) store: StoreBuilder,
}

impl Materialized {
    /// A store of this name in RocksDB, with a changelog.
    pub fn as_(name: impl Into<String>) -> Self {
        // A table's keys are, as a rule, those of the records that change it.
        let store = StoreBuilder::persistent(name).keyed_by_record();
        Self { store }
    }

    /// Kept in memory, and restored from the beginning of its changelog at each start.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.store.spec.kind = StoreKind::InMemory;
        self.store.spec.key_prefetch = false;
        self
    }

    /// Without a changelog: lost with the directory, and not moved with the task.
    #[must_use]
    pub fn with_logging_disabled(mut self) -> Self {
        self.store = self.store.without_changelog();
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.store.spec.name
    }
}

impl From<&str> for Materialized {
    fn from(name: &str) -> Self {
        Self::as_(name)
    }
}

impl From<String> for Materialized {
    fn from(name: String) -> Self {
        Self::as_(name)
    }
}
