//! One scenario per special rule, written from the prose of order-domain.md and not from the model.

use serde_json::{Value, json};

use super::model::{InputRecord, Judged, Model, Policy};

const MIDDAY: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00
const SECOND: i64 = 1_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;
const ORDER: &str = "B1";

/// One order and the events that reach it, a second apart. Steps read `STORE order.accepted 3 {…}`.
struct Scenario {
    model: Model,
    at: i64,
    sent: i64,
    headers: Vec<(String, Vec<u8>)>,
    judged: Option<Judged>,
}

impl Scenario {
    fn new() -> Scenario {
        let mut model = Model::new(Policy::Strict);
        model.set_now(MIDDAY + 400 * DAY);
        Scenario {
            model,
            at: MIDDAY,
            sent: 0,
            headers: Vec::new(),
            judged: None,
        }
    }

    /// An order of 10,000 won, created and paid, so that the next order version is 2 and the next payment version 2.
    fn paid(fulfilment: &str) -> Scenario {
        let mut scenario = Scenario::new();
        scenario.create(fulfilment, "CARD", "APPLIED");
        scenario.step(
            "PG payment.approved 1",
            json!({"amount": 10_000}),
            "APPLIED",
        );
        scenario
    }

    /// Accepted too: the next order version is 3.
    fn accepted(fulfilment: &str) -> Scenario {
        let mut scenario = Scenario::paid(fulfilment);
        scenario.step(
            "STORE order.accepted 2",
            json!({"cookMinutes": 20}),
            "APPLIED",
        );
        scenario
    }

    /// Requested, assigned and picked up: the next delivery version is 4, READY is implied.
    fn picked_up() -> Scenario {
        let mut scenario = Scenario::accepted("BAEMIN_SINGLE");
        scenario.step("SYSTEM delivery.requested 1", json!({}), "APPLIED");
        scenario.step("RIDER delivery.assigned 2", json!({}), "APPLIED");
        scenario.step("RIDER delivery.picked_up 3", json!({}), "APPLIED_SKIP");
        scenario
    }

    fn create(&mut self, fulfilment: &str, payment_method: &str, expected: &str) {
        let info = created(fulfilment, payment_method);
        self.step("CUSTOMER order.created 1", info, expected);
    }

    /// Sends `ACTOR action version` and checks the outcome; version `-` is none.
    fn step(&mut self, step: &str, info: Value, expected: &str) {
        let id = format!("{step}-{}", self.sent);
        self.send(envelope(&id, step, info, self.at), expected);
    }

    fn send(&mut self, event: Value, expected: &str) {
        let value = event.to_string().into_bytes();
        let judged = self.send_bytes(Some(value), Some(ORDER.as_bytes().to_vec()));
        assert_eq!(judged.name(), expected, "{event}");
    }

    fn send_bytes(&mut self, value: Option<Vec<u8>>, key: Option<Vec<u8>>) -> Judged {
        let record = InputRecord {
            topic: "order.events.v1".to_string(),
            partition: 0,
            offset: self.sent,
            key,
            value,
            headers: self.headers.clone(),
            timestamp: self.at,
        };
        self.sent += 1;
        self.at += SECOND;
        let judged = self.model.feed(&record);
        self.judged = Some(judged.clone());
        judged
    }

    /// The event that the next step of that text would send now, to be sent more than once.
    fn envelope(&self, step: &str, info: Value) -> Value {
        envelope(step, step, info, self.at)
    }

    fn with_header(&mut self, name: &str, value: &str) {
        self.headers = vec![(name.to_string(), value.as_bytes().to_vec())];
    }

    fn state(&self) -> Value {
        self.model.states()[ORDER].clone()
    }

    fn transition(&self) -> Value {
        self.judged.as_ref().unwrap().transition.clone().unwrap()
    }

    fn reconcile_kinds(&self) -> Vec<String> {
        let judged = self.judged.as_ref().unwrap();
        judged
            .reconcile
            .iter()
            .map(|value| value["kind"].as_str().unwrap().to_string())
            .collect()
    }

