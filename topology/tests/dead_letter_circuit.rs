//! A task that dead-letters too many of its records pauses; everything else goes on, and nothing is lost or skipped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use topology::ErrorClass;
use topology::codec::Utf8;
use topology::graph::{StoreBuilder, Topology};
use topology::io::memory::{Fault, OperationKind};
use topology::io::{Headers, TopicPartition};
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record, TimerEvent,
};
use topology::runtime::{DeadLetterCircuit, Share};
use topology::store::TimerClock;
use topology::testing::{TestDriver, TestDriverConfig};

const NOW: i64 = 1_577_836_800_000;

/// Forwards a record and sets a timer by wall clock that forwards once more, unless the value says otherwise.
#[derive(Default)]
struct Work {
    seen: Option<KeyValueStore<String, String>>,
}

impl Processor for Work {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.seen = Some(KeyValueStore::open(context, "seen", Utf8, Utf8)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        match record.value.as_str() {
            "refused" => return Err(ProcessError::record("REFUSED", "as the test wants it")),
            "kept" => return context.dead_letter("KEPT", "as the test wants it"),
            "timer" => {
                let deadline = NOW + 5_000;
                context.set_timer(TimerClock::WallClock, deadline, 1, record.key.as_bytes())?;
            }
            _ => {}
        }
        let seen = self.seen.as_mut().unwrap();
        seen.put(context, record.key, record.value)?;
        context.forward(record)
    }

    fn on_timer(
        &mut self,
        _timer: TimerEvent<'_>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let (key, value) = ("timer".to_owned(), "ran".to_owned());
        context.forward(Record {
            key: &key,
            value: &value,
            timestamp: NOW,
            headers: Headers::default(),
        })
    }
}

fn driver(configure: impl FnOnce(&mut TestDriverConfig)) -> TestDriver {
    let mut topology = Topology::new();
    topology.add_source("lines", &["lines"], || Utf8, || Utf8);
    topology.add_processor("work", Work::default, &["lines"]);
    topology.add_store(StoreBuilder::persistent("seen"), &["work"]);
    topology.add_sink("out", "out", || Utf8, || Utf8, &["work"]);
    topology.dead_letter_topic("dead");
    let mut config = TestDriverConfig::new("app").partitions(2);
    config.streams.dead_letter_circuit = Some(DeadLetterCircuit {
        share: Share::of(0.1),
        window: 100,
        minimum: 5,
    });
    configure(&mut config);
    TestDriver::new(topology.build().unwrap(), config).unwrap()
}

fn pipe(driver: &TestDriver, partition: i32, value: &[u8], times: usize) {
    for _ in 0..times {
        driver
            .log()
            .append(
                "lines",
                Some(partition),
                Some(b"k"),
                Some(value),
                NOW,
                Headers::default(),
            )
            .unwrap();
    }
}

/// Records of committed transactions.
fn records(driver: &TestDriver, topic: &str) -> usize {
    let of = |partition| driver.log().records(topic, partition, true).unwrap().len();
    of(0) + of(1)
}

fn committed(driver: &TestDriver, partition: i32) -> i64 {
    driver.log().commit_offsets_of("app")[&TopicPartition::new("lines", partition)]
}

fn paused(driver: &TestDriver) -> Vec<(String, String)> {
    let threads = driver.status().threads;
    let tasks = threads.into_iter().flat_map(|thread| thread.tasks);
    tasks
        .filter_map(|task| Some((task.id, task.paused?)))
        .collect()
}

#[test]
fn a_task_pauses_at_the_record_that_is_one_too_many_and_others_go_on() {
    let mut driver = driver(|_| {});
    pipe(&driver, 0, b"timer", 1);
    pipe(&driver, 0, b"good", 99);
    pipe(&driver, 0, b"refused", 20);
    pipe(&driver, 0, b"good", 7);
    pipe(&driver, 1, b"good", 50);
    driver.commit().unwrap();
    // Ten of the last hundred are not more than a tenth.
    assert_eq!(records(&driver, "dead"), 11);
    assert_eq!(committed(&driver, 0), 111);
    assert_eq!(committed(&driver, 1), 50, "the other task");
    let told = paused(&driver);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "0_0");
    let counts =
        "11 of the last 100 records were dead-lettered, more than 10 % and not fewer than 5";
    assert!(told[0].1.starts_with(counts), "{}", told[0].1);
    assert!(
        told[0].1.contains("in dead, mend the cause, then resume"),
        "{}",
        told[0].1
    );
    let status = driver.status();
    assert!(
        status.detail.starts_with("task 0_0 is paused: 11"),
        "{}",
        status.detail
    );
    assert_eq!(status.threads[0].tasks[0].state, "RUNNING");

    // It stays so, whatever comes, while the other task and its own timer go on.
    pipe(&driver, 0, b"good", 3);
    pipe(&driver, 1, b"good", 30);
    driver.commit().unwrap();
    assert_eq!((committed(&driver, 0), committed(&driver, 1)), (111, 80));
    assert_eq!(records(&driver, "out"), 100 + 80);
    driver
        .advance_wall_clock_time(Duration::from_secs(6))
        .unwrap();
    driver.commit().unwrap();
    assert_eq!(records(&driver, "out"), 100 + 80 + 1, "the timer's");
    assert_eq!(committed(&driver, 0), 111);
}

