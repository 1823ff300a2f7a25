//! What can be read of an event, however broken the rest of it is.

use serde_json::Value;

use crate::domain::actor::Aggregate;

/// Larger values are no events of anybody; they are not searched.
const MAX_BYTES: usize = 1 << 20;

/// The parts of an event by which people look for it. Each may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The event's id.
    pub event_id: Option<String>,
    /// What happened.
    pub action: Option<String>,
    /// The order, as the event names it.
    pub order_no: Option<String>,
    /// The kind of aggregate that changed.
    pub aggregate: Option<Aggregate>,
    /// The aggregate's id.
    pub target_id: Option<String>,
    /// The aggregate's version.
    pub version: Option<u64>,
}

impl Facts {
    /// Reads an envelope, bare or as the `payload` of an outbox relay's message.
    #[must_use]
    pub fn of_value(bytes: &[u8]) -> Self {
        if bytes.len() > MAX_BYTES {
            return Self::default();
        }
        match serde_json::from_slice(bytes) {
            Ok(value) => Self::of_json(&value, 0),
            Err(_) => Self::default(),
        }
    }

    fn of_json(value: &Value, depth: u8) -> Self {
        // A relay wraps at most twice: the message in its schema, the payload as text in the message.
        if depth < 3 && value.get("target").is_none() {
            match value.get("payload") {
                Some(Value::String(text)) => {
                    if let Ok(inner) = serde_json::from_str(text) {
                        return Self::of_json(&inner, depth + 1);
                    }
                }
                Some(inner @ Value::Object(_)) => return Self::of_json(inner, depth + 1),
                _ => {}
            }
        }
        let text = |path: &str| match value.pointer(path) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        Self {
            event_id: text("/id"),
            action: text("/action"),
            order_no: text("/target/orderNo"),
            aggregate: text("/target/type").and_then(|name| Aggregate::from_name(&name)),
            target_id: text("/target/id"),
            version: value.pointer("/target/version").and_then(Value::as_u64),
        }
    }
}

/// The order number in a record's key: bare, as JSON text, or as the `payload` of either.
///
/// ```
/// use jumun::dead_letters::facts::order_number;
///
/// for key in ["B1", "\"B1\"", r#"{"schema":{},"payload":"B1"}"#] {
///     assert_eq!(order_number(key.as_bytes()).as_deref(), Some("B1"), "{key}");
/// }
/// ```
#[must_use]
pub fn order_number(key: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(key).ok()?.trim();
    let number = match text.as_bytes().first()? {
        b'"' | b'{' => {
            let value: Value = serde_json::from_str(text).ok()?;
            value
                .as_str()
                .or_else(|| value.get("payload")?.as_str())?
                .to_owned()
        }
        _ => text.to_owned(),
    };
    let is_plain = |number: &String| !number.is_empty() && !number.contains(char::is_control);
    Some(number).filter(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_is_found_in_whatever_the_relay_wrapped_it() {
        let event = r#"{"id":"e1","target":{"type":"order","id":"B1","orderNo":"B1","version":7},"action":"order.accepted"}"#;
        let as_text = serde_json::to_string(event).unwrap();
        for wrapped in [
            event.to_owned(),
            format!(r#"{{"payload":{event}}}"#),
            format!(r#"{{"payload":{as_text}}}"#),
            format!(r#"{{"schema":{{}},"payload":{{"payload":{as_text}}}}}"#),
        ] {
            let facts = Facts::of_value(wrapped.as_bytes());
            assert_eq!(facts.event_id.as_deref(), Some("e1"), "{wrapped}");
            assert_eq!(facts.version, Some(7), "{wrapped}");
            assert_eq!(facts.aggregate, Some(Aggregate::Order), "{wrapped}");
        }
    }

    #[test]
    fn parts_of_the_wrong_type_are_absent_and_the_others_are_not() {
        let broken =
            r#"{"id":7,"target":{"type":"cart","orderNo":"B1","version":-1},"action":null}"#;
        let facts = Facts::of_value(broken.as_bytes());
        let expected = Facts {
            order_no: Some("B1".to_owned()),
            ..Facts::default()
        };
        assert_eq!(facts, expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Facts::of_value(&bytes);
            let _ = order_number(&bytes);
        }
    }
}
