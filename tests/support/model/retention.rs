//! When an order is forgotten: 31 days after it closed, or after its last event if it never did, by the stream time
//! of its task (order-domain 2.7, E11).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::order::Order;
use super::{Model, Step, outputs};

/// Moments at which an order may have to be forgotten, the earliest first. Those that were moved since stay in it.
#[derive(Debug, Default)]
pub struct Calendar(BinaryHeap<Reverse<(i64, String)>>);

impl Calendar {
    pub fn note(&mut self, at: i64, order_no: &str) {
        self.0.push(Reverse((at, order_no.to_string())));
    }

    fn take_due(&mut self, now: i64) -> Option<(i64, String)> {
        let Reverse((at, _)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }
}

/// When the order's retention ends.
pub fn end_of(order: &Order, retention: i64) -> i64 {
    order.closed_recorded_at.unwrap_or(order.last_event_at) + retention
}

/// Forgets what stream time has left behind. An order that never closed, and a ghost, are told as abandoned.
pub fn forget(model: &mut Model, partition: i32, step: &mut Step) {
    let now = model.task(partition).stream_time;
    while let Some((at, order_no)) = model.task(partition).calendar.take_due(now) {
        if let Some(order) = model.orders.get(&order_no) {
            if end_of(order, model.settings.retention) != at {
                continue;
            }
            if !order.is_terminal() {
                let told = outputs::reconcile("ABANDONED", &serde_json::Value::Null, order, now);
                step.abandoned.push(told);
            }
            model.orders.remove(&order_no);
            model.forget_waiting(&order_no);
            step.forgotten.push(order_no);
        } else if let Some(ghost) = model.ghosts.get(&order_no) {
            if ghost.record.timestamp + model.settings.retention != at {
                continue;
            }
            let nothing = Order::nothing(&order_no);
            let told = outputs::reconcile("ABANDONED", &ghost.event, &nothing, now);
            step.abandoned.push(told);
            model.ghosts.remove(&order_no);
            model.forget_waiting(&order_no);
            step.forgotten.push(order_no);
        }
    }
}
