//! One sub-topology on one partition.

mod id;
mod input;
mod own;
mod punctuate;
mod taken;
#[expect(clippy::module_inception, reason = "the task is the module's one idea")]
mod task;
mod topics;

pub use id::TaskId;
pub(crate) use task::{Task, TaskPhase, TaskSettings};
pub(crate) use topics::{KnownTopics, TaskTopics};
