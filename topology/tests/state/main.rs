#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]
//! State of a task: what survives a clean stop, a crash, damage, and a change of the topology.

mod damage;
mod figures;
mod formats;
mod hand_over;
mod ingest;
mod limits;
mod model;
mod restore;
mod stores;
mod support;
