use std::fmt;

/// Why bytes could not be read or a value not be written.
///
/// The position in the log is attached by the task, which knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    reason: &'static str,
    message: String,
}

impl CodecError {
    /// `reason` is a short stable code (a metric label and the dead letter's
    /// `__streams.errors.reason`), `message` tells a person what was wrong.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// The stable code.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What was wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for CodecError {}
