//! Conditions on the JSON value of a record.

use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

/// A member of the value, by its path, has a value: `event.action=order.cancelled`.
///
/// ```
/// use jumun::tap::Condition;
///
/// let condition: Condition = "target.version=7".parse().unwrap();
/// let value = serde_json::json!({"target": {"version": 7}});
/// assert!(condition.holds(&value));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    path: String,
    wanted: String,
}

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not FIELD=VALUE, for example action=order.cancelled or target.version=7")]
pub struct ParseConditionError(String);

impl FromStr for Condition {
    type Err = ParseConditionError;

    fn from_str(text: &str) -> Result<Self, ParseConditionError> {
        match text.split_once('=') {
            Some((path, wanted)) if !path.is_empty() => Ok(Self {
                path: path.to_owned(),
                wanted: wanted.to_owned(),
            }),
            _ => Err(ParseConditionError(text.to_owned())),
        }
    }
}

impl Condition {
    /// Whether it holds. A member that is absent counts as `null`; of an array one element is enough.
    #[must_use]
    pub fn holds(&self, value: &Value) -> bool {
        match at_path(value, &self.path) {
            None => self.wanted == "null",
            Some(Value::Array(elements)) => elements.iter().any(|element| self.is(element)),
            Some(found) => self.is(found),
        }
    }

    fn is(&self, found: &Value) -> bool {
        match found {
            Value::String(text) => *text == self.wanted,
            other => serde_json::from_str(&self.wanted).is_ok_and(|wanted: Value| wanted == *other),
        }
    }
}

/// The member at a path of names and indices, separated by dots. A name that itself has dots is found too.
#[must_use]
pub fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = member(value, path) {
        return Some(found);
    }
    let mut dots = path.match_indices('.');
    dots.find_map(|(dot, _)| {
        let (name, rest) = path.split_at_checked(dot)?;
        at_path(member(value, name)?, rest.strip_prefix('.')?)
    })
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(elements) => elements.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(condition: &str, expected: bool) {
        let value = json!({
            "action": "order.cancelled",
            "hold": true,
            "target": {"version": 7, "id": null},
            "flags": ["contradicted", "incomplete"],
            "facts": [{"action": "order.created"}],
            "versions": {"delivery": {"dl.v-1": 3}},
        });
        let parsed: Condition = condition.parse().unwrap();
        assert_eq!(parsed.holds(&value), expected, "{condition}");
    }

    #[test]
    fn members_are_compared_as_they_are_written() {
        check("action=order.cancelled", true);
        check("action=order", false);
        check("hold=true", true);
        check("target.version=7", true);
        check("target.version=7.0", false);
        check("target.id=null", true);
        check("target.type=null", true);
        check("flags=incomplete", true);
        check("flags=bad_time", false);
        check("facts.0.action=order.created", true);
        check("versions.delivery.dl.v-1=3", true);
        check(r#"target={"id":null,"version":7}"#, true);
    }

    #[test]
    fn what_has_no_field_is_refused() {
        for text in ["", "=", "=x", "action"] {
            let error = text.parse::<Condition>().unwrap_err().to_string();
            assert!(error.contains("FIELD=VALUE"), "{error}");
        }
    }
}
