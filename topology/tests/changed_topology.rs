//! A topology that changed meets the state that another one built: what fits runs, what does not is refused with every
//! difference named, and migrated when asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jumun_harness::wait_for;
use prometheus::Registry;
use topology::codec::Utf8;
use topology::graph::{StoreBuilder, Topology};
use topology::io::memory::MemoryLog;
use topology::io::{Headers, TopicPartition};
use topology::metrics::EngineMetrics;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record, TimerEvent,
};
use topology::runtime::{State, StoreQuery, Streams, StreamsConfig};
use topology::store::{
    ChangedTopology, StateConfig, StateDirectory, StoreId, StoreSpec, TaskState, TimerClock,
};
use topology::task::TaskId;
use topology::time::SystemClock;

const PATIENCE: Duration = Duration::from_secs(30);
const APPLICATION: &str = "changing";
const PARTITIONS: i32 = 2;
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Keeps the last value of each key, and sets a timer for it.
struct Keep {
    store: &'static str,
    /// From the record's time to the timer.
    after_ms: i64,
    last: Option<KeyValueStore<String, String>>,
}

impl Processor for Keep {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.last = Some(KeyValueStore::open(context, self.store, Utf8, Utf8)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let deadline = record.timestamp + self.after_ms;
        context.set_timer(TimerClock::StreamTime, deadline, 1, record.key.as_bytes())?;
        let last = self.last.as_mut().unwrap();
        last.put(context, record.key, record.value)
    }

    fn on_timer(
        &mut self,
        _timer: TimerEvent<'_>,
        _context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }
}

/// One sub-topology: reads `topic`, keeps its values in `store`.
#[derive(Clone)]
struct Part {
    topic: &'static str,
    node: &'static str,
    store: &'static str,
    logged: bool,
    /// A second store of the node.
    more: Option<&'static str>,
}

fn part(topic: &'static str, node: &'static str, store: &'static str) -> Part {
    Part {
        topic,
        node,
        store,
        logged: true,
        more: None,
    }
}

fn orders() -> Part {
    part("orders", "keep-orders", "last-orders")
}

fn riders() -> Part {
    part("riders", "keep-riders", "last-riders")
}

fn topology(parts: &[Part]) -> Topology {
    let mut topology = Topology::new();
    for part in parts {
        let Part {
            topic, node, store, ..
        } = *part;
        topology.add_source(topic, &[topic], || Utf8, || Utf8);
        let keep = move || Keep {
            store,
            after_ms: 1_000,
            last: None,
        };
        topology.add_processor(node, keep, &[topic]);
        let builder = StoreBuilder::persistent(store);
        let builder = match part.logged {
            true => builder,
            false => builder.without_changelog(),
        };
        topology.add_store(builder, &[node]);
        if let Some(more) = part.more {
            topology.add_store(StoreBuilder::persistent(more), &[node]);
        }
    }
    topology
}

