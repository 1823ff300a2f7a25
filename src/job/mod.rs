//! The order job on the engine: one operator that keeps a state machine per order.

mod codec;
mod judge_processor;
pub mod metrics;
pub mod topics;

use topology::graph::{StoreBuilder, Topology};
use topology::process::SinkMode;

use crate::domain::outcome::Outcome;
use codec::{IncomingDeserializer, JsonTextSerializer, KeyDeserializer, OrderNumberSerializer};
use judge_processor::JudgeProcessor;

/// Names of nodes and stores; they are part of topic names and of state on disk.
mod names {
    pub(super) const EVENTS: &str = "events";
    pub(super) const JUDGE: &str = "judge";
    pub(super) const ORDERS: &str = "orders";
    pub(super) const TRANSITIONS: &str = "transitions";
    pub(super) const STATE: &str = "state";
    pub(super) const REJECTED: &str = "rejected";
    pub(super) const RECONCILE: &str = "reconcile";
}

/// The order job: three co-partitioned inputs, one store, five outputs.
///
/// ```
/// let built = jumun::job::topology().build()?;
/// assert!(built.describe().contains("Processor: judge (stores: [orders])"));
/// # Ok::<(), topology::graph::TopologyError>(())
/// ```
pub fn topology() -> Topology {
    let mut topology = Topology::new();
    let (key, json) = (|| OrderNumberSerializer, || JsonTextSerializer);
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
        .add_sink(
            names::TRANSITIONS,
            topics::TRANSITIONS,
            key,
            json,
            &[names::JUDGE],
        )
        .add_sink_with(
            names::STATE,
            topics::STATE,
            SinkMode::LatestPerCommit,
            key,
            json,
            &[names::JUDGE],
        )
        .add_sink(
            names::REJECTED,
            topics::REJECTED,
            key,
            json,
            &[names::JUDGE],
        )
        .add_sink(
            names::RECONCILE,
            topics::RECONCILE,
            key,
            json,
            &[names::JUDGE],
        )
        .dead_letter_topic(topics::DEAD_LETTERS)
        .counters(Outcome::all().map(|outcome| format!("{}/{}", outcome.name(), outcome.reason())));
    topology
}
