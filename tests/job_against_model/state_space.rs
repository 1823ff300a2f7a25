//! Every state that an order can reach, found with the model: what can happen in it, and how to get there.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::model::event::{Parsed, parse};
use crate::support::model::order::Order;
use crate::support::model::verdict::{Case, Verdict};
use crate::support::model::{InputRecord, Model, Policy};

const AMOUNT: u64 = 10_000;
pub const ORDER: &str = "B1";
pub const ACTORS: [&str; 7] = [
    "CUSTOMER", "STORE", "RIDER", "DISPATCH", "CS", "SYSTEM", "PG",
];

/// Something that somebody may do, allowed or not.
#[derive(Debug, Clone)]
pub struct Deed {
    pub action: &'static str,
    pub target: &'static str,
    pub info: Value,
    pub actor: &'static str,
}

/// A deed that changes the state, and where it leads.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    pub deed: usize,
    pub to: usize,
}

pub struct StateSpace {
    pub deeds: Vec<Deed>,
    /// What tells the states apart.
    pub keys: Vec<String>,
    /// By which deed, from which state, each state was first reached; none for the beginning.
    pub reached: Vec<Option<(usize, usize)>>,
    /// Of each state the deeds that are applied or annotated in it.
    pub legal: Vec<Vec<Edge>>,
}

/// The deeds by action, without their actors: aggregate, action, information.
fn actions() -> Vec<(&'static str, &'static str, Value)> {
    let mut actions = Vec::new();
    for fulfilment in ["BAEMIN_SINGLE", "STORE", "PICKUP"] {
        for method in ["CARD", "PAY_ON_DELIVERY_CASH"] {
            actions.push(("order", "order.created", created(fulfilment, method)));
        }
    }
    let plain = "order order.relayed order.accepted order.rejected order.expired cooking.started \
        cooking.delayed cooking.completed order.handed_over order.cancel_requested \
        order.cancel_declined order.address_changed order.note_added verification.passed \
        verification.failed\n\
        payment payment.failed payment.refund_failed order.note_added\n\
        delivery delivery.requested delivery.assigned delivery.unassigned \
        delivery.pickup_requested delivery.arrived_store delivery.picked_up \
        delivery.arrived_customer delivery.delivered delivery.failed delivery.redispatched \
        delivery.switched_to_store delivery.returned delivery.cancelled delivery.eta_updated\n\
        claim claim.post_cancelled claim.withdrawn";
    for line in plain.lines() {
        let mut words = line.split_whitespace();
        let target = words.next().unwrap();
        actions.extend(words.map(|action| (target, action, json!({}))));
    }
    for reason in [json!({}), json!({"reason": "SOLD_OUT"})] {
        actions.push(("order", "order.cancelled", reason));
    }
    for amount in [AMOUNT / 2, AMOUNT] {
        actions.push(("payment", "payment.refunded", json!({"amount": amount})));
    }
    actions.push(("payment", "payment.approved", json!({"amount": AMOUNT})));
    actions.push((
        "payment",
        "payment.part_refunded",
        json!({"amount": AMOUNT / 2}),
    ));
    actions.push(("claim", "claim.withdrawn", json!({"recharge": true})));
    actions
}

fn created(fulfilment: &str, method: &str) -> Value {
    json!({
        "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "강남구", "dong": "역삼동",
        "fulfilment": fulfilment, "amount": AMOUNT, "paymentMethod": method,
    })
}

impl Deed {
    /// The event; version 0 is none.
    pub fn event(&self, order_no: &str, id: &str, version: u64, at: i64) -> Value {
        let at = jiff::Timestamp::from_millisecond(at).unwrap().to_string();
        json!({
            "id": id,
            "target": {
                "type": self.target, "id": format!("{}-1", self.target), "orderNo": order_no,
                "version": (version > 0).then_some(version),
            },
            "action": self.action,
            "actor": {"type": self.actor, "id": "someone"},
            "info": self.info,
            "time": {"occurredAt": at, "recordedAt": at},
            "schema": {"name": self.action, "version": 1},
        })
    }

