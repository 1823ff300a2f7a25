//! Days full of faults, over real topics: what each fault must become becomes of it, everything is accounted for, nothing
//! waits for ever, and once what was broken is repaired and replayed, every order ends as if nothing had happened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/model/mod.rs"]
mod model;
#[path = "support/mutations/mod.rs"]
mod mutations;
#[path = "support/operator.rs"]
mod operator;
#[path = "support/processor.rs"]
mod processor;
#[path = "support/recordings.rs"]
mod recordings;
#[path = "support/topics.rs"]
mod topics;
#[path = "support/turns.rs"]
mod turns;
#[path = "support/undisturbed.rs"]
mod undisturbed;

#[path = "faulty_days/accounts.rs"]
mod accounts;
#[path = "faulty_days/mutated.rs"]
mod mutated;
#[path = "faulty_days/recorded.rs"]
mod recorded;
#[path = "faulty_days/trial.rs"]
mod trial;

use std::path::PathBuf;

/// A recorded day, if it is there.
fn data_file(name: &str) -> Option<PathBuf> {
    recordings::data_file(name, "; a generated day is damaged in its place")
}
