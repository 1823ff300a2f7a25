//! E15 and E27: what late and rejected events do to minutes that are closed.

use jumun::config::{Aggregates, Emit};
use jumun::domain::ordering::OrderingPolicy;
use serde_json::{Value, json};

use super::world::*;

fn counting(ordering: OrderingPolicy) -> World {
    let mut options = options(ordering);
    options.aggregates = Aggregates {
        emit: Emit::Final,
        ..Aggregates::default()
    };
    options.merging_tasks = 1;
    World::with(&options)
}

/// Lets so many seconds pass, as they pass in life.
fn pass(world: &mut World, seconds: usize) {
    for _ in 0..seconds {
        world.job.wait(SECOND);
    }
}

/// Final values of an aggregate, with their minutes.
fn finals(world: &World, aggregate: &str) -> Vec<(String, i64)> {
    let told = world.job.values("order.agg.1m.v1").into_iter();
    let told = told.filter(|told| told["agg"] == aggregate && told["final"] == true);
    told.map(|told| (text(&told, "windowStart"), told["value"].as_i64().unwrap()))
        .collect()
}

/// Late deltas of an aggregate, with their minutes.
fn late(world: &World, aggregate: &str) -> Vec<(String, i64)> {
    let told = world.job.values("order.agg.1m.late.v1").into_iter();
    let told = told.filter(|told| told["agg"] == aggregate);
    told.map(|told| (text(&told, "windowStart"), told["delta"].as_i64().unwrap()))
        .collect()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_string()
}

const NOON: &str = "2026-11-20T12:00:00.000+09:00";

#[test]
fn e15_a_late_event_is_applied_and_its_minute_gets_a_late_delta() {
    let mut world = counting(OrderingPolicy::DEFAULT);
    world.create("APPLIED");
    let approved = world.event("PG payment.approved 1", json!({"amount": 10_000}));
    pass(&mut world, 400);
    assert_eq!(finals(&world, "orders_created"), [(NOON.to_string(), 1)]);
    world.check(&approved, "APPLIED");
    world.check_state("/status", "WAITING_ACCEPT");
    pass(&mut world, 2);
    assert_eq!(finals(&world, "orders_paid"), []);
    assert_eq!(late(&world, "orders_paid"), [(NOON.to_string(), 1)]);
}

#[test]
fn e27_a_rejected_event_counts_nowhere_and_in_its_own_minute_once_it_is_redriven() {
    let mut world = counting(OrderingPolicy::STRICT);
    let approved = world.event("PG payment.approved 1", json!({"amount": 10_000}));
    world.check(&approved, "REJECTED/AWAIT_PREDECESSOR");
    world.create("APPLIED");
    pass(&mut world, 400);
    assert_eq!(finals(&world, "orders_created"), [(NOON.to_string(), 1)]);
    assert_eq!(finals(&world, "orders_paid"), []);
    world.header("x-redrive-count", "1");
    world.check(&approved, "APPLIED");
    pass(&mut world, 400);
    assert_eq!(finals(&world, "orders_paid"), []);
    assert_eq!(late(&world, "orders_paid"), [(NOON.to_string(), 1)]);
}

/// The redriven event is old: it must neither close minutes nor open them again.
#[test]
fn e27_an_automatic_redrive_counts_in_the_minute_in_which_it_happened() {
    let mut world = counting(OrderingPolicy::DEFAULT);
    world.step("CUSTOMER order.cancelled 2", none(), "REJECTED/PREMATURE");
    pass(&mut world, 400);
    assert_eq!(finals(&world, "orders_ended"), []);
    world.create("APPLIED ×2");
    pass(&mut world, 400);
    let created = finals(&world, "orders_created");
    assert_eq!(created.len(), 1, "{created:?}");
    assert_ne!(created[0].0, NOON);
    let moved = late(&world, "transitions");
    assert_eq!(moved, [(NOON.to_string(), 1)], "the cancel, in its minute");
}

#[test]
fn e27_a_parked_event_counts_in_its_minute_when_it_is_released() {
    let mut world = counting(OrderingPolicy::DEFAULT);
    world.approve("PARKED");
    pass(&mut world, 400);
    assert_eq!(finals(&world, "orders_paid"), []);
    world.create("APPLIED ×2");
    pass(&mut world, 400);
    assert_eq!(finals(&world, "orders_paid"), []);
    assert_eq!(late(&world, "orders_paid"), [(NOON.to_string(), 1)]);
}
