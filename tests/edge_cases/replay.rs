//! E9 and E10: the same records once more, on top of what is known, or beside it.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::json;

use super::world::*;

/// A day in small: an order that is delivered, one that is cancelled before it was created, and a judged rejection.
fn played(ordering: OrderingPolicy) -> World {
    let mut world = World::new(ordering);
    world.order_no = "B2".to_string();
    world.step("CUSTOMER order.cancelled 2", none(), "REJECTED/PREMATURE");
    world.create("APPLIED ×2");
    world.order_no = ORDER.to_string();
    let mut world = world.accepted();
    world.step(
        "RIDER cooking.started 3",
        none(),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    world.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    world.step("RIDER delivery.assigned 2", none(), "APPLIED");
    world.step("RIDER delivery.picked_up 3", none(), "APPLIED_SKIP");
    world.step("RIDER delivery.delivered 4", none(), "APPLIED");
    world
}

#[test]
fn e09_offsets_back_everything_is_a_duplicate() {
    let mut world = played(OrderingPolicy::DEFAULT);
    let before = world.job.output();
    let consumed = 12;
    world.job.driver.close().unwrap();
    world.job.driver.log().forget_offsets_of("jumun");
    world.job.driver.start().unwrap();
    assert_eq!(world.settle(), format!("DUPLICATE ×{consumed}"));
    let after = world.job.output();
    assert_eq!(before.states, after.states);
    assert_eq!(before.transitions, after.transitions);
    assert_eq!(before.rejections, after.rejections);
    assert_eq!(before.reconciles, after.reconciles);
    assert_eq!(before.redriven, after.redriven);
}

#[test]
fn e09_records_written_again_are_duplicates() {
    let mut world = played(OrderingPolicy::DEFAULT);
    let before = world.job.output();
    for topic in ["order.events.v1", "payment.events.v1", "delivery.events.v1"] {
        for record in world.job.records(topic) {
            let outcome = world.send_bytes(topic, record.key, record.value);
            assert_eq!(outcome, "DUPLICATE");
        }
    }
    let after = world.job.output();
    assert_eq!(before.states, after.states);
    assert_eq!(before.transitions, after.transitions);
}

#[test]
fn e09_forgotten_events_are_stale() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let relayed = world.event("SYSTEM order.relayed 2", none());
    world.check(&relayed, "ANNOTATED");
    for version in 3..=67 {
        world.step(
            &format!("CS order.note_added {version}"),
            none(),
            "ANNOTATED",
        );
    }
    world.check(&relayed, "STALE");
    world.check_state("/seq", json!(68));
}
