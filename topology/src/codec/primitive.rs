use super::{CodecError, Deserializer, Presence, RecordOrigin, Serializer};

fn present(data: Option<&[u8]>) -> Result<&[u8], CodecError> {
    data.ok_or_else(|| CodecError::new("MALFORMED", "null where bytes were expected"))
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl Deserializer<Vec<u8>> for Bytes {
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut Vec<u8>) -> Result<(), CodecError> {
        target.clear();
        target.extend_from_slice(present(data)?);
        Ok(())
    }
}

impl Serializer<Vec<u8>> for Bytes {
    fn serialize(&mut self, value: &Vec<u8>, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(value);
        Ok(Presence::Present)
    }
}

/// UTF-8 text.
///
/// ```
/// use topology::codec::{Deserializer, Utf8};
/// let mut text = String::new();
/// Utf8.deserialize(Some("주문".as_bytes()), &mut text)?;
/// assert_eq!(text, "주문");
/// assert!(Utf8.deserialize(Some(&[0xff]), &mut text).is_err());
/// # Ok::<(), topology::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8;

impl Deserializer<String> for Utf8 {
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut String) -> Result<(), CodecError> {
        let text = std::str::from_utf8(present(data)?)
            .map_err(|error| CodecError::new("MALFORMED", format!("text is not utf-8: {error}")))?;
        target.clear();
        target.push_str(text);
        Ok(())
    }
}

impl Serializer<String> for Utf8 {
    fn serialize(&mut self, value: &String, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(value.as_bytes());
        Ok(Presence::Present)
    }
}

/// A 64-bit integer in eight bytes, big-endian, as Kafka's `LongSerializer`.
#[derive(Clone, Copy, Debug, Default)]
pub struct I64;

impl Deserializer<i64> for I64 {
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut i64) -> Result<(), CodecError> {
        let data = present(data)?;
        let bytes = data.try_into().map_err(|_| {
            CodecError::new(
                "MALFORMED",
                format!("{} bytes where an i64 takes 8", data.len()),
            )
        })?;
        *target = i64::from_be_bytes(bytes);
        Ok(())
    }
}

impl Serializer<i64> for I64 {
    fn serialize(&mut self, value: &i64, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(&value.to_be_bytes());
        Ok(Presence::Present)
    }
}

/// Null as `None`, all else by the codec within.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nullable<C>(pub C);

impl<T: Default, C: Deserializer<T>> Deserializer<Option<T>> for Nullable<C> {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut Option<T>,
    ) -> Result<(), CodecError> {
        match data {
            None => *target = None,
            Some(_) => self
                .0
                .deserialize(data, target.get_or_insert_with(T::default))?,
        }
        Ok(())
    }

    fn deserialize_record(
        &mut self,
        origin: RecordOrigin<'_>,
        data: Option<&[u8]>,
        target: &mut Option<T>,
    ) -> Result<(), CodecError> {
        match data {
            None => *target = None,
            Some(_) => {
                let target = target.get_or_insert_with(T::default);
                self.0.deserialize_record(origin, data, target)?;
            }
        }
        Ok(())
    }
}

impl<T, C: Serializer<T>> Serializer<Option<T>> for Nullable<C> {
    fn serialize(&mut self, value: &Option<T>, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        match value {
            None => Ok(Presence::Null),
            Some(value) => self.0.serialize(value, out),
        }
    }
}
