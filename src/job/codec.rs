//! The order job's keys and values on the wire.

use topology::codec::{CodecError, Deserializer, Presence, Serializer};

use topology::process::SourceRecord;

use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;

/// JSON text of a record to be sent, written by [`crate::domain::records`].
#[derive(Debug, Default)]
pub struct JsonText(pub Vec<u8>);

/// Sends JSON text as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonTextSerializer;

impl Serializer<JsonText> for JsonTextSerializer {
    fn serialize(&mut self, value: &JsonText, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(&value.0);
        Ok(Presence::Present)
    }
}

/// The key of an event as it came; a missing one is judged with the event (KEY_MISMATCH).
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyDeserializer;

impl Deserializer<()> for KeyDeserializer {
    fn deserialize(&mut self, _data: Option<&[u8]>, _target: &mut ()) -> Result<(), CodecError> {
        // The bytes are compared with the order number by the operator, which sees the record.
        Ok(())
    }
}

/// Order numbers as UTF-8 text.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderNumberSerializer;

impl Serializer<String> for OrderNumberSerializer {
    fn serialize(&mut self, value: &String, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(value.as_bytes());
        Ok(Presence::Present)
    }
}

/// What a record's value was decoded into: an event, or why it is none.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The event; of no meaning where there is a defect.
    pub event: OrderEvent,
    /// A defect of the envelope.
    pub defect: Option<crate::domain::event::Defect>,
}

impl Incoming {
    /// Decodes a record that was kept as it came.
    pub(super) fn decode(&mut self, record: &SourceRecord<'_>) {
        self.defect = decode(record.value, &mut self.event).err();
    }
}

/// Decodes events. A broken envelope is no error of the codec: the operator dead-letters it, so
/// that it is counted with the other outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub struct IncomingDeserializer;

impl Deserializer<Incoming> for IncomingDeserializer {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut Incoming,
    ) -> Result<(), CodecError> {
        target.defect = decode(data, &mut target.event).err();
        Ok(())
    }
}
