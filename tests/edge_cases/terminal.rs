//! E7, E8 and E28: events after the end, two owners who both are right, and riders of several orders.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::json;

use super::world::*;
use crate::support::driven::{DELIVERIES, ORDERS};

/// Every policy judges at once what comes after the end.
const ORDERINGS: [OrderingPolicy; 3] = [
    OrderingPolicy::DEFAULT,
    OrderingPolicy::STRICT,
    OrderingPolicy::PARK,
];

fn picked_up(ordering: OrderingPolicy) -> World {
    let mut world = World::new(ordering).accepted();
    world.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    world.step("DISPATCH delivery.assigned 2", none(), "APPLIED");
    world.step("RIDER delivery.picked_up 3", none(), "APPLIED_SKIP");
    world
}

#[test]
fn e07_events_after_the_end_are_judged_and_consumed() {
    for ordering in ORDERINGS {
        let mut world = World::new(ordering).accepted();
        world.step("SYSTEM delivery.requested 1", none(), "APPLIED");
        world.step("DISPATCH delivery.assigned 2", none(), "APPLIED");
        world.step(
            "CS order.cancelled 3",
            json!({"reason": "OTHER"}),
            "APPLIED",
        );
        world.step(
            "STORE cooking.completed 4",
            none(),
            "REJECTED/AFTER_TERMINAL",
        );
        world.check_state("/versions/order", 4);
        world.check_flags(&["contradicted"]);
        world.step(
            "RIDER delivery.picked_up 3",
            none(),
            "REJECTED/AFTER_TERMINAL",
        );
        world.check_flags(&["contradicted", "ghost_delivery"]);
        world.step(
            "RIDER delivery.delivered 4",
            none(),
            "REJECTED/AFTER_TERMINAL",
        );
        world.check_state("/versions/delivery/delivery-1", 4);
        world.check_state("/status", "CANCELLED");
        assert_eq!(world.reconcile_kinds(), ["AFTER_TERMINAL"; 3]);
    }
}

#[test]
fn e08_delivered_first_the_cancel_is_rejected_and_both_facts_are_told() {
    for ordering in ORDERINGS {
        let mut world = picked_up(ordering);
        let delivered = world.event("RIDER delivery.delivered 4", none());
        world.check(&delivered, "APPLIED");
        let cancelled = world.event("CS order.cancelled 3", none());
        world.check(&cancelled, "REJECTED/AFTER_TERMINAL");
        world.check_state("/status", "COMPLETED");
        world.check_flags(&["contradicted"]);
        let reconcile = world.job.reconciles().pop().unwrap();
        assert_eq!(reconcile["kind"], "AFTER_TERMINAL");
        assert_eq!(reconcile["facts"][0], cancelled);
        assert_eq!(reconcile["facts"][1]["eventId"], delivered["id"]);
        world.step(
            "CS claim.post_cancelled 1",
            json!({"reason": "OTHER"}),
            "APPLIED",
        );
        world.check_state("/status", "POST_CANCELLED");
    }
}

#[test]
fn e08_cancelled_first_the_delivery_is_a_ghost() {
    for ordering in ORDERINGS {
        let mut world = picked_up(ordering);
        world.step("CS order.cancelled 3", none(), "APPLIED");
        world.step(
            "RIDER delivery.delivered 4",
            none(),
            "REJECTED/AFTER_TERMINAL",
        );
        world.check_state("/status", "CANCELLED");
        world.check_flags(&["contradicted", "ghost_delivery"]);
    }
}

/// A backlog is taken by record timestamps, whatever was written first; ties go to the order.
#[test]
fn e08_a_backlog_is_judged_by_record_timestamps() {
    for (cancelled_after, expected) in [(-1, "CANCELLED"), (0, "CANCELLED"), (1, "COMPLETED")] {
        let mut world = picked_up(OrderingPolicy::DEFAULT);
        let now = world.job.now();
        let delivered = world
            .event("RIDER delivery.delivered 4", none())
            .to_string();
        let cancelled = world.event("CS order.cancelled 3", none()).to_string();
        world.append(DELIVERIES, Some(ORDER.into()), Some(delivered.into()), now);
        world.append(
            ORDERS,
            Some(ORDER.into()),
            Some(cancelled.into()),
            now + cancelled_after,
        );
        assert_eq!(world.settle(), "APPLIED, REJECTED/AFTER_TERMINAL");
        world.check_state("/status", expected);
    }
}

#[test]
fn e28_orders_of_one_rider_know_nothing_of_each_other() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    for order in ["B1", "B2"] {
        world.order_no = order.to_string();
        world = world.accepted();
        world.step("SYSTEM delivery.requested 1", none(), "APPLIED");
        world.step(
            "DISPATCH delivery.assigned 2",
            json!({"riderId": "r1"}),
            "APPLIED",
        );
    }
    world.step("RIDER delivery.picked_up 3", none(), "APPLIED_SKIP");
    world.step("RIDER delivery.failed 4", none(), "APPLIED");
    world.check_state("/status", "FAILED");
    world.order_no = "B1".to_string();
    world.check_state("/status", "ACCEPTED");
    world.check_state("/regions/delivery", "ASSIGNED");
    world.step("RIDER delivery.arrived_store 3", none(), "APPLIED");
}
