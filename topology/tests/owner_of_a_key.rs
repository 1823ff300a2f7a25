//! Whoever wants to read the state of a key finds the one instance that has it, by what the group tells; the others say
//! that it is not there. In memory, step by step, and on a real Kafka.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jumun_harness::{Broker, Message, unique_name, wait_for};
use prometheus::Registry;
use topology::codec::Utf8;
use topology::graph::{BuiltTopology, StoreBuilder, Topology};
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::io::memory::{Fault, OperationKind};
use topology::io::{Admin, GroupProtocol, Headers, Log};
use topology::metrics::EngineMetrics;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{
    KeyQueryMetadata, StoreQuery, Streams, StreamsConfig, query_metadata_for_key,
};
use topology::store::StateConfig;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::{Error, ErrorClass};

const PATIENCE: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(10);

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

fn topology(input: &str) -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &[input], || Utf8, || Utf8);
    topology.add_processor("keep", Keep::default, &["in"]);
    topology.add_store(StoreBuilder::persistent("last"), &["keep"]);
    topology.build().unwrap()
}

fn owner(
    admin: &mut dyn Admin,
    application_id: &str,
    topic: &str,
    key: &str,
) -> Result<KeyQueryMetadata, Error> {
    query_metadata_for_key(admin, application_id, topic, key.as_bytes(), CALL)
}

/// The committed value of a key in the store of its partition, where the task is.
fn read(query: &StoreQuery, key: &str) -> Option<String> {
    let StoreQuery::Here(view, store) = query else {
        panic!("{query:?}");
    };
    let value = view.get(*store, key.as_bytes()).unwrap()?;
    Some(String::from_utf8(value).unwrap())
}

fn append(driver: &TestDriver, key: &str) -> i32 {
    let (key, value) = (Some(key.as_bytes()), Some(key.as_bytes()));
    let log = driver.log();
    log.append("in", None, key, value, 1_000, Headers::default())
        .unwrap()
        .0
}

#[test]
fn a_store_of_a_partition_is_here_or_restoring_or_not_here() {
    let mut config = TestDriverConfig::new("app").partitions(2);
    config.streams.session_timeout = Duration::from_secs(10);
    let mut driver = TestDriver::new(topology("in"), config).unwrap();
    let mut partitions = Vec::new();
    for key in ["a", "b", "c", "d", "e", "f"] {
        partitions.push((key, append(&driver, key)));
    }
    driver.commit().unwrap();
    driver.close().unwrap();

    let mut one = driver.instance("one").unwrap();
    assert!(
        matches!(one.store("last", 0), StoreQuery::NotHere),
        "before the first turn"
    );
    // The changelogs cannot be read for a while.
    let held = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&held);
    driver.log().on_operation(Box::new(move |operation| {
        let of_changelog = operation
            .partition
            .is_some_and(|(topic, _)| topic == "app-last-changelog");
        (operation.kind == OperationKind::Fetch && of_changelog && still.load(Ordering::SeqCst))
            .then_some(Fault::Fail(ErrorClass::Retriable))
    }));
    let turns = |instance: &mut topology::testing::TestInstance,
                 done: &dyn Fn(&StoreQuery) -> bool| {
        for _ in 0..10_000 {
            instance.turn().unwrap();
            if done(&instance.store("last", 0)) {
                return;
            }
            driver.clock().advance(Duration::from_millis(10));
        }
        panic!("{:?}", instance.store("last", 0));
    };
    turns(&mut one, &|query| matches!(query, StoreQuery::Restoring));
    one.turn().unwrap();
    assert!(matches!(one.store("last", 1), StoreQuery::Restoring));
    held.store(false, Ordering::SeqCst);
    turns(&mut one, &|query| matches!(query, StoreQuery::Here(..)));
    for (key, partition) in &partitions {
        let query = one.store("last", *partition);
        assert_eq!(read(&query, key).as_deref(), Some(*key));
        assert_eq!(
            read(&one.store("last", 1 - partition), key),
            None,
            "the other task's"
        );
    }
    assert!(matches!(one.store("other", 0), StoreQuery::NotHere));
    assert!(matches!(one.store("last", 2), StoreQuery::NotHere));

    // Another instance joins: what is given up is not here, though its state is still open.
    let mut two = driver.instance("two").unwrap();
    two.turn().unwrap();
    turns(&mut one, &|query| matches!(query, StoreQuery::NotHere));
    let mut admin = driver.log().admin("test").unwrap();
    for _ in 0..100 {
        one.turn().unwrap();
        two.turn().unwrap();
    }
    for (key, partition) in &partitions {
        let found = owner(admin.as_mut(), "app", "in", key).unwrap();
        assert_eq!(found.partition, *partition);
        let id = found.active_host.unwrap().client_id.unwrap();
        let (here, elsewhere) = match id.instance_id.as_str() {
            "one" => (&one, &two),
            _ => (&two, &one),
        };
        assert_eq!(
            read(&here.store("last", *partition), key).as_deref(),
            Some(*key)
        );
        assert!(matches!(
            elsewhere.store("last", *partition),
            StoreQuery::NotHere
        ));
    }
    let refused = owner(admin.as_mut(), "app", "absent", "a").unwrap_err();
    assert!(
        refused.to_string().contains("topic absent does not exist"),
        "{refused}"
    );
}

