//! Kills aimed at the steps of the commit.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Kafka, wait_for};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::processor::{Processor, Setup, TIMEOUT};
use crate::support::topics::{changelog_ends, decided_offsets, wait_consumed};

/// How long the program lingers in these steps, which otherwise take a millisecond or two.
const LINGER: Duration = Duration::from_millis(30);
const LINGERED: [&str; 4] = ["draining", "offsets", "committing", "store_batch"];
/// Leaves more time for processing than for lingering.
const COMMIT_INTERVAL: Duration = Duration::from_millis(300);

/// So that stores are flushed in open transactions, and what does not belong on disk would stay there after a kill.
const FLUSH_INTERVAL: Duration = Duration::from_millis(1_000);

/// In these a transaction is open, being committed, or committed with the state on disk still behind.
pub const IN_TRANSACTION: [&str; 6] = [
    "processing",
    "changelog",
    "draining",
    "offsets",
    "committing",
    "store_batch",
];

/// One SIGKILL.
#[derive(Debug)]
pub struct Kill {
    /// The step in which the thread died, as the file it leaves says.
    pub phase: String,
    /// Input records not yet committed.
    pub remaining: i64,
    /// Records of the changelogs that the restart replayed.
    pub replayed: u64,
    /// What was added to the changelogs since the kill before: no more than this can be unflushed.
    pub tail: u64,
    /// Events that were parked when it was ready again.
    pub parked: u64,
    /// From the start of the process to readiness.
    pub restart: Duration,
}

impl Kill {
    /// Whether it hit what it had to: work under way, and work left.
    pub fn counts(&self) -> bool {
        self.remaining > 0 && IN_TRANSACTION.contains(&self.phase.as_str())
    }
}

/// A processor that is killed again and again.
pub struct Ordeal<'a> {
    kafka: &'a Kafka,
    setup: Setup,
    ends: &'a BTreeMap<(String, i32), i64>,
    phase_file: PathBuf,
    random: StdRng,
    identities: BTreeMap<String, String>,
    pub kills: Vec<Kill>,
}

impl<'a> Ordeal<'a> {
    pub fn new(
        kafka: &'a Kafka,
        setup: Setup,
        ends: &'a BTreeMap<(String, i32), i64>,
        seed: u64,
    ) -> Self {
        let phase_file = setup.state_dir.join("phase");
        let pause = LINGERED
            .map(|phase| format!("{phase}:{}", LINGER.as_millis()))
            .join(",");
        let setup = setup
            .flag(
                "--commit-interval-ms",
                &COMMIT_INTERVAL.as_millis().to_string(),
            )
            .env("JUMUN_TEST_PHASE_FILE", &phase_file.display().to_string())
            .env("JUMUN_TEST_PAUSE", &pause)
            .env(
                "JUMUN_TEST_FLUSH_MS",
                &FLUSH_INTERVAL.as_millis().to_string(),
            );
        Self {
            kafka,
            setup,
            ends,
            phase_file,
            random: StdRng::seed_from_u64(seed),
            identities: BTreeMap::new(),
            kills: Vec::new(),
        }
    }

    /// Starts the processor, kills it in the step that `next` names, starts it again, and so on until `next` names none;
    /// then lets it work to the end of the input and stops it in order.
    pub fn run(&mut self, mut next: impl FnMut(&Self) -> Option<&'static str>) {
        let mut processor = self.setup.start_ready();
        let mut changelog = 0;
        self.wait_first_commits();
        self.identities = self.states_on_disk();
        while let Some(target) = next(self) {
            let (phase, remaining) = self.kill(processor, target);
            // Before the restart: it flushes what it replays, so the next one begins here at the earliest.
            let end = changelog_ends(self.kafka, &self.setup.application_id);
            let tail = u64::try_from(end - changelog).unwrap_or(0);
            changelog = end;
            let started = Instant::now();
            processor = self.setup.start_ready();
            let restart = started.elapsed();
            let replayed = processor.metric("topology_restored_records_total");
            self.kills.push(Kill {
                phase,
                remaining,
                replayed: replayed as u64,
                tail,
                parked: processor.sum("order_parked"),
                restart,
            });
        }
        wait_consumed(
            self.kafka,
            &self.setup.application_id,
            self.ends,
            3 * TIMEOUT,
        );
        processor.stop();
    }

