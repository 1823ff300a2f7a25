//! One sub-topology on one partition.

mod id;

pub use id::TaskId;
