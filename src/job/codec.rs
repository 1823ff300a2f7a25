//! The order job's keys and values on the wire.

use topology::codec::{CodecError, Deserializer, Presence, RecordOrigin, Serializer};

use topology::io::Headers;
use topology::process::SourceRecord;

use crate::dialect::{Arrival, Decoded, Decoder, NoEvent};
use crate::domain::aggregates::AggregateValue;
use crate::domain::event::{Defect, OrderEvent};

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

/// Values of aggregates, partial or whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct AggregateValues;

impl Serializer<AggregateValue> for AggregateValues {
    fn serialize(
        &mut self,
        value: &AggregateValue,
        out: &mut Vec<u8>,
    ) -> Result<Presence, CodecError> {
        value.encode(out);
        Ok(Presence::Present)
    }
}

impl Deserializer<AggregateValue> for AggregateValues {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut AggregateValue,
    ) -> Result<(), CodecError> {
        target
            .decode(data.unwrap_or_default())
            .map_err(|error| CodecError::new("MALFORMED", error.to_string()))
    }
}

/// The key of an event as it came; it is compared with the event's order number when the value is decoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyDeserializer;

impl Deserializer<()> for KeyDeserializer {
    fn deserialize(&mut self, _data: Option<&[u8]>, _target: &mut ()) -> Result<(), CodecError> {
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

/// What a record was decoded into: an event, why it is none, or that it need be none.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The event, whose order number is that of the record's key; of no meaning where there is none.
    pub event: OrderEvent,
    /// A defect of the envelope or the key.
    pub defect: Option<Defect>,
    /// The record carries no event, and rightly so.
    pub no_event: Option<NoEvent>,
}

/// Decodes events of any form. A broken envelope is no error of the codec: the operator dead-letters it, so
/// that it is counted with the other outcomes.
#[derive(Clone, Debug, Default)]
pub struct IncomingDeserializer(pub Decoder);

impl Deserializer<Incoming> for IncomingDeserializer {
    fn deserialize(
        &mut self,
        _data: Option<&[u8]>,
        _target: &mut Incoming,
    ) -> Result<(), CodecError> {
        // Only sources read events, and they say where a record came from.
        Err(CodecError::new(
            "MALFORMED",
            "an event cannot be read without its record's topic, headers and key",
        ))
    }

    fn deserialize_record(
        &mut self,
        origin: RecordOrigin<'_>,
        data: Option<&[u8]>,
        target: &mut Incoming,
    ) -> Result<(), CodecError> {
        let arrival = Arrival {
            topic: origin.topic,
            key: origin.key,
            value: data,
        };
        target.decode(&mut self.0, &arrival, origin.headers);
        Ok(())
    }
}

impl Incoming {
    fn decode(&mut self, decoder: &mut Decoder, arrival: &Arrival<'_>, headers: Headers<'_>) {
        let decoded = decoder.decode(arrival, headers.iter(), &mut self.event);
        (self.defect, self.no_event) = match decoded {
            Ok(Decoded::Event) => (None, None),
            Ok(Decoded::NoEvent(kind)) => (None, Some(kind)),
            Err(defect) => (Some(defect), None),
        };
    }

    /// Decodes a record that was kept as it came.
    pub(crate) fn decode_again(&mut self, decoder: &mut Decoder, record: &SourceRecord<'_>) {
        let arrival = Arrival {
            topic: record.topic,
            key: record.key,
            value: record.value,
        };
        self.decode(decoder, &arrival, record.headers);
    }
}
