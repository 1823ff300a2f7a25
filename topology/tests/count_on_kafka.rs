//! A count per key on a real Kafka: restart, second instance, exactly once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Message, unique_name, wait_for};
use prometheus::Registry;
use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::TopicSpec;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::metrics::EngineMetrics;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{ProcessingGuarantee, State, Streams, StreamsConfig};
use topology::store::StateConfig;

#[derive(Default)]
struct Count {
    counts: Option<KeyValueStore<String, i64>>,
}

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let counts = self.counts.as_mut().unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        count += 1;
        counts.put(context, record.key, &count)?;
        context.forward(record.with_value(&count))
    }
}

struct Job {
    prefix: String,
    broker: &'static Broker,
}

impl Job {
    fn new(name: &str) -> Self {
        let job = Self {
            prefix: unique_name(name),
            broker: Broker::shared().unwrap(),
        };
        job.broker.create_topic(&job.input(), 4, &[]).unwrap();
        job
    }

    fn input(&self) -> String {
        format!("{}.words", self.prefix)
    }

    fn output(&self) -> String {
        format!("{}.counts", self.prefix)
    }

    fn start(&self, instance: &str, state_dir: &Path) -> Streams {
        self.start_with(instance, state_dir, ProcessingGuarantee::ExactlyOnceV2)
    }

    fn start_with(
        &self,
        instance: &str,
        state_dir: &Path,
        guarantee: ProcessingGuarantee,
    ) -> Streams {
        let mut topology = Topology::new();
        topology.add_source("words", &[&self.input()], || Utf8, || Utf8);
        topology.add_processor("count", Count::default, &["words"]);
        topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
        topology.add_sink("counted", &self.output(), || Utf8, || I64, &["count"]);
        let mut config = StreamsConfig::new(&self.prefix, instance);
        config.session_timeout = Duration::from_secs(6);
        config.processing_guarantee = guarantee;
        config.topics = vec![TopicSpec {
            name: self.output(),
            partitions: 4,
            replication_factor: 1,
            config: Vec::new(),
        }];
        let log = KafkaLog::new(KafkaProperties {
            common: vec![(
                "bootstrap.servers".to_owned(),
                self.broker.bootstrap_servers().to_owned(),
            )],
            ..KafkaProperties::default()
        })
        .unwrap();
        let metrics = Arc::new(EngineMetrics::register(&Registry::new()).unwrap());
        Streams::start(
            topology.build().unwrap(),
            config,
            state_dir,
            StateConfig::default(),
            Arc::new(log),
            metrics,
        )
        .unwrap()
    }

    fn produce(&self, words: std::ops::Range<usize>) {
        let input = self.input();
        let keys: Vec<String> = words.map(|word| format!("k{}", word % 100)).collect();
        let messages = keys.iter().map(|key| Message::new(&input, key, "x"));
        self.broker.produce(messages).unwrap();
    }

    fn counts(&self) -> BTreeMap<String, Vec<i64>> {
        let mut counts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for record in self
            .broker
            .consume_all(&self.output(), Isolation::ReadCommitted)
            .unwrap()
        {
            let key = String::from_utf8(record.key.unwrap()).unwrap();
            let count = i64::from_be_bytes(record.value.unwrap().try_into().unwrap());
            counts.entry(key).or_default().push(count);
        }
        counts
    }

    fn wait_for_counts(&self, each: i64) {
        let expected: Vec<i64> = (1..=each).collect();
        let complete = || {
            let counts = self.counts();
            (counts.len() == 100 && counts.values().all(|counts| *counts == expected)).then_some(())
        };
        wait_for(
            "every key's counts without gap or repetition",
            Duration::from_secs(60),
            complete,
        )
        .unwrap_or_else(|error| panic!("{error}: {:?}", self.counts()));
    }
}

fn wait_running(streams: &Streams) {
    wait_for("the streams to run", Duration::from_secs(60), || {
        assert!(streams.failure().is_none(), "{:?}", streams.failure());
        (streams.status().state == State::Running).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", streams.status()));
}

#[test]
fn counts_go_on_after_a_restart_and_after_the_state_directory_is_lost() {
    let job = Job::new("restart");
    let dir = tempfile::tempdir().unwrap();
    let mut streams = job.start("one", dir.path());
    job.produce(0..1_000);
    wait_running(&streams);
    job.wait_for_counts(10);
    streams.close(Duration::from_secs(20)).unwrap();
    job.produce(0..1_000);
    let mut streams = job.start("one", dir.path());
    job.wait_for_counts(20);
    streams.close(Duration::from_secs(20)).unwrap();
    let empty = tempfile::tempdir().unwrap();
    job.produce(0..1_000);
    let mut streams = job.start("one", empty.path());
    job.wait_for_counts(30);
    streams.close(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_second_instance_takes_its_share_and_gives_it_back() {
    let job = Job::new("share");
    let (one_dir, two_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut one = job.start("one", one_dir.path());
    wait_running(&one);
    job.produce(0..1_000);
    let mut two = job.start("two", two_dir.path());
    let tasks = |streams: &Streams| -> usize {
        streams
            .status()
            .threads
            .iter()
            .map(|thread| thread.tasks.len())
            .sum()
    };
    wait_for("both to have tasks", Duration::from_secs(60), || {
        job.produce(0..0);
        (tasks(&one) == 2 && tasks(&two) == 2).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {:?} {:?}", one.status(), two.status()));
    job.produce(0..1_000);
    job.wait_for_counts(20);
    two.close(Duration::from_secs(20)).unwrap();
    job.produce(0..1_000);
    // The share of a stopped static member comes back after its session timeout.
    job.wait_for_counts(30);
    one.close(Duration::from_secs(20)).unwrap();
}

#[test]
fn at_least_once_counts_go_on_after_a_clean_restart() {
    let job = Job::new("at-least-once");
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let mut streams = job.start_with("one", dir.path(), ProcessingGuarantee::AtLeastOnce);
        job.produce(0..1_000);
        job.wait_for_counts(10 * round);
        streams.close(Duration::from_secs(20)).unwrap();
    }
}
