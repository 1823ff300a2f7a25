//! A load in the inputs, instances that work on it, and the comparison at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Kafka, wait_for};
use rdkafka::consumer::BaseConsumer;
use tempfile::TempDir;

use crate::support::changelogs::set_aside;
use crate::support::judged::compare_with_model;
use crate::support::load;
use crate::support::model::InputRecord;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::topics;

pub const APPLICATION: &str = "survivor";
pub const PARTITIONS: i32 = 4;
/// Of the members of the group.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
const LIMITED: &str = "1000";

pub struct World {
    pub kafka: Kafka,
    pub state: TempDir,
    pub records: Vec<InputRecord>,
    pub ends: BTreeMap<(String, i32), i64>,
    observer: BaseConsumer,
}

impl World {
    pub fn with_load(kafka: &Kafka, events: usize) -> Self {
        load::preload(kafka, events, PARTITIONS);
        Self::of(kafka)
    }

    /// What lies in the inputs is the load.
    pub fn of(kafka: &Kafka) -> Self {
        let records = topics::input_records(kafka);
        Self {
            ends: topics::ends(&records),
            records,
            kafka: kafka.clone(),
            state: tempfile::tempdir().unwrap(),
            observer: topics::observer(kafka, APPLICATION),
        }
    }

    /// An instance that takes its time.
    pub fn instance(&self, name: &str) -> Setup {
        let state = self.state.path().join(name);
        fs::create_dir_all(&state).unwrap();
        let phase_file = state.join("phase");
        Setup::new(&self.kafka, APPLICATION, &state)
            .strict()
            .flag("--instance-id", name)
            .flag("--max-rate", LIMITED)
            .setting(
                "application.session_timeout_ms",
                &SESSION_TIMEOUT.as_millis().to_string(),
            )
            .env("JUMUN_TEST_PHASE_FILE", &phase_file.display().to_string())
    }

    /// Waits until so many input records are committed.
    pub fn wait_committed(&self, records: i64) {
        wait_for("commits", 2 * TIMEOUT, || {
            (self.committed() >= records).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}: {} of {records}", self.committed()));
    }

    /// Input records that are committed.
    pub fn committed(&self) -> i64 {
        self.committed_by_partition().values().sum()
    }

    pub fn committed_by_partition(&self) -> BTreeMap<(String, i32), i64> {
        topics::decided_offsets_of(&self.observer, PARTITIONS)
    }

    /// All input records.
    pub fn total(&self) -> i64 {
        self.ends.values().sum()
    }

    /// Waits until everything is committed.
    pub fn wait_consumed(&self) {
        topics::wait_consumed(&self.kafka, APPLICATION, &self.ends, 3 * TIMEOUT);
    }

    /// Fails unless the outputs are those of the model.
    pub fn assert_outputs(&self) {
        let report = compare_with_model(&self.kafka, &self.records).report;
        assert!(report.is_clean(), "{report}");
        assert!(report.compared > self.records.len(), "{report}");
    }
}

/// Whether rows that take long are asked for; says so if not.
pub fn long_form() -> bool {
    let asked = std::env::var_os("JUMUN_MATRIX").is_some();
    if !asked {
        tell("left out for its length: make matrix runs it");
    }
    asked
}

/// The state directories that were set aside, of these instances.
pub fn aside(instances: &[&Setup]) -> Vec<String> {
    let roots = instances.iter().map(|instance| instance.store_dir());
    roots.flat_map(|root: PathBuf| set_aside(&root)).collect()
}

/// Waits until an instance is in a step of its commit.
pub fn wait_phase(instance: &Setup, phase: &str) {
    let deadline = Instant::now() + TIMEOUT;
    let now = || fs::read_to_string(instance.state_dir.join("phase")).unwrap_or_default();
    while now().trim_end() != phase {
        assert!(Instant::now() < deadline, "never in {phase}, but {}", now());
        thread::sleep(Duration::from_micros(500));
    }
}
