//! Step 1 of the judgement: an input record becomes an event, or it is a dead letter (order-domain 2.1, 4.1).

use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// One record of an input topic, as the processor took it.
#[derive(Debug, Clone, PartialEq)]
pub struct InputRecord {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// Epoch milliseconds.
    pub timestamp: i64,
}

impl InputRecord {
    /// The text of the last header of that name.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rev().find(|(known, _)| known == name)?;
        String::from_utf8(value.clone()).ok()
    }

    pub fn redrive_count(&self) -> u64 {
        self.header("x-redrive-count")
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    pub fn is_forced(&self) -> bool {
        self.header("x-redrive-force")
            .is_some_and(|text| text.trim() == "true")
    }
}

/// An event whose envelope is valid.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub target_type: String,
    pub target_id: String,
    pub order_no: String,
    pub version: Option<u64>,
    pub action: String,
    pub actor_type: String,
    pub actor_id: Option<String>,
    pub info: Map<String, Value>,
    /// Epoch milliseconds, as written.
    pub occurred_at: i64,
    /// Epoch milliseconds; the record timestamp where the event has none.
    pub recorded_at: i64,
    /// The envelope as it came.
    pub original: Rc<Value>,
    /// Target, action, actor, information and time with sorted keys: what the hash of the dedup memory covers.
    pub canonical: Rc<str>,
}

impl Event {
    /// The name under which the version cursor is kept: deliveries have one each, the other aggregates one per order.
    pub fn cursor(&self) -> String {
        match self.target_type.as_str() {
            "delivery" => format!("delivery/{}", self.target_id),
            other => other.to_string(),
        }
    }

    pub fn text(&self, field: &str) -> Option<String> {
        self.info
            .get(field)
            .and_then(Value::as_str)
            .map(str::to_string)
    }

    pub fn number(&self, field: &str) -> Option<u64> {
        self.info.get(field).and_then(Value::as_u64)
    }

    pub fn flag(&self, field: &str) -> bool {
        self.info
            .get(field)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    pub fn time(&self, field: &str) -> Option<i64> {
        self.info.get(field).and_then(epoch_milliseconds)
    }
}

/// What step 1 finds.
#[derive(Debug)]
pub enum Parsed {
    DeadLetter(&'static str),
    UnknownAction(Event),
    Event(Event),
}

const LARGEST_VALUE: usize = 16 * 1024;
const KNOWN_SCHEMA_VERSION: u64 = 1;
pub const TARGETS: [&str; 4] = ["order", "payment", "delivery", "claim"];
pub const ACTORS: [&str; 7] = [
    "CUSTOMER", "STORE", "RIDER", "DISPATCH", "CS", "SYSTEM", "PG",
];
pub const FULFILMENTS: [&str; 4] = ["BAEMIN_SINGLE", "BAEMIN_BUNDLE", "STORE", "PICKUP"];
const LIABILITIES: [&str; 4] = ["CUSTOMER", "STORE", "RIDER", "PLATFORM"];

/// Parses and validates, in the order that 4.1 gives.
pub fn parse(record: &InputRecord) -> Parsed {
    let Some(bytes) = record.value.as_deref() else {
        return Parsed::DeadLetter("MALFORMED");
    };
    if bytes.len() > LARGEST_VALUE {
        return Parsed::DeadLetter("TOO_LARGE");
    }
    let Ok(original) = serde_json::from_slice::<Value>(bytes) else {
        return Parsed::DeadLetter("MALFORMED");
    };
    let Some((event, schema_version)) = envelope(original, record.timestamp) else {
        return Parsed::DeadLetter("MALFORMED");
    };
    if record.key.as_deref() != Some(event.order_no.as_bytes()) {
        return Parsed::DeadLetter("KEY_MISMATCH");
    }
    let Some((target, fields)) = action_format(&event.action) else {
        return Parsed::UnknownAction(event);
    };
    if schema_version != KNOWN_SCHEMA_VERSION {
        return Parsed::DeadLetter("UNSUPPORTED_SCHEMA");
    }
    let present = |name: &str| event.info.get(name).is_some_and(|value| !value.is_null());
    if fields
        .iter()
        .any(|field| field.required && !present(field.name))
    {
        return Parsed::DeadLetter("UNSUPPORTED_SCHEMA");
    }
    if target != "any" && target != event.target_type {
        return Parsed::DeadLetter("MALFORMED");
    }
    if fields
        .iter()
        .any(|field| present(field.name) && !field.kind.accepts(&event.info[field.name]))
    {
        return Parsed::DeadLetter("MALFORMED");
    }
    Parsed::Event(event)
}

/// The parts that every event has; none where one is missing or of the wrong type.
fn envelope(original: Value, record_timestamp: i64) -> Option<(Event, u64)> {
    let object = original.as_object()?;
    let target = object.get("target")?.as_object()?;
    let actor = object.get("actor")?.as_object()?;
    let time = object.get("time")?.as_object()?;
    let required_text = |value: Option<&Value>| {
        value?
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_string)
    };

