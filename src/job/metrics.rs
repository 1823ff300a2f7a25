//! Business metrics for Prometheus, taken from committed state only.

mod bounded;
mod committed;
mod histograms;
mod known;
pub mod list;
mod totals;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Registry, Result};
use topology::metrics::MetricSpec;

pub use bounded::{CATEGORIES, SIDOS};
pub use committed::{CommittedByStreams, CommittedCounts};

use super::counters::{self, Count};
use super::lags::Lag;
use crate::domain::aggregates::{BusinessAggregate, Histogram};
use crate::domain::detector::Detector;
use crate::domain::invariants::Invariant;
use crate::domain::outcome::Outcome;
use crate::domain::watching::{Level, Watch};
use topology::task::TaskId;
use totals::Totals;

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
        families.extend(self.counts()?);
        families.extend(self.sla()?);
        families.extend(self.findings()?);
        families.extend(self.late()?.collect());
        families.extend(self.lags());
        families.extend(self.closed()?);
        families.extend(self.totals()?);
        Ok(families)
    }

    fn outcomes(&self) -> Result<IntCounterVec> {
        let outcomes = list::EVENTS_OUTCOME.int_counter()?;
        self.committed.judging(&mut |task, counts| {
            let partition = task.partition.to_string();
            // What is parked has no outcome yet: it is a gauge.
            for outcome in Outcome::all().filter(|outcome| *outcome != Outcome::Parked) {
                let count = counts.get(counters::of(outcome)).copied().unwrap_or(0);
                outcomes
                    .with_label_values(&[&partition, outcome.name(), outcome.reason()])
                    .inc_by(count);
            }
        });
        Ok(outcomes)
    }

    /// What the judging tasks count besides outcomes.
    fn counts(&self) -> Result<Vec<MetricFamily>> {
        let parked = list::PARKED.int_gauge()?;
        let in_flight = list::RECORDS_IN_FLIGHT.int_gauge()?;
        let violations = list::INVARIANT_VIOLATIONS.int_counter()?;
        let skew = list::CLOCK_SKEW.0.int_counter()?;
        let expired = list::EXPIRED.0.int_counter()?;
        let counted = list::BY_PARTITION
            .iter()
            .map(|(_, spec)| spec.int_counter())
            .collect::<Result<Vec<_>>>()?;
        self.committed.judging(&mut |task, counts| {
            let partition = task.partition.to_string();
            let partition = partition.as_str();
            let at = |index: usize| counts.get(index).copied().unwrap_or(0);
            let of = |count: Count| at(counters::count(count));
            let difference =
                |more: u64, less: u64| i64::try_from(more.saturating_sub(less)).unwrap_or(i64::MAX);
            let now = difference(at(counters::of(Outcome::Parked)), of(Count::Settled));
            parked.with_label_values(&[partition]).set(now);
            let now = difference(of(Count::InFlightEntered), of(Count::InFlightLeft));
            in_flight.with_label_values(&[partition]).set(now);
            for invariant in Invariant::ALL {
                violations
                    .with_label_values(&[partition, invariant.name()])
                    .inc_by(at(counters::violations(*invariant)));
            }
            for (vec, kinds) in [
                (&skew, &list::CLOCK_SKEW.1[..]),
                (&expired, &list::EXPIRED.1[..]),
            ] {
                for (count, kind) in kinds {
                    let value = of(*count);
                    vec.with_label_values(&[partition, kind]).inc_by(value);
                }
            }
            for (vec, (count, _)) in counted.iter().zip(list::BY_PARTITION) {
                vec.with_label_values(&[partition]).inc_by(of(count));
            }
        });
        let mut families = parked.collect();
        families.extend(in_flight.collect());
        for vec in [violations, skew, expired].iter().chain(&counted) {
            families.extend(vec.collect());
        }
        Ok(families)
    }

    fn sla(&self) -> Result<Vec<MetricFamily>> {
        let reached = list::SLA_REACHED.int_counter()?;
        let overdue = list::SLA_OVERDUE.int_gauge()?;
        self.committed.judging(&mut |task, counts| {
            let partition = task.partition.to_string();
            let partition = partition.as_str();
            let at = |index: usize| counts.get(index).copied().unwrap_or(0);
            for (timer, level) in list::sla_levels() {
                reached
                    .with_label_values(&[partition, timer.name(), level.name()])
                    .inc_by(at(counters::sla(timer, level)));
            }
            for timer in Watch::timers() {
                let breached = at(counters::sla(timer, Level::Breach));
                let now = breached.saturating_sub(at(counters::sla_left(timer)));
                overdue
                    .with_label_values(&[partition, timer.name()])
                    .set(i64::try_from(now).unwrap_or(i64::MAX));
            }
        });
        let mut families = reached.collect();
        families.extend(overdue.collect());
        Ok(families)
    }

    /// A detector belongs to the judging tasks or to the merging ones.
    fn findings(&self) -> Result<Vec<MetricFamily>> {
        let found = list::DETECTOR_FINDINGS.int_counter()?;
        let active = list::DETECTOR_ACTIVE.int_gauge()?;
        let tell = |task: TaskId, counts: &[u64], of_orders: bool| {
            let partition = task.partition.to_string();
            let at = |index: usize| counts.get(index).copied().unwrap_or(0);
            let detectors = Detector::ALL.iter();
            for detector in detectors.filter(|it| it.watch().is_some() == of_orders) {
                let labels = [partition.as_str(), detector.name()];
                let began = at(counters::found(*detector));
                let now = began.saturating_sub(at(counters::found_over(*detector)));
                found.with_label_values(&labels).inc_by(began);
                active
                    .with_label_values(&labels)
                    .set(i64::try_from(now).unwrap_or(i64::MAX));
            }
        };
        self.committed
            .judging(&mut |task, counts| tell(task, counts, true));
        self.committed
            .merging(&mut |task, counts| tell(task, counts, false));
        let mut families = found.collect();
        families.extend(active.collect());
        Ok(families)
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

    /// Lags by input partition.
    fn lags(&self) -> Vec<MetricFamily> {
        let families = list::LAGS.iter().zip(Lag::ALL);
        let families = families.map(|(spec, (lag, _, buckets))| {
            let mut told = Vec::new();
            self.committed.judging(&mut |task, counts| {
                let at = |index: usize| counts.get(index).copied().unwrap_or(0);
                let mut histogram = Histogram::default();
                for place in 0..buckets.bounds.len() {
                    histogram.count += at(counters::lag(lag, place));
                    histogram.cumulative.push(histogram.count);
                }
                histogram.count += at(counters::lag(lag, buckets.bounds.len()));
                histogram.sum = i64::try_from(at(counters::lag_sum(lag))).unwrap_or(i64::MAX);
                told.push((Some(task.partition.to_string()), histogram));
            });
            histograms::family(spec, buckets, told.into_iter())
        });
        families.collect()
    }

    /// What merging tasks count of closed minutes.
    fn closed(&self) -> Result<Vec<MetricFamily>> {
        let mut families = Vec::new();
        for (closed, spec) in &list::CLOSED {
            let counter = spec.int_counter()?;
            self.committed.merging(&mut |task, counts| {
                let count = counts.get(counters::closed(*closed)).copied();
                let partition = task.partition.to_string();
                counter
                    .with_label_values(&[partition.as_str()])
                    .inc_by(count.unwrap_or(0));
            });
            families.extend(counter.collect());
        }
        Ok(families)
    }

    fn totals(&self) -> Result<Vec<MetricFamily>> {
        let mut totals = Totals::new()?;
        self.committed
            .totals(&mut |task, group, value| totals.add(task, group, value));
        Ok(totals.families())
    }
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
