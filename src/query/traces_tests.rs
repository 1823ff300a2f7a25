//! What is found of an order in topics, on a log in memory.

use std::sync::Arc;

use serde_json::Value;
use topology::ErrorClass;
use topology::io::memory::{Fault, MemoryLog, OperationKind};
use topology::io::murmur2::partition_of;
use topology::io::{Headers, Log};
use topology::time::SystemClock;

use super::traces::{BACK, RECORDS, TraceAnswer, Traces, search};
use crate::job::topics::{REJECTED, SLA};

const PARTITIONS: i32 = 2;
const MINUTE: i64 = 60_000;

fn log() -> Arc<MemoryLog> {
    let log = MemoryLog::new(Arc::new(SystemClock::new()));
    for topic in [REJECTED, SLA] {
        log.create_topic(topic, PARTITIONS).unwrap();
    }
    log
}

fn append(log: &MemoryLog, topic: &str, order: &str, value: &str, at: i64) {
    let partition = Some(partition_of(order.as_bytes(), PARTITIONS));
    let (key, value) = (Some(order.as_bytes()), Some(value.as_bytes()));
    log.append(topic, partition, key, value, at, Headers::default())
        .unwrap();
}

fn found(log: &MemoryLog, since: Option<i64>) -> Vec<TraceAnswer> {
    search(log, "test", "", "B1", since).unwrap()
}

fn values(answer: &TraceAnswer) -> Vec<&str> {
    answer.records.iter().map(|it| it.value.get()).collect()
}

#[test]
fn records_of_the_order_are_told_by_topic_oldest_first() {
    let log = log();
    append(&log, REJECTED, "B1", "1", 5);
    append(&log, REJECTED, "another", "2", 6);
    append(&log, REJECTED, "B1", "3", 7);
    append(&log, SLA, "B1", r#"{"timer":"no_rider"}"#, 8);
    let found = found(&log, None);
    let topics: Vec<&str> = found.iter().map(|it| it.topic.as_str()).collect();
    assert_eq!(topics, [REJECTED, SLA]);
    assert_eq!(values(&found[0]), ["1", "3"]);
    assert_eq!(
        (found[0].records[0].at.0, found[0].since.unwrap().0),
        (5, 5)
    );
    assert!(found.iter().all(|it| it.reaches_back && it.reached_end));
    assert_eq!(found[1].partition, partition_of(b"B1", PARTITIONS));
}

#[test]
fn reading_goes_back_so_far_and_says_so() {
    let log = log();
    append(&log, REJECTED, "B1", "\"old\"", 1);
    for _ in 0..BACK - 1 {
        append(&log, REJECTED, "B1", "\"x\"", 2);
    }
    append(&log, REJECTED, "B1", "\"new\"", 3);
    let told = &found(&log, None)[0];
    assert!(!told.reaches_back && told.reached_end);
    assert_eq!((told.first_offset, told.end_offset), (1, BACK + 1));
    assert_eq!(told.records.len(), RECORDS);
    assert_eq!(told.omitted as i64, BACK - RECORDS as i64);
    assert_eq!(values(told).last(), Some(&"\"new\""));
}

#[test]
fn where_the_order_began_is_where_reading_begins() {
    let log = log();
    for minute in 0..20 {
        append(&log, REJECTED, "B1", "0", minute * MINUTE);
    }
    // A minute before its beginning something may have been refused.
    let told = &found(&log, Some(15 * MINUTE))[0];
    assert_eq!((told.first_offset, told.records.len()), (14, 6));
    assert!(told.reaches_back);
    let told = &found(&log, Some(60 * MINUTE))[0];
    assert!(told.records.is_empty() && told.reaches_back && told.reached_end);
}

#[test]
fn what_is_no_json_or_too_long_is_left_out_and_counted() {
    let log = log();
    append(&log, REJECTED, "B1", "not json", 1);
    append(
        &log,
        REJECTED,
        "B1",
        &format!("\"{}\"", "x".repeat(70_000)),
        2,
    );
    append(&log, REJECTED, "B1", "{}", 3);
    let told = &found(&log, None)[0];
    assert_eq!((values(told), told.omitted), (vec!["{}"], 2));
}

#[tokio::test]
async fn the_answer_is_json_and_so_is_what_is_wrong() {
    let log = log();
    append(&log, SLA, "B1", r#"{"timer":"no_rider"}"#, 8);
    let asked: Arc<dyn Log> = Arc::<MemoryLog>::clone(&log);
    let traces = Traces::new(asked, "me".to_owned(), false);
    let reply = traces.find("B1", None).await;
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(
        told["topics"][1]["records"][0]["value"]["timer"],
        "no_rider"
    );
    // There are no topics of an application that processes the log anew.
    let asked: Arc<dyn Log> = Arc::<MemoryLog>::clone(&log);
    let reply = Traces::new(asked, "me".to_owned(), true)
        .find("B1", None)
        .await;
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(told["topics"], serde_json::json!([]));
    log.on_operation(Box::new(|operation| {
        (operation.kind == OperationKind::CreateReader)
            .then_some(Fault::Fail(ErrorClass::Retriable))
    }));
    let reply = traces.find("B1", None).await;
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status.as_u16(), reply.passes), (503, true));
    assert_eq!(told["error"], "TOPICS_UNAVAILABLE");
}
