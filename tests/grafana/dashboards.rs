//! The dashboards as they are shipped, and the queries in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of all that is Grafana's and Prometheus's.
pub fn grafana() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana")
}

/// Files of a folder with such an ending, by name.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(grafana().join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|file| file.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}: no {ending}");
    files
}

pub struct Dashboard {
    /// The file without its ending.
    pub file: String,
    pub json: Value,
}

/// A question that somebody who looks at a dashboard has asked.
pub struct Query {
    /// Dashboard and panel or variable, for people.
    pub place: String,
    /// With variables in it.
    pub expression: String,
    /// Empty for a variable's.
    pub legend: String,
    /// Empty for a variable's.
    pub unit: String,
    /// Of a panel that shows one value.
    pub is_single: bool,
}

pub fn all() -> Vec<Dashboard> {
    files("dashboards", ".json")
        .iter()
        .map(|file| Dashboard {
            file: file.file_stem().unwrap().to_string_lossy().into_owned(),
            json: serde_json::from_str(&fs::read_to_string(file).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", file.display())),
        })
        .collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Dashboard {
    pub fn title(&self) -> &str {
        text(&self.json["title"])
    }

    pub fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"])
    }

    pub fn has_variable(&self, name: &str) -> bool {
        self.variables().iter().any(|it| it["name"] == name)
    }

    /// Rows among them.
    pub fn panels(&self) -> &[Value] {
        list(&self.json["panels"])
    }

    /// Of every panel and variable.
    pub fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for variable in self.variables() {
            if let Some((selector, label)) = label_values(variable) {
                queries.push(Query {
                    place: format!("{}, variable {}", self.title(), text(&variable["name"])),
                    expression: format!("count by ({label}) ({selector})"),
                    legend: format!("{{{{{label}}}}}"),
                    unit: String::new(),
                    is_single: false,
                });
            }
        }
        for panel in self.panels() {
            for target in list(&panel["targets"]) {
                queries.push(Query {
                    place: format!("{}, panel {}", self.title(), text(&panel["title"])),
                    expression: text(&target["expr"]).to_owned(),
                    legend: text(&target["legendFormat"]).to_owned(),
                    unit: text(&panel["fieldConfig"]["defaults"]["unit"]).to_owned(),
                    is_single: panel["type"] == "stat",
                });
            }
        }
        queries
    }
}

/// What a variable asks for: `label_values(<selector>, <label>)`.
pub fn label_values(variable: &Value) -> Option<(&str, &str)> {
    let query = text(&variable["query"]["query"]);
    let inner = query.strip_prefix("label_values(")?.strip_suffix(')')?;
    inner.rsplit_once(", ")
}

/// As Grafana would send it with everything chosen.
pub fn substituted(expression: &str, dashboard: &Dashboard) -> String {
    let mut values: BTreeMap<String, &str> = BTreeMap::new();
    for variable in dashboard.variables() {
        let all = variable["allValue"].as_str().unwrap_or_default();
        values.insert(format!("${}", text(&variable["name"])), all);
    }
    // Four scrapes and more, as Grafana makes it.
    values.insert("$__rate_interval".to_owned(), "10s");
    let mut expression = expression.to_owned();
    for (name, value) in &values {
        expression = expression.replace(name, value);
    }
    assert!(!expression.contains('$'), "{expression}");
    expression
}

/// The labels that a legend is made of.
pub fn labels_of(legend: &str) -> Vec<&str> {
    let parts = legend.split("{{").skip(1);
    parts
        .map(|part| part.split_once("}}").unwrap().0.trim())
        .collect()
}
