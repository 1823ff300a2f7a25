use std::marker::PhantomData;

use super::operator::{Operator, pass};
use super::wiring::Wiring;
use super::{BranchedKStream, Produced};
use crate::codec::Serializer;
use crate::graph::{StreamPartitioner, TopicName};
use crate::process::{ProcessError, Processor, ProcessorContext, Record};

/// A stream of records with keys `K` and values `V`.
///
/// Operators are closures that take references; what they do not change passes on by reference. A
/// stream may be used several times: each use gets every record.
///
/// Operators that keep nothing are named after their parent (`events-filter`); nothing on disk depends
/// on these names. Those with state take a name, which topics and stores bear.
pub struct KStream<K, V> {
    pub(super) wiring: Wiring,
    pub(super) node: String,
    /// Whether a key may have changed since the records were last divided by key.
    pub(super) repartition_required: bool,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for KStream<K, V> {
    fn clone(&self) -> Self {
        let node = self.node.clone();
        Self::at(&self.wiring, node, self.repartition_required)
    }
}

impl<K, V> KStream<K, V> {
    pub(super) fn at(wiring: &Wiring, node: String, repartition_required: bool) -> Self {
        Self {
            wiring: wiring.clone(),
            node,
            repartition_required,
            types: PhantomData,
        }
    }

    /// The name of the node whose records these are.
    pub fn name(&self) -> &str {
        &self.node
    }
}

impl<K: 'static, V: 'static> KStream<K, V> {
    /// Adds an operator that keeps nothing between records.
    pub(super) fn operator<KO: 'static, VO: 'static>(
        &self,
        operation: &str,
        process: impl Fn(
            Record<'_, K, V>,
            &mut ProcessorContext<'_, '_, KO, VO>,
        ) -> Result<(), ProcessError>
        + Send
        + Sync
        + 'static,
    ) -> KStream<KO, VO> {
        let node = self.wiring.name(&self.node, operation);
        let operator = Operator::<_, (K, V), (KO, VO)>::new(process);
        let parents = [self.node.as_str()];
        self.wiring.declare(|topology| {
            topology.add_processor(&node, move || operator.clone(), &parents);
        });
        KStream::at(&self.wiring, node, self.repartition_required)
    }

    /// Whatever begins with this stream has its records' keys changed.
    pub(super) fn with_new_keys(mut self) -> Self {
        self.repartition_required = true;
        self
    }

    /// Divides the stream: each record goes to the first branch whose predicate it meets.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let amounts = builder.stream("amounts", Consumed::with(Utf8, I64));
    /// let mut split = amounts.split();
    /// let large = split.branch("large", |_key, amount| *amount >= 100);
    /// let small = split.default_branch("small");
    /// large.to("large-amounts", Produced::with(Utf8, I64));
    /// small.to("small-amounts", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let amounts = driver.create_input_topic("amounts", Utf8, I64);
    /// # let mut large = driver.create_output_topic("large-amounts", Utf8, I64);
    /// # let mut small = driver.create_output_topic("small-amounts", Utf8, I64);
    /// amounts.pipe_key_value_list(&mut driver, [("a", 99), ("b", 100), ("c", 101)])?;
    /// assert_eq!(large.read_values_to_list(&mut driver)?, [100, 101]);
    /// assert_eq!(small.read_values_to_list(&mut driver)?, [99]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(&self) -> BranchedKStream<K, V> {
        BranchedKStream::new(self)
    }

