//! Pairs of orders of one customer at one store for one amount, at most five minutes apart, neither of which had ended when
//! the later one was created.

use std::collections::HashMap;

use serde_json::Value;

use super::batch::Windows;
use super::movement::Movement;
use super::overdue::minute;

const APART: i64 = 300_000;

#[derive(Debug, Clone)]
struct Created {
    at: i64,
    order: (String, u64),
}

/// What is known of all orders.
#[derive(Debug, Default, Clone)]
pub struct Suspects {
    created: HashMap<(String, String, i64), Vec<Created>>,
    ended: HashMap<(String, u64), i64>,
}

impl Suspects {
    pub fn live(&mut self, movement: &Movement<'_>, info: &Value) {
        let transition = movement.transition();
        let text = |value: &Value, pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let generation = transition["generation"].as_u64().unwrap_or_default();
        let order = (text(transition, "/orderNo"), generation);
        if transition["outcome"] == "ANNOTATED" {
            return;
        }
        if movement.is_end() {
            self.ended.insert(order.clone(), movement.at());
        }
        if transition["action"] != "order.created" {
            return;
        }
        let mut customer = text(info, "/customerId");
        if customer.is_empty() && transition["actor"]["type"] == "CUSTOMER" {
            customer = text(transition, "/actor/id");
        }
        let store = text(transition, "/dims/storeId");
        let amount = info["amount"].as_i64();
        if let (false, false, Some(amount)) = (customer.is_empty(), store.is_empty(), amount) {
            let at = movement.at();
            let of_kind = self.created.entry((customer, store, amount)).or_default();
            of_kind.push(Created { at, order });
        }
    }

    /// Pairs by the minute of the later order; 0 where orders were created and none was in a pair.
    pub fn pairs(&self) -> Windows {
        let mut windows = Windows::new();
        for of_kind in self.created.values() {
            for later in of_kind {
                let is_live = |one: &Created| {
                    let ended = self.ended.get(&one.order);
                    ended.is_none_or(|ended| *ended > later.at)
                };
                let before = |one: &&Created| (one.at, &one.order) < (later.at, &later.order);
                let near = |one: &&Created| later.at - one.at <= APART;
                let others = of_kind.iter().filter(before).filter(near);
                let pairs = match is_live(later) {
                    true => others.filter(|one| is_live(one)).count(),
                    false => 0,
                };
                *windows.entry(minute(later.at)).or_default() += i64::try_from(pairs).unwrap();
            }
        }
        windows
    }
}
