//! A value that is never shown.

use std::fmt;
use std::hint::black_box;

use serde::{Serialize, Serializer};

use super::kafka::MASK;

/// A secret of the configuration. `Debug` and serialisation mask it, so that it does not get into a log by accident.
///
/// ```
/// use jumun::config::Secret;
///
/// let secret = Secret::new("hunter2");
/// assert!(secret.is(b"hunter2"));
/// assert_eq!(format!("{secret:?}"), "********");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `given` is the secret. Takes the same time wherever the two differ, so that it cannot be guessed byte by
    /// byte; only the length of what was given shows.
    pub fn is(&self, given: &[u8]) -> bool {
        let secret = self.0.as_bytes();
        let mut difference = usize::from(secret.len() != given.len());
        for (given, secret) in given.iter().zip(secret.iter().cycle()) {
            difference |= usize::from(black_box(given ^ secret));
        }
        black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_is_the_secret() {
        let secret = Secret::new("0123456789abcdef");
        assert!(secret.is(b"0123456789abcdef"));
        for wrong in [
            &b""[..],
            b"0123456789abcde",
            b"0123456789abcdeg",
            b"1123456789abcdef",
            b"0123456789abcdef0",
            b"0123456789abcdef0123456789abcdef",
        ] {
            assert!(!secret.is(wrong), "{wrong:?}");
        }
    }
}
