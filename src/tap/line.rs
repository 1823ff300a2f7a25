//! One record as one line.

use serde_json::{Value, json};
use topology::io::{RecordView, TopicPartition};

use super::at_path;
use crate::domain::time::write_rfc3339_kst;
use crate::job::topics::{
    AGGREGATES, DEAD_LETTERS, DETECTOR, INPUTS, LATE_AGGREGATES, RECONCILE, REDRIVE, REJECTED, SLA,
    STATE, TRANSITIONS,
};

/// Of values that are not shown by their members so many characters are shown.
const VALUE_CHARS: usize = 400;

const EVENT: &[&str] = &[
    "action",
    "target.type",
    "target.version",
    "actor.type",
    "info.reason",
    "id",
];
const TRANSITION: &[&str] = &[
    "seq", "action", "outcome", "from", "to", "reason", "hold", "replay",
];
const ORDER: &[&str] = &["status", "seq", "versions", "flags", "amount", "refunded"];
const REJECTION: &[&str] = &[
    "reason",
    "event.action",
    "event.target.version",
    "status",
    "detail",
];
const CONTRADICTION: &[&str] = &["kind", "status", "facts.0.action", "facts.1.action"];
const LATE: &[&str] = &["timer", "level", "deadline", "status"];
const FINDING: &[&str] = &["detector", "phase", "value", "baseline", "startedAt"];
const AGGREGATE: &[&str] = &["value", "n", "rev", "final"];
const LATE_AGGREGATE: &[&str] = &["delta", "occurredAt", "eventId"];

/// What matters of the records of a topic.
fn fields(topic: &str) -> &'static [&'static str] {
    match topic {
        TRANSITIONS => TRANSITION,
        STATE => ORDER,
        REJECTED => REJECTION,
        RECONCILE => CONTRADICTION,
        SLA => LATE,
        DETECTOR => FINDING,
        AGGREGATES => AGGREGATE,
        LATE_AGGREGATES => LATE_AGGREGATE,
        topic if topic == REDRIVE || topic == DEAD_LETTERS || INPUTS.contains(&topic) => EVENT,
        _ => &[],
    }
}

/// Headers that say why a record is where it is; shown of these topics.
fn telling_headers(topic: &str) -> &'static [&'static str] {
    match topic {
        DEAD_LETTERS => &["__streams.errors.reason", "__streams.errors.message"],
        REDRIVE => &["x-redrive-count", "x-redrive-force", "x-redrive-topic"],
        _ => &[],
    }
}

/// For people: time, place, key, and what matters.
#[must_use]
pub fn text_line(
    partition: &TopicPartition,
    record: &RecordView<'_>,
    value: Option<&Value>,
    with_headers: bool,
) -> String {
    let (topic, number) = (partition.topic.as_str(), partition.partition);
    let mut line = format!("{} {number}/{} ", time(record.timestamp), record.offset);
    line += &record.key.map_or_else(|| "(no key)".to_owned(), plain);
    for name in telling_headers(topic) {
        if let Some(text) = record.headers.last(name) {
            let name = name.rsplit('.').next().unwrap_or(name);
            line += &format!(" {name}={}", plain(text));
        }
    }
    let mut shown = false;
    for path in fields(topic) {
        if let Some(found) = value.and_then(|value| at_path(value, path)) {
            line += &format!(" {}={}", name_of(path), member(found));
            shown = true;
        }
    }
    if !shown {
        let text = record.value.map_or_else(|| "(null)".to_owned(), plain);
        line.push(' ');
        line.extend(text.chars().take(VALUE_CHARS));
    }
    if with_headers {
        for (name, value) in record.headers.iter() {
            let text = value.map_or_else(|| "(null)".to_owned(), plain);
            line += &format!("\n    {name}: {text}");
        }
    }
    line
}

/// For programs.
#[must_use]
pub fn json_line(
    partition: &TopicPartition,
    record: &RecordView<'_>,
    value: Option<&Value>,
) -> String {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<Value> = record
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value.map(lossy)}))
        .collect();
    let value = match (value, record.value) {
        (Some(value), _) => value.clone(),
        (None, bytes) => json!(bytes.map(lossy)),
    };
    let line = json!({
        "topic": partition.topic,
        "partition": partition.partition,
        "offset": record.offset,
        "time": time(record.timestamp),
        "key": record.key.map(lossy),
        "headers": headers,
        "value": value,
    });
    line.to_string()
}

fn time(epoch_ms: i64) -> String {
    let mut text = Vec::new();
    write_rfc3339_kst(&mut text, epoch_ms);
    plain(&text)
}

/// The last name of a path, and the one before it where that alone would say too little.
fn name_of(path: &str) -> &str {
    let last = path.rsplit('.').next().unwrap_or(path);
    if matches!(last, "type" | "action") && path.contains('.') {
        path
    } else {
        last
    }
}

fn member(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains(' ') => plain(text.as_bytes()),
        other => other.to_string(),
    }
}

/// Text that tells a terminal nothing.
fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use topology::io::{HeaderBuffer, RecordBatch};

    fn line(topic: &str, value: &[u8], headers: &[(&str, &[u8])], with_headers: bool) -> String {
        let mut buffer = HeaderBuffer::default();
        for (name, value) in headers {
            buffer.push(name, Some(value));
        }
        let mut batch = RecordBatch::default();
        batch.push(
            17,
            1_795_143_600_000,
            Some(b"B1"),
            Some(value),
            buffer.view(),
        );
        let parsed: Option<Value> = serde_json::from_slice(value).ok();
        let partition = TopicPartition::new(topic, 3);
        text_line(
            &partition,
            &batch.front().unwrap(),
            parsed.as_ref(),
            with_headers,
        )
    }

    #[test]
    fn of_our_topics_the_members_that_matter_are_shown() {
        let event = br#"{"id":"e1","target":{"type":"order","version":7},"action":"order.accepted","actor":{"type":"STORE"},"info":{}}"#;
        assert_eq!(
            line("order.events.v1", event, &[], false),
            "2026-11-20T12:00:00.000+09:00 3/17 B1 action=order.accepted target.type=order version=7 actor.type=STORE id=e1"
        );
        let rejection = br#"{"reason":"SEQ_GAP","status":"NONE","detail":"a gap","event":{"action":"order.accepted"}}"#;
        let shown = line("order.rejected.v1", rejection, &[], false);
        assert!(
            shown.ends_with(
                r#"reason=SEQ_GAP event.action=order.accepted status=NONE detail="a gap""#
            ),
            "{shown}"
        );
    }

    #[test]
    fn of_a_dead_letter_the_reason_is_shown_and_its_bytes_are_made_harmless() {
        let headers: [(&str, &[u8]); 1] = [("__streams.errors.reason", b"MALFORMED")];
        let shown = line("order.dlt.v1", b"\x1b[2J\xff", &headers, true);
        assert!(
            shown.contains("reason=MALFORMED \u{fffd}[2J\u{fffd}"),
            "{shown}"
        );
        assert!(
            shown.ends_with("\n    __streams.errors.reason: MALFORMED"),
            "{shown}"
        );
    }

    #[test]
    fn for_programs_a_value_that_is_no_json_is_text() {
        let mut batch = RecordBatch::default();
        batch.push(17, 0, None, Some(b"{"), topology::io::Headers::default());
        let partition = TopicPartition::new("t", 3);
        let line = json_line(&partition, &batch.front().unwrap(), None);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["value"], &line["key"]), (&json!("{"), &Value::Null));
    }
}
