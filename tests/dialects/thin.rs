//! Orders of which only thin events tell.

use jumun::dialect::{Arrival, Decoder};
use jumun::domain::aggregates::{DeltaBuffer, Group, count};
use jumun::domain::event::OrderEvent;
use jumun::domain::judge::{JudgingPolicy, judge};
use jumun::domain::judgement::{Judgement, RecordContext};
use jumun::domain::order::Order;
use jumun::domain::order_codec;
use jumun::domain::outcome::Outcome;
use jumun::domain::records::write_transition;

const NOON: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00

/// An order and the thin events that come for it.
#[derive(Default)]
struct Desk {
    decoder: Decoder,
    event: OrderEvent,
    order: Order,
    policy: JudgingPolicy,
    events: i64,
}

impl Desk {
    fn thin(&mut self, action: &str, version: u64) -> Judgement {
        self.take(&format!(
            r#"{{"id":"{action}-{version}","orderNo":"B1","action":"{action}","version":{version},"occurredAt":{}}}"#,
            NOON + self.events * 60_000
        ))
    }

    fn full(&mut self, action: &str, actor: &str, version: u64, info: &str) -> Judgement {
        let target = action.split('.').next().unwrap();
        let target = if target == "cooking" { "order" } else { target };
        self.take(&format!(
            r#"{{"id":"{action}-{version}","target":{{"type":"{target}","id":"B1","orderNo":"B1","version":{version}}},"action":"{action}","actor":{{"type":"{actor}"}},"info":{info},"time":{{"occurredAt":"2026-11-20T12:00:00+09:00","recordedAt":"2026-11-20T12:00:00+09:00"}},"schema":{{"name":"{action}","version":1}}}}"#
        ))
    }

    fn take(&mut self, value: &str) -> Judgement {
        let arrival = Arrival {
            topic: "order.events.v1",
            key: Some(b"B1"),
            value: Some(value.as_bytes()),
        };
        self.decoder
            .decode(&arrival, std::iter::empty(), &mut self.event)
            .unwrap_or_else(|defect| panic!("{}", defect.message));
        let now = NOON + self.events * 60_000;
        self.events += 1;
        let context = RecordContext {
            timestamp: now,
            wall_clock: now,
            ..RecordContext::default()
        };
        let judgement = judge(&mut self.order, &self.event, &context, &self.policy);
        // What is kept of it can be read back.
        let mut stored = Vec::new();
        order_codec::encode(&self.order, &mut stored);
        let mut again = Order::default();
        order_codec::decode(&stored, &mut again).unwrap();
        assert_eq!(again, self.order);
        judgement
    }

    fn applied(&mut self, events: &[(&str, u64)]) {
        for (action, version) in events {
            let judgement = self.thin(action, *version);
            assert!(judgement.outcome.is_accepted(), "{action}: {judgement:?}");
        }
    }

    fn flags(&self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        self.order.for_each_flag(|flag| flags.push(flag));
        flags
    }
}

#[test]
fn an_order_lives_from_creation_to_delivery() {
    let mut desk = Desk::default();
    desk.applied(&[
        ("order.created", 1),
        ("payment.approved", 1),
        ("order.accepted", 2),
        ("cooking.started", 3),
        ("delivery.requested", 1),
        ("delivery.assigned", 2),
        ("cooking.completed", 4),
        ("delivery.picked_up", 3),
        ("delivery.delivered", 4),
    ]);
    assert_eq!(desk.order.status().name(), "COMPLETED");
    assert_eq!((desk.order.fulfilment, desk.order.amount), (None, 0));
    assert_eq!(desk.flags(), ["amount_unknown"]);
    let repeated = desk.thin("delivery.delivered", 4);
    assert_eq!(
        repeated.outcome,
        Outcome::Rejected(jumun::domain::outcome::RejectionReason::EventIdConflict)
    );
}

#[test]
fn the_same_thin_event_again_is_a_duplicate() {
    let mut desk = Desk::default();
    desk.applied(&[("order.created", 1)]);
    desk.events -= 1;
    assert_eq!(desk.thin("order.created", 1).outcome, Outcome::Duplicate);
}

#[test]
fn it_may_be_fetched_at_the_counter_or_brought_by_the_store() {
    for (events, status) in [
        (&[("order.handed_over", 3)][..], "COMPLETED"),
        (
            &[("delivery.picked_up", 1), ("delivery.delivered", 2)][..],
            "COMPLETED",
        ),
    ] {
        let mut desk = Desk::default();
        desk.applied(&[
            ("order.created", 1),
            ("payment.approved", 1),
            ("order.accepted", 2),
        ]);
        desk.applied(events);
        assert_eq!(desk.order.status().name(), status);
    }
}

