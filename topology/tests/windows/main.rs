#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
//! Windowed aggregation in two stages, on the real tasks and commit protocol: when windows close, what is
//! told of them, and that neither crash nor move changes a count.

mod closing;
mod crash;
mod paused;
mod portions;
mod several;
mod told;
mod world;
