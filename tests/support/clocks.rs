//! Events that move clocks and little else, and orders that come when their windows are closed.

use std::collections::BTreeMap;

use jumun_harness::{Kafka, Message};
use serde_json::{Value, json};

use crate::support::model::outputs::time;
use crate::support::topics::{DELIVERIES, ORDERS, PAYMENTS};

/// Sends a note to every partition of every input, so that all clocks stand at this time (epoch milliseconds): idle
/// inputs would get there by themselves, at the pace of the wall clock.
pub fn advance(kafka: &Kafka, orders: &BTreeMap<i32, String>, at: i64) {
    let mut notes = Vec::new();
    for (partition, order_no) in orders {
        for (topic, target) in [
            (ORDERS, "order"),
            (PAYMENTS, "payment"),
            (DELIVERIES, "delivery"),
        ] {
            let note = event(&Event {
                order_no,
                target,
                action: "order.note_added",
                actor: "CS",
                version: None,
                info: json!({}),
                occurred_at: at,
                recorded_at: at,
            });
            notes.push((topic, *partition, order_no, note));
        }
    }
    let messages = notes.iter().map(|(topic, partition, order_no, note)| {
        Message::new(topic, order_no.as_str(), note)
            .partition(*partition)
            .timestamp(at)
    });
    kafka.produce(messages).unwrap();
}

/// As many are sent at a time.
pub const BELATED_ORDERS: i64 = 24;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// Later than that an order is not compared with others any more, to find those that were sent twice.
const COMPARED: i64 = 60 * MINUTE;

/// Sends whole orders that were placed from `occurred_at` on, three a minute, and are recorded from `recorded_at` on. All are
/// one customer's, unless they come too late to be compared.
/// All events are of the order topic: no other input decides what becomes of them.
pub fn send_belated_orders(kafka: &Kafka, name: &str, occurred_at: i64, recorded_at: i64) {
    let mut sent = Vec::new();
    for number in 0..BELATED_ORDERS {
        let order_no = format!("B261120{name}{number:03}");
        let began = occurred_at + number * MINUTE / 3;
        let customer = match recorded_at - occurred_at < COMPARED {
            true => "cu_same".to_owned(),
            false => format!("cu_{order_no}"),
        };
        let info = json!({
            "customerId": customer, "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "서울-1", "dong": "d1",
            "fulfilment": "PICKUP", "amount": 10_000, "paymentMethod": "PAY_ON_DELIVERY_CARD",
        });
        let story = [
            ("order.created", "CUSTOMER", info),
            ("order.accepted", "STORE", json!({"cookMinutes": 20})),
            match number % 3 {
                0 => ("cooking.started", "STORE", json!({})),
                1 => ("order.handed_over", "STORE", json!({})),
                _ => (
                    "order.cancelled",
                    "CS",
                    json!({"reason": "WEATHER", "liability": "PLATFORM"}),
                ),
            },
        ];
        for (version, (action, actor, info)) in (1..).zip(story) {
            let later = i64::try_from(version).unwrap() * 40 * SECOND;
            let event = event(&Event {
                order_no: &order_no,
                target: "order",
                action,
                actor,
                version: Some(version),
                info,
                occurred_at: began + later,
                recorded_at: recorded_at + later,
            });
            sent.push((order_no.clone(), recorded_at + later, event));
        }
    }
    sent.sort_by_key(|(_, at, _)| *at);
    let messages = sent
        .iter()
        .map(|(order_no, at, event)| Message::new(ORDERS, order_no, event).timestamp(*at));
    kafka.produce(messages).unwrap();
}

struct Event<'a> {
    order_no: &'a str,
    target: &'a str,
    action: &'a str,
    actor: &'a str,
    version: Option<u64>,
    info: Value,
    occurred_at: i64,
    recorded_at: i64,
}

fn event(event: &Event<'_>) -> String {
    let (order_no, action) = (event.order_no, event.action);
    json!({
        "id": format!("{order_no}-{}-{action}-{}", event.target, event.recorded_at),
        "target": {"type": event.target, "id": order_no, "orderNo": order_no, "version": event.version},
        "action": action,
        "actor": {"type": event.actor, "id": "someone"},
        "info": event.info,
        "time": {"occurredAt": time(event.occurred_at), "recordedAt": time(event.recorded_at)},
        "schema": {"name": action, "version": 1},
    })
    .to_string()
}