    fn is_held_and_contradicted(&self) -> (bool, bool) {
        let transition = self.transition();
        (
            transition["hold"] == true,
            transition["contradicted"] == true,
        )
    }

    #[track_caller]
    fn check_state(&self, pointer: &str, expected: Value) {
        assert_eq!(
            self.state()
                .pointer(pointer)
                .cloned()
                .unwrap_or(Value::Null),
            expected,
            "{pointer}"
        );
    }
}

fn created(fulfilment: &str, payment_method: &str) -> Value {
    json!({
        "storeId": "st_1", "category": "치킨", "sido": "서울", "sigungu": "서울-1", "dong": "d1",
        "fulfilment": fulfilment, "amount": 10_000, "paymentMethod": payment_method,
    })
}

fn envelope(id: &str, step: &str, info: Value, at: i64) -> Value {
    let words: Vec<&str> = step.split(' ').collect();
    let (actor, action, version) = (words[0], words[1], words[2].parse::<u64>().ok());
    let target = match action.split('.').next().unwrap() {
        aggregate @ ("payment" | "delivery" | "claim") => aggregate,
        _ => "order",
    };
    let target_id = words
        .get(3)
        .map_or_else(|| format!("{target}-1"), |id| id.to_string());
    json!({
        "id": id,
        "target": {"type": target, "id": target_id, "orderNo": ORDER, "version": version},
        "action": action,
        "actor": {"type": actor, "id": "someone"},
        "info": info,
        "time": {"occurredAt": rfc3339(at), "recordedAt": rfc3339(at)},
        "schema": {"name": action, "version": 1},
    })
}

fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

fn none() -> Value {
    json!({})
}

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
        2,
        "as it was before"
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
fn a_ready_that_was_only_late_on_the_wire_undoes_the_implied_one() {
    let mut order = Scenario::picked_up();
    order.check_state("/regions/kitchen", json!("READY"));
    order.check_state("/times/readyAt", Value::Null);
    let picked_up_at = order.at - SECOND;
    let completed = envelope("lag", "STORE cooking.completed 3", none(), picked_up_at);
    order.send(completed, "ANNOTATED");
    assert!(order.state()["times"]["readyAt"].is_string());
    order.check_state("/flags", json!([]));
}

#[test]
fn a_ready_after_the_pick_up_was_pressed_late() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.step(
        "STORE cooking.delayed 3",
        json!({"promisedAt": "2026-11-20T13:00:00+09:00"}),
        "ANNOTATED",
    );
    order.step("STORE cooking.completed 4", none(), "ANNOTATED");
    order.check_state("/times/readyAt", Value::Null);
    order.check_state("/promisedAt", Value::Null);
    order.check_state("/flags", json!(["pressed_late"]));
}

