//! E11 and retention: order numbers that are used again, and orders that are forgotten.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::json;

use super::world::*;

fn cancelled() -> World {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.step("CUSTOMER order.cancelled 2", none(), "APPLIED");
    world
}

#[test]
fn e11_a_number_that_is_used_again_too_early_is_rejected() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.create("REJECTED/ORDER_ID_REUSE");
    world.wait(30 * DAY + MINUTE, "");
    world.create("REJECTED/ORDER_ID_REUSE");

    let mut world = cancelled();
    world.wait(30 * DAY - MINUTE, "");
    let state = world.state("");
    world.create("REJECTED/ORDER_ID_REUSE");
    assert_eq!(world.state(""), state);
}

#[test]
fn e11_thirty_days_after_the_end_a_new_generation_begins() {
    let mut world = cancelled();
    let first = world.state("");
    assert_eq!(
        (&first["generation"], &first["seq"]),
        (&json!(1), &json!(3))
    );
    world.wait(30 * DAY, "");
    world.create("APPLIED");
    let second = world.state("");
    assert_eq!(
        (&second["generation"], &second["seq"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(second["status"], "PAYMENT_WAIT");
    assert_eq!(second["versions"]["order"], 1);
    assert_eq!(second["reason"], serde_json::Value::Null);
    // Versions start again.
    world.approve("APPLIED");
    world.step("STORE order.accepted 2", none(), "APPLIED");
    assert_eq!(world.last_transition()["generation"], 2);
}

#[test]
fn e11_only_version_one_begins_a_generation() {
    let mut world = cancelled();
    world.wait(30 * DAY, "");
    world.step(
        "CUSTOMER order.created 2",
        created("CARD"),
        "REJECTED/ORDER_ID_REUSE",
    );
}

/// Another order's event moves stream time past the end of the retention.
fn pass(world: &mut World, milliseconds: u64) {
    world.wait(milliseconds, "");
    let order_no = std::mem::replace(&mut world.order_no, "B2".to_string());
    world.create("APPLIED");
    world.order_no = order_no;
}

#[test]
fn e11_after_thirty_one_days_the_number_is_new_again() {
    let mut world = cancelled();
    pass(&mut world, 31 * DAY);
    assert!(!world.job.states().contains_key(ORDER), "a tombstone");
    assert_eq!(
        world
            .job
            .records("order.state.v1")
            .iter()
            .filter(|record| record.value.is_none())
            .count(),
        1
    );
    assert!(world.reconcile_kinds().is_empty());
    world.create("APPLIED");
    world.check_state("/generation", 1);
}

#[test]
fn e11_events_after_the_end_do_not_keep_an_order() {
    let mut world = cancelled();
    world.wait(20 * DAY, "");
    world.step("CS order.note_added 3", none(), "ANNOTATED");
    pass(&mut world, 11 * DAY);
    assert!(!world.job.states().contains_key(ORDER));
}

#[test]
fn e11_an_order_that_never_ends_is_abandoned_thirty_one_days_after_its_last_event() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.wait(20 * DAY, "");
    world.step("CS order.note_added 2", none(), "ANNOTATED");
    pass(&mut world, 11 * DAY);
    assert!(
        world.job.states().contains_key(ORDER),
        "its last event was 11 days ago"
    );
    let order_no = std::mem::replace(&mut world.order_no, "B3".to_string());
    world.wait(20 * DAY, "");
    world.create("APPLIED");
    world.order_no = order_no;
    assert!(!world.job.states().contains_key(ORDER));
    let reconcile = world.job.reconciles();
    let told: Vec<_> = reconcile
        .iter()
        .map(|told| (&told["kind"], &told["orderNo"], &told["status"]))
        .collect();
    assert_eq!(
        told,
        [(&json!("ABANDONED"), &json!(ORDER), &json!("WAITING_ACCEPT"))]
    );
}

#[test]
fn e11_a_ghost_is_abandoned_too() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    let cancel = world.event("CUSTOMER order.cancelled 2", none());
    world.check(&cancel, "REJECTED/PREMATURE");
    pass(&mut world, 31 * DAY);
    assert_eq!(world.reconcile_kinds(), ["ABANDONED"]);
    world.create("APPLIED");
    assert_eq!(world.last_transition()["hold"], false);
    world.check_state("/status", "PAYMENT_WAIT");
}