#[test]
fn a_resumed_task_goes_on_where_it_stopped_with_an_empty_window() {
    let mut driver = driver(|_| {});
    pipe(&driver, 0, b"good", 100);
    pipe(&driver, 0, b"refused", 20);
    pipe(&driver, 0, b"good", 7);
    driver.commit().unwrap();
    assert_eq!(committed(&driver, 0), 111);
    assert_eq!(driver.resume_paused_tasks(), ["0_0"]);
    driver.commit().unwrap();
    // Nine bad ones were left; five of five are too many again.
    assert_eq!(committed(&driver, 0), 116);
    assert_eq!(paused(&driver).len(), 1);
    driver.resume_paused_tasks();
    driver.commit().unwrap();
    assert_eq!(
        committed(&driver, 0),
        127,
        "four are fewer than the minimum"
    );
    assert_eq!(paused(&driver), []);
    assert_eq!(driver.resume_paused_tasks(), [""; 0]);
    assert_eq!(
        (records(&driver, "dead"), records(&driver, "out")),
        (20, 107)
    );
}

#[test]
fn a_restart_begins_anew() {
    for crash in [false, true] {
        let mut driver = driver(|_| {});
        pipe(&driver, 0, b"refused", 9);
        pipe(&driver, 0, b"good", 1);
        driver.commit().unwrap();
        assert_eq!(committed(&driver, 0), 5);
        if crash {
            driver.crash();
        } else {
            driver.close().unwrap();
        }
        driver.start().unwrap();
        driver.commit().unwrap();
        assert_eq!(committed(&driver, 0), 10);
        assert_eq!(paused(&driver), []);
    }
}

/// The next so many commits are refused.
fn refuse_commits(driver: &TestDriver, times: usize) -> Arc<AtomicUsize> {
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    driver.log().on_operation(Box::new(move |operation| {
        let now = operation.kind == OperationKind::CommitTransaction
            && count
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
                    (n < times).then_some(n + 1)
                })
                .is_ok();
        now.then_some(Fault::Fail(ErrorClass::Abortable))
    }));
    refused
}

#[test]
fn the_records_of_an_aborted_transaction_are_not_counted_twice() {
    let mut driver = driver(|_| {});
    let refused = refuse_commits(&driver, 2);
    pipe(&driver, 0, b"refused", 4);
    for _ in 0..3 {
        driver.commit().unwrap();
    }
    assert_eq!(refused.load(Ordering::SeqCst), 2);
    assert_eq!((committed(&driver, 0), records(&driver, "dead")), (4, 4));
    assert_eq!(
        paused(&driver),
        [],
        "four are fewer than five, however often they came"
    );
    pipe(&driver, 0, b"refused", 4);
    driver.commit().unwrap();
    assert_eq!(committed(&driver, 0), 5);
    assert_eq!(paused(&driver).len(), 1);
}

#[test]
fn a_pause_whose_transaction_is_aborted_is_taken_back_and_comes_at_the_same_record() {
    let mut driver = driver(|_| {});
    let refused = refuse_commits(&driver, 2);
    pipe(&driver, 0, b"good", 30);
    pipe(&driver, 0, b"refused", 20);
    driver.commit().unwrap();
    assert_eq!(refused.load(Ordering::SeqCst), 2);
    // Five of 35: more than a tenth, and as many as there must be.
    assert_eq!((committed(&driver, 0), records(&driver, "dead")), (35, 5));
    assert!(paused(&driver)[0].1.starts_with("5 of the last 35 records"));
}

#[test]
fn every_kind_of_dead_letter_counts() {
    for bad in [&b"refused"[..], b"kept", b"\xff\xfe is no UTF-8"] {
        let mut driver = driver(|_| {});
        pipe(&driver, 1, bad, 8);
        driver.commit().unwrap();
        assert_eq!(committed(&driver, 1), 5, "{bad:?}");
        assert_eq!(paused(&driver)[0].0, "0_1");
    }
}

#[test]
fn switched_off_no_task_pauses() {
    let mut driver = driver(|config| config.streams.dead_letter_circuit = None);
    pipe(&driver, 0, b"refused", 500);
    driver.commit().unwrap();
    assert_eq!(
        (committed(&driver, 0), records(&driver, "dead")),
        (500, 500)
    );
}
