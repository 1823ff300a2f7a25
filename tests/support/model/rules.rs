//! The table of order-domain 1.2 as plain matches: guards, effects and actors.

use super::event::Event;
use super::order::Order;

pub const THIRTY_DAYS: i64 = 30 * 24 * 60 * 60 * 1000;

const REASONS: [&str; 19] = [
    "CHANGED_MIND",
    "SOLD_OUT",
    "STORE_CLOSED",
    "STORE_BUSY",
    "OUT_OF_AREA",
    "NO_RIDER",
    "COOK_DELAY",
    "DELIVERY_DELAY",
    "CUSTOMER_UNREACHABLE",
    "ACCIDENT",
    "DAMAGED",
    "WRONG_OR_MISSING",
    "FOREIGN_MATTER",
    "DUPLICATE_ORDER",
    "PAYMENT_ERROR",
    "VALIDATION_FAILED",
    "SYSTEM_FAILURE",
    "WEATHER",
    "OTHER",
];

/// The event's reason code; an unknown one is OTHER. Only of actions whose information has a reason.
pub fn reason_of(event: &Event) -> Option<String> {
    let carries_reason = matches!(
        event.action.as_str(),
        "order.rejected"
            | "delivery.unassigned"
            | "delivery.failed"
            | "delivery.cancelled"
            | "order.cancel_requested"
            | "order.cancel_declined"
            | "order.cancelled"
            | "claim.post_cancelled"
    );
    let reason = event.text("reason").filter(|_| carries_reason)?;
    Some(if REASONS.contains(&reason.as_str()) {
        reason
    } else {
        "OTHER".to_string()
    })
}

/// The event's liability, of the two actions that have one.
pub fn liability_of(event: &Event) -> Option<String> {
    event.text("liability").filter(|_| {
        matches!(
            event.action.as_str(),
            "order.cancelled" | "claim.post_cancelled"
        )
    })
}

/// Rows 4, 14, 31 and 32: recorded, no region changes.
fn is_annotation(action: &str) -> bool {
    matches!(
        action,
        "order.relayed"
            | "cooking.delayed"
            | "delivery.pickup_requested"
            | "order.address_changed"
            | "order.note_added"
            | "verification.passed"
            | "verification.failed"
            | "delivery.eta_updated"
            | "aggregate.reset"
    )
}

/// Rows 31 and 32 concern no delivery in particular.
pub fn is_about_any_delivery(action: &str) -> bool {
    is_annotation(action)
        && !matches!(
            action,
            "order.relayed" | "cooking.delayed" | "delivery.pickup_requested"
        )
}

/// 8, 9 and 10 once the food has left the store: outcomes win over guard and effect.
pub fn is_kitchen_event_after_collection(order: &Order, action: &str) -> bool {
    matches!(
        action,
        "cooking.started" | "cooking.delayed" | "cooking.completed"
    ) && matches!(order.main, "ACCEPTED" | "COMPLETED")
        && order.collected_at().is_some()
}

/// The guard's condition on `main`.
pub fn main_fits(order: &Order, action: &str) -> bool {
    let main = order.main;
    match action {
        "order.created" => main == "NONE",
        "payment.approved" => main != "NONE",
        "payment.failed" => matches!(main, "CREATED" | "CANCELLED"),
        "order.relayed" | "order.accepted" | "order.rejected" | "order.expired" => main == "PAID",
        "cooking.started" | "cooking.delayed" => main == "ACCEPTED",
        "cooking.completed" => matches!(main, "ACCEPTED" | "COMPLETED"),
        "delivery.requested" | "delivery.assigned" | "delivery.picked_up"
        | "delivery.delivered" => main == "ACCEPTED",
        "order.handed_over" => main == "ACCEPTED",
        "order.cancel_requested" => matches!(main, "PAID" | "ACCEPTED"),
        "order.cancelled" => matches!(main, "CREATED" | "PAID" | "ACCEPTED"),
        "claim.post_cancelled" => main == "COMPLETED",
        "order.address_changed"
        | "order.note_added"
        | "verification.passed"
        | "verification.failed" => main != "NONE",
        "delivery.eta_updated" | "aggregate.reset" => main != "NONE",
        // Guards that do not name main; without a record their own region is not there either.
        _ => true,
    }
}

