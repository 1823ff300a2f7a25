//! At start: topics whose keys are encoded differently cannot be one application's inputs.

use std::sync::Arc;

use jumun::job::input_keys::check;
use topology::io::Headers;
use topology::io::memory::{Fault, MemoryLog, OperationKind};
use topology::time::VirtualClock;

use jumun::dialect::topics::{DELIVERY_EVENTS, INPUTS, ORDER_EVENTS, PAYMENT_EVENTS};

fn log() -> Arc<MemoryLog> {
    let log = MemoryLog::new(Arc::new(VirtualClock::at(0)));
    for topic in INPUTS {
        log.create_topic(topic, 4).unwrap();
    }
    log
}

fn append(log: &MemoryLog, topic: &str, key: Option<&str>) {
    let key = key.map(str::as_bytes);
    log.append(topic, None, key, Some(b"{}"), 0, Headers::default())
        .unwrap();
}

fn checked(log: &MemoryLog) -> String {
    check(log, "jumun").map_or_else(|error| error.to_string(), |()| "fine".to_owned())
}

#[test]
fn topics_that_are_empty_or_not_there_are_no_objection() {
    assert_eq!(
        checked(&MemoryLog::new(Arc::new(VirtualClock::at(0)))),
        "fine"
    );
    let log = log();
    assert_eq!(checked(&log), "fine");
    append(&log, PAYMENT_EVENTS, Some("\"B1\""));
    assert_eq!(checked(&log), "fine");
    append(&log, DELIVERY_EVENTS, Some("\"B2\""));
    assert_eq!(checked(&log), "fine");
}

#[test]
fn keys_encoded_differently_are_refused_with_both_topics_and_an_example_of_each() {
    let log = log();
    for number in 0..20 {
        append(&log, ORDER_EVENTS, Some(&format!("B{number}")));
        append(&log, PAYMENT_EVENTS, Some(&format!("B{number}")));
    }
    append(
        &log,
        DELIVERY_EVENTS,
        Some(r#"{"schema":{"type":"string","optional":false},"payload":"B7"}"#),
    );
    let refused = checked(&log);
    for part in [
        "keys of order.events.v1 are bare text (such as B",
        "keys of delivery.events.v1 are JSON with its schema (such as {\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":\"B7\"})",
        "use the same key converter",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn schemas_that_differ_are_keys_that_differ() {
    let log = log();
    append(
        &log,
        ORDER_EVENTS,
        Some(r#"{"schema":{"type":"string","optional":false},"payload":"B7"}"#),
    );
    append(
        &log,
        PAYMENT_EVENTS,
        Some(r#"{"schema":{"type":"string","optional":true},"payload":"B7"}"#),
    );
    assert!(
        checked(&log).contains("payment.events.v1"),
        "{}",
        checked(&log)
    );
}

#[test]
fn single_broken_keys_do_not_count() {
    let log = log();
    for number in 0..8 {
        append(&log, ORDER_EVENTS, Some(&format!("\"B{number}\"")));
        append(&log, PAYMENT_EVENTS, Some(&format!("\"B{number}\"")));
    }
    append(&log, ORDER_EVENTS, Some("garbage"));
    append(&log, ORDER_EVENTS, None);
    append(&log, ORDER_EVENTS, Some("{\"id\":7}"));
    assert_eq!(checked(&log), "fine");
}

#[test]
fn brokers_that_do_not_answer_are_asked_again() {
    let log = log();
    log.on_operation(Box::new(|operation| {
        (operation.kind == OperationKind::DescribeTopics)
            .then_some(Fault::Fail(topology::ErrorClass::Retriable))
    }));
    let error = check(log.as_ref(), "jumun").unwrap_err();
    assert_eq!(error.class(), topology::ErrorClass::Retriable);
}
