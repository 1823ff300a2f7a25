//! The case the processor exists to reject, over real topics: a cancel arrives before the order it cancels.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/judged.rs"]
mod judged;
#[path = "support/model/mod.rs"]
mod model;
#[path = "support/processor.rs"]
mod processor;
#[path = "support/topics.rs"]
mod topics;

use jumun_harness::{Broker, Message};
use serde_json::{Value, json};

use judged::compare_with_model;
use model::outputs::RunOutput;
use processor::{Setup, TIMEOUT};
use topics::{ORDERS, Outputs, PAYMENTS, create_inputs, ends, input_records, wait_consumed};

const CANCELLED_EARLY: &str = "B261120000012R01";
const UNTOUCHED: &str = "B261120000022R02";
const MIDDAY: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00

/// Sends events, each a second after the one before, and remembers when it is.
struct Sender<'a> {
    broker: &'a Broker,
    at: i64,
}

impl Sender<'_> {
    fn send(&mut self, order_no: &str, actor: &str, action: &str, version: u64, info: Value) {
        let (target, topic) = if action.starts_with("payment.") {
            ("payment", PAYMENTS)
        } else {
            ("order", ORDERS)
        };
        let time = jiff::Timestamp::from_millisecond(self.at)
            .unwrap()
            .to_string();
        let event = json!({
            "id": event_id(order_no, action),
            "target": {"type": target, "id": order_no, "orderNo": order_no, "version": version},
            "action": action,
            "actor": {"type": actor, "id": "someone"},
            "info": info,
            "time": {"occurredAt": time, "recordedAt": time},
            "schema": {"name": action, "version": 1},
        })
        .to_string();
        self.broker
            .produce([Message::new(topic, order_no, &event).timestamp(self.at)])
            .unwrap();
        self.at += 1_000;
    }

    fn create(&mut self, order_no: &str) {
        let info = json!({
            "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
            "fulfilment": "BAEMIN_SINGLE", "amount": 10_000, "paymentMethod": "CARD",
        });
        self.send(order_no, "CUSTOMER", "order.created", 1, info);
    }

    fn pay(&mut self, order_no: &str) {
        self.send(
            order_no,
            "PG",
            "payment.approved",
            1,
            json!({"amount": 10_000}),
        );
    }

    fn cancel(&mut self, order_no: &str, version: u64) {
        let info = json!({"reason": "CHANGED_MIND", "liability": "CUSTOMER"});
        self.send(order_no, "CUSTOMER", "order.cancelled", version, info);
    }
}

fn event_id(order_no: &str, action: &str) -> String {
    format!("{order_no}-{action}")
}

fn transitions<'a>(outputs: &'a RunOutput, order_no: &str) -> Vec<&'a Value> {
    outputs
        .transitions
        .get(order_no)
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn a_cancel_before_its_create_is_rejected_and_the_create_is_held() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    create_inputs(&broker, 4);
    let processor = Setup::new(&broker, "ghosts", state.path()).start_ready();
    let mut sender = Sender {
        broker: &broker,
        at: MIDDAY,
    };
    let judge_all = || wait_consumed(&broker, "ghosts", &ends(&input_records(&broker)), TIMEOUT);

    sender.create(UNTOUCHED);
    sender.cancel(CANCELLED_EARLY, 2);
    judge_all();
    let outputs = Outputs::read(&broker).whole();
    let rejections = &outputs.rejections[CANCELLED_EARLY];
    assert_eq!(rejections.len(), 1);
    let rejection = &rejections[0];
    assert_eq!(
        (&rejection["reason"], &rejection["topic"]),
        (&json!("PREMATURE"), &json!(ORDERS))
    );
    assert_eq!(
        rejection["event"]["id"],
        event_id(CANCELLED_EARLY, "order.cancelled")
    );
    assert!(transitions(&outputs, CANCELLED_EARLY).is_empty());
    assert!(!outputs.states.contains_key(CANCELLED_EARLY));

    // The create comes late (E3), and payment goes on.
    sender.create(CANCELLED_EARLY);
    sender.pay(CANCELLED_EARLY);
    sender.pay(UNTOUCHED);
    judge_all();
    let outputs = Outputs::read(&broker).whole();
    let held = transitions(&outputs, CANCELLED_EARLY);
    assert_eq!(held.len(), 2);
    for transition in held {
        assert_eq!(
            (&transition["outcome"], &transition["hold"]),
            (&json!("APPLIED"), &json!(true)),
            "{transition}"
        );
        assert_eq!(transition["contradicted"], true, "{transition}");
    }
    let reconciles = &outputs.reconciles[CANCELLED_EARLY];
    assert_eq!(reconciles.len(), 1);
    assert_eq!(reconciles[0]["kind"], "GHOST_CANCEL");
    let facts = reconciles[0]["facts"].as_array().unwrap();
    let is_about = |fact: &Value, action: &str| fact["action"] == action;
    assert!(
        is_about(&facts[0], "order.cancelled") && is_about(&facts[1], "order.created"),
        "{facts:?}"
    );
    assert_eq!(
        outputs.states[CANCELLED_EARLY]["flags"],
        json!(["contradicted"])
    );

    // The healer sends the cancel again: it fits now, for a repairable rejection is not remembered.
    sender.cancel(CANCELLED_EARLY, 2);
    judge_all();
    let outputs = Outputs::read(&broker).whole();
    let last = transitions(&outputs, CANCELLED_EARLY)
        .pop()
        .cloned()
        .unwrap();
    assert_eq!(
        (&last["action"], &last["to"]),
        (&json!("order.cancelled"), &json!("CANCELLED"))
    );
    assert_eq!(
        (&last["hold"], &last["contradicted"]),
        (&json!(false), &json!(false)),
        "{last}"
    );

    // Other orders never noticed.
    let untouched = transitions(&outputs, UNTOUCHED);
    let seen: Vec<_> = untouched
        .iter()
        .map(|transition| (&transition["outcome"], &transition["hold"]))
        .collect();
    assert_eq!(seen, [(&json!("APPLIED"), &json!(false)); 2]);
    assert_eq!(outputs.states[UNTOUCHED]["status"], "WAITING_ACCEPT");
    assert!(
        !outputs.rejections.contains_key(UNTOUCHED) && !outputs.reconciles.contains_key(UNTOUCHED)
    );

    let report = compare_with_model(&broker, &input_records(&broker)).report;
    assert!(report.is_clean(), "{report}");
    processor.stop();
}