#[test]
fn a_cancel_by_nobody_knows_whom_is_legal_and_its_refund_is_all_of_it() {
    let mut desk = Desk::default();
    desk.applied(&[
        ("order.created", 1),
        ("payment.approved", 1),
        ("order.cancelled", 2),
        ("payment.refunded", 2),
    ]);
    assert_eq!(desk.order.regions.payment.name(), "REFUNDED");
    let again = desk.thin("payment.refunded", 3);
    assert_eq!(again.outcome.reason(), "OVER_REFUND");
}

#[test]
fn refunds_in_part_leave_the_rest_open() {
    let mut desk = Desk::default();
    desk.applied(&[
        ("order.created", 1),
        ("payment.approved", 1),
        ("order.cancelled", 2),
        ("payment.part_refunded", 2),
    ]);
    assert_eq!(desk.order.regions.payment.name(), "PART_REFUNDED");
    desk.applied(&[("payment.refunded", 3)]);
    assert_eq!(desk.order.regions.payment.name(), "REFUNDED");
}

const CREATED: &str = r#"{"storeId":"s","category":"치킨","sido":"서울","sigungu":"강남구","dong":"역삼동","fulfilment":"BAEMIN_SINGLE","amount":20000,"paymentMethod":"CARD"}"#;

#[test]
fn thin_events_of_money_are_about_the_amount_of_a_full_order() {
    let mut desk = Desk::default();
    desk.full("order.created", "CUSTOMER", 1, CREATED);
    desk.applied(&[("payment.approved", 1)]);
    assert_eq!(desk.order.paid, 20_000);
    desk.applied(&[("order.cancelled", 2)]);
    let judgement = desk.full("payment.part_refunded", "PG", 2, r#"{"amount":5000}"#);
    assert_eq!(judgement.outcome, Outcome::Applied);
    let judgement = desk.thin("payment.refunded", 3);
    assert_eq!(judgement.transition.unwrap().refunded, 15_000);
    assert_eq!(
        (desk.order.refunded, desk.order.regions.payment.name()),
        (20_000, "REFUNDED")
    );
    assert!(desk.flags().is_empty());
}

#[test]
fn a_full_refund_of_a_thin_order_is_not_too_much() {
    let mut desk = Desk::default();
    desk.applied(&[
        ("order.created", 1),
        ("payment.approved", 1),
        ("order.cancelled", 2),
    ]);
    let judgement = desk.full("payment.refunded", "PG", 2, r#"{"amount":20000}"#);
    assert_eq!(judgement.outcome, Outcome::Applied);
    assert_eq!(desk.order.regions.payment.name(), "REFUNDED");
}

#[test]
fn a_full_event_is_still_held_to_its_rights_and_its_information() {
    let mut desk = Desk::default();
    desk.applied(&[("order.created", 1), ("payment.approved", 1)]);
    let judgement = desk.full("order.cancelled", "RIDER", 2, "{}");
    assert_eq!(judgement.outcome.reason(), "ACTOR_NOT_ALLOWED");
    let mut desk = Desk::default();
    let judgement = desk.full("order.created", "CUSTOMER", 1, "{}");
    assert_eq!(judgement.outcome.reason(), "UNSUPPORTED_SCHEMA");
}

#[test]
fn a_reset_without_its_version_is_none() {
    let mut desk = Desk::default();
    desk.applied(&[("order.created", 1)]);
    let judgement = desk.thin("aggregate.reset", 9);
    assert_eq!(judgement.outcome.reason(), "UNSUPPORTED_SCHEMA");
    assert_eq!(
        desk.event.defect().unwrap().message,
        "info.version is missing"
    );
}

#[test]
fn what_is_not_known_counts_as_unknown_and_is_left_out_of_transitions() {
    let mut desk = Desk::default();
    let judgement = desk.thin("order.created", 1);
    let mut deltas = DeltaBuffer::default();
    count(&desk.order, &desk.event, &judgement, &mut deltas);
    let mut counted = Vec::new();
    for delta in deltas.iter() {
        let group = Group::parse(delta.group).unwrap();
        let values: Vec<&str> = group.values().collect();
        counted.push(format!("{} {}", group.counted.name(), values.join("|")));
    }
    for expected in [
        "orders_created unknown|unknown",
        "orders_created_by_sigungu unknown|unknown",
        "orders_created_by_fulfilment unknown",
        "transitions unknown|NONE|PAYMENT_WAIT|unknown",
        "in_flight unknown|PAYMENT_WAIT",
    ] {
        assert!(
            counted.contains(&expected.to_owned()),
            "{expected}: {counted:?}"
        );
    }
    let mut out = Vec::new();
    assert!(write_transition(
        &mut out,
        &desk.order,
        &desk.event,
        &judgement,
        false
    ));
    let transition: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(transition.get("actor"), None);
    assert_eq!(transition["dims"], serde_json::json!({}));
}