/// The guard of 1.2, whole.
pub fn guard_holds(order: &Order, event: &Event, at: i64) -> bool {
    let delivery = order.delivery;
    let own_condition = match event.action.as_str() {
        "payment.approved" | "payment.failed" => order.payment == "NONE",
        "cooking.started" => order.kitchen == "IDLE",
        "cooking.delayed" => order.kitchen != "READY",
        "delivery.requested" => matches!(delivery, "NONE" | "D_CANCELLED"),
        "delivery.assigned" => delivery == "REQUESTED",
        "delivery.unassigned" | "delivery.pickup_requested" => {
            matches!(delivery, "ASSIGNED" | "AT_STORE")
        }
        "delivery.arrived_store" => delivery == "ASSIGNED",
        "delivery.picked_up" => match delivery {
            "ASSIGNED" | "AT_STORE" => true,
            "NONE" | "REQUESTED" => order.fulfilment.as_deref() == Some("STORE"),
            _ => false,
        },
        "delivery.arrived_customer" => delivery == "PICKED_UP",
        "delivery.delivered" => matches!(delivery, "PICKED_UP" | "AT_CUSTOMER"),
        "delivery.failed" => matches!(
            delivery,
            "ASSIGNED" | "AT_STORE" | "PICKED_UP" | "AT_CUSTOMER"
        ),
        "delivery.redispatched" | "delivery.returned" => delivery == "FAILED",
        "delivery.switched_to_store" => matches!(delivery, "REQUESTED" | "D_CANCELLED" | "FAILED"),
        // After the pick-up only CS may; that is the actor's part.
        "delivery.cancelled" => matches!(
            delivery,
            "REQUESTED" | "ASSIGNED" | "AT_STORE" | "PICKED_UP" | "AT_CUSTOMER"
        ),
        "order.handed_over" => order.fulfilment.as_deref() == Some("PICKUP"),
        "order.cancel_requested" => cancel_may_be_requested(delivery),
        "order.cancel_declined" => order.claim == "CANCEL_REQUESTED",
        "order.cancelled" => delivery != "DELIVERED",
        // After REFUNDED any refund is one too many, which is OVER_REFUND and not the guard's matter.
        "payment.refunded" | "payment.part_refunded" => {
            matches!(
                order.payment,
                "APPROVED" | "REFUND_PENDING" | "PART_REFUNDED" | "REFUND_FAILED" | "REFUNDED"
            )
        }
        "payment.refund_failed" => matches!(order.payment, "REFUND_PENDING" | "PART_REFUNDED"),
        "claim.post_cancelled" => {
            let closed_at = order.times.get("closedAt").copied().unwrap_or(at);
            matches!(order.claim, "NONE" | "WITHDRAWN") && at - closed_at <= THIRTY_DAYS
        }
        "claim.withdrawn" => {
            order.claim == "POST_CANCELLED"
                && (order.payment != "REFUNDED" || event.flag("recharge"))
        }
        _ => true,
    };
    main_fits(order, &event.action) && own_condition
}

pub fn cancel_may_be_requested(delivery: &str) -> bool {
    matches!(
        delivery,
        "NA" | "NONE" | "REQUESTED" | "ASSIGNED" | "AT_STORE" | "D_CANCELLED"
    )
}

/// The refund would exceed what was paid.
pub fn is_over_refund(order: &Order, event: &Event) -> bool {
    matches!(
        event.action.as_str(),
        "payment.refunded" | "payment.part_refunded"
    ) && (order.payment == "REFUNDED"
        || order
            .refunded
            .saturating_add(event.number("amount").unwrap_or(0))
            > order.paid)
}

