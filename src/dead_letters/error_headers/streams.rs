//! Kafka Streams' headers (KIP-1034, Kafka Streams 4.2), all text, and those that this program's engine adds to them.

use super::{ErrorHeaders, HeaderList, Writer, last, number, origin, simple_name, text};

pub(super) const PREFIX: &str = "__streams.errors.";
pub(super) const FIRST_SEEN: &str = "__streams.errors.first-seen";

pub(super) fn read(headers: &HeaderList) -> Option<ErrorHeaders> {
    let of = |name: &str| last(headers, &format!("{PREFIX}{name}"));
    let (topic, exception) = (of("topic"), of("exception"));
    topic.or(exception)?;
    let at = of("timestamp").and_then(number);
    Some(ErrorHeaders {
        origin: origin(
            topic,
            of("partition").and_then(number),
            of("offset").and_then(number),
        ),
        // Kafka Streams itself gives no code, only the exception.
        reason: of("reason")
            .map(text)
            .or_else(|| exception.map(simple_name)),
        message: of("message").map(text),
        at,
        first_seen: last(headers, FIRST_SEEN).and_then(number).or(at),
        ..ErrorHeaders::none(Writer::KafkaStreams)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::Origin;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Option<Vec<u8>>)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some(value.as_bytes().to_vec())))
            .collect()
    }

    #[test]
    fn ours_are_read_with_the_newest_word_of_each() {
        let read = read(&headers(&[
            ("id", "e1"),
            ("__streams.errors.topic", "elsewhere"),
            ("__streams.errors.first-seen", "1700000000000"),
            ("__streams.errors.topic", "order.events.v1"),
            ("__streams.errors.partition", "3"),
            ("__streams.errors.offset", "42"),
            ("__streams.errors.exception", "MALFORMED"),
            (
                "__streams.errors.message",
                "target.version is not an integer from 1 upwards",
            ),
            ("__streams.errors.reason", "MALFORMED"),
            ("__streams.errors.timestamp", "1700000009000"),
        ]))
        .unwrap();
        assert_eq!(read.origin, Some(Origin::new("order.events.v1", 3, 42)));
        assert_eq!(read.reason.as_deref(), Some("MALFORMED"));
        assert_eq!(
            (read.at, read.first_seen),
            (Some(1_700_000_009_000), Some(1_700_000_000_000))
        );
    }

    #[test]
    fn those_of_kafka_streams_itself_give_the_exception_as_the_reason() {
        let read = read(&headers(&[
            (
                "__streams.errors.exception",
                "org.apache.kafka.common.errors.SerializationException",
            ),
            ("__streams.errors.stacktrace", "at …"),
            (
                "__streams.errors.message",
                "Size of data received by LongDeserializer is not 8",
            ),
            ("__streams.errors.topic", "order.events.v1"),
            ("__streams.errors.partition", "0"),
            ("__streams.errors.offset", "7"),
        ]))
        .unwrap();
        assert_eq!(read.reason.as_deref(), Some("SerializationException"));
        assert_eq!(read.at, None);
    }

    #[test]
    fn a_place_that_is_none_is_left_out() {
        let read = read(&headers(&[
            ("__streams.errors.topic", "order.events.v1"),
            ("__streams.errors.partition", "many"),
            ("__streams.errors.offset", "42"),
        ]))
        .unwrap();
        assert_eq!(read.origin, None);
    }
}
