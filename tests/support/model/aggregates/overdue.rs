//! What is overdue: what timers told, and when it was over by what happened to the orders.

use std::collections::HashMap;

use serde_json::Value;

use super::super::sla::{self, Read, moment};
use super::WINDOW;
use super::grouping::{SLA_BREACH, SLA_BREACH_BY_FULFILMENT};
use super::movement::Movement;

/// The minute of a moment, by its beginning; epoch milliseconds.
pub fn minute(at: i64) -> i64 {
    at.div_euclid(WINDOW) * WINDOW
}

/// A record of `order.sla.v1`.
#[derive(Debug, Clone)]
pub struct Breach {
    pub order_no: String,
    pub timer: String,
    pub level: String,
    pub since: i64,
    pub deadline: i64,
    pub sido: String,
    pub fulfilment: String,
}

impl Breach {
    pub fn read(value: &Value) -> Breach {
        let text = |pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
                .unwrap_or("unknown")
                .to_owned()
        };
        Breach {
            order_no: text("/orderNo"),
            timer: text("/timer"),
            level: text("/level"),
            since: moment(&value["since"]),
            deadline: moment(&value["deadline"]),
            sido: text("/dims/sido"),
            fulfilment: text("/dims/fulfilment"),
        }
    }

    /// Group, window and number that it counts for by itself.
    pub fn counts(&self) -> [(String, i64, i64); 2] {
        let window = minute(self.deadline);
        let (timer, level) = (self.timer.as_str(), self.level.as_str());
        let by_sido = SLA_BREACH.group([self.sido.as_str(), timer, level]);
        let fulfilment = self.fulfilment.as_str();
        let by_fulfilment = SLA_BREACH_BY_FULFILMENT.group([fulfilment, timer, level]);
        [(by_sido, window, 1), (by_fulfilment, window, 1)]
    }
}

/// What ran for the orders, and when it was over.
#[derive(Debug, Default, Clone)]
pub struct Runs {
    lives: HashMap<(String, u64), sla::Life>,
    /// By order, timer and beginning: the window in which it was over.
    over: HashMap<(String, String, i64), i64>,
}

impl Runs {
    pub fn live(&mut self, movement: &Movement<'_>, info: &Value) {
        let transition = movement.transition();
        let order_no = transition["orderNo"].as_str().unwrap_or_default();
        let generation = transition["generation"].as_u64().unwrap_or_default();
        let life = self.lives.entry((order_no.to_owned(), generation));
        let life = life.or_default();
        let before = life.running.clone();
        life.take(
            transition,
            &Read {
                id: String::new(),
                timestamp: 0,
                cook_minutes: info["cookMinutes"].as_i64(),
                promised_at: info["promisedAt"]
                    .is_string()
                    .then(|| moment(&info["promisedAt"])),
            },
        );
        for (timer, since) in before {
            if life.running.get(timer) != Some(&since) {
                let run = (order_no.to_owned(), timer.to_owned(), since);
                self.over.insert(run, movement.window());
            }
        }
    }

    /// Window and change of what a breach counts for among those that are overdue.
    pub fn overdue(&self, breach: &Breach) -> impl Iterator<Item = (i64, i64)> {
        let began = minute(breach.deadline);
        let run = (breach.order_no.clone(), breach.timer.clone(), breach.since);
        let over = self.over.get(&run).map(|over| (*over.max(&began), -1));
        std::iter::once((began, 1)).chain(over)
    }
}
