//! E4, E5 and E6: versions out of sequence, events of another topic that come first, gaps.

use jumun::domain::ordering::{Choice, OrderingPolicy};
use serde_json::json;

use super::world::*;

#[test]
fn e04_reordered_versions_wait_by_default_and_keep_their_order() {
    for ordering in [OrderingPolicy::DEFAULT, OrderingPolicy::PARK] {
        let mut world = World::new(ordering).paid();
        world.step("STORE cooking.completed 4", none(), "PARKED");
        world.step("STORE cooking.started 3", none(), "PARKED");
        world.step("STORE order.accepted 2", none(), "APPLIED ×3");
        assert_eq!(
            world.actions()[2..],
            ["order.accepted", "cooking.started", "cooking.completed"]
        );
        world.check_state("/versions/order", 4);
        assert!(world.job.rejections().is_empty());
    }
}

#[test]
fn e04_reordered_versions_are_rejected_under_strict() {
    let mut world = World::new(OrderingPolicy::STRICT).paid();
    let started = world.event("STORE cooking.started 3", none());
    world.check(&started, "REJECTED/SEQ_GAP");
    world.step("STORE order.accepted 2", none(), "APPLIED");
    world.check_state("/versions/order", 2);
    world.check(&started, "APPLIED");
}

#[test]
fn e05_events_of_another_topic_wait_for_theirs() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.step("SYSTEM delivery.requested 1", none(), "PARKED");
    world.step("DISPATCH delivery.assigned 2", none(), "PARKED");
    world.step("STORE order.accepted 2", none(), "APPLIED ×3");
    assert_eq!(
        world.actions()[2..],
        ["order.accepted", "delivery.requested", "delivery.assigned"]
    );
    world.check_state("/regions/delivery", "ASSIGNED");
}

#[test]
fn e05_events_of_another_topic_are_rejected_under_strict() {
    let mut world = World::new(OrderingPolicy::STRICT).paid();
    world.step(
        "SYSTEM delivery.requested 1",
        none(),
        "REJECTED/AWAIT_PREDECESSOR",
    );
    world.step("DISPATCH delivery.assigned 2", none(), "REJECTED/SEQ_GAP");
}

#[test]
fn e05_a_predecessor_that_never_comes_is_given_up_after_thirty_seconds() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.step("SYSTEM delivery.requested 1", none(), "PARKED");
    world.wait(28 * SECOND, "");
    world.wait(2 * SECOND, "REJECTED/PREDECESSOR_TIMEOUT");
    let rejection = world.last_rejection();
    let waited = rejection["parkedMs"].as_i64().unwrap();
    assert!((30_000..33_000).contains(&waited), "{waited}");
    let versions = &rejection["versions"]["delivery"];
    assert!(versions.is_null() || *versions == json!({}), "{versions}");
    world.step("STORE order.accepted 2", none(), "APPLIED ×2");
    world.check_state("/regions/delivery", "REQUESTED");
}

#[test]
fn e05_money_waits_ten_minutes() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    world.approve("PARKED");
    world.wait(9 * MINUTE + 50 * SECOND, "");
    world.create("APPLIED ×2");
    world.check_state("/status", "WAITING_ACCEPT");

    let mut world = World::new(OrderingPolicy::DEFAULT);
    world.approve("PARKED");
    world.wait(10 * MINUTE, "REJECTED/PREDECESSOR_TIMEOUT");
}

#[test]
fn e06_a_gap_that_is_never_filled_times_out_and_a_reset_goes_on() {
    let mut world = World::new(OrderingPolicy::DEFAULT).accepted();
    world.step("STORE cooking.started 4", none(), "PARKED");
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.step("STORE cooking.completed 5", none(), "PARKED");
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.check_state("/versions/order", 2);
    // Version 3 is lost: its owner says so. What was kept is redriven, one after the other.
    world.step(
        "SYSTEM aggregate.reset 6",
        json!({"version": 3}),
        "ANNOTATED, APPLIED ×2",
    );
    world.check_state("/versions/order", 5);
    world.check_state("/regions/kitchen", "READY");
    world.check_flags(&["incomplete"]);
}

#[test]
fn e06_a_reset_releases_what_is_parked() {
    let mut world = World::new(OrderingPolicy::DEFAULT).accepted();
    world.step("STORE cooking.started 4", none(), "PARKED");
    world.step(
        "SYSTEM aggregate.reset 9",
        json!({"version": 3}),
        "ANNOTATED, APPLIED",
    );
    world.check_state("/versions/order", 4);
    world.check_flags(&["incomplete"]);
}

#[test]
fn e06_an_accepted_gap_marks_the_order_incomplete() {
    let ordering = OrderingPolicy {
        gap: Choice::Accept,
        ..OrderingPolicy::DEFAULT
    };
    let mut world = World::new(ordering).accepted();
    world.check_flags(&[]);
    world.step("STORE cooking.completed 4", none(), "APPLIED_SKIP");
    world.check_state("/versions/order", 4);
    world.check_flags(&["incomplete"]);
    world.step("STORE cooking.started 3", none(), "STALE");
}

#[test]
fn e06_the_sixty_fifth_event_of_an_order_finds_no_place() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    for version in 3..67 {
        let note = world.event(&format!("CS order.note_added {version}"), none());
        world.append(
            "order.events.v1",
            Some(ORDER.into()),
            Some(note.to_string().into()),
            MIDDAY,
        );
    }
    assert_eq!(world.settle(), "PARKED ×64");
    world.step("CS order.note_added 67", none(), "REJECTED/PARK_LIMIT");
    world.step("STORE order.accepted 2", none(), "ANNOTATED ×64, APPLIED");
    world.step("CS order.note_added 67", none(), "ANNOTATED");
}

#[test]
fn e06_a_task_parks_one_percent_of_its_records_and_at_least_sixty_four() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    for order in 0..64 {
        world.order_no = format!("B{order}");
        world.approve("PARKED");
    }
    world.order_no = "B99".to_string();
    world.approve("REJECTED/PARK_LIMIT");
    world.order_no = "B0".to_string();
    world.create("APPLIED ×2");
    world.order_no = "B99".to_string();
    world.approve("PARKED");
}