#[test]
fn ready_from_idle_and_hand_over_before_ready_are_skips() {
    let mut order = Scenario::accepted("PICKUP");
    order.step("STORE cooking.completed 3", none(), "APPLIED_SKIP");
    order.step("STORE cooking.completed 4", none(), "ANNOTATED");
    order.step("STORE order.handed_over 5", none(), "APPLIED");
    order.check_state("/status", json!("COMPLETED"));

    let mut order = Scenario::accepted("PICKUP");
    order.step("STORE cooking.started 3", none(), "APPLIED");
    order.step("STORE order.handed_over 4", none(), "APPLIED_SKIP");
    order.step(
        "SYSTEM delivery.requested 1",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
}

#[test]
fn after_the_delivery_nothing_is_delivered_or_cancelled_again() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.step(
        "RIDER delivery.delivered 5",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step(
        "CUSTOMER order.cancelled 3",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    assert_eq!(order.reconcile_kinds(), ["AFTER_TERMINAL"]);
    order.check_state("/status", json!("COMPLETED"));
}

#[test]
fn a_pick_up_of_a_cancelled_order_is_a_ghost_delivery() {
    let mut order = Scenario::accepted("STORE");
    order.step(
        "STORE order.cancelled 3",
        json!({"reason": "SOLD_OUT", "liability": "STORE"}),
        "APPLIED",
    );
    order.check_state("/regions/payment", json!("REFUND_PENDING"));
    order.step(
        "STORE delivery.picked_up 1",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
    order.check_state("/flags", json!(["contradicted", "ghost_delivery"]));
    order.check_state("/reason", json!("SOLD_OUT"));
    order.step(
        "STORE cooking.completed 4",
        none(),
        "REJECTED/AFTER_TERMINAL",
    );
}

#[test]
fn a_payment_approved_after_the_cancel_is_to_be_refunded() {
    let mut order = Scenario::new();
    order.create("STORE", "CARD", "APPLIED");
    order.step("CUSTOMER order.cancelled 2", none(), "APPLIED");
    order.step(
        "PG payment.approved 1",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    order.check_state("/regions/payment", json!("REFUND_PENDING"));
    order.check_state("/status", json!("CANCELLED"));
}

#[test]
fn refunds_add_up_to_what_was_paid_and_no_further() {
    let mut order = Scenario::picked_up();
    order.step(
        "PG payment.part_refunded 2",
        json!({"amount": 4_000}),
        "APPLIED",
    );
    order.step(
        "PG payment.part_refunded 3",
        json!({"amount": 1_000}),
        "APPLIED",
    );
    order.step(
        "PG payment.refunded 4",
        json!({"amount": 6_000}),
        "REJECTED/OVER_REFUND",
    );
    order.step(
        "PG payment.part_refunded 5",
        json!({"amount": 5_000}),
        "APPLIED",
    );
    order.check_state("/regions/payment", json!("REFUNDED"));
    order.step(
        "PG payment.refunded 6",
        json!({"amount": 1}),
        "REJECTED/OVER_REFUND",
    );
    order.step(
        "CS payment.refunded 7",
        json!({"amount": 1}),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    order.check_state("/refunded", json!(10_000));
}

#[test]
fn a_withdrawal_gives_the_payment_its_value_back() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.step(
        "CS claim.post_cancelled 1",
        json!({"reason": "DAMAGED", "liability": "RIDER"}),
        "APPLIED",
    );
    order.check_state("/status", json!("POST_CANCELLED"));
    order.check_state("/regions/payment", json!("REFUND_PENDING"));
    order.step("CS claim.withdrawn 2", none(), "APPLIED");
    order.check_state("/status", json!("COMPLETED"));
    order.check_state("/regions/payment", json!("APPROVED"));

    order.step("CS claim.post_cancelled 3", none(), "APPLIED");
    order.step(
        "PG payment.refunded 2",
        json!({"amount": 10_000}),
        "APPLIED",
    );
    order.step(
        "CS claim.withdrawn 4",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step("CS claim.withdrawn 5", json!({"recharge": true}), "APPLIED");
    order.check_state("/regions/payment", json!("APPROVED"));
    order.check_state("/refunded", json!(0));
}

#[test]
fn thirty_days_after_the_delivery_it_is_too_late_for_a_claim() {
    let mut order = Scenario::picked_up();
    order.step("RIDER delivery.delivered 4", none(), "APPLIED");
    order.at += 30 * DAY;
    order.step(
        "CS claim.post_cancelled 1",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
}

#[test]
fn who_may_cancel_hangs_on_the_status() {
    let cancel = |mut order: Scenario, actor: &str, version: u64, info: Value, expected: &str| {
        order.step(
            &format!("{actor} order.cancelled {version}"),
            info,
            expected,
        );
    };
    let reason = || json!({"reason": "CHANGED_MIND"});
    let refused = "REJECTED/ACTOR_NOT_ALLOWED";
    cancel(Scenario::paid("STORE"), "CUSTOMER", 2, reason(), "APPLIED");
    cancel(Scenario::paid("STORE"), "STORE", 2, reason(), refused);
    cancel(
        Scenario::accepted("STORE"),
        "CUSTOMER",
        3,
        reason(),
        refused,
    );
    cancel(Scenario::accepted("STORE"), "RIDER", 3, reason(), refused);
    cancel(Scenario::accepted("STORE"), "STORE", 3, reason(), "APPLIED");
    cancel(Scenario::accepted("STORE"), "STORE", 3, none(), refused);
    cancel(
        Scenario::accepted("STORE"),
        "SYSTEM",
        3,
        reason(),
        "APPLIED",
    );
    cancel(Scenario::picked_up(), "STORE", 3, reason(), refused);
    cancel(Scenario::picked_up(), "SYSTEM", 3, reason(), refused);
    cancel(Scenario::picked_up(), "CS", 3, reason(), "APPLIED");
}

#[test]
fn after_the_pick_up_only_customer_service_cancels_the_delivery() {
    let mut order = Scenario::picked_up();
    order.step(
        "SYSTEM delivery.cancelled 4",
        none(),
        "REJECTED/ACTOR_NOT_ALLOWED",
    );
    order.step("CS delivery.cancelled 5", none(), "APPLIED");
}

#[test]
fn every_way_to_end_an_order_closes_an_open_cancel_request() {
    let mut order = Scenario::accepted("STORE");
    order.step(
        "CUSTOMER order.cancel_requested 3",
        json!({"reason": "COOK_DELAY"}),
        "APPLIED",
    );
    order.step("CUSTOMER order.cancel_requested 4", none(), "ANNOTATED");
    order.check_state("/regions/claim", json!("CANCEL_REQUESTED"));
    order.step("STORE delivery.picked_up 1", none(), "APPLIED_SKIP");
    order.step("STORE delivery.delivered 2", none(), "APPLIED");
    order.check_state("/regions/claim", json!("NONE"));
    order.step(
        "STORE order.cancel_declined 5",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
}

#[test]
fn an_unassigned_delivery_waits_again() {
    let mut order = Scenario::accepted("BAEMIN_BUNDLE");
    order.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    order.step("DISPATCH delivery.assigned 2", none(), "APPLIED");
    order.step("RIDER delivery.arrived_store 3", none(), "APPLIED");
    order.step(
        "RIDER delivery.unassigned 4",
        json!({"reason": "ACCIDENT"}),
        "APPLIED",
    );
    order.check_state("/times/assignedAt", Value::Null);
    order.check_state("/times/atStoreAt", Value::Null);
    order.check_state("/times/requestedAt", json!("2026-11-20T12:00:06.000+09:00"));
    order.step("RIDER delivery.assigned 5", none(), "APPLIED");
    assert_eq!(
        [&order.state()["attempts"], &order.state()["reassigned"]],
        [&json!(2), &json!(1)]
    );
}

#[test]
fn an_event_of_an_older_delivery_is_illegal_but_may_annotate() {
    let mut order = Scenario::accepted("BAEMIN_SINGLE");
    order.step("SYSTEM delivery.requested 1 first", none(), "APPLIED");
    order.step("CS delivery.cancelled 2 first", none(), "APPLIED");
    order.step("SYSTEM delivery.requested 1 second", none(), "APPLIED");
    order.step(
        "RIDER delivery.assigned 3 first",
        none(),
        "REJECTED/ILLEGAL_TRANSITION",
    );
    order.step("SYSTEM delivery.eta_updated 4 first", none(), "ANNOTATED");
    order.step("RIDER delivery.assigned 2 second", none(), "APPLIED");
    order.check_state("/versions/delivery", json!({"first": 4, "second": 2}));
}

#[test]
fn a_delivery_switched_to_the_store_is_picked_up_by_the_store() {
    let mut order = Scenario::accepted("BAEMIN_SINGLE");
    order.step("SYSTEM delivery.requested 1", none(), "APPLIED");
    order.step("STORE delivery.switched_to_store 2", none(), "APPLIED");
    order.check_state("/fulfilment", json!("STORE"));
    order.step("STORE delivery.picked_up 3", none(), "APPLIED_SKIP");
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
