//! The order job on the engine: one operator that keeps a state machine per order.

mod aggregates;
mod codec;
pub mod counters;
pub mod input_keys;
mod judge_processor;
mod judged;
pub mod metrics;
mod part;
#[cfg(test)]
mod tests;
pub mod topics;

use topology::dsl::{Consumed, Produced, StreamsBuilder};
use topology::graph::{StoreBuilder, Topology};

use crate::config::Aggregates;
use crate::dialect::{Decoder, Dialects};
use codec::{IncomingDeserializer, KeyDeserializer, OrderNumberSerializer};
use judge_processor::JudgeProcessor;
use part::Part;

/// Names of nodes and stores; those of stores and of the aggregation are part of topic names and of state on disk.
mod names {
    pub(super) const EVENTS: &str = "events";
    pub(super) const JUDGE: &str = "judge";
    pub(super) const ORDERS: &str = "orders";
    pub(super) const TRANSITIONS: &str = "transitions";
    pub(super) const STATE: &str = "state";
    pub(super) const REJECTED: &str = "rejected";
    pub(super) const RECONCILE: &str = "reconcile";
    pub(super) const AGGREGATES: &str = "aggregates";
    pub(super) const AGGREGATE_RECORDS: &str = "aggregate-records";
    pub(super) const AGGREGATE_UPDATES: &str = "aggregate-updates";
    pub(super) const LATE_RECORDS: &str = "late-records";
    pub(super) const LATE_AGGREGATES: &str = "late-aggregates";
}

/// The order job: three co-partitioned inputs, one store, five outputs, and the aggregates unless they are
/// switched off, in so many merging tasks.
///
/// ```
/// use jumun::config::Aggregates;
///
/// let built = jumun::job::topology(&Aggregates::default(), 2).build()?;
/// assert!(built.describe().contains("Processor: judge (stores: [orders])"));
/// # Ok::<(), topology::graph::TopologyError>(())
/// ```
pub fn topology(aggregates: &Aggregates, merging_tasks: i32) -> Topology {
    topology_reading(&Dialects::default(), aggregates, merging_tasks)
}

/// The order job with input topics that are read like this.
pub fn topology_reading(
    dialects: &Dialects,
    aggregates: &Aggregates,
    merging_tasks: i32,
) -> Topology {
    let builder = StreamsBuilder::new();
    builder
        .add_state_store(StoreBuilder::persistent(names::ORDERS).keyed_by_record())
        .dead_letter_topic(topics::DEAD_LETTERS);

    let decoder = IncomingDeserializer(Decoder::new(dialects.clone()));
    let events = Consumed::with(KeyDeserializer, decoder).with_name(names::EVENTS);
    let judged = builder.stream(&topics::INPUTS[..], events).process(
        names::JUDGE,
        JudgeProcessor::default,
        &[names::ORDERS],
    );

    let part = |name: &str, part: Part| {
        let produced = Produced::with(OrderNumberSerializer, part).with_name(name);
        (judged.filter(move |_, judged| part.is_in(judged)), produced)
    };
    let (transitions, produced) = part(names::TRANSITIONS, Part(|judged| &judged.transition));
    transitions.to(topics::TRANSITIONS, produced);
    let (states, produced) = part(names::STATE, Part(|judged| &judged.state));
    states.to(topics::STATE, produced.latest_per_commit());
    let (rejected, produced) = part(names::REJECTED, Part(|judged| &judged.rejected));
    rejected.to(topics::REJECTED, produced);
    let (reconcile, produced) = part(names::RECONCILE, Part(|judged| &judged.reconcile));
    reconcile.to(topics::RECONCILE, produced);

    if aggregates.enabled {
        aggregates::add(&judged, aggregates, merging_tasks);
    }
    let mut topology = builder.topology();
    topology.counters(counters::names());
    topology
}
