//! Rows of the fault matrix on a real Kafka, with the real program and real signals; tests/README.md has the table.
//! Rows 2 to 5 are those of kill_nine.rs.

mod brokers;
mod disks;
mod members;
mod refusals;
mod world;
