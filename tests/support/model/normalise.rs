//! What two records of the same meaning may differ in.

use serde_json::{Map, Value, json};

/// Fields that cannot be known from outside, by record: they hang on the wall clock, or their text is free.
const IGNORED_FIELDS: [(&str, &str); 3] = [
    ("state", "updatedAt"),
    ("reconcile", "at"),
    ("rejection", "detail"),
];

/// The flags of a state that the design names; others are an implementation's own.
const COMPARED_FLAGS: [&str; 5] = [
    "contradicted",
    "incomplete",
    "ghost_delivery",
    "bad_time",
    "pressed_late",
];

/// Takes out what may differ: ignored fields, the two spellings of "absent", and what an order that does not exist
/// has (a rejection may say so by null or by the values from which every order starts).
pub fn normalised(kind: &str, value: &Value) -> Value {
    let mut value = without_nulls(value);
    let Some(fields) = value.as_object_mut() else {
        return value;
    };
    for (_, ignored) in IGNORED_FIELDS.iter().filter(|(of, _)| *of == kind) {
        fields.remove(*ignored);
    }
    let nothing = json!({"main": "NONE", "kitchen": "IDLE", "delivery": "NONE", "payment": "NONE", "claim": "NONE"});
    if kind == "rejection" {
        remove_if(fields, "parkedMs", &json!(0));
        remove_if(fields, "status", &json!("NONE"));
        remove_if(fields, "regions", &nothing);
    }
    if kind == "transition" {
        remove_if(fields, "replay", &json!(false));
    }
    if let Some(Value::Object(versions)) = fields.get_mut("versions") {
        versions.retain(|_, version| *version != json!(0) && *version != json!({}));
        if versions.is_empty() {
            fields.remove("versions");
        }
    }
    if let Some(Value::Array(flags)) = fields.remove("flags") {
        let mut flags: Vec<String> = flags
            .iter()
            .filter_map(|flag| flag.as_str().map(str::to_string))
            .collect();
        flags.retain(|flag| COMPARED_FLAGS.contains(&flag.as_str()));
        flags.sort();
        fields.insert("flags".to_string(), json!(flags));
    }
    if kind == "state" && !fields.contains_key("flags") {
        fields.insert("flags".to_string(), json!([]));
    }
    value
}

fn remove_if(fields: &mut Map<String, Value>, name: &str, value: &Value) {
    if fields.get(name) == Some(value) {
        fields.remove(name);
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
