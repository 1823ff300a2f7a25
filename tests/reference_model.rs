#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write
)]
//! The reference model checked for itself: against the counts that are known of the market days, and against a few
//! scenarios written down from the prose of the rules.

#[path = "support/model/mod.rs"]
mod model;

#[path = "reference_model/aggregates.rs"]
mod aggregates;
#[path = "reference_model/aggregates_verifier.rs"]
mod aggregates_verifier;
#[path = "reference_model/lifecycle.rs"]
mod lifecycle;
#[path = "reference_model/market_days.rs"]
mod market_days;
#[path = "reference_model/ordering.rs"]
mod ordering;
#[path = "reference_model/parking.rs"]
mod parking;
#[path = "reference_model/scenario.rs"]
mod scenario;
