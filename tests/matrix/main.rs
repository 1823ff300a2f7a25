//! Rows of the fault matrix on a real Kafka, with the real program and real signals; tests/README.md has the table.
//! Rows 2 to 5 are those of kill_nine.rs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod brokers;
#[path = "../support/changelogs.rs"]
mod changelogs;
mod disks;
#[path = "../support/judged.rs"]
mod judged;
#[path = "../support/load.rs"]
mod load;
mod members;
#[path = "../support/model/mod.rs"]
mod model;
#[path = "../support/processor.rs"]
mod processor;
mod refusals;
#[path = "../support/topics.rs"]
mod topics;
mod world;
