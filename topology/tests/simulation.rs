//! Several instances on one in-memory log: crashes, zombies, rebalances and failing calls, one by
//! one and at random under a seed. Whatever happens, what is committed in the end is what an
//! undisturbed run would have committed.
#![allow(clippy::print_stderr)]

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
mod world;
mod zombies;
