//! What one run of one program gave: figures by name, and how its latencies are distributed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contestant::Run;

/// CPU seconds of the whole process, user and system, per million events.
pub(super) const CPU: &str = "cpu_seconds_per_million_events";
/// The same of the second half of a backlog.
pub(super) const CPU_SECOND_HALF: &str = "second_half_cpu_seconds_per_million_events";
/// Events committed per second over a backlog.
pub(super) const PACE: &str = "events_per_second";
/// The same of the second half.
pub(super) const PACE_SECOND_HALF: &str = "second_half_events_per_second";
/// Largest resident set, bytes.
pub(super) const PEAK: &str = "peak_resident_bytes";
/// From the start of the process to the first commit over a backlog, seconds.
pub(super) const FIRST_COMMIT: &str = "first_commit_seconds";
/// Records to the broker per event.
pub(super) const RECORDS: &str = "records_out_per_event";
/// Keys and values to the broker per event, before compression, bytes.
pub(super) const BYTES: &str = "bytes_out_per_event";
/// What the broker's segments of all topics but the inputs grew by, per event, bytes.
pub(super) const BROKER_BYTES: &str = "broker_bytes_per_event";
/// Written to disk by the process per event, bytes.
pub(super) const DISK_BYTES: &str = "disk_bytes_per_event";
/// Size of the state directory after the program was stopped, bytes.
pub(super) const STATE_BYTES: &str = "state_bytes";

/// What one run gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) program: String,
    pub(crate) figures: BTreeMap<String, f64>,
    /// What was compared with the reference.
    pub(crate) verified: String,
    /// Latencies in milliseconds by quantile, of runs that measure latency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) distribution: Vec<(f64, f64)>,
}

impl Measured {
    pub(super) fn new(program: &str, verified: String) -> Self {
        Self {
            program: program.to_owned(),
            verified,
            ..Self::default()
        }
    }

    /// Adds a figure.
    pub(super) fn with(mut self, figure: &str, value: f64) -> Self {
        self.figures.insert(figure.to_owned(), value);
        self
    }

    /// Of a run over a backlog of so many events.
    pub(super) fn of_run(run: &Run, verified: String, events: u64) -> Self {
        let events = events as f64;
        Self::new(&run.program, verified)
            .with(CPU, run.cpu_seconds / events * 1e6)
            .with(
                CPU_SECOND_HALF,
                run.second_half_cpu_seconds_per_million_events,
            )
            .with(PACE, run.events_per_second)
            .with(PACE_SECOND_HALF, run.second_half_events_per_second)
            .with(PEAK, run.peak_resident_bytes as f64)
            .with(FIRST_COMMIT, run.first_commit_seconds)
            .with(RECORDS, run.records_out as f64 / events)
            .with(BYTES, run.bytes_out as f64 / events)
            .with(BROKER_BYTES, run.broker_bytes as f64 / events)
            .with(DISK_BYTES, run.written_bytes as f64 / events)
            .with(STATE_BYTES, run.state_bytes as f64)
    }

    pub(super) fn get(&self, figure: &str) -> Option<f64> {
        self.figures.get(figure).copied()
    }
}
