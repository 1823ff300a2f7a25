//! Two sub-topologies joined by a repartition topic: select a key, repartition, count.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{CommitPhase, PhaseObserver};
use topology::testing::{TestDriver, TestDriverConfig};
use topology::{Error, ErrorClass};

const RECORDS: usize = 120;

/// The key becomes the value's first word.
struct SelectKey;

impl Processor for SelectKey {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let key = record.value.split(' ').next().unwrap_or_default();
        context.forward(record.with_key(&key.to_owned()))
    }
}

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

fn topology() -> Topology {
    let mut topology = Topology::new();
    topology.add_source("lines", &["lines"], || Utf8, || Utf8);
    topology.add_processor("select", || SelectKey, &["lines"]);
    topology.add_repartition("by-word", || Utf8, || Utf8, &["select"]);
    topology.add_processor("count", Count::default, &["by-word"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.add_sink("counted", "counted", || Utf8, || I64, &["count"]);
    topology
}

/// Dies when it reaches a phase for the n-th time.
struct CrashAt {
    phase: CommitPhase,
    times: AtomicUsize,
}

impl PhaseObserver for CrashAt {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if phase == self.phase && self.times.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(Error::new(ErrorClass::Fatal, "crash", "simulated"));
        }
        Ok(())
    }
}

/// Every word's records come from every partition of the input.
fn append(driver: &TestDriver, partitions: i32, numbers: Range<usize>) {
    for number in numbers {
        let partition = number as i32 % partitions;
        let value = format!("w{} {number}", number / 4 % 5);
        let (key, value) = (Some(&b"unrelated"[..]), Some(value.as_bytes()));
        let timestamp = 1_000 + number as i64;
        let log = driver.log();
        log.append(
            "lines",
            Some(partition),
            key,
            value,
            timestamp,
            Default::default(),
        )
        .unwrap();
    }
}

fn verify(driver: &mut TestDriver) {
    let mut counted: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut output = driver.create_output_topic("counted", Utf8, I64);
    for record in output.read_records_to_list(driver).unwrap() {
        counted.entry(record.key).or_default().push(record.value);
    }
    let expected: Vec<i64> = (1..=RECORDS as i64 / 5).collect();
    assert_eq!(counted.len(), 5, "{counted:?}");
    for (word, counts) in counted {
        assert_eq!(counts, expected, "{word}");
    }
}

#[test]
fn records_of_one_key_meet_in_one_task_whatever_task_they_come_from() {
    let config = TestDriverConfig::new("app").partitions(4);
    let mut driver = TestDriver::new(topology().build().unwrap(), config).unwrap();
    append(&driver, 4, 0..RECORDS);
    verify(&mut driver);
    let internal = (0..4).flat_map(|partition| {
        driver
            .log()
            .records("app-by-word-repartition", partition, true)
            .unwrap()
    });
    assert_eq!(internal.count(), RECORDS);
}

#[test]
fn counts_behind_a_repartition_are_exactly_once_through_a_crash_at_each_step() {
    for phase in CommitPhase::ALL {
        // Each round is one commit on either side of the edge.
        for times in [1, 2, 3, 4] {
            let dir = tempfile::tempdir().unwrap();
            let mut config = TestDriverConfig::new("app")
                .partitions(2)
                .state_dir(dir.path());
            config.streams.observer = Some(Arc::new(CrashAt {
                phase,
                times: AtomicUsize::new(times),
            }));
            let mut driver = TestDriver::new(topology().build().unwrap(), config).unwrap();
            let mut crashes = 0;
            for round in 0..3 {
                append(&driver, 2, RECORDS / 3 * round..RECORDS / 3 * (round + 1));
                while let Err(error) = driver.commit() {
                    assert_eq!(error.operation(), "crash", "{error}");
                    crashes += 1;
                    driver.crash();
                    driver.start().unwrap();
                }
            }
            assert_eq!(crashes, 1, "{phase}, time {times}");
            verify(&mut driver);
        }
    }
}

#[test]
fn processed_records_of_a_repartition_topic_are_deleted() {
    let config = TestDriverConfig::new("app").partitions(2);
    let mut driver = TestDriver::new(topology().build().unwrap(), config).unwrap();
    append(&driver, 2, 0..RECORDS);
    verify(&mut driver);
    let kept = |driver: &TestDriver| {
        let partitions = (0..2).map(|partition| {
            let log = driver.log();
            let marks = log
                .watermarks("app-by-word-repartition", partition)
                .unwrap();
            (marks.low, marks.high)
        });
        partitions.collect::<Vec<_>>()
    };
    assert!(
        kept(&driver)
            .iter()
            .all(|(low, high)| *low == 0 && *high > 0)
    );
    let interval = driver.config_mut().streams.repartition_purge_interval;
    driver.advance_wall_clock_time(interval).unwrap();
    for (low, high) in kept(&driver) {
        // Behind the last record there is the marker of its transaction.
        assert!(high - low <= 1, "{low} {high}");
    }
    // What is deleted is not missed.
    driver.crash();
    driver.start().unwrap();
    verify(&mut driver);
}
