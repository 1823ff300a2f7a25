//! The partitioner of Kafka's clients on the JVM: whoever wants to know where a key is must choose as they do.

/// The 32-bit MurmurHash2 that Kafka's clients on the JVM partition by (`org.apache.kafka.common.utils.Utils#murmur2`).
pub fn murmur2(bytes: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (shift, &byte) in (0..).step_by(8).zip(rest) {
            hash ^= u32::from(byte) << shift;
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    hash.cast_signed()
}

/// The partition of a key among `partitions`: the hash without its sign, modulo their number.
///
/// ```
/// assert_eq!(topology::io::murmur2::partition_of(b"foobar", 4), 2);
/// ```
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & i32::MAX)
        .checked_rem(partitions)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Kafka's own `UtilsTest#testMurmur2`.
    #[test]
    fn hashes_as_the_jvm_client() {
        let expected = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ];
        for (key, hash) in expected {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn a_negative_hash_gives_a_partition_within_bounds() {
        assert_eq!(partition_of(b"21", 3), (-973_932_308 & i32::MAX) % 3);
        assert_eq!(partition_of(b"21", 0), 0);
    }
}
