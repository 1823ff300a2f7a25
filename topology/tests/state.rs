//! State of a task: what survives a clean stop, a crash, damage, and a change of the topology.
#![allow(clippy::print_stdout)]

mod damage;
mod figures;
mod formats;
mod hand_over;
mod ingest;
mod limits;
mod model;
mod restore;
mod stores;
mod support;
