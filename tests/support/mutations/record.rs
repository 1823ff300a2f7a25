//! Records of a clean day, and as they are sent.

use std::path::Path;

use jumun::replay::EventFileReader;
use jumun_harness::Message;
use serde_json::Value;

/// A header with the number of the arrival, by which a test finds the record again in its topic.
pub const ARRIVAL: &str = "x-test-arrival";

/// A record of the clean day.
#[derive(Debug, Clone)]
pub struct Event {
    pub topic: &'static str,
    pub order_no: String,
    /// Epoch milliseconds.
    pub timestamp: i64,
    pub id: String,
    pub action: String,
    /// Type and id of the aggregate.
    pub target: String,
    pub value: Vec<u8>,
}

/// A record as it is sent.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Place of the event in the clean day.
    pub event: usize,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// What it is a dead letter for.
    pub poison: Option<&'static str>,
    pub headers: Vec<(&'static str, String)>,
}

impl Event {
    /// Reads a clean day, plain or gzipped.
    pub fn of_file(path: &Path) -> Vec<Self> {
        let mut reader = EventFileReader::open(path).unwrap();
        let mut events = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            events.push(Self::read(
                record.topic.name(),
                record.timestamp,
                record.value,
            ));
        }
        events
    }

    /// Reads a good envelope.
    pub fn read(topic: &'static str, timestamp: u64, value: &[u8]) -> Self {
        let parsed: Value = serde_json::from_slice(value).unwrap();
        let text = |pointer: &str| {
            parsed
                .pointer(pointer)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        Self {
            topic,
            order_no: text("/target/orderNo"),
            timestamp: i64::try_from(timestamp).unwrap(),
            id: text("/id"),
            action: text("/action"),
            target: format!("{}/{}", text("/target/type"), text("/target/id")),
            value: value.to_vec(),
        }
    }
}

impl Arrival {
    /// As the relay sends it.
    pub fn of(place: usize, event: &Event) -> Self {
        Self {
            event: place,
            key: Some(event.order_no.clone().into_bytes()),
            value: Some(event.value.clone()),
            poison: None,
            headers: vec![("id", event.id.clone()), ("action", event.action.clone())],
        }
    }

    /// Changes the envelope.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(self.value.as_deref().unwrap()).unwrap();
        change(&mut value);
        self.value = Some(value.to_string().into_bytes());
    }
}

/// A record as it is sent.
pub fn message<'a>(event: &'a Event, arrival: &'a Arrival) -> Message<'a> {
    let key = arrival.key.as_deref().unwrap_or_default();
    let message = match &arrival.value {
        Some(value) => Message::new(event.topic, key, value),
        None => Message::tombstone(event.topic, key),
    };
    let message = match arrival.key {
        Some(_) => message,
        None => message.keyless(),
    };
    arrival.headers.iter().fold(
        message.timestamp(event.timestamp),
        |message, (name, value)| message.header(name, value),
    )
}
