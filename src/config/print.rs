//! The effective configuration as `jumun config` prints it: secrets masked, each setting with its origin.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::load::Effective;

/// How a configuration is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A file that could be read back, with the origin of each setting as a comment.
    Toml,
    /// For programs; without origins.
    Json,
}

impl Effective {
    /// The configuration as text that ends with a line break.
    ///
    /// # Errors
    ///
    /// A setting that JSON cannot express, such as a path that is not UTF-8.
    pub fn print(&self, format: Format) -> Result<String, serde_json::Error> {
        match format {
            Format::Json => Ok(serde_json::to_string_pretty(&self.configuration)? + "\n"),
            Format::Toml => {
                let mut text = String::new();
                if let Value::Object(sections) = serde_json::to_value(&self.configuration)? {
                    for (name, section) in &sections {
                        if let Value::Object(section) = section {
                            self.table(&mut text, name, name, section);
                        }
                    }
                }
                Ok(text)
            }
        }
    }

    /// `name` is the table's as TOML writes it, `path` the setting it stands for.
    fn table(&self, text: &mut String, name: &str, path: &str, table: &Map<String, Value>) {
        let is_empty = !table.is_empty() && table.values().all(Value::is_object);
        if !is_empty {
            self.settings(text, name, path, table);
        }
        for (key, value) in table {
            if let Value::Object(inner) = value
                && !inner.is_empty()
            {
                let (name, path) = (format!("{name}.{}", toml_key(key)), format!("{path}.{key}"));
                self.table(text, &name, &path, inner);
            }
        }
    }

    fn settings(&self, text: &mut String, name: &str, path: &str, table: &Map<String, Value>) {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "[{name}]");
        for (key, value) in table.iter().filter(|(_, value)| !value.is_object()) {
            let origin = self
                .origins
                .get(&format!("{path}.{key}"))
                .map_or("default", String::as_str);
            let line = format!("{} = {}", toml_key(key), toml_value(value));
            // A control character in a file's name would end the comment.
            let origin = origin.replace(char::is_control, " ");
            let _ = writeln!(text, "{line:<48} # {origin}");
        }
    }
}

fn toml_key(key: &str) -> String {
    let bare =
        |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    if key.chars().all(bare) {
        key.to_owned()
    } else {
        toml_value(&Value::from(key))
    }
}

/// JSON's texts, numbers and booleans are TOML's too, but for the one control character that JSON leaves as it is.
fn toml_value(value: &Value) -> String {
    value.to_string().replace('\u{7f}', "\\u007f")
}