    /// The records of both streams. Where they belong to one task, the one with the smaller timestamp
    /// goes first.
    ///
    /// ```
    /// # use topology::codec::Utf8;
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let calls = builder.stream("calls", Consumed::with(Utf8, Utf8));
    /// let letters = builder.stream("letters", Consumed::with(Utf8, Utf8));
    /// calls.merge(&letters).to("contacts", Produced::with(Utf8, Utf8));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let calls = driver.create_input_topic("calls", Utf8, Utf8);
    /// # let letters = driver.create_input_topic("letters", Utf8, Utf8);
    /// # let mut contacts = driver.create_output_topic("contacts", Utf8, Utf8);
    /// calls.pipe_key_value_list(&mut driver, [("ann", "called")])?;
    /// letters.pipe_key_value_list(&mut driver, [("ann", "wrote")])?;
    /// assert_eq!(contacts.read_values_to_list(&mut driver)?, ["called", "wrote"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Streams of different types do not merge:
    ///
    /// ```compile_fail,E0308
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, StreamsBuilder};
    /// # let builder = StreamsBuilder::new();
    /// let calls = builder.stream("calls", Consumed::with(Utf8, Utf8));
    /// let letters = builder.stream("letters", Consumed::with(Utf8, I64));
    /// let contacts = calls.merge(&letters);
    /// ```
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let node = self.wiring.name(&self.node, "merge");
        let mut parents = vec![self.node.as_str()];
        if self.wiring.is(&other.wiring) {
            parents.push(&other.node);
        } else {
            self.wiring.mistake(format!(
                "node {node}: {} belongs to another StreamsBuilder; merge streams of one builder",
                other.node
            ));
        }
        self.wiring.declare(|topology| {
            topology.add_processor(&node, pass::<K, V>(), &parents);
        });
        let repartition_required = self.repartition_required || other.repartition_required;
        Self::at(&self.wiring, node, repartition_required)
    }

    /// A processor of one's own, with the stores named; made anew for each task by `supplier`. Its name
    /// is part of its timers on disk.
    ///
    /// It may have changed keys, so that what groups its output by key repartitions first, as in Kafka
    /// Streams.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::graph::StoreBuilder;
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// use topology::process::{InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record};
    ///
    /// /// Forwards by how much the value of a key has changed.
    /// #[derive(Default)]
    /// struct Differences {
    ///     last: Option<KeyValueStore<String, i64>>,
    /// }
    ///
    /// impl Processor for Differences {
    ///     type Key = String;
    ///     type Value = i64;
    ///     type OutKey = String;
    ///     type OutValue = i64;
    ///
    ///     fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
    ///         self.last = Some(KeyValueStore::open(context, "last", Utf8, I64)?);
    ///         Ok(())
    ///     }
    ///
    ///     fn process(&mut self, record: Record<'_, String, i64>, context: &mut ProcessorContext<'_, '_, String, i64>) -> Result<(), ProcessError> {
    ///         let Some(last) = &mut self.last else { return Ok(()) };
    ///         let mut before = 0;
    ///         last.get(context, record.key, &mut before)?;
    ///         last.put(context, record.key, record.value)?;
    ///         context.forward(record.with_value(&(record.value - before)))
    ///     }
    /// }
    ///
    /// # let builder = StreamsBuilder::new();
    /// builder.add_state_store(StoreBuilder::persistent("last"));
    /// builder
    ///     .stream("levels", Consumed::with(Utf8, I64))
    ///     .process("differences", Differences::default, &["last"])
    ///     .to("differences", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let levels = driver.create_input_topic("levels", Utf8, I64);
    /// # let mut differences = driver.create_output_topic("differences", Utf8, I64);
    /// levels.pipe_key_value_list(&mut driver, [("a", 5), ("b", 7), ("a", 4)])?;
    /// assert_eq!(differences.read_values_to_list(&mut driver)?, [5, 7, -1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// One that takes other records does not compile:
    ///
    /// ```compile_fail,E0271
    /// # use topology::codec::Utf8;
    /// # use topology::dsl::{Consumed, StreamsBuilder};
    /// # use topology::process::{ProcessError, Processor, ProcessorContext, Record};
    /// # #[derive(Default)]
    /// # struct Differences;
    /// # impl Processor for Differences {
    /// #     type Key = String;
    /// #     type Value = i64;
    /// #     type OutKey = String;
    /// #     type OutValue = i64;
    /// #     fn process(&mut self, record: Record<'_, String, i64>, context: &mut ProcessorContext<'_, '_, String, i64>) -> Result<(), ProcessError> {
    /// #         context.forward(record)
    /// #     }
    /// # }
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("levels", Consumed::with(Utf8, Utf8))
    ///     .process("differences", Differences::default, &[]);
    /// ```
    pub fn process<P: Processor<Key = K, Value = V>>(
        &self,
        name: &str,
        supplier: impl Fn() -> P + Send + Sync + 'static,
        stores: &[&str],
    ) -> KStream<P::OutKey, P::OutValue> {
        let parents = [self.node.as_str()];
        self.wiring.declare(|topology| {
            topology.add_processor(name, supplier, &parents);
        });
        for store in stores {
            self.wiring.connect(name, store);
        }
        KStream::at(&self.wiring, name.to_owned(), true)
    }

    /// Writes the records to a topic.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let levels = builder.stream("levels", Consumed::with(Utf8, I64));
    /// levels.to("every", Produced::with(Utf8, I64));
    /// levels.to("latest", Produced::with(Utf8, I64).latest_per_commit());
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let levels = driver.create_input_topic("levels", Utf8, I64);
    /// # let mut every = driver.create_output_topic("every", Utf8, I64);
    /// # let mut latest = driver.create_output_topic("latest", Utf8, I64);
    /// levels.pipe_key_value_list(&mut driver, [("a", 5), ("a", 6), ("a", 7)])?;
    /// assert_eq!(every.read_values_to_list(&mut driver)?, [5, 6, 7]);
    /// assert_eq!(latest.read_values_to_list(&mut driver)?, [7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Serializers of other types do not compile:
    ///
    /// ```compile_fail,E0277
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # let builder = StreamsBuilder::new();
    /// let levels = builder.stream("levels", Consumed::with(Utf8, I64));
    /// levels.to("every", Produced::with(Utf8, Utf8));
    /// ```
    pub fn to<SK, SV>(&self, topic: &str, produced: Produced<SK, SV>)
    where
        SK: Serializer<K> + Clone + Sync + 'static,
        SV: Serializer<V> + Clone + Sync + 'static,
    {
        self.sink(topic, produced, None);
    }

    /// As [`KStream::to`], to the partitions that `partitioner` chooses, as Kafka Streams'
    /// `Produced.withStreamPartitioner`: where the hash of the key is not what decides.
    ///
    /// ```
    /// use topology::codec::{I64, Utf8};
    /// use topology::dsl::{Consumed, Produced, StreamsBuilder};
    ///
    /// let builder = StreamsBuilder::new();
    /// let amounts = builder.stream("amounts", Consumed::with(Utf8, I64));
    /// amounts.to_partitioned("split", Produced::with(Utf8, I64), |_, amount| Some(i32::from(*amount < 0)));
    /// # assert!(builder.build().is_ok());
    /// ```
    pub fn to_partitioned<SK, SV>(
        &self,
        topic: &str,
        produced: Produced<SK, SV>,
        partitioner: StreamPartitioner<K, V>,
    ) where
        SK: Serializer<K> + Clone + Sync + 'static,
        SV: Serializer<V> + Clone + Sync + 'static,
    {
        self.sink(topic, produced, Some(partitioner));
    }

    fn sink<SK, SV>(
        &self,
        topic: &str,
        produced: Produced<SK, SV>,
        partitioner: Option<StreamPartitioner<K, V>>,
    ) where
        SK: Serializer<K> + Clone + Sync + 'static,
        SV: Serializer<V> + Clone + Sync + 'static,
    {
        let derived = || self.wiring.name(&self.node, "to");
        let node = produced.name.unwrap_or_else(derived);
        let (key, value, parents) = (produced.key, produced.value, [self.node.as_str()]);
        self.wiring.declare(|topology| {
            let (key, value) = (move || key.clone(), move || value.clone());
            topology.add_sink_of(
                &node,
                TopicName::External(topic.to_owned()),
                produced.mode,
                partitioner,
                key,
                value,
                &parents,
            );
        });
    }
}
