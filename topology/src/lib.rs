//! Stream processing on Kafka, in the manner of Kafka Streams: a topology of operators, split into
//! tasks, state in RocksDB backed by changelog topics, exactly-once through Kafka transactions,
//! scale-out through consumer groups. Kafka is the distributed engine; the library adds no
//! coordinator of its own.
//!
//! The map, in the order in which dependencies point:
//!
//! | module | what it is |
//! |---|---|
//! | [`io`] | the seam to the log: a few small traits; `io::kafka` is the only place that names rdkafka |
//! | [`store`] | state of a task: overlay, cache, RocksDB, memory, timers, changelog |

#![deny(missing_docs)]

pub mod error;
pub mod io;
pub mod store;
pub mod task;
pub mod time;

pub use error::{Error, ErrorClass};
