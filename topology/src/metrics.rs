//! The engine's metrics: one list of them, what moves them, and the gauges sampled from the threads.

pub mod list;
mod resident;
mod sample;
mod spec;

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

pub(crate) use sample::{InputLag, Oldest, Samples, StateTotals, TaskSample, ThreadSample};
pub use spec::{MetricKind, MetricSpec};

use crate::Error;
use crate::graph::{BuiltTopology, SubTopology};
use crate::memory::{MemoryShares, PARTS};
use crate::process::ENGINE_REASONS;
use crate::runtime::{CommitPhase, OutputKind};

/// The engine's metrics of one instance.
pub struct EngineMetrics {
    pub(crate) records_in: IntCounterVec,
    pub(crate) records_out: IntCounterVec,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) end_to_end_latency: Histogram,
    pub(crate) process_seconds: Histogram,
    pub(crate) poll_seconds: Histogram,
    pub(crate) punctuate_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    commit_phase_seconds: [Histogram; CommitPhase::ALL.len()],
    pub(crate) transactions: IntCounterVec,
    pub(crate) rebalances: IntCounterVec,
    pub(crate) restored_records: IntCounter,
    pub(crate) restore_seconds: Histogram,
    pub(crate) standby_tasks: IntGauge,
    pub(crate) standby_lag: IntGauge,
    pub(crate) standby_restored: IntCounter,
    memory: IntGaugeVec,
    pub(crate) samples: Arc<Samples>,
}

/// Results of transactions: the label `result`.
pub(crate) const RESULTS: [&str; 3] = ["committed", "aborted", "fenced"];
/// Events of the group protocol: the label `event`.
pub(crate) const EVENTS: [&str; 3] = ["assigned", "revoked", "lost"];

