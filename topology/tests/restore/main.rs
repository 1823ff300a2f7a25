#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
//! How state comes back from its changelog, beside tasks that run and after kills.

mod beside_running;
mod job;
mod resumes;
