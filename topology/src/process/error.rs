use std::fmt;

use crate::Error;
use crate::codec::CodecError;

/// An output is larger than its topic takes.
pub(crate) const OUTPUT_TOO_LARGE: &str = "OUTPUT_TOO_LARGE";
/// A store's changelog does not take so much.
pub(crate) const STATE_TOO_LARGE: &str = "STATE_TOO_LARGE";
/// The engine refuses the record for another cause.
pub(crate) const RECORD_REFUSED: &str = "RECORD_REFUSED";
/// Why the engine itself dead-letters; the other reasons are the application's.
pub(crate) const ENGINE_REASONS: [&str; 3] = [OUTPUT_TOO_LARGE, STATE_TOO_LARGE, RECORD_REFUSED];

/// Why an operator did not finish a record.
#[derive(Clone, Debug)]
pub enum ProcessError {
    /// The record is at fault: whatever it wrote is undone and it goes to the dead-letter topic.
    Record {
        /// Short stable code, a metric label.
        reason: &'static str,
        /// What was wrong, for a person.
        message: String,
    },
    /// The engine is at fault; decided by its class.
    Engine(Error),
}

impl ProcessError {
    /// The record is at fault.
    pub fn record(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Record {
            reason,
            message: message.into(),
        }
    }
}

impl From<Error> for ProcessError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<CodecError> for ProcessError {
    fn from(error: CodecError) -> Self {
        Self::Record {
            reason: error.reason(),
            message: error.message().to_owned(),
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { reason, message } => write!(f, "{reason}: {message}"),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProcessError {}
