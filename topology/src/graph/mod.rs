//! What a job is: sources, processors, stores, sinks and repartition edges, with explicit names.
//! No IO and no byte format (invariant 1).

mod built;
mod describe;
mod spec;
mod subtopology;
mod validate;
mod view;

pub use built::{BuiltTopology, InputTopic, OutputTopic, SubTopology};
pub(crate) use spec::repartition_topic;
pub use spec::{Mistake, StoreBuilder, StreamPartitioner, Topology, TopologyError};
pub use view::{NodeRole, NodeView};
