//! A processor at work, and events of two orders sent to it one after the other.

use std::collections::BTreeMap;

use jumun_harness::{Broker, Message, Record, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::model::outputs::RunOutput;
use crate::support::operator::Operator;
use crate::support::processor::{Processor, Setup, TIMEOUT};
use crate::support::topics::{
    ORDERS, Outputs, PAYMENTS, REDRIVE, create_inputs, ends, input_records, redriven, wait_settled,
};
use crate::support::turns::{self, Turn};

/// The order whose cancel comes too early.
pub const EARLY: &str = "B261120000012R01";
/// Another one.
pub const OTHER: &str = "B261120000022R02";
const APPLICATION: &str = "ghosts";
const MIDDAY: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00

pub struct Scene {
    processor: Processor,
    pub broker: Broker,
    /// Record time of the next event; each comes a second after the one before.
    at: i64,
    _state: TempDir,
    _turn: Turn,
}

impl Scene {
    pub fn begin(adjust: impl FnOnce(Setup) -> Setup) -> Self {
        let turn = turns::take();
        let broker = Broker::start().unwrap();
        let state = tempfile::tempdir().unwrap();
        create_inputs(&broker, 4);
        let setup = adjust(Setup::new(&broker, APPLICATION, state.path()));
        Self {
            processor: setup.start_ready(),
            broker,
            at: MIDDAY,
            _state: state,
            _turn: turn,
        }
    }

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
        let message = Message::new(topic, order_no, &event)
            .timestamp(self.at)
            .header("action", action);
        self.broker.produce([message]).unwrap();
        self.at += 1_000;
    }

    pub fn create(&mut self, order_no: &str) {
        let info = json!({
            "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
            "fulfilment": "BAEMIN_SINGLE", "amount": 10_000, "paymentMethod": "CARD",
        });
        self.send(order_no, "CUSTOMER", "order.created", 1, info);
    }

    pub fn pay(&mut self, order_no: &str) {
        let info = json!({"amount": 10_000});
        self.send(order_no, "PG", "payment.approved", 1, info);
    }

    pub fn relay(&mut self, order_no: &str, version: u64) {
        let info = json!({"channel": "POS"});
        self.send(order_no, "SYSTEM", "order.relayed", version, info);
    }

    pub fn cancel(&mut self, order_no: &str, version: u64) {
        let info = json!({"reason": "CHANGED_MIND", "liability": "CUSTOMER"});
        self.send(order_no, "CUSTOMER", "order.cancelled", version, info);
    }

    /// What there is once everything sent is judged, and everything that was redriven.
    pub fn outputs(&self) -> RunOutput {
        let ends = ends(&input_records(&self.broker));
        wait_settled(&self.broker, APPLICATION, &ends, TIMEOUT);
        Outputs::read(&self.broker).whole()
    }

    /// Waits until so many rejections were told, then as [`Scene::outputs`].
    pub fn outputs_with_rejections(&self, count: usize) -> RunOutput {
        let told = || {
            let outputs = self.outputs();
            let rejections: usize = outputs.rejections.values().map(Vec::len).sum();
            (rejections >= count).then_some(outputs)
        };
        wait_for("the rejections", TIMEOUT, told).unwrap()
    }

    pub fn redriven(&self) -> Vec<Record> {
        redriven(&self.broker)
    }

    pub fn operator(&self) -> Operator<'_> {
        Operator(&self.broker)
    }

    /// Fails unless so many events come to wait. What is counted follows the commit by a moment.
    #[track_caller]
    pub fn assert_parked(&mut self, count: u64) {
        let processor = &mut self.processor;
        let counted = || (processor.sum("order_parked") == count).then_some(());
        wait_for("parked events", TIMEOUT, counted).unwrap();
    }

    /// Fails unless these are the outcomes of all that was consumed, and nothing is parked.
    #[track_caller]
    pub fn assert_outcomes(&mut self, expected: &[(&str, u64)]) {
        let all: u64 = expected.iter().map(|(_, count)| count).sum();
        let expected: BTreeMap<String, u64> = expected
            .iter()
            .map(|(outcome, count)| ((*outcome).to_owned(), *count))
            .collect();
        let processor = &mut self.processor;
        let counted = || (processor.sum("order_events_consumed_total") >= all).then_some(());
        wait_for("counts", TIMEOUT, counted).unwrap();
        assert_eq!(self.processor.outcomes(), expected);
        assert_eq!(self.processor.sum("order_parked"), 0);
        assert_eq!(self.processor.sum("order_events_consumed_total"), all);
        assert_eq!(self.processor.violations(), BTreeMap::new());
    }

    pub fn end(self) {
        self.processor.stop();
    }
}

