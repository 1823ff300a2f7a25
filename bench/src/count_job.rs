//! The *count* job on typed streams: records per key and minute of their timestamps, as a user of the engine would write
//! it. The bench compares it with the same job on Kafka Streams.
//!
//! Key of the output: the key and the start of the window as eight bytes, value: the count as eight bytes.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use topology::codec::{Bytes, CodecError, Deserializer, I64, Presence, Serializer};
use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
use topology::graph::BuiltTopology;
use topology::io::TopicSpec;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::memory::{ClientMemory, MemoryBudget};
use topology::metrics::EngineMetrics;
use topology::runtime::{Streams, StreamsConfig};
use topology::store::StateConfig;
use topology::window::{EmitStrategy, TimeWindowed, TimeWindows};

use crate::error::{Error, Result};
use crate::options::CountOptions;

/// The output.
pub(crate) const OUTPUT: &str = "count.1m.v1";
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Between two looks at the streams' threads.
const LOOK: Duration = Duration::from_millis(100);

/// A key as it is; none is as an empty one.
#[derive(Clone, Copy, Debug)]
struct AnyKey;

impl Deserializer<Vec<u8>> for AnyKey {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut Vec<u8>,
    ) -> std::result::Result<(), CodecError> {
        Bytes.deserialize(Some(data.unwrap_or_default()), target)
    }
}

/// A value that is not looked at.
#[derive(Clone, Copy, Debug)]
struct Ignored;

impl Deserializer<()> for Ignored {
    fn deserialize(
        &mut self,
        _data: Option<&[u8]>,
        _target: &mut (),
    ) -> std::result::Result<(), CodecError> {
        Ok(())
    }
}

impl Serializer<()> for Ignored {
    fn serialize(
        &mut self,
        _value: &(),
        _out: &mut Vec<u8>,
    ) -> std::result::Result<Presence, CodecError> {
        Ok(Presence::Null)
    }
}

/// Counts the records of these topics; what changed is told every `emit`, and windows stay open for `grace`.
fn topology(inputs: &[String], grace: Duration, emit: Duration) -> Result<BuiltTopology> {
    let minutes = TimeWindows::of_size(WINDOW).grace(grace);
    let builder = StreamsBuilder::new();
    builder
        .stream(inputs, Consumed::with(AnyKey, Ignored))
        .filter(|key: &Vec<u8>, _value: &()| !key.is_empty())
        .group_by_key(Grouped::with(Bytes, Ignored))
        .windowed_by(minutes)
        .emit_strategy(EmitStrategy::OnWindowUpdate(emit))
        .count("counts")
        .updates()
        .to(
            OUTPUT,
            Produced::with(TimeWindowed::of(Bytes, minutes), I64),
        );
    let built = builder.build();
    built.map_err(|error| Error::failed(format!("the count job: {error}")))
}

/// Runs until a signal ends it, or an error.
pub(crate) fn run(options: &CountOptions) -> Result<()> {
    let log = KafkaLog::new(KafkaProperties {
        common: vec![(
            "bootstrap.servers".to_owned(),
            options.bootstrap_servers.clone(),
        )],
        ..KafkaProperties::default()
    })?;
    let commit_interval = Duration::from_millis(options.commit_interval_ms);
    let mut config = StreamsConfig::new(&options.application_id, "0");
    config.commit_interval = commit_interval;
    config.memory = Some(MemoryBudget {
        max_bytes: options.memory_max_bytes,
        block_cache_bytes: None,
    });
    config.topics = vec![TopicSpec {
        name: OUTPUT.to_owned(),
        partitions: options.partitions,
        replication_factor: 1,
        config: Vec::new(),
    }];
    let metrics = EngineMetrics::register(&Registry::new())?;
    let streams = Streams::start(
        topology(
            &options.inputs,
            Duration::from_millis(options.grace_ms),
            commit_interval,
        )?,
        config,
        &options.state_dir,
        StateConfig::default(),
        Arc::new(log.bounded(ClientMemory::small())),
        Arc::new(metrics),
    )?;
    while !streams.is_finished() {
        std::thread::sleep(LOOK);
    }
    let ended = streams.failure();
    Err(ended.map_or_else(|| Error::failed("the count job has ended"), Error::from))
}

#[cfg(test)]
mod tests {
    use topology::testing::{TestDriver, TestDriverConfig};

    use super::*;

    #[test]
    fn records_count_by_key_and_minute_and_those_without_a_key_do_not() {
        let inputs = ["a".to_owned(), "b".to_owned()];
        let (grace, emit) = (Duration::from_secs(600), Duration::from_millis(100));
        let built = topology(&inputs, grace, emit).unwrap();
        let mut config = TestDriverConfig::new("count");
        config.initial_wall_clock_ms = 1_000_000;
        let mut driver = TestDriver::new(built, config).unwrap();
        let minutes = TimeWindows::of_size(WINDOW).grace(grace);
        let keys = TimeWindowed::of(Bytes, minutes);
        let mut counts = driver.create_output_topic(OUTPUT, keys, I64);
        for (topic, key, second) in [("a", "x", 0), ("b", "x", 59), ("a", "x", 60), ("b", "", 0)] {
            let input = driver.create_input_topic(topic, Bytes, Bytes);
            let (key, value) = (key.as_bytes().to_vec(), b"anything".to_vec());
            input
                .pipe_input(&mut driver, &key, &value, second * 1_000)
                .unwrap();
        }
        driver
            .advance_wall_clock_time(Duration::from_secs(1))
            .unwrap();
        let told = counts.read_key_values_to_map(&mut driver).unwrap();
        let mut told: Vec<(i64, i64)> = told
            .iter()
            .map(|(windowed, count)| (windowed.start, *count))
            .collect();
        told.sort_unstable();
        assert_eq!(told, [(0, 2), (60_000, 1)]);
    }
}
