//! A commit is made when there is much to commit, not only when it is time: large records, storms of timers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use topology::codec::Utf8;
use topology::graph::{StoreBuilder, Topology};
use topology::io::Headers;
use topology::process::{
    InitContext, ProcessError, Processor, ProcessorContext, Record, TimerEvent,
};
use topology::runtime::{CommitPhase, PhaseObserver};
use topology::store::{StoreId, TimerClock};
use topology::testing::{TestDriver, TestDriverConfig};
use topology::{Error, ErrorClass};

/// When all timers are due, by stream time.
const DUE: i64 = 1_000;

/// `set 500` sets as many timers; anything else is kept under its key and told.
#[derive(Default)]
struct Storm {
    store: Option<StoreId>,
}

impl Processor for Storm {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.store = Some(context.store("kept")?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        if let Some(number) = record.value.strip_prefix("set ") {
            for timer in 0..number.parse::<u32>().unwrap() {
                context.set_timer(TimerClock::StreamTime, DUE, 0, &timer.to_be_bytes())?;
            }
            return Ok(());
        }
        let value = record.value.as_bytes();
        context.put(self.store.unwrap(), record.key.as_bytes(), value)?;
        context.forward(record)
    }

    fn on_timer(
        &mut self,
        timer: TimerEvent<'_>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        context.put(self.store.unwrap(), timer.key, b"rung")?;
        let number = u32::from_be_bytes(timer.key.try_into().unwrap());
        context.forward(Record {
            key: &format!("timer {number}"),
            value: &"rung".to_owned(),
            timestamp: DUE,
            headers: Headers::default(),
        })
    }
}

/// Counts commits; dies when one of them is about to be written to the store.
#[derive(Default)]
struct Commits {
    done: AtomicUsize,
    crash_at: Option<usize>,
}

impl PhaseObserver for Commits {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if phase == CommitPhase::StoreBatch
            && Some(self.done.fetch_add(1, Ordering::SeqCst)) == self.crash_at
        {
            return Err(Error::new(ErrorClass::Fatal, "crash", "simulated"));
        }
        Ok(())
    }
}

struct Scene {
    driver: TestDriver,
    commits: Arc<Commits>,
    _state: TempDir,
}

impl Scene {
    fn new(commit_bytes: usize, crash_at: Option<usize>) -> Self {
        let state = tempfile::tempdir().unwrap();
        let commits = Arc::new(Commits {
            crash_at,
            ..Commits::default()
        });
        let mut topology = Topology::new();
        topology.add_source("in", &["in"], || Utf8, || Utf8);
        topology.add_processor("storm", Storm::default, &["in"]);
        topology.add_store(StoreBuilder::persistent("kept"), &["storm"]);
        topology.add_sink("out", "out", || Utf8, || Utf8, &["storm"]);
        let mut config = TestDriverConfig::new("app").state_dir(state.path());
        config.streams.commit_bytes = commit_bytes;
        config.streams.observer = Some(commits.clone());
        Self {
            driver: TestDriver::new(topology.build().unwrap(), config).unwrap(),
            commits,
            _state: state,
        }
    }

    fn append(&self, key: &str, value: &str, timestamp: i64) {
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let log = self.driver.log();
        log.append("in", None, key, value, timestamp, Headers::default())
            .unwrap();
    }

    /// Keys of what was told, in order; and how many commits that took.
    fn told(mut self) -> (Vec<String>, usize) {
        if let Err(error) = self.driver.commit() {
            assert_eq!(error.operation(), "crash", "{error}");
            self.driver.crash();
            self.driver.start().unwrap();
            self.driver.commit().unwrap();
        }
        let records = self.driver.log().records("out", 0, true).unwrap();
        let key = |key: Option<Vec<u8>>| String::from_utf8(key.unwrap()).unwrap();
        let told = records.into_iter().map(|record| key(record.key)).collect();
        (told, self.commits.done.load(Ordering::SeqCst))
    }
}

fn storm(commit_bytes: usize, crash_at: Option<usize>) -> (Vec<String>, usize) {
    let scene = Scene::new(commit_bytes, crash_at);
    scene.append("s", "set 10000", 1);
    scene.append("before", "x", DUE);
    scene.append("after", "x", DUE + 1);
    scene.told()
}

#[test]
fn a_storm_of_timers_is_several_commits_and_over_before_the_next_record() {
    let (told, whole) = storm(usize::MAX, None);
    assert_eq!(told.len(), 10_002);
    assert_eq!((&*told[0], &*told[10_001]), ("before", "after"));
    let (in_parts, parts) = storm(200_000, None);
    assert!(in_parts == told, "{:?}", in_parts.len());
    assert!(
        parts >= whole + 8,
        "{parts} commits, and {whole} in one piece"
    );
}

#[test]
fn a_crash_in_a_storm_of_timers_changes_nothing() {
    let (told, _) = storm(usize::MAX, None);
    for crash_at in 0..9 {
        let (crashed, commits) = storm(200_000, Some(crash_at));
        assert!(commits > crash_at, "it never crashed");
        assert!(crashed == told, "{crash_at}: {} told", crashed.len());
    }
}

#[test]
fn large_records_are_committed_as_soon_as_there_is_much() {
    let commits_of = |commit_bytes| {
        let scene = Scene::new(commit_bytes, None);
        let value = "v".repeat(10_000);
        for number in 0..400 {
            scene.append(&format!("{number}"), &value, 1);
        }
        let (told, commits) = scene.told();
        assert_eq!(told.len(), 400);
        commits
    };
    let (whole, parts) = (commits_of(usize::MAX), commits_of(300_000));
    // Sixteen records between two looks, each in the store and in the output.
    assert!(
        parts >= whole + 10,
        "{parts} commits, and {whole} in one piece"
    );
}
