//! One dead letter or rejection, with the record that it is about.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use topology::io::{Headers, RecordView};

use super::error_headers::{ErrorHeaders, Writer};
use super::facts::{Facts, order_number};
use super::{EntryId, EntryKind};
use crate::domain::headers::{REDRIVE_TOPIC, RecordHeaders};
use crate::job::topics::REDRIVE;

/// The reason of a record of `order.rejected.v1` that is none of this program's.
pub const UNREADABLE: &str = "UNREADABLE";
/// The reason of a dead letter whose writer gave none.
pub const UNKNOWN: &str = "UNKNOWN";
/// The header that this program adds to what it derives from an event.
const EVENT_ID: &str = "event-id";

/// Where a record was read before it was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

impl Origin {
    /// The record at `offset` of a partition of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32, offset: i64) -> Self {
        Self {
            topic: topic.into(),
            partition,
            offset,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}-{}@{}", self.topic, self.partition, self.offset);
        formatter.pad(&text)
    }
}

/// The order as it was when the event was rejected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Before {
    /// Display status; `NONE` before its creation.
    pub status: String,
    /// The five regions; none before its creation.
    pub regions: Option<Value>,
    /// The last version of each aggregate; none before its creation.
    pub versions: Option<Value>,
    /// How long the event had been parked, in milliseconds.
    pub parked_ms: Option<i64>,
}

/// The record that was refused, as it is to be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Value bytes. Of a rejection, the event without what a relay had wrapped it in.
    pub value: Option<Vec<u8>>,
    /// All headers of the entry, those about the error included.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Epoch milliseconds.
    pub timestamp: i64,
}

/// One dead letter or rejection.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub id: EntryId,
    /// Who wrote it.
    pub writer: Writer,
    /// A short code.
    pub reason: String,
    /// What was wrong, for a person; may be empty.
    pub message: String,
    /// Of a dead letter, when it became one, as far as it says so; else the time of its record. Epoch milliseconds.
    pub at: i64,
    /// When the record was refused for the first time, as far as it is known; epoch milliseconds.
    pub first_seen: i64,
    /// The order: by the key, else by the event.
    pub order_no: Option<String>,
    /// Where the record was read before it was refused.
    pub origin: Option<Origin>,
    /// What can be read of the event.
    pub facts: Facts,
    /// How often it was redriven already.
    pub redrive_count: u32,
    /// The topic that the event was in before it was redriven for the first time.
    pub redrive_topic: Option<String>,
    /// The order before it; of rejections only.
    pub before: Option<Before>,
    /// The record that was refused.
    pub original: Original,
}

/// A record of `order.rejected.v1`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejected<'a> {
    order_no: String,
    reason: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    status: String,
    regions: Option<Value>,
    versions: Option<Value>,
    topic: String,
    partition: i32,
    offset: i64,
    parked_ms: Option<i64>,
    #[serde(borrow)]
    event: &'a RawValue,
}

impl Entry {
    /// Reads a record of a topic of dead letters or rejections; nothing is so broken that it is no entry.
    #[must_use]
    pub fn read(kind: EntryKind, partition: i32, record: &RecordView<'_>) -> Self {
        let id = EntryId {
            kind,
            partition,
            offset: record.offset,
        };
        match kind {
            EntryKind::DeadLetter => Self::dead_letter(id, record),
            EntryKind::Rejection => Self::rejection(id, record),
        }
    }

    fn dead_letter(id: EntryId, record: &RecordView<'_>) -> Self {
        let headers = owned(record.headers);
        let errors = ErrorHeaders::read(&headers);
        let facts = record.value.map(Facts::of_value).unwrap_or_default();
        let at = errors.at.unwrap_or(record.timestamp);
        let by_key = record.key.and_then(order_number);
        let mut entry = Self::new(id, record, headers, facts);
        entry.writer = errors.writer;
        entry.reason = errors.reason.unwrap_or_else(|| UNKNOWN.to_owned());
        entry.message = errors.message.unwrap_or_default();
        entry.at = at;
        entry.first_seen = errors.first_seen.unwrap_or(at);
        entry.order_no = by_key.or_else(|| entry.facts.order_no.clone());
        entry.origin = errors.origin;
        if let Some(timestamp) = errors.original_timestamp {
            entry.original.timestamp = timestamp;
        }
        entry
    }