struct Instance {
    server: &'static str,
    streams: Streams,
}

fn start(
    broker: &Broker,
    protocol: GroupProtocol,
    id: &str,
    (name, server): (&str, &'static str),
    dir: &Path,
) -> Instance {
    let mut config = StreamsConfig::new(id, name);
    config.group_protocol = protocol;
    config.session_timeout = Duration::from_secs(6);
    config.application_server = Some(server.to_owned());
    config.leave_on_stop = true;
    let metrics = Arc::new(EngineMetrics::register(&Registry::new()).unwrap());
    let streams = Streams::start(
        topology(&format!("{id}.in")),
        config,
        &dir.join(name),
        StateConfig::default(),
        Arc::new(log(broker)),
        metrics,
    )
    .unwrap();
    Instance { server, streams }
}

fn log(broker: &Broker) -> KafkaLog {
    let servers = broker.bootstrap_servers().to_owned();
    KafkaLog::new(KafkaProperties {
        common: vec![("bootstrap.servers".to_owned(), servers)],
        ..KafkaProperties::default()
    })
    .unwrap()
}

/// Whether every key is answered by the instance that the group names, with its value, and by no other.
fn all_found(admin: &mut dyn Admin, id: &str, keys: &[String], instances: &[&Instance]) -> bool {
    keys.iter().all(|key| {
        let topic = format!("{id}.in");
        let found = match owner(admin, id, &topic, key) {
            Ok(found) => found,
            Err(error) => {
                assert_eq!(error.class(), ErrorClass::Retriable, "{error}");
                return false;
            }
        };
        let Some(host) = found.active_host else {
            return false;
        };
        assert!(host.host.contains("127.0.0.1"), "{host:?}");
        let mut right = 0;
        for instance in instances {
            match instance.streams.board().store("last", found.partition) {
                StoreQuery::Here(view, store) => {
                    if host.application_server() != Some(instance.server) {
                        return false;
                    }
                    let value = view.get(store, key.as_bytes()).unwrap();
                    right += usize::from(value.as_deref() == Some(key.as_bytes()));
                }
                StoreQuery::Restoring => return false,
                StoreQuery::NotHere => {}
            }
        }
        right == 1
    })
}

#[test]
fn the_owner_of_a_key_is_found_on_kafka_and_followed_when_it_moves() {
    found_and_followed(GroupProtocol::Classic);
}

#[test]
fn the_owner_of_a_key_is_found_and_followed_under_the_consumer_protocol() {
    found_and_followed(GroupProtocol::Consumer);
}

fn found_and_followed(protocol: GroupProtocol) {
    let broker = Broker::shared().unwrap();
    let id = unique_name("owner");
    let topic = format!("{id}.in");
    broker.create_topic(&topic, 4, &[]).unwrap();
    let mut admin = log(broker).admin("test").unwrap();
    let before = owner(admin.as_mut(), &id, &topic, "k").unwrap();
    assert_eq!(before.active_host, None, "nobody runs");
    let keys: Vec<String> = (0..40).map(|number| format!("key-{number}")).collect();
    let messages = keys.iter().map(|key| Message::new(&topic, key, key));
    broker.produce(messages).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let one = start(broker, protocol, &id, ("one", "one.test:8080"), dir.path());
    let mut two = start(broker, protocol, &id, ("two", "two.test:8081"), dir.path());
    let tasks = |instance: &Instance| -> usize {
        let threads = instance.streams.status().threads;
        threads.iter().map(|thread| thread.tasks.len()).sum()
    };
    wait_for("both to have tasks", PATIENCE, || {
        (tasks(&one) == 2 && tasks(&two) == 2).then_some(())
    })
    .unwrap();
    wait_for("every key to be found", PATIENCE, || {
        all_found(admin.as_mut(), &id, &keys, &[&one, &two]).then_some(())
    })
    .unwrap();
    two.streams.close(PATIENCE).unwrap();
    wait_for("every key to have moved", PATIENCE, || {
        all_found(admin.as_mut(), &id, &keys, &[&one]).then_some(())
    })
    .unwrap();
}
