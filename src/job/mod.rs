//! The order job on the engine: one operator that keeps a state machine per order.

mod aggregates;
mod codec;
pub mod counters;
mod judge_processor;
mod judged;
pub mod metrics;
mod tell;
#[cfg(test)]
mod tests;
pub mod topics;

use topology::graph::{StoreBuilder, Topology};
use topology::process::SinkMode;

use crate::config::Aggregates;
use codec::{
    IncomingDeserializer, JsonText, JsonTextSerializer, KeyDeserializer, OrderNumberSerializer,
};
use judge_processor::JudgeProcessor;
use judged::Judged;
use tell::Tell;

/// Names of nodes and stores; they are part of topic names and of state on disk.
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
    pub(super) const LATE_AGGREGATES: &str = "late-aggregates";
    pub(super) const TELL_TRANSITIONS: &str = "tell-transitions";
    pub(super) const TELL_STATE: &str = "tell-state";
    pub(super) const TELL_REJECTED: &str = "tell-rejected";
    pub(super) const TELL_RECONCILE: &str = "tell-reconcile";
}

/// Where a part of what the judge forwards goes.
#[derive(Clone, Copy)]
struct Output {
    tell: &'static str,
    part: fn(&Judged) -> &JsonText,
    sink: &'static str,
    topic: &'static str,
    mode: SinkMode,
}

const OUTPUTS: [Output; 4] = [
    Output {
        tell: names::TELL_TRANSITIONS,
        part: |judged| &judged.transition,
        sink: names::TRANSITIONS,
        topic: topics::TRANSITIONS,
        mode: SinkMode::Every,
    },
    Output {
        tell: names::TELL_STATE,
        part: |judged| &judged.state,
        sink: names::STATE,
        topic: topics::STATE,
        mode: SinkMode::LatestPerCommit,
    },
    Output {
        tell: names::TELL_REJECTED,
        part: |judged| &judged.rejected,
        sink: names::REJECTED,
        topic: topics::REJECTED,
        mode: SinkMode::Every,
    },
    Output {
        tell: names::TELL_RECONCILE,
        part: |judged| &judged.reconcile,
        sink: names::RECONCILE,
        topic: topics::RECONCILE,
        mode: SinkMode::Every,
    },
];

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
    let mut topology = Topology::new();
    topology
        .add_source(
            names::EVENTS,
            &topics::INPUTS,
            || KeyDeserializer,
            || IncomingDeserializer,
        )
        .add_processor(names::JUDGE, JudgeProcessor::default, &[names::EVENTS])
        .add_store(
            StoreBuilder::persistent(names::ORDERS).keyed_by_record(),
            &[names::JUDGE],
        )
        .dead_letter_topic(topics::DEAD_LETTERS)
        .counters(counters::names());
    for output in OUTPUTS {
        topology
            .add_processor(output.tell, move || Tell(output.part), &[names::JUDGE])
            .add_sink_with(
                output.sink,
                output.topic,
                output.mode,
                || OrderNumberSerializer,
                || JsonTextSerializer,
                &[output.tell],
            );
    }
    if aggregates.enabled {
        aggregates::add(&mut topology, aggregates, merging_tasks);
    }
    topology
}
