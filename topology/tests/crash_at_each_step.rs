//! Crash-matrix rows 1–5 in simulation: the thread dies at each step of the commit, early and late,
//! with memtables forced to disk and without; another takes its place. Committed output is what an
//! undisturbed run would have written, and the state is the fold of its changelog.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::Headers;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{CommitPhase, PhaseObserver};
use topology::store::TimerClock;
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::{Error, ErrorClass};

const PARTITIONS: i32 = 3;
const ROUNDS: usize = 6;
const RECORDS: usize = 40;
const KEYS: usize = 7;

/// Counts per key, forwards each count, and sets a timer per record, so that timers are state too.
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
        context.count(0, 1);
        let far = 4_000_000_000_000 + count;
        context.set_timer(TimerClock::WallClock, far, 1, record.key.as_bytes())?;
        context.forward(record.with_value(&count))
    }
}

fn topology() -> Topology {
    let mut topology = Topology::new();
    topology.add_source("words", &["words"], || Utf8, || Utf8);
    topology.add_processor("count", Count::default, &["words"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.add_sink("counted", "counted", || Utf8, || I64, &["count"]);
    topology.counters(["records".to_owned()]);
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
            return Err(Error::new(
                ErrorClass::Fatal,
                "crash",
                format!("simulated at {phase}"),
            ));
        }
        Ok(())
    }
}

fn append(driver: &TestDriver, round: usize) {
    for index in 0..RECORDS {
        let number = round * RECORDS + index;
        let key = format!("k{}", number % KEYS);
        let timestamp = 1_000 + number as i64;
        driver
            .log()
            .append(
                "words",
                None,
                Some(key.as_bytes()),
                Some(b"x"),
                timestamp,
                Headers::default(),
            )
            .unwrap();
    }
}

/// Runs all rounds; whenever the thread dies, the disk is what was flushed, and it starts anew.
fn run(driver: &mut TestDriver, flushed: bool) -> usize {
    let mut crashes = 0;
    for round in 0..ROUNDS {
        append(driver, round);
        loop {
            let done = driver.run_until_idle().and_then(|()| {
                // Whatever of the open transaction could reach the disk, does.
                if flushed {
                    driver.flush()?
                }
                driver.commit()
            });
            match done {
                Ok(()) => break,
                Err(error) => {
                    assert_eq!(error.operation(), "crash", "{error}");
                    crashes += 1;
                    driver.crash();
                    driver.start().unwrap();
                }
            }
        }
    }
    crashes
}

fn verify(driver: &mut TestDriver) {
    let mut counted: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut output = driver.create_output_topic("counted", Utf8, I64);
    for record in output.read_records_to_list(driver).unwrap() {
        counted.entry(record.key).or_default().push(record.value);
    }
    let total: usize = counted.values().map(Vec::len).sum();
    assert_eq!(total, ROUNDS * RECORDS, "missing or repeated outputs");
    for (key, counts) in &counted {
        let expected: Vec<i64> = (1..=counts.len() as i64).collect();
        assert_eq!(*counts, expected, "{key}");
    }
    assert_eq!(driver.counters(), [(ROUNDS * RECORDS) as u64]);
    for partition in 0..PARTITIONS {
        store_is_fold_of_changelog(driver, partition);
    }
}

fn store_is_fold_of_changelog(driver: &mut TestDriver, partition: i32) {
    let mut fold = BTreeMap::new();
    for record in driver
        .log()
        .records("simulated-counts-changelog", partition, true)
        .unwrap()
    {
        let key = record.key.clone().unwrap();
        if !key.starts_with(b"k") {
            continue;
        }
        match record.value.clone() {
            Some(value) => fold.insert(key, value),
            None => fold.remove(&key),
        };
    }
    let rows = driver
        .dump(TaskId {
            subtopology: 0,
            partition,
        })
        .unwrap();
    let store: BTreeMap<Vec<u8>, Vec<u8>> = rows
        .into_iter()
        .filter(|(family, _, _)| family == "counts")
        .map(|(_, key, value)| (key, value))
        .collect();
    assert_eq!(store, fold, "partition {partition}");
}

