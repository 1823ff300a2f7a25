//! The few parts of an envelope that a replay needs, read leniently.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The parts of an envelope that make a record. Every part may be missing or of any type.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) target: Option<Target<'a>>,
    #[serde(borrow)]
    pub(super) action: Scalar<'a>,
    #[serde(borrow)]
    pub(super) time: Option<Time<'a>>,
    #[serde(borrow)]
    pub(super) schema: Option<Schema<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Target<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Scalar<'a>,
    #[serde(borrow, rename = "orderNo")]
    pub(super) order_number: Scalar<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Time<'a> {
    #[serde(borrow, rename = "recordedAt")]
    pub(super) recorded_at: Scalar<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Schema<'a> {
    #[serde(borrow)]
    pub(super) version: Scalar<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads what there is to read; a line that is not JSON is an empty envelope.
    pub(super) fn read(line: &'a [u8]) -> Self {
        // The first way is the fast one, but stops at an object that is none and at a name that
        // stands twice.
        serde_json::from_slice(line)
            .or_else(|_| serde_json::from_slice(line).map(|value| Self::from_value(&value)))
            .unwrap_or_default()
    }

    fn from_value(value: &Value) -> Self {
        let scalar = |path: &str| match value.pointer(path) {
            Some(Value::String(text)) => Scalar::Text(Cow::Owned(text.clone())),
            Some(Value::Number(number)) => number.as_u64().map_or(Scalar::Other, Scalar::Number),
            _ => Scalar::Other,
        };
        Self {
            id: scalar("/id"),
            target: Some(Target {
                kind: scalar("/target/type"),
                order_number: scalar("/target/orderNo"),
            }),
            action: scalar("/action"),
            time: Some(Time {
                recorded_at: scalar("/time/recordedAt"),
            }),
            schema: Some(Schema {
                version: scalar("/schema/version"),
            }),
        }
    }
}

/// A text or a number; anything else is read over.
#[derive(Default)]
pub(super) enum Scalar<'a> {
    #[default]
    Other,
    Text(Cow<'a, str>),
    Number(u64),
}

impl<'a> Scalar<'a> {
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    pub(super) const fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self {
            Some(*number)
        } else {
            None
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
