use super::any_codec::AnyCodec;
use crate::codec::{CodecError, Deserializer, Presence, Serializer};

/// A value of which there may be none yet: one byte that says so, then the value's. Null will not do,
/// because some values are written as no bytes at all.
pub(super) struct Reduction<V>(pub(super) AnyCodec<V>);

impl<V> Clone for Reduction<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Serializer<Option<V>> for Reduction<V> {
    fn serialize(&mut self, value: &Option<V>, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.0.serialize(value, out)?;
        }
        Ok(Presence::Present)
    }
}

impl<V: Default> Deserializer<Option<V>> for Reduction<V> {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut Option<V>,
    ) -> Result<(), CodecError> {
        match data.and_then(<[u8]>::split_first) {
            Some((1, value)) => {
                let target = target.get_or_insert_default();
                self.0.deserialize(Some(value), target)
            }
            Some((0, [])) => {
                *target = None;
                Ok(())
            }
            _ => Err(CodecError::new("MALFORMED", "no reduced value")),
        }
    }
}
