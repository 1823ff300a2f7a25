//! What is wrong with a configuration: all of it at once.

use std::fmt;

/// One mistake: where it was made and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    /// File and key, environment variable, or flag.
    pub place: String,
    /// What is wrong, and the fix.
    pub problem: String,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for ConfigurationError {}

/// All mistakes of a configuration, at least one; the program ends with status 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationErrors(Vec<ConfigurationError>);

impl ConfigurationErrors {
    pub(super) fn new(errors: Vec<ConfigurationError>) -> Self {
        Self(errors)
    }

    /// The mistakes in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigurationError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigurationErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationErrors {}
