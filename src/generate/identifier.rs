//! Event ids: UUID version 7 (RFC 9562) whose random bits come from the seed.

/// Writes the UUID of an instant (epoch ms) and 74 of the given random bits as text.
pub(crate) fn write_uuid_v7(text: &mut [u8; 36], epoch_ms: u64, random: [u64; 2]) {
    let [first, second] = random;
    let high = (epoch_ms << 16) | 0x7000 | (first & 0x0fff);
    let low = (second & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    let bits = (u128::from(high) << 64) | u128::from(low);
    let mut shift = 128;
    for (position, slot) in text.iter_mut().enumerate() {
        *slot = if matches!(position, 8 | 13 | 18 | 23) {
            b'-'
        } else {
            shift -= 4;
            hexadecimal((bits >> shift) as u8 & 15)
        };
    }
}

const fn hexadecimal(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_leads_and_version_and_variant_stand_in_their_places() {
        let mut text = [0; 36];
        write_uuid_v7(&mut text, 0x0192_f3c1_0001, [u64::MAX, u64::MAX]);
        assert_eq!(
            std::str::from_utf8(&text),
            Ok("0192f3c1-0001-7fff-bfff-ffffffffffff")
        );
        write_uuid_v7(&mut text, 0, [0, 0]);
        assert_eq!(
            std::str::from_utf8(&text),
            Ok("00000000-0000-7000-8000-000000000000")
        );
    }
}
