//! Step 5 of order-domain 4.1: whether other aggregates alone can still make a guard true.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::event::{Event, FULFILMENTS};
use super::order::Order;
use super::rules::{apply_effect, cancel_may_be_requested, guard_holds, is_over_refund};

/// Can events of other aggregates alone make the guard true? A search over everything they could still do,
/// whoever does it.
pub fn others_can_make_it_legal(order: &Order, event: &Event, at: i64) -> bool {
    // "not waited for", row 24.
    if event.action == "order.cancel_requested" && !cancel_may_be_requested(order.delivery) {
        return false;
    }
    let mut start = order.clone();
    start.memory.clear();
    let mut seen = BTreeSet::from([search_key(&start)]);
    let mut open = VecDeque::from([start]);
    while let Some(state) = open.pop_front() {
        if guard_holds(&state, event, at) {
            return true;
        }
        for imagined in events_of_others(&event.target_type, &state) {
            if guard_holds(&state, &imagined, at) && !is_over_refund(&state, &imagined) {
                let mut next = state.clone();
                apply_effect(&mut next, &imagined, at);
                if seen.insert(search_key(&next)) {
                    open.push_back(next);
                }
            }
        }
    }
    false
}

fn search_key(order: &Order) -> String {
    let (main, kitchen, delivery, payment, claim, _) = order.substance();
    let all_refunded = order.refunded == order.paid;
    let before_claim = order.payment_before_claim;
    format!(
        "{main} {kitchen} {delivery} {payment} {claim} {all_refunded} {before_claim} {:?}",
        order.fulfilment
    )
}

/// Every event that changes a region, of all aggregates but one, with the information on which its effect hangs.
fn events_of_others(own: &str, order: &Order) -> Vec<Event> {
    let nothing = || vec![json!({})];
    let unpaid_rest = order.paid.saturating_sub(order.refunded);
    let creations: Vec<Value> = FULFILMENTS
        .iter()
        .flat_map(|fulfilment| {
            ["CARD", "PAY_ON_DELIVERY_CARD"].map(
                |method| json!({"fulfilment": fulfilment, "paymentMethod": method, "amount": 1000}),
            )
        })
        .collect();
    let imaginable: Vec<(&str, &str, Vec<Value>)> = vec![
        ("order", "order.created", creations),
        ("order", "order.accepted", nothing()),
        ("order", "order.rejected", nothing()),
        ("order", "order.expired", nothing()),
        ("order", "cooking.started", nothing()),
        ("order", "cooking.completed", nothing()),
        ("order", "order.handed_over", nothing()),
        ("order", "order.cancel_requested", nothing()),
        ("order", "order.cancel_declined", nothing()),
        ("order", "order.cancelled", nothing()),
        (
            "payment",
            "payment.approved",
            vec![json!({"amount": order.amount})],
        ),
        ("payment", "payment.failed", nothing()),
        (
            "payment",
            "payment.refunded",
            vec![json!({"amount": unpaid_rest})],
        ),
        (
            "payment",
            "payment.part_refunded",
            vec![json!({"amount": unpaid_rest / 2})],
        ),
        ("payment", "payment.refund_failed", nothing()),
        ("delivery", "delivery.requested", nothing()),
        ("delivery", "delivery.assigned", nothing()),
        ("delivery", "delivery.unassigned", nothing()),
        ("delivery", "delivery.arrived_store", nothing()),
        ("delivery", "delivery.picked_up", nothing()),
        ("delivery", "delivery.arrived_customer", nothing()),
        ("delivery", "delivery.delivered", nothing()),
        ("delivery", "delivery.failed", nothing()),
        ("delivery", "delivery.redispatched", nothing()),
        ("delivery", "delivery.switched_to_store", nothing()),
        ("delivery", "delivery.returned", nothing()),
        ("delivery", "delivery.cancelled", nothing()),
        ("claim", "claim.post_cancelled", nothing()),
        (
            "claim",
            "claim.withdrawn",
            vec![json!({}), json!({"recharge": true})],
        ),
    ];
    imaginable
        .into_iter()
        .filter(|(aggregate, _, _)| *aggregate != own)
        .flat_map(|(aggregate, action, infos)| {
            infos
                .into_iter()
                .map(move |info| imagine(aggregate, action, info))
        })
        .collect()
}

fn imagine(aggregate: &str, action: &str, info: Value) -> Event {
    let info: Map<String, Value> = info.as_object().cloned().unwrap_or_default();
    Event {
        id: "imagined".to_string(),
        target_type: aggregate.to_string(),
        target_id: "imagined".to_string(),
        order_no: "imagined".to_string(),
        version: None,
        action: action.to_string(),
        actor_type: "SYSTEM".to_string(),
        actor_id: None,
        info,
        occurred_at: 0,
        recorded_at: 0,
        original: Value::Null,
        canonical: String::new(),
    }
}
