//! Judgement and order (order-domain 4), one scenario per special rule, written from the prose and not from the model.

use serde_json::{Value, json};

use super::scenario::*;

#[test]
fn a_cancel_before_its_create_is_premature_and_holds_the_order_until_it_is_applied() {
    let mut order = Scenario::new();
    let cancel = order.envelope(
        "CUSTOMER order.cancelled 3",
        json!({"reason": "CHANGED_MIND"}),
    );
    order.send(cancel.clone(), "REJECTED/PREMATURE");
    assert!(order.model.has_ghost(ORDER) && order.model.states().is_empty());

    order.create("STORE", "CARD", "APPLIED");
    assert_eq!(order.is_held_and_contradicted(), (true, true));
    let reconcile = order.judged.clone().unwrap().reconcile;
    assert_eq!(reconcile.len(), 1);
    assert_eq!(reconcile[0]["kind"], "GHOST_CANCEL");
    assert_eq!(reconcile[0]["facts"][0]["id"], cancel["id"]);
    assert_eq!(reconcile[0]["facts"][1]["action"], "order.created");
    assert_eq!(reconcile[0]["status"], "PAYMENT_WAIT");

    order.send(cancel.clone(), "REJECTED/SEQ_GAP");
    order.step("CUSTOMER order.note_added 2", none(), "ANNOTATED");
    assert_eq!(order.is_held_and_contradicted(), (true, true));
    order.send(cancel.clone(), "APPLIED");
    assert_eq!(order.is_held_and_contradicted(), (false, false));
    order.check_state("/status", json!("CANCELLED"));
    order.send(cancel, "DUPLICATE");
}

#[test]
fn of_several_cancels_before_a_create_the_last_is_the_ghost() {
    let mut order = Scenario::new();
    order.step("CUSTOMER order.cancelled 2", none(), "REJECTED/PREMATURE");
    let last = order.envelope("CUSTOMER order.cancelled 3", none());
    order.send(last.clone(), "REJECTED/PREMATURE");
    order.create("STORE", "CARD", "APPLIED");
    assert_eq!(
        order.judged.clone().unwrap().reconcile[0]["facts"][0]["id"],
        last["id"]
    );
}

#[test]
fn hold_ends_when_the_cancel_of_the_ghost_is_rejected_as_judged() {
    let mut order = Scenario::new();
    let cancel = order.envelope("CUSTOMER order.cancelled 3", none());
    order.send(cancel.clone(), "REJECTED/PREMATURE");
    order.create("STORE", "PAY_ON_DELIVERY_CARD", "APPLIED");
    order.step("STORE order.accepted 2", none(), "APPLIED");
    assert_eq!(order.is_held_and_contradicted(), (true, true));
    order.send(cancel, "REJECTED/ACTOR_NOT_ALLOWED");
    order.step("STORE order.note_added 4", none(), "ANNOTATED");
    assert_eq!(
        order.is_held_and_contradicted(),
        (false, true),
        "the judged rejection contradicts on its own"
    );
    order.step("STORE cooking.started 5", none(), "APPLIED");
    assert_eq!(order.is_held_and_contradicted(), (false, false));
}

#[test]
fn hold_ends_when_the_cancel_of_the_ghost_lost_its_version() {
    let mut order = Scenario::new();
    let cancel = order.envelope("CUSTOMER order.cancelled 2", none());
    order.send(cancel.clone(), "REJECTED/PREMATURE");
    order.create("STORE", "PAY_ON_DELIVERY_CARD", "APPLIED");
    order.step("SYSTEM order.relayed 2", none(), "ANNOTATED");
    order.send(cancel, "REJECTED/VERSION_CONFLICT");
    order.step("STORE order.accepted 3", none(), "APPLIED");
    assert_eq!(order.is_held_and_contradicted(), (false, false));
}

#[test]
fn the_same_event_again_is_a_duplicate_and_another_one_under_its_id_a_conflict() {
    let mut order = Scenario::paid("STORE");
    let mut accepted = order.envelope("STORE order.accepted 2", json!({"cookMinutes": 20}));
    order.send(accepted.clone(), "APPLIED");
    let state = order.state();
    accepted["source"] = json!({"system": "another relay"});
    order.send(accepted.clone(), "DUPLICATE");
    accepted["info"]["cookMinutes"] = json!(21);
    order.send(accepted, "REJECTED/EVENT_ID_CONFLICT");
    assert_eq!(order.state(), state);
}

