use std::sync::Arc;

use super::any_codec::AnyCodec;
use super::reduction::Reduction;
use super::windowed_fold::WindowedFold;
use super::{KGroupedStream, KStream};
use crate::codec::{Codec, I64};
use crate::window::{EmitStrategy, Merger, WindowResult, Windowed, WindowedOptions};

/// A grouped stream in windows of time, from [`KGroupedStream::windowed_by`].
///
/// Aggregates are made in two stages: the tasks that read the stream keep partial aggregates and hand
/// them over once per commit, through the topic `<application.id>-<name>-repartition`, to tasks that put
/// them together and close windows when every task before them has come so far. So the records
/// themselves are not repartitioned, whatever their key, and an aggregate of two parts has to be told
/// how they become one.
///
/// The name becomes part of the names of topics and of what is on disk.
pub struct TimeWindowedKStream<K, V> {
    stream: KStream<K, V>,
    keys: AnyCodec<K>,
    values: AnyCodec<V>,
    options: WindowedOptions,
}

impl<K, V> KGroupedStream<K, V> {
    /// The records of a key in windows: [`TimeWindows`](crate::window::TimeWindows), or
    /// [`WindowedOptions`] where more than the windows is to be said.
    pub fn windowed_by(&self, windows: impl Into<WindowedOptions>) -> TimeWindowedKStream<K, V> {
        TimeWindowedKStream {
            stream: self.stream.clone(),
            keys: self.keys.clone(),
            values: self.values.clone(),
            options: windows.into(),
        }
    }
}

impl<K, V> TimeWindowedKStream<K, V> {
    /// When aggregates are told; by default what changed, every ten seconds.
    #[must_use]
    pub fn emit_strategy(mut self, emit: EmitStrategy) -> Self {
        self.options.emit = emit;
        self
    }
}

