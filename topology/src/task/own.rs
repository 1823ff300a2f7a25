//! The task's own values in its state: input positions, stream time, committed counters.
//!
//! They are part of every commit and go to the changelog, so a task rebuilt from nothing has them.

use crate::io::TopicPartition;
use crate::{Error, format};

pub(crate) const PROGRESS: &[u8] = b"progress";
pub(crate) const COUNTERS: &[u8] = b"counters";

const FORMAT: u8 = 1;

/// How far a task had come at a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) stream_time: Option<i64>,
    pub(crate) positions: Vec<(TopicPartition, i64)>,
}

impl Progress {
    /// One format byte; stream time (`i64::MIN`: none); per input its partition, position, and
    /// topic name after its length. Integers little-endian.
    pub(crate) fn encode(
        stream_time: Option<i64>,
        positions: impl Iterator<Item = (String, i32, i64)>,
    ) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&stream_time.unwrap_or(i64::MIN).to_le_bytes());
        for (topic, partition, position) in positions {
            bytes.extend_from_slice(&partition.to_le_bytes());
            bytes.extend_from_slice(&position.to_le_bytes());
            bytes.extend_from_slice(&u16::try_from(topic.len()).unwrap_or(u16::MAX).to_le_bytes());
            bytes.extend_from_slice(topic.as_bytes());
        }
        bytes
    }

    /// Reads what [`Progress::encode`] wrote.
    ///
    /// # Errors
    /// Fatal when the bytes are of another format, or broken: a task that begins as if it had no history would break its
    /// promises.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (format, rest) = bytes.split_first().unwrap_or((&0, &[]));
        if *format != FORMAT {
            return Err(other_format("the task's progress", *format, FORMAT));
        }
        Self::decode_rest(rest).ok_or_else(|| {
            Error::fatal(READ, "the task's progress is broken; reset the application")
        })
    }

    fn decode_rest(mut rest: &[u8]) -> Option<Self> {
        let stream_time = i64::from_le_bytes(take(&mut rest)?);
        let mut positions = Vec::new();
        while !rest.is_empty() {
            let partition = i32::from_le_bytes(take(&mut rest)?);
            let position = i64::from_le_bytes(take(&mut rest)?);
            let length = usize::from(u16::from_le_bytes(take(&mut rest)?));
            let (topic, after) = rest.split_at_checked(length)?;
            rest = after;
            positions.push((
                TopicPartition::new(std::str::from_utf8(topic).ok()?, partition),
                position,
            ));
        }
        Some(Self {
            stream_time: Some(stream_time).filter(|time| *time != i64::MIN),
            positions,
        })
    }
}

const READ: &str = "read the task's own values";

/// One of the task's own values is of a format that this program does not read.
pub(crate) fn other_format(what: &str, found: u8, reads: u8) -> Error {
    let (found, reads) = (u32::from(found), u32::from(reads));
    Error::fatal(READ, format::refusal(what, found, reads, reads))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_survives_a_round_trip_and_broken_bytes_are_refused() {
        let positions = [
            ("order.events.v1".to_owned(), 3, 42),
            ("payment.events.v1".to_owned(), 3, i64::MAX),
        ];
        let bytes = Progress::encode(Some(1_700), positions.clone().into_iter());
        let progress = Progress::decode(&bytes).unwrap();
        assert_eq!(progress.stream_time, Some(1_700));
        assert_eq!(
            progress.positions[1],
            (TopicPartition::new("payment.events.v1", 3), i64::MAX)
        );
        assert!(Progress::decode(&bytes[..bytes.len() - 1]).is_err());
        let refused = Progress::decode(&[9]).unwrap_err().to_string();
        assert!(
            refused.contains("has format 9, and this program reads format 1"),
            "{refused}"
        );
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "own-values-1.hex");
        pinned.assert_written("progress", &bytes);
        assert_eq!(
            Progress::decode(pinned.bytes("progress")).unwrap(),
            progress
        );
    }
}
