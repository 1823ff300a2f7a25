//! Co-partitioned inputs are merged by record timestamp (KIP-695): a backlog is processed in the
//! same order every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use topology::ErrorClass;
use topology::codec::Utf8;
use topology::graph::Topology;
use topology::io::memory::{Fault, OperationKind};
use topology::process::{ProcessError, Processor, ProcessorContext, Record};
use topology::testing::{TestDriver, TestDriverConfig};

const TOPICS: [&str; 3] = ["orders", "payments", "deliveries"];
const PARTITIONS: i32 = 2;
/// Wall-clock time at which a driver begins.
const NOW: i64 = 1_577_836_800_000;

/// Forwards where each record came from and when it was processed, as `topic@timestamp+waited`.
struct Trace;

impl Processor for Trace {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let topic = context.source_record().map_or("?", |source| source.topic);
        let waited = context.wall_clock_ms() - NOW;
        let trace = format!("{topic}@{}+{waited}", record.timestamp);
        context.forward(record.with_value(&trace))
    }
}

fn topology() -> Topology {
    let mut topology = Topology::new();
    topology.add_source("in", &TOPICS, || Utf8, || Utf8);
    topology.add_processor("trace", || Trace, &["in"]);
    topology.add_sink("out", "merged", || Utf8, || Utf8, &["trace"]);
    topology
}

fn driver(configure: impl FnOnce(&mut TestDriverConfig)) -> TestDriver {
    let mut config = TestDriverConfig::new("app").partitions(PARTITIONS);
    configure(&mut config);
    TestDriver::new(topology().build().unwrap(), config).unwrap()
}

fn append(driver: &TestDriver, topic: &str, partition: i32, timestamp: i64) {
    let key = format!("k{partition}");
    let (key, partition) = (Some(key.as_bytes()), Some(partition));
    driver
        .log()
        .append(
            topic,
            partition,
            key,
            Some(b"v"),
            timestamp,
            Default::default(),
        )
        .unwrap();
}

/// What was processed so far, in the order of processing, as `topic@timestamp`; the key decides
/// about the output's partition, so both are looked at.
fn merged(driver: &TestDriver, input: i32) -> Vec<String> {
    traces(driver, input)
        .into_iter()
        .map(|trace| trace.split('+').next().unwrap().to_owned())
        .collect()
}

fn traces(driver: &TestDriver, input: i32) -> Vec<String> {
    let key = format!("k{input}");
    let partitions =
        (0..PARTITIONS).flat_map(|output| driver.log().records("merged", output, false).unwrap());
    partitions
        .filter(|record| record.key.as_deref() == Some(key.as_bytes()))
        .map(|record| String::from_utf8(record.value.unwrap()).unwrap())
        .collect()
}

#[test]
fn a_backlog_of_three_topics_is_merged_by_timestamp_ties_in_the_order_named() {
    let mut driver = driver(|_| {});
    driver.crash();
    for partition in 0..PARTITIONS {
        for timestamp in [10, 40, 40, 70] {
            append(&driver, "deliveries", partition, timestamp);
        }
        for timestamp in [20, 40, 60] {
            append(&driver, "orders", partition, timestamp);
        }
        for timestamp in [5, 40, 80] {
            append(&driver, "payments", partition, timestamp);
        }
    }
    driver.start().unwrap();
    driver.commit().unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(
            merged(&driver, partition),
            [
                "payments@5",
                "deliveries@10",
                "orders@20",
                "orders@40",
                "payments@40",
                "deliveries@40",
                "deliveries@40",
                "orders@60",
                "deliveries@70",
                "payments@80"
            ]
        );
    }
}

/// A generator of numbers, the same every time (Knuth's MMIX constants).
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn the_same_backlog_is_processed_in_the_same_order_whatever_the_fetch_sizes() {
    let run = |poll_records: usize| {
        let mut driver = driver(|config| config.streams.poll_records = poll_records);
        driver.crash();
        let mut random = 42;
        for topic in TOPICS {
            // Of very unequal density, out of order within a topic now and then, with many ties.
            let (count, step) = match topic {
                "orders" => (400, 4),
                "payments" => (150, 11),
                _ => (60, 27),
            };
            let mut timestamp = 1_000;
            for _ in 0..count {
                timestamp += (next(&mut random) % step) as i64;
                let late = if next(&mut random).is_multiple_of(10) {
                    15
                } else {
                    0
                };
                append(&driver, topic, 0, timestamp - late);
            }
        }
        driver.start().unwrap();
        driver.commit().unwrap();
        merged(&driver, 0)
    };
    let one_by_one = run(1);
    assert_eq!(one_by_one.len(), 610);
    assert_eq!(run(7), one_by_one);
    assert_eq!(run(1_000), one_by_one);
}

#[test]
fn an_input_that_is_not_caught_up_is_always_waited_for() {
    let mut driver = driver(|_| {});
    driver.crash();
    append(&driver, "orders", 0, 10);
    append(&driver, "payments", 0, 5);
    append(&driver, "deliveries", 0, 20);
    // Nothing can be read of one topic for a while.
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    driver.log().on_operation(Box::new(move |operation| {
        let held = operation.kind == OperationKind::Fetch
            && operation.partition == Some(("payments", 0))
            && count.fetch_add(1, Ordering::SeqCst) < 200;
        held.then_some(Fault::Fail(ErrorClass::Retriable))
    }));
    driver.start().unwrap();
    driver.commit().unwrap();
    assert!(refused.load(Ordering::SeqCst) > 200);
    assert_eq!(
        merged(&driver, 0),
        ["payments@5", "orders@10", "deliveries@20"]
    );
}

#[test]
fn by_default_an_input_that_is_caught_up_is_not_waited_for() {
    let mut driver = driver(|_| {});
    append(&driver, "orders", 0, 10);
    driver.run_until_idle().unwrap();
    append(&driver, "payments", 0, 5);
    driver.commit().unwrap();
    assert_eq!(traces(&driver, 0)[0], "orders@10+0");
    assert_eq!(merged(&driver, 0), ["orders@10", "payments@5"]);
}

#[test]
fn a_caught_up_input_is_waited_for_up_to_max_task_idle() {
    let idle = Duration::from_millis(500);
    let mut driver = driver(|config| config.streams.max_task_idle = idle);
    append(&driver, "orders", 0, 10);
    driver.run_until_idle().unwrap();
    driver.commit().unwrap();
    let traces = traces(&driver, 0);
    let waited: i64 = traces[0].split('+').nth(1).unwrap().parse().unwrap();
    assert!((500..600).contains(&waited), "{waited} ms");
}

#[test]
fn what_comes_while_an_input_is_waited_for_takes_its_place() {
    let idle = Duration::from_millis(500);
    let mut driver = driver(|config| config.streams.max_task_idle = idle);
    append(&driver, "orders", 0, 10);
    append(&driver, "payments", 0, 5);
    append(&driver, "deliveries", 0, 3);
    driver.run_until_idle().unwrap();
    driver.commit().unwrap();
    assert_eq!(
        merged(&driver, 0),
        ["deliveries@3", "payments@5", "orders@10"]
    );
}