    /// The same processor, once [`Ordeal::run`] is over.
    pub fn start_again(&self) -> Processor {
        self.setup.start_ready()
    }

    /// Before every input has a committed offset there is too little to lose. The rate is shared by all tasks, so this
    /// comes soon.
    fn wait_first_commits(&self) {
        let committed = || {
            let offsets = self.decided_offsets();
            self.ends
                .keys()
                .all(|partition| offsets.contains_key(partition))
                .then_some(())
        };
        wait_for("a commit of every input", TIMEOUT, committed).unwrap();
        let committed: i64 = self.decided_offsets().values().sum();
        assert!(
            committed * 2 < self.ends.values().sum(),
            "some task had to wait for others"
        );
    }

    fn decided_offsets(&self) -> BTreeMap<(String, i32), i64> {
        let partitions = self
            .ends
            .keys()
            .map(|(_, partition)| partition + 1)
            .max()
            .unwrap_or(0);
        decided_offsets(self.kafka, &self.setup.application_id, partitions)
    }

    /// Lets some commits pass, waits for the step, a moment more, and kills.
    fn kill(&mut self, mut processor: Processor, target: &str) -> (String, i64) {
        let commits = self.random.random_range(2..6);
        for _ in 0..commits {
            self.wait_phase(target, true);
            self.wait_phase(target, false);
        }
        self.wait_phase(target, true);
        let lasts = if LINGERED.contains(&target) {
            LINGER
        } else {
            COMMIT_INTERVAL / 2
        };
        let moment = lasts.mul_f64(self.random.random_range(0.0..1.1));
        // Not a wait for anything: the blow is to fall anywhere in the step, and now and then just after it.
        thread::sleep(moment);
        processor.process.kill9().unwrap();
        let committed: i64 = self.decided_offsets().values().sum();
        (self.phase(), self.ends.values().sum::<i64>() - committed)
    }

    fn phase(&self) -> String {
        fs::read_to_string(&self.phase_file)
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    }

    /// Looks often: a step may be over in a moment. Gives up quietly when the input is used up and no commit comes.
    fn wait_phase(&self, target: &str, reached: bool) {
        let deadline = Instant::now() + Duration::from_secs(2);
        while (self.phase() == target) != reached && Instant::now() < deadline {
            thread::sleep(Duration::from_micros(500));
        }
    }

    /// The task directories and the identity of the database in each; a directory made anew has another one.
    fn states_on_disk(&self) -> BTreeMap<String, String> {
        states_on_disk(&self.setup.store_dir())
    }

    /// Fails unless the state directories are those of the first start, and nothing was set aside.
    pub fn assert_no_state_was_wiped(&self) {
        assert!(!self.identities.is_empty());
        assert_eq!(self.states_on_disk(), self.identities);
    }

    /// Of these steps, the one that was hit least.
    pub fn least_hit(&self, phases: &[&'static str]) -> Option<(&'static str, usize)> {
        let hits = self.by_phase();
        let hits = phases
            .iter()
            .map(|phase| (*phase, hits.get(phase).copied().unwrap_or(0)));
        hits.min_by_key(|(_, hits)| *hits)
    }

    /// Counted kills by the step in which they fell.
    pub fn by_phase(&self) -> BTreeMap<&str, usize> {
        let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
        for kill in self.kills.iter().filter(|kill| kill.counts()) {
            *phases.entry(&kill.phase).or_default() += 1;
        }
        phases
    }
}

fn states_on_disk(store_dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(store_dir).unwrap().map(Result::unwrap);
    let directories = entries.filter(|entry| entry.path().is_dir());
    let identity = |path: PathBuf| fs::read_to_string(path.join("IDENTITY")).unwrap_or_default();
    directories
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                identity(entry.path()),
            )
        })
        .collect()
}

/// A line per kill.
impl fmt::Display for Ordeal<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, kill) in (1..).zip(&self.kills) {
            writeln!(
                out,
                "kill {number:2} in {:11} {:6} input records left, {:5} changelog records replayed of at most {:5}, {:3} parked, ready again after {:.1} s{}",
                kill.phase,
                kill.remaining,
                kill.replayed,
                kill.tail,
                kill.parked,
                kill.restart.as_secs_f64(),
                if kill.counts() { "" } else { " (not counted)" },
            )?;
        }
        writeln!(out, "by step: {:?}", self.by_phase())
    }
}
