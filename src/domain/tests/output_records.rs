//! The derived records, byte by byte.

use super::fixture::{Desk, accepted, assigned, ev};
use crate::domain::records::{
    RecordOrigin, write_reconcile, write_rejected, write_state, write_transition,
};

fn text(out: Vec<u8>) -> String {
    serde_json::from_slice::<serde_json::Value>(&out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_transition_has_the_fields_of_its_schema_in_their_order() {
    let mut desk = Desk::after(&accepted());
    let cancel = ev("order.cancelled", "CS", 3)
        .info(r#"{"reason":"SOLD_OUT","liability":"STORE"}"#)
        .at(1.5);
    let judgement = desk.judge(&cancel);
    let mut out = Vec::new();
    assert!(write_transition(
        &mut out,
        &desk.order,
        &desk.event,
        &judgement,
        true
    ));
    assert_eq!(
        text(out),
        concat!(
            r#"{"orderNo":"B1","generation":1,"seq":4,"eventId":"order.cancelled-order-3","action":"order.cancelled","#,
            r#""outcome":"APPLIED","target":{"type":"order","id":"B1","version":3},"from":"ACCEPTED","to":"CANCELLED","#,
            r#""actor":{"type":"CS","id":"x1"},"reason":"SOLD_OUT","liability":"STORE","#,
            r#""occurredAt":"2026-11-20T12:00:01.500+09:00","recordedAt":"2026-11-20T12:00:01.500+09:00","#,
            r#""regions":{"main":"CANCELLED","kitchen":"IDLE","delivery":"NONE","payment":"REFUND_PENDING","claim":"NONE"},"#,
            r#""dims":{"storeId":"st_1","category":"치킨","sido":"서울","sigungu":"서울-1","dong":"d1","fulfilment":"BAEMIN_SINGLE"},"#,
            r#""amount":20000,"hold":false,"contradicted":false,"replay":true}"#
        )
    );
}

#[test]
fn a_state_has_the_fields_of_its_schema_in_their_order() {
    let mut desk = Desk::after(&assigned());
    desk.judge(&ev("delivery.arrived_customer", "RIDER", 3).at(5.0));
    let mut out = Vec::new();
    write_state(&mut out, "B1", &desk.order);
    let noon = r#""2026-11-20T12:00:00.000+09:00""#;
    let expected = concat!(
        r#"{"orderNo":"B1","generation":1,"seq":5,"status":"ACCEPTED","#,
        r#""regions":{"main":"ACCEPTED","kitchen":"IDLE","delivery":"ASSIGNED","payment":"APPROVED","claim":"NONE"},"#,
        r#""versions":{"order":2,"payment":1,"delivery":{"dl_1":3}},"customerId":"x1","storeId":"st_1","category":"치킨","#,
        r#""sido":"서울","sigungu":"서울-1","dong":"d1","fulfilment":"BAEMIN_SINGLE","amount":20000,"refunded":0,"#,
        r#""paymentMethod":"CARD","times":{"createdAt":NOON,"paidAt":NOON,"acceptedAt":NOON,"requestedAt":NOON,"#,
        r#""assignedAt":NOON},"attempts":1,"reassigned":0,"flags":["contradicted"],"#,
        r#""updatedAt":"2026-11-20T12:00:05.000+09:00"}"#
    );
    assert_eq!(text(out), expected.replace("NOON", noon));
}

#[test]
fn a_rejection_embeds_the_original_event_and_its_contradiction_tells_both_facts() {
    let mut desk = Desk::after(&accepted());
    let event = ev("delivery.arrived_store", "RIDER", 1).at(3.0);
    let judgement = desk.judge(&event);
    let origin = RecordOrigin {
        topic: "delivery.events.v1",
        partition: 3,
        offset: 42,
        parked_ms: None,
    };
    let mut out = Vec::new();
    assert!(write_rejected(
        &mut out,
        &desk.order,
        &desk.event,
        &judgement,
        &origin
    ));
    let expected = concat!(
        r#"{"orderNo":"B1","reason":"ILLEGAL_TRANSITION","detail":"delivery.arrived_store: not while main is ACCEPTED, "#,
        r#"kitchen IDLE, delivery NONE, payment APPROVED, claim NONE","status":"ACCEPTED","#,
        r#""regions":{"main":"ACCEPTED","kitchen":"IDLE","delivery":"NONE","payment":"APPROVED","claim":"NONE"},"#,
        r#""versions":{"order":2,"payment":1,"delivery":{"dl_1":1}},"topic":"delivery.events.v1","partition":3,"#,
        r#""offset":42,"event":EVENT}"#
    );
    assert_eq!(text(out), expected.replace("EVENT", &event.json()));
    let mut out = Vec::new();
    assert!(write_reconcile(
        &mut out,
        &desk.event,
        &desk.order,
        &judgement
    ));
    assert_eq!(
        text(out),
        concat!(
            r#"{"orderNo":"B1","kind":"ILLEGAL_TRANSITION","facts":[EVENT,"#,
            r#"{"eventId":"order.accepted-order-2","action":"order.accepted","version":2,"#,
            r#""occurredAt":"2026-11-20T12:00:00.000+09:00"}],"status":"ACCEPTED","at":"2026-11-20T12:00:03.000+09:00"}"#
        )
        .replace("EVENT", &event.json())
    );
    let mut out = Vec::new();
    assert!(!write_transition(
        &mut out,
        &desk.order,
        &desk.event,
        &judgement,
        false
    ));
    assert!(out.is_empty());
}

#[test]
fn a_rejection_without_an_order_has_no_regions_and_says_none() {
    let mut desk = Desk::default();
    let judgement = desk.judge(&ev("order.cancelled", "CUSTOMER", 3));
    let origin = RecordOrigin {
        topic: "order.events.v1",
        partition: 0,
        offset: 0,
        parked_ms: Some(7),
    };
    let mut out = Vec::new();
    write_rejected(&mut out, &desk.order, &desk.event, &judgement, &origin);
    let found: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        (found["status"].as_str(), found["parkedMs"].as_i64()),
        (Some("NONE"), Some(7))
    );
    assert!(found.get("regions").is_none() && found.get("versions").is_none());
}
