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

use processor::tell;

/// The data lie beside the project and may be absent.
fn data_file(name: &str) -> Option<PathBuf> {
    let path = [env!("CARGO_MANIFEST_DIR"), "..", "shared", "data", name]
        .iter()
        .collect::<PathBuf>();
    if path.exists() {
        return Some(path);
    }
    tell(format!(
        "skipped: ../shared/data/{name} is absent; a generated day is damaged in its place"
    ));
    None
}
