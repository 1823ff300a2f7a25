//! What becomes of windowed aggregates: aggregators of one's own, and the results.

use super::KStream;
use crate::codec::Codec;
use crate::window::{WindowResult, Windowed, WindowedAggregator, WindowedOptions};

impl<K: 'static, V: 'static> KStream<K, V> {
    /// Aggregates in windows, with an aggregator that says itself to which groups a record belongs and
    /// when it happened. As [`TimeWindowedKStream`](super::TimeWindowedKStream), in two stages.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # use topology::window::{EmitStrategy, TimeWindows, WindowedOptions};
    /// use topology::process::{ProcessError, Record};
    /// use topology::window::{Deltas, WindowedAggregator};
    ///
    /// /// Counts words per window.
    /// struct Words;
    ///
    /// impl WindowedAggregator for Words {
    ///     type Key = String;
    ///     type Value = String;
    ///     type Group = String;
    ///     type Aggregate = i64;
    ///
    ///     fn add(&mut self, record: Record<'_, String, String>, deltas: &mut Deltas<'_, String, i64>) -> Result<(), ProcessError> {
    ///         for word in record.value.split(' ') {
    ///             deltas.add(&word.to_owned(), record.timestamp, &1)?;
    ///         }
    ///         Ok(())
    ///     }
    ///
    ///     fn merge(sum: &mut i64, delta: &i64) {
    ///         *sum += delta;
    ///     }
    /// }
    ///
    /// # let builder = StreamsBuilder::new();
    /// let options = WindowedOptions {
    ///     emit: EmitStrategy::OnWindowClose,
    ///     ..TimeWindows::of_size(Duration::from_secs(60)).into()
    /// };
    /// builder
    ///     .stream("lines", Consumed::with(Utf8, Utf8))
    ///     .aggregate_windowed("words-per-minute", options, || Words, Utf8, I64)
    ///     .updates()
    ///     .map(|windowed, count| (windowed.key.clone(), *count))
    ///     .to("words", Produced::with(Utf8, I64));
    ///
    /// # let mut config = TestDriverConfig::new("example");
    /// # config.initial_wall_clock_ms = 1_000_000;
    /// # let mut driver = TestDriver::new(builder.build()?, config)?;
    /// # let lines = driver.create_input_topic("lines", Utf8, Utf8);
    /// # let mut words = driver.create_output_topic("words", Utf8, I64);
    /// for (second, line) in [(0, "to be"), (1, "or not to be"), (60, "that")] {
    ///     lines.pipe_input(&mut driver, &"k".into(), &line.into(), second * 1000)?;
    /// }
    /// driver.advance_wall_clock_time(Duration::from_secs(1))?;
    /// let counts = [("be", 2), ("not", 1), ("or", 1), ("to", 2)];
    /// let counts = counts.map(|(word, count)| (word.to_owned(), count));
    /// assert_eq!(words.read_key_values_to_map(&mut driver)?, counts.into());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn aggregate_windowed<A: WindowedAggregator<Key = K, Value = V>>(
        &self,
        name: &str,
        options: impl Into<WindowedOptions>,
        aggregator: impl Fn() -> A + Send + Sync + 'static,
        groups: impl Codec<A::Group>,
        aggregates: impl Codec<A::Aggregate>,
    ) -> KStream<Windowed<A::Group>, WindowResult<A::Aggregate>> {
        let (options, parents) = (options.into(), [self.node.as_str()]);
        self.wiring.declare(|topology| {
            let (groups, aggregates) = (move || groups.clone(), move || aggregates.clone());
            topology
                .add_windowed_aggregation(name, aggregator, options, groups, aggregates, &parents);
        });
        KStream::at(&self.wiring, format!("{name}-merge"), false)
    }
}

impl<G: 'static, A: 'static> KStream<Windowed<G>, WindowResult<A>> {
    /// The aggregates as far as they are known: each replaces the one before of its group in its window;
    /// [`KStream::late`] has an example.
    #[must_use]
    pub fn updates(&self) -> KStream<Windowed<G>, A> {
        self.operator("updates", |record, context| match record.value {
            WindowResult::Update { aggregate, .. } => context.forward(record.with_value(aggregate)),
            WindowResult::Late { .. } => Ok(()),
        })
    }

    /// What belongs to windows that are closed and has to be added to what was told of them.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # use topology::window::{EmitStrategy, TimeWindowed, TimeWindows};
    /// # let builder = StreamsBuilder::new();
    /// let minutes = TimeWindows::of_size(Duration::from_secs(60));
    /// let counts = builder
    ///     .stream("visits", Consumed::with(Utf8, Utf8))
    ///     .group_by_key(Grouped::with(Utf8, Utf8))
    ///     .windowed_by(minutes)
    ///     .emit_strategy(EmitStrategy::OnWindowClose)
    ///     .count("visits-per-minute");
    /// let keys = TimeWindowed::of(Utf8, minutes);
    /// counts.updates().to("counts", Produced::with(keys, I64));
    /// counts.late().to("late-counts", Produced::with(keys, I64));
    ///
    /// # let mut config = TestDriverConfig::new("example");
    /// # config.initial_wall_clock_ms = 1_000_000;
    /// # let mut driver = TestDriver::new(builder.build()?, config)?;
    /// # let visits = driver.create_input_topic("visits", Utf8, Utf8);
    /// # let mut counts = driver.create_output_topic("counts", keys, I64);
    /// # let mut late = driver.create_output_topic("late-counts", keys, I64);
    /// for second in [0, 1, 60] {
    ///     visits.pipe_input(&mut driver, &"zoo".into(), &"a visit".into(), second * 1000)?;
    /// }
    /// driver.advance_wall_clock_time(Duration::from_secs(1))?;
    /// visits.pipe_input(&mut driver, &"zoo".into(), &"a visit".into(), 2_000)?;
    /// driver.advance_wall_clock_time(Duration::from_secs(1))?;
    /// assert_eq!(counts.read_values_to_list(&mut driver)?, [2]);
    /// assert_eq!(late.read_values_to_list(&mut driver)?, [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn late(&self) -> KStream<Windowed<G>, A> {
        self.operator("late", |record, context| match record.value {
            WindowResult::Late { delta, .. } => context.forward(record.with_value(delta)),
            WindowResult::Update { .. } => Ok(()),
        })
    }
}
