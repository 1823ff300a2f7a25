//! Stream processing on Kafka, in the manner of Kafka Streams: a topology of operators, split into
//! tasks, state in RocksDB backed by changelog topics, exactly-once through Kafka transactions,
//! scale-out through consumer groups. Kafka is the distributed engine; the library adds no
//! coordinator of its own.
//!
//! The map, in the order in which dependencies point:
//!
//! | module | what it is |
//! |---|---|
//! | [`graph`] | what the job is: nodes, edges, sub-topologies, validation, description; no IO, no bytes |
//! | [`dsl`] | typed streams and tables that build a graph: where to begin |
//! | [`process`] | what an operator is: records, processors, contexts |
//! | [`codec`] | keys and values to bytes and back |
//! | [`store`] | state of a task: overlay, cache, RocksDB, memory, timers, changelog |
//! | [`task`] | one sub-topology on one partition: queues, stream time, processing |
//! | [`window`] | windowed aggregation in two stages: partial sums, watermarks, merging |
//! | [`runtime`] | who runs it: stream threads, commit, assignment, restore, shutdown |
//! | [`io`] | the seam to the log; `io::kafka` is the only place that names rdkafka |
//! | [`memory`] | one budget for the memory of a process, divided over its parts |
//! | [`testing`] | the test driver, on the in-memory log and a virtual clock |

#![deny(missing_docs)]

pub mod codec;
pub mod dsl;
pub mod error;
mod format;
pub mod graph;
pub mod io;
pub mod memory;
pub mod metrics;
pub mod process;
pub mod runtime;
pub mod store;
pub mod task;
pub mod testing;
pub mod time;
pub mod window;

pub use error::{Error, ErrorClass};

/// The programs in the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
