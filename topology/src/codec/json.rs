use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecError, Deserializer, Presence, Serializer};

/// Values as JSON, through serde.
///
/// ```
/// use topology::codec::{Deserializer, Json};
/// let mut value: Vec<u32> = Vec::new();
/// Json::new().deserialize(Some(b"[1,2]"), &mut value)?;
/// assert_eq!(value, [1, 2]);
/// # Ok::<(), topology::codec::CodecError>(())
/// ```
#[derive(Debug)]
pub struct Json<T>(PhantomData<fn() -> T>);

impl<T> Json<T> {
    /// The codec.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Json<T> {}

impl<T> Default for Json<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: DeserializeOwned> Deserializer<T> for Json<T> {
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut T) -> Result<(), CodecError> {
        let data =
            data.ok_or_else(|| CodecError::new("MALFORMED", "null where JSON was expected"))?;
        *target = serde_json::from_slice(data)
            .map_err(|error| CodecError::new("MALFORMED", error.to_string()))?;
        Ok(())
    }
}

impl<T: Serialize> Serializer<T> for Json<T> {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        serde_json::to_writer(out, value)
            .map_err(|error| CodecError::new("MALFORMED", error.to_string()))?;
        Ok(Presence::Present)
    }
}
