//! Keys and values to bytes and back.
//!
//! A deserializer decodes *into* a value that is used again for the next record, so that decoding
//! need not allocate; a serializer appends to a buffer that is used again likewise.

mod error;
mod json;
mod primitive;
mod var_i64;
pub mod varint;

pub use error::CodecError;
pub use json::Json;
pub use primitive::{Bytes, I64, Nullable, Utf8};
pub use var_i64::VarI64;

use crate::io::Headers;

/// What a record brought with it besides the bytes to be decoded, for formats that are not told by those alone:
/// Kafka Streams hands topic and headers to its deserializers for the same reason (KIP-336).
#[derive(Clone, Copy, Debug)]
pub struct RecordOrigin<'a> {
    /// Topic that the record was read from.
    pub topic: &'a str,
    /// Headers of the record.
    pub headers: Headers<'a>,
    /// Key bytes of the record.
    pub key: Option<&'a [u8]>,
}

/// Bytes to a value.
pub trait Deserializer<T>: Send {
    /// Decodes `data` (`None`: null key or tombstone) into `target`, whose former content is of no
    /// meaning but whose memory may be used again.
    ///
    /// # Errors
    /// A [`CodecError`] sends the record to the dead-letter topic with its reason.
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut T) -> Result<(), CodecError>;

    /// The same for a record that a source read. What a deserializer does not need of `origin` it ignores, and by
    /// default all of it.
    ///
    /// # Errors
    /// As [`Deserializer::deserialize`].
    fn deserialize_record(
        &mut self,
        _origin: RecordOrigin<'_>,
        data: Option<&[u8]>,
        target: &mut T,
    ) -> Result<(), CodecError> {
        self.deserialize(data, target)
    }
}

/// Whether a serializer wrote a value or means null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The bytes appended are the value.
    Present,
    /// Null: a null key, or a tombstone.
    Null,
}

/// A value to bytes.
pub trait Serializer<T>: Send {
    /// Appends the bytes of `value` to `out`.
    ///
    /// # Errors
    /// A [`CodecError`] sends the input record that caused the output to the dead-letter topic.
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<Presence, CodecError>;
}

/// Both ways, as a value that each task gets a copy of; Kafka Streams calls it a Serde. Whatever is
/// both a [`Serializer`] and a [`Deserializer`] and can be copied is one.
pub trait Codec<T>: Serializer<T> + Deserializer<T> + Clone + Sync + 'static {}

impl<T, C: Serializer<T> + Deserializer<T> + Clone + Sync + 'static> Codec<T> for C {}