    let target_type =
        required_text(target.get("type")).filter(|kind| TARGETS.contains(&kind.as_str()))?;
    let actor_type =
        required_text(actor.get("type")).filter(|kind| ACTORS.contains(&kind.as_str()))?;
    let version = match target.get("version") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().filter(|version| *version >= 1)?),
    };
    let actor_id = match actor.get("id") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_str()?.to_string()),
    };
    let info = match object.get("info") {
        None | Some(Value::Null) => Map::new(),
        Some(value) => value.as_object()?.clone(),
    };
    let recorded_at = match time.get("recordedAt") {
        None | Some(Value::Null) => record_timestamp,
        Some(value) => epoch_milliseconds(value)?,
    };
    let schema_version = match object.get("schema") {
        None | Some(Value::Null) => KNOWN_SCHEMA_VERSION,
        Some(schema) => match schema.as_object()?.get("version") {
            None | Some(Value::Null) => KNOWN_SCHEMA_VERSION,
            Some(value) => value.as_u64()?,
        },
    };
    let canonical = ["target", "action", "actor", "info", "time"]
        .map(|part| canonical_text(object.get(part).unwrap_or(&Value::Null)))
        .join("\n");
    let event = Event {
        id: required_text(object.get("id"))?,
        target_type,
        target_id: required_text(target.get("id"))?,
        order_no: required_text(target.get("orderNo"))?,
        version,
        action: required_text(object.get("action"))?,
        actor_type,
        actor_id,
        info,
        occurred_at: epoch_milliseconds(time.get("occurredAt")?)?,
        recorded_at,
        canonical: canonical.into(),
        original: Rc::new(original.clone()),
    };
    Some((event, schema_version))
}

/// JSON with the keys of every object sorted, so that only the order of fields and white space do not matter.
pub fn canonical_text(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let fields: Vec<String> = names
                .iter()
                .map(|name| format!("{:?}:{}", name, canonical_text(&fields[*name])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!(
            "[{}]",
            items
                .iter()
                .map(canonical_text)
                .collect::<Vec<_>>()
                .join(",")
        ),
        other => other.to_string(),
    }
}

fn epoch_milliseconds(value: &Value) -> Option<i64> {
    let moment: Timestamp = value.as_str()?.parse().ok()?;
    Some(moment.as_millisecond())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    /// Whole won, never negative.
    Money,
    Integer,
    Cursor,
    Time,
    Boolean,
    Fulfilment,
    Liability,
}

impl Kind {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Kind::Text => value.is_string(),
            Kind::Money => value.as_i64().is_some_and(|won| won >= 0),
            Kind::Cursor => value.is_u64(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Time => epoch_milliseconds(value).is_some(),
            Kind::Boolean => value.is_boolean(),
            Kind::Fulfilment => value
                .as_str()
                .is_some_and(|text| FULFILMENTS.contains(&text)),
            Kind::Liability => value
                .as_str()
                .is_some_and(|text| LIABILITIES.contains(&text)),
        }
    }
}

struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// The aggregate of an action and the information it carries (columns 3 and 7 of 1.2); none for an unknown action.
fn action_format(action: &str) -> Option<(&'static str, Vec<Field>)> {
    use Kind::*;
    let needs = |name, kind| Field {
        name,
        kind,
        required: true,
    };
    let may = |name, kind| Field {
        name,
        kind,
        required: false,
    };
    let format = match action {
        "order.created" => (
            "order",
            vec![
                needs("storeId", Text),
                needs("category", Text),
                needs("sido", Text),
                needs("sigungu", Text),
                needs("dong", Text),
                needs("fulfilment", Fulfilment),
                needs("amount", Money),
                needs("paymentMethod", Text),
                may("itemsTotal", Money),
                may("deliveryFee", Money),
                may("discount", Money),
                may("promisedAt", Time),
                may("customerId", Text),
            ],
        ),
        "payment.approved" => ("payment", vec![needs("amount", Money), may("method", Text)]),
        "payment.failed" => ("payment", vec![may("code", Text)]),
        "order.relayed" => ("order", vec![may("channel", Text)]),
        "order.accepted" => (
            "order",
            vec![may("cookMinutes", Integer), may("promisedAt", Time)],
        ),
        "order.rejected" => ("order", vec![may("reason", Text)]),
        "order.expired" => ("order", vec![may("waitedSec", Integer)]),
        "cooking.started" | "cooking.completed" => ("order", vec![]),
        "cooking.delayed" => (
            "order",
            vec![may("addMinutes", Integer), may("promisedAt", Time)],
        ),
        "delivery.requested" => (
            "delivery",
            vec![
                may("deliveryId", Text),
                may("type", Text),
                may("distanceM", Integer),
            ],
        ),
        "delivery.assigned" => (
            "delivery",
            vec![
                may("riderId", Text),
                may("means", Text),
                may("assignNo", Integer),
            ],
        ),
        "delivery.unassigned" | "delivery.failed" | "delivery.cancelled" => {
            ("delivery", vec![may("reason", Text)])
        }
        "delivery.pickup_requested"
        | "delivery.arrived_store"
        | "delivery.picked_up"
        | "delivery.arrived_customer"
        | "delivery.redispatched"
        | "delivery.switched_to_store"
        | "delivery.returned" => ("delivery", vec![]),
        "delivery.delivered" => ("delivery", vec![may("proof", Text)]),
        "order.handed_over" => ("order", vec![]),
        "order.cancel_requested" | "order.cancel_declined" => ("order", vec![may("reason", Text)]),
        "order.cancelled" => (
            "order",
            vec![may("reason", Text), may("liability", Liability)],
        ),
        "payment.refunded" | "payment.part_refunded" => ("payment", vec![needs("amount", Money)]),
        "payment.refund_failed" => ("payment", vec![may("code", Text)]),
        "claim.post_cancelled" => (
            "claim",
            vec![
                may("reason", Text),
                may("liability", Liability),
                may("ownerConsent", Boolean),
            ],
        ),
        "claim.withdrawn" => ("claim", vec![may("recharge", Boolean)]),
        "order.address_changed"
        | "order.note_added"
        | "verification.passed"
        | "verification.failed"
        | "delivery.eta_updated" => ("any", vec![]),
        "aggregate.reset" => ("any", vec![needs("version", Cursor)]),
        _ => return None,
    };
    Some(format)
}
