#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]
//! Several instances on one in-memory log: crashes, zombies, rebalances and failing calls, one by
//! one and at random under a seed. Whatever happens, what is committed in the end is what an
//! undisturbed run would have committed.

mod calls;
mod dice;
mod faults;
mod history;
mod invariants;
mod job;
mod random;
mod rebalance;
mod refusals;
mod storage;
mod story;
mod verify;
mod windowed;
#[path = "../windows/world.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of windows, which use all of it"
)]
mod windows_world;
mod world;
mod zombies;
