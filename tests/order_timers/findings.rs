//! Detectors that look at one order: paid without an order (D1), not relayed (D3), handed out although cancelled (D5).

use serde_json::{Value, json};

use super::scene::*;
use crate::edge_cases::world::*;

const SECONDS: i64 = 1_000;
const MINUTES: i64 = 60 * SECONDS;

#[test]
fn a_payment_without_an_order_is_found_after_a_minute_and_ends_with_the_order() {
    let mut world = world();
    let since = world.job.now();
    let payment = world.event("PG payment.approved 1", json!({"amount": 10_000}));
    assert_eq!(world.send(&payment), "PARKED");
    go_on_until(&mut world, since + 58 * SECONDS);
    assert_eq!(found(&world), Vec::<String>::new());
    go_on_until(&mut world, since + 61 * SECONDS);
    assert_eq!(found(&world), ["paid_no_order START"]);
    go_on_until(&mut world, since + 5 * MINUTES);
    assert_eq!(found(&world), ["paid_no_order START"]);
    world.create("APPLIED ×2");
    // It was paid minutes ago and is not relayed, which is found too.
    let told = found(&world);
    assert_eq!(told[..2], ["paid_no_order START", "paid_no_order END"]);
    assert!(
        told[2..]
            .iter()
            .all(|it| it.starts_with("paid_not_relayed"))
    );
    let records = world.job.values(DETECTOR);
    let (start, end) = (&records[0], &records[1]);
    assert_eq!(
        (&start["scope"], &start["baseline"]),
        (&json!(ORDER), &json!(60))
    );
    assert_eq!(start["startedAt"], end["startedAt"]);
    assert_eq!(end["detail"]["dims"]["sido"], "서울");
    assert_eq!(world.job.counter("detector/paid_no_order"), 1);
    assert_eq!(world.job.counter("detector-over/paid_no_order"), 1);
}

/// A payment that waited in vain for its order.
fn rejected_payment() -> (World, Value) {
    let mut world = world();
    let payment = world.event("PG payment.approved 1", json!({"amount": 10_000}));
    assert_eq!(world.send(&payment), "PARKED");
    let now = world.job.now();
    go_on_until(&mut world, now + 12 * MINUTES);
    world.wait(0, "REJECTED/PREDECESSOR_TIMEOUT");
    (world, payment)
}

#[test]
fn it_lasts_when_the_payment_is_rejected_for_it() {
    let (mut world, _) = rejected_payment();
    assert_eq!(found(&world), ["paid_no_order START"]);
    world.create("APPLIED ×2");
    assert_eq!(found(&world)[1], "paid_no_order END");
}

#[test]
fn it_lasts_when_the_payment_comes_again() {
    let (mut world, payment) = rejected_payment();
    assert_eq!(world.send(&payment), "PARKED");
    let now = world.job.now();
    go_on_until(&mut world, now + 13 * MINUTES);
    world.wait(0, "REJECTED/PREDECESSOR_TIMEOUT");
    assert_eq!(found(&world), ["paid_no_order START"]);
    world.create("APPLIED ×2");
    assert_eq!(found(&world)[1], "paid_no_order END");
}

#[test]
fn it_is_found_also_when_the_payment_is_rejected_before() {
    let mut options = job_options();
    options.judging.parking.payment_wait_ms = 30_000;
    let mut world = World::with(&options);
    let payment = world.event("PG payment.approved 1", json!({"amount": 10_000}));
    assert_eq!(world.send(&payment), "PARKED");
    let now = world.job.now();
    go_on_until(&mut world, now + 2 * MINUTES);
    world.wait(0, "REJECTED/PREDECESSOR_TIMEOUT");
    assert_eq!(found(&world), ["paid_no_order START"]);
}

#[test]
fn a_failed_payment_without_an_order_is_nothing() {
    let mut world = world();
    let payment = world.event("PG payment.failed 1", json!({"code": "X"}));
    assert_eq!(world.send(&payment), "PARKED");
    let now = world.job.now();
    go_on_until(&mut world, now + 5 * MINUTES);
    world.create("APPLIED ×2");
    assert_eq!(found(&world), Vec::<String>::new());
}

#[test]
fn a_paid_order_that_is_not_relayed_is_found_until_it_is() {
    let mut world = world().paid();
    let paid = world.job.now() - SECONDS;
    go_on_until(&mut world, paid + 28 * SECONDS);
    assert_eq!(found(&world), Vec::<String>::new());
    go_on_until(&mut world, paid + 31 * SECONDS);
    assert_eq!(found(&world), ["paid_not_relayed START"]);
    world.step("SYSTEM order.relayed 2", none(), "ANNOTATED");
    assert_eq!(
        found(&world),
        ["paid_not_relayed START", "paid_not_relayed END"]
    );
}

#[test]
fn an_order_that_is_relayed_in_time_is_not_found() {
    let mut world = world().paid();
    world.step("SYSTEM order.relayed 2", none(), "ANNOTATED");
    let now = world.job.now();
    go_on_until(&mut world, now + 10 * MINUTES);
    assert_eq!(found(&world), Vec::<String>::new());
}

fn cancelled() -> World {
    let mut world = world().accepted();
    world.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    world.step("DISPATCH delivery.assigned 2", none(), "APPLIED");
    world.step(
        "CS order.cancelled 3",
        json!({"reason": "OTHER"}),
        "APPLIED",
    );
    world
}

#[test]
fn food_that_is_handed_out_for_a_cancelled_order_is_found_at_once() {
    let mut world = cancelled();
    world.step(
        "RIDER delivery.picked_up 3",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    assert_eq!(found(&world), ["ghost_delivery START"]);
    world.step(
        "RIDER delivery.delivered 4",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    assert_eq!(
        found(&world),
        ["ghost_delivery START", "ghost_delivery END"]
    );
}

#[test]
fn it_ends_when_the_delivery_is_cancelled_too() {
    let mut world = cancelled();
    world.step(
        "RIDER delivery.picked_up 3",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    world.step(
        "SYSTEM delivery.cancelled 4",
        json!({"reason": "OTHER"}),
        "APPLIED",
    );
    assert_eq!(
        found(&world),
        ["ghost_delivery START", "ghost_delivery END"]
    );
}

#[test]
fn a_delivery_of_a_cancelled_order_is_a_finding_of_its_own() {
    let mut world = cancelled();
    world.step(
        "RIDER delivery.delivered 3",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    assert_eq!(
        found(&world),
        ["ghost_delivery START", "ghost_delivery END"]
    );
}

#[test]
fn it_is_told_too_when_both_were_parked_and_are_judged_at_once() {
    let mut world = cancelled();
    for step in ["RIDER delivery.picked_up 4", "RIDER delivery.delivered 5"] {
        let event = world.event(step, none());
        assert_eq!(world.send(&event), "PARKED");
    }
    let event = world.event("RIDER delivery.arrived_store 3", none());
    world.send(&event);
    assert_eq!(
        found(&world),
        ["ghost_delivery START", "ghost_delivery END"]
    );
}
