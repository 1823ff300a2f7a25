//! A program of typed streams on a real Kafka: words are counted through a repartition topic that the
//! engine creates, and the count goes on after a restart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Message, unique_name, wait_for};
use prometheus::Registry;
use topology::codec::{I64, Utf8};
use topology::dsl::{Consumed, Grouped, Produced, StreamsBuilder};
use topology::io::TopicSpec;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::metrics::EngineMetrics;
use topology::runtime::{State, Streams, StreamsConfig};
use topology::store::StateConfig;

struct Job {
    prefix: String,
    broker: &'static Broker,
}

impl Job {
    fn lines(&self) -> String {
        format!("{}.lines", self.prefix)
    }

    fn counts(&self) -> String {
        format!("{}.counts", self.prefix)
    }

    fn start(&self, state_dir: &Path) -> Streams {
        let builder = StreamsBuilder::new();
        builder
            .stream(self.lines(), Consumed::with(Utf8, Utf8))
            .flat_map_values(|_key, line| {
                let words = line.split(' ').map(str::to_owned);
                words.collect::<Vec<_>>()
            })
            .group_by(
                "by-word",
                |_key, word| word.clone(),
                Grouped::with(Utf8, Utf8),
            )
            .count("word-counts")
            .to(&self.counts(), Produced::with(Utf8, I64));
        let mut config = StreamsConfig::new(&self.prefix, "one");
        config.topics = vec![TopicSpec {
            name: self.counts(),
            partitions: 2,
            replication_factor: 1,
            config: Vec::new(),
        }];
        let servers = self.broker.bootstrap_servers().to_owned();
        let log = KafkaLog::new(KafkaProperties {
            common: vec![("bootstrap.servers".to_owned(), servers)],
            ..KafkaProperties::default()
        });
        let metrics = EngineMetrics::register(&Registry::new()).unwrap();
        let streams = Streams::start(
            builder.build().unwrap(),
            config,
            state_dir,
            StateConfig::default(),
            Arc::new(log.unwrap()),
            Arc::new(metrics),
        )
        .unwrap();
        let running = || (streams.status().state == State::Running).then_some(());
        wait_for("the streams to run", Duration::from_secs(60), running)
            .unwrap_or_else(|error| panic!("{error}: {:?}", streams.failure()));
        streams
    }

    /// A line of two words for each number, over all partitions: one says `all`, the other is one of ten.
    fn produce(&self, numbers: std::ops::Range<usize>) {
        let topic = self.lines();
        let lines = numbers.map(|number| (number.to_string(), format!("all w{}", number % 10)));
        let lines: Vec<_> = lines.collect();
        let messages = lines
            .iter()
            .map(|(key, line)| Message::new(&topic, key, line));
        self.broker.produce(messages).unwrap();
    }

    /// Waits until the counts of `all` have come to `lines`, and judges those of every word.
    fn verify(&self, lines: usize) {
        let told = || {
            let mut told: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            let topic = self.counts();
            let records = self.broker.consume_all(&topic, Isolation::ReadCommitted);
            for record in records.unwrap() {
                let word = String::from_utf8(record.key.unwrap()).unwrap();
                let count = i64::from_be_bytes(record.value.unwrap().try_into().unwrap());
                told.entry(word).or_default().push(count);
            }
            told
        };
        let up_to = |count: usize| (1..=count as i64).collect::<Vec<_>>();
        let words = (0..10).map(|word| (format!("w{word}"), up_to(lines / 10)));
        let mut expected: BTreeMap<_, _> = words.collect();
        expected.insert("all".to_owned(), up_to(lines));
        let complete = || (told() == expected).then_some(());
        wait_for("every word's counts", Duration::from_secs(60), complete)
            .unwrap_or_else(|error| panic!("{error}: {:?}", told()));
    }
}

#[test]
fn words_are_counted_through_a_repartition_topic_before_and_after_a_restart() {
    let job = Job {
        prefix: unique_name("dsl"),
        broker: Broker::shared().unwrap(),
    };
    job.broker.create_topic(&job.lines(), 2, &[]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    job.produce(0..200);
    let mut streams = job.start(directory.path());
    job.verify(200);
    streams.close(Duration::from_secs(20)).unwrap();
    job.produce(200..400);
    let mut streams = job.start(directory.path());
    job.verify(400);
    streams.close(Duration::from_secs(20)).unwrap();
}
