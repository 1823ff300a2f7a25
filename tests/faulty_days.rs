//! Days full of faults, over real topics: what each fault must become becomes of it, everything is accounted for, nothing
//! waits for ever, and once what was broken is repaired and replayed, every order ends as if nothing had happened.

mod accounts;
mod mutated;
mod recorded;
mod trial;

use std::path::PathBuf;

use crate::support::recordings;

/// A recorded day, if it is there.
fn data_file(name: &str) -> Option<PathBuf> {
    recordings::data_file(name, "; a generated day is damaged in its place")
}
