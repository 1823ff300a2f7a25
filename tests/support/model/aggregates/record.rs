//! The records of `order.agg.1m.v1` and `order.agg.1m.late.v1`: every field that 2.7 names, and the key.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

use super::super::outputs::time;
use super::WINDOW;
use super::grouping::{DUP_ORDER_SUSPECT, Grouping};

/// What both kinds of records say.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub grouping: Grouping,
    /// The key without the window.
    pub group: String,
    /// Start of the window, epoch milliseconds.
    pub window: i64,
}

/// A revision of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    pub place: Place,
    /// Of a gauge that is one value of several, that one; 0 of others that are no number.
    pub value: i64,
    /// The value, if it is no number, and how many deltas are in it.
    pub rich: Option<(Value, i64)>,
    pub rev: u64,
    pub is_final: bool,
}

/// What came after a window was closed.
#[derive(Debug, Clone, PartialEq)]
pub struct LateDelta {
    pub place: Place,
    pub delta: i64,
    /// The delta, if it is no number.
    pub rich: Option<Value>,
    /// Of a gauge: windows that begin before this were closed already, epoch milliseconds.
    pub closed_before: Option<i64>,
}

impl Update {
    /// Reads a record of `order.agg.1m.v1`; the error says what is wrong with it.
    pub fn read(key: &[u8], value: &[u8]) -> Result<Update, String> {
        let (key, value) = texts(key, value)?;
        let place = Place::read(&value)?;
        let expected = place.key();
        if key != expected {
            return Err(format!("the key should be {expected}"));
        }
        let n = integer(&value, "n")?;
        let rich = rich_of(place.grouping, &value["value"])?.map(|rich| (rich, n));
        let number = match &rich {
            None => integer(&value, "value")?,
            Some((rich, _)) => rich[place.grouping.gauge_member()]
                .as_i64()
                .unwrap_or_default(),
        };
        if n < 0 || (rich.is_none() && !place.grouping.is_gauge && n != number) {
            return Err(format!("n is {n}, value {number}"));
        }
        let rev = integer(&value, "rev")?;
        Ok(Update {
            value: number,
            rich,
            rev: u64::try_from(rev).map_err(|_| format!("rev is {rev}"))?,
            is_final: value["final"].as_bool().ok_or("final is no boolean")?,
            place,
        })
    }
}

impl LateDelta {
    /// Reads a record of `order.agg.1m.late.v1`; the error says what is wrong with it.
    pub fn read(key: &[u8], value: &[u8]) -> Result<LateDelta, String> {
        let (key, value) = texts(key, value)?;
        let place = Place::read(&value)?;
        let expected = place.key();
        let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u64>().is_ok());
        let mut rest = key
            .strip_prefix(&expected)
            .and_then(|rest| rest.strip_prefix('|'))
            .unwrap_or_default()
            .split('|');
        if !(number(rest.next()) && number(rest.next()) && rest.next().is_none()) {
            return Err(format!("the key should be {expected}|<partition>|<n>"));
        }
        moment(&value, "occurredAt")?;
        // Deltas are handed over once per commit, and an event that is not known any more is not named.
        if !(value["eventId"].is_null()
            || value["eventId"].as_str().is_some_and(|id| !id.is_empty()))
        {
            return Err("eventId is no name".to_owned());
        }
        let rich = rich_of(place.grouping, &value["delta"])?;
        let delta = match &rich {
            None => integer(&value, "delta")?,
            Some(rich) => rich[place.grouping.gauge_member()]
                .as_i64()
                .unwrap_or_default(),
        };
        // An order that had ended after all takes pairs away.
        let least = match place.grouping == DUP_ORDER_SUSPECT && delta != 0 {
            true => i64::MIN,
            false => 1,
        };
        if delta < least && rich.is_none() && !place.grouping.is_gauge {
            return Err(format!("a count cannot move by {delta}"));
        }
        let closed_before = match place.grouping.is_gauge {
            true => Some(moment(&value, "closedBefore")?),
            false => None,
        };
        if closed_before.is_some_and(|closed_before| closed_before <= place.window) {
            return Err("its own window was not closed".to_owned());
        }
        Ok(LateDelta {
            place,
            delta,
            rich,
            closed_before,
        })
    }
}

