//! Rebalances under the consumer protocol on the in-memory log: what stays runs on, what moves is committed first, inputs of
//! one task that come in steps are waited for, and a zombie is fenced.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::Error;
use topology::codec::{I64, Utf8};
use topology::graph::{BuiltTopology, StoreBuilder, Topology};
use topology::io::{Consumer, ConsumerConfig, GroupEvent, GroupProtocol, Headers, Log, Position};
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};

const PARTITIONS: i32 = 4;
const SESSION: Duration = Duration::from_secs(6);

/// Counts per key over both inputs.
#[derive(Default)]
struct Count(Option<KeyValueStore<String, i64>>);

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.0 = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let counts = self.0.as_mut().unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        count += 1;
        counts.put(context, record.key, &count)?;
        context.forward(record.with_value(&count))
    }
}

fn topology() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &["left", "right"], || Utf8, || Utf8);
    topology.add_processor("count", Count::default, &["in"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.add_sink("counted", "counted", || Utf8, || I64, &["count"]);
    topology.build().unwrap()
}

/// Instances by name, over one log.
struct World {
    driver: TestDriver,
    instances: BTreeMap<&'static str, TestInstance>,
    appended: BTreeMap<String, i64>,
    number: i64,
}

impl World {
    fn new(dir: &std::path::Path) -> Self {
        let mut config = TestDriverConfig::new("moving")
            .partitions(PARTITIONS)
            .state_dir(dir);
        config.streams.group_protocol = GroupProtocol::Consumer;
        config.streams.session_timeout = SESSION;
        config.streams.leave_on_stop = true;
        let mut driver = TestDriver::new(topology(), config).unwrap();
        driver.close().unwrap();
        Self {
            driver,
            instances: BTreeMap::new(),
            appended: BTreeMap::new(),
            number: 0,
        }
    }

    fn start(&mut self, name: &'static str) {
        let instance = self.driver.instance(name).unwrap();
        self.instances.insert(name, instance);
    }

    fn append(&mut self, records: i64) {
        for _ in 0..records {
            self.number += 1;
            let key = format!("k{}", self.number % 23);
            let topic = if self.number % 2 == 0 {
                "left"
            } else {
                "right"
            };
            let stamp = 1_577_836_800_000 + self.number;
            let (key_bytes, value) = (Some(key.as_bytes()), Some(b"x".as_slice()));
            self.driver
                .log()
                .append(topic, None, key_bytes, value, stamp, Headers::default())
                .unwrap();
            *self.appended.entry(key).or_default() += 1;
        }
    }

    fn turn(&mut self, name: &'static str) -> Result<(), Error> {
        self.instances.get_mut(name).unwrap().turn().map(|_| ())
    }

    fn advance(&self, duration: Duration) {
        self.driver.clock().advance(duration);
    }

    fn settle(&mut self) {
        let names: Vec<_> = self.instances.keys().copied().collect();
        let mut quiet = 0;
        for _ in 0..5_000 {
            for name in &names {
                self.turn(name)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            self.advance(Duration::from_millis(100));
            let all = self.instances.values();
            let done = all.into_iter().all(TestInstance::has_processed_everything);
            quiet = if done { quiet + 1 } else { 0 };
            // Longer than a session.
            if quiet > 80 && self.driver.log().open_transactions().is_empty() {
                return;
            }
        }
        panic!("no rest");
    }

    /// Every key was counted once per record: 1, 2, 3, … and to the end.
    fn verify(&mut self) {
        let mut counts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let read = |partition| {
            self.driver
                .log()
                .records("counted", partition, true)
                .unwrap()
        };
        for record in (0..PARTITIONS).flat_map(read) {
            let key = String::from_utf8(record.key.unwrap()).unwrap();
            let count = i64::from_be_bytes(record.value.unwrap().try_into().unwrap());
            counts.entry(key).or_default().push(count);
        }
        assert_eq!(counts.len(), self.appended.len());
        for (key, counts) in counts {
            let expected: Vec<i64> = (1..=self.appended[&key]).collect();
            assert_eq!(counts, expected, "{key}");
        }
    }

    /// The tasks of each instance, by partition.
    fn tasks(&mut self) -> BTreeMap<&'static str, Vec<i32>> {
        let here = |instance: &mut TestInstance| {
            (0..PARTITIONS)
                .filter(|&partition| {
                    let task = topology::task::TaskId {
                        subtopology: 0,
                        partition,
                    };
                    instance.dump(task).is_ok()
                })
                .collect()
        };
        let all = self.instances.iter_mut();
        all.map(|(name, instance)| (*name, here(instance)))
            .collect()
    }
}

#[test]
fn what_stays_runs_on_while_an_instance_joins_and_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    world.start("a");
    world.append(100);
    world.settle();
    assert_eq!(world.tasks()["a"], [0, 1, 2, 3]);
    world.start("b");
    // Half-way: records come in while partitions move, and the tasks that stay are there all the time.
    for _ in 0..40 {
        world.append(7);
        world.turn("a").unwrap();
        assert!(world.tasks()["a"].starts_with(&[0, 1]));
        world.turn("b").unwrap();
        world.advance(Duration::from_millis(30));
    }
    world.settle();
    let tasks = world.tasks();
    assert_eq!(
        (&tasks["a"][..], &tasks["b"][..]),
        (&[0, 1][..], &[2, 3][..])
    );
    world.append(50);
    world.instances.remove("b").unwrap().close().unwrap();
    world.settle();
    assert_eq!(world.tasks()["a"], [0, 1, 2, 3]);
    world.verify();
}