#[test]
fn an_old_version_is_a_conflict_while_remembered_and_stale_after() {
    let mut order = Scenario::paid("STORE");
    order.step("SYSTEM order.relayed 2", none(), "ANNOTATED");
    for version in 3..=65 {
        order.step(
            &format!("CS order.note_added {version}"),
            none(),
            "ANNOTATED",
        );
    }
    // Remembered: the 64 events of versions 2 to 65.
    order.step(
        "SYSTEM order.relayed 2",
        none(),
        "REJECTED/VERSION_CONFLICT",
    );
    order.step("CS order.note_added 66", none(), "ANNOTATED");
    order.step("SYSTEM order.relayed 2", none(), "STALE");
    order.check_state("/versions/order", json!(66));
}

#[test]
fn a_gap_leaves_the_cursor_where_it_is() {
    let mut order = Scenario::paid("STORE");
    let started = order.envelope("STORE cooking.started 3", none());
    order.send(started.clone(), "REJECTED/SEQ_GAP");
    order.step("STORE order.accepted 2", none(), "APPLIED");
    order.send(started, "APPLIED");
}

#[test]
fn a_second_create_reuses_the_order_number() {
    let mut order = Scenario::paid("STORE");
    order.create("STORE", "CARD", "REJECTED/ORDER_ID_REUSE");
    order.step("CUSTOMER order.cancelled 2", none(), "APPLIED");
    order.at += 30 * DAY - 60 * SECOND;
    order.create("STORE", "CARD", "REJECTED/ORDER_ID_REUSE");
    order.at += 60 * SECOND;
    order.create("PICKUP", "PAY_ON_DELIVERY_CASH", "APPLIED");
    let transition = order.transition();
    assert_eq!(
        [&transition["generation"], &transition["seq"]],
        [&json!(2), &json!(1)]
    );
    assert_eq!(
        [&transition["from"], &transition["to"]],
        ["NONE", "WAITING_ACCEPT"]
    );
    order.check_state("/versions", json!({"order": 1, "delivery": {}}));
}

