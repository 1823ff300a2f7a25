use super::{CodecError, Deserializer, Presence, Serializer, varint};

/// Ten groups of seven bits hold 64.
const MAX_BYTES: usize = 10;

/// A 64-bit integer in one to ten bytes, the fewer the closer to zero: zigzag, then LEB128, as `sint64`
/// of Protocol Buffers. A number has one form only; a longer one is refused.
///
/// ```
/// use topology::codec::{Deserializer, Serializer, VarI64};
/// let mut bytes = Vec::new();
/// VarI64.serialize(&-65, &mut bytes)?;
/// assert_eq!(bytes, [0x81, 0x01]);
/// let mut number = 0;
/// VarI64.deserialize(Some(&bytes), &mut number)?;
/// assert_eq!(number, -65);
/// # Ok::<(), topology::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct VarI64;

impl Serializer<i64> for VarI64 {
    fn serialize(&mut self, value: &i64, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        varint::put_signed(out, *value);
        Ok(Presence::Present)
    }
}

impl Deserializer<i64> for VarI64 {
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut i64) -> Result<(), CodecError> {
        let data = data.ok_or_else(|| malformed("null where a number was expected".to_owned()))?;
        let (last, head) = data
            .split_last()
            .ok_or_else(|| malformed("no bytes where a number was expected".to_owned()))?;
        if *last >= 0x80 {
            return Err(malformed(format!(
                "a number is cut off after {} bytes",
                data.len()
            )));
        }
        if head.iter().any(|byte| *byte < 0x80) {
            return Err(malformed("there are bytes after the number".to_owned()));
        }
        // The tenth byte holds the 64th bit alone; a last byte of zero adds nothing.
        let too_large = data.len() == MAX_BYTES && *last > 1;
        let overlong = data.len() > 1 && *last == 0;
        if data.len() > MAX_BYTES || too_large || overlong {
            return Err(malformed(format!(
                "{} bytes are no number of 64 bits in its shortest form",
                data.len()
            )));
        }
        let mut rest = data;
        let number = varint::take_signed(&mut rest);
        *target = number.ok_or_else(|| malformed("no number of 64 bits".to_owned()))?;
        Ok(())
    }
}

fn malformed(message: String) -> CodecError {
    CodecError::new("MALFORMED", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(number: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        VarI64.serialize(&number, &mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<i64, String> {
        let mut number = 0;
        VarI64
            .deserialize(Some(bytes), &mut number)
            .map(|()| number)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn small_numbers_are_short_and_the_largest_fit() {
        for (number, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (
                i64::MAX,
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            ),
            (
                i64::MIN,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            ),
        ] {
            assert_eq!(written(number), bytes, "{number}");
            assert_eq!(read(bytes), Ok(number));
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_what_is_wrong() {
        for (bytes, message) in [
            (&[][..], "MALFORMED: no bytes where a number was expected"),
            (&[0x80], "MALFORMED: a number is cut off after 1 bytes"),
            (
                &[0xff, 0x80],
                "MALFORMED: a number is cut off after 2 bytes",
            ),
            (&[0x02, 0x02], "MALFORMED: there are bytes after the number"),
            (
                &[0x82, 0x00],
                "MALFORMED: 2 bytes are no number of 64 bits in its shortest form",
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
                "MALFORMED: 10 bytes are no number of 64 bits in its shortest form",
            ),
            (
                &[
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
                ],
                "MALFORMED: 11 bytes are no number of 64 bits in its shortest form",
            ),
        ] {
            assert_eq!(read(bytes), Err(message.to_owned()), "{bytes:?}");
        }
        assert!(VarI64.deserialize(None, &mut 0).is_err());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back_in_the_same_bytes_only(number in prop_oneof![any::<i64>(), -300i64..300]) {
            let bytes = written(number);
            prop_assert_eq!(read(&bytes), Ok(number));
            for end in 0..bytes.len() {
                prop_assert!(read(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn whatever_is_read_is_written_in_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(number) = read(&bytes) {
                prop_assert_eq!(written(number), bytes);
            }
        }
    }
}