#[test]
fn partitions_of_a_dead_instance_are_taken_over_and_a_zombie_is_fenced() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    world.start("a");
    world.start("b");
    world.append(60);
    world.settle();
    // `a` has something uncommitted, and then stands still for longer than its session.
    world.append(60);
    world.turn("a").unwrap();
    let zombie = world.instances.remove("a").unwrap();
    world.settle();
    assert_eq!(world.tasks()["b"], [0, 1, 2, 3]);
    world.append(60);
    world.turn("b").unwrap();
    world.instances.insert("a", zombie);
    world.append(60);
    world.settle();
    // Killed, never to come back.
    drop(world.instances.remove("b"));
    world.append(60);
    world.settle();
    assert_eq!(world.tasks()["a"], [0, 1, 2, 3]);
    world.verify();
}

/// A member of the group that is none of ours and reads one input alone: with it, partitions of one task go to two members.
fn stranger(world: &World) -> Box<dyn Consumer> {
    let config = ConsumerConfig {
        group_id: "moving".into(),
        group_protocol: GroupProtocol::Consumer,
        group_instance_id: "stranger".into(),
        is_static: false,
        client_id: "stranger".into(),
        session_timeout: Duration::from_secs(3_600),
        max_poll_interval: Duration::from_secs(3_600),
        read_committed: true,
    };
    let mut consumer = world.driver.log().consumer(&config).unwrap();
    consumer.subscribe(&["left"]).unwrap();
    consumer
}

fn serve(consumer: &mut dyn Consumer) {
    match consumer.poll(Duration::ZERO).unwrap() {
        Some(GroupEvent::Added(partitions)) => {
            let starts: Vec<_> = partitions
                .into_iter()
                .map(|partition| (partition, Position::Beginning))
                .collect();
            consumer.incremental_assign(&starts).unwrap();
        }
        Some(GroupEvent::Removed(partitions)) => {
            consumer.incremental_unassign(&partitions).unwrap();
        }
        Some(other) => panic!("{other:?}"),
        None => {}
    }
}

#[test]
fn a_task_begins_with_the_last_of_its_inputs_and_ends_with_the_first_that_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    world.start("a");
    world.append(60);
    world.settle();
    for _ in 0..2 {
        let mut stranger = stranger(&world);
        world.append(20);
        for _ in 0..20 {
            serve(&mut *stranger);
            world.turn("a").unwrap();
            world.advance(Duration::from_millis(30));
        }
        // The inputs `left-2` and `left-3` are the stranger's; `right-2` and `right-3` wait for them.
        assert_eq!(world.tasks()["a"], [0, 1]);
        world.append(20);
        world.settle();
        assert_eq!(world.tasks()["a"], [0, 1]);
        stranger.close(true, Duration::ZERO).unwrap();
        world.settle();
        assert_eq!(world.tasks()["a"], [0, 1, 2, 3]);
    }
    world.verify();
}
