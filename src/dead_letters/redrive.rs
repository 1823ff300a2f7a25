//! From an entry to the record that is judged once more.

use thiserror::Error;
use topology::io::murmur2::partition_of;

use super::entry::UNREADABLE;
use super::error_headers::is_error_header;
use super::facts::{Facts, order_number};
use super::{Entry, EntryId, EntryKind};
use crate::dialect::key::ParsedKey;
use crate::dialect::{Arrival, Decoded, Decoder, Dialects};
use crate::domain::actor::Aggregate;
use crate::domain::event::OrderEvent;
use crate::domain::headers::{REDRIVE_COUNT, REDRIVE_FORCE, REDRIVE_LIMIT, REDRIVE_TOPIC, REPLAY};
use crate::domain::outcome::DeadLetterReason;
use crate::job::topics::{DELIVERY_EVENTS, INPUTS, ORDER_EVENTS, PAYMENT_EVENTS, REDRIVE};

/// What is put in place of a part of the original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Another value.
    pub value: Option<Vec<u8>>,
    /// The order number of another key.
    pub key: Option<String>,
}

/// How events are redriven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedriveOptions {
    /// Asks for a judged event to be judged again.
    pub force: bool,
    /// Counts redrives from the beginning.
    pub reset_count: bool,
    /// Consumers with side effects act on what follows; else it is marked as a replay, on which they do not.
    pub as_new: bool,
}

/// A record for `order.redrive.v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The entry that it is made of, if any.
    pub entry: Option<EntryId>,
    /// The order, for people.
    pub order_no: String,
    /// What happened, as far as it is known.
    pub action: Option<String>,
    /// The event's id, as far as it is known.
    pub event_id: Option<String>,
    /// The kind of aggregate, as far as it is known.
    pub aggregate: Option<Aggregate>,
    /// The aggregate's id, as far as it is known.
    pub target_id: Option<String>,
    /// The aggregate's version, as far as it is known.
    pub version: Option<u64>,
    /// The partition: that of the order's other events.
    pub partition: i32,
    /// Key bytes.
    pub key: Vec<u8>,
    /// Value bytes.
    pub value: Vec<u8>,
    /// Headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The original's, epoch milliseconds.
    pub timestamp: i64,
    /// The count in its headers.
    pub count: u32,
}

/// Why an entry is not sent again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It holds no event.
    #[error("it holds no event that could be sent")]
    Unreadable,
    /// It was redriven as often as is allowed.
    #[error(
        "it was redriven {0} times already, the limit is {REDRIVE_LIMIT}; find the cause, then use --reset-count"
    )]
    Limit(u32),
    /// There is no value.
    #[error("the record has no value; give it one with --value FILE")]
    NoValue,
    /// There is no key, and the event does not say which it should be.
    #[error("the record has no key, and its order cannot be read; give it one with --key ORDER")]
    NoKey,
    /// It became a dead letter because key and event differ, and one cannot tell which of them is right.
    #[error(
        "its key {key:?} is not its order {order_no:?}: say which is right, with --key ORDER or --value FILE"
    )]
    Ambiguous {
        /// The key.
        key: String,
        /// The event's order number, or what stands in its place.
        order_no: String,
    },
    /// The repaired event is still no event.
    #[error("the repaired event would be a dead letter again: {reason}: {message}")]
    StillBroken {
        /// The reason it would have.
        reason: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The repaired event belongs to another order than the key.
    #[error(
        "the repaired event is of order {order_no:?}, the key is {key:?}; repair either, the key with --key {order_no}"
    )]
    OtherOrder {
        /// The key.
        key: String,
        /// The event's order number.
        order_no: String,
    },
}

/// Makes the record that is judged once more; `partitions` is how many the inputs have. A repaired event must be readable
/// in the form of its topic, by `dialects`.
///
/// # Errors
/// Why this entry is not to be sent.
pub fn redrive(
    entry: &Entry,
    repair: &Repair,
    options: RedriveOptions,
    dialects: &Dialects,
    partitions: i32,
) -> Result<Redrive, Refusal> {
    if entry.reason == UNREADABLE {
        return Err(Refusal::Unreadable);
    }
    let before = if options.reset_count {
        0
    } else {
        entry.redrive_count
    };
    if before >= REDRIVE_LIMIT {
        return Err(Refusal::Limit(before));
    }
    let repaired = repair.value.as_deref().map(Facts::of_value);
    let value = repair
        .value
        .clone()
        .or_else(|| entry.original.value.clone())
        .ok_or(Refusal::NoValue)?;
    let key = key(entry, repair, repaired.as_ref())?;
    let facts = repaired.clone().unwrap_or_else(|| entry.facts.clone());
    let redrive = Redrive {
        entry: Some(entry.id),
        order_no: order_number(&key).unwrap_or_else(|| lossy(&key)),
        partition: partition(entry, &key, partitions),
        headers: headers(entry, repaired.as_ref(), options, before + 1),
        action: facts.action,
        event_id: facts.event_id,
        aggregate: facts.aggregate,
        target_id: facts.target_id,
        version: facts.version,
        key,
        value,
        timestamp: entry.original.timestamp,
        count: before + 1,
    };
    if repaired.is_some() {
        check_readable(&redrive, dialects)?;
    }
    Ok(redrive)
}

