use std::marker::PhantomData;

use super::wiring::Wiring;
use super::{KStream, Produced};
use crate::codec::{Nullable, Serializer};

/// A table: the last value of each key, as a stream of changes. A change is a key with its new value,
/// or with `None`, a tombstone, where the key has no value any more.
pub struct KTable<K, V> {
    wiring: Wiring,
    node: String,
    store: Option<String>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KTable<K, V> {
    fn clone(&self) -> Self {
        Self {
            wiring: self.wiring.clone(),
            node: self.node.clone(),
            store: self.store.clone(),
            types: PhantomData,
        }
    }
}

impl<K, V> KTable<K, V> {
    pub(super) fn at(wiring: &Wiring, node: String, store: String) -> Self {
        Self {
            wiring: wiring.clone(),
            node,
            store: Some(store),
            types: PhantomData,
        }
    }

    /// The name of the node that tells the changes.
    pub fn name(&self) -> &str {
        &self.node
    }

    /// The store that holds the table, for a [`KStream::process`] that reads it; `None` where the table
    /// is derived from another and not kept.
    pub fn queryable_store_name(&self) -> Option<&str> {
        self.store.as_deref()
    }
}

impl<K: 'static, V: 'static> KTable<K, V> {
    fn derived<W>(changes: KStream<K, Option<W>>) -> KTable<K, W> {
        KTable {
            wiring: changes.wiring.clone(),
            node: changes.node,
            store: None,
            types: PhantomData,
        }
    }

    /// The rows that meet the predicate. A row that changes and does not meet it any more is deleted; as
    /// in Kafka Streams, this tombstone is told whether the row was there or not.
    ///
    /// ```
    /// # use topology::codec::{I64, Nullable, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let balances = builder.table("balances", Consumed::with(Utf8, I64), "balances");
    /// let debts = balances.filter(|_person, balance| *balance < 0);
    /// debts.to("debts", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let balances = driver.create_input_topic("balances", Utf8, I64);
    /// # let mut debts = driver.create_output_topic("debts", Utf8, Nullable(I64));
    /// balances.pipe_key_value_list(&mut driver, [("ann", -5), ("ann", 5)])?;
    /// assert_eq!(debts.read_values_to_list(&mut driver)?, [Some(-5), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.keep("filter", predicate)
    }

    /// The rows that do not meet the predicate; else as [`KTable::filter`].
    ///
    /// ```
    /// # use topology::codec::{I64, Nullable, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let balances = builder.table("balances", Consumed::with(Utf8, I64), "balances");
    /// balances
    ///     .filter_not(|_person, balance| *balance == 0)
    ///     .to("open-balances", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let balances = driver.create_input_topic("balances", Utf8, I64);
    /// # let mut open = driver.create_output_topic("open-balances", Utf8, Nullable(I64));
    /// balances.pipe_key_value_list(&mut driver, [("ann", 5), ("ann", 0)])?;
    /// assert_eq!(open.read_values_to_list(&mut driver)?, [Some(5), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter_not(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.keep("filter-not", move |key, value| !predicate(key, value))
    }

    fn keep(
        &self,
        operation: &str,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
    ) -> Self {
        let kept = self
            .to_stream()
            .operator(operation, move |record, context| match record.value {
                Some(value) if !predicate(record.key, value) => {
                    context.forward(record.with_value(&None))
                }
                _ => context.forward(record),
            });
        Self::derived(kept)
    }

    /// The same rows with other values.
    ///
    /// ```
    /// # use topology::codec::{I64, Nullable, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table("names", Consumed::with(Utf8, Utf8), "names");
    /// names.map_values(|_key, name| name.len() as i64).to("lengths", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let names = driver.create_input_topic("names", Utf8, Nullable(Utf8));
    /// # let mut lengths = driver.create_output_topic("lengths", Utf8, Nullable(I64));
    /// names.pipe_key_value_list(&mut driver, [("a", Some("Ann".to_owned())), ("a", None)])?;
    /// assert_eq!(lengths.read_values_to_list(&mut driver)?, [Some(3), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn map_values<W: 'static>(
        &self,
        mapper: impl Fn(&K, &V) -> W + Send + Sync + 'static,
    ) -> KTable<K, W> {
        let mapped = self
            .to_stream()
            .operator("map-values", move |record, context| {
                let value = record.value.as_ref();
                let mapped = value.map(|value| mapper(record.key, value));
                context.forward(record.with_value(&mapped))
            });
        Self::derived(mapped)
    }

    /// The changes as a stream, tombstones among them.
    ///
    /// ```
    /// # use topology::codec::{Nullable, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let names = builder.table("names", Consumed::with(Utf8, Utf8), "names");
    /// names
    ///     .to_stream()
    ///     .map_values(|key, name| match name {
    ///         Some(name) => format!("{key} is {name}"),
    ///         None => format!("{key} is nobody"),
    ///     })
    ///     .to("news", Produced::with(Utf8, Utf8));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let names = driver.create_input_topic("names", Utf8, Nullable(Utf8));
    /// # let mut news = driver.create_output_topic("news", Utf8, Utf8);
    /// names.pipe_key_value_list(&mut driver, [("a", Some("Ann".to_owned())), ("a", None)])?;
    /// assert_eq!(news.read_values_to_list(&mut driver)?, ["a is Ann", "a is nobody"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_stream(&self) -> KStream<K, Option<V>> {
        KStream::at(&self.wiring, self.node.clone(), false)
    }

    /// Writes the changes to a topic; a deletion is a null value. For a compacted topic
    /// [`Produced::latest_per_commit`] is worth it.
    ///
    /// ```
    /// # use topology::codec::{I64, Nullable, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let balances = builder.table("balances", Consumed::with(Utf8, I64), "balances");
    /// balances.to("copies", Produced::with(Utf8, I64).latest_per_commit());
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let balances = driver.create_input_topic("balances", Utf8, Nullable(I64));
    /// # let mut copies = driver.create_output_topic("copies", Utf8, Nullable(I64));
    /// balances.pipe_key_value_list(&mut driver, [("ann", Some(5)), ("ann", Some(6)), ("bob", None)])?;
    /// assert_eq!(copies.read_key_values_to_map(&mut driver)?, [("ann".to_owned(), Some(6)), ("bob".to_owned(), None)].into());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to<SK, SV>(&self, topic: &str, produced: Produced<SK, SV>)
    where
        SK: Serializer<K> + Clone + Sync + 'static,
        SV: Serializer<V> + Clone + Sync + 'static,
    {
        let Produced {
            key,
            value,
            mode,
            name,
        } = produced;
        let value = Nullable(value);
        let produced = Produced {
            key,
            value,
            mode,
            name,
        };
        self.to_stream().to(topic, produced);
    }
}