/// Column 4 of 1.2 and the table of 1.3.
pub fn actor_is_allowed(order: &Order, event: &Event) -> bool {
    let actor = event.actor_type.as_str();
    let one_of = |allowed: &[&str]| allowed.contains(&actor);
    match event.action.as_str() {
        "order.created" => one_of(&["CUSTOMER"]),
        action if action.starts_with("payment.") => one_of(&["PG"]),
        "order.relayed" | "order.expired" | "delivery.requested" => one_of(&["SYSTEM"]),
        "order.accepted" | "cooking.started" => one_of(&["STORE", "SYSTEM"]),
        "order.rejected" | "cooking.delayed" | "cooking.completed" | "order.handed_over" => {
            one_of(&["STORE"])
        }
        "delivery.assigned" => one_of(&["DISPATCH", "RIDER"]),
        "delivery.unassigned" => one_of(&["RIDER", "CS", "DISPATCH"]),
        "delivery.pickup_requested" => one_of(&["DISPATCH"]),
        "delivery.arrived_store" | "delivery.arrived_customer" | "delivery.returned" => {
            one_of(&["RIDER"])
        }
        "delivery.picked_up" => {
            one_of(&["RIDER"])
                || (one_of(&["STORE"]) && order.fulfilment.as_deref() == Some("STORE"))
        }
        "delivery.delivered" => one_of(&["RIDER", "STORE"]),
        "delivery.failed" => one_of(&["RIDER", "CS"]),
        "delivery.redispatched" => one_of(&["CS", "DISPATCH"]),
        "delivery.switched_to_store" => one_of(&["STORE", "CS"]),
        "delivery.cancelled" if matches!(order.delivery, "PICKED_UP" | "AT_CUSTOMER") => {
            one_of(&["CS"])
        }
        "delivery.cancelled" => one_of(&["SYSTEM", "CS"]),
        "order.cancel_requested" => one_of(&["CUSTOMER", "STORE"]),
        "order.cancel_declined" => one_of(&["STORE", "CS"]),
        "order.cancelled" => match order.status() {
            "PAYMENT_WAIT" | "WAITING_ACCEPT" => one_of(&["CUSTOMER", "CS", "SYSTEM"]),
            "ACCEPTED" | "COOKING" | "READY" => {
                let gives_reason = event
                    .text("reason")
                    .is_some_and(|reason| !reason.is_empty());
                one_of(&["CS", "SYSTEM"]) || (one_of(&["STORE"]) && gives_reason)
            }
            _ => one_of(&["CS"]),
        },
        "claim.post_cancelled" | "claim.withdrawn" => one_of(&["CS"]),
        "aggregate.reset" => one_of(&["CS", "SYSTEM"]),
        // Row 31: anybody.
        _ => true,
    }
}

