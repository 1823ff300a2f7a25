//! The lifecycle (order-domain 1), one scenario per special rule, written from the prose and not from the model.

use serde_json::{Value, json};

use super::scenario::*;

#[test]
fn a_ready_that_was_only_late_on_the_wire_undoes_the_implied_one() {
    let mut order = Scenario::picked_up();
    order.check_state("/regions/kitchen", json!("READY"));
    order.check_state("/times/readyAt", Value::Null);
    let picked_up_at = order.at - SECOND;
    let completed = envelope("lag", "STORE cooking.completed 3", none(), picked_up_at);
    order.send(completed, "ANNOTATED");
    assert!(order.state()["times"]["readyAt"].is_string());
    order.check_state("/flags", json!([]));
}

#[test]
fn a_ready_after_the_pick_up_was_pressed_late() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.step(
        "STORE cooking.delayed 3",
        json!({"promisedAt": "2026-11-20T13:00:00+09:00"}),
        "ANNOTATED",
    );
    order.step("STORE cooking.completed 4", none(), "ANNOTATED");
    order.check_state("/times/readyAt", Value::Null);
    order.check_state("/promisedAt", Value::Null);
    order.check_state("/flags", json!(["pressed_late"]));
}

#[test]
fn ready_from_idle_and_hand_over_before_ready_are_skips() {
    let mut order = Scenario::accepted("PICKUP");
    order.step("STORE cooking.completed 3", none(), "APPLIED_SKIP");
    order.step("STORE cooking.completed 4", none(), "ANNOTATED");
    order.step("STORE order.handed_over 5", none(), "APPLIED");
    order.check_state("/status", json!("COMPLETED"));

    let mut order = Scenario::accepted("PICKUP");
    order.step("STORE cooking.started 3", none(), "APPLIED");
    order.step("STORE order.handed_over 4", none(), "APPLIED_SKIP");
    order.step(
        "SYSTEM delivery.requested 1",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
}

#[test]
fn after_the_delivery_nothing_is_delivered_or_cancelled_again() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.step(
        "RIDER delivery.delivered 5",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step(
        "CUSTOMER order.cancelled 3",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    assert_eq!(order.reconcile_kinds(), ["AFTER_TERMINAL"]);
    order.check_state("/status", json!("COMPLETED"));
}

#[test]
fn a_pick_up_of_a_cancelled_order_is_a_ghost_delivery() {
    let mut order = Scenario::accepted("STORE");
    order.step(
        "STORE order.cancelled 3",
        json!({"reason": "SOLD_OUT", "liability": "STORE"}),
        "APPLIED",
    );
    order.check_state("/regions/payment", json!("REFUND_PENDING"));
    order.step(
        "STORE delivery.picked_up 1",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    order.check_state("/flags", json!(["contradicted", "ghost_delivery"]));
    order.check_state("/reason", json!("SOLD_OUT"));
    order.step(
        "STORE cooking.completed 4",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
}

#[test]
fn a_payment_approved_after_the_cancel_is_to_be_refunded() {
    let mut order = Scenario::new();
    order.create("STORE", "CARD", "APPLIED");
    order.step("CUSTOMER order.cancelled 2", none(), "APPLIED");
    order.step(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    order.check_state("/regions/payment", json!("REFUND_PENDING"));
    order.check_state("/status", json!("CANCELLED"));
}

#[test]
fn refunds_add_up_to_what_was_paid_and_no_further() {
    let mut order = Scenario::picked_up();
    order.step(
        "PG payment.part_refunded 2",
        json!({"amount": 4_000}),
        "APPLIED",
    );
    order.step(
        "PG payment.part_refunded 3",
        json!({"amount": 1_000}),
        "APPLIED",
    );
    order.step(
        "PG payment.refunded 4",
        json!({"amount": 6_000}),
        "REJECTED/OVER_REFUND",
    );
    order.step(
        "PG payment.part_refunded 5",
        json!({"amount": 5_000}),
        "APPLIED",
    );
    order.check_state("/regions/payment", json!("REFUNDED"));
    order.step(
        "PG payment.refunded 6",
        json!({"amount": 1}),
        "REJECTED/OVER_REFUND",
    );
    order.step(
        "CS payment.refunded 7",
        json!({"amount": 1}),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    order.check_state("/refunded", json!(10_000));
}

#[test]
fn a_withdrawal_gives_the_payment_its_value_back() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.step(
        "CS claim.post_cancelled 1",
        json!({"reason": "DAMAGED", "liability": "RIDER"}),
        "APPLIED",
    );
    order.check_state("/status", json!("POST_CANCELLED"));
    order.check_state("/regions/payment", json!("REFUND_PENDING"));
    order.step("CS claim.withdrawn 2", none(), "APPLIED");
    order.check_state("/status", json!("COMPLETED"));
    order.check_state("/regions/payment", json!("APPROVED"));

    order.step("CS claim.post_cancelled 3", none(), "APPLIED");
    order.step(
        "PG payment.refunded 2",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    order.step(
        "CS claim.withdrawn 4",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step("CS claim.withdrawn 5", json!({"recharge": true}), "APPLIED");
    order.check_state("/regions/payment", json!("APPROVED"));
    order.check_state("/refunded", json!(0));
}

#[test]
fn thirty_days_after_the_delivery_it_is_too_late_for_a_claim() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.at += 30 * DAY;
    order.step(
        "CS claim.post_cancelled 1",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
}

#[test]
fn who_may_cancel_hangs_on_the_status() {
    let cancel = |mut order: Scenario, actor: &str, version: u64, info: Value, expected: &str| {
        order.step(
            &format!("{actor} order.cancelled {version}"),
            info,
            expected,
        );
    };
    let reason = || json!({"reason": "CHANGED_MIND"});
    let refused = "REJECTED/ACTOR_NOT_ALLOWED";
    cancel(Scenario::paid("STORE"), "CUSTOMER", 2, reason(), "APPLIED");
    cancel(Scenario::paid("STORE"), "STORE", 2, reason(), refused);
    cancel(
        Scenario::accepted("STORE"),
        "CUSTOMER",
        3,
        reason(),
        refused,
    );
    cancel(Scenario::accepted("STORE"), "RIDER", 3, reason(), refused);
    cancel(Scenario::accepted("STORE"), "STORE", 3, reason(), "APPLIED");
    cancel(Scenario::accepted("STORE"), "STORE", 3, none(), refused);
    cancel(
        Scenario::accepted("STORE"),
        "SYSTEM",
        3,
        reason(),
        "APPLIED",
    );
    cancel(Scenario::picked_up(), "STORE", 3, reason(), refused);
    cancel(Scenario::picked_up(), "SYSTEM", 3, reason(), refused);
    cancel(Scenario::picked_up(), "CS", 3, reason(), "APPLIED");
}

#[test]
fn after_the_pick_up_only_customer_service_cancels_the_delivery() {
    let mut order = Scenario::picked_up();
    order.step(
        "SYSTEM delivery.cancelled 4",
        none(),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    order.step("CS delivery.cancelled 5", none(), "APPLIED");
}

#[test]
fn every_way_to_end_an_order_closes_an_open_cancel_request() {
    let mut order = Scenario::accepted("STORE");
    order.step(
        "CUSTOMER order.cancel_requested 3",
        json!({"reason": "COOK_DELAY"}),
        "APPLIED",
    );
    order.step("CUSTOMER order.cancel_requested 4", none(), "ANNOTATED");
    order.check_state("/regions/claim", json!("CANCEL_REQUESTED"));
    order.step("STORE delivery.picked_up 1", none(), "APPLIED_SKIP");
    order.step("STORE delivery.delivered 2", none(), "APPLIED");
    order.check_state("/regions/claim", json!("NONE"));
    order.step(
        "STORE order.cancel_declined 5",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
}

#[test]
fn an_unassigned_delivery_waits_again() {
    let mut order = Scenario::accepted("BAEMIN_BUNDLE");
    order.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    order.step("DISPATCH delivery.assigned 2", none(), "APPLIED");
    order.step("RIDER delivery.arrived_store 3", none(), "APPLIED");
    order.step(
        "RIDER delivery.unassigned 4",
        json!({"reason": "ACCIDENT"}),
        "APPLIED",
    );
    order.check_state("/times/assignedAt", Value::Null);
    order.check_state("/times/atStoreAt", Value::Null);
    order.check_state("/times/requestedAt", json!("2026-11-20T12:00:06.000+09:00"));
    order.step("RIDER delivery.assigned 5", none(), "APPLIED");
    assert_eq!(
        [&order.state()["attempts"], &order.state()["reassigned"]],
        [&json!(2), &json!(1)]
    );
}

#[test]
fn an_event_of_an_older_delivery_is_illegal_but_may_annotate() {
    let mut order = Scenario::accepted("BAEMIN_SINGLE");
    order.step("SYSTEM delivery.requested 1 first", none(), "APPLIED");
    order.step("CS delivery.cancelled 2 first", none(), "APPLIED");
    order.step("SYSTEM delivery.requested 1 second", none(), "APPLIED");
    order.step(
        "RIDER delivery.assigned 3 first",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step("SYSTEM delivery.eta_updated 4 first", none(), "ANNOTATED");
    order.step("RIDER delivery.assigned 2 second", none(), "APPLIED");
    order.check_state("/versions/delivery", json!({"first": 4, "second": 2}));
}

#[test]
fn a_delivery_switched_to_the_store_is_picked_up_by_the_store() {
    let mut order = Scenario::accepted("BAEMIN_SINGLE");
    order.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    order.step("STORE delivery.switched_to_store 2", none(), "APPLIED");
    order.check_state("/fulfilment", json!("STORE"));
    order.step("STORE delivery.picked_up 3", none(), "APPLIED_SKIP");
}