struct World {
    log: Arc<MemoryLog>,
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let log = MemoryLog::new(Arc::new(SystemClock::new()));
        for topic in ["orders", "riders"] {
            log.create_topic(topic, PARTITIONS).unwrap();
            for partition in 0..PARTITIONS {
                for key in KEYS {
                    send(&log, topic, partition, key, 1_000);
                }
            }
        }
        let root = tempfile::tempdir().unwrap();
        Self { log, root }
    }

    fn directory(&self) -> std::path::PathBuf {
        self.root.path().join(APPLICATION)
    }

    fn start(&self, parts: &[Part], changed_topology: ChangedTopology) -> Streams {
        let metrics = Arc::new(EngineMetrics::register(&Registry::new()).unwrap());
        let state = StateConfig {
            changed_topology,
            ..StateConfig::default()
        };
        let mut config = StreamsConfig::new(APPLICATION, "one");
        config.leave_on_stop = true;
        let (built, log) = (topology(parts).build().unwrap(), Arc::clone(&self.log));
        Streams::start(built, config, self.root.path(), state, log, metrics).unwrap()
    }

    /// Runs until everything is processed and stops in order, so that nothing has to be restored.
    fn run(&self, parts: &[Part], changed_topology: ChangedTopology) {
        let mut streams = self.start(parts, changed_topology);
        for part in parts {
            for partition in 0..PARTITIONS {
                wait_for("the values", PATIENCE, || {
                    if let Some(error) = streams.failure() {
                        panic!("{error}");
                    }
                    let StoreQuery::Here(view, store) =
                        streams.board().store(part.store, partition)
                    else {
                        return None;
                    };
                    let here =
                        |key: &&str| view.get(store, key.as_bytes()).ok().flatten().is_some();
                    let end = self.log.watermarks(part.topic, partition).unwrap().high;
                    let offsets = self.log.commit_offsets_of(APPLICATION);
                    let read =
                        offsets.get(&TopicPartition::new(part.topic, partition)) == Some(&end);
                    (read && KEYS.iter().all(here)).then_some(())
                })
                .unwrap();
            }
        }
        wait_for("all to run", PATIENCE, || {
            (streams.status().state == State::Running).then_some(())
        })
        .unwrap();
        streams.close(PATIENCE).unwrap();
    }

    /// Why it does not start.
    fn refusal(&self, parts: &[Part], changed_topology: ChangedTopology) -> String {
        let before = tree(&self.directory());
        let streams = self.start(parts, changed_topology);
        let told = wait_for("a refusal", PATIENCE, || {
            streams.failure().map(|error| error.to_string())
        });
        let told = told.unwrap();
        drop(streams);
        assert_eq!(tree(&self.directory()), before, "nothing was touched");
        told
    }

    /// Rows of a store on disk, as the tasks with this number have them, without looking at any changelog.
    fn rows_on_disk(&self, subtopology: u32, store: &str) -> usize {
        self.count_on_disk(subtopology, store, &|family, _| family == store)
    }

    fn timers_on_disk(&self, subtopology: u32, store: &str) -> usize {
        self.count_on_disk(subtopology, store, &|family, key| {
            family == "_task" && key[0] == 2
        })
    }

    fn count_on_disk(
        &self,
        subtopology: u32,
        store: &str,
        counts: &dyn Fn(&str, &[u8]) -> bool,
    ) -> usize {
        let directory = StateDirectory::open(&self.directory(), StateConfig::default()).unwrap();
        let mut rows = 0;
        for partition in 0..PARTITIONS {
            let task = TaskId {
                subtopology,
                partition,
            };
            let state = TaskState::open(&directory, task, &[StoreSpec::persistent(store)]).unwrap();
            assert!(state.changelog_position(StoreId(0)).is_some());
            state
                .dump(&mut |family, key, _| rows += usize::from(counts(family, key)))
                .unwrap();
        }
        rows
    }
}

fn send(log: &MemoryLog, topic: &str, partition: i32, key: &str, timestamp: i64) {
    let (key, value) = (Some(key.as_bytes()), Some(&b"v"[..]));
    log.append(
        topic,
        Some(partition),
        key,
        value,
        timestamp,
        Headers::default(),
    )
    .unwrap();
}

