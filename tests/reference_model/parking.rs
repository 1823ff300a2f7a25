//! Parking, redrives, ghosts and retention (order-domain 4.1, E3, E5, E6), written from the prose and not from the model.

use serde_json::json;

use super::scenario::*;
use crate::support::model::{Choice, Model, Policy, Settings};

fn with(change: impl FnOnce(&mut Settings)) -> Scenario {
    let mut settings = Settings::new(Policy::DEFAULT);
    change(&mut settings);
    let mut scenario = Scenario::new();
    scenario.model = Model::with(settings);
    scenario.model.set_now(MIDDAY);
    scenario
}

fn under(policy: Policy) -> Scenario {
    with(|settings| settings.policy = policy)
}

#[test]
fn what_came_too_early_is_released_in_the_order_of_versions_then_of_arrival() {
    let mut order = under(Policy::DEFAULT);
    order.take("STORE cooking.completed 4", none(), "PARKED");
    order.take("STORE cooking.started 3", none(), "PARKED");
    order.take("STORE order.accepted 2", none(), "PARKED");
    order.take("SYSTEM delivery.requested 1", none(), "PARKED");
    order.take("PG payment.approved 1", json!({"amount": 10_000}), "PARKED");
    let create = created("BAEMIN_SINGLE", "CARD");
    order.take(
        "CUSTOMER order.created 1",
        create,
        "APPLIED APPLIED APPLIED APPLIED APPLIED APPLIED",
    );
    // Version 1 of the delivery waits for the accept and goes before the kitchen's later versions.
    assert_eq!(
        order.actions,
        [
            "order.created",
            "payment.approved",
            "order.accepted",
            "delivery.requested",
            "cooking.started",
            "cooking.completed"
        ]
    );
}

#[test]
fn a_deadline_rejects_by_the_present_cause() {
    // Parked for a gap; what is missing in the end is the payment.
    let mut order = under(Policy::DEFAULT);
    order.take("STORE order.accepted 2", none(), "PARKED");
    order.take(
        "CUSTOMER order.created 1",
        created("STORE", "CARD"),
        "APPLIED",
    );
    order.pass(29 * SECOND, "");
    order.pass(SECOND, "REJECTED/PREDECESSOR_TIMEOUT");
    assert_eq!(order.model.kept(ORDER), 1);
    order.take(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    assert_eq!(order.redriven.len(), 1);
    let again = order.redriven.remove(0);
    assert_eq!(again.redrive_count(), 1);
    assert_eq!(again.header("x-replay"), None);
    assert_eq!(
        again.header("x-redrive-topic").as_deref(),
        Some("order.events.v1")
    );
    order.take_record(&again, "APPLIED");
}

#[test]
fn a_violation_that_waited_in_vain_is_judged() {
    let mut order = under(Policy::PARK);
    order.take(
        "CUSTOMER order.created 1",
        created("STORE", "PAY_ON_DELIVERY_CARD"),
        "APPLIED",
    );
    order.take("STORE cooking.started 2", none(), "PARKED");
    order.take("CS order.note_added 3", none(), "PARKED");
    order.pass(30 * SECOND, "REJECTED/ILLEGAL_TRANSITION ANNOTATED");
    order.check_state("/versions/order", json!(3));
}

#[test]
fn a_lagging_input_stretches_the_deadline_but_not_beyond_ten_minutes() {
    let mut order = under(Policy::DEFAULT);
    order.take("STORE order.accepted 2", none(), "PARKED");
    order.model.set_lag(0, 45 * SECOND);
    order.pass(30 * SECOND, "");
    order.pass(44 * SECOND, "");
    order.model.set_lag(0, 3_600 * SECOND);
    order.pass(SECOND, "");
    order.pass(524 * SECOND, "");
    order.pass(SECOND, "REJECTED/SEQ_GAP_TIMEOUT");
}

#[test]
fn a_reset_tries_parked_events_again() {
    let mut order = under(Policy::DEFAULT);
    order.take(
        "CUSTOMER order.created 1",
        created("STORE", "PAY_ON_DELIVERY_CARD"),
        "APPLIED",
    );
    order.take("STORE order.accepted 4", none(), "PARKED");
    order.take(
        "CS aggregate.reset 9",
        json!({"version": 3}),
        "ANNOTATED APPLIED",
    );
}

#[test]
fn a_ghost_is_applied_in_place_where_that_is_wanted() {
    let mut order = with(|settings| settings.autoapply_ghosts = true);
    order.take("CUSTOMER order.cancelled 3", none(), "REJECTED/PREMATURE");
    order.take(
        "CUSTOMER order.created 1",
        created("STORE", "CARD"),
        "APPLIED PARKED",
    );
    order.take("CUSTOMER order.note_added 2", none(), "ANNOTATED APPLIED");
    order.check_state("/status", json!("CANCELLED"));
    assert_eq!(order.model.consumed(), 4);
    assert!(order.redriven.is_empty());
}

#[test]
fn an_accepted_gap_is_declared() {
    let mut order = under(Policy {
        gap: Choice::Accept,
        ..Policy::DEFAULT
    });
    order.take(
        "CUSTOMER order.created 2",
        created("STORE", "PAY_ON_DELIVERY_CARD"),
        "APPLIED",
    );
    order.check_state("/flags", json!(["incomplete"]));
    order.take("STORE order.accepted 7", none(), "APPLIED");
    order.take("STORE cooking.started 6", none(), "STALE");
}

#[test]
fn a_rebuild_gives_up_by_stream_time_and_redrives_nothing() {
    let mut order = with(|settings| settings.rebuild = true);
    order.take("STORE order.accepted 2", none(), "PARKED");
    order.pass(DAY, "");
    order.at += 30 * SECOND;
    order.take(
        "CUSTOMER order.created 1",
        created("STORE", "PAY_ON_DELIVERY_CARD"),
        "APPLIED APPLIED",
    );
    order.take("STORE cooking.completed 4", none(), "PARKED");
    order.at += 30 * SECOND;
    order.take(
        "PG payment.failed 2",
        none(),
        "PARKED REJECTED/SEQ_GAP_TIMEOUT",
    );
    assert_eq!(order.model.kept(ORDER), 0);
}

#[test]
fn a_task_parks_no_more_than_its_share() {
    let mut order = under(Policy::DEFAULT);
    for version in 2..66 {
        order.take(&format!("CS order.note_added {version}"), none(), "PARKED");
    }
    order.take("CS order.note_added 66", none(), "REJECTED/PARK_LIMIT");
    assert_eq!(order.model.parked(ORDER), 64);
}
