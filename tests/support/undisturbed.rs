//! How every order ends if nothing goes wrong, and which did not end so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::model::normalise::normalised;
use crate::support::model::{InputRecord, Model, Policy};
use crate::support::mutations::Event;

/// What has to be the same at the end. Times are not: they are those of when it was judged.
const COMPARED: [&str; 9] = [
    "status",
    "regions",
    "versions",
    "amount",
    "refunded",
    "seq",
    "fulfilment",
    "attempts",
    "reassigned",
];

/// The states after a clean day, as the model has them; fails if the day is not clean.
pub fn undisturbed(events: &[Event]) -> BTreeMap<String, Value> {
    let mut model = Model::new(Policy::STRICT);
    model.set_now(events.iter().map(|event| event.timestamp).max().unwrap());
    for (offset, event) in events.iter().enumerate() {
        let judged = model.feed(&InputRecord {
            topic: event.topic.to_owned(),
            partition: 0,
            offset: i64::try_from(offset).unwrap(),
            key: Some(event.order_no.clone().into_bytes()),
            value: Some(event.value.clone()),
            headers: Vec::new(),
            timestamp: event.timestamp,
        });
        assert!(judged.name().starts_with('A'), "{}", judged.name());
    }
    model.states()
}

/// Orders that do not end as they would have, and in what they differ.
pub fn changed(
    undisturbed: &BTreeMap<String, Value>,
    found: &BTreeMap<String, Value>,
) -> BTreeMap<String, String> {
    let orders: BTreeSet<&String> = undisturbed.keys().chain(found.keys()).collect();
    let mut changed = BTreeMap::new();
    for order_no in orders {
        let (Some(expected), Some(found)) = (undisturbed.get(order_no), found.get(order_no)) else {
            let there = found.contains_key(order_no);
            changed.insert(order_no.clone(), format!("there is a state: {there}"));
            continue;
        };
        let [expected, found] = [expected, found].map(|state| normalised("state", state));
        let of = |state: &Value, field: &str| state.get(field).cloned().unwrap_or_default();
        let differences: Vec<String> = COMPARED
            .iter()
            .filter(|field| of(&expected, field) != of(&found, field))
            .map(|field| {
                format!(
                    "{field} {}, not {}",
                    of(&found, field),
                    of(&expected, field)
                )
            })
            .collect();
        if !differences.is_empty() {
            changed.insert(order_no.clone(), differences.join("; "));
        }
    }
    changed
}
