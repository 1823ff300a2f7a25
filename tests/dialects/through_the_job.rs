//! Forms mixed on the topics of one job: topic, headers and key reach the decoder.

use std::collections::BTreeMap;
use std::time::Duration;

use jumun::config::Aggregates;
use jumun::dialect::topics::{DELIVERY_EVENTS, ORDER_EVENTS, PAYMENT_EVENTS};
use jumun::dialect::{Dialect, Dialects, Form, KeyForm};
use jumun::job::{self, JobOptions, topics};
use topology::codec::Utf8;
use topology::io::HeaderBuffer;
use topology::testing::{TestDriver, TestDriverConfig};

const NOON: i64 = 1_795_143_600_000; // 2026-11-20T12:00:00+09:00

#[test]
fn an_order_told_in_four_forms_is_one_order() {
    let raw = Dialect {
        form: Form::DebeziumRaw,
        key: KeyForm::Detect,
    };
    let dialects = Dialects::new([(DELIVERY_EVENTS.to_owned(), raw)]);
    let options = JobOptions {
        dialects,
        aggregates: Aggregates {
            enabled: false,
            ..Aggregates::default()
        },
        merging_tasks: 1,
        ..JobOptions::default()
    };
    let built = job::topology(&options).build().unwrap();
    let mut config = TestDriverConfig::new("jumun").partitions(1);
    config.initial_wall_clock_ms = NOON;
    let mut driver = TestDriver::new(built, config).unwrap();
    let mut transitions = driver.create_output_topic(topics::TRANSITIONS, Utf8, Utf8);
    let mut dead = driver.create_output_topic(topics::DEAD_LETTERS, Utf8, Utf8);

    let mut append = |topic: &str, key: &str, value: Option<&str>, headers: &[(&str, &str)]| {
        let mut buffer = HeaderBuffer::default();
        for (name, value) in headers {
            buffer.push(name, Some(value.as_bytes()));
        }
        let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
        driver
            .log()
            .append(topic, None, key, value, NOON, buffer.view())
            .unwrap();
        driver
            .advance_wall_clock_time(Duration::from_secs(1))
            .unwrap();
        driver.commit().unwrap();
    };
    // From the outbox event router: the information, all else in headers.
    append(
        ORDER_EVENTS,
        "\"B1\"",
        Some(
            r#"{"storeId":"s","category":"치킨","sido":"서울","sigungu":"강남구","dong":"역삼동","fulfilment":"BAEMIN_SINGLE","amount":20000,"paymentMethod":"CARD"}"#,
        ),
        &[
            ("id", "\"e1\""),
            ("eventType", "\"order.created\""),
            ("version", "1"),
            ("occurred_at", "1795143600000000"),
        ],
    );
    // A CloudEvent in binary mode.
    append(
        PAYMENT_EVENTS,
        "\"B1\"",
        Some(r#"{"amount":20000}"#),
        &[
            ("ce_specversion", "1.0"),
            ("ce_id", "e2"),
            ("ce_source", "pg"),
            ("ce_type", "payment.approved"),
            ("ce_time", "2026-11-20T12:00:01+09:00"),
            ("ce_version", "1"),
        ],
    );
    // A thin event.
    append(
        ORDER_EVENTS,
        "\"B1\"",
        Some(
            r#"{"id":"e3","orderNo":"B1","action":"order.accepted","version":2,"occurredAt":"2026-11-20T12:00:02+09:00"}"#,
        ),
        &[],
    );
    // A change event of the outbox.
    append(
        DELIVERY_EVENTS,
        r#"{"aggregateid":"B1"}"#,
        Some(
            r#"{"op":"c","before":null,"after":{"id":"e4","aggregateid":"B1","aggregatetype":"delivery","target_id":"d1","type":"delivery.requested","version":1,"payload":"{}","occurred_at":1795143603000000,"created_at":1795143603000000}}"#,
        ),
        &[],
    );
    // The purge of the outbox, with its tombstone.
    append(
        DELIVERY_EVENTS,
        r#"{"aggregateid":"B1"}"#,
        Some(r#"{"op":"d","before":{"id":"e4","aggregateid":"B1"},"after":null}"#),
        &[],
    );
    append(DELIVERY_EVENTS, r#"{"aggregateid":"B1"}"#, None, &[]);

    let mut ids = Vec::new();
    for record in transitions.read_records_to_list(&mut driver).unwrap() {
        assert_eq!(record.key, "B1");
        let transition: serde_json::Value = serde_json::from_str(&record.value).unwrap();
        ids.push(transition["eventId"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids, ["e1", "e2", "e3", "e4"]);
    assert!(dead.read_records_to_list(&mut driver).unwrap().is_empty());
    // Each record is one of something, those without an event too.
    let counted: BTreeMap<String, u64> = jumun::job::counters::names()
        .zip(driver.counters())
        .collect();
    assert_eq!(
        (counted["consumed"], counted["IGNORED/"]),
        (6, 2),
        "{counted:?}"
    );
}
