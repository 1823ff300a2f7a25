//! What is measured per minute for the detectors, and the keys of its groups.
//!
//! ```text
//! 7F                  no aggregate and no counter has this code
//! code of the measure
//! scope               the rest, UTF-8: all, sido=…, category=…, store=…
//! ```
//!
//! Codes are only ever appended.

use crate::domain::codes::codes;
use crate::domain::order_bytes::{Reader, Writer};
use crate::domain::order_codec::OrderCodecError;

const TAG: u8 = 0x7f;

codes! {
    /// What is measured.
    Measure, MeasureSet {
        Paid = "orders_paid",
        ApprovedAndCancelled = "approved_and_cancelled",
        Delayed = "delayed",
        PostCancelled = "post_cancelled",
        Queue = "queue",
        Duplicates = "dup_order_suspect",
    }
}

/// Whether a group's key is that of a measure.
#[must_use]
pub fn is_measured(group: &[u8]) -> bool {
    group.first() == Some(&TAG)
}

/// Appends the key of a measure's group.
pub fn write_measured(out: &mut Vec<u8>, measure: Measure, scope: [&str; 2]) {
    out.extend_from_slice(&[TAG, measure.code()]);
    for part in scope {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The measure and the scope of a group; none of what is no such key, or of a later program.
#[must_use]
pub fn read_measured(group: &[u8]) -> Option<(Measure, &str)> {
    let (&[tag, code], scope) = group.split_first_chunk::<2>()?;
    let measure = Measure::from_code(code).filter(|_| tag == TAG)?;
    Some((measure, std::str::from_utf8(scope).ok()?))
}

/// Writes sums, in place of what was in `out`: zigzag LEB128.
pub fn write_sums(out: &mut Vec<u8>, sums: &[i64]) {
    out.clear();
    let mut writer = Writer { out, base: 0 };
    for sum in sums {
        writer.signed(*sum);
    }
}

/// Reads sums.
///
/// # Errors
/// Bytes that [`write_sums`] cannot have written for so many.
pub fn read_sums<const N: usize>(bytes: &[u8]) -> Result<[i64; N], OrderCodecError> {
    let mut reader = Reader { bytes, base: 0 };
    let mut sums = [0; N];
    for sum in &mut sums {
        *sum = reader.signed("sum")?;
    }
    match reader.bytes.len() {
        0 => Ok(sums),
        bytes => Err(OrderCodecError::Trailing(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::aggregates::{Counted, Group};

    #[test]
    fn keys_are_read_again_and_are_no_groups_of_aggregates() {
        for measure in Measure::ALL {
            let mut key = Vec::new();
            write_measured(&mut key, *measure, ["sido=", "서울"]);
            assert!(is_measured(&key));
            assert_eq!(read_measured(&key), Some((*measure, "sido=서울")));
            assert!(Group::parse(&key).is_err());
        }
        // The one before is that of orders which may have been sent twice.
        assert!(Counted::all().count() < usize::from(TAG) - 1);
        assert_eq!(read_measured(&[TAG, 200, b'a']), None);
    }
}
