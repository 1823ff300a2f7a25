//! E2 and E3: the cancel arrives before the create of its order.

use jumun::domain::ordering::OrderingPolicy;
use serde_json::json;

use super::world::*;

fn cancel_is_premature(mut world: World) {
    let cancel = world.event(
        "CUSTOMER order.cancelled 2",
        json!({"reason": "CHANGED_MIND"}),
    );
    world.check(&cancel, "REJECTED/PREMATURE");
    let rejection = world.last_rejection();
    assert_eq!(rejection["reason"], "PREMATURE");
    assert_eq!(rejection["event"], cancel);
    assert!(world.job.states().is_empty(), "a ghost is no order");
    assert!(world.job.transitions().is_empty());
    world.check(&cancel, "REJECTED/PREMATURE");
}

#[test]
fn e02_cancel_before_create_by_default_is_premature_and_not_remembered() {
    cancel_is_premature(World::new(OrderingPolicy::DEFAULT));
}

#[test]
fn e02_cancel_before_create_under_strict_is_premature_and_not_remembered() {
    cancel_is_premature(World::new(OrderingPolicy::STRICT));
}

#[test]
fn e02_cancel_before_create_under_park_waits_and_is_applied_after_the_create() {
    let mut world = World::new(OrderingPolicy::PARK);
    let cancel = world.event(
        "CUSTOMER order.cancelled 2",
        json!({"reason": "CHANGED_MIND"}),
    );
    world.check(&cancel, "PARKED");
    world.check(&cancel, "DUPLICATE");
    assert!(world.job.rejections().is_empty() && world.job.states().is_empty());
    world.create("APPLIED ×2");
    assert_eq!(world.actions(), ["order.created", "order.cancelled"]);
    world.check_state("/status", "CANCELLED");
    world.check_state("/reason", "CHANGED_MIND");
    world.check_flags(&[]);
    assert!(world.reconcile_kinds().is_empty());
    assert_eq!(world.last_transition()["hold"], false);
    world.check(&cancel, "DUPLICATE");
}

#[test]
fn e02_cancel_of_a_higher_version_is_premature_and_no_gap() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    world.step("CUSTOMER order.cancelled 4", none(), "REJECTED/PREMATURE");
    let mut world = World::new(OrderingPolicy::PARK);
    world.step("CUSTOMER order.cancelled 3", none(), "PARKED");
    world.create("APPLIED");
    world.step("CUSTOMER order.note_added 2", none(), "ANNOTATED, APPLIED");
    world.check_state("/status", "CANCELLED");
}

#[test]
fn e03_late_create_is_held_and_contradicted_until_the_cancel_is_redriven_by_hand() {
    for ordering in [OrderingPolicy::DEFAULT, OrderingPolicy::STRICT] {
        let mut world = World::without_redrive(ordering);
        let cancel = world.event("CUSTOMER order.cancelled 2", none());
        world.check(&cancel, "REJECTED/PREMATURE");
        world.create("APPLIED");
        let transition = world.last_transition();
        assert_eq!(
            (&transition["hold"], &transition["contradicted"]),
            (&json!(true), &json!(true))
        );
        let reconcile = world.job.reconciles().pop().unwrap();
        assert_eq!(reconcile["kind"], "GHOST_CANCEL");
        assert_eq!(reconcile["facts"][0]["id"], cancel["id"]);
        assert_eq!(reconcile["facts"][1]["action"], "order.created");
        assert_eq!(reconcile["status"], "PAYMENT_WAIT");
        world.check_flags(&["contradicted"]);
        world.approve("APPLIED");
        assert_eq!(world.last_transition()["hold"], true);
        world.header("x-redrive-count", "1");
        world.check(&cancel, "APPLIED");
        let transition = world.last_transition();
        assert_eq!(
            (&transition["hold"], &transition["contradicted"]),
            (&json!(false), &json!(false))
        );
        world.check_state("/status", "CANCELLED");
        world.check_state("/regions/payment", "REFUND_PENDING");
        assert_eq!(world.reconcile_kinds(), ["GHOST_CANCEL"]);
    }
}

