//! E19: the partition count of an input is raised, on a real Kafka. The partition of a key changes with it, so the
//! application refuses to run, whatever is left of what its state was built with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Message, unique_name, wait_for};
use prometheus::Registry;
use topology::codec::Utf8;
use topology::graph::{StoreBuilder, Topology};
use topology::io::TopicSpec;
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::metrics::EngineMetrics;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{State, Streams, StreamsConfig};
use topology::store::StateConfig;

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Keep {
    last: Option<KeyValueStore<String, String>>,
}

impl Processor for Keep {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.last = Some(KeyValueStore::open(context, "last", Utf8, Utf8)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        self.last
            .as_mut()
            .unwrap()
            .put(context, record.key, record.value)
    }
}

struct Job {
    id: String,
    broker: &'static Broker,
    /// What the application declares beside its internal topics.
    declared: Vec<TopicSpec>,
}

impl Job {
    /// Two inputs of two partitions.
    fn new(name: &str) -> Self {
        let job = Self {
            id: unique_name(name),
            broker: Broker::shared().unwrap(),
            declared: Vec::new(),
        };
        for topic in job.inputs() {
            job.broker.create_topic(&topic, 2, &[]).unwrap();
        }
        job
    }

    fn inputs(&self) -> [String; 2] {
        ["orders", "payments"].map(|topic| format!("{}.{topic}", self.id))
    }

    fn changelog(&self) -> String {
        format!("{}-last-changelog", self.id)
    }

    fn start(&self, state_dir: &Path) -> Streams {
        let inputs = self.inputs();
        let mut topology = Topology::new();
        topology.add_source("in", &[&inputs[0], &inputs[1]], || Utf8, || Utf8);
        topology.add_processor("keep", Keep::default, &["in"]);
        topology.add_store(StoreBuilder::persistent("last"), &["keep"]);
        let mut config = StreamsConfig::new(&self.id, "one");
        config.session_timeout = Duration::from_secs(6);
        config.topics.clone_from(&self.declared);
        let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let log = KafkaLog::new(KafkaProperties {
            common: vec![
                property("bootstrap.servers", self.broker.bootstrap_servers()),
                property("topic.metadata.refresh.interval.ms", "500"),
            ],
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

    /// Runs until it has state of both partitions, and stops in order.
    fn run(&self, state_dir: &Path) {
        let mut streams = self.start(state_dir);
        running(&streams);
        let orders = &self.inputs()[0];
        let keys = ["a", "b", "c", "d", "e", "f"];
        let messages = keys.map(|key| Message::new(orders, key, "v"));
        self.broker.produce(messages).unwrap();
        let changelog = self.changelog();
        wait_for("the state", PATIENCE, || {
            let read = self
                .broker
                .consume_all(&changelog, Isolation::ReadCommitted);
            (read.ok()?.len() >= keys.len()).then_some(())
        })
        .unwrap();
        streams.close(PATIENCE).unwrap();
    }

    /// Why it does not start.
    fn refusal(&self, state_dir: &Path) -> String {
        refusal(&self.start(state_dir))
    }
}

fn running(streams: &Streams) {
    wait_for("both tasks to run", PATIENCE, || {
        let status = streams.status();
        let tasks: usize = status.threads.iter().map(|thread| thread.tasks.len()).sum();
        (status.state == State::Running && tasks == 2).then_some(())
    })
    .unwrap();
}

fn refusal(streams: &Streams) -> String {
    wait_for("a refusal", PATIENCE, || {
        streams.failure().map(|error| error.to_string())
    })
    .unwrap()
}

#[test]
fn e19_inputs_of_unequal_counts_are_refused() {
    let job = Job::new("e19-unequal");
    let [orders, payments] = job.inputs();
    job.broker.add_partitions(&payments, 3).unwrap();
    let refusal = job.refusal(tempfile::tempdir().unwrap().path());
    let expected = format!("{orders} has 2 partitions and {payments} has 3");
    assert!(refusal.contains(&expected), "{refusal}");
    assert!(refusal.contains("give both the same count"), "{refusal}");
}

#[test]
fn e19_a_count_raised_between_two_runs_is_refused_by_changelog_and_by_directory() {
    let job = Job::new("e19-raised");
    let here = tempfile::tempdir().unwrap();
    job.run(here.path());
    let [orders, payments] = job.inputs();
    for topic in [&orders, &payments] {
        job.broker.add_partitions(topic, 4).unwrap();
    }
    // Another machine, which knows only what the brokers know.
    let elsewhere = tempfile::tempdir().unwrap();
    let changelog = job.changelog();
    let told = job.refusal(elsewhere.path());
    let expected = format!(
        "{orders} has 4 partitions, and changelog {changelog}, which holds the state built from it, has 2"
    );
    assert!(told.contains(&expected), "{told}");
    assert!(
        told.contains("write to a new topic with 2 partitions"),
        "{told}"
    );

    // The changelog is gone: what is left is the directory.
    job.broker.delete_topics(&[&changelog]).unwrap();
    let told = job.refusal(here.path());
    let directory = here.path().join(&job.id);
    let expected = format!(
        "{orders} has 4 partitions, and the state directory {} (store last), which holds the state built from it, has 2",
        directory.display()
    );
    assert!(told.contains(&expected), "{told}");
    // Nothing was made with the new count, which would hide it from the next look.
    assert!(
        job.broker
            .consume_all(&changelog, Isolation::ReadCommitted)
            .is_err()
    );
    // A directory of a task that there would not be any more.
    let stray = elsewhere.path().join(&job.id).join("0_7");
    std::fs::create_dir_all(&stray).unwrap();
    let told = job.refusal(elsewhere.path());
    assert!(
        told.contains("holds task 0_7") && told.contains("has only 4 partitions"),
        "{told}"
    );
}

#[test]
fn e19_a_count_raised_while_it_runs_ends_it() {
    let job = Job::new("e19-running");
    let state = tempfile::tempdir().unwrap();
    let streams = job.start(state.path());
    running(&streams);
    let [orders, payments] = job.inputs();
    for topic in [&orders, &payments] {
        job.broker.add_partitions(topic, 4).unwrap();
    }
    let told = refusal(&streams);
    // Either topic may be noticed first; then its partitions come without the other's.
    assert!(told.contains("take an assignment"), "{told}");
    assert!(
        told.contains("had 2 partitions at the start and has more now"),
        "{told}"
    );
}

#[test]
fn a_changelog_that_deletes_with_age_is_refused() {
    let job = Job::new("changelog-policy");
    let changelog = job.changelog();
    let policy = [("cleanup.policy", "compact,delete")];
    job.broker.create_topic(&changelog, 2, &policy).unwrap();
    let told = job.refusal(tempfile::tempdir().unwrap().path());
    assert!(
        told.contains(&format!("changelog {changelog} has cleanup.policy=")),
        "{told}"
    );
    let fix = format!("--entity-name {changelog} --add-config cleanup.policy=compact");
    assert!(told.contains(&fix), "{told}");
}
