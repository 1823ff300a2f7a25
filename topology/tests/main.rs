//! All tests of the library from outside, as one program, which is linked once: `cargo test --release -p topology --test all
//! kafka_log` runs those of one file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod at_least_once;
mod catch_up;
mod changed_topology;
mod commit_size;
mod count_on_kafka;
mod crash_at_each_step;
mod dead_letter_circuit;
mod dead_letters;
mod drawing;
mod dsl;
mod dsl_on_kafka;
mod graph;
mod incremental_rebalance;
mod kafka_log;
mod memory_log;
mod merging;
mod metrics;
mod owner_of_a_key;
mod partition_counts_on_kafka;
mod pause;
mod paused_on_kafka;
mod rate_limit;
mod repartition;
mod restore;
mod revocation;
mod simulation;
mod standby;
mod state;
mod stores;
mod timers;
mod windows;
