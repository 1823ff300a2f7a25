//! `asyncapi.yaml` and `schemas/`, as what records are held to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use jumun_harness::Record;
use serde_json::{Map, Value};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A schema with its validator.
pub struct Schema {
    pub json: Value,
    validator: Validator,
}

impl Schema {
    pub fn new(json: Value) -> Schema {
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
        let validator = options
            .should_validate_formats(true)
            .build(&json)
            .unwrap_or_else(|error| panic!("{error}: {json}"));
        Schema { json, validator }
    }

    pub fn of_file(path: &Path) -> Schema {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Schema::new(serde_json::from_str(&text).unwrap())
    }

    /// What is wrong with a value, a line per mistake.
    pub fn mistakes(&self, value: &Value) -> Vec<String> {
        let mistakes = self.validator.iter_errors(value);
        mistakes
            .map(|error| format!("{} at {:?}", error, error.instance_path().to_string()))
            .collect()
    }

    /// Every member that the schema describes, by path.
    pub fn described(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        self.describe(&self.json, "", &mut paths);
        paths
    }

    fn describe(&self, schema: &Value, path: &str, paths: &mut BTreeSet<String>) {
        for schema in self.parts(schema) {
            for (name, inner) in members(schema) {
                let path = format!("{path}/{name}");
                self.describe(inner, &path, paths);
                paths.insert(path);
            }
            if let Some(items) = schema.get("items") {
                self.describe(items, &format!("{path}/*"), paths);
            }
        }
    }

    /// Notes the path of each member of a value that the schema describes in `seen`, and of the others in `unknown`.
    pub fn compare(
        &self,
        value: &Value,
        seen: &mut BTreeSet<String>,
        unknown: &mut BTreeSet<String>,
    ) {
        self.walk(&[&self.json], value, "", seen, unknown);
    }

    fn walk(
        &self,
        schemas: &[&Value],
        value: &Value,
        path: &str,
        seen: &mut BTreeSet<String>,
        unknown: &mut BTreeSet<String>,
    ) {
        let parts: Vec<&Value> = schemas
            .iter()
            .flat_map(|schema| self.parts(schema))
            .collect();
        match value {
            // Where a schema describes no member, any is welcome.
            Value::Object(value) if parts.iter().any(|part| part.get("properties").is_some()) => {
                for (name, inner) in value {
                    let path = format!("{path}/{name}");
                    let described: Vec<&Value> = parts
                        .iter()
                        .filter_map(|part| part.get("properties")?.get(name))
                        .collect();
                    self.walk(&described, inner, &path, seen, unknown);
                    let noted = if described.is_empty() {
                        &mut *unknown
                    } else {
                        &mut *seen
                    };
                    noted.insert(path);
                }
            }
            Value::Array(values) => {
                let items: Vec<&Value> =
                    parts.iter().filter_map(|part| part.get("items")).collect();
                for value in values {
                    self.walk(&items, value, &format!("{path}/*"), seen, unknown);
                }
            }
            _ => {}
        }
    }

    /// The schema itself and what it refers to; all alternatives where there are any.
    fn parts<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let mut parts = vec![schema];
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.json.pointer(reference.trim_start_matches('#'));
            parts.extend(self.parts(target.unwrap_or_else(|| panic!("no {reference}"))));
        }
        for alternative in schema
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            parts.extend(self.parts(alternative));
        }
        parts
    }
}

fn members(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// What is promised of a topic.
pub struct Channel {
    pub cleanup_policy: String,
    pub retention_ms: Option<u64>,
    pub key: Schema,
    pub headers: Schema,
    pub payload: Schema,
    pub is_json: bool,
}

impl Channel {
    /// What is wrong with a record.
    pub fn mistakes(&self, record: &Record) -> Vec<String> {
        let mut mistakes = Vec::new();
        let text = |bytes: &[u8]| Value::String(String::from_utf8_lossy(bytes).into_owned());
        let mut check = |part: &str, schema: &Schema, value: &Value| {
            let of_part = schema.mistakes(value).into_iter();
            mistakes.extend(of_part.map(|mistake| format!("{part}: {mistake}")));
        };
        check(
            "key",
            &self.key,
            &record.key.as_deref().map_or(Value::Null, text),
        );
        check("headers", &self.headers, &headers(record));
        if self.is_json {
            let value = record.value.as_deref().unwrap_or_default();
            match serde_json::from_slice(value) {
                Ok(value) => check("value", &self.payload, &value),
                Err(error) => mistakes.push(format!("value: {error}")),
            }
        }
        mistakes
    }
}

/// The headers of a record as an object; of several with one name the last counts.
pub fn headers(record: &Record) -> Value {
    let pairs = record.headers.iter().map(|(name, value)| {
        let value = value.as_deref().map(String::from_utf8_lossy);
        (name.clone(), value.map_or(Value::Null, Value::from))
    });
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// `asyncapi.yaml`.
pub struct Contract {
    pub channels: BTreeMap<String, Channel>,
    /// The files it refers to.
    pub files: BTreeSet<PathBuf>,
}

impl Contract {
    pub fn read() -> Contract {
        let text = fs::read_to_string(root().join("asyncapi.yaml")).unwrap();
        Contract::of(&text).unwrap()
    }

    /// The error names a reference to what is not there.
    pub fn of(text: &str) -> Result<Contract, String> {
        let document: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let mut files = BTreeSet::new();
        check_references(&document, &document, &mut files)?;
        let mut channels = BTreeMap::new();
        for channel in document["channels"].as_object().into_iter().flatten() {
            let channel = channel.1;
            let message = channel["messages"]
                .as_object()
                .and_then(|of| of.values().next());
            let message = resolved(&document, message.unwrap_or(&Value::Null));
            let schema = |value: &Value| match value {
                Value::Null => Schema::new(Value::Bool(true)),
                value => Schema::new(resolved(&document, value)),
            };
            let topic = &channel["bindings"]["kafka"]["topicConfiguration"];
            let policies = topic["cleanup.policy"].as_array().into_iter().flatten();
            let policies: Vec<&str> = policies.filter_map(Value::as_str).collect();
            let address = channel["address"].as_str().unwrap_or_default().to_owned();
            let channel = Channel {
                cleanup_policy: policies.join(","),
                retention_ms: topic["retention.ms"].as_u64(),
                key: schema(&message["bindings"]["kafka"]["key"]),
                headers: schema(&message["headers"]),
                payload: schema(&message["payload"]),
                is_json: message["contentType"].is_null(),
            };
            channels.insert(address, channel);
        }
        Ok(Contract { channels, files })
    }
}

fn check_references(
    document: &Value,
    value: &Value,
    files: &mut BTreeSet<PathBuf>,
) -> Result<(), String> {
    if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        let exists = match reference.strip_prefix('#') {
            Some(pointer) => document.pointer(pointer).is_some(),
            None => {
                let file = root().join(reference.trim_start_matches("./"));
                let is_file = file.is_file();
                files.insert(file);
                is_file
            }
        };
        if !exists {
            return Err(format!("a reference to {reference}, which is not there"));
        }
    }
    let members = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, member)| member);
    let mut inner = members.chain(value.as_array().into_iter().flatten());
    inner.try_for_each(|inner| check_references(document, inner, files))
}

fn resolved(document: &Value, value: &Value) -> Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
        return value.clone();
    };
    match reference.strip_prefix('#') {
        Some(pointer) => document.pointer(pointer).cloned().unwrap_or_default(),
        None => Schema::of_file(&root().join(reference.trim_start_matches("./"))).json,
    }
}
