//! The headers by which a dead letter says why it is one: Kafka Streams' (KIP-1034, and ours beside them), Kafka
//! Connect's, Spring's. None is trusted to be well formed.

mod connect;
mod spring;
mod streams;

use super::entry::Origin;

/// Headers of a record: names, and values that may be null.
pub type HeaderList = [(String, Option<Vec<u8>>)];

/// Who wrote a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// This program, or any other that writes as Kafka Streams does.
    KafkaStreams,
    /// A sink connector of Kafka Connect.
    KafkaConnect,
    /// An application that uses Spring for Apache Kafka.
    Spring,
    /// Nobody who says so.
    Unknown,
}

impl Writer {
    /// The name, for people and for JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KafkaStreams => "kafka-streams",
            Self::KafkaConnect => "kafka-connect",
            Self::Spring => "spring-kafka",
            Self::Unknown => "unknown",
        }
    }
}

/// What the headers say. Whatever is absent or unreadable is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorHeaders {
    /// Whose they are.
    pub writer: Writer,
    /// Where the record was read when it failed.
    pub origin: Option<Origin>,
    /// A short code, or the exception's name without its package.
    pub reason: Option<String>,
    /// What was wrong, for a person.
    pub message: Option<String>,
    /// When it became a dead letter, epoch milliseconds.
    pub at: Option<i64>,
    /// When it did for the first time, epoch milliseconds.
    pub first_seen: Option<i64>,
    /// The record's own timestamp, where the dead letter has another one; epoch milliseconds.
    pub original_timestamp: Option<i64>,
}

impl ErrorHeaders {
    const fn none(writer: Writer) -> Self {
        Self {
            writer,
            origin: None,
            reason: None,
            message: None,
            at: None,
            first_seen: None,
            original_timestamp: None,
        }
    }

    /// Reads them. A record that passed through several hands is told by the last one of this list that has headers:
    /// ours, then Connect's, then Spring's.
    #[must_use]
    pub fn read(headers: &HeaderList) -> Self {
        streams::read(headers)
            .or_else(|| connect::read(headers))
            .or_else(|| spring::read(headers))
            .unwrap_or(Self::none(Writer::Unknown))
    }
}

/// Whether a header tells of an error, so that it is no part of the original record. When the record was seen for the
/// first time is kept: the engine reads it, should the record fail again.
#[must_use]
pub fn is_error_header(name: &str) -> bool {
    (name.starts_with(streams::PREFIX) && name != streams::FIRST_SEEN)
        || name.starts_with(connect::PREFIX)
        || spring::is_error_header(name)
}

/// The value of the last header of this name, as Kafka's `lastHeader`.
fn last<'a>(headers: &'a HeaderList, name: &str) -> Option<&'a [u8]> {
    let (_, value) = headers.iter().rev().find(|(known, _)| known == name)?;
    value.as_deref()
}

/// The same of the first one.
fn first<'a>(headers: &'a HeaderList, name: &str) -> Option<&'a [u8]> {
    let (_, value) = headers.iter().find(|(known, _)| known == name)?;
    value.as_deref()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// An exception's class without its package.
fn simple_name(class: &[u8]) -> String {
    let class = text(class);
    let name = class.rsplit(['.', '$']).next().unwrap_or_default();
    name.to_owned()
}

/// A place in a log, if all parts of it are there and possible.
fn origin(topic: Option<&[u8]>, partition: Option<i32>, offset: Option<i64>) -> Option<Origin> {
    let topic = text(topic?);
    let (partition, offset) = (partition?, offset?);
    (!topic.is_empty() && partition >= 0 && offset >= 0).then_some(Origin {
        topic,
        partition,
        offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any of the names that are read, and any other.
    fn name() -> impl Strategy<Value = String> {
        let known = [
            "__streams.errors.topic",
            "__streams.errors.partition",
            "__streams.errors.offset",
            "__streams.errors.timestamp",
            "__streams.errors.exception",
            "__connect.errors.topic",
            "__connect.errors.partition",
            "__connect.errors.offset",
            "__connect.errors.exception.class.name",
            "kafka_dlt-original-topic",
            "kafka_dlt-original-partition",
            "kafka_dlt-original-offset",
            "kafka_dlt-exception-fqcn",
            "kafka_original-partition",
        ];
        prop_oneof![
            prop::sample::select(known.map(str::to_owned).to_vec()),
            any::<String>()
        ]
    }

    proptest! {
        #[test]
        fn any_headers_are_read_without_a_panic_and_an_origin_is_a_possible_one(
            headers in prop::collection::vec(
                (name(), prop::option::of(prop::collection::vec(any::<u8>(), 0..12))),
                0..20,
            )
        ) {
            let read = ErrorHeaders::read(&headers);
            if let Some(origin) = read.origin {
                prop_assert!(origin.partition >= 0 && origin.offset >= 0 && !origin.topic.is_empty());
            }
            for (name, _) in &headers {
                let _ = is_error_header(name);
            }
        }
    }

    #[test]
    fn headers_of_errors_are_told_from_those_of_the_record() {
        for name in [
            "__streams.errors.reason",
            "__connect.errors.exception.stacktrace",
            "kafka_dlt-exception-message",
            "kafka_original-topic",
        ] {
            assert!(is_error_header(name), "{name}");
        }
        for name in [
            "id",
            "traceparent",
            "kafka_correlationId",
            "__streams.errors.first-seen",
        ] {
            assert!(!is_error_header(name), "{name}");
        }
    }

    #[test]
    fn a_record_without_any_such_header_is_nobodys() {
        let headers = [("id".to_owned(), Some(b"e1".to_vec()))];
        assert_eq!(
            ErrorHeaders::read(&headers),
            ErrorHeaders::none(Writer::Unknown)
        );
    }
}