/// Applies a legal event to regions, money, times and counters; true if READY was implied or skipped to.
pub fn apply_effect(order: &mut Order, event: &Event, at: i64) -> bool {
    if is_kitchen_event_after_collection(order, &event.action) {
        apply_kitchen_event_after_collection(order, event, at);
        return false;
    }
    let was_terminal = order.is_terminal();
    let mut skipped = false;
    match event.action.as_str() {
        "order.created" => {
            order.main = "CREATED";
            order.fulfilment = event.text("fulfilment");
            order.delivery = if order.fulfilment.as_deref() == Some("PICKUP") {
                "NA"
            } else {
                "NONE"
            };
            order.times.insert("createdAt", at);
            order.customer_id =
                event
                    .text("customerId")
                    .or_else(|| match event.actor_type.as_str() {
                        "CUSTOMER" => event.actor_id.clone(),
                        _ => None,
                    });
            order.store_id = event.text("storeId");
            order.category = event.text("category");
            order.sido = event.text("sido");
            order.sigungu = event.text("sigungu");
            order.dong = event.text("dong");
            order.amount = event.number("amount").unwrap_or(0);
            order.payment_method = event.text("paymentMethod");
            order.promised_at = event.time("promisedAt");
            if is_paid_on_delivery(order) {
                order.payment = "OFFLINE";
                order.main = "PAID";
                order.times.insert("paidAt", at);
            }
        }
        "payment.approved" => {
            order.payment = "APPROVED";
            order.paid = event.number("amount").unwrap_or(0);
            if order.main == "CREATED" {
                order.main = "PAID";
                order.times.insert("paidAt", at);
            }
            if order.main == "CANCELLED" {
                order.payment = "REFUND_PENDING";
            }
        }
        "payment.failed" => {
            order.payment = "FAILED";
            if order.main == "CREATED" {
                order.main = "PAYMENT_FAILED";
            }
        }
        "order.accepted" => {
            order.main = "ACCEPTED";
            order.times.insert("acceptedAt", at);
            order.promised_at = event.time("promisedAt").or(order.promised_at);
        }
        "order.rejected" => end_order(order, "REJECTED", event),
        "order.expired" => end_order(order, "EXPIRED", event),
        "order.cancelled" => end_order(order, "CANCELLED", event),
        "cooking.started" => {
            order.kitchen = "COOKING";
            order.times.insert("cookingAt", at);
        }
        "cooking.delayed" => order.promised_at = event.time("promisedAt").or(order.promised_at),
        "cooking.completed" => {
            skipped = order.kitchen == "IDLE";
            if order.kitchen != "READY" {
                order.kitchen = "READY";
                order.times.insert("readyAt", at);
            }
        }
        "delivery.requested" => {
            order.delivery = "REQUESTED";
            // Row 11 is silent: the times are those of the current delivery, as rows 13 and 20 say of theirs.
            order.times.remove("assignedAt");
            order.times.remove("atStoreAt");
            order.times.insert("requestedAt", at);
        }
        "delivery.assigned" => {
            order.delivery = "ASSIGNED";
            order.attempts += 1;
            order.times.insert("assignedAt", at);
        }
        "delivery.unassigned" | "delivery.redispatched" => {
            order.delivery = "REQUESTED";
            order.times.remove("assignedAt");
            order.times.remove("atStoreAt");
            order.times.insert("requestedAt", at);
            if event.action == "delivery.unassigned" {
                order.reassigned += 1;
            }
        }
        "delivery.arrived_store" => {
            order.delivery = "AT_STORE";
            order.times.insert("atStoreAt", at);
        }
        "delivery.picked_up" => {
            order.delivery = "PICKED_UP";
            order.times.insert("pickedUpAt", at);
            skipped = imply_ready(order);
        }
        "delivery.arrived_customer" => order.delivery = "AT_CUSTOMER",
        "delivery.delivered" => {
            order.delivery = "DELIVERED";
            order.main = "COMPLETED";
            close_cancel_request(order);
            order.times.insert("deliveredAt", at);
        }
        "delivery.failed" => order.delivery = "FAILED",
        "delivery.returned" => order.delivery = "RETURNED",
        "delivery.cancelled" => order.delivery = "D_CANCELLED",
        "delivery.switched_to_store" => {
            order.fulfilment = Some("STORE".to_string());
            order.delivery = "NONE";
        }
        "order.handed_over" => {
            order.main = "COMPLETED";
            close_cancel_request(order);
            order.times.insert("handedOverAt", at);
            skipped = imply_ready(order);
        }
        "order.cancel_requested" => order.claim = "CANCEL_REQUESTED",
        "order.cancel_declined" => order.claim = "NONE",
        "payment.refunded" | "payment.part_refunded" => {
            order.refunded += event.number("amount").unwrap_or(0);
            order.payment = if order.refunded == order.paid {
                "REFUNDED"
            } else {
                "PART_REFUNDED"
            };
        }
        "payment.refund_failed" => order.payment = "REFUND_FAILED",
        "claim.post_cancelled" => {
            order.claim = "POST_CANCELLED";
            order.payment_before_claim = order.payment;
            if order.payment == "OFFLINE" {
                order.paid = order.amount;
            }
            if matches!(order.payment, "APPROVED" | "PART_REFUNDED" | "OFFLINE") {
                order.payment = "REFUND_PENDING";
            }
            order.reason = reason_of(event);
            order.liability = liability_of(event);
        }
        "claim.withdrawn" => {
            order.claim = "WITHDRAWN";
            order.payment = order.payment_before_claim;
            if event.flag("recharge") {
                order.refunded = 0;
                order.payment = if is_paid_on_delivery(order) {
                    "OFFLINE"
                } else {
                    "APPROVED"
                };
            }
        }
        _ => {}
    }
    if order.is_terminal() && !was_terminal {
        order.times.insert("closedAt", at);
    }
    skipped
}

/// Topic lag where the kitchen was earlier than the pick-up, else a button pressed late.
fn apply_kitchen_event_after_collection(order: &mut Order, event: &Event, at: i64) {
    if order
        .collected_at()
        .is_some_and(|collected_at| at > collected_at)
    {
        order.flags.insert("pressed_late");
        return;
    }
    match event.action.as_str() {
        "cooking.started" => {
            order.times.entry("cookingAt").or_insert(at);
        }
        "cooking.delayed" => order.promised_at = event.time("promisedAt").or(order.promised_at),
        _ => {
            order.times.entry("readyAt").or_insert(at);
            order.ready_implied = false;
        }
    }
}

fn imply_ready(order: &mut Order) -> bool {
    let implied = order.kitchen != "READY";
    if implied {
        order.kitchen = "READY";
        order.ready_implied = true;
    }
    implied
}

fn end_order(order: &mut Order, main: &'static str, event: &Event) {
    order.main = main;
    close_cancel_request(order);
    if order.payment == "APPROVED" {
        order.payment = "REFUND_PENDING";
    }
    order.reason = reason_of(event);
    order.liability = liability_of(event);
}

fn close_cancel_request(order: &mut Order) {
    if order.claim == "CANCEL_REQUESTED" {
        order.claim = "NONE";
    }
}

fn is_paid_on_delivery(order: &Order) -> bool {
    matches!(
        order.payment_method.as_deref(),
        Some("PAY_ON_DELIVERY_CARD" | "PAY_ON_DELIVERY_CASH")
    )
}
