//! Kafka Connect's headers, all text (`DeadLetterQueueReporter`, with `errors.deadletterqueue.context.headers.enable`).
//! The dead letter keeps key, value and timestamp of the record.

use super::{ErrorHeaders, HeaderList, Writer, last, number, origin, simple_name, text};

pub(super) const PREFIX: &str = "__connect.errors.";

pub(super) fn read(headers: &HeaderList) -> Option<ErrorHeaders> {
    let of = |name: &str| last(headers, &format!("{PREFIX}{name}"));
    let topic = of("topic")?;
    // Which connector failed, and at what, is of more use beside the message than alone.
    let stage = of("stage").map(text);
    let connector = of("connector.name").map(text);
    let message = of("exception.message").map(text);
    let message = match (message, stage, connector) {
        (Some(message), Some(stage), Some(connector)) => {
            Some(format!("{message} (connector {connector}, {stage})"))
        }
        (message, _, _) => message,
    };
    Some(ErrorHeaders {
        origin: origin(
            Some(topic),
            of("partition").and_then(number),
            of("offset").and_then(number),
        ),
        reason: of("exception.class.name").map(simple_name),
        message,
        ..ErrorHeaders::none(Writer::KafkaConnect)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::Origin;

    /// As a sink connector writes them whose converter does not understand a value.
    fn written() -> Vec<(String, Option<Vec<u8>>)> {
        let bytes: [(&str, &[u8]); 10] = [
            ("__connect.errors.topic", b"order.events.v1"),
            ("__connect.errors.partition", b"11"),
            ("__connect.errors.offset", b"8675309"),
            ("__connect.errors.connector.name", b"orders-to-mongo"),
            ("__connect.errors.task.id", b"0"),
            ("__connect.errors.stage", b"VALUE_CONVERTER"),
            ("__connect.errors.class.name", b"org.apache.kafka.connect.json.JsonConverter"),
            (
                "__connect.errors.exception.class.name",
                b"org.apache.kafka.connect.errors.DataException",
            ),
            (
                "__connect.errors.exception.message",
                b"Converting byte[] to Kafka Connect data failed due to serialization error: ",
            ),
            (
                "__connect.errors.exception.stacktrace",
                b"org.apache.kafka.connect.errors.DataException: Converting\n\tat org.apache.kafka\xe2\x80\xa6",
            ),
        ];
        bytes
            .map(|(name, value)| (name.to_owned(), Some(value.to_vec())))
            .to_vec()
    }

    #[test]
    fn a_sink_connectors_dead_letter_is_understood() {
        let read = read(&written()).unwrap();
        assert_eq!(read.writer, Writer::KafkaConnect);
        assert_eq!(
            read.origin,
            Some(Origin::new("order.events.v1", 11, 8_675_309))
        );
        assert_eq!(read.reason.as_deref(), Some("DataException"));
        let message = read.message.unwrap();
        assert!(
            message.contains("serialization error") && message.contains("orders-to-mongo"),
            "{message}"
        );
    }

    #[test]
    fn an_absent_record_has_no_origin() {
        // What Connect writes when it no longer has the consumer's record.
        let mut headers = written();
        headers[0].1 = Some(Vec::new());
        headers[1].1 = Some(b"-1".to_vec());
        headers[2].1 = Some(b"-1".to_vec());
        assert_eq!(read(&headers).unwrap().origin, None);
    }
}
