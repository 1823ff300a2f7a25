//! What can go wrong in the harness, said so that the test's output is enough to find the cause.

use std::time::Duration;

use rdkafka::error::KafkaError;

/// The result of every fallible call of the harness.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the harness could not do what the test asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a file, a process or a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The broker or its client library refused a call.
    #[error("{what}: {source}")]
    Kafka {
        /// What was being done.
        what: String,
        /// The client library's answer.
        source: KafkaError,
    },
    /// Something awaited did not come in time.
    #[error("{what} did not happen within {after:?}")]
    Timeout {
        /// What was awaited.
        what: String,
        /// How long.
        after: Duration,
    },
    /// A program ended or answered otherwise than it had to.
    #[error("{0}")]
    Failed(String),
}

/// Names what was being done when a call failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io {
            what: what(),
            source,
        })
    }
}

impl<T> Doing<T> for std::result::Result<T, KafkaError> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Kafka {
            what: what(),
            source,
        })
    }
}
