//! E1, E12, E21 and E25: events that come twice, and different events that claim to be the same one.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::{Value, json};

use super::world::*;

const ORDERINGS: [OrderingPolicy; 3] = [
    OrderingPolicy::DEFAULT,
    OrderingPolicy::STRICT,
    OrderingPolicy::PARK,
];

#[test]
fn e01_exact_duplicate_changes_nothing() {
    for ordering in ORDERINGS {
        let mut world = World::new(ordering).paid();
        let accepted = world.event("STORE order.accepted 2", json!({"cookMinutes": 20}));
        world.check(&accepted, "APPLIED");
        let before = world.job.output();
        for _ in 0..3 {
            world.check(&accepted, "DUPLICATE");
        }
        let after = world.job.output();
        assert_eq!(before.states, after.states);
        assert_eq!(before.transitions, after.transitions);
        assert!(after.rejections.is_empty() && after.dead_letters.is_empty());
    }
}

#[test]
fn e01_a_parked_event_is_known_too() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let started = world.event("STORE cooking.started 3", none());
    world.check(&started, "PARKED");
    world.check(&started, "DUPLICATE");
    let mut other = started.clone();
    other["actor"]["id"] = json!("somebody else");
    world.check(&other, "REJECTED/EVENT_ID_CONFLICT");
    world.step("STORE order.accepted 2", none(), "APPLIED ×2");
    world.check(&started, "DUPLICATE");
}

#[test]
fn e12_same_id_with_another_payload_is_a_conflict_and_the_first_wins() {
    for ordering in ORDERINGS {
        let mut world = World::new(ordering).paid();
        let accepted = world.event("STORE order.accepted 2", json!({"cookMinutes": 20}));
        world.check(&accepted, "APPLIED");
        let state = world.state("");
        for (pointer, value) in [
            ("/info/cookMinutes", json!(21)),
            ("/target/version", json!(3)),
            ("/actor/id", json!("st_2")),
            ("/action", json!("cooking.started")),
            ("/time/occurredAt", json!("2026-11-20T12:34:56+09:00")),
        ] {
            let mut other = accepted.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            world.check(&other, "REJECTED/EVENT_ID_CONFLICT");
        }
        assert_eq!(world.state(""), state);
    }
}

#[test]
fn e12_headers_white_space_and_the_order_of_fields_are_no_other_payload() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    let accepted = world.event(
        "STORE order.accepted 2",
        json!({"cookMinutes": 20, "promisedAt": null}),
    );
    world.check(&accepted, "APPLIED");
    let fields = accepted.as_object().unwrap();
    let backwards: Vec<String> = fields
        .iter()
        .rev()
        .map(|(name, value)| format!("\n  {}: {value} ", json!(name)))
        .collect();
    let text = format!("{{{}}}", backwards.join(","));
    world.header("traceparent", "00-2");
    let outcome = world.send_bytes(topic_of(&accepted), Some(ORDER.into()), Some(text.into()));
    assert_eq!(outcome, "DUPLICATE");
    let mut elsewhere = accepted.clone();
    elsewhere["source"] = json!({"system": "another relay"});
    world.check(&elsewhere, "DUPLICATE");
}

#[test]
fn e21_two_producers_of_one_version_are_a_conflict() {
    for ordering in ORDERINGS {
        let mut world = World::new(ordering).accepted();
        world.step("STORE cooking.started 3", none(), "APPLIED");
        world.step(
            "STORE cooking.completed 3",
            none(),
            "REJECTED/VERSION_CONFLICT",
        );
        world.check_state("/regions/kitchen", "COOKING");
        world.check_flags(&[]);
        world.step("STORE cooking.completed 4", none(), "APPLIED");
    }
}

#[test]
fn e21_of_two_parked_events_of_one_version_the_first_wins() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    world.step("STORE cooking.started 3", none(), "PARKED");
    world.step("STORE cooking.completed 3", none(), "PARKED");
    world.step(
        "STORE order.accepted 2",
        none(),
        "APPLIED ×2, REJECTED/VERSION_CONFLICT",
    );
    world.check_state("/regions/kitchen", "COOKING");
}

#[test]
fn e21_an_old_version_that_was_forgotten_is_stale() {
    let mut world = World::new(OrderingPolicy::DEFAULT).paid();
    for version in 2..=65 {
        world.step(
            &format!("CS order.note_added {version}"),
            none(),
            "ANNOTATED",
        );
    }
    world.step("CS order.note_added 2", none(), "REJECTED/VERSION_CONFLICT");
    world.step("CS order.note_added 66", none(), "ANNOTATED");
    world.step("CS order.note_added 2", none(), "STALE");
}

/// The last transactions were lost with their shard: version 3 comes again, with other content.
#[test]
fn e25_reused_versions_conflict_until_their_owner_resets_them() {
    let mut world = World::new(OrderingPolicy::DEFAULT).accepted();
    world.step("CS order.note_added 3", none(), "ANNOTATED");
    let started: Value = world.event("STORE cooking.started 3", none());
    world.check(&started, "REJECTED/VERSION_CONFLICT");
    world.step(
        "SYSTEM aggregate.reset 9",
        json!({"version": 2}),
        "ANNOTATED",
    );
    world.check_state("/versions/order", 2);
    world.check(&started, "APPLIED");
    world.check_state("/versions/order", 3);
    world.check_flags(&["incomplete"]);
    world.step("STORE cooking.completed 4", none(), "APPLIED");
}