    fn rejection(id: EntryId, record: &RecordView<'_>) -> Self {
        let mut headers = owned(record.headers);
        let first_seen = ErrorHeaders::read(&headers).first_seen;
        // Ours is the last of this name; one that the event brought along stays.
        if let Some(place) = headers.iter().rposition(|(name, _)| name == EVENT_ID) {
            headers.remove(place);
        }
        let value = record.value.unwrap_or_default();
        let rejected: Rejected<'_> = match serde_json::from_slice(value) {
            Ok(rejected) => rejected,
            Err(error) => {
                let mut entry = Self::new(id, record, headers, Facts::default());
                entry.reason = UNREADABLE.to_owned();
                entry.message = format!("not a rejection as this program writes them: {error}");
                entry.order_no = record.key.and_then(order_number);
                return entry;
            }
        };
        let event = rejected.event.get().as_bytes();
        let mut entry = Self::new(id, record, headers, Facts::of_value(event));
        entry.reason = rejected.reason;
        entry.message = rejected.detail;
        entry.first_seen = first_seen.unwrap_or(record.timestamp);
        entry.order_no = Some(rejected.order_no);
        entry.origin = Some(Origin {
            topic: rejected.topic,
            partition: rejected.partition,
            offset: rejected.offset,
        });
        entry.before = Some(Before {
            status: rejected.status,
            regions: rejected.regions,
            versions: rejected.versions,
            parked_ms: rejected.parked_ms,
        });
        entry.original.value = Some(event.to_vec());
        entry
    }

    fn new(
        id: EntryId,
        record: &RecordView<'_>,
        headers: Vec<(String, Option<Vec<u8>>)>,
        mut facts: Facts,
    ) -> Self {
        let mut known = RecordHeaders::default();
        for (name, value) in &headers {
            known.read(name, value.as_deref());
        }
        let text = |name: &str| {
            let (_, value) = headers.iter().rev().find(|(known, _)| known == name)?;
            String::from_utf8(value.clone()?).ok()
        };
        // The relay's headers name the event even where its value cannot be read.
        facts.event_id = facts.event_id.or_else(|| text("id"));
        facts.action = facts.action.or_else(|| text("action"));
        let redrive_topic = text(REDRIVE_TOPIC);
        Self {
            id,
            writer: Writer::KafkaStreams,
            reason: String::new(),
            message: String::new(),
            at: record.timestamp,
            first_seen: record.timestamp,
            order_no: None,
            origin: None,
            facts,
            redrive_count: known.redrive_count,
            redrive_topic,
            before: None,
            original: Original {
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers,
                timestamp: record.timestamp,
            },
        }
    }

    /// The topic that the event came from, before any redrive.
    #[must_use]
    pub fn source_topic(&self) -> Option<&str> {
        let origin = self.origin.as_ref().map(|origin| origin.topic.as_str());
        match (origin, self.redrive_topic.as_deref()) {
            (Some(REDRIVE) | None, Some(before)) => Some(before),
            (origin, _) => origin,
        }
    }

    /// Entries with the same identity are about one event.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        match (&self.facts.event_id, &self.origin) {
            (Some(id), _) => Identity::Event(id),
            (None, Some(origin)) => Identity::Record(origin),
            (None, None) => Identity::Entry(self.id),
        }
    }
}

