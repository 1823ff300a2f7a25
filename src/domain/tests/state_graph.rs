//! Every state that an order can reach, and every event in it.

use std::collections::HashMap;

use super::fixture::{CREATED_INFO, Desk, Ev, NOON, ev};
use crate::domain::action::Action;
use crate::domain::actor::ActorType;
use crate::domain::event::OrderEvent;
use crate::domain::judge::judge;
use crate::domain::judgement::RecordContext;
use crate::domain::order::Order;
use crate::domain::outcome::Outcome;
use crate::domain::regions::{Fulfilment, Payment, Regions};

/// What the future of an order hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub regions: Regions,
    pub fulfilment: Option<Fulfilment>,
    pub picked_up: bool,
    pub refunded: i64,
    pub before_claim: Option<Payment>,
}

/// One event, without version: the machine alone judges it.
pub struct Candidate {
    pub action: &'static str,
    pub aggregate: &'static str,
    pub actor: ActorType,
    pub info: String,
    pub event: OrderEvent,
}

pub struct Edge {
    pub from: usize,
    pub candidate: usize,
    pub to: usize,
    pub outcome: Outcome,
}

pub struct Graph {
    pub states: Vec<Key>,
    pub candidates: Vec<Candidate>,
    pub edges: Vec<Edge>,
}

fn key(order: &Order) -> Key {
    Key {
        regions: order.regions,
        fulfilment: order.fulfilment,
        picked_up: order.picked_up_at().is_some(),
        refunded: order.refunded,
        before_claim: order.payment_before_claim,
    }
}

fn candidates() -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for action in Action::ALL {
        let name = action.name();
        let plain = ev(name, "CS", 0);
        let mut variants: Vec<Ev> = match name {
            "order.created" => ["BAEMIN_SINGLE", "STORE", "PICKUP"]
                .iter()
                .flat_map(|fulfilment| {
                    let info = CREATED_INFO.replace("BAEMIN_SINGLE", fulfilment);
                    let offline = info.replace("CARD", "PAY_ON_DELIVERY_CASH");
                    [plain.clone().info(&info), plain.clone().info(&offline)]
                })
                .collect(),
            "payment.refunded" | "payment.part_refunded" => {
                vec![
                    plain.clone().info(r#"{"amount":10000}"#),
                    plain.clone().info(r#"{"amount":20000}"#),
                ]
            }
            "claim.withdrawn" => vec![plain.clone(), plain.clone().info(r#"{"recharge":true}"#)],
            "order.cancelled" => vec![
                plain.clone(),
                plain.clone().info(r#"{"reason":"SOLD_OUT"}"#),
            ],
            _ => vec![plain.clone()],
        };
        if matches!(name, "order.note_added" | "aggregate.reset") {
            variants.push(plain.target("payment", "pay_1"));
        }
        for variant in variants {
            for actor in ActorType::ALL {
                let mut variant = variant.clone();
                variant.actor = actor.name().to_owned();
                let event = variant.decoded();
                let aggregate = event.aggregate().name();
                candidates.push(Candidate {
                    action: name,
                    aggregate,
                    actor: *actor,
                    info: variant.info,
                    event,
                });
            }
        }
    }
    candidates
}

/// Searches all that can be reached from nothing. `check` sees the order before and after each event.
pub fn explore(mut check: impl FnMut(&Order, &Order, &Candidate, Outcome)) -> Graph {
    let candidates = candidates();
    let policy = Desk::default().policy;
    let context = RecordContext {
        timestamp: NOON,
        wall_clock: NOON,
        ..RecordContext::default()
    };
    let mut places = HashMap::new();
    let mut orders = vec![Order::default()];
    let mut states = vec![key(&orders[0])];
    places.insert(states[0], 0);
    let mut edges = Vec::new();
    let mut from = 0;
    while from < orders.len() {
        for (at, candidate) in candidates.iter().enumerate() {
            let before = orders[from].clone();
            let mut order = before.clone();
            let outcome = judge(&mut order, &candidate.event, &context, &policy).outcome;
            check(&before, &order, candidate, outcome);
            // Ids are used again, and what is only remembered says nothing of the state.
            order.memory.clear();
            order.ghost = None;
            let to = *places.entry(key(&order)).or_insert_with(|| {
                states.push(key(&order));
                orders.push(order);
                states.len() - 1
            });
            edges.push(Edge {
                from,
                candidate: at,
                to,
                outcome,
            });
        }
        from += 1;
    }
    Graph {
        states,
        candidates,
        edges,
    }
}
