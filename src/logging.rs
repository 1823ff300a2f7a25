//! Where log lines go and what they look like: to standard error, as text on a terminal, else as JSON.
//!
//! `JUMUN_LOG`, else `RUST_LOG`, says what is logged, in the syntax of `tracing`'s filters: `info`,
//! `warn,topology=debug`. Standard output is left to data.

use std::io::IsTerminal;

use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// The binding complains about a consumer that was closed in order before it was dropped.
const DEFAULT_FILTER: &str = "info,rdkafka::consumer::base_consumer=off";

/// What a log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

impl Format {
    /// Text when a person is looking, JSON when a program collects.
    pub fn of_standard_error() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// A filter that cannot be read.
    #[error(
        "{variable} is \"{filter}\", which is no log filter: {reason}; write for example \"info\" or \"warn,topology=debug\""
    )]
    Filter {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else has set up logging in this process.
    #[error("logging is already set up: {0}")]
    Twice(String),
}

/// As [`start`], for a program that draws on the terminal: warnings only, unless the environment asks for more.
///
/// # Errors
/// As [`start`].
pub fn start_quiet() -> Result<(), LoggingError> {
    start_with(
        Format::of_standard_error(),
        "warn,rdkafka::consumer::base_consumer=off",
    )
}

/// Sets up logging for the whole process; to be called once, first thing.
pub fn start(format: Format) -> Result<(), LoggingError> {
    start_with(format, DEFAULT_FILTER)
}

fn start_with(format: Format, default: &str) -> Result<(), LoggingError> {
    let filter = filter(|name| std::env::var(name).ok(), default)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| LoggingError::Twice(error.to_string()))
}

/// The first variable that is set and not empty decides; a filter that cannot be read is an error, never ignored.
fn filter(
    variable: impl Fn(&str) -> Option<String>,
    default: &str,
) -> Result<EnvFilter, LoggingError> {
    for name in ["JUMUN_LOG", "RUST_LOG"] {
        if let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) {
            return EnvFilter::builder()
                .parse(&text)
                .map_err(|error| LoggingError::Filter {
                    variable: name,
                    filter: text,
                    reason: error.to_string(),
                });
        }
    }
    Ok(EnvFilter::new(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set: &[(&str, &str)], expected: &str) {
        let found = filter(
            |name| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            },
            "info",
        );
        assert_eq!(
            found.map_or_else(|error| error.to_string(), |filter| filter.to_string()),
            expected
        );
    }

    #[test]
    fn the_projects_own_variable_wins_and_info_is_the_default() {
        check(&[], "info");
        check(&[("JUMUN_LOG", " ")], "info");
        check(&[("RUST_LOG", "warn")], "warn");
        check(&[("RUST_LOG", "warn"), ("JUMUN_LOG", "debug")], "debug");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_its_variable() {
        let error = filter(|_| Some("topology=loud".to_owned()), "info")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("JUMUN_LOG is \"topology=loud\", which is no log filter"),
            "{error}"
        );
    }
}
