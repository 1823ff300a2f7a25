//! State of a task.

#![allow(dead_code)]
mod backend;
mod changelog_key;
mod config;
mod memory;
mod overlay;
mod range;
mod rocks;
mod rocks_options;
mod spec;
mod timers;

pub use config::{StateConfig, UnknownStores};
pub use spec::{StoreId, StoreKind, StoreSpec};
pub use timers::{Timer, TimerBatch, TimerClock};
