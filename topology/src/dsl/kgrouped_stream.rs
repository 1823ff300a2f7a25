use std::cell::OnceCell;
use std::sync::Arc;

use super::aggregate::{Aggregate, Fold};
use super::any_codec::AnyCodec;
use super::{Grouped, KStream, KTable, Materialized, Repartitioned};
use crate::codec::{Codec, I64};

/// A stream grouped by its keys, from [`KStream::group_by_key`] or [`KStream::group_by`].
///
/// What is aggregated is kept in a store with a changelog, so that it outlives crash and move, and is
/// told whenever it changes, under the timestamp of the record that changed it.
pub struct KGroupedStream<K, V> {
    pub(super) stream: KStream<K, V>,
    pub(super) keys: AnyCodec<K>,
    pub(super) values: AnyCodec<V>,
    /// Name of the repartition edge, if it has one that is not the store's.
    name: Option<String>,
    /// What has gone through that edge, once there is something that needs it.
    repartitioned: OnceCell<KStream<K, V>>,
}

impl<K: 'static, V: 'static> KGroupedStream<K, V> {
    pub(super) fn new<CK, CV>(
        stream: KStream<K, V>,
        name: Option<String>,
        grouped: Grouped<CK, CV>,
    ) -> Self
    where
        CK: Codec<K>,
        CV: Codec<V>,
    {
        Self {
            stream,
            keys: AnyCodec::new(grouped.key),
            values: AnyCodec::new(grouped.value),
            name,
            repartitioned: OnceCell::new(),
        }
    }
}

impl<K, V> KGroupedStream<K, V>
where
    K: Default + Send + 'static,
    V: Default + Send + 'static,
{
    /// How many records there are of each key.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("amounts", Consumed::with(Utf8, I64))
    ///     .group_by_key(Grouped::with(Utf8, I64))
    ///     .count("counts")
    ///     .to("counted", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let amounts = driver.create_input_topic("amounts", Utf8, I64);
    /// # let mut counted = driver.create_output_topic("counted", Utf8, I64);
    /// amounts.pipe_key_value_list(&mut driver, [("ann", 5), ("bob", 9), ("ann", 7)])?;
    /// assert_eq!(counted.read_values_to_list(&mut driver)?, [1, 1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count(&self, store: impl Into<Materialized>) -> KTable<K, i64> {
        let fold = Fold {
            first: |_: &K, _: &V| 1,
            next: |_: &K, _: &V, count: &mut i64| *count += 1,
        };
        self.fold("count", store.into(), AnyCodec::new(I64), fold)
    }

    /// The values of each key put together, two at a time: what there is so far, and the next.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("amounts", Consumed::with(Utf8, I64))
    ///     .group_by_key(Grouped::with(Utf8, I64))
    ///     .reduce("largest", |largest, amount| *largest.max(amount))
    ///     .to("largest-amounts", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let amounts = driver.create_input_topic("amounts", Utf8, I64);
    /// # let mut largest = driver.create_output_topic("largest-amounts", Utf8, I64);
    /// amounts.pipe_key_value_list(&mut driver, [("ann", 5), ("ann", 9), ("ann", 7)])?;
    /// assert_eq!(largest.read_values_to_list(&mut driver)?, [5, 9, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reduce(
        &self,
        store: impl Into<Materialized>,
        reducer: impl Fn(&V, &V) -> V + Send + Sync + 'static,
    ) -> KTable<K, V>
    where
        V: Clone,
    {
        let fold = Fold {
            first: |_: &K, value: &V| value.clone(),
            next: move |_: &K, value: &V, sum: &mut V| *sum = reducer(sum, value),
        };
        self.fold("reduce", store.into(), self.values.clone(), fold)
    }

    /// An aggregate of the values of each key, of any type: how it begins, and how a record changes it.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("visits", Consumed::with(Utf8, Utf8))
    ///     .group_by_key(Grouped::with(Utf8, Utf8))
    ///     .aggregate("letters", || 0, |_person, place, letters| *letters += place.len() as i64, I64)
    ///     .to("letters-per-person", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let visits = driver.create_input_topic("visits", Utf8, Utf8);
    /// # let mut letters = driver.create_output_topic("letters-per-person", Utf8, I64);
    /// visits.pipe_key_value_list(&mut driver, [("ann", "museum"), ("ann", "zoo")])?;
    /// assert_eq!(letters.read_values_to_list(&mut driver)?, [6, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn aggregate<A: Send + 'static>(
        &self,
        store: impl Into<Materialized>,
        initializer: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K, &V, &mut A) + Send + Sync + 'static,
        aggregates: impl Codec<A>,
    ) -> KTable<K, A> {
        let aggregator = Arc::new(aggregator);
        let add = Arc::clone(&aggregator);
        let fold = Fold {
            first: move |key: &K, value: &V| {
                let mut aggregate = initializer();
                add(key, value, &mut aggregate);
                aggregate
            },
            next: move |key: &K, value: &V, aggregate: &mut A| aggregator(key, value, aggregate),
        };
        let aggregates = AnyCodec::new(aggregates);
        self.fold("aggregate", store.into(), aggregates, fold)
    }

    fn fold<A, First, Next>(
        &self,
        operation: &str,
        materialized: Materialized,
        aggregates: AnyCodec<A>,
        fold: Fold<First, Next>,
    ) -> KTable<K, A>
    where
        A: Send + 'static,
        First: Fn(&K, &V) -> A + Send + Sync + 'static,
        Next: Fn(&K, &V, &mut A) + Send + Sync + 'static,
    {
        let store = materialized.name().to_owned();
        let stream = self.together(&store);
        let wiring = &stream.wiring;
        let node = wiring.name(&store, operation);
        let (keys, fold, name) = (self.keys.clone(), Arc::new(fold), store.clone());
        let supplier = move || {
            let (keys, aggregates) = (keys.clone(), aggregates.clone());
            Aggregate::<K, V, A, _>::new(&name, keys, aggregates, Arc::clone(&fold))
        };
        wiring.declare(|topology| {
            topology.add_processor(&node, supplier, &[&stream.node]);
        });
        wiring.add_store(materialized.store);
        wiring.connect(&node, &store);
        KTable::at(wiring, node, store)
    }

    /// The stream with all records of a key in one task.
    fn together(&self, store: &str) -> KStream<K, V> {
        if !self.stream.repartition_required {
            return self.stream.clone();
        }
        let through = |name: &str| {
            let codecs = Repartitioned::with(self.keys.clone(), self.values.clone());
            self.stream.repartition(name, codecs)
        };
        match &self.name {
            None => through(store),
            Some(name) => self.repartitioned.get_or_init(|| through(name)).clone(),
        }
    }
}