/// Reads the record as the processor will.
fn check_readable(redrive: &Redrive, dialects: &Dialects) -> Result<(), Refusal> {
    let arrival = Arrival {
        topic: REDRIVE,
        key: Some(&redrive.key),
        value: Some(&redrive.value),
    };
    let headers = redrive
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_deref()));
    let mut event = OrderEvent::default();
    let defect = match Decoder::new(dialects.clone()).decode(&arrival, headers, &mut event) {
        Ok(Decoded::Event) => event.defect().cloned(),
        Ok(Decoded::NoEvent(_)) => return Err(Refusal::Unreadable),
        Err(defect) => Some(defect),
    };
    match defect {
        None => Ok(()),
        Some(defect) => Err(Refusal::StillBroken {
            reason: defect.reason.name(),
            message: defect.message,
        }),
    }
}

fn key(entry: &Entry, repair: &Repair, repaired: Option<&Facts>) -> Result<Vec<u8>, Refusal> {
    let original = entry.original.key.as_deref().filter(|key| !key.is_empty());
    let was_the_defect = entry.reason == DeadLetterReason::KeyMismatch.name();
    let order_no = repaired.and_then(|facts| facts.order_no.as_deref());
    let number = match (repair.key.as_deref(), original, order_no) {
        (Some(number), _, _) => number,
        // A repaired event tells which order it is of, where the key did not.
        (None, None, Some(number)) => number,
        (None, Some(_), Some(number)) if was_the_defect => number,
        (None, Some(key), _) => {
            let known = order_number(key);
            if let (Some(order_no), Some(known)) = (order_no, known)
                && order_no != known
            {
                return Err(Refusal::OtherOrder {
                    key: known,
                    order_no: order_no.to_owned(),
                });
            }
            if was_the_defect && repaired.is_none() {
                return Err(Refusal::Ambiguous {
                    key: lossy(key),
                    order_no: entry.facts.order_no.clone().unwrap_or_default(),
                });
            }
            return Ok(key.to_vec());
        }
        (None, None, None) => entry.facts.order_no.as_deref().ok_or(Refusal::NoKey)?,
    };
    Ok(encoded(number, original))
}

