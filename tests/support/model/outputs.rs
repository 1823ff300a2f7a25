//! The records of order-domain 2.7 as JSON, and a run's worth of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value, json};

use super::event::{Event, InputRecord};
use super::order::Order;
use super::{Judged, Outcome, Step, rules};

/// RFC 3339 in +09:00 with milliseconds.
pub fn time(epoch_milliseconds: i64) -> Value {
    let moment = Timestamp::from_millisecond(epoch_milliseconds).unwrap_or_default();
    let korean = moment.to_zoned_datetime(TimeZone::fixed(Offset::constant(9)));
    Value::String(korean.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string())
}

pub fn regions(order: &Order) -> Value {
    json!({
        "main": order.main,
        "kitchen": order.kitchen,
        "delivery": order.delivery,
        "payment": order.payment,
        "claim": order.claim,
    })
}

/// The version cursors.
pub fn versions(order: &Order) -> Value {
    let mut versions = Map::new();
    let mut deliveries = Map::new();
    for (cursor, version) in &order.versions {
        match cursor.strip_prefix("delivery/") {
            Some(delivery_id) => deliveries.insert(delivery_id.to_string(), json!(version)),
            None => versions.insert(cursor.clone(), json!(version)),
        };
    }
    versions.insert("delivery".to_string(), Value::Object(deliveries));
    Value::Object(versions)
}

pub fn transition(
    order: &Order,
    event: &Event,
    outcome: Outcome,
    from: &str,
    at: i64,
    replay: bool,
) -> Value {
    json!({
        "orderNo": order.order_no,
        "generation": order.generation,
        "seq": order.seq,
        "eventId": event.id,
        "action": event.action,
        "outcome": outcome.name(),
        "target": {"type": event.target_type, "id": event.target_id, "version": event.version},
        "from": from,
        "to": order.status(),
        "actor": {"type": event.actor_type, "id": event.actor_id},
        "reason": rules::reason_of(event),
        "liability": rules::liability_of(event),
        "occurredAt": time(at),
        "recordedAt": time(event.recorded_at),
        "regions": regions(order),
        "dims": {
            "storeId": order.store_id,
            "category": order.category,
            "sido": order.sido,
            "sigungu": order.sigungu,
            "dong": order.dong,
            "fulfilment": order.fulfilment,
        },
        "amount": order.amount,
        "hold": order.ghost.is_some(),
        "contradicted": order.is_contradicted(),
        "replay": replay,
    })
}

/// `order` is the order after the event.
pub fn rejection(
    reason: &str,
    order: &Order,
    event: &Event,
    record: &InputRecord,
    parked_ms: i64,
) -> Value {
    json!({
        "orderNo": order.order_no,
        "reason": reason,
        "status": order.status(),
        "regions": regions(order),
        "versions": versions(order),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "parkedMs": parked_ms,
        "event": *event.original,
    })
}

/// The two facts that contradict each other: an event that was rejected, and the last one that was applied.
pub fn reconcile(kind: &str, rejected: &Value, order: &Order, at: i64) -> Value {
    let last_applied = order.last_applied.as_ref().map(|fact| {
        json!({
            "eventId": fact.event_id,
            "action": fact.action,
            "version": fact.version,
            "occurredAt": time(fact.occurred_at),
        })
    });
    json!({
        "orderNo": order.order_no,
        "kind": kind,
        "facts": [rejected, last_applied],
        "status": order.status(),
        "at": time(at),
    })
}