impl Place {
    fn read(value: &Value) -> Result<Place, String> {
        let agg = value["agg"].as_str().unwrap_or_default();
        let grouping = Grouping::named(agg).ok_or_else(|| format!("agg is {agg:?}"))?;
        let dims = value["dims"].as_object().ok_or("no dims")?;
        if let Some(other) = dims
            .keys()
            .find(|name| !grouping.dims.contains(&name.as_str()))
        {
            return Err(format!("a dim {other}"));
        }
        let required = grouping.dims.len() - grouping.optional;
        let mut values = Vec::new();
        for (place, name) in grouping.dims.iter().enumerate() {
            match dims.get(*name).map(Value::as_str) {
                Some(Some(value)) if !value.is_empty() => values.push(value),
                None if place >= required => values.push(""),
                _ => return Err(format!("the dim {name} is missing, empty or no text")),
            }
        }
        let window = moment(value, "windowStart")?;
        let end = moment(value, "windowEnd")?;
        let minutes = grouping.rich.map_or(1, |rich| rich.minutes);
        let is_late = value.get("delta").is_some();
        let size = if is_late { WINDOW } else { minutes * WINDOW };
        if window % WINDOW != 0 || end != window + size {
            return Err("windowStart and windowEnd are no window".to_owned());
        }
        Ok(Place {
            grouping,
            group: grouping.group(values),
            window,
        })
    }

    /// `<agg>|<dim values>|<window start>`
    pub fn key(&self) -> String {
        let start = Timestamp::from_millisecond(self.window)
            .unwrap_or_default()
            .to_zoned_datetime(TimeZone::fixed(Offset::UTC));
        format!("{}|{}", self.group, start.strftime("%Y-%m-%dT%H:%MZ"))
    }
}

fn texts<'a>(key: &'a [u8], value: &[u8]) -> Result<(&'a str, Value), String> {
    let key = std::str::from_utf8(key).map_err(|error| error.to_string())?;
    let value = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    Ok((key, value))
}

/// An object where the grouping has objects.
fn rich_of(grouping: Grouping, value: &Value) -> Result<Option<Value>, String> {
    match grouping.rich {
        None => Ok(None),
        Some(_) if value.is_object() => Ok(Some(value.clone())),
        Some(_) => Err("the value is no object".to_owned()),
    }
}

fn integer(value: &Value, field: &str) -> Result<i64, String> {
    value[field]
        .as_i64()
        .ok_or_else(|| format!("{field} is no whole number"))
}

/// Of what is overdue how many began in which minute.
pub fn began(delta: &Value) -> BTreeMap<i64, i64> {
    let parts = delta["since"].as_array().into_iter().flatten();
    let read = |part: &Value| {
        (
            moment(part, "minute").unwrap(),
            part["orders"].as_i64().unwrap(),
        )
    };
    parts.map(read).collect()
}

/// The minute of the oldest of what is overdue; an error where it is not told as it should be.
pub fn oldest(value: &Value) -> Result<Option<i64>, String> {
    match value.get("oldestSince") {
        Some(Value::Null) => Ok(None),
        _ => moment(value, "oldestSince").map(Some),
    }
}

/// A time, which must be written in +09:00 with milliseconds.
fn moment(value: &Value, field: &str) -> Result<i64, String> {
    let text = value[field].as_str().unwrap_or_default();
    let moment: Timestamp = text
        .parse()
        .map_err(|_| format!("{field} is no time: {text:?}"))?;
    let at = moment.as_millisecond();
    match time(at) == *text {
        true => Ok(at),
        false => Err(format!(
            "{field} is not in +09:00 with milliseconds: {text}"
        )),
    }
}
