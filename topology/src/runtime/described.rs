//! The topology as the state directory remembers it.

use crate::graph::{BuiltTopology, SubTopology};
use crate::process::NodeArena;
use crate::store::{DescribedPart, DescribedStore, StateDescription};

/// What of a topology state hangs on.
pub(super) fn described(topology: &BuiltTopology) -> StateDescription {
    let parts = topology.subtopologies().iter();
    let parts = parts.filter(|part| !part.stores().is_empty()).map(part);
    StateDescription::new(parts.collect(), topology.counters().to_vec())
}

fn part(part: &SubTopology) -> DescribedPart {
    let node = |name: &str| (name.to_owned(), NodeArena::timer_id(name));
    DescribedPart {
        number: part.index(),
        partitions: None,
        sources: part.source_names(),
        nodes: part.processor_names().map(node).collect(),
        stores: part.stores().iter().map(DescribedStore::of).collect(),
    }
}
