//! One sub-topology on one partition.

mod circuit;
mod dead_letter_circuit;
mod id;
mod input;
mod own;
mod punctuate;
mod taken;
#[expect(clippy::module_inception, reason = "the task is the module's one idea")]
mod task;
mod topics;

pub(crate) use circuit::Circuit;
pub use dead_letter_circuit::{DeadLetterCircuit, Share};
pub use id::TaskId;
pub(crate) use task::{Task, TaskPhase, TaskSettings};
pub(crate) use topics::{KnownTopics, TaskTopics};
