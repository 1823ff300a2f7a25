//! Business metrics for Prometheus, taken from committed state only.

mod bounded;
mod committed;
pub mod list;

use std::borrow::Cow;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Registry, Result};
use topology::metrics::MetricSpec;

pub use bounded::{CATEGORIES, SIDOS};
pub use committed::{CommittedByStreams, CommittedCounts};

use super::counters;
use crate::domain::aggregates::{BusinessAggregate, Counted, Group};
use crate::domain::outcome::Outcome;

/// Exposes what the tasks of this instance have committed.
///
/// The counts are part of each task's state and change with its commits: a crash, an abort or a move neither repeats
/// nor loses one. Nothing is kept here: each scrape reads the committed state. A task that moves may be shown by two
/// instances for a moment, and by none while nobody has it: the recording rules in `grafana/rules` take care of both.
pub struct OrderMetrics {
    committed: Box<dyn CommittedCounts>,
    descs: Vec<Desc>,
}

impl OrderMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken in the registry.
    pub fn register(registry: &Registry, committed: impl CommittedCounts + 'static) -> Result<()> {
        registry.register(Box::new(Self {
            committed: Box::new(committed),
            descs: list::all().map(MetricSpec::desc).collect::<Result<_>>()?,
        }))
    }

    fn families(&self) -> Result<Vec<MetricFamily>> {
        let mut families = self.outcomes()?.collect();
        families.extend(self.late()?.collect());
        families.extend(self.totals()?);
        Ok(families)
    }

    fn outcomes(&self) -> Result<IntCounterVec> {
        let outcomes = list::EVENTS_OUTCOME.int_counter()?;
        self.committed.judging(&mut |task, counts| {
            let partition = task.partition.to_string();
            for outcome in Outcome::all() {
                let count = counts.get(counters::of(outcome)).copied().unwrap_or(0);
                outcomes
                    .with_label_values(&[&partition, outcome.name(), outcome.reason()])
                    .inc_by(count);
            }
        });
        Ok(outcomes)
    }

    fn late(&self) -> Result<IntCounterVec> {
        let late = list::LATE_EVENTS.int_counter()?;
        self.committed.merging(&mut |task, counts| {
            let partition = task.partition.to_string();
            for aggregate in BusinessAggregate::ALL {
                let count = counts.get(counters::late(*aggregate)).copied();
                late.with_label_values(&[partition.as_str(), aggregate.name()])
                    .inc_by(count.unwrap_or(0));
            }
        });
        Ok(late)
    }

    fn totals(&self) -> Result<Vec<MetricFamily>> {
        let in_flight = list::IN_FLIGHT.int_gauge()?;
        let totals = list::COUNTERS
            .iter()
            .map(|(_, spec)| spec.int_counter())
            .collect::<Result<Vec<_>>>()?;
        self.committed.totals(&mut |task, group, value| {
            let labels = labels(group, task.partition);
            match group.counted {
                Counted::Counter(counter) => {
                    if let Some(total) = totals.get(usize::from(counter.code())) {
                        let value = u64::try_from(value).unwrap_or(0);
                        total.with_label_values(&labels).inc_by(value);
                    }
                }
                Counted::Aggregate(BusinessAggregate::InFlight) => {
                    in_flight.with_label_values(&labels).add(value);
                }
                Counted::Aggregate(_) => {}
            }
        });
        let mut families = in_flight.collect();
        families.extend(totals.iter().flat_map(Collector::collect));
        Ok(families)
    }
}

fn labels<'a>(group: &Group<'a>, partition: i32) -> Vec<Cow<'a, str>> {
    group
        .dims()
        .map(|(dim, value)| bounded::bounded(dim, value, partition))
        .collect()
}

impl Collector for OrderMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Names and labels were checked when it was made.
        self.families().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
