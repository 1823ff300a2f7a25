//! One value of a setting: from what a file, a variable or a flag says to its type, or what is wrong with it.

use std::net::SocketAddr;

use figment::value::Value;

use topology::runtime::Share;

use super::nearest::hint;
use super::secret::Secret;
use super::settings::{Choice, Included};
use crate::domain::aggregates::{BusinessAggregate, BusinessAggregateSet};

/// Kafka's bound of a topic's name is 249; what the engine appends to the application's id has to fit too.
const MAX_ID_LENGTH: usize = 120;

pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Dict(..) => "a table".to_owned(),
        Value::Array(..) => "a list".to_owned(),
        Value::Empty(..) => "nothing".to_owned(),
        Value::String(_, text) => format!("\"{text}\""),
        other => scalar(other).unwrap_or_default(),
    }
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, character) => Some(character.to_string()),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => {
            let whole = number.to_i128().map(|number| number.to_string());
            whole
                .or_else(|| number.to_u128().map(|number| number.to_string()))
                .or_else(|| number.to_f64().map(|number| number.to_string()))
        }
        Value::Empty(..) | Value::Dict(..) | Value::Array(..) => None,
    }
}

pub(super) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(_, text) if !text.trim().is_empty() => Ok(text.clone()),
        other => Err(format!(
            "must be a text that is not empty, not {}",
            kind(other)
        )),
    }
}

/// A name that Kafka takes as part of a topic's name.
pub(super) fn identifier(value: &Value) -> Result<String, String> {
    let id = text(value)?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if id.len() <= MAX_ID_LENGTH && id.chars().all(allowed) && id != "." && id != ".." {
        return Ok(id);
    }
    Err(format!(
        "\"{id}\" must be at most {MAX_ID_LENGTH} of a-z, A-Z, 0-9, \".\", \"_\", \"-\", as in a topic's name"
    ))
}

pub(super) fn whole(value: &Value, (least, most): (u64, u64)) -> Result<u64, String> {
    // Variables and flags come as text.
    let number = scalar(value).and_then(|text| text.trim().replace('_', "").parse::<u64>().ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            format!(
                "must be a whole number from {least} to {most}, not {}",
                kind(value)
            )
        })
}

pub(super) fn number<T: TryFrom<u64>>(value: &Value, range: (u64, u64)) -> Result<T, String> {
    T::try_from(whole(value, range)?).map_err(|_| format!("is too large: {}", kind(value)))
}

pub(super) fn boolean(value: &Value) -> Result<bool, String> {
    match scalar(value).as_deref() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(format!("must be true or false, not {}", kind(value))),
    }
}

pub(super) fn share(value: &Value) -> Result<Share, String> {
    let part = scalar(value).and_then(|text| text.trim().parse::<f64>().ok());
    part.filter(|part| (0.0..=1.0).contains(part))
        .map(Share::of)
        .ok_or_else(|| {
            let found = kind(value);
            format!("must be a share from 0 to 1 such as 0.01, not {found}")
        })
}

pub(super) fn application_server(value: &Value) -> Result<String, String> {
    let server = text(value)?;
    match topology::runtime::check_application_server(&server) {
        Ok(()) => Ok(server),
        Err(error) => Err(error.detail().to_owned()),
    }
}

/// What an HTTP header can carry; what was given is not repeated.
pub(super) fn token(value: &Value) -> Result<Secret, String> {
    let token = scalar(value).unwrap_or_default();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be letters, digits and signs of ASCII without spaces".to_owned());
    }
    Ok(Secret::new(token))
}

pub(super) fn choice<T: Choice>(value: &Value) -> Result<T, String> {
    let wanted = scalar(value);
    let found = T::CHOICES
        .iter()
        .find(|(name, _)| wanted.as_deref() == Some(name));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<String> = T::CHOICES
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        format!("must be {}, not {}", names.join(" or "), kind(value))
    })
}

/// A list of texts, or one text with commas, as variables and flags have it.
pub(super) fn list(value: &Value, of: &str) -> Result<Vec<String>, String> {
    match value {
        Value::Array(_, items) => items
            .iter()
            .map(|item| {
                scalar(item)
                    .ok_or_else(|| format!("must be a list of texts, not of {}", kind(item)))
            })
            .collect(),
        Value::String(_, text) => Ok(text
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect()),
        other => Err(format!("must be a list of {of}, not {}", kind(other))),
    }
}

/// `all`, or the names of aggregates.
pub(super) fn included(value: &Value) -> Result<Included, String> {
    let names = list(value, "aggregates")?;
    if names == [Included::ALL_NAME] {
        return Ok(Included::ALL);
    }
    if names.is_empty() {
        return Err("must name at least one aggregate, or \"all\"".to_owned());
    }
    let mut included = BusinessAggregateSet::EMPTY;
    for name in names {
        let aggregate = BusinessAggregate::from_name(&name).ok_or_else(|| {
            let known = BusinessAggregate::ALL.iter();
            let known = known.map(|aggregate| aggregate.name());
            format!("\"{name}\" is no aggregate{}", hint(&name, known))
        })?;
        included = included.with(aggregate);
    }
    Ok(Included(included))
}

pub(super) fn address(value: &Value) -> Result<SocketAddr, String> {
    scalar(value)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            format!(
                "must be an address and a port such as 127.0.0.1:8080 or [::1]:8080, not {}",
                kind(value)
            )
        })
}
