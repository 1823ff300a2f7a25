//! A paused task on a real Kafka, for longer than the group waits for a member that does not poll: the member stays, the
//! other task of its thread goes on, and what waited is processed once.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Isolation, Message, unique_name, wait_for};
use prometheus::Registry;
use topology::codec::Utf8;
use topology::graph::Topology;
use topology::io::TopicSpec;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::metrics::EngineMetrics;
use topology::process::{ProcessError, Processor, ProcessorContext, Record};
use topology::runtime::{State, Streams, StreamsConfig};
use topology::store::StateConfig;

const PATIENCE: Duration = Duration::from_secs(60);
/// The shortest that brokers take for a session.
const SESSION: Duration = Duration::from_secs(6);

/// Of the one stream thread: `<process>/task/<thread>` below `/proc`.
static THREAD: OnceLock<PathBuf> = OnceLock::new();

struct Copy;

impl Processor for Copy {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        THREAD.get_or_init(|| std::fs::read_link("/proc/thread-self").unwrap());
        match record.value.as_str() {
            "bad" => Err(ProcessError::record("BAD", "as the test wants it")),
            _ => context.forward(record),
        }
    }
}

struct Job {
    id: String,
    broker: &'static Broker,
    registry: Registry,
}

impl Job {
    fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.id)
    }

    fn start(&self, state_dir: &std::path::Path) -> Streams {
        let [input, output, dead] = ["in", "out", "dead"].map(|name| self.topic(name));
        let mut topology = Topology::new();
        topology.add_source("in", &[&input], || Utf8, || Utf8);
        topology.add_processor("copy", || Copy, &["in"]);
        topology.add_sink("out", &output, || Utf8, || Utf8, &["copy"]);
        topology.dead_letter_topic(&dead);
        let mut config = StreamsConfig::new(&self.id, "one");
        (config.session_timeout, config.max_poll_interval) = (SESSION, SESSION);
        let spec = |name: String| TopicSpec {
            name,
            partitions: 1,
            replication_factor: 1,
            config: Vec::new(),
        };
        config.topics = vec![spec(output), spec(dead)];
        let servers = self.broker.bootstrap_servers().to_owned();
        let log = KafkaLog::new(KafkaProperties {
            common: vec![("bootstrap.servers".to_owned(), servers)],
            ..KafkaProperties::default()
        })
        .unwrap();
        Streams::start(
            topology.build().unwrap(),
            config,
            state_dir,
            StateConfig::default(),
            Arc::new(log),
            Arc::new(EngineMetrics::register(&self.registry).unwrap()),
        )
        .unwrap()
    }

    fn send(&self, partition: i32, value: &str, count: usize) {
        let topic = self.topic("in");
        let keys: Vec<String> = (0..count)
            .map(|number| format!("{partition}-{number}"))
            .collect();
        let messages = keys
            .iter()
            .map(|key| Message::new(&topic, key, value).partition(partition));
        self.broker.produce(messages).unwrap();
    }

    fn written(&self, topic: &str) -> usize {
        let records = self
            .broker
            .consume_all(&self.topic(topic), Isolation::ReadCommitted);
        records.map_or(0, |records| records.len())
    }

    fn wait_written(&self, topic: &str, count: usize) {
        wait_for(&format!("{count} records in {topic}"), PATIENCE, || {
            (self.written(topic) >= count).then_some(())
        })
        .unwrap();
        assert_eq!(self.written(topic), count);
    }

    /// How often partitions were taken away, in order or not.
    fn given_up(&self) -> f64 {
        let families = self.registry.gather();
        let mut rebalances = families
            .iter()
            .filter(|it| it.name() == "topology_rebalances_total");
        let events = rebalances.next().unwrap().get_metric().iter();
        events
            .filter(|event| event.get_label()[0].value() != "assigned")
            .map(|event| event.get_counter().get_value())
            .sum()
    }
}

/// Processor time of the stream thread so far; other tests run in this process too.
fn processor_time() -> Duration {
    let stat = PathBuf::from("/proc")
        .join(THREAD.get().unwrap())
        .join("stat");
    let stat = std::fs::read_to_string(stat).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // Fields 14 and 15 of proc(5), in hundredths of a second.
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[test]
fn a_paused_task_keeps_its_member_in_the_group_and_costs_nothing() {
    let job = Job {
        id: unique_name("paused"),
        broker: Broker::shared().unwrap(),
        registry: Registry::new(),
    };
    job.broker.create_topic(&job.topic("in"), 2, &[]).unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut streams = job.start(state.path());
    wait_for("the tasks to run", PATIENCE, || {
        (streams.status().state == State::Running).then_some(())
    })
    .unwrap();
    job.send(0, "bad", 10);
    wait_for("the pause", PATIENCE, || {
        streams
            .status()
            .detail
            .starts_with("task 0_0 is paused")
            .then_some(())
    })
    .unwrap();
    // More than one fetch brings.
    job.send(0, "good", 20_000);
    job.send(1, "good", 100);
    job.wait_written("out", 100);

    let (began, used) = (Instant::now(), processor_time());
    while began.elapsed() < SESSION * 2 {
        std::thread::sleep(Duration::from_millis(200));
        assert!(streams.failure().is_none(), "{:?}", streams.failure());
    }
    let used = processor_time() - used;
    assert!(
        used < SESSION / 2,
        "it does not wait but spin: {used:?} of processor time"
    );
    assert_eq!(job.given_up(), 0.0, "thrown out of the group");
    assert_eq!(job.written("out"), 100);
    job.send(1, "good", 100);
    job.wait_written("out", 200);

    assert_eq!(streams.resume_paused_tasks(), ["0_0"]);
    job.wait_written("out", 20_200);
    job.wait_written("dead", 10);
    streams.close(PATIENCE).unwrap();
}