#[test]
fn e03_late_create_is_healed_by_the_automatic_redrive() {
    for ordering in [OrderingPolicy::DEFAULT, OrderingPolicy::STRICT] {
        let mut world = World::new(ordering);
        let cancel = world.event("CUSTOMER order.cancelled 2", none());
        world.header("traceparent", "00-1");
        world.check(&cancel, "REJECTED/PREMATURE");
        world.headers.clear();
        world.create("APPLIED ×2");
        assert_eq!(world.actions(), ["order.created", "order.cancelled"]);
        let held: Vec<_> = world
            .job
            .transitions()
            .iter()
            .map(|told| told["hold"].clone())
            .collect();
        assert_eq!(held, [json!(true), json!(false)]);
        world.check_state("/status", "CANCELLED");
        let sent = world.job.records("order.redrive.v1");
        assert_eq!(sent.len(), 1);
        let header = |name: &str| {
            let mut headers = sent[0].headers.iter();
            let (_, value) = headers.find(|(known, _)| known == name).unwrap();
            String::from_utf8(value.clone().unwrap()).unwrap()
        };
        assert_eq!(header("x-redrive-count"), "1");
        // What follows from it has never happened: consumers must act on it.
        assert!(sent[0].headers.iter().all(|(name, _)| name != "x-replay"));
        assert_eq!(header("x-redrive-topic"), "order.events.v1");
        assert_eq!(header("traceparent"), "00-1");
        assert_eq!(
            sent[0].value.as_deref(),
            Some(cancel.to_string().as_bytes())
        );
        assert_eq!(sent[0].key.as_deref(), Some(ORDER.as_bytes()));
        world.check(&cancel, "DUPLICATE");
    }
}

#[test]
fn e03_redrive_waits_until_the_cancel_is_in_sequence() {
    let mut world = World::new(OrderingPolicy::DEFAULT);
    world.step("CUSTOMER order.cancelled 3", none(), "REJECTED/PREMATURE");
    world.create("APPLIED");
    assert_eq!(world.last_transition()["hold"], true);
    world.step("CUSTOMER order.note_added 2", none(), "ANNOTATED, APPLIED");
    world.check_state("/status", "CANCELLED");
}

#[test]
fn e03_timed_out_cancel_leaves_a_ghost() {
    let mut world = World::new(OrderingPolicy::PARK);
    world.step("CUSTOMER order.cancelled 2", none(), "PARKED");
    world.wait(28 * SECOND, "");
    world.wait(2 * SECOND, "REJECTED/PREMATURE");
    let waited = world.last_rejection()["parkedMs"].as_i64().unwrap();
    assert!((30_000..33_000).contains(&waited), "{waited}");
    world.create("APPLIED ×2");
    assert_eq!(world.reconcile_kinds(), ["GHOST_CANCEL"]);
    world.check_state("/status", "CANCELLED");
}

#[test]
fn e03_autoapply_judges_the_cancel_in_place() {
    let mut options = options(OrderingPolicy::DEFAULT);
    options.judging.ghost_autoapply = true;
    let mut world = World::with(&options);
    world.step("CUSTOMER order.cancelled 2", none(), "REJECTED/PREMATURE");
    world.create("APPLIED ×2");
    world.check_state("/status", "CANCELLED");
    assert!(world.job.records("order.redrive.v1").is_empty());

    let mut world = World::with(&options);
    world.step("CUSTOMER order.cancelled 3", none(), "REJECTED/PREMATURE");
    world.create("APPLIED, PARKED");
    world.check_state("/status", "PAYMENT_WAIT");
    world.step("CUSTOMER order.note_added 2", none(), "ANNOTATED, APPLIED");
    world.check_state("/status", "CANCELLED");
    assert!(world.job.records("order.redrive.v1").is_empty());
}

#[test]
fn e03_hold_ends_when_the_cancel_is_judged() {
    let mut world = World::without_redrive(OrderingPolicy::DEFAULT);
    let cancel = world.event("CUSTOMER order.cancelled 3", none());
    world.check(&cancel, "REJECTED/PREMATURE");
    world.create("APPLIED");
    world.approve("APPLIED");
    world.step("STORE order.accepted 2", none(), "APPLIED");
    assert_eq!(world.last_transition()["hold"], true);
    world.check(&cancel, "REJECTED/ACTOR_NOT_ALLOWED");
    world.step("STORE cooking.started 4", none(), "APPLIED");
    let transition = world.last_transition();
    assert_eq!(
        (&transition["hold"], &transition["contradicted"]),
        (&json!(false), &json!(false))
    );
}