/// Names of everything but RocksDB's own files.
fn tree(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

const ALL_ROWS: usize = KEYS.len() * PARTITIONS as usize;

#[test]
fn swapped_sub_topologies_are_refused_by_name_and_renumbered_when_asked() {
    let world = World::new();
    world.run(&[orders(), riders()], ChangedTopology::Refuse);
    assert_eq!(world.rows_on_disk(0, "last-orders"), ALL_ROWS);
    let swapped = [riders(), orders()];
    let told = world.refusal(&swapped, ChangedTopology::Refuse);
    for expected in [
        "store last-orders moved from sub-topology 0 to 1",
        "store last-riders moved from sub-topology 1 to 0",
        "migrate_state",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    world.run(&swapped, ChangedTopology::Migrate);
    assert_eq!(world.rows_on_disk(1, "last-orders"), ALL_ROWS);
    assert_eq!(world.rows_on_disk(0, "last-riders"), ALL_ROWS);
    // Once migrated, it is not to be asked for again.
    world.run(&swapped, ChangedTopology::Refuse);
}

#[test]
fn a_migration_that_was_interrupted_is_taken_back_or_finished() {
    let world = World::new();
    let before = [orders(), riders()];
    world.run(&before, ChangedTopology::Refuse);
    // Killed before the word was written.
    let at = |name: &str| world.directory().join(name);
    std::fs::rename(at("0_0"), at("0_0.becomes-1_0")).unwrap();
    world.run(&before, ChangedTopology::Refuse);
    assert_eq!(world.rows_on_disk(0, "last-orders"), ALL_ROWS);
    // Killed after it, with some directories at their places.
    let swapped = [riders(), orders()];
    for (old, new) in [
        ("0_0", "0_0.becomes-1_0"),
        ("0_1", "0_1.becomes-1_1"),
        ("1_0", "moved"),
        ("1_1", "1_1.becomes-0_1"),
    ] {
        std::fs::rename(at(old), at(new)).unwrap();
    }
    std::fs::rename(at("moved"), at("0_0")).unwrap();
    let file = at("topology.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["moving"] = true.into();
    let numbers = json["subtopologies"].as_array_mut().unwrap();
    (numbers[0]["number"], numbers[1]["number"]) = (1.into(), 0.into());
    std::fs::write(&file, json.to_string()).unwrap();
    world.run(&swapped, ChangedTopology::Refuse);
    assert_eq!(world.rows_on_disk(1, "last-orders"), ALL_ROWS);
    assert_eq!(world.rows_on_disk(0, "last-riders"), ALL_ROWS);
}

#[test]
fn a_store_that_is_gone_is_refused_by_name_and_dropped_when_asked() {
    let world = World::new();
    let with = Part {
        more: Some("notes"),
        ..orders()
    };
    // One more store is no difference that matters.
    world.run(&[orders()], ChangedTopology::Refuse);
    world.run(std::slice::from_ref(&with), ChangedTopology::Refuse);
    let told = world.refusal(&[orders()], ChangedTopology::Refuse);
    assert!(
        told.contains("store notes of sub-topology 0 is gone"),
        "{told}"
    );
    world.run(&[orders()], ChangedTopology::Migrate);
    world.run(&[orders()], ChangedTopology::Refuse);
    assert_eq!(world.rows_on_disk(0, "last-orders"), ALL_ROWS);

    // A sub-topology that is gone as a whole.
    world.run(&[orders(), riders()], ChangedTopology::Refuse);
    let told = world.refusal(&[orders()], ChangedTopology::Refuse);
    assert!(
        told.contains("store last-riders of sub-topology 1 is gone"),
        "{told}"
    );
    world.run(&[orders()], ChangedTopology::Migrate);
    assert!(!world.directory().join("1_0").exists());
}

#[test]
fn a_changelog_that_is_switched_is_refused_even_if_a_migration_is_asked_for() {
    let world = World::new();
    world.run(&[orders()], ChangedTopology::Refuse);
    let off = [Part {
        logged: false,
        ..orders()
    }];
    for changed in [ChangedTopology::Refuse, ChangedTopology::Migrate] {
        let told = world.refusal(&off, changed);
        assert!(
            told.contains("store last-orders had a changelog and has none"),
            "{told}"
        );
        assert!(told.contains("reset the application"), "{told}");
    }
}

#[test]
fn timers_of_a_node_that_is_gone_are_counted_and_dropped_when_asked() {
    let world = World::new();
    world.run(&[orders()], ChangedTopology::Refuse);
    let renamed = [Part {
        node: "keep",
        ..orders()
    }];
    let told = world.refusal(&renamed, ChangedTopology::Refuse);
    let expected =
        format!("node keep-orders of sub-topology 0 is gone, and {ALL_ROWS} timers wait for it");
    assert!(told.contains(&expected), "{told}");
    // They come due, and nobody minds.
    for partition in 0..PARTITIONS {
        send(&world.log, "orders", partition, KEYS[0], 10_000);
    }
    world.run(&renamed, ChangedTopology::Migrate);
    let new = PARTITIONS as usize;
    assert_eq!(world.timers_on_disk(0, "last-orders"), new);
    world.run(&renamed, ChangedTopology::Refuse);
}

#[test]
fn a_directory_that_a_newer_program_describes_is_refused_by_both_versions() {
    let world = World::new();
    world.run(&[orders()], ChangedTopology::Refuse);
    let file = world.directory().join("topology.json");
    std::fs::write(&file, "{\"version\":2}").unwrap();
    let told = world.refusal(&[orders()], ChangedTopology::Migrate);
    let expected = "topology.json has format 2, and this program reads format 1; it was written by a newer program";
    assert!(told.contains(expected), "{told}");
}
