//! The layers a configuration is put together from. Each becomes a tree of figment's; the later one wins.

use std::path::PathBuf;

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::error::ConfigurationError;
use super::events::{EVENTS, split};

const PREFIX: &str = "JUMUN__";
const SEPARATOR: &str = "__";
/// The section whose keys are properties with dots of their own.
pub(super) const KAFKA: &str = "kafka";
/// The tables in `[kafka]` that hold for one client only.
pub(super) const SCOPES: [&str; 2] = ["consumer", "producer"];

pub(super) const FILE_LAYER: &str = "file";
pub(super) const ENVIRONMENT_LAYER: &str = "environment";
pub(super) const FLAGS_LAYER: &str = "flags";

/// Where a configuration is read from.
#[derive(Clone, Default)]
pub struct Sources {
    /// A TOML file; it must exist.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `JUMUN__` are passed over.
    pub environment: Vec<(String, String)>,
    /// What was said on the command line.
    pub flags: Flags,
}

impl Sources {
    /// `file` and `flags` with the environment of this process.
    pub fn of_process(file: Option<PathBuf>, flags: Flags) -> Self {
        // A variable that is not UTF-8 is none of ours; `std::env::vars` would panic on it.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            file,
            environment,
            flags,
        }
    }
}

/// Settings given on the command line.
#[derive(Clone, Default)]
pub struct Flags(Vec<(String, String)>);

impl Flags {
    /// Adds the setting `key`, named as in the file with its section: `application.state_dir`,
    /// `kafka.bootstrap.servers`, `kafka.consumer.fetch.min.bytes`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.0.push((key.to_owned(), value.to_string()));
        self
    }

    /// Adds the setting if there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

/// One layer with its name, ready to be merged.
struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Merges all layers; what cannot be read at all is added to `errors` and left out.
pub(super) fn merge(sources: &Sources, errors: &mut Vec<ConfigurationError>) -> Figment {
    let mut figment = Figment::new();
    if let Some(path) = &sources.file {
        match read_file(path) {
            Ok(values) => {
                let metadata = Metadata::from(FILE_LAYER, path.as_path());
                figment = figment.merge(Layer { metadata, values });
            }
            Err(problem) => errors.push(ConfigurationError {
                place: path.display().to_string(),
                problem,
            }),
        }
    }
    let environment = sources.environment.iter().filter_map(|(name, value)| {
        let path = name
            .strip_prefix(PREFIX)?
            .split(SEPARATOR)
            .map(str::to_lowercase)
            .collect();
        Some((topic_dots(kafka_dots(path)), value))
    });
    let flags = sources
        .flags
        .0
        .iter()
        .map(|(key, value)| (flag_path(key), value));
    figment
        .merge(Layer {
            metadata: Metadata::named(ENVIRONMENT_LAYER),
            values: tree(environment),
        })
        .merge(Layer {
            metadata: Metadata::named(FLAGS_LAYER),
            values: tree(flags),
        })
}

fn read_file(path: &std::path::Path) -> Result<Dict, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let data = Toml::string(&text)
        .data()
        .map_err(|error| error.to_string().trim().to_owned())?;
    let mut values = data.into_values().next().unwrap_or_default();
    if let Some(Value::Dict(_, kafka)) = values.get_mut(KAFKA) {
        *kafka = flatten(std::mem::take(kafka));
    }
    if let Some(Value::Dict(_, events)) = values.get_mut(EVENTS) {
        *events = by_topic(std::mem::take(events));
    }
    Ok(values)
}

/// In TOML an unquoted `bootstrap.servers` is a table `bootstrap` with a key `servers`; both spellings mean one thing.
fn flatten(kafka: Dict) -> Dict {
    let mut flat = Dict::new();
    for (key, value) in kafka {
        match value {
            Value::Dict(tag, table) if SCOPES.contains(&key.as_str()) => {
                let mut properties = Dict::new();
                flatten_into(&mut properties, String::new(), Value::Dict(tag, table));
                flat.insert(key, Value::Dict(tag, properties));
            }
            value => flatten_into(&mut flat, key, value),
        }
    }
    flat
}

fn flatten_into(flat: &mut Dict, prefix: String, value: Value) {
    match value {
        Value::Dict(_, table) => {
            for (key, value) in table {
                let key = if prefix.is_empty() {
                    key
                } else {
                    format!("{prefix}.{key}")
                };
                flatten_into(flat, key, value);
            }
        }
        value => {
            flat.insert(prefix, value);
        }
    }
}

/// A topic's name is quoted or not, as properties of `[kafka]` are: `[events."order.events.v1"]`.
fn by_topic(events: Dict) -> Dict {
    let mut flat = Dict::new();
    for (key, value) in events {
        flatten_into(&mut flat, key, value);
    }
    let mut topics = Dict::new();
    for (path, value) in flat {
        let (topic, key) = split(&path);
        match key {
            None => {
                topics.insert(path, value);
            }
            Some(key) => {
                let entry = topics
                    .entry(topic.to_owned())
                    .or_insert_with(|| Value::from(Dict::new()));
                if let Value::Dict(_, settings) = entry {
                    settings.insert(key.to_owned(), value);
                }
            }
        }
    }
    topics
}

/// `events`, `order_events_v1`, `form` → `events`, `order.events.v1`, `form`.
fn topic_dots(mut path: Vec<String>) -> Vec<String> {
    if let [section, topic, ..] = path.as_mut_slice()
        && section == EVENTS
    {
        *topic = topic.replace('_', ".");
    }
    path
}

/// `kafka`, `consumer`, `fetch_min_bytes` → `kafka`, `consumer`, `fetch.min.bytes`.
fn kafka_dots(mut path: Vec<String>) -> Vec<String> {
    if path.first().is_some_and(|section| section == KAFKA)
        && path.len() > 1
        && let Some(property) = path.last_mut()
    {
        *property = property.replace('_', ".");
    }
    path
}

/// `kafka.consumer.fetch.min.bytes` → `kafka`, `consumer`, `fetch.min.bytes`.
fn flag_path(key: &str) -> Vec<String> {
    let mut path = Vec::new();
    let mut rest = key;
    if let Some((section, key)) = rest.split_once('.') {
        path.push(section.to_owned());
        rest = key;
        if section == KAFKA
            && let Some((scope, key)) = rest
                .split_once('.')
                .filter(|(scope, _)| SCOPES.contains(scope))
        {
            path.push(scope.to_owned());
            rest = key;
        }
    }
    if path.first().is_some_and(|section| section == EVENTS) {
        let (topic, key) = split(rest);
        path.push(topic.to_owned());
        path.extend(key.map(str::to_owned));
        return path;
    }
    path.push(rest.to_owned());
    path
}

/// Values stay the text they are: `0123` may be a password.
fn tree<'a>(settings: impl Iterator<Item = (Vec<String>, &'a String)>) -> Dict {
    let mut root = Dict::new();
    for (path, text) in settings {
        insert(&mut root, &path, text);
    }
    root
}

fn insert(dict: &mut Dict, path: &[String], text: &str) {
    match path {
        [] => {}
        [key] => {
            dict.insert(key.clone(), Value::from(text));
        }
        [key, rest @ ..] => {
            let entry = dict
                .entry(key.clone())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, text);
            }
        }
    }
}
