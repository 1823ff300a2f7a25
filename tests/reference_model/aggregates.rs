//! What the batch of the aggregates counts, and when: scenarios from the prose of order-domain 3.1 and 4.2.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::scenario::{DAY, MIDDAY, SECOND, Scenario, created, envelope, none};
use crate::support::model::aggregates::WINDOW;
use crate::support::model::aggregates::batch::{Batch, TransitionBatch};
use crate::support::model::aggregates::grouping::{CREATED, Grouping, IN_FLIGHT, PAID, TERMINAL};
use crate::support::model::aggregates::movement::Movement;

/// A scenario whose every step is counted.
struct Counted {
    scenario: Scenario,
    batch: Batch,
    of_transitions: TransitionBatch,
}

impl Counted {
    fn new() -> Self {
        Self {
            scenario: Scenario::new(),
            batch: Batch::default(),
            of_transitions: TransitionBatch::default(),
        }
    }

    /// As `Scenario::step`, for an event that occurred so many milliseconds after its record's timestamp.
    fn step_ahead(&mut self, step: &str, info: Value, ahead: i64, expected: &str) {
        let sent = self.scenario.at;
        let mut event = envelope(
            &format!("{step}-{}", self.scenario.sent),
            step,
            info,
            sent + ahead,
        );
        event["time"]["recordedAt"] = json!(super::scenario::rfc3339(sent));
        let info = event["info"].clone();
        self.scenario.send(event, expected);
        let judged = self.scenario.judged.as_ref().unwrap();
        if let Some(movement) = Movement::of_judged(judged, sent) {
            self.batch.add(&movement);
            self.of_transitions
                .add(judged.transition.as_ref().unwrap(), &info);
        }
    }

    fn step(&mut self, step: &str, info: Value, expected: &str) {
        self.step_ahead(step, info, 0, expected);
    }

    /// What moved, as `<group> <minutes after midday> <change>`, without the groupings of second rank.
    fn check(self, expected: &[&str]) {
        let told = |batch: &Batch| {
            let mut told: Vec<String> = Vec::new();
            for (group, windows) in batch.groups() {
                if group.contains("_by_") {
                    continue;
                }
                let minutes = |window: &i64| (window - MIDDAY) / WINDOW;
                told.extend(
                    windows
                        .iter()
                        .map(|(window, sum)| format!("{group} {} {sum}", minutes(window))),
                );
            }
            told.sort();
            told
        };
        assert_eq!(told(&self.batch), expected);
        // The transitions alone say the same.
        assert_eq!(told(&self.of_transitions.finish()), expected);
    }

    fn totals(&self) -> BTreeMap<&'static str, i64> {
        let total = |grouping: Grouping| (grouping.name, self.batch.total(grouping));
        [CREATED, PAID, IN_FLIGHT, TERMINAL].map(total).into()
    }
}

#[test]
fn an_order_paid_at_the_door_is_paid_when_it_is_created() {
    let mut counted = Counted::new();
    let info = created("PICKUP", "PAY_ON_DELIVERY_CASH");
    counted.step("CUSTOMER order.created 1", info, "APPLIED");
    counted.check(&[
        "in_flight|서울|WAITING_ACCEPT 0 1",
        "orders_created|서울|치킨 0 1",
        "orders_paid|서울|치킨 0 1",
        "transitions|서울|NONE|WAITING_ACCEPT|CUSTOMER 0 1",
    ]);
}

