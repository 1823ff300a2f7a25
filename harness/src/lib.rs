//! Real brokers and real processes for the integration tests and the bench.
//!
//! [`Broker`] runs Apache Kafka in a directory of its own, [`Cluster`] three of them as one, [`Kafka`] writes and reads topics, [`Process`] runs a
//! program to be watched, stopped and killed. Nothing started here outlives the process that started it.

mod broker;
mod cluster;
mod error;
mod guard;
mod kafka;
mod node;
mod pinned;
mod ports;
mod process;
mod reader;
mod record;
mod wait;

pub use broker::Broker;
pub use cluster::Cluster;
pub use error::{Error, Result};
pub use kafka::{Isolation, Kafka};
pub use node::{BrokerOptions, SecuredListener, kafka_dir};
pub use pinned::Pinned;
pub use ports::free_port;
pub use process::{Process, http_get};
pub use reader::Reader;
pub use record::{Message, Record};
pub use wait::{unique_name, wait_for};
