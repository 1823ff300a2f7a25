//! The reference model checked for itself: against the counts that are known of the market days, and against a few
//! scenarios written down from the prose of the rules.
#![allow(clippy::explicit_write)]

mod aggregates;
mod aggregates_verifier;
mod derived_aggregates;
mod lifecycle;
mod market_days;
mod ordering;
mod parking;
mod scenario;