/// The key of an order, written as the original was: otherwise it would belong to another partition.
fn encoded(number: &str, original: Option<&[u8]>) -> Vec<u8> {
    match original.and_then(ParsedKey::read) {
        Some(parsed) => {
            let (before, behind) = parsed.around();
            [before, number.as_bytes(), behind].concat()
        }
        None => number.as_bytes().to_vec(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Where the record was, if it was among the order's other events; else where they are.
fn partition(entry: &Entry, key: &[u8], partitions: i32) -> i32 {
    let is_input = |topic: &str| topic == REDRIVE || INPUTS.contains(&topic);
    match &entry.origin {
        Some(origin)
            if is_input(&origin.topic)
                && origin.partition < partitions
                && entry.original.key.as_deref() == Some(key) =>
        {
            origin.partition
        }
        _ => partition_of(key, partitions),
    }
}

fn headers(
    entry: &Entry,
    repaired: Option<&Facts>,
    options: RedriveOptions,
    count: u32,
) -> Vec<(String, Option<Vec<u8>>)> {
    let ours = [REDRIVE_COUNT, REDRIVE_FORCE, REDRIVE_TOPIC, REPLAY];
    // It tells how a relay had wrapped the event, and what is sent is no more wrapped.
    let is_unwrapped = repaired.is_some() || entry.id.kind == EntryKind::Rejection;
    let is_original = |name: &str| {
        let is_stale = is_unwrapped && name == "content-type";
        !(is_error_header(name) || ours.contains(&name) || is_stale)
    };
    let mut headers: Vec<(String, Option<Vec<u8>>)> = entry
        .original
        .headers
        .iter()
        .filter(|(name, _)| is_original(name))
        .map(|(name, value)| {
            // The relay's copies of what the event says.
            let said = match name.as_str() {
                "id" => repaired.and_then(|facts| facts.event_id.clone()),
                "action" => repaired.and_then(|facts| facts.action.clone()),
                _ => None,
            };
            (
                name.clone(),
                said.map(String::into_bytes).or_else(|| value.clone()),
            )
        })
        .collect();
    let mut add = |name: &str, value: &str| {
        headers.push((name.to_owned(), Some(value.as_bytes().to_vec())));
    };
    add(REDRIVE_COUNT, &count.to_string());
    if !options.as_new {
        add(REPLAY, "true");
    }
    let aggregate = repaired
        .and_then(|facts| facts.aggregate)
        .or(entry.facts.aggregate);
    if let Some(topic) = entry.source_topic().or_else(|| aggregate.map(topic_of)) {
        add(REDRIVE_TOPIC, topic);
    }
    if options.force {
        add(REDRIVE_FORCE, "true");
    }
    headers
}

/// The topic in which events of an aggregate come.
#[must_use]
pub const fn topic_of(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Order | Aggregate::Claim => ORDER_EVENTS,
        Aggregate::Payment => PAYMENT_EVENTS,
        Aggregate::Delivery => DELIVERY_EVENTS,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Letter, envelope, rejection};
    use super::*;
    use crate::dialect::{Dialect, Form, KeyForm};

    const PARTITIONS: i32 = 4;

    fn made(entry: &Entry, repair: &Repair) -> Result<Redrive, Refusal> {
        redrive(
            entry,
            repair,
            RedriveOptions::default(),
            &Dialects::default(),
            PARTITIONS,
        )
    }

    fn text<'a>(redrive: &'a Redrive, name: &str) -> Option<&'a str> {
        let mut of_name = redrive.headers.iter().filter(|(known, _)| known == name);
        let value = of_name.next()?.1.as_deref()?;
        assert!(of_name.next().is_none(), "{name} is there twice");
        std::str::from_utf8(value).ok()
    }

    fn dead_letter(reason: &str, key: Option<&[u8]>, value: &[u8]) -> Entry {
        let letter = Letter {
            key,
            value: Some(value),
            headers: &[
                ("id", b"e1"),
                ("action", b"order.accepted"),
                ("x-redrive-count", b"1"),
                ("x-redrive-force", b"true"),
                ("__streams.errors.topic", b"order.events.v1"),
                ("__streams.errors.partition", b"3"),
                ("__streams.errors.offset", b"42"),
                ("__streams.errors.reason", reason.as_bytes()),
                ("__streams.errors.first-seen", b"500"),
            ],
        };
        letter.entry("d:1:9")
    }

    #[test]
    fn a_rejected_event_goes_back_as_it_was_to_where_it_was() {
        let entry = rejection("r:0:4", "PREMATURE", "B1", "order.cancelled", 2);
        let redrive = made(&entry, &Repair::default()).unwrap();
        assert_eq!((redrive.partition, redrive.key.as_slice()), (2, &b"B1"[..]));
        assert_eq!(
            redrive.value,
            envelope("B1", "order.cancelled", 2).into_bytes()
        );
        assert_eq!(text(&redrive, "traceparent"), Some("00-1-2-01"));
        assert_eq!(text(&redrive, "x-redrive-count"), Some("1"));
        assert_eq!(text(&redrive, "x-replay"), Some("true"));
        assert_eq!(text(&redrive, "x-redrive-topic"), Some("order.events.v1"));
        assert_eq!(text(&redrive, "x-redrive-force"), None);
        assert_eq!(text(&redrive, "event-id"), None);
    }

    #[test]
    fn a_rejected_event_is_readable_again_whatever_its_topic_is_pinned_to() {
        let rejected = rejection("r:0:4", "PREMATURE", "B1", "order.cancelled", 2);
        let mut wrapped = rejected.clone();
        let structured = b"application/cloudevents+json".to_vec();
        let header = ("content-type".to_owned(), Some(structured));
        wrapped.original.headers.push(header);
        for entry in [&rejected, &wrapped] {
            let redrive = made(entry, &Repair::default()).unwrap();
            for (name, form) in Form::NAMES {
                for (_, key) in KeyForm::NAMES {
                    let dialect = Dialect {
                        form: *form,
                        key: *key,
                    };
                    let dialects = Dialects::new([(ORDER_EVENTS.to_owned(), dialect)]);
                    assert_eq!(
                        check_readable(&redrive, &dialects),
                        Ok(()),
                        "{name} {key:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn headers_about_the_error_stay_behind_and_the_count_goes_on() {
        let entry = dead_letter("UNKNOWN_ACTION", Some(b"B1"), b"{}");
        let force = RedriveOptions {
            force: true,
            ..RedriveOptions::default()
        };
        let redrive = redrive(
            &entry,
            &Repair::default(),
            force,
            &Dialects::default(),
            PARTITIONS,
        )
        .unwrap();
        let mut names: Vec<&str> = redrive
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        let expected = [
            "__streams.errors.first-seen",
            "action",
            "id",
            "x-redrive-count",
            "x-redrive-force",
            "x-redrive-topic",
            "x-replay",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            (text(&redrive, "x-redrive-count"), redrive.partition),
            (Some("2"), 3)
        );
    }

    #[test]
    fn a_repaired_event_must_be_readable_and_names_itself_in_the_headers() {
        let entry = dead_letter("MALFORMED", Some(b"B1"), b"{\"broken\":");
        let repair = |value: &str| Repair {
            value: Some(value.as_bytes().to_vec()),
            key: None,
        };
        let redrive = made(&entry, &repair(&envelope("B1", "order.relayed", 3))).unwrap();
        assert_eq!(text(&redrive, "action"), Some("order.relayed"));
        assert_eq!(text(&redrive, "id"), Some("B1-order.relayed-3"));
        assert_eq!((redrive.partition, redrive.version), (3, Some(3)));

        let refused = made(&entry, &repair("{}")).unwrap_err();
        assert!(
            matches!(
                refused,
                Refusal::StillBroken {
                    reason: "MALFORMED",
                    ..
                }
            ),
            "{refused}"
        );
        let refused = made(&entry, &repair(&envelope("B2", "order.relayed", 3))).unwrap_err();
        assert!(refused.to_string().contains("--key B2"), "{refused}");
    }

    #[test]
    fn where_the_key_was_the_defect_the_order_decides_the_partition_anew() {
        let value = envelope("B1", "order.relayed", 3);
        let home = partition_of(b"B1", PARTITIONS);
        assert_ne!(home, 3, "the test needs a key of another partition");
        let wrong = dead_letter("KEY_MISMATCH", Some(b"B9"), value.as_bytes());
        let refused = made(&wrong, &Repair::default()).unwrap_err();
        assert!(matches!(refused, Refusal::Ambiguous { .. }), "{refused}");

        let with_key = Repair {
            key: Some("B1".to_owned()),
            value: None,
        };
        let with_value = Repair {
            key: None,
            value: Some(value.clone().into_bytes()),
        };
        let keyless = dead_letter("KEY_MISMATCH", None, value.as_bytes());
        for (entry, repair) in [
            (&wrong, with_key),
            (&wrong, with_value),
            (&keyless, Repair::default()),
        ] {
            let redrive = made(entry, &repair).unwrap();
            assert_eq!(
                (redrive.key.as_slice(), redrive.partition),
                (&b"B1"[..], home),
                "{repair:?}"
            );
        }
    }

    #[test]
    fn a_corrected_key_is_written_as_the_wrong_one_was() {
        let value = envelope("B1", "order.relayed", 3);
        let wrong = dead_letter("KEY_MISMATCH", Some(br#""B9""#), value.as_bytes());
        let repair = Repair {
            key: Some("B1".to_owned()),
            value: None,
        };
        let redrive = made(&wrong, &repair).unwrap();
        assert_eq!(redrive.key, br#""B1""#);
        assert_eq!(redrive.order_no, "B1");
        assert_eq!(redrive.partition, partition_of(br#""B1""#, PARTITIONS));
    }

    #[test]
    fn the_sixth_redrive_is_refused_unless_the_count_begins_anew() {
        let mut entry = rejection("r:0:4", "PREMATURE", "B1", "order.cancelled", 2);
        entry.redrive_count = 4;
        assert_eq!(made(&entry, &Repair::default()).unwrap().count, 5);
        entry.redrive_count = 5;
        assert_eq!(made(&entry, &Repair::default()), Err(Refusal::Limit(5)));
        let anew = RedriveOptions {
            reset_count: true,
            as_new: true,
            ..RedriveOptions::default()
        };
        let redrive = redrive(
            &entry,
            &Repair::default(),
            anew,
            &Dialects::default(),
            PARTITIONS,
        )
        .unwrap();
        assert_eq!(text(&redrive, "x-redrive-count"), Some("1"));
        assert_eq!(text(&redrive, "x-replay"), None);
    }

    #[test]
    fn records_of_foreign_topics_go_to_the_partition_of_their_key() {
        let letter = Letter {
            key: Some(b"B1"),
            value: Some(b"{}"),
            headers: &[
                ("__connect.errors.topic", b"orders.internal"),
                ("__connect.errors.partition", b"3"),
                ("__connect.errors.offset", b"1"),
            ],
        };
        let redrive = made(&letter.entry("d:0:0"), &Repair::default()).unwrap();
        assert_eq!(redrive.partition, partition_of(b"B1", PARTITIONS));
        assert_eq!(text(&redrive, "x-redrive-topic"), Some("orders.internal"));
    }

    #[test]
    fn without_value_or_key_there_is_nothing_to_send() {
        let mut entry = dead_letter("MALFORMED", None, b"{}");
        assert_eq!(made(&entry, &Repair::default()), Err(Refusal::NoKey));
        entry.original.value = None;
        assert_eq!(made(&entry, &Repair::default()), Err(Refusal::NoValue));
    }
}
