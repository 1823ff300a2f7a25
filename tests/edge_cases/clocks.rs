//! E13 and E14: clocks of actors' systems that are wrong.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::json;

use super::world::*;

fn happened(world: &mut World, step: &str, ahead: i64) -> serde_json::Value {
    let mut event = world.event(step, none());
    event["time"]["occurredAt"] = json!(rfc3339(world.job.now() + ahead));
    event
}

/// As outputs spell it.
fn in_seoul(at: i64) -> serde_json::Value {
    crate::support::model::outputs::time(at)
}

#[test]
fn e13_a_clock_some_hours_ahead_is_believed_for_the_order() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let at = world.job.now() + 2 * 3_600_000;
    let accepted = happened(&mut world, "STORE order.accepted 2", 2 * 3_600_000);
    world.check(&accepted, "APPLIED");
    world.check_state("/times/acceptedAt", in_seoul(at));
    world.check_flags(&[]);
    // The order is by version, not by time.
    world.step("STORE cooking.started 3", none(), "APPLIED");
}

#[test]
fn e13_a_clock_more_than_a_day_ahead_is_replaced_by_the_record_timestamp() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let written = world.job.now();
    let accepted = happened(&mut world, "STORE order.accepted 2", 25 * 3_600_000);
    world.check(&accepted, "APPLIED");
    world.check_state("/times/acceptedAt", in_seoul(written));
    world.check_flags(&["bad_time"]);
    assert_eq!(world.last_transition()["occurredAt"], in_seoul(written));
}

#[test]
fn e13_where_the_record_timestamp_is_bad_too_our_own_clock_counts() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let now = world.job.now();
    let accepted = happened(&mut world, "STORE order.accepted 2", 50 * 3_600_000);
    let bytes = accepted.to_string().into_bytes();
    world.append(
        "order.events.v1",
        Some(ORDER.into()),
        Some(bytes),
        now + 49 * 3_600_000,
    );
    assert_eq!(world.settle(), "APPLIED");
    let at = world.state("/times/acceptedAt");
    let at: jiff::Timestamp = at.as_str().unwrap().parse().unwrap();
    assert!((now..now + 1_000).contains(&at.as_millisecond()), "{at}");
    world.check_flags(&["bad_time"]);
}

#[test]
fn e14_a_clock_that_goes_back_within_an_order_is_applied() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let at = world.job.now() - 3_600_000;
    let accepted = happened(&mut world, "STORE order.accepted 2", -3_600_000);
    world.check(&accepted, "APPLIED");
    world.check_state("/times/acceptedAt", in_seoul(at));
    world.check_flags(&[]);
    assert_eq!(
        world.actions(),
        ["order.created", "payment.approved", "order.accepted"]
    );
}
