//! Bounds the memory of an instance at its start: by then it is known for how many partitions it has to last.

use std::sync::Arc;

use super::StreamsConfig;
use super::stream_thread::ThreadParts;
use crate::Error;
use crate::graph::{BuiltTopology, SubTopology};
use crate::memory::{MemoryBudget, MemoryDemand};
use crate::store::StateConfig;
use crate::task::KnownTopics;

/// What does not hang on the number of partitions.
pub(super) fn bound_state(state: &mut StateConfig, budget: MemoryBudget) {
    let shares = budget.state();
    state.block_cache_bytes = shares.block_cache;
    state.write_buffer_bytes = shares.write_buffers;
    state.overlay_caches_bytes = shares.cached_rows;
}

/// All that may come to one instance.
fn demand(
    topology: &BuiltTopology,
    config: &StreamsConfig,
    known_topics: &KnownTopics,
) -> MemoryDemand {
    let application_id = &config.application_id;
    let partitions = |topic: &str| {
        let known = known_topics.get(topic);
        known.map_or(0, |topic| usize::try_from(topic.partitions).unwrap_or(0))
    };
    let parts = topology.subtopologies().iter();
    let inputs = parts.clone().flat_map(|part| part.inputs(application_id));
    let stores = parts.flat_map(|part| part.stores());
    let changelogs = stores.filter(|store| store.changelog);
    MemoryDemand {
        threads: config.num_stream_threads.max(1),
        input_partitions: inputs.map(|input| partitions(&input.topic)).sum(),
        changelog_partitions: changelogs
            .map(|store| partitions(&SubTopology::changelog_topic(application_id, &store.name)))
            .sum(),
    }
}

/// Divides the budget, if there is one, and bounds the clients by it.
///
/// # Errors
/// Fatal if it is too small for the partitions.
pub(super) fn bound_memory(parts: &mut ThreadParts) -> Result<(), Error> {
    let Some(budget) = parts.config.memory else {
        return Ok(());
    };
    let demand = demand(&parts.topology, &parts.config, &parts.known_topics);
    let shares = budget.divide(demand)?;
    tracing::info!(
        memory_max_bytes = budget.max_bytes,
        input_partitions = demand.input_partitions,
        changelog_partitions = demand.changelog_partitions,
        "memory: {shares}"
    );
    parts.metrics.memory_is(&shares);
    Arc::make_mut(&mut parts.config).commit_bytes = shares.commit_bytes();
    if let Some(bounded) = parts.log.within(&shares.clients()) {
        parts.log = bounded.log;
        if !bounded.exceeded.is_empty() {
            tracing::warn!(
                "memory_max_bytes does not hold: {}; remove these properties, or raise the budget",
                bounded.exceeded.join(", ")
            );
        }
    }
    Ok(())
}
