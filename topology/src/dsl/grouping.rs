//! Streams divided by key: what leads through a repartition topic, and what is grouped.

use super::{Grouped, KGroupedStream, KStream, Repartitioned};
use crate::codec::Codec;

impl<K: 'static, V: 'static> KStream<K, V> {
    /// Sends the records through the internal topic `<application.id>-<name>-repartition`, so that
    /// records of one key meet in one task.
    ///
    /// ```
    /// # use topology::codec::Utf8;
    /// # use topology::dsl::{Consumed, Produced, Repartitioned, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("visits", Consumed::with(Utf8, Utf8))
    ///     .select_key(|_visit, person| person.clone())
    ///     .repartition("by-person", Repartitioned::with(Utf8, Utf8))
    ///     .to("visits-by-person", Produced::with(Utf8, Utf8));
    ///
    /// let built = builder.build()?;
    /// assert_eq!(built.subtopologies().len(), 2);
    /// # let mut driver = TestDriver::new(built, TestDriverConfig::new("example"))?;
    /// # let visits = driver.create_input_topic("visits", Utf8, Utf8);
    /// # let mut by_person = driver.create_output_topic("visits-by-person", Utf8, Utf8);
    /// visits.pipe_key_value_list(&mut driver, [("1", "ann")])?;
    /// assert_eq!(by_person.read_key_values_to_list(&mut driver)?, [("ann".to_owned(), "ann".to_owned())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn repartition<CK, CV>(&self, name: &str, repartitioned: Repartitioned<CK, CV>) -> Self
    where
        K: Default + Send,
        V: Default + Send,
        CK: Codec<K>,
        CV: Codec<V>,
    {
        let node = format!("{name}-repartition");
        let Repartitioned {
            key,
            value,
            partitions,
        } = repartitioned;
        let parents = [self.node.as_str()];
        self.wiring.declare(|topology| {
            let (key, value) = (move || key.clone(), move || value.clone());
            topology.add_repartition_of(&node, name, partitions, None, key, value, &parents);
        });
        Self::at(&self.wiring, node, false)
    }

    /// Groups the records by their keys. Where a key may have changed, whatever is aggregated goes
    /// through a repartition topic first, named after the store.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let visits = builder.stream("visits", Consumed::with(Utf8, Utf8));
    /// let counts = visits.group_by_key(Grouped::with(Utf8, Utf8)).count("visits-per-person");
    /// counts.to("counts", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let visits = driver.create_input_topic("visits", Utf8, Utf8);
    /// # let mut counts = driver.create_output_topic("counts", Utf8, I64);
    /// visits.pipe_key_value_list(&mut driver, [("ann", "museum"), ("bob", "zoo"), ("ann", "zoo")])?;
    /// assert_eq!(counts.read_key_values_to_map(&mut driver)?, [("ann".to_owned(), 2), ("bob".to_owned(), 1)].into());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn group_by_key<CK, CV>(&self, grouped: Grouped<CK, CV>) -> KGroupedStream<K, V>
    where
        CK: Codec<K>,
        CV: Codec<V>,
    {
        KGroupedStream::new(self.clone(), None, grouped)
    }

    /// Groups the records by what `selector` makes of them, through the repartition topic
    /// `<application.id>-<name>-repartition`. As [`KStream::select_key`] and [`KStream::group_by_key`],
    /// but with one repartition topic whatever is aggregated.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// let visits = builder.stream("visits", Consumed::with(Utf8, Utf8));
    /// visits
    ///     .group_by("by-place", |_person, place| place.clone(), Grouped::with(Utf8, Utf8))
    ///     .count("visits-per-place")
    ///     .to("counts", Produced::with(Utf8, I64));
    ///
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let visits = driver.create_input_topic("visits", Utf8, Utf8);
    /// # let mut counts = driver.create_output_topic("counts", Utf8, I64);
    /// visits.pipe_key_value_list(&mut driver, [("ann", "museum"), ("bob", "zoo"), ("ann", "zoo")])?;
    /// assert_eq!(counts.read_key_values_to_map(&mut driver)?, [("museum".to_owned(), 1), ("zoo".to_owned(), 2)].into());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn group_by<G, CK, CV>(
        &self,
        name: &str,
        selector: impl Fn(&K, &V) -> G + Send + Sync + 'static,
        grouped: Grouped<CK, CV>,
    ) -> KGroupedStream<G, V>
    where
        G: 'static,
        CK: Codec<G>,
        CV: Codec<V>,
    {
        KGroupedStream::new(self.select_key(selector), Some(name.to_owned()), grouped)
    }
}