fn crash_at(phase: CommitPhase) {
    for times in [1, 2, 5] {
        for flushed in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let mut config = TestDriverConfig::new("simulated")
                .partitions(PARTITIONS)
                .state_dir(dir.path());
            config.streams.observer = Some(Arc::new(CrashAt {
                phase,
                times: AtomicUsize::new(times),
            }));
            let mut driver = match TestDriver::new(topology().build().unwrap(), config) {
                Ok(driver) => driver,
                Err(error) => panic!("{phase} {times}: {error}"),
            };
            let crashes = run(&mut driver, flushed);
            assert_eq!(crashes, 1, "{phase}, time {times}: never reached");
            verify(&mut driver);
            driver.close().unwrap();
            let names = std::fs::read_dir(dir.path().join("simulated")).unwrap();
            let mut tasks: Vec<String> = names
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name.starts_with("0_"))
                .collect();
            tasks.sort();
            assert_eq!(
                tasks,
                ["0_0", "0_1", "0_2"],
                "no crash may cost a state directory"
            );
        }
    }
}

#[test]
fn row_1_kill_after_poll_before_processing() {
    crash_at(CommitPhase::Processing);
}

#[test]
fn row_2_kill_after_overlay_writes_before_acknowledgements() {
    crash_at(CommitPhase::Changelog);
    crash_at(CommitPhase::Draining);
}

#[test]
fn row_3_kill_after_produce_before_the_transaction_ends() {
    crash_at(CommitPhase::Offsets);
    crash_at(CommitPhase::Committing);
}

#[test]
fn row_4_kill_after_the_commit_succeeded_before_the_store_batch() {
    crash_at(CommitPhase::StoreBatch);
}

#[test]
fn row_5_kill_after_the_store_batch() {
    crash_at(CommitPhase::Idle);
}

#[test]
fn an_undisturbed_run_passes_the_same_verification() {
    let dir = tempfile::tempdir().unwrap();
    let config = TestDriverConfig::new("simulated")
        .partitions(PARTITIONS)
        .state_dir(dir.path());
    let mut driver = TestDriver::new(topology().build().unwrap(), config).unwrap();
    assert_eq!(run(&mut driver, true), 0);
    verify(&mut driver);
}

#[test]
fn a_state_restored_from_the_changelog_equals_the_one_before_family_by_family() {
    let dir = tempfile::tempdir().unwrap();
    let config = TestDriverConfig::new("simulated")
        .partitions(PARTITIONS)
        .state_dir(dir.path());
    let mut driver = TestDriver::new(topology().build().unwrap(), config).unwrap();
    run(&mut driver, false);
    let tasks: Vec<TaskId> = (0..PARTITIONS)
        .map(|partition| TaskId {
            subtopology: 0,
            partition,
        })
        .collect();
    let before: Vec<_> = tasks
        .iter()
        .map(|task| driver.dump(*task).unwrap())
        .collect();
    assert!(
        before
            .iter()
            .all(|rows| rows.iter().any(|(family, _, _)| family != "counts")),
        "timers and own values"
    );
    driver.close().unwrap();
    std::fs::remove_dir_all(dir.path().join("simulated")).unwrap();
    driver.start().unwrap();
    for (task, before) in tasks.iter().zip(before) {
        assert_eq!(driver.dump(*task).unwrap(), before, "task {task}");
    }
    verify(&mut driver);
}

#[cfg(feature = "broken-controls")]
mod controls {
    use super::*;
    use topology::runtime::BrokenControl;

    fn fails(broken: BrokenControl, phase: CommitPhase) {
        let outcome = std::panic::catch_unwind(|| {
            let dir = tempfile::tempdir().unwrap();
            let mut config = TestDriverConfig::new("simulated")
                .partitions(PARTITIONS)
                .state_dir(dir.path());
            config.streams.broken = Some(broken);
            config.streams.observer = Some(Arc::new(CrashAt {
                phase,
                times: AtomicUsize::new(2),
            }));
            let mut driver = TestDriver::new(topology().build().unwrap(), config).unwrap();
            run(&mut driver, true);
            verify(&mut driver);
        });
        assert!(outcome.is_err(), "{broken:?} was not noticed");
    }

    #[test]
    fn offsets_committed_outside_the_transaction_are_noticed() {
        fails(
            BrokenControl::OffsetsOutsideTransaction,
            CommitPhase::Committing,
        );
    }

    #[test]
    fn a_store_written_before_the_commit_is_noticed() {
        fails(BrokenControl::StoreBeforeCommit, CommitPhase::Committing);
    }
}
