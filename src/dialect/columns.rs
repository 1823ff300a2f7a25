//! What is said of an event outside of its payload: by a row's columns, a record's headers, or a CloudEvent's
//! attributes.

use super::fields::Field;
use super::stated::{Stated, value};
use crate::domain::decode::malformed;
use crate::domain::event::{Defect, OrderEvent};

/// Debezium's placeholder for a column that it was not given.
const UNAVAILABLE: &str = "__debezium_unavailable_value";

/// The parts of an envelope as they stand outside of the payload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Columns<'a> {
    /// What they are called where they come from: column, header, attribute.
    pub(super) called: &'static str,
    pub(super) id: Option<Field<'a>>,
    pub(super) action: Option<Field<'a>>,
    pub(super) order_no: Option<Field<'a>>,
    pub(super) target_type: Option<Field<'a>>,
    pub(super) target_id: Option<Field<'a>>,
    pub(super) version: Option<Field<'a>>,
    pub(super) occurred_at: Option<Field<'a>>,
    pub(super) recorded_at: Option<Field<'a>>,
    pub(super) schema_version: Option<Field<'a>>,
    pub(super) actor_type: Option<Field<'a>>,
    pub(super) actor_id: Option<Field<'a>>,
    pub(super) system: Option<Field<'a>>,
    /// The order number that the record's key holds: only a stand-in, as the key is compared later.
    pub(super) key: Option<Field<'a>>,
}

impl<'a> Columns<'a> {
    /// What the headers of an outbox event say.
    pub(super) fn of_headers(stated: &Stated<'a>) -> Result<Self, Defect> {
        Ok(Self {
            called: "header",
            id: value("id", stated.id)?,
            action: value("eventType", stated.action.or(stated.kind))?,
            order_no: value("aggregateid", stated.order_no)?,
            target_type: value("aggregatetype", stated.target_type)?,
            target_id: value("target_id", stated.target_id)?,
            version: value("version", stated.version)?,
            occurred_at: value("occurred_at", stated.occurred_at)?,
            recorded_at: value("created_at", stated.recorded_at)?,
            schema_version: value("schema-version", stated.schema_version)?,
            actor_type: value("actor_type", stated.actor_type)?,
            actor_id: value("actor_id", stated.actor_id)?,
            system: None,
            key: None,
        })
    }

    /// These, and where they say nothing, what `others` say.
    pub(super) fn or(self, others: &Self) -> Self {
        Self {
            called: self.called,
            id: self.id.or(others.id),
            action: self.action.or(others.action),
            order_no: self.order_no.or(others.order_no),
            target_type: self.target_type.or(others.target_type),
            target_id: self.target_id.or(others.target_id),
            version: self.version.or(others.version),
            occurred_at: self.occurred_at.or(others.occurred_at),
            recorded_at: self.recorded_at.or(others.recorded_at),
            schema_version: self.schema_version.or(others.schema_version),
            actor_type: self.actor_type.or(others.actor_type),
            actor_id: self.actor_id.or(others.actor_id),
            system: self.system.or(others.system),
            key: self.key.or(others.key),
        }
    }

    /// Refuses columns that Debezium could not read.
    pub(super) fn refuse_unavailable(&self) -> Result<(), Defect> {
        for (name, field) in [
            ("id", self.id),
            ("type", self.action),
            ("aggregateid", self.order_no),
            ("aggregatetype", self.target_type),
            ("target_id", self.target_id),
            ("version", self.version),
            ("occurred_at", self.occurred_at),
            ("created_at", self.recorded_at),
        ] {
            refuse_unavailable(name, field.as_ref())?;
        }
        Ok(())
    }

    /// Refuses an event whose envelope says something else than what stands outside of it.
    pub(super) fn agree_with(&self, event: &OrderEvent) -> Result<(), Defect> {
        for (name, said, found) in [
            ("id", self.id, event.id()),
            ("action", self.action, event.action_name()),
            ("target.orderNo", self.order_no, event.order_no()),
        ] {
            if let Some(said) = said
                && !said.is(found)
            {
                return Err(contradiction(name, self.called, said.written, found));
            }
        }
        Ok(())
    }
}

/// Refuses a column that Debezium could not read.
pub(super) fn refuse_unavailable(name: &str, field: Option<&Field<'_>>) -> Result<(), Defect> {
    if field.is_some_and(|field| field.is_string() && field.written == UNAVAILABLE) {
        return Err(malformed(&format!(
            "column {name} is {UNAVAILABLE}: the database did not log it; capture inserts of the outbox only, or set \
             REPLICA IDENTITY FULL"
        )));
    }
    Ok(())
}

#[cold]
fn contradiction(name: &str, called: &str, said: &str, found: &str) -> Defect {
    malformed(&format!(
        "the {called} says that {name} is {said:?}, the envelope that it is {found:?}"
    ))
}