#[test]
fn what_another_aggregate_can_still_make_true_awaits_it_and_the_rest_is_illegal() {
    let mut order = Scenario::new();
    order.step(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "REJECTED/AWAIT_PREDECESSOR",
    );
    order.step(
        "SYSTEM delivery.requested 1",
        none(),
        "REJECTED/AWAIT_PREDECESSOR",
    );
    order.step("RIDER delivery.delivered 1", none(), "REJECTED/PREMATURE");
    order.step("STORE order.accepted 2", none(), "REJECTED/SEQ_GAP");
    order.create("BAEMIN_SINGLE", "CARD", "APPLIED");
    order.step(
        "STORE order.accepted 2",
        none(),
        "REJECTED/AWAIT_PREDECESSOR",
    );
    order.step(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    order.step(
        "SYSTEM delivery.requested 1",
        none(),
        "REJECTED/AWAIT_PREDECESSOR",
    );
    order.step(
        "CS claim.post_cancelled 1",
        none(),
        "REJECTED/AWAIT_PREDECESSOR",
    );
    order.step(
        "STORE cooking.started 2",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step("STORE order.accepted 3", none(), "APPLIED");
    order.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    order.step(
        "RIDER delivery.delivered 2",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
}

#[test]
fn a_cancel_request_does_not_wait_for_the_delivery() {
    let mut order = Scenario::picked_up();
    order.step(
        "RIDER delivery.failed 4",
        json!({"reason": "사고"}),
        "APPLIED",
    );
    assert_eq!(order.transition()["reason"], "OTHER");
    order.step(
        "CUSTOMER order.cancel_requested 3",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
}

#[test]
fn a_judged_rejection_consumes_its_version_and_contradicts_until_the_aggregate_goes_on() {
    let mut order = Scenario::accepted("BAEMIN_SINGLE");
    order.step(
        "RIDER cooking.started 3",
        none(),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    assert_eq!(order.reconcile_kinds(), ["ACTOR_NOT_ALLOWED"]);
    let judged = order.judged.clone().unwrap();
    assert_eq!(judged.reconcile[0]["facts"][1]["action"], "order.accepted");
    assert_eq!(
        judged.rejection.unwrap()["versions"]["order"],
        3,
        "as it is after the event"
    );
    order.check_state("/versions/order", json!(3));
    order.check_state("/flags", json!(["contradicted"]));
    order.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    assert_eq!(
        order.is_held_and_contradicted(),
        (false, true),
        "another aggregate does not answer it"
    );
    order.step("CS order.note_added 4", none(), "ANNOTATED");
    assert_eq!(
        order.is_held_and_contradicted(),
        (false, true),
        "nor does an annotation"
    );
    order.step("STORE cooking.started 5", none(), "APPLIED");
    assert_eq!(order.is_held_and_contradicted(), (false, false));
}

#[test]
fn a_judged_event_may_be_forced_while_nothing_later_was_applied() {
    let mut order = Scenario::paid("STORE");
    let started = order.envelope("STORE cooking.started 2", none());
    order.send(started.clone(), "REJECTED/ILLEGAL_TRANSITION");
    order.step("STORE order.accepted -", none(), "APPLIED");
    order.send(started.clone(), "DUPLICATE");
    order.with_header("x-redrive-force", "true");
    order.send(started.clone(), "APPLIED");
    order.check_state("/versions/order", json!(2));
    order.send(started, "DUPLICATE");

    let mut order = Scenario::paid("STORE");
    let started = order.envelope("STORE cooking.started 2", none());
    order.send(started.clone(), "REJECTED/ILLEGAL_TRANSITION");
    order.step("STORE order.accepted 3", none(), "APPLIED");
    order.with_header("x-redrive-force", "true");
    order.send(started, "DUPLICATE");
}

#[test]
fn more_than_five_redrives_are_too_many() {
    let mut order = Scenario::paid("STORE");
    order.with_header("x-redrive-count", "6");
    order.step("STORE order.accepted 2", none(), "REJECTED/REDRIVE_LIMIT");
    order.with_header("x-redrive-count", "5");
    order.step("STORE order.accepted 2", none(), "APPLIED");
}

#[test]
fn a_reset_moves_the_cursor_either_way() {
    let mut order = Scenario::paid("STORE");
    order.step("CS aggregate.reset 9", json!({"version": 5}), "ANNOTATED");
    order.check_state("/versions/order", json!(5));
    order.check_state("/flags", json!(["incomplete"]));
    order.step("SYSTEM order.relayed 6", none(), "ANNOTATED");
    order.step("CS aggregate.reset 1", json!({"version": 1}), "ANNOTATED");
    order.step("STORE order.accepted 2", none(), "APPLIED");
}

#[test]
fn an_unknown_action_consumes_its_version() {
    let mut order = Scenario::new();
    order.step("STORE order.gift_wrapped 1", none(), "DLT/UNKNOWN_ACTION");
    let mut order = Scenario::paid("STORE");
    let wrapped = order.envelope("STORE order.gift_wrapped 2", none());
    order.send(wrapped.clone(), "DLT/UNKNOWN_ACTION");
    order.send(wrapped, "DUPLICATE");
    order.check_state("/seq", json!(2));
    order.step("STORE order.accepted 3", none(), "APPLIED");
}

#[test]
fn an_event_without_version_is_judged_by_the_machine_alone() {
    let mut order = Scenario::paid("STORE");
    order.step(
        "STORE cooking.started -",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    assert_eq!(order.reconcile_kinds(), [""; 0]);
    order.check_state("/flags", json!([]));
    let accepted = order.envelope("STORE order.accepted -", none());
    order.send(accepted.clone(), "APPLIED");
    order.send(accepted, "DUPLICATE");
    order.check_state("/versions/order", json!(1));
}

#[test]
fn a_clock_a_day_ahead_is_replaced_by_the_record_timestamp() {
    let mut order = Scenario::paid("STORE");
    let arrived = order.at;
    let mut accepted = order.envelope("STORE order.accepted 2", none());
    accepted["time"]["occurredAt"] = json!(rfc3339(arrived + DAY + SECOND));
    order.send(accepted, "APPLIED");
    order.check_state("/times/acceptedAt", json!("2026-11-20T12:00:02.000+09:00"));
    order.check_state("/flags", json!(["bad_time"]));

    let mut order = Scenario::paid("STORE");
    let mut accepted = order.envelope("STORE order.accepted 2", none());
    accepted["time"]["occurredAt"] = json!("2026-11-20T14:00:00+09:00");
    order.send(accepted, "APPLIED");
    order.check_state("/times/acceptedAt", json!("2026-11-20T14:00:00.000+09:00"));
    order.step("STORE cooking.started 3", none(), "APPLIED");
    order.check_state("/flags", json!([]));
}

#[test]
fn poison_is_dead_lettered_with_its_reason() {
    let good = || {
        envelope(
            "e1",
            "CUSTOMER order.created 1",
            created("STORE", "CARD"),
            MIDDAY,
        )
    };
    let with = |pointer: &str, value: Value| {
        let mut event = good();
        *event.pointer_mut(pointer).unwrap() = value;
        event.to_string().into_bytes()
    };
    let mut large = good();
    large["pad"] = json!("x".repeat(17_000));
    let cases: Vec<(Option<Vec<u8>>, &str)> = vec![
        (None, "DLT/MALFORMED"),
        (Some(Vec::new()), "DLT/MALFORMED"),
        (Some(b"{\"id\":\"\xff\"}".to_vec()), "DLT/MALFORMED"),
        (Some(b"[1,2,3]".to_vec()), "DLT/MALFORMED"),
        (Some(b"{}".to_vec()), "DLT/MALFORMED"),
        (Some(large.to_string().into_bytes()), "DLT/TOO_LARGE"),
        (Some(with("/target/version", json!(0))), "DLT/MALFORMED"),
        (Some(with("/target/version", json!("1"))), "DLT/MALFORMED"),
        (Some(with("/actor/type", json!("ROBOT"))), "DLT/MALFORMED"),
        (
            Some(with("/time/occurredAt", json!("yesterday"))),
            "DLT/MALFORMED",
        ),
        (
            Some(with("/target/orderNo", json!("B2"))),
            "DLT/KEY_MISMATCH",
        ),
        (
            Some(with("/schema/version", json!(9))),
            "DLT/UNSUPPORTED_SCHEMA",
        ),
        (
            Some(with("/info/amount", Value::Null)),
            "DLT/UNSUPPORTED_SCHEMA",
        ),
        (Some(with("/info/amount", json!("12000"))), "DLT/MALFORMED"),
        (Some(with("/info/amount", json!(-1))), "DLT/MALFORMED"),
        (
            Some(with("/info/fulfilment", json!("DRONE"))),
            "DLT/MALFORMED",
        ),
        (
            Some(with("/target/type", json!("payment"))),
            "DLT/MALFORMED",
        ),
    ];
    let mut order = Scenario::new();
    for (value, expected) in cases {
        let text = value
            .as_deref()
            .map(String::from_utf8_lossy)
            .map(|text| text.chars().take(300).collect::<String>());
        let judged = order.send_bytes(value, Some(ORDER.as_bytes().to_vec()));
        assert_eq!(judged.name(), expected, "{text:?}");
    }
    let judged = order.send_bytes(Some(good().to_string().into_bytes()), None);
    assert_eq!(judged.name(), "DLT/KEY_MISMATCH");
    order.send(good(), "APPLIED");
}

/// Every value of an envelope, in turn, replaced by every kind of nonsense.
#[test]
fn nonsense_anywhere_in_an_event_has_an_outcome() {
    fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            pointers(inner, format!("{path}/{name}"), found);
        }
        found.push(path);
    }
    let nonsense = [
        json!(null),
        json!(""),
        json!("x"),
        json!("9999-12-31T23:59:59Z"),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(true),
        json!([]),
        json!({}),
    ];
    let events = [
        ("CUSTOMER order.created 1", created("STORE", "CARD")),
        ("PG payment.approved 1", json!({"amount": 10_000})),
        ("PG payment.part_refunded 2", json!({"amount": 1})),
        ("CS aggregate.reset 2", json!({"version": 1})),
        (
            "STORE order.accepted 2",
            json!({"cookMinutes": 20, "promisedAt": "2026-11-20T13:00:00+09:00"}),
        ),
    ];
    let mut order = Scenario::new();
    for (step, info) in events {
        let good = order.envelope(step, info);
        let mut found = Vec::new();
        pointers(&good, String::new(), &mut found);
        for pointer in found {
            for value in &nonsense {
                let mut event = good.clone();
                *event.pointer_mut(&pointer).unwrap() = value.clone();
                order.send_bytes(
                    Some(event.to_string().into_bytes()),
                    Some(ORDER.as_bytes().to_vec()),
                );
            }
        }
    }
    assert_eq!(
        order.model.counts().values().sum::<u64>() as i64,
        order.sent
    );
}
