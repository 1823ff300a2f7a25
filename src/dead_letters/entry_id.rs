//! Names of entries, short enough to be typed and read out: `d:0:17`, `r:1:4`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which topic an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A topic of dead letters: `order.dlt.v1`, or another one that was asked for.
    DeadLetter,
    /// `order.rejected.v1`.
    Rejection,
}

impl EntryKind {
    const fn letter(self) -> char {
        match self {
            Self::DeadLetter => 'd',
            Self::Rejection => 'r',
        }
    }
}

/// Where an entry stands.
///
/// ```
/// use jumun::dead_letters::{EntryId, EntryKind};
///
/// let id: EntryId = "r:1:4".parse().unwrap();
/// assert_eq!((id.kind, id.partition, id.offset), (EntryKind::Rejection, 1, 4));
/// assert_eq!(id.to_string(), "r:1:4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The topic.
    pub kind: EntryKind,
    /// The partition of that topic.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// A text that names no entry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{0}\" names no entry; write d:PARTITION:OFFSET or r:PARTITION:OFFSET as `jumun dlt list` does, for example r:0:17"
)]
pub struct ParseEntryIdError(String);

impl FromStr for EntryId {
    type Err = ParseEntryIdError;

    fn from_str(text: &str) -> Result<Self, ParseEntryIdError> {
        let read = || {
            let mut parts = text.split(':');
            let kind = match parts.next()? {
                "d" => EntryKind::DeadLetter,
                "r" => EntryKind::Rejection,
                _ => return None,
            };
            let partition = parts.next()?.parse().ok().filter(|number| *number >= 0)?;
            let offset = parts.next()?.parse().ok().filter(|number| *number >= 0)?;
            let id = Self {
                kind,
                partition,
                offset,
            };
            parts.next().is_none().then_some(id)
        };
        read().ok_or_else(|| ParseEntryIdError(text.to_owned()))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, partition, offset) = (self.kind.letter(), self.partition, self.offset);
        // As one text, so that a width pads it.
        formatter.pad(&format!("{letter}:{partition}:{offset}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        for text in ["d:0:0", "r:11:9223372036854775807"] {
            assert_eq!(text.parse::<EntryId>().unwrap().to_string(), text);
        }
        for text in [
            "", "d", "d:0", "x:0:1", "d:-1:0", "d:0:-1", "d:0:1:2", "d:0:x", "B26",
        ] {
            let error = text.parse::<EntryId>().unwrap_err().to_string();
            assert!(error.contains("r:0:17"), "{error}");
        }
    }
}
