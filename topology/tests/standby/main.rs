#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
//! Standby tasks on the in-memory log: copies follow, take-overs are warm, and nothing that happens to a copy happens to
//! the instance.

#[path = "../restore/job.rs"]
mod job;
mod pair;
mod take_over;
mod trouble;
