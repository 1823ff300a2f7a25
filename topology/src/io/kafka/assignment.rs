//! What a member of a group was assigned, as the group protocol writes it: `ConsumerProtocolAssignment`, versions 0 to 3
//! (Apache Kafka, `clients/src/main/resources/common/message/ConsumerProtocolAssignment.json`): a version, topics with
//! their partitions, and bytes of the assignor's own, which are passed over. All integers are big-endian.

use crate::io::TopicPartition;

/// The partitions that `bytes` assign; no bytes are none.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn partitions(bytes: &[u8]) -> Result<Vec<TopicPartition>, String> {
    let mut partitions = Vec::new();
    if bytes.is_empty() {
        return Ok(partitions);
    }
    let mut rest = bytes;
    let version = i16::from_be_bytes(take(&mut rest)?);
    if version < 0 {
        return Err(format!("version {version}"));
    }
    for _ in 0..count(&mut rest)? {
        let length = i16::from_be_bytes(take(&mut rest)?);
        let length =
            usize::try_from(length).map_err(|_| format!("a topic name of {length} bytes"))?;
        let (name, after) = rest.split_at_checked(length).ok_or_else(too_short)?;
        rest = after;
        let topic = std::str::from_utf8(name).map_err(|_| "a topic name that is not UTF-8")?;
        for _ in 0..count(&mut rest)? {
            let partition = i32::from_be_bytes(take(&mut rest)?);
            partitions.push(TopicPartition::new(topic, partition));
        }
    }
    Ok(partitions)
}

/// A count that the bytes can hold: at least two bytes for each of what is counted.
fn count(rest: &mut &[u8]) -> Result<usize, String> {
    let count = i32::from_be_bytes(take(rest)?);
    usize::try_from(count)
        .ok()
        .filter(|count| *count <= rest.len() / 2)
        .ok_or_else(|| format!("a count of {count} with {} bytes left", rest.len()))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (first, after) = rest.split_first_chunk().ok_or_else(too_short)?;
    *rest = after;
    Ok(*first)
}

fn too_short() -> String {
    "it ends too early".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 3, topics `a` with partitions 0 and 2 and `bc` with partition 7, one byte of user data.
    const BYTES: &[u8] = &[
        0, 3, 0, 0, 0, 2, 0, 1, b'a', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, b'b', b'c', 0, 0,
        0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 9,
    ];

    #[test]
    fn topics_and_partitions_are_read_in_their_order() {
        let expected = [
            TopicPartition::new("a", 0),
            TopicPartition::new("a", 2),
            TopicPartition::new("bc", 7),
        ];
        assert_eq!(partitions(BYTES).unwrap(), expected);
        assert_eq!(partitions(&[]).unwrap(), []);
        assert_eq!(
            partitions(&[0, 0, 0, 0, 0, 0, 255, 255, 255, 255]).unwrap(),
            []
        );
    }

    #[test]
    fn bytes_that_are_cut_off_or_count_too_much_are_refused() {
        // The user data is not read; everything before it is.
        for end in 1..BYTES.len() - 5 {
            assert!(partitions(&BYTES[..end]).is_err(), "{end} bytes");
        }
        for (at, byte) in [
            (0, 0x80),
            (2, 0x7f),
            (2, 0xff),
            (6, 0xff),
            (9, 0x7f),
            (8, 0xff),
        ] {
            let mut bytes = BYTES.to_vec();
            bytes[at] = byte;
            assert!(partitions(&bytes).is_err(), "byte {at} is {byte}");
        }
    }
}
