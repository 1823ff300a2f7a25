//! Which form the records of a topic have: by configuration, or as each record shows.

use serde::Serialize;

/// The form of a topic's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Whichever each record shows. A plain envelope is tried first, and costs next to nothing more than by [`Form::Plain`].
    #[default]
    Detect,
    /// The envelope as JSON, and nothing else; headers are not looked at.
    Plain,
    /// What Debezium's outbox event router makes of a row. Here a null value is an event without information if its
    /// headers say which.
    DebeziumOutbox,
    /// Change events of the outbox table. Here a null value is the tombstone behind a delete.
    DebeziumRaw,
    /// CloudEvents 1.0, binary or structured.
    CloudEvents,
    /// Id, order, action, version and time.
    Thin,
}

impl Form {
    /// The names by which a form is configured.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("detect", Self::Detect),
        ("plain", Self::Plain),
        ("debezium_outbox", Self::DebeziumOutbox),
        ("debezium_raw", Self::DebeziumRaw),
        ("cloudevents", Self::CloudEvents),
        ("thin", Self::Thin),
    ];
}

/// How the keys of a topic hold the order number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// As each record shows.
    #[default]
    Detect,
    /// The order number's bytes.
    Bare,
    /// A JSON string, or a JSON object with a member `aggregateid`.
    Json,
    /// Kafka Connect's `{"schema": …, "payload": …}` around either.
    Schema,
}

impl KeyForm {
    /// The names by which a form is configured.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("detect", Self::Detect),
        ("bare", Self::Bare),
        ("json", Self::Json),
        ("schema", Self::Schema),
    ];
}

/// How the records of one topic are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dialect {
    /// The values.
    pub form: Form,
    /// The keys.
    pub key: KeyForm,
}

/// How the records of each topic are read.
///
/// ```
/// use jumun::dialect::{Dialect, Dialects, Form};
///
/// let thin = Dialect { form: Form::Thin, ..Dialect::default() };
/// let dialects = Dialects::new([("order.events.v1".to_owned(), thin)]);
/// assert_eq!(dialects.of("order.events.v1"), thin);
/// assert_eq!(dialects.of("payment.events.v1"), Dialect::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialects {
    chosen: Vec<(String, Dialect)>,
}

impl Dialects {
    /// These for these topics, detection for all others.
    #[must_use]
    pub fn new(chosen: impl IntoIterator<Item = (String, Dialect)>) -> Self {
        let chosen = chosen.into_iter();
        Self {
            chosen: chosen
                .filter(|(_, dialect)| *dialect != Dialect::default())
                .collect(),
        }
    }

    /// That of a topic.
    #[must_use]
    pub fn of(&self, topic: &str) -> Dialect {
        self.chosen
            .iter()
            .find(|(name, _)| name == topic)
            .map_or_else(Dialect::default, |(_, dialect)| *dialect)
    }
}
