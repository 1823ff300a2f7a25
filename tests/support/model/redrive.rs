//! Rejections that time may mend are kept, and sent again once they would be judged otherwise.

use super::event::InputRecord;
use super::order::Order;
use super::verdict::REDRIVE_LIMIT;
use super::waiting::{Kept, Parked};
use super::{Judged, Model, Step};

pub const REDRIVE_TOPIC: &str = "order.redrive.v1";
/// Kept events of one order.
const KEPT_PER_ORDER: usize = 64;

/// Keeps a rejected event that is only early, unless it went round too often.
pub fn keep(model: &mut Model, parked: &Parked, judged: &Judged) {
    let event = &parked.case.event;
    let may_mend = match judged.reason {
        Some("PREDECESSOR_TIMEOUT" | "SEQ_GAP_TIMEOUT") => true,
        Some("PREMATURE") => event.action == "order.cancelled",
        _ => false,
    };
    let settings = &model.settings;
    let is_on = settings.automatic_redrive && !settings.rebuild;
    if !may_mend || !is_on || parked.case.redrives >= REDRIVE_LIMIT {
        return;
    }
    let waiting = model.waiting.entry(event.order_no.clone()).or_default();
    // The same event may have been rejected before: one copy is enough.
    waiting.forget_kept(&event.id);
    if waiting.kept().len() < KEPT_PER_ORDER {
        waiting.keep(Kept {
            record: parked.record.clone(),
            case: parked.case.clone(),
            arrival: parked.arrival,
        });
    }
}

/// After an order changed: every kept event that would not wait any more is sent.
pub fn send_what_fits(model: &mut Model, order_no: &str, step: &mut Step) {
    let order: Order = model.order_or_nothing(order_no);
    let policy = model.settings.policy;
    let Some(waiting) = model.waiting.get_mut(order_no) else {
        return;
    };
    for kept in waiting.take_sendable(&order, &policy) {
        let now = model.task(kept.record.partition).stream_time;
        step.redriven.push(redriven(&kept.record, now));
    }
}

/// The record as it is sent again, to the partition of its task; it has no offset yet. It stands behind everything that
/// made it possible, and is not marked as a replay unless it was one: what follows from it has never happened.
pub fn redriven(record: &InputRecord, now: i64) -> InputRecord {
    let origin = record.header("x-redrive-topic");
    let replaced = [
        ("x-redrive-count", (record.redrive_count() + 1).to_string()),
        (
            "x-redrive-topic",
            origin.unwrap_or_else(|| record.topic.clone()),
        ),
    ];
    let mut headers = record.headers.clone();
    headers.retain(|(name, _)| replaced.iter().all(|(replaced, _)| name != replaced));
    headers.extend(
        replaced
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.into_bytes())),
    );
    InputRecord {
        topic: REDRIVE_TOPIC.to_string(),
        offset: -1,
        timestamp: now,
        headers,
        ..record.clone()
    }
}
