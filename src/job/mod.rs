//! The order job on the engine: one operator that keeps a state machine per order.

mod accounting;
mod aggregates;
pub(crate) mod codec;
pub mod counters;
pub mod input_keys;
mod judge_processor;
mod judged;
pub mod metrics;
mod options;
#[cfg(test)]
mod parking_tests;
mod part;
mod retention;
mod retrying;
pub(crate) mod set_aside;
#[cfg(test)]
mod tests;
mod top_stores;
pub mod topics;

use std::sync::Arc;

use topology::dsl::{Consumed, Produced, StreamsBuilder};
use topology::graph::{StoreBuilder, Topology};

use crate::dialect::Decoder;
use codec::{IncomingDeserializer, KeyDeserializer, OrderNumberSerializer};
use judge_processor::JudgeProcessor;
pub use options::{JobOptions, REBUILD, RETENTION};
use part::Part;

/// Names of nodes and stores; those of stores and of the aggregation are part of topic names and of state on disk.
pub(crate) mod names {
    pub(super) const EVENTS: &str = "events";
    pub(super) const JUDGE: &str = "judge";
    pub(crate) const ORDERS: &str = "orders";
    pub(crate) const PARKED: &str = "parked";
    pub(super) const TRANSITIONS: &str = "transitions";
    pub(super) const STATE: &str = "state";
    pub(super) const REJECTED: &str = "rejected";
    pub(super) const RECONCILE: &str = "reconcile";
    pub(super) const REDRIVE: &str = "redrive";
    pub(super) const AGGREGATES: &str = "aggregates";
    pub(super) const TOP_STORES: &str = "top-stores";
    pub(super) const AGGREGATE_RECORDS: &str = "aggregate-records";
    pub(super) const AGGREGATE_UPDATES: &str = "aggregate-updates";
    pub(super) const LATE_RECORDS: &str = "late-records";
    pub(super) const LATE_AGGREGATES: &str = "late-aggregates";
}

/// The order job: co-partitioned inputs, two stores, the outputs, and the aggregates unless they are switched off.
///
/// ```
/// use jumun::job::{JobOptions, topology};
///
/// let built = topology(&JobOptions::default()).build()?;
/// assert!(built.describe().contains("Processor: judge (stores: [orders, parked])"));
/// # Ok::<(), topology::graph::TopologyError>(())
/// ```
pub fn topology(options: &JobOptions) -> Topology {
    let builder = StreamsBuilder::new();
    builder
        .add_state_store(StoreBuilder::persistent(names::ORDERS).keyed_by_record())
        .add_state_store(StoreBuilder::persistent(names::PARKED))
        .dead_letter_topic(&options.output(topics::DEAD_LETTERS));

    let decoder = Decoder::new(options.dialects.clone());
    let events = Consumed::with(KeyDeserializer, IncomingDeserializer(decoder));
    let events = events.with_name(names::EVENTS);
    let mut shared = options.clone();
    // What was redriven is in the log that is read.
    shared.judging.redrive &= !shared.rebuild;
    let shared = Arc::new(shared);
    let judged = builder.stream(&topics::SOURCES[..], events).process(
        names::JUDGE,
        move || JudgeProcessor::new(Arc::clone(&shared)),
        &[names::ORDERS, names::PARKED],
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
