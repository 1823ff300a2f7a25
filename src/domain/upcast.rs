//! Upcasters (E18): later schema versions of an action, read as the version that this program speaks.
//!
//! A breaking change of an action's information gets a new schema version, and both are sent for a while. An upcaster
//! gives the members of the later version their present names and units before they are read. What it does not
//! mention stays as it is, so fields that were only added need none. The content hash is over what was written.

use super::action::Action;
use super::decode::not_a;
use super::event::{Defect, Member, OrderEvent};
use super::info::InfoField;
use super::json::{Kind, Token};

/// How one schema version of one action is read.
#[derive(Clone, Copy, Debug)]
pub struct Upcaster {
    /// The action.
    pub action: Action,
    /// The schema version of its events.
    pub version: i64,
    /// Rewrites the members of the information; an error if they are not what the version says.
    pub(super) upcast: fn(&mut OrderEvent) -> Result<(), Defect>,
}

/// Every version understood besides the one that the program speaks.
pub const UPCASTERS: &[Upcaster] = &[Upcaster {
    action: Action::OrderAccepted,
    version: 2,
    upcast: accepted_in_seconds,
}];

/// The upcaster of a schema version of an action.
#[must_use]
pub fn upcaster(action: Action, version: i64) -> Option<&'static Upcaster> {
    UPCASTERS
        .iter()
        .find(|upcaster| upcaster.action == action && upcaster.version == version)
}

/// The versions of an action for which there is an upcaster.
pub fn upcast_versions(action: Action) -> impl Iterator<Item = i64> {
    UPCASTERS
        .iter()
        .filter(move |upcaster| upcaster.action == action)
        .map(|upcaster| upcaster.version)
}

/// Version 2 of `order.accepted` tells the time to cook as `cookSeconds` instead of `cookMinutes`; of a begun minute
/// the store needs all.
fn accepted_in_seconds(event: &mut OrderEvent) -> Result<(), Defect> {
    renamed(event, "cookSeconds", InfoField::CookMinutes, |seconds| {
        seconds / 60 + i64::from(seconds % 60 > 0)
    })
}

/// Reads the integer of member `name` as the value of `field`; members of the field's own name are of no version.
fn renamed(
    event: &mut OrderEvent,
    name: &str,
    field: InfoField,
    convert: fn(i64) -> i64,
) -> Result<(), Defect> {
    let OrderEvent { text, members, .. } = event;
    for member in members {
        if member.field == Some(field) {
            member.field = None;
        }
        if text.get(member.name.start..member.name.end) != Some(name)
            || member.value.kind == Kind::Null
        {
            continue;
        }
        let value =
            integer(text, member).ok_or_else(|| not_a(&format!("info.{name}"), "an integer"))?;
        let start = text.len();
        text.push_str(&convert(value).to_string());
        member.field = Some(field);
        member.value = Token {
            start,
            end: text.len(),
            ..member.value
        };
    }
    Ok(())
}

fn integer(text: &str, member: &Member) -> Option<i64> {
    let Token {
        start, end, kind, ..
    } = member.value;
    (kind == Kind::Integer)
        .then(|| text.get(start..end)?.parse().ok())
        .flatten()
}
