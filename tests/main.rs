//! All tests that cross a module's border, as one program: it is linked once, and shares out the cores among all of them. `cargo test
//! --release --test all kill_nine` runs those of one file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

mod actions_documentation;
mod aggregates;
mod aggregates_large;
mod broker_harness;
mod cancel_before_create;
mod dead_letter_circuit;
mod dead_letters;
mod deploy;
mod dialects;
mod edge_cases;
mod faulty_days;
mod grafana;
mod incidents;
mod job_against_model;
mod kafka_streams_count;
mod kafka_streams_peer;
mod kill_nine;
mod kill_nine_controls;
mod kill_parked;
mod market_day;
mod matrix;
mod memory_bounds;
mod metrics_documentation;
mod operation;
mod order_timers;
mod page;
mod page_history;
mod page_orders;
mod page_pictures;
mod page_restarts;
mod parking_limits;
mod prometheus;
mod prometheus_rules;
mod python_consumer;
mod query;
mod reference_model;
mod reset;
mod restore_times;
mod retention;
mod scale_out;
mod schemas;
mod secured;
mod skip;
mod stopping;
mod top;
mod torture;
mod upgrade;
mod warm_take_over;