impl<K, V> TimeWindowedKStream<K, V>
where
    K: Default + Send + 'static,
    V: 'static,
{
    /// How many records there are of each key in each window.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # use topology::window::{EmitStrategy, TimeWindows};
    /// # let builder = StreamsBuilder::new();
    /// let minutes = TimeWindows::of_size(Duration::from_secs(60)).grace(Duration::from_secs(10));
    /// let counts = builder
    ///     .stream("visits", Consumed::with(Utf8, Utf8))
    ///     .group_by_key(Grouped::with(Utf8, Utf8))
    ///     .windowed_by(minutes)
    ///     .emit_strategy(EmitStrategy::OnWindowClose)
    ///     .count("visits-per-minute");
    /// counts
    ///     .updates()
    ///     .map(|windowed, count| (format!("{} at {}", windowed.key, windowed.start), *count))
    ///     .to("counts", Produced::with(Utf8, I64));
    ///
    /// # let mut config = TestDriverConfig::new("example");
    /// # config.initial_wall_clock_ms = 1_000_000;
    /// # let mut driver = TestDriver::new(builder.build()?, config)?;
    /// # let visits = driver.create_input_topic("visits", Utf8, Utf8);
    /// # let mut counts = driver.create_output_topic("counts", Utf8, I64);
    /// for second in [0, 30, 59, 61, 130] {
    ///     visits.pipe_input(&mut driver, &"zoo".into(), &"a visit".into(), second * 1000)?;
    /// }
    /// driver.advance_wall_clock_time(Duration::from_secs(1))?;
    /// assert_eq!(
    ///     counts.read_key_values_to_list(&mut driver)?,
    ///     [("zoo at 0".to_owned(), 3), ("zoo at 60000".to_owned(), 1)]
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count(&self, name: &str) -> KStream<Windowed<K>, WindowResult<i64>> {
        let add = |_: &K, _: &V, count: &mut i64| *count += 1;
        self.aggregate(name, add, |sum, delta| *sum += delta, I64)
    }

    /// The values of each key in each window put together, two at a time. `reducer` has to be
    /// associative and commutative: values come to it in parts.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use topology::codec::{I64, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # use topology::window::{EmitStrategy, TimeWindows};
    /// # let builder = StreamsBuilder::new();
    /// builder
    ///     .stream("levels", Consumed::with(Utf8, I64))
    ///     .group_by_key(Grouped::with(Utf8, I64))
    ///     .windowed_by(TimeWindows::of_size(Duration::from_secs(60)))
    ///     .emit_strategy(EmitStrategy::OnWindowClose)
    ///     .reduce("highest-per-minute", |one, other| *one.max(other))
    ///     .updates()
    ///     .map(|windowed, level| (windowed.key.clone(), *level))
    ///     .to("highest", Produced::with(Utf8, I64));
    ///
    /// # let mut config = TestDriverConfig::new("example");
    /// # config.initial_wall_clock_ms = 1_000_000;
    /// # let mut driver = TestDriver::new(builder.build()?, config)?;
    /// # let levels = driver.create_input_topic("levels", Utf8, I64);
    /// # let mut highest = driver.create_output_topic("highest", Utf8, I64);
    /// for (second, level) in [(0, -7), (1, -5), (2, -6), (60, 3)] {
    ///     levels.pipe_input(&mut driver, &"river".into(), &level, second * 1000)?;
    /// }
    /// driver.advance_wall_clock_time(Duration::from_secs(1))?;
    /// assert_eq!(highest.read_values_to_list(&mut driver)?, [-5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reduce(
        &self,
        name: &str,
        reducer: impl Fn(&V, &V) -> V + Send + Sync + 'static,
    ) -> KStream<Windowed<K>, WindowResult<V>>
    where
        V: Default + Clone + Send,
    {
        let add = |_: &K, value: &V, reduced: &mut Option<V>| *reduced = Some(value.clone());
        let merge = move |sum: &mut Option<V>, delta: &Option<V>| {
            if let Some(delta) = delta {
                *sum = Some(match sum {
                    Some(sum) => reducer(sum, delta),
                    None => delta.clone(),
                });
            }
        };
        let codec = Reduction(self.values.clone());
        let reduced = self.aggregate(name, add, merge, codec);
        reduced.operator("reduced", |record, context| {
            match record.value.clone().transposed() {
                Some(result) => context.forward(record.with_value(&result)),
                None => Ok(()),
            }
        })
    }

    /// An aggregate of the values of each key in each window, of any type: how a record is added to it,
    /// and how two parts become one. It begins with its default.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use topology::codec::{I64, Json, Utf8};
    /// # use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// # use topology::window::{EmitStrategy, TimeWindows};
    /// # let builder = StreamsBuilder::new();
    /// // Sum and number of the levels of a minute.
    /// builder
    ///     .stream("levels", Consumed::with(Utf8, I64))
    ///     .group_by_key(Grouped::with(Utf8, I64))
    ///     .windowed_by(TimeWindows::of_size(Duration::from_secs(60)))
    ///     .emit_strategy(EmitStrategy::OnWindowClose)
    ///     .aggregate(
    ///         "levels-per-minute",
    ///         |_river, level, (sum, number): &mut (i64, i64)| {
    ///             *sum += level;
    ///             *number += 1;
    ///         },
    ///         |(sum, number), (more, others)| {
    ///             *sum += more;
    ///             *number += others;
    ///         },
    ///         Json::new(),
    ///     )
    ///     .updates()
    ///     .map(|windowed, (sum, number)| (windowed.key.clone(), sum / number))
    ///     .to("averages", Produced::with(Utf8, I64));
    ///
    /// # let mut config = TestDriverConfig::new("example");
    /// # config.initial_wall_clock_ms = 1_000_000;
    /// # let mut driver = TestDriver::new(builder.build()?, config)?;
    /// # let levels = driver.create_input_topic("levels", Utf8, I64);
    /// # let mut averages = driver.create_output_topic("averages", Utf8, I64);
    /// for (second, level) in [(0, 4), (1, 8), (60, 1)] {
    ///     levels.pipe_input(&mut driver, &"river".into(), &level, second * 1000)?;
    /// }
    /// driver.advance_wall_clock_time(Duration::from_secs(1))?;
    /// assert_eq!(averages.read_values_to_list(&mut driver)?, [6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn aggregate<A>(
        &self,
        name: &str,
        adder: impl Fn(&K, &V, &mut A) + Send + Sync + 'static,
        merger: impl Fn(&mut A, &A) + Send + Sync + 'static,
        aggregates: impl Codec<A>,
    ) -> KStream<Windowed<K>, WindowResult<A>>
    where
        A: Default + Clone + Send + 'static,
    {
        let (adder, merger) = (Arc::new(adder), Arc::new(merger) as Merger<A>);
        let supplier = move || WindowedFold::<K, V, A, _>::new(Arc::clone(&adder));
        let (options, keys) = (self.options, self.keys.clone());
        let parents = [self.stream.node.as_str()];
        self.stream.wiring.declare(|topology| {
            let (keys, aggregates) = (move || keys.clone(), move || aggregates.clone());
            topology.add_windowed_aggregation_of(
                name, supplier, merger, options, keys, aggregates, &parents,
            );
        });
        KStream::at(&self.stream.wiring, format!("{name}-merge"), false)
    }
}
