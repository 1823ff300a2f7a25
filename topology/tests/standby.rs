//! Standby tasks on the in-memory log: copies follow, take-overs are warm, and nothing that happens to a copy happens to
//! the instance.

mod pair;
mod take_over;
mod trouble;
