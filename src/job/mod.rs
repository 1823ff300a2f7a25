//! The order job on the engine: one operator that keeps a state machine per order.

mod accounting;
mod aggregates;
pub(crate) mod codec;
pub mod counters;
mod detectors;
mod duplicates;
pub mod input_keys;
mod judge_processor;
mod judged;
pub mod lags;
#[cfg(test)]
mod lags_tests;
mod look_later;
mod measures;
pub mod metrics;
mod options;
#[cfg(test)]
mod parking_tests;
mod part;
mod recent_groups;
mod retention;
mod retrying;
pub(crate) mod set_aside;
#[cfg(test)]
mod tests;
mod top_stores;
pub mod topics;
mod watching;

use std::sync::Arc;

use topology::dsl::{Consumed, Produced, StreamsBuilder};
use topology::graph::{StoreBuilder, Topology};

use crate::dialect::Decoder;
use crate::domain::watching::Watch;
use codec::{IncomingDeserializer, KeyDeserializer, OrderNumberSerializer};
use judge_processor::JudgeProcessor;
pub use options::{JobOptions, MinuteDetection, REBUILD, RETENTION};
use part::Part;
pub use watching::WatchOptions;

/// Names of nodes and stores; those of stores and of the aggregation are part of topic names and of state on disk.
pub(crate) mod names {
    pub(super) const EVENTS: &str = "events";
    pub(super) const JUDGE: &str = "judge";
    pub(crate) const ORDERS: &str = "orders";
    pub(crate) const PARKED: &str = "parked";
    pub(crate) const WATCHES: &str = "watches";
    pub(super) const TRANSITIONS: &str = "transitions";
    pub(super) const STATE: &str = "state";
    pub(super) const REJECTED: &str = "rejected";
    pub(super) const RECONCILE: &str = "reconcile";
    pub(super) const REDRIVE: &str = "redrive";
    pub(super) const SLA: &str = "sla";
    pub(super) const FINDINGS: &str = "findings";
    pub(super) const AGGREGATES: &str = "aggregates";
    pub(super) const TOP_STORES: &str = "top-stores";
    pub(super) const DUPLICATES: &str = "duplicates";
    pub(super) const DUPLICATE_PAIRS: &str = "duplicate-pairs";
    pub(super) const DETECTORS: &str = "detectors";
    pub(super) const MINUTE_DETECTORS: &str = "minute-detectors";
    pub(super) const MINUTE_FINDINGS: &str = "minute-findings";
    pub(super) const AGGREGATE_RECORDS: &str = "aggregate-records";
    pub(super) const AGGREGATE_UPDATES: &str = "aggregate-updates";
    pub(super) const LATE_RECORDS: &str = "late-records";
    pub(super) const LATE_AGGREGATES: &str = "late-aggregates";
}

/// The order job: co-partitioned inputs, three stores, the outputs, and the aggregates unless they are switched off.
///
/// ```
/// use jumun::job::{JobOptions, topology};
///
/// let built = topology(&JobOptions::default()).build()?;
/// assert!(built.describe().contains("Processor: judge (stores: [orders, parked, watches])"));
/// # Ok::<(), topology::graph::TopologyError>(())
/// ```
pub fn topology(options: &JobOptions) -> Topology {
    let builder = StreamsBuilder::new();
    let watched = options.watching.watches;
    // There whether anything is watched or not: what was on can be switched off.
    let mut watches = StoreBuilder::persistent(names::WATCHES);
    if !watched.is_empty() {
        watches = watches.keyed_by_record();
    }
    builder
        .add_state_store(StoreBuilder::persistent(names::ORDERS).keyed_by_record())
        .add_state_store(StoreBuilder::persistent(names::PARKED))
        .add_state_store(watches)
        .dead_letter_topic(&options.output(topics::DEAD_LETTERS));

    let decoder = Decoder::new(options.dialects.clone());
    let events = Consumed::with(KeyDeserializer, IncomingDeserializer(decoder));
    let events = events.with_name(names::EVENTS);
    let mut shared = options.clone();
    // What was redriven is in the log that is read.
    shared.judging.redrive &= !shared.rebuild;
    shared.minutes.enabled &= shared.aggregates.enabled;
    let shared = Arc::new(shared);
    let judged = builder.stream(&topics::SOURCES[..], events).process(
        names::JUDGE,
        move || JudgeProcessor::new(Arc::clone(&shared)),
        &[names::ORDERS, names::PARKED, names::WATCHES],
    );

    let part = |name: &str, part: Part| {
        let produced = Produced::with(OrderNumberSerializer, part).with_name(name);
        (judged.filter(move |_, judged| part.is_in(judged)), produced)
    };
    let (transitions, produced) = part(names::TRANSITIONS, Part::TRANSITION);
    transitions.to(&options.output(topics::TRANSITIONS), produced);
    let (states, produced) = part(names::STATE, Part::STATE);
    states.to(&options.output(topics::STATE), produced.latest_per_commit());
    let (rejected, produced) = part(names::REJECTED, Part::REJECTED);
    rejected.to(&options.output(topics::REJECTED), produced);
    let (reconcile, produced) = part(names::RECONCILE, Part::RECONCILE);
    reconcile.to(&options.output(topics::RECONCILE), produced);
    if Watch::timers().any(|timer| watched.contains(timer)) {
        let (sla, produced) = part(names::SLA, Part::SLA);
        sla.to(&options.output(topics::SLA), produced);
    }
    if Watch::findings().any(|watch| watched.contains(watch)) {
        let (findings, produced) = part(names::FINDINGS, Part::FINDING);
        findings.to(&options.output(topics::DETECTOR), produced);
    }
    let (redrive, produced) = part(names::REDRIVE, Part::REDRIVE);
    if !options.rebuild {
        // To the partition in which the order is, however its key was written.
        redrive.to_partitioned(topics::REDRIVE, produced, |_, judged| {
            judged.redrive.as_ref().map(|redrive| redrive.partition)
        });
    }

    if options.aggregates.enabled {
        aggregates::add(&builder, &judged, options);
    }
    let mut topology = builder.topology();
    topology.counters(counters::names());
    topology
}
