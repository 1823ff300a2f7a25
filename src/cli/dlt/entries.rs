//! Entries as text and as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cli::output::time;
use crate::dead_letters::Entry;
use crate::dead_letters::advice::Advice;

/// The headings of [`row`].
pub(super) const HEADINGS: [&str; 8] = [
    "ID", "TIME", "REASON", "ORDER", "SOURCE", "ACTION", "REDRIVES", "MESSAGE",
];
/// Longer messages are cut in a table; `show` has the whole.
const MESSAGE_CHARS: usize = 100;

pub(super) fn row(entry: &Entry) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let message: String = entry.message.chars().take(MESSAGE_CHARS).collect();
    vec![
        entry.id.to_string(),
        time(entry.at),
        entry.reason.clone(),
        or_dash(entry.order_no.clone()),
        or_dash(entry.origin.as_ref().map(ToString::to_string)),
        or_dash(event(entry)),
        entry.redrive_count.to_string(),
        message.replace(char::is_control, " "),
    ]
}

/// Action and version, as far as they are known.
pub(super) fn event(entry: &Entry) -> Option<String> {
    let action = entry.facts.action.clone()?;
    Some(match entry.facts.version {
        Some(version) => format!("{action} v{version}"),
        None => action,
    })
}

/// What `list` tells of an entry.
pub(super) fn summary_json(entry: &Entry) -> Map<String, Value> {
    let source = entry.origin.as_ref().map(|origin| {
        json!({"topic": origin.topic, "partition": origin.partition, "offset": origin.offset})
    });
    let facts = &entry.facts;
    object(json!({
        "id": entry.id.to_string(),
        "reason": entry.reason,
        "message": entry.message,
        "at": time(entry.at),
        "firstSeen": time(entry.first_seen),
        "orderNo": entry.order_no,
        "source": source,
        "sourceTopic": entry.source_topic(),
        "eventId": facts.event_id,
        "action": facts.action,
        "aggregate": facts.aggregate.map(|aggregate| aggregate.name()),
        "targetId": facts.target_id,
        "version": facts.version,
        "redriveCount": entry.redrive_count,
        "writer": entry.writer.name(),
    }))
}

/// What `show` tells of an entry.
pub(super) fn whole_json(entry: &Entry, advice: &Advice) -> Map<String, Value> {
    let mut object = summary_json(entry);
    if let Some(before) = &entry.before {
        object.insert("status".to_owned(), json!(before.status));
        object.insert("regions".to_owned(), json!(before.regions));
        object.insert("versions".to_owned(), json!(before.versions));
        object.insert("parkedMs".to_owned(), json!(before.parked_ms));
    }
    let original = &entry.original;
    let bytes = |bytes: &Option<Vec<u8>>| bytes.as_deref().map_or(Value::Null, bytes_json);
    let headers: Vec<Value> = original
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": bytes(value)}))
        .collect();
    object.insert("headers".to_owned(), Value::Array(headers));
    object.insert("key".to_owned(), bytes(&original.key));
    object.insert("value".to_owned(), bytes(&original.value));
    object.insert("timestamp".to_owned(), json!(time(original.timestamp)));
    object.insert("advice".to_owned(), json!(advice.sentence));
    object.insert("commands".to_owned(), json!(advice.commands));
    object
}

/// Text as text; other bytes as an object with their hexadecimal digits.
pub(super) fn bytes_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"hex": hexadecimal(bytes)}),
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// How many entries there are of a reason and a topic, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) oldest: i64,
    pub(super) newest: i64,
}

/// Counts by reason and source topic.
pub(super) fn tally(entries: &[Entry]) -> BTreeMap<(String, String), Tally> {
    let mut tallies = BTreeMap::new();
    for entry in entries {
        let topic = entry.source_topic().unwrap_or("-").to_owned();
        let tally = tallies
            .entry((entry.reason.clone(), topic))
            .or_insert(Tally {
                count: 0,
                oldest: entry.at,
                newest: entry.at,
            });
        tally.count += 1;
        tally.oldest = tally.oldest.min(entry.at);
        tally.newest = tally.newest.max(entry.at);
    }
    tallies
}
