//! What the page reads from topics, on a log in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use topology::ErrorClass;
use topology::io::memory::{Fault, MemoryLog, OperationKind};
use topology::io::{Headers, Log};
use topology::time::{Clock, SystemClock};

use super::history::{History, HistoryState, HistoryView};
use crate::job::topics::{AGGREGATES, LATE_AGGREGATES, REJECTED};

const BOUND: Duration = Duration::from_secs(20);
const MINUTE_MS: i64 = 60_000;

/// A log with aggregates, and a reader of it on a thread.
struct Reading {
    log: Arc<MemoryLog>,
    history: Arc<History>,
    minute: i64,
}

impl Reading {
    fn new(topics: &[&str]) -> Self {
        let log = MemoryLog::new(Arc::new(SystemClock::new()));
        for topic in topics {
            log.create_topic(topic, 2).unwrap();
        }
        let clock = Arc::new(SystemClock::new());
        let now = clock.wall_clock_ms();
        let asked: Arc<dyn Log> = Arc::<MemoryLog>::clone(&log);
        Self {
            log,
            history: Arc::new(History::new(asked, "page".to_owned(), clock)),
            minute: now - now.rem_euclid(MINUTE_MS),
        }
    }

    fn start(&self, minutes_ago: i64) -> String {
        let mut start = Vec::new();
        let at = self.minute - minutes_ago * MINUTE_MS;
        crate::domain::time::write_rfc3339_kst(&mut start, at);
        String::from_utf8(start).unwrap()
    }

    fn append(&self, topic: &str, key: &str, value: &str) {
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let headers = Headers::default();
        self.log
            .append(topic, None, key, value, self.minute, headers)
            .unwrap();
    }

    fn update(&self, agg: &str, fulfilment: &str, ago: i64, value: u32, rev: u32, is_final: bool) {
        let start = self.start(ago);
        let value = format!(
            r#"{{"agg":"{agg}","dims":{{"fulfilment":"{fulfilment}"}},"windowStart":"{start}","windowEnd":"x","value":{value},"n":{value},"rev":{rev},"final":{is_final}}}"#
        );
        self.append(AGGREGATES, &format!("{agg}|{fulfilment}|{start}"), &value);
    }

    fn late(&self, agg: &str, ago: i64, delta: i32) {
        let start = self.start(ago);
        let value = format!(
            r#"{{"agg":"{agg}","dims":{{}},"windowStart":"{start}","windowEnd":"x","delta":{delta},"occurredAt":"x","eventId":"e"}}"#
        );
        self.append(LATE_AGGREGATES, &format!("{agg}|STORE|{start}|0|1"), &value);
    }

    /// Reads on a thread until the view is as wanted; answers with it.
    fn until(&self, what: &str, is_so: impl Fn(&HistoryView) -> bool) -> HistoryView {
        let wanted = AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| self.history.run(&|| wanted.load(Ordering::SeqCst)));
            let began = Instant::now();
            let view = loop {
                let view = self.history.view();
                if is_so(&view) || began.elapsed() > BOUND {
                    break view;
                }
                std::thread::sleep(Duration::from_millis(10));
            };
            wanted.store(false, Ordering::SeqCst);
            assert!(is_so(&view), "{what}: {view:?}");
            view
        })
    }

    fn created(view: &HistoryView, ago: usize) -> Option<f64> {
        // Minutes may have gone by since.
        view.minutes
            .iter()
            .rev()
            .filter_map(|one| one.created)
            .nth(ago)
    }
}

const CREATED: &str = "orders_created_by_fulfilment";
const PAID: &str = "orders_paid_by_fulfilment";