impl EngineMetrics {
    /// Registers all of them, known series at zero.
    ///
    /// # Errors
    /// Fatal when a name is taken in the registry.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        Self::make(registry).map_err(|error| Error::fatal("register metrics", error.to_string()))
    }

    fn make(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |spec: &MetricSpec| {
            let counter = spec.int_counter()?;
            registered(registry, counter)
        };
        let histogram = |spec: &MetricSpec| {
            let histogram: HistogramVec = registered(registry, spec.histogram()?)?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let single = |spec: &MetricSpec| {
            let histogram = histogram(spec)?;
            Ok::<_, prometheus::Error>(histogram.with_label_values::<&str>(&[]))
        };
        let gauge = |spec: &MetricSpec| {
            let gauge: IntGaugeVec = registered(registry, spec.int_gauge()?)?;
            Ok::<_, prometheus::Error>(gauge.with_label_values::<&str>(&[]))
        };
        let phases = histogram(&list::COMMIT_PHASE)?;
        let metrics = Self {
            records_in: counter(&list::RECORDS_IN)?,
            records_out: counter(&list::RECORDS_OUT)?,
            dead_letters: counter(&list::DEAD_LETTERS)?,
            end_to_end_latency: single(&list::END_TO_END_LATENCY)?,
            process_seconds: single(&list::PROCESS)?,
            poll_seconds: single(&list::POLL)?,
            punctuate_seconds: single(&list::PUNCTUATE)?,
            commit_seconds: single(&list::COMMIT)?,
            commit_phase_seconds: CommitPhase::ALL
                .map(|phase| phases.with_label_values(&[phase.as_str()])),
            transactions: counter(&list::TRANSACTIONS)?,
            rebalances: counter(&list::REBALANCES)?,
            restored_records: counter(&list::RESTORED_RECORDS)?.with_label_values::<&str>(&[]),
            restore_seconds: single(&list::RESTORE_DURATION)?,
            standby_tasks: gauge(&list::STANDBY_TASKS)?,
            standby_lag: gauge(&list::STANDBY_LAG)?,
            standby_restored: counter(&list::STANDBY_RESTORED)?.with_label_values::<&str>(&[]),
            memory: registered(registry, list::MEMORY.int_gauge()?)?,
            samples: Arc::new(Samples::new()?),
        };
        registry.register(Box::new(Sampled(Arc::clone(&metrics.samples))))?;
        for result in RESULTS {
            metrics.transactions.with_label_values(&[result]);
        }
        for share in PARTS {
            metrics.memory.with_label_values(&[share]);
        }
        for event in EVENTS {
            metrics.rebalances.with_label_values(&[event]);
        }
        for reason in ENGINE_REASONS {
            metrics.dead_letters.with_label_values(&["user", reason]);
        }
        Ok(metrics)
    }

    /// How the memory is divided.
    pub(crate) fn memory_is(&self, shares: &MemoryShares) {
        for (share, bytes) in shares.parts() {
            let gauge = self.memory.with_label_values(&[share]);
            gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// The topics of a topology, at zero.
    pub(crate) fn know_topics(&self, topology: &BuiltTopology, application_id: &str) {
        let out = |topic: &str, kind: OutputKind| {
            self.records_out.with_label_values(&[topic, kind.as_str()]);
        };
        for part in topology.subtopologies() {
            for input in part.inputs(application_id) {
                self.records_in
                    .with_label_values(&[&input.topic, input_kind(input.internal)]);
            }
            for output in part.outputs(application_id) {
                out(&output.topic, OutputKind::of_sink(output.internal));
            }
            for store in part.stores().iter().filter(|store| store.changelog) {
                let topic = SubTopology::changelog_topic(application_id, &store.name);
                out(&topic, OutputKind::Changelog);
            }
        }
        if let Some(topic) = topology.dead_letter_topic() {
            out(topic, OutputKind::DeadLetter);
        }
    }

    /// Records of source topics processed in committed transactions since the start; what the engine hands itself
    /// through repartition topics is no input of the application.
    pub fn records_in(&self) -> u64 {
        let of_source = |metric: &prometheus::proto::Metric| {
            let mut labels = metric.get_label().iter();
            labels.any(|label| label.name() == "kind" && label.value() == input_kind(false))
        };
        let families = self.records_in.collect();
        let topics = families.iter().flat_map(|family| family.get_metric());
        topics
            .filter(|metric| of_source(metric))
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }

    pub(crate) fn phase_took(&self, phase: CommitPhase, seconds: f64) {
        if let Some(histogram) = self.commit_phase_seconds.get(phase as usize) {
            histogram.observe(seconds);
        }
    }
}

/// The label `kind` of what a task reads.
pub(crate) const fn input_kind(internal: bool) -> &'static str {
    if internal { "repartition" } else { "source" }
}

impl std::fmt::Debug for EngineMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineMetrics").finish_non_exhaustive()
    }
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// The registry's share of the samples.
struct Sampled(Arc<Samples>);

impl Collector for Sampled {
    fn desc(&self) -> Vec<&prometheus::core::Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.0.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Those that exist at once; the others appear with the topics, tasks and time that they are about.
    #[test]
    fn what_is_registered_is_what_is_listed() {
        let registry = Registry::new();
        let metrics = EngineMetrics::register(&registry).unwrap();
        assert_eq!(metrics.records_in(), 0);
        let listed: BTreeSet<&str> = list::ALL.iter().map(|spec| spec.name).collect();
        assert_eq!(listed.len(), list::ALL.len(), "a name twice");
        let per_thing = ["topic", "task"];
        let at_once: BTreeSet<&str> = list::ALL
            .iter()
            .filter(|spec| !spec.labels.iter().any(|label| per_thing.contains(label)))
            .map(|spec| spec.name)
            .collect();
        let families = registry.gather();
        let exposed: BTreeSet<&str> = families.iter().map(|family| family.name()).collect();
        assert_eq!(exposed, at_once);
    }

    #[test]
    fn a_second_registration_is_refused() {
        let registry = Registry::new();
        EngineMetrics::register(&registry).unwrap();
        let refused = EngineMetrics::register(&registry).unwrap_err();
        assert!(
            refused.to_string().contains("register metrics"),
            "{refused}"
        );
    }
}
