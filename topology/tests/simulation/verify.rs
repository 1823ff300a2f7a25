//! The end of a test of single cases.

use topology::io::memory::OwnedRecord;

use crate::simulation::{invariants, job::PARTITIONS, world};

/// Whatever happened, it is as if nothing had. All instances have settled.
pub fn verify() {
    world::outcome().unwrap_or_else(|violation| panic!("{violation}"));
}

pub fn committed(topic: &str) -> Vec<OwnedRecord> {
    invariants::committed(&world::log(), topic, PARTITIONS)
}
