//! Step 5 of order-domain 4.1: whether other aggregates alone can still make a guard true.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::event::{Event, FULFILMENTS};
use super::order::Order;
use super::rules::{
    THIRTY_DAYS, apply_effect, cancel_may_be_requested, guard_holds, is_over_refund,
};

/// States that others can bring an order to, by what the search hangs on.
type Reachable = HashMap<String, Rc<Vec<Order>>>;

thread_local! {
    /// Answers that were found before; the question is asked for every early event, and the answer is the same.
    static FOUND: RefCell<Reachable> = RefCell::default();
    static IMAGINABLE: Vec<(&'static str, Event)> = imaginable();
}

/// A closing long ago, and one in the search itself, which is never too old for a claim.
const LONG_AGO: i64 = 0;
const JUST_NOW: i64 = i64::MAX / 4;

/// Can events of other aggregates alone make the guard true? A search over everything they could still do,
/// whoever does it.
pub fn others_can_make_it_legal(order: &Order, event: &Event, at: i64) -> bool {
    // "not waited for", row 24.
    if event.action == "order.cancel_requested" && !cancel_may_be_requested(order.delivery) {
        return false;
    }
    let mut start = order.clone();
    start.memory.clear();
    if let Some(closed_at) = start.times.get_mut("closedAt") {
        let is_old = at - *closed_at > THIRTY_DAYS;
        *closed_at = if is_old { LONG_AGO } else { JUST_NOW };
    }
    let question = format!(
        "{} {} {} {} {} {:?} {:?}",
        event.target_type,
        search_key(&start),
        start.amount,
        start.paid,
        start.refunded,
        start.times.get("closedAt"),
        start.payment_method,
    );
    let known = FOUND.with_borrow(|found| found.get(&question).cloned());
    let reachable = known.unwrap_or_else(|| {
        let reachable = Rc::new(reachable(start, &event.target_type, at));
        FOUND.with_borrow_mut(|found| found.insert(question, Rc::clone(&reachable)));
        reachable
    });
    reachable.iter().any(|state| guard_holds(state, event, at))
}

/// Every state that events of other aggregates alone can bring the order to.
fn reachable(start: Order, own: &str, at: i64) -> Vec<Order> {
    let mut seen = BTreeSet::from([search_key(&start)]);
    let mut states = vec![start];
    let mut next = 0;
    while next < states.len() {
        IMAGINABLE.with(|imaginable| {
            let of_others = imaginable.iter().filter(|(aggregate, _)| *aggregate != own);
            for (_, imagined) in of_others {
                let state = &states[next];
                let imagined = with_amount(imagined, state);
                if !guard_holds(state, &imagined, at) || is_over_refund(state, &imagined) {
                    continue;
                }
                let mut changed = state.clone();
                apply_effect(&mut changed, &imagined, JUST_NOW);
                if seen.insert(search_key(&changed)) {
                    states.push(changed);
                }
            }
        });
        next += 1;
    }
    states
}

/// Money events for the amounts on which their effect hangs: all of it, the rest, half of the rest.
fn with_amount<'a>(imagined: &'a Event, order: &Order) -> Cow<'a, Event> {
    let unpaid_rest = order.paid.saturating_sub(order.refunded);
    let amount = match imagined.action.as_str() {
        "payment.approved" => order.amount,
        "payment.refunded" => unpaid_rest,
        "payment.part_refunded" => unpaid_rest / 2,
        _ => return Cow::Borrowed(imagined),
    };
    let mut imagined = imagined.clone();
    imagined.info.insert("amount".to_string(), json!(amount));
    Cow::Owned(imagined)
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

/// Every event that changes a region, with its aggregate and the information on which its effect hangs.
fn imaginable() -> Vec<(&'static str, Event)> {
    let nothing = || vec![json!({})];
    let creations: Vec<Value> = FULFILMENTS
        .iter()
        .flat_map(|fulfilment| {
            ["CARD", "PAY_ON_DELIVERY_CARD"].map(
                |method| json!({"fulfilment": fulfilment, "paymentMethod": method, "amount": 1000}),
            )
        })
        .collect();
    let imaginable: Vec<(&'static str, &str, Vec<Value>)> = vec![
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
        ("payment", "payment.approved", nothing()),
        ("payment", "payment.failed", nothing()),
        ("payment", "payment.refunded", nothing()),
        ("payment", "payment.part_refunded", nothing()),
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
        .flat_map(|(aggregate, action, infos)| {
            let imagine = move |info| (aggregate, imagine(aggregate, action, info));
            infos.into_iter().map(imagine)
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
        original: Rc::new(Value::Null),
        canonical: "".into(),
    }
}
