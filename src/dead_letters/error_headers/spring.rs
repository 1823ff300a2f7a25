//! Spring for Apache Kafka (`KafkaHeaders`, `DeadLetterPublishingRecoverer`): topic and exceptions as text, the partition
//! as four bytes, offset and timestamp as eight, big-endian. Its retry topics write the same values under shorter names.

use super::{ErrorHeaders, HeaderList, Writer, first, last, origin, simple_name, text};

/// Of dead letters, and of retry topics.
const PREFIXES: [&str; 2] = ["kafka_dlt-", "kafka_"];

pub(super) fn is_error_header(name: &str) -> bool {
    let shorter = ["original-", "exception-", "key-exception-"];
    match name.strip_prefix("kafka_") {
        Some(rest) => {
            rest.starts_with("dlt-") || shorter.iter().any(|prefix| rest.starts_with(prefix))
        }
        None => false,
    }
}

pub(super) fn read(headers: &HeaderList) -> Option<ErrorHeaders> {
    PREFIXES
        .iter()
        .find_map(|prefix| read_named(headers, prefix))
}

fn read_named(headers: &HeaderList, prefix: &str) -> Option<ErrorHeaders> {
    // A record that failed in several topics has several: the first tells where it came from, the last why it is here.
    let of_first = |name: &str| first(headers, &format!("{prefix}{name}"));
    let of_last = |name: &str| last(headers, &format!("{prefix}{name}"));
    let topic = of_first("original-topic")?;
    let exception = of_last("exception-cause-fqcn")
        .or_else(|| of_last("exception-fqcn"))
        .or_else(|| of_last("key-exception-fqcn"));
    let message = of_last("exception-message").or_else(|| of_last("key-exception-message"));
    Some(ErrorHeaders {
        origin: origin(
            Some(topic),
            of_first("original-partition").and_then(int),
            of_first("original-offset").and_then(long),
        ),
        reason: exception.map(simple_name),
        message: message.map(text),
        original_timestamp: of_first("original-timestamp")
            .and_then(long)
            .filter(|timestamp| *timestamp >= 0),
        ..ErrorHeaders::none(Writer::Spring)
    })
}

fn int(bytes: &[u8]) -> Option<i32> {
    bytes.try_into().ok().map(i32::from_be_bytes)
}

fn long(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::Origin;

    /// As a listener's recoverer writes them; `ByteBuffer.putInt` and `putLong` are big-endian.
    fn written(prefix: &str) -> Vec<(String, Option<Vec<u8>>)> {
        let bytes: [(&str, &[u8]); 10] = [
            ("original-topic", b"order.events.v1"),
            ("original-partition", &[0, 0, 0, 5]),
            ("original-offset", &[0, 0, 0, 1, 0, 0, 0, 2]),
            (
                "original-timestamp",
                &[0, 0, 1, 0x9a, 0x9f, 0x44, 0x00, 0x00],
            ),
            ("original-timestamp-type", b"CreateTime"),
            ("original-consumer-group", b"notification"),
            (
                "exception-fqcn",
                b"org.springframework.kafka.listener.ListenerExecutionFailedException",
            ),
            (
                "exception-cause-fqcn",
                b"com.example.OrderListener$UnknownStoreException",
            ),
            ("exception-message", b"Listener failed; no store st_9"),
            ("exception-stacktrace", b"org.springframework\xff\n\tat "),
        ];
        bytes
            .map(|(name, value)| (format!("{prefix}{name}"), Some(value.to_vec())))
            .to_vec()
    }

    #[test]
    fn a_listeners_dead_letter_is_understood_under_both_names() {
        for prefix in PREFIXES {
            let read = read(&written(prefix)).unwrap();
            assert_eq!(read.writer, Writer::Spring);
            assert_eq!(
                read.origin,
                Some(Origin::new("order.events.v1", 5, (1 << 32) + 2)),
                "{prefix}"
            );
            assert_eq!(read.reason.as_deref(), Some("UnknownStoreException"));
            assert_eq!(
                read.message.as_deref(),
                Some("Listener failed; no store st_9")
            );
            assert_eq!(read.original_timestamp, Some(0x019a_9f44_0000));
        }
    }

    #[test]
    fn of_several_failures_the_first_tells_the_place_and_the_last_the_reason() {
        let mut headers = written("kafka_dlt-");
        headers.extend([
            (
                "kafka_dlt-original-topic".to_owned(),
                Some(b"order.events.v1-retry".to_vec()),
            ),
            (
                "kafka_dlt-exception-cause-fqcn".to_owned(),
                Some(b"java.io.IOException".to_vec()),
            ),
        ]);
        let read = read(&headers).unwrap();
        assert_eq!(read.origin.unwrap().topic, "order.events.v1");
        assert_eq!(read.reason.as_deref(), Some("IOException"));
    }

    #[test]
    fn a_partition_of_the_wrong_length_is_no_place() {
        let mut headers = written("kafka_dlt-");
        headers[1].1 = Some(b"5".to_vec());
        assert_eq!(read(&headers).unwrap().origin, None);
    }
}