pub fn state(order: &Order) -> Value {
    let times: Map<String, Value> = order
        .times
        .iter()
        .map(|(name, at)| (name.to_string(), time(*at)))
        .collect();
    let mut flags = order.flags.clone();
    if order.is_contradicted() {
        flags.insert("contradicted");
    }
    json!({
        "orderNo": order.order_no,
        "generation": order.generation,
        "seq": order.seq,
        "status": order.status(),
        "regions": regions(order),
        "versions": versions(order),
        "customerId": order.customer_id,
        "storeId": order.store_id,
        "category": order.category,
        "sido": order.sido,
        "sigungu": order.sigungu,
        "dong": order.dong,
        "fulfilment": order.fulfilment,
        "amount": order.amount,
        "refunded": order.refunded,
        "paymentMethod": order.payment_method,
        "promisedAt": order.promised_at.map(time),
        "times": times,
        "attempts": order.attempts,
        "reassigned": order.reassigned,
        "reason": order.reason,
        "liability": order.liability,
        "flags": flags,
        "updatedAt": time(order.updated_at),
    })
}

/// A dead letter, by the record that it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
}

/// Everything that a run emitted: per order number in the order of the output topic, states by their last record.
#[derive(Debug, Clone, Default)]
pub struct RunOutput {
    pub transitions: BTreeMap<String, Vec<Value>>,
    pub rejections: BTreeMap<String, Vec<Value>>,
    pub reconciles: BTreeMap<String, Vec<Value>>,
    pub states: BTreeMap<String, Value>,
    pub dead_letters: Vec<DeadLetter>,
    /// Records sent again, as [`redrive_told`] tells them.
    pub redriven: BTreeMap<String, Vec<Value>>,
}

/// A record of the redrive topic, as far as two of them can be compared.
pub fn redrive_told(record: &InputRecord) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_string();
    let event: Value = record
        .value
        .as_deref()
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or(Value::Null);
    let headers: BTreeMap<&String, String> = record
        .headers
        .iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    json!({
        "orderNo": event["target"]["orderNo"],
        "key": record.key.as_deref().map(text),
        "partition": record.partition,
        "timestamp": record.timestamp,
        "headers": headers,
        "event": event,
    })
}

impl RunOutput {
    /// What the model says must be emitted in a step; states are set at the end of the run.
    pub fn add_step(&mut self, step: &Step) {
        for (record, judged) in &step.settled {
            self.add_judged(record, judged);
        }
        step.abandoned
            .iter()
            .for_each(|value| self.add_reconcile(value.clone()));
        step.redriven
            .iter()
            .for_each(|record| self.add_redriven(record));
    }

    pub fn add_redriven(&mut self, record: &InputRecord) {
        let value = redrive_told(record);
        self.redriven
            .entry(order_no(&value))
            .or_default()
            .push(value);
    }

    /// What the model says must be emitted for this record; states are set at the end of the run.
    pub fn add_judged(&mut self, record: &InputRecord, judged: &Judged) {
        judged
            .transition
            .iter()
            .for_each(|value| self.add_transition(value.clone()));
        judged
            .rejection
            .iter()
            .for_each(|value| self.add_rejection(value.clone()));
        judged
            .reconcile
            .iter()
            .for_each(|value| self.add_reconcile(value.clone()));
        if judged.outcome == Outcome::DeadLettered {
            self.dead_letters.push(DeadLetter {
                topic: record.topic.clone(),
                partition: record.partition,
                offset: record.offset,
                reason: judged.reason.unwrap_or_default().to_string(),
            });
        }
    }

    pub fn add_transition(&mut self, value: Value) {
        self.transitions
            .entry(order_no(&value))
            .or_default()
            .push(value);
    }

    pub fn add_rejection(&mut self, value: Value) {
        self.rejections
            .entry(order_no(&value))
            .or_default()
            .push(value);
    }

    pub fn add_reconcile(&mut self, value: Value) {
        self.reconciles
            .entry(order_no(&value))
            .or_default()
            .push(value);
    }

    /// A record of `order.state.v1`; the last one of an order counts.
    pub fn add_state(&mut self, value: Value) {
        self.states.insert(order_no(&value), value);
    }
}

fn order_no(value: &Value) -> String {
    value
        .get("orderNo")
        .and_then(Value::as_str)
        .unwrap_or("(no orderNo)")
        .to_string()
}
