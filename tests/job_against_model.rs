#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::explicit_write
)]
//! The order job against the reference model, record by record, under every ordering policy: every state with every
//! event, arrivals in any order, and whole market days.

#[path = "support/driven.rs"]
mod driven;
#[path = "support/model/mod.rs"]
mod model;
#[path = "support/side_by_side.rs"]
mod side_by_side;

#[path = "job_against_model/any_arrival.rs"]
mod any_arrival;
#[path = "job_against_model/every_case.rs"]
mod every_case;
#[path = "job_against_model/histories.rs"]
mod histories;
#[path = "job_against_model/market_days.rs"]
mod market_days;
#[path = "job_against_model/state_space.rs"]
mod state_space;
