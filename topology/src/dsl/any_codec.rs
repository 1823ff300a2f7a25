use crate::codec::{Codec, CodecError, Deserializer, Presence, RecordOrigin, Serializer};

/// A codec of any type, so that grouped streams need not name those of their keys and values.
pub(super) struct AnyCodec<T>(Box<dyn Erased<T>>);

trait Erased<T>: Serializer<T> + Deserializer<T> + Sync {
    fn copy(&self) -> Box<dyn Erased<T>>;
}

impl<T, C: Codec<T>> Erased<T> for C {
    fn copy(&self) -> Box<dyn Erased<T>> {
        Box::new(self.clone())
    }
}

impl<T> AnyCodec<T> {
    pub(super) fn new(codec: impl Codec<T>) -> Self {
        Self(Box::new(codec))
    }
}

impl<T> Clone for AnyCodec<T> {
    fn clone(&self) -> Self {
        Self(self.0.copy())
    }
}

impl<T> Serializer<T> for AnyCodec<T> {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        self.0.serialize(value, out)
    }
}

impl<T> Deserializer<T> for AnyCodec<T> {
    fn deserialize(&mut self, data: Option<&[u8]>, target: &mut T) -> Result<(), CodecError> {
        self.0.deserialize(data, target)
    }

    fn deserialize_record(
        &mut self,
        origin: RecordOrigin<'_>,
        data: Option<&[u8]>,
        target: &mut T,
    ) -> Result<(), CodecError> {
        self.0.deserialize_record(origin, data, target)
    }
}
