//! Confluent's wire format: a zero byte and a schema id of four bytes before the payload.
//!
//! Source: "Wire format" in Confluent's documentation of schema formats. Their JSON Schema serializer puts the JSON
//! behind it as it is.

/// Bytes before the payload.
const LENGTH: usize = 5;

/// The payload without the frame, if there is one. No JSON begins with a zero byte.
pub(super) fn strip(bytes: &[u8]) -> &[u8] {
    match bytes.first() {
        Some(0) => bytes.get(LENGTH..).unwrap_or(&[]),
        _ => bytes,
    }
}