pub fn event_id(order_no: &str, action: &str) -> String {
    format!("{order_no}-{action}")
}

/// An order's transitions, a line each: what became of which event, to which status, and what consumers are told besides.
pub fn transitions(outputs: &RunOutput, order_no: &str) -> Vec<String> {
    let described = |transition: &Value| {
        let text = |field: &str| transition[field].as_str().unwrap().to_owned();
        let mut line = format!("{} {} to {}", text("action"), text("outcome"), text("to"));
        for flag in ["hold", "contradicted", "replay"] {
            if transition[flag].as_bool().unwrap() {
                line += &format!(", {flag}");
            }
        }
        line
    };
    let of_order = outputs.transitions.get(order_no).into_iter().flatten();
    of_order.map(described).collect()
}

/// Fails unless the order's only rejection is that of its cancel, as it was sent.
#[track_caller]
pub fn assert_cancel_was_premature(outputs: &RunOutput) {
    let rejections = &outputs.rejections[EARLY];
    assert_eq!(rejections.len(), 1, "{rejections:?}");
    let rejection = &rejections[0];
    assert_eq!(rejection["reason"], "PREMATURE");
    assert_eq!(rejection["topic"], ORDERS);
    assert_eq!(rejection["event"]["id"], event_id(EARLY, "order.cancelled"));
}

/// Fails unless both facts were reported, once.
#[track_caller]
pub fn assert_ghost_was_reported(outputs: &RunOutput) {
    let reconciles = &outputs.reconciles[EARLY];
    assert_eq!(reconciles.len(), 1, "{reconciles:?}");
    assert_eq!(reconciles[0]["kind"], "GHOST_CANCEL");
    let actions = [0, 1].map(|fact| &reconciles[0]["facts"][fact]["action"]);
    assert_eq!(actions, ["order.cancelled", "order.created"]);
}

#[track_caller]
pub fn assert_cancelled(outputs: &RunOutput, payment: &str) {
    let state = &outputs.states[EARLY];
    assert_eq!(state["status"], "CANCELLED");
    assert_eq!(state["regions"]["payment"], payment);
    assert_eq!(state["flags"].as_array().map_or(0, Vec::len), 0, "{state}");
}

/// A header of a record that has it at most once.
pub fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let mut of_name = record.headers.iter().filter(|(known, _)| known == name);
    let value = of_name.next()?.1.as_deref().unwrap();
    assert!(of_name.next().is_none(), "{name} twice: {record:?}");
    Some(std::str::from_utf8(value).unwrap())
}

/// Fails unless it is the cancel that was sent, on its way once more.
#[track_caller]
pub fn assert_redriven(scene: &Scene, record: &Record, count: &str, is_replay: bool) {
    let sent = input_records(&scene.broker).into_iter().find(|sent| {
        let value = String::from_utf8_lossy(sent.value.as_deref().unwrap_or_default());
        value.contains(&event_id(EARLY, "order.cancelled"))
    });
    let sent = sent.unwrap();
    assert_eq!(
        (&record.key, &record.value, record.partition),
        (&sent.key, &sent.value, sent.partition),
        "{REDRIVE} has another record"
    );
    assert_eq!(header(record, "action"), Some("order.cancelled"));
    assert_eq!(header(record, "x-redrive-count"), Some(count));
    assert_eq!(header(record, "x-redrive-topic"), Some(ORDERS));
    assert_eq!(header(record, "x-replay"), is_replay.then_some("true"));
    assert_eq!(header(record, "x-redrive-force"), None);
}
