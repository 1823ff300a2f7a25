//! What ends a bench without a figure.

use std::path::Path;

/// The result of everything in this program that can fail.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The log refused a call.
    #[error(transparent)]
    Log(#[from] topology::Error),
    /// The broker or a program under measurement did not do what it had to.
    #[error(transparent)]
    Harness(#[from] jumun_harness::Error),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
    /// A program did something else than what is measured.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Of a file.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = format!("{what} {}", path.display());
        move |source| Self::Io { what, source }
    }
}
