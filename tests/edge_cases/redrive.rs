//! E26: what was rejected is sent again, by people or by the processor itself.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::json;

use super::world::*;

#[test]
fn e26_a_redriven_event_is_judged_like_any_other() {
    let mut world = World::without_redrive(OrderingPolicy::DEFAULT).paid();
    let early = world.event("STORE cooking.started 3", none());
    world.check(&early, "PARKED");
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.header("x-redrive-count", "1");
    // Still too early: it waits again.
    world.check(&early, "PARKED");
    world.headers.clear();
    world.step("STORE order.accepted 2", none(), "APPLIED ×2");
    world.header("x-redrive-count", "2");
    world.check(&early, "DUPLICATE");
}

#[test]
fn e26_a_redrive_that_was_overtaken_is_a_conflict_or_stale() {
    let mut world = World::without_redrive(OrderingPolicy::STRICT).paid();
    let early = world.event("STORE cooking.started 3", none());
    world.check(&early, "REJECTED/SEQ_GAP");
    world.step("STORE order.accepted 2", none(), "APPLIED");
    world.step("STORE cooking.delayed 3", none(), "ANNOTATED");
    world.header("x-redrive-count", "1");
    world.check(&early, "REJECTED/VERSION_CONFLICT");
    for version in 4..=67 {
        world.step(
            &format!("CS order.note_added {version}"),
            none(),
            "ANNOTATED",
        );
    }
    world.check(&early, "STALE");
}

#[test]
fn e26_five_redrives_are_enough() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let accepted = world.event("STORE order.accepted 2", none());
    world.header("x-redrive-count", "6");
    world.check(&accepted, "REJECTED/REDRIVE_LIMIT");
    world.header("x-redrive-count", "5");
    world.check(&accepted, "APPLIED");
}

#[test]
fn e26_a_kept_event_is_not_sent_a_sixth_time() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let early = world.event("STORE cooking.started 3", none());
    world.header("x-redrive-count", "5");
    world.check(&early, "PARKED");
    world.headers.clear();
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.step("STORE order.accepted 2", none(), "APPLIED");
    assert!(world.job.records("order.redrive.v1").is_empty());
    world.check_state("/versions/order", 2);
    world.check(&early, "APPLIED");
}

/// Its own aggregate does not allow it any more, but its version must be consumed, or its order would be blocked.
#[test]
fn e26_a_kept_event_that_became_illegal_is_redriven_to_be_judged() {
    let mut world = World::new(OrderingPolicy::DEFAULT).accepted();
    world.step("STORE cooking.started 4", none(), "PARKED");
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.step(
        "STORE cooking.completed 3",
        none(),
        "APPLIED_SKIP, REJECTED/ILLEGAL_TRANSITION",
    );
    world.check_state("/versions/order", 4);
    world.step("CS order.note_added 5", none(), "ANNOTATED");
}

#[test]
fn e26_redriven_events_go_on_counting() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.header("x-redrive-count", "3");
    world.step("STORE cooking.started 3", none(), "PARKED");
    world.headers.clear();
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.step("STORE order.accepted 2", none(), "APPLIED ×2");
    let sent = world.job.records("order.redrive.v1");
    let count = sent[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "x-redrive-count");
    let count: Vec<_> = count.map(|(_, value)| value.clone().unwrap()).collect();
    assert_eq!(count, [b"4".to_vec()]);
}

#[test]
fn e26_a_judged_event_is_judged_again_only_by_force_and_while_nothing_later_was_applied() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let started = world.event("STORE cooking.started 2", none());
    world.check(&started, "REJECTED/ILLEGAL_TRANSITION");
    world.step("STORE order.accepted -", none(), "APPLIED");
    world.check(&started, "DUPLICATE");
    world.header("x-redrive-force", "true");
    world.check(&started, "APPLIED");
    world.check(&started, "DUPLICATE");
    world.check_state("/versions/order", 2);
    world.check_flags(&[]);
}

/// What the record was asked for is still asked for; only what the processor itself says of a redrive is replaced.
#[test]
fn e26_an_automatic_redrive_keeps_the_headers_of_the_record() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.header("x-replay", "true");
    world.header("x-redrive-force", "true");
    world.header("x-redrive-count", "1");
    world.header("x-redrive-topic", "old.topic");
    world.header("trace", "t1");
    world.step("STORE cooking.started 3", none(), "PARKED");
    world.headers.clear();
    world.wait(30 * SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
    world.step("STORE order.accepted 2", none(), "APPLIED ×2");
    let sent = world.job.records("order.redrive.v1");
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    for (name, value) in &sent[0].headers {
        headers.push((name, value.as_deref().unwrap()));
    }
    headers.sort_unstable();
    let expected: [(&str, &[u8]); 5] = [
        ("trace", b"t1"),
        ("x-redrive-count", b"2"),
        ("x-redrive-force", b"true"),
        ("x-redrive-topic", b"old.topic"),
        ("x-replay", b"true"),
    ];
    assert_eq!(headers, expected);
    assert_eq!(world.last_transition()["replay"], true);
}

/// A forced event that came too early again is forced when it comes back: else its id would make it a duplicate.
#[test]
fn e26_a_forced_event_is_still_forced_when_it_is_redriven_automatically() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    world.create("APPLIED");
    let failed = world.event("PG payment.refund_failed 1", none());
    world.check(&failed, "REJECTED/ILLEGAL_TRANSITION");
    let paid = json!({"amount": 10_000});
    world.step("PG payment.approved -", paid, "APPLIED");
    world.header("x-redrive-force", "true");
    // Now a cancellation can make it legal.
    world.check(&failed, "PARKED");
    world.headers.clear();
    world.wait(10 * MINUTE, "REJECTED/PREDECESSOR_TIMEOUT");
    world.step("CS order.cancelled 2", none(), "APPLIED ×2");
    world.check_state("/regions/payment", "REFUND_FAILED");
}
