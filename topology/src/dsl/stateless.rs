//! Operators that keep nothing between records.

use super::KStream;

impl<K: 'static, V: 'static> KStream<K, V> {
    /// The records that meet the predicate.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("amounts", Consumed::with(Utf8, I64))
    ///     .filter(|_key, amount| *amount >= 100)
    ///     .to("large", Produced::with(Utf8, I64));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let amounts = driver.create_input_topic("amounts", Utf8, I64);
    /// # let mut large = driver.create_output_topic("large", Utf8, I64);
    /// amounts.pipe_key_value_list(&mut driver, [("a", 99), ("b", 100)])?;
    /// assert_eq!(large.read_values_to_list(&mut driver)?, [100]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.operator("filter", move |record, context| {
            if predicate(record.key, record.value) {
                context.forward(record)
            } else {
                Ok(())
            }
        })
    }

    /// The records that do not meet the predicate.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("amounts", Consumed::with(Utf8, I64))
    ///     .filter_not(|_key, amount| *amount >= 100)
    ///     .to("small", Produced::with(Utf8, I64));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let amounts = driver.create_input_topic("amounts", Utf8, I64);
    /// # let mut small = driver.create_output_topic("small", Utf8, I64);
    /// amounts.pipe_key_value_list(&mut driver, [("a", 99), ("b", 100)])?;
    /// assert_eq!(small.read_values_to_list(&mut driver)?, [99]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter_not(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.operator("filter-not", move |record, context| {
            if predicate(record.key, record.value) {
                Ok(())
            } else {
                context.forward(record)
            }
        })
    }

    /// One record of another key and value for each.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("names", Consumed::with(I64, Utf8))
    ///     .map(|number, name| (name.to_lowercase(), *number))
    ///     .to("numbers", Produced::with(Utf8, I64));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let names = driver.create_input_topic("names", I64, Utf8);
    /// # let mut numbers = driver.create_output_topic("numbers", Utf8, I64);
    /// names.pipe_key_value_list(&mut driver, [(1, "Ann"), (2, "Bob")])?;
    /// assert_eq!(numbers.read_key_values_to_list(&mut driver)?, [("ann".to_owned(), 1), ("bob".to_owned(), 2)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn map<KO: 'static, VO: 'static>(
        &self,
        mapper: impl Fn(&K, &V) -> (KO, VO) + Send + Sync + 'static,
    ) -> KStream<KO, VO> {
        let mapped = self.operator("map", move |record, context| {
            let (key, value) = mapper(record.key, record.value);
            context.forward(record.with_key(&key).with_value(&value))
        });
        mapped.with_new_keys()
    }

    /// One record of the same key and another value for each.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("words", Consumed::with(Utf8, Utf8))
    ///     .map_values(|_key, word| word.len() as i64)
    ///     .to("lengths", Produced::with(Utf8, I64));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let words = driver.create_input_topic("words", Utf8, Utf8);
    /// # let mut lengths = driver.create_output_topic("lengths", Utf8, I64);
    /// words.pipe_key_value_list(&mut driver, [("a", "one"), ("b", "three")])?;
    /// assert_eq!(lengths.read_values_to_list(&mut driver)?, [3, 5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn map_values<VO: 'static>(
        &self,
        mapper: impl Fn(&K, &V) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO> {
        self.operator("map-values", move |record, context| {
            context.forward(record.with_value(&mapper(record.key, record.value)))
        })
    }

    /// Any number of records of other keys and values for each.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("lines", Consumed::with(I64, Utf8))
    ///     .flat_map(|number, line| {
    ///         let words = line.split(' ').map(|word| (word.to_owned(), *number));
    ///         words.collect::<Vec<_>>()
    ///     })
    ///     .to("words", Produced::with(Utf8, I64));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let lines = driver.create_input_topic("lines", I64, Utf8);
    /// # let mut words = driver.create_output_topic("words", Utf8, I64);
    /// lines.pipe_key_value_list(&mut driver, [(7, "to be")])?;
    /// assert_eq!(words.read_key_values_to_list(&mut driver)?, [("to".to_owned(), 7), ("be".to_owned(), 7)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn flat_map<KO: 'static, VO: 'static, I: IntoIterator<Item = (KO, VO)>>(
        &self,
        mapper: impl Fn(&K, &V) -> I + Send + Sync + 'static,
    ) -> KStream<KO, VO> {
        let mapped = self.operator("flat-map", move |record, context| {
            for (key, value) in mapper(record.key, record.value) {
                context.forward(record.with_key(&key).with_value(&value))?;
            }
            Ok(())
        });
        mapped.with_new_keys()
    }

    /// Any number of records of the same key and other values for each.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("lines", Consumed::with(Utf8, Utf8))
    ///     .flat_map_values(|_key, line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    ///     .to("words", Produced::with(Utf8, Utf8));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let lines = driver.create_input_topic("lines", Utf8, Utf8);
    /// # let mut words = driver.create_output_topic("words", Utf8, Utf8);
    /// lines.pipe_key_value_list(&mut driver, [("a", "to be")])?;
    /// assert_eq!(words.read_values_to_list(&mut driver)?, ["to", "be"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn flat_map_values<VO: 'static, I: IntoIterator<Item = VO>>(
        &self,
        mapper: impl Fn(&K, &V) -> I + Send + Sync + 'static,
    ) -> KStream<K, VO> {
        self.operator("flat-map-values", move |record, context| {
            for value in mapper(record.key, record.value) {
                context.forward(record.with_value(&value))?;
            }
            Ok(())
        })
    }

    /// The same records under another key.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("visits", Consumed::with(I64, Utf8))
    ///     .select_key(|_number, person| person.clone())
    ///     .to("by-person", Produced::with(Utf8, Utf8));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let visits = driver.create_input_topic("visits", I64, Utf8);
    /// # let mut by_person = driver.create_output_topic("by-person", Utf8, Utf8);
    /// visits.pipe_key_value_list(&mut driver, [(1, "ann")])?;
    /// assert_eq!(by_person.read_key_values_to_list(&mut driver)?, [("ann".to_owned(), "ann".to_owned())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn select_key<KO: 'static>(
        &self,
        selector: impl Fn(&K, &V) -> KO + Send + Sync + 'static,
    ) -> KStream<KO, V> {
        let selected = self.operator("select-key", move |record, context| {
            context.forward(record.with_key(&selector(record.key, record.value)))
        });
        selected.with_new_keys()
    }

    /// The same records, after `action` has seen them. What it does outside is done again when records
    /// are processed again.
    ///
    /// ```
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # let builder = StreamsBuilder::new();
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicI64, Ordering};
    ///
    /// let seen = Arc::new(AtomicI64::new(0));
    /// let sum = Arc::clone(&seen);
    /// builder
    ///     .stream("amounts", Consumed::with(Utf8, I64))
    ///     .peek(move |_key, amount| {
    ///         sum.fetch_add(*amount, Ordering::Relaxed);
    ///     })
    ///     .to("copies", Produced::with(Utf8, I64));
    /// # let mut driver = TestDriver::new(builder.build()?, TestDriverConfig::new("example"))?;
    /// # let amounts = driver.create_input_topic("amounts", Utf8, I64);
    /// # let mut copies = driver.create_output_topic("copies", Utf8, I64);
    /// amounts.pipe_key_value_list(&mut driver, [("a", 1), ("b", 2)])?;
    /// assert_eq!(copies.read_values_to_list(&mut driver)?, [1, 2]);
    /// assert_eq!(seen.load(Ordering::Relaxed), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn peek(&self, action: impl Fn(&K, &V) + Send + Sync + 'static) -> Self {
        self.operator("peek", move |record, context| {
            action(record.key, record.value);
            context.forward(record)
        })
    }
}