#[test]
fn windows_are_read_as_their_topic_says() {
    let reading = Reading::new(&[AGGREGATES, LATE_AGGREGATES, REJECTED]);
    reading.update(CREATED, "STORE", 2, 9, 2, true);
    reading.update(CREATED, "STORE", 2, 5, 1, false);
    reading.update(CREATED, "PICKUP", 2, 1, 1, true);
    reading.update(PAID, "STORE", 2, 8, 1, true);
    reading.update(CREATED, "STORE", 1, 3, 1, false);
    reading.late(CREATED, 2, 2);
    reading.append(AGGREGATES, "orders_created|서울|치킨|x", "of no interest");
    reading.append(AGGREGATES, &format!("{CREATED}|STORE|x"), "malformed");
    reading.append(REJECTED, "B1", r#"{"orderNo":"B1","reason":"SEQ_GAP"}"#);
    let view = reading.until("all read", |view| {
        view.state == HistoryState::Live && view.read == 9
    });
    assert_eq!(Reading::created(&view, 1), Some(12.0));
    assert_eq!(Reading::created(&view, 0), Some(3.0));
    let closed = view.minutes.iter().find(|one| one.paid.is_some()).unwrap();
    assert!(closed.is_final);
    assert_eq!(closed.paid, Some(8.0));
    assert_eq!((view.malformed, view.late), (1, 1));
    assert_eq!(view.rejections.len(), 1);
    let found = view.topics.iter().map(|topic| topic.partitions);
    let expected = [Some(2), Some(2), Some(2), None, None];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn reading_goes_on_where_it_ended_and_counts_nothing_twice() {
    let reading = Reading::new(&[AGGREGATES, LATE_AGGREGATES, REJECTED]);
    reading.update(CREATED, "STORE", 1, 3, 1, true);
    reading.late(CREATED, 1, 4);
    reading.until("first two", |view| {
        view.state == HistoryState::Live && view.read == 2
    });
    assert_eq!(reading.history.view().state, HistoryState::Idle);
    reading.late(CREATED, 1, 5);
    let view = reading.until("third", |view| {
        view.state == HistoryState::Live && view.read == 3
    });
    assert_eq!(Reading::created(&view, 0), Some(12.0));
}

#[test]
fn topics_that_do_not_exist_are_told_and_found_when_they_come() {
    let reading = Reading::new(&[]);
    let view = reading.until("a look", |view| view.topics.len() == 5);
    assert!(view.topics.iter().all(|topic| topic.partitions.is_none()));
    reading.log.create_topic(AGGREGATES, 1).unwrap();
    reading.update(CREATED, "STORE", 1, 3, 1, true);
    let view = reading.until("the topic", |view| view.read == 1);
    assert_eq!(view.topics[0].partitions, Some(1));
    assert_eq!(view.topics[1].partitions, None);
    assert_eq!(Reading::created(&view, 0), Some(3.0));
}

#[test]
fn a_log_that_does_not_answer_is_told_from_one_that_refuses_and_both_are_tried_again() {
    let reading = Reading::new(&[AGGREGATES]);
    reading.update(CREATED, "STORE", 1, 3, 1, true);
    for (class, state) in [
        (ErrorClass::Retriable, HistoryState::Unreachable),
        (ErrorClass::Fatal, HistoryState::Failed),
    ] {
        reading.log.on_operation(Box::new(move |operation| {
            (operation.kind == OperationKind::CreateReader).then_some(Fault::Fail(class))
        }));
        let view = reading.until("trouble", |view| view.state == state);
        assert!(!view.detail.is_empty());
    }
    reading.log.clear_faults();
    reading.until("recovery", |view| {
        view.state == HistoryState::Live && view.read == 1
    });
}

#[test]
fn a_topic_made_anew_is_read_anew() {
    let reading = Reading::new(&[AGGREGATES]);
    for value in 1..5 {
        reading.update(CREATED, "STORE", 1, value, value, true);
    }
    reading.until("four", |view| {
        view.state == HistoryState::Live && view.read == 4
    });
    reading.log.delete_topic(AGGREGATES);
    reading.log.create_topic(AGGREGATES, 2).unwrap();
    reading.update(CREATED, "STORE", 1, 1, 1, false);
    let view = reading.until("one", |view| {
        view.state == HistoryState::Live && view.read == 1
    });
    assert_eq!(Reading::created(&view, 0), Some(1.0));
}

#[test]
fn what_is_known_is_forgotten_when_records_in_between_are_gone() {
    let reading = Reading::new(&[]);
    reading.log.create_topic(AGGREGATES, 1).unwrap();
    reading.update(CREATED, "STORE", 2, 1, 1, false);
    for value in 1..5 {
        reading.update(CREATED, "STORE", 1, value, value, false);
    }
    reading.until("five", |view| {
        view.state == HistoryState::Live && view.read == 5
    });
    for value in 5..9 {
        reading.update(CREATED, "STORE", 1, value, value, false);
    }
    let high = reading.log.watermarks(AGGREGATES, 0).unwrap().high;
    reading.log.delete_records(AGGREGATES, 0, high - 1).unwrap();
    let view = reading.until("the last", |view| Reading::created(view, 0) == Some(8.0));
    assert_eq!(view.read, 1);
    // A window that was told of before, and of which the rest is gone, is not shown half.
    assert_eq!(Reading::created(&view, 1), None);
}
