//! `[events."<topic>"]`: how the records of an input topic are read.
//!
//! ```toml
//! [events."order.events.v1"]
//! form = "debezium_outbox"   # detect, plain, debezium_outbox, debezium_raw, cloudevents, thin
//! key = "json"               # detect, bare, json, schema
//! ```

use std::collections::BTreeMap;

use figment::value::{Dict, Value};
use serde::Serialize;

use super::load::Reader;
use super::nearest::nearest;
use super::values::{kind, scalar};
use crate::dialect::topics::INPUTS;
use crate::dialect::{Dialect, Dialects, Form, KeyForm};

/// The section's name.
pub(super) const EVENTS: &str = "events";
const KEYS: [&str; 2] = ["form", "key"];

/// How the records of each input topic are read. By default both values and keys show it themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Events(BTreeMap<String, Dialect>);

impl Default for Events {
    fn default() -> Self {
        let topics = INPUTS.iter().map(|topic| (*topic).to_owned());
        Self(topics.map(|topic| (topic, Dialect::default())).collect())
    }
}

impl Events {
    /// The same for a decoder.
    #[must_use]
    pub fn dialects(&self) -> Dialects {
        Dialects::new(
            self.0
                .iter()
                .map(|(topic, dialect)| (topic.clone(), *dialect)),
        )
    }
}

impl Reader<'_> {
    pub(super) fn events(&mut self) -> Events {
        let mut events = Events::default();
        let table = match self.tree.remove(EVENTS) {
            Some(Value::Dict(_, table)) => table,
            Some(other) => {
                self.error(&other, EVENTS, "must be a table".to_owned());
                return events;
            }
            None => Dict::new(),
        };
        for topic in INPUTS {
            for key in KEYS {
                let origin = super::load::DEFAULT_ORIGIN.to_owned();
                self.origins
                    .insert(format!("{EVENTS}.{topic}.{key}"), origin);
            }
        }
        for (topic, value) in table {
            let path = format!("{EVENTS}.{topic}");
            let Some(dialect) = events.0.get_mut(&topic) else {
                let hint = nearest(&topic, INPUTS.into_iter())
                    .map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"));
                let problem = format!(
                    "\"{topic}\" is no input topic, those are {}{hint}",
                    INPUTS.join(", ")
                );
                // A table has no place of its own, what is in it has.
                let inner = value.as_dict().and_then(|table| table.iter().next());
                match inner {
                    Some((key, inner)) => self.error(inner, &format!("{path}.{key}"), problem),
                    None => self.error(&value, &path, problem),
                }
                continue;
            };
            match value {
                Value::Dict(_, table) => self.topic(&path, table, dialect),
                other => self.error(&other, &path, "must be a table".to_owned()),
            }
        }
        events
    }

    fn topic(&mut self, path: &str, table: Dict, dialect: &mut Dialect) {
        for (key, value) in table {
            let path = format!("{path}.{key}");
            let taken = match key.as_str() {
                "form" => named(&value, Form::NAMES).map(|form| dialect.form = form),
                "key" => named(&value, KeyForm::NAMES).map(|key| dialect.key = key),
                unknown => {
                    let hint = nearest(unknown, KEYS.into_iter())
                        .map_or_else(String::new, |name| format!("; did you mean {name}?"));
                    Err(format!("unknown key {path}{hint}"))
                }
            };
            match taken {
                Ok(()) => {
                    let place = self.place(&value, &path);
                    self.origins.insert(path, place);
                }
                Err(problem) => self.error(&value, &path, problem),
            }
        }
    }
}

/// One of the values of these names.
fn named<T: Copy>(value: &Value, names: &[(&'static str, T)]) -> Result<T, String> {
    let wanted = scalar(value).unwrap_or_default();
    if let Some((_, found)) = names.iter().find(|(name, _)| *name == wanted) {
        return Ok(*found);
    }
    let hint = nearest(&wanted, names.iter().map(|(name, _)| *name))
        .map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"));
    let all: Vec<String> = names
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    Err(format!(
        "must be {}, not {}{hint}",
        all.join(" or "),
        kind(value)
    ))
}

/// `order.events.v1.form` → `order.events.v1`, `form`.
pub(super) fn split(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once('.') {
        Some((topic, key)) => (topic, Some(key)),
        None => (path, None),
    }
}

/// The variable that sets `events.<topic>.<key>`: `JUMUN__EVENTS__ORDER_EVENTS_V1__FORM`.
pub(super) fn variable(path: &str) -> Option<String> {
    let (topic, key) = split(path.strip_prefix("events.")?);
    let topic = topic.replace('.', "_").to_uppercase();
    let key = key.map_or_else(String::new, |key| format!("__{}", key.to_uppercase()));
    Some(format!("JUMUN__EVENTS__{topic}{key}"))
}
