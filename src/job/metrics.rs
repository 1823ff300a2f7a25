//! Business counters for Prometheus, taken from committed state only.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts, Registry};
use topology::runtime::StatusBoard;

use crate::domain::outcome::Outcome;

/// The sub-topology that reads the inputs is the first.
const JUDGING: u32 = 0;

/// Exposes the committed counters of the tasks that this instance runs.
///
/// The counts are part of each task's state and change with its commits: a crash, an abort or a
/// move neither repeats nor loses one. A partition that moves may be shown by two instances for a
/// moment, hence the label `partition`: take `max by (partition, outcome, reason)` before summing.
pub struct OrderMetrics {
    board: Arc<StatusBoard>,
    outcomes: IntCounterVec,
}

impl OrderMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken in the registry.
    pub fn register(registry: &Registry, board: Arc<StatusBoard>) -> prometheus::Result<()> {
        let outcomes = IntCounterVec::new(
            Opts::new(
                "order_events_outcome_total",
                "Input records by what became of them, by input partition, as committed.",
            ),
            &["partition", "outcome", "reason"],
        )?;
        registry.register(Box::new(Self { board, outcomes }))
    }
}

impl Collector for OrderMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.outcomes.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.outcomes.reset();
        // Every task has every counter; outcomes are counted where inputs are judged.
        let all = self.board.counters().into_iter();
        for (task, counts) in all.filter(|(task, _)| task.subtopology == JUDGING) {
            let partition = task.partition.to_string();
            for (outcome, count) in Outcome::all().zip(counts) {
                self.outcomes
                    .with_label_values(&[&partition, outcome.name(), outcome.reason()])
                    .inc_by(count);
            }
        }
        self.outcomes.collect()
    }
}
