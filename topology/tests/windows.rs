//! Windowed aggregation in two stages, on the real tasks and commit protocol: when windows close, what is
//! told of them, and that neither crash nor move changes a count.
#![allow(clippy::print_stdout)]

mod closing;
mod crash;
mod paused;
mod portions;
mod several;
mod told;
pub mod world;
