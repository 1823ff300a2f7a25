//! What a job is: sources, processors, stores, sinks and repartition edges, with explicit names.
//! No IO and no byte format (invariant 1).

mod built;
mod describe;
mod mistake;
mod spec;
mod store_builder;
mod subtopology;
mod validate;
mod view;

pub use built::{BuiltTopology, InputTopic, OutputTopic, SubTopology};
pub use mistake::{Mistake, TopologyError};
pub(crate) use spec::TopicName;
pub(crate) use spec::repartition_topic;
pub use spec::{StreamPartitioner, Topology};
pub use store_builder::StoreBuilder;
pub use view::{NodeRole, NodeView};