    /// The name of its version cursor.
    pub fn cursor(&self) -> String {
        match self.target {
            "delivery" => "delivery/delivery-1".to_string(),
            other => other.to_string(),
        }
    }

    pub fn record(&self, order_no: &str, id: &str, version: u64, at: i64) -> InputRecord {
        record(&self.event(order_no, id, version, at), at)
    }
}

/// An event as a record of its topic.
pub fn record(event: &Value, at: i64) -> InputRecord {
    let topic = match event["target"]["type"].as_str() {
        Some("payment") => crate::support::driven::PAYMENTS,
        Some("delivery") => crate::support::driven::DELIVERIES,
        _ => crate::support::driven::ORDERS,
    };
    let order_no = event["target"]["orderNo"].as_str().unwrap();
    InputRecord {
        topic: topic.to_string(),
        partition: 0,
        offset: -1,
        key: Some(order_no.as_bytes().to_vec()),
        value: Some(event.to_string().into_bytes()),
        headers: Vec::new(),
        timestamp: at,
    }
}

/// What the future of an order hangs on.
pub fn key(order: &Order) -> String {
    let (main, kitchen, delivery, payment, claim, refunded) = order.substance();
    format!(
        "{main} {kitchen} {delivery} {payment} {claim} {refunded} {:?} {} {}",
        order.fulfilment,
        order.collected_at().is_some(),
        order.payment_before_claim
    )
}

fn case(record: &InputRecord, now: i64) -> Case {
    match parse(record) {
        Parsed::Event(event) => Case::new(event, true, record, now),
        _ => panic!("{record:?}"),
    }
}

/// One that knows this order and no other.
fn model_with(order: &Order, now: i64) -> Model {
    let mut model = Model::new(Policy::STRICT);
    model.set_now(now);
    if order.exists() {
        model.orders.insert(ORDER.to_string(), order.clone());
    }
    model
}

impl StateSpace {
    /// Searches everything that can be reached from nothing, all events at one moment and without versions.
    pub fn explore(at: i64) -> StateSpace {
        let deeds: Vec<Deed> = actions()
            .into_iter()
            .flat_map(|(target, action, info)| {
                ACTORS.map(|actor| Deed {
                    action,
                    target,
                    info: info.clone(),
                    actor,
                })
            })
            .collect();
        let records = deeds.iter().map(|deed| deed.record(ORDER, "deed", 0, at));
        let records: Vec<InputRecord> = records.collect();
        let cases: Vec<Case> = records.iter().map(|record| case(record, at)).collect();
        let nothing = Order::nothing(ORDER);
        let mut places = HashMap::from([(key(&nothing), 0)]);
        let mut orders = vec![nothing];
        let mut reached = vec![None];
        let mut legal: Vec<Vec<Edge>> = Vec::new();
        while legal.len() < orders.len() {
            let from = legal.len();
            let mut edges = Vec::new();
            for (deed, record) in records.iter().enumerate() {
                let mut model = model_with(&orders[from], at);
                if model.verdict(&cases[deed], &Policy::STRICT) != Verdict::Legal {
                    continue;
                }
                assert!(model.feed(record).transition.is_some(), "{record:?}");
                let mut order = model.orders.remove(ORDER).unwrap();
                order.memory.clear();
                let to = *places.entry(key(&order)).or_insert_with(|| {
                    orders.push(order);
                    reached.push(Some((from, deed)));
                    orders.len() - 1
                });
                edges.push(Edge { deed, to });
            }
            legal.push(edges);
        }
        StateSpace {
            deeds,
            keys: orders.iter().map(key).collect(),
            reached,
            legal,
        }
    }

    /// The deeds that lead from nothing to a state.
    pub fn path_to(&self, state: usize) -> Vec<usize> {
        let mut path = Vec::new();
        let mut at = state;
        while let Some((from, deed)) = self.reached[at] {
            path.push(deed);
            at = from;
        }
        path.reverse();
        path
    }
}