/// What tells events apart, as well as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity<'a> {
    /// By its id.
    Event(&'a str),
    /// By where its record was read.
    Record(&'a Origin),
    /// Not at all: each entry stands for itself.
    Entry(EntryId),
}

/// Of entries about one event the newest; the others are taken out. Their order is kept.
pub fn latest(entries: &mut Vec<Entry>) {
    let mut newest: std::collections::HashMap<Identity<'_>, (i64, EntryId)> =
        std::collections::HashMap::new();
    for entry in entries.iter() {
        let place = (entry.at, entry.id);
        let known = newest.entry(entry.identity()).or_insert(place);
        *known = place.max(*known);
    }
    let kept: std::collections::HashSet<EntryId> = newest.values().map(|(_, id)| *id).collect();
    entries.retain(|entry| kept.contains(&entry.id));
}

fn owned(headers: Headers<'_>) -> Vec<(String, Option<Vec<u8>>)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Letter, rejection};
    use super::*;
    use proptest::prelude::*;
    use topology::io::RecordBatch;

    #[test]
    fn a_dead_letter_is_the_record_and_why_it_is_one() {
        let letter = Letter {
            key: Some(b"\"B1\""),
            value: Some(b"{\"broken\":"),
            headers: &[
                ("id", b"e1"),
                ("x-redrive-count", b"2"),
                ("__streams.errors.topic", b"order.redrive.v1"),
                ("x-redrive-topic", b"payment.events.v1"),
                ("__streams.errors.partition", b"3"),
                ("__streams.errors.offset", b"42"),
                ("__streams.errors.reason", b"MALFORMED"),
                ("__streams.errors.timestamp", b"2000"),
            ],
        };
        let entry = letter.entry("d:1:9");
        assert_eq!(entry.id.to_string(), "d:1:9");
        assert_eq!(entry.reason, "MALFORMED");
        assert_eq!(entry.order_no.as_deref(), Some("B1"));
        assert_eq!(entry.facts.event_id.as_deref(), Some("e1"));
        assert_eq!((entry.at, entry.redrive_count), (2_000, 2));
        assert_eq!(entry.source_topic(), Some("payment.events.v1"));
        assert_eq!(entry.original.value.as_deref(), Some(&b"{\"broken\":"[..]));
    }

    #[test]
    fn a_rejection_holds_the_event_as_it_was_and_the_order_before_it() {
        let entry = rejection("r:0:4", "SEQ_GAP", "B1", "order.accepted", 7);
        assert_eq!(entry.reason, "SEQ_GAP");
        assert_eq!(entry.origin, Some(Origin::new("order.events.v1", 2, 40)));
        assert_eq!(entry.before.as_ref().unwrap().status, "WAITING_ACCEPT");
        assert_eq!(entry.facts.version, Some(7));
        let value = String::from_utf8(entry.original.value.clone().unwrap()).unwrap();
        assert!(
            value.starts_with("{\"id\"") && value.ends_with('}'),
            "{value}"
        );
        // What the processor added is no part of the record that was rejected.
        assert!(
            entry
                .original
                .headers
                .iter()
                .all(|(name, _)| name != EVENT_ID)
        );
    }

    #[test]
    fn a_record_that_is_no_rejection_is_an_entry_all_the_same() {
        let mut batch = RecordBatch::default();
        batch.push(5, 1_000, Some(b"B1"), Some(b"[]"), Headers::default());
        let entry = Entry::read(EntryKind::Rejection, 0, &batch.front().unwrap());
        assert_eq!((entry.reason.as_str(), entry.origin), (UNREADABLE, None));
    }

    #[test]
    fn of_several_entries_of_one_event_the_newest_is_kept() {
        let mut entries = vec![
            rejection("r:0:1", "PREMATURE", "B1", "order.cancelled", 2),
            rejection("r:0:2", "PREMATURE", "B2", "order.cancelled", 2),
            rejection("r:0:3", "REDRIVE_LIMIT", "B1", "order.cancelled", 2),
        ];
        latest(&mut entries);
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        assert_eq!(ids, ["r:0:2", "r:0:3"]);
    }

    proptest! {
        #[test]
        fn any_record_is_an_entry(
            key in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
            value in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        ) {
            let mut batch = RecordBatch::default();
            batch.push(0, 0, key.as_deref(), value.as_deref(), Headers::default());
            for kind in [EntryKind::DeadLetter, EntryKind::Rejection] {
                let entry = Entry::read(kind, 0, &batch.front().unwrap());
                prop_assert!(!entry.reason.is_empty());
            }
        }
    }
}
