//! Errors and their classes. The stream thread decides by class alone.

use std::fmt;

/// What the runtime does about an error; the only thing it decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The record or the operator is at fault: undo the record and dead-letter it.
    User,
    /// Passing trouble: repeat the same call until its deadline.
    Retriable,
    /// The transaction is lost but the producer is not: abort, drop the overlay, process again.
    Abortable,
    /// Another instance has taken over: drop producer and tasks, rebuild.
    Fenced,
    /// Nothing here mends it: stop, and say why. Whatever is not classified is fatal.
    Fatal,
}

impl ErrorClass {
    /// The name used in logs and as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorClass::User => "user",
            ErrorClass::Retriable => "retriable",
            ErrorClass::Abortable => "abortable",
            ErrorClass::Fenced => "fenced",
            ErrorClass::Fatal => "fatal",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error with its class and, once known, where it happened.
///
/// Layers below attach what they know; task, node and record position are attached once, on the
/// way up, by the task.
///
/// ```
/// use topology::{Error, ErrorClass};
/// let error = Error::new(ErrorClass::Fatal, "open state directory", "permission denied").at("task 0_3");
/// assert_eq!(error.to_string(), "open state directory: permission denied (task 0_3)");
/// ```
#[derive(Debug, Clone)]
pub struct Error {
    class: ErrorClass,
    operation: &'static str,
    detail: String,
    place: Option<String>,
}

impl Error {
    /// An error of `class` in `operation` (a short verb phrase), with what was wrong and the fix.
    pub fn new(class: ErrorClass, operation: &'static str, detail: impl Into<String>) -> Self {
        Self {
            class,
            operation,
            detail: detail.into(),
            place: None,
        }
    }

    /// Shorthand for a fatal error.
    pub fn fatal(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorClass::Fatal, operation, detail)
    }

    /// Attaches where it happened, unless a layer nearer to the cause has already.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_with(|| place.into());
        self
    }

    /// The same error, of another class: what it means depends on where it comes up.
    #[must_use]
    pub fn of_class(mut self, class: ErrorClass) -> Self {
        self.class = class;
        self
    }

    /// What the runtime does about it.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The operation that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// What was wrong.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.detail)?;
        match &self.place {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
