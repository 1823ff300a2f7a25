//! The one list of the engine's metrics.
//!
//! Base units; `_total`, `_seconds`, `_bytes` as Prometheus names them; counts of records move when
//! a transaction is committed, never before.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use crate::runtime::TaskStatus;
use crate::{Error, runtime};

/// Buckets from 1 ms to 10 s with boundaries at 100 ms (commit interval) and 250 ms (latency aim).
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The engine's metrics of one instance.
#[derive(Debug)]
pub struct EngineMetrics {
    pub(crate) records_in: IntCounter,
    pub(crate) records_out: IntCounter,
    pub(crate) changelog_records: IntCounter,
    pub(crate) dead_letters: IntCounter,
    pub(crate) transactions: IntCounterVec,
    pub(crate) commit_seconds: Histogram,
    pub(crate) commit_phase_seconds: HistogramVec,
    pub(crate) rebalances: IntCounter,
    pub(crate) restored_records: IntCounter,
    pub(crate) restore_seconds: Histogram,
    pub(crate) states_set_aside: IntCounter,
    restore_remaining: IntGauge,
    lag: IntGaugeVec,
    task_states: IntGaugeVec,
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help)
}

fn seconds(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(SECONDS.to_vec())
}

impl EngineMetrics {
    /// Registers all of them, known series at zero.
    ///
    /// # Errors
    /// Fatal when a name is taken in the registry.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let metrics = Self::new().map_err(failed)?;
        let all: [Box<dyn Collector>; 14] = [
            Box::new(metrics.records_in.clone()),
            Box::new(metrics.records_out.clone()),
            Box::new(metrics.changelog_records.clone()),
            Box::new(metrics.dead_letters.clone()),
            Box::new(metrics.transactions.clone()),
            Box::new(metrics.commit_seconds.clone()),
            Box::new(metrics.commit_phase_seconds.clone()),
            Box::new(metrics.rebalances.clone()),
            Box::new(metrics.restored_records.clone()),
            Box::new(metrics.restore_seconds.clone()),
            Box::new(metrics.states_set_aside.clone()),
            Box::new(metrics.restore_remaining.clone()),
            Box::new(metrics.lag.clone()),
            Box::new(metrics.task_states.clone()),
        ];
        for collector in all {
            registry.register(collector).map_err(failed)?;
        }
        Ok(metrics)
    }

    /// Input records processed in committed transactions since the start.
    pub fn records_in(&self) -> u64 {
        self.records_in.get()
    }

    fn new() -> prometheus::Result<Self> {
        let metrics = Self {
            records_in: IntCounter::with_opts(opts(
                "topology_records_in_total",
                "Input records processed in committed transactions.",
            ))?,
            records_out: IntCounter::with_opts(opts(
                "topology_records_out_total",
                "Output records of committed transactions.",
            ))?,
            changelog_records: IntCounter::with_opts(opts(
                "topology_changelog_records_total",
                "Changelog records of committed transactions.",
            ))?,
            dead_letters: IntCounter::with_opts(opts(
                "topology_dead_letters_total",
                "Records sent to the dead-letter topic in committed transactions.",
            ))?,
            transactions: IntCounterVec::new(
                opts(
                    "topology_transactions_total",
                    "Transactions by result: committed, aborted, fenced.",
                ),
                &["result"],
            )?,
            commit_seconds: Histogram::with_opts(seconds(
                "topology_commit_seconds",
                "Duration of commits.",
            ))?,
            commit_phase_seconds: HistogramVec::new(
                seconds(
                    "topology_commit_phase_seconds",
                    "Duration of each phase of a commit.",
                ),
                &["phase"],
            )?,
            rebalances: IntCounter::with_opts(opts(
                "topology_rebalances_total",
                "Events of the group protocol handled.",
            ))?,
            restored_records: IntCounter::with_opts(opts(
                "topology_restored_records_total",
                "Changelog records read to restore state.",
            ))?,
            restore_seconds: Histogram::with_opts(seconds(
                "topology_restore_seconds",
                "Duration from assignment to running, per task.",
            ))?,
            states_set_aside: IntCounter::with_opts(opts(
                "topology_states_set_aside_total",
                "State directories moved aside because they did not continue in the changelog.",
            ))?,
            restore_remaining: IntGauge::with_opts(opts(
                "topology_restore_remaining_offsets",
                "Offsets still to be read before all tasks run.",
            ))?,
            lag: IntGaugeVec::new(
                opts(
                    "topology_consumer_lag_records",
                    "Offsets between position and last stable offset.",
                ),
                &["partition"],
            )?,
            task_states: IntGaugeVec::new(
                opts("topology_tasks", "Tasks of this instance by state."),
                &["state"],
            )?,
        };
        for result in ["committed", "aborted", "fenced"] {
            metrics.transactions.with_label_values(&[result]);
        }
        for phase in runtime::CommitPhase::ALL {
            metrics
                .commit_phase_seconds
                .with_label_values(&[phase.as_str()]);
        }
        for state in ["CREATED", "RESTORING", "RUNNING", "SUSPENDED"] {
            metrics.task_states.with_label_values(&[state]);
        }
        Ok(metrics)
    }

    /// Gauges of the tasks as a thread sees them.
    pub(crate) fn tasks(&self, tasks: &[TaskStatus]) {
        for state in ["CREATED", "RESTORING", "RUNNING", "SUSPENDED"] {
            let count = tasks.iter().filter(|task| task.state == state).count();
            self.task_states
                .with_label_values(&[state])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.restore_remaining
            .set(tasks.iter().map(|task| task.restore.remaining).sum());
        self.lag.reset();
        for (partition, lag) in tasks.iter().flat_map(|task| &task.lag) {
            self.lag.with_label_values(&[partition]).set(*lag);
        }
    }
}

fn failed(error: prometheus::Error) -> Error {
    Error::fatal("register metrics", error.to_string())
}