#[test]
fn a_payment_counts_in_its_own_minute_and_moves_the_order_to_and_fro_in_flight() {
    let mut counted = Counted::new();
    counted.step(
        "CUSTOMER order.created 1",
        created("STORE", "CARD"),
        "APPLIED",
    );
    counted.scenario.at = MIDDAY + 60 * SECOND;
    counted.step(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    counted.step("STORE order.accepted 2", none(), "APPLIED");
    counted.check(&[
        "in_flight|서울|ACCEPTED 1 1",
        "in_flight|서울|PAYMENT_WAIT 0 1",
        "in_flight|서울|PAYMENT_WAIT 1 -1",
        "in_flight|서울|WAITING_ACCEPT 1 0",
        "orders_created|서울|치킨 0 1",
        "orders_paid|서울|치킨 1 1",
        "transitions|서울|NONE|PAYMENT_WAIT|CUSTOMER 0 1",
        "transitions|서울|PAYMENT_WAIT|WAITING_ACCEPT|PG 1 1",
        "transitions|서울|WAITING_ACCEPT|ACCEPTED|STORE 1 1",
    ]);
}

#[test]
fn an_end_carries_reason_and_liability_of_its_event_and_comes_once() {
    let mut counted = Counted::new();
    counted.step(
        "CUSTOMER order.created 1",
        created("STORE", "CARD"),
        "APPLIED",
    );
    let info = json!({"reason": "WEATHER", "liability": "PLATFORM"});
    counted.step("CS order.cancelled 2", info, "APPLIED");
    counted.step(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    counted.check(&[
        "in_flight|서울|PAYMENT_WAIT 0 0",
        "orders_created|서울|치킨 0 1",
        "terminal|서울|치킨|CANCELLED|WEATHER|PLATFORM 0 1",
        // The refund that follows moves no display status, and is an applied transition all the same.
        "transitions|서울|CANCELLED|CANCELLED|PG 0 1",
        "transitions|서울|NONE|PAYMENT_WAIT|CUSTOMER 0 1",
        "transitions|서울|PAYMENT_WAIT|CANCELLED|CS 0 1",
    ]);
}

#[test]
fn a_post_cancel_is_no_second_end() {
    let mut counted = Counted::new();
    let info = created("PICKUP", "PAY_ON_DELIVERY_CARD");
    counted.step("CUSTOMER order.created 1", info, "APPLIED");
    counted.step("STORE order.accepted 2", none(), "APPLIED");
    counted.step("STORE order.handed_over 3", none(), "APPLIED_SKIP");
    let info = json!({"reason": "FOREIGN_MATTER", "liability": "STORE"});
    counted.step("CS claim.post_cancelled 1", info, "APPLIED");
    assert_eq!(counted.totals()["terminal"], 1);
    assert_eq!(counted.totals()["in_flight"], 0);
    assert!(
        counted
            .batch
            .windows("terminal|서울|치킨|COMPLETED||")
            .is_some()
    );
}

#[test]
fn what_is_annotated_rejected_or_repeated_counts_nowhere() {
    let mut counted = Counted::new();
    counted.step("CS order.cancelled 1", none(), "REJECTED/PREMATURE");
    let info = created("PICKUP", "PAY_ON_DELIVERY_CARD");
    counted.step("CUSTOMER order.created 1", info, "APPLIED");
    let before = counted.batch.clone();
    counted.step("SYSTEM order.relayed 2", none(), "ANNOTATED");
    counted.step(
        "RIDER order.accepted 3",
        none(),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    assert_eq!(counted.batch.groups(), before.groups());
}

#[test]
fn an_empty_dim_counts_as_unknown() {
    let mut counted = Counted::new();
    let mut info = created("PICKUP", "CARD");
    info["sido"] = json!("");
    info["category"] = json!("");
    info["sigungu"] = json!("");
    counted.step("CUSTOMER order.created 1", info, "APPLIED");
    assert!(
        counted
            .batch
            .windows("orders_created_by_sigungu|unknown|unknown")
            .is_some()
    );
    counted.check(&[
        "in_flight|unknown|PAYMENT_WAIT 0 1",
        "orders_created|unknown|unknown 0 1",
        "transitions|unknown|NONE|PAYMENT_WAIT|CUSTOMER 0 1",
    ]);
}

/// An event sent at midday that says it occurred so much later (or earlier) counts in that minute after midday.
fn check_window(ahead: i64, expected: i64) {
    let mut counted = Counted::new();
    let info = created("PICKUP", "CARD");
    counted.step_ahead("CUSTOMER order.created 1", info, ahead, "APPLIED");
    let windows = counted.batch.windows("orders_created|서울|치킨").unwrap();
    let windows: Vec<i64> = windows.keys().copied().collect();
    assert_eq!(windows, [MIDDAY + expected * WINDOW], "{ahead}");
    assert_eq!(
        counted.of_transitions.finish().last_window(),
        Some(MIDDAY + expected * WINDOW),
        "{ahead}"
    );
}

#[test]
fn a_clock_that_is_ahead_is_believed_up_to_five_seconds() {
    for (ahead, expected) in [
        (0, 0),
        (-1, -1),
        (-300 * SECOND, -5),
        (5 * SECOND, 0),
        (5 * SECOND + 1, 0),
        (61 * SECOND, 0),
        (2 * DAY, 0),
    ] {
        check_window(ahead, expected);
    }
    // Seen where five seconds lead into the next minute.
    for (ahead, expected) in [(5 * SECOND, 1), (5 * SECOND + 1, 0)] {
        let mut counted = Counted::new();
        counted.scenario.at = MIDDAY + 57 * SECOND;
        let info = created("PICKUP", "CARD");
        counted.step_ahead("CUSTOMER order.created 1", info, ahead, "APPLIED");
        assert_eq!(
            counted.batch.last_window(),
            Some(MIDDAY + expected * WINDOW),
            "{ahead}"
        );
    }
}
