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

/// Everything in the inputs of one job, the redrive topic among them, judged by another one that begins anew.
fn rebuilt(live: &World) -> World {
    let mut options = options(OrderingPolicy::DEFAULT);
    options.rebuild = true;
    let mut world = World::with(&options);
    let inputs = [
        "order.events.v1",
        "payment.events.v1",
        "delivery.events.v1",
        "order.redrive.v1",
    ];
    for topic in inputs {
        for record in live.job.records(topic) {
            let headers = record.headers.into_iter();
            world.headers = headers
                .map(|(name, value)| (name, value.unwrap_or_default()))
                .collect();
            world.append(topic, record.key, record.value, record.timestamp);
        }
    }
    world.settle();
    world
}

#[test]
fn e10_a_rebuild_comes_to_the_same_orders_and_says_that_it_is_one() {
    let live = played(OrderingPolicy::DEFAULT);
    let rebuilt = rebuilt(&live);
    let timeless = |world: &World| {
        let mut states = world.job.states();
        for state in states.values_mut() {
            state.as_object_mut().unwrap().remove("updatedAt");
        }
        states
    };
    assert_eq!(timeless(&live), timeless(&rebuilt));
    let transitions = rebuilt.job.transitions();
    assert_eq!(transitions.len(), live.job.transitions().len());
    assert!(transitions.iter().all(|told| told["replay"] == true));
    // Nothing goes to those who act on the live topics, and nothing is sent again.
    assert!(
        rebuilt.job.records("order.redrive.v1").len() == live.job.records("order.redrive.v1").len()
    );
    assert!(
        !rebuilt
            .job
            .driver
            .log()
            .topics()
            .contains(&"order.transitions.v1".to_string())
    );
}

#[test]
fn e10_in_a_rebuild_events_wait_by_the_time_of_the_records() {
    let mut options = options(OrderingPolicy::DEFAULT);
    options.rebuild = true;
    let mut world = World::with(&options).paid();
    world.step("STORE cooking.started 3", none(), "PARKED");
    // Our own clock does not matter.
    world.wait(30 * DAY, "");
    let mut at = world.job.now() - i64::try_from(30 * DAY).unwrap();
    let mut later = |world: &mut World, milliseconds: i64| {
        at += milliseconds;
        let order_no = std::mem::replace(&mut world.order_no, format!("B{at}"));
        let create = world
            .event("CUSTOMER order.created 1", created("CARD"))
            .to_string();
        world.append(
            "order.events.v1",
            Some(world.order_no.clone().into()),
            Some(create.into()),
            at,
        );
        world.order_no = order_no;
        world.settle()
    };
    assert_eq!(later(&mut world, 20_000), "APPLIED");
    assert_eq!(
        later(&mut world, 20_000),
        "APPLIED, REJECTED/SEQ_GAP_TIMEOUT"
    );
    world.step("STORE order.accepted 2", none(), "APPLIED");
    assert!(
        world.job.records("order.redrive.v1").is_empty(),
        "nothing is kept"
    );
}
