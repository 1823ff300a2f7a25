//! Single events of single orders, sent one by one.

use jumun_harness::{Broker, Message};
use serde_json::{Value, json};

use super::topics::{DELIVERIES, ORDERS, PAYMENTS};

/// 2026-11-20T12:00:00+09:00
const MIDDAY: i64 = 1_795_143_600_000;

/// Sends events, with keys written like this.
pub struct Sender<'a> {
    broker: &'a Broker,
    key: fn(&str) -> String,
    /// When everything happens, epoch milliseconds.
    pub at: i64,
}

impl<'a> Sender<'a> {
    /// At noon of an ordinary day.
    pub fn new(broker: &'a Broker, key: fn(&str) -> String) -> Self {
        Self {
            broker,
            key,
            at: MIDDAY,
        }
    }

    /// An event; its id is the order's number and the action.
    pub fn send(&self, order_no: &str, actor: &str, action: &str, version: u64, info: Value) {
        let (target, id, topic) = match action.split('.').next() {
            Some("payment") => ("payment", order_no.to_owned(), PAYMENTS),
            Some("delivery") => ("delivery", format!("dl-{order_no}"), DELIVERIES),
            _ => ("order", order_no.to_owned(), ORDERS),
        };
        let time = jiff::Timestamp::from_millisecond(self.at)
            .unwrap()
            .to_string();
        let event = json!({
            "id": format!("{order_no}-{action}"),
            "target": {"type": target, "id": id, "orderNo": order_no, "version": version},
            "action": action,
            "actor": {"type": actor, "id": "someone"},
            "info": info,
            "time": {"occurredAt": time, "recordedAt": time},
            "schema": {"name": action, "version": 1},
        });
        let key = (self.key)(order_no);
        let event = event.to_string();
        let message = Message::new(topic, &key, &event).timestamp(self.at);
        self.broker.produce([message]).unwrap();
    }

    /// An order of 10,000 won.
    pub fn create(&self, order_no: &str) {
        let info = json!({
            "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
            "fulfilment": "BAEMIN_SINGLE", "amount": 10_000, "paymentMethod": "CARD",
        });
        self.send(order_no, "CUSTOMER", "order.created", 1, info);
    }

    /// All of it.
    pub fn pay(&self, order_no: &str) {
        let info = json!({"amount": 10_000});
        self.send(order_no, "PG", "payment.approved", 1, info);
    }

    /// By the store.
    pub fn accept(&self, order_no: &str) {
        let info = json!({"cookMinutes": 20, "promisedAt": "2026-11-20T12:41:00+09:00"});
        self.send(order_no, "STORE", "order.accepted", 2, info);
    }
}

/// Keys as they are.
pub fn bare(order_no: &str) -> String {
    order_no.to_owned()
}
