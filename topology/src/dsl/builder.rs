use super::any_codec::AnyCodec;
use super::table_source::TableSource;
use super::wiring::Wiring;
use super::{Consumed, KStream, KTable, Materialized, Topics};
use crate::codec::{Codec, Deserializer, Nullable};
use crate::graph::{BuiltTopology, StoreBuilder, Topology, TopologyError};

/// Where a topology of typed streams and tables begins, as Kafka Streams' class of the same name; the
/// [module](super) shows a whole program.
///
/// Nothing is judged before [`StreamsBuilder::build`], which tells all mistakes at once.
#[derive(Default)]
pub struct StreamsBuilder {
    wiring: Wiring,
}

impl StreamsBuilder {
    /// A builder of an empty topology.
    pub fn new() -> Self {
        Self::default()
    }

    /// The records of a topic, or of several that have the same number of partitions and are divided by
    /// the same keys: those are merged by timestamp.
    ///
    /// ```
    /// # use topology::codec::Utf8;
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let contacts = builder.stream(["calls", "letters"], Consumed::with(Utf8, Utf8));
    /// contacts.to("contacts", Produced::with(Utf8, Utf8));
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
    /// A key or a value that cannot be read, null among them unless its deserializer is
    /// [`Nullable`], goes to the dead-letter topic; Kafka Streams would pass null on and drop the record
    /// where it is grouped.
    pub fn stream<K, V, DK, DV>(
        &self,
        topics: impl Topics,
        consumed: Consumed<DK, DV>,
    ) -> KStream<K, V>
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        DK: Deserializer<K> + Clone + Sync + 'static,
        DV: Deserializer<V> + Clone + Sync + 'static,
    {
        let topics = topics.names();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let Consumed { key, value, name } = consumed;
        let node = name.unwrap_or_else(|| topics.join("-"));
        self.wiring.declare(|topology| {
            let (key, value) = (move || key.clone(), move || value.clone());
            topology.add_source(&node, &topics, key, value);
        });
        KStream::at(&self.wiring, node, false)
    }

    /// A topic as a table, kept in a store: a record replaces the one of the same key before it, a null
    /// value deletes it.
    ///
    /// ```
    /// # use topology::codec::{Nullable, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let addresses = builder.table("addresses", Consumed::with(Utf8, Utf8), "addresses");
    /// addresses.to("copies", Produced::with(Utf8, Utf8));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let addresses = driver.create_input_topic("addresses", Utf8, Nullable(Utf8));
    /// # let mut copies = driver.create_output_topic("copies", Utf8, Nullable(Utf8));
    /// addresses.pipe_key_value_list(&mut driver, [("ann", Some("here".to_owned())), ("ann", None)])?;
    /// assert_eq!(copies.read_values_to_list(&mut driver)?, [Some("here".to_owned()), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn table<K, V, CK, CV>(
        &self,
        topic: &str,
        consumed: Consumed<CK, CV>,
        store: impl Into<Materialized>,
    ) -> KTable<K, V>
    where
        K: Default + Send + 'static,
        V: Default + Send + 'static,
        CK: Codec<K>,
        CV: Codec<V>,
    {
        let materialized = store.into();
        let store = materialized.name().to_owned();
        let keys = AnyCodec::new(consumed.key.clone());
        let values = AnyCodec::new(consumed.value.clone());
        let Consumed { key, value, name } = consumed;
        let value = Nullable(value);
        let source: KStream<K, Option<V>> = self.stream(topic, Consumed { key, value, name });
        let node = self.wiring.name(&source.node, "table");
        let table = store.clone();
        self.wiring.declare(|topology| {
            let supplier = move || TableSource::new(&table, keys.clone(), values.clone());
            topology.add_processor(&node, supplier, &[&source.node]);
        });
        self.wiring.add_store(materialized.store);
        self.wiring.connect(&node, &store);
        KTable::at(&self.wiring, node, store)
    }

    /// A store for the processors that name it in [`KStream::process`].
    pub fn add_state_store(&self, store: StoreBuilder) -> &Self {
        self.wiring.add_store(store);
        self
    }

    /// Where records go that cannot be read or that an operator gave up.
    pub fn dead_letter_topic(&self, topic: &str) -> &Self {
        self.wiring.declare(|topology| {
            topology.dead_letter_topic(topic);
        });
        self
    }

    /// What has been declared so far, to go on with node by node.
    ///
    /// ```
    /// # use topology::codec::Utf8;
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// let builder = StreamsBuilder::new();
    /// let lines = builder.stream("lines", Consumed::with(Utf8, Utf8));
    /// let mut topology = builder.topology();
    /// topology.add_sink("copies", "copies", || Utf8, || Utf8, &[lines.name()]);
    /// topology.counters(["copied".to_owned()]);
    /// assert!(topology.build()?.describe().contains("Sink: copies (topic: copies)"));
    /// # Ok::<(), topology::graph::TopologyError>(())
    /// ```
    pub fn topology(&self) -> Topology {
        self.wiring.topology()
    }

    /// Checks the whole and divides it into sub-topologies.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn build(&self) -> Result<BuiltTopology, TopologyError> {
        self.topology().build()
    }
}
