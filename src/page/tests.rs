//! The page as a whole: what a snapshot says, who watches, what runs meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use prometheus::{IntGaugeVec, Opts, Registry};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;
use topology::io::Log;
use topology::io::memory::MemoryLog;
use topology::metrics::list;
use topology::runtime::{InputProgress, RestoreStatus, StreamsStatus, TaskStatus, ThreadStatus};
use topology::time::SystemClock;

use super::{About, Page, Told, Watcher};
use crate::http::{RestoreProgress, State, Status, StatusSource};

const BOUND: Duration = Duration::from_secs(20);

struct Source {
    registry: Registry,
    trouble: Option<String>,
}

impl StatusSource for Source {
    fn is_live(&self) -> bool {
        true
    }

    fn status(&self) -> Status {
        Status {
            state: State::Running,
            detail: String::new(),
            tasks: Vec::new(),
            restore: RestoreProgress::default(),
        }
    }

    fn streams(&self) -> StreamsStatus {
        let task = TaskStatus {
            id: "0_1".to_owned(),
            state: "RUNNING",
            paused: None,
            restore: RestoreStatus::default(),
            inputs: vec![InputProgress {
                topic: "order.events.v1".to_owned(),
                partition: 1,
                position: 40,
                lag: Some(99),
                oldest_ms: Some(1_000),
            }],
            last_commit: None,
        };
        let thread = ThreadStatus {
            name: "thread".to_owned(),
            state: topology::runtime::State::Running,
            detail: String::new(),
            broker_trouble: self.trouble.clone(),
            tasks: vec![task],
        };
        StreamsStatus {
            state: thread.state,
            detail: String::new(),
            paused: None,
            threads: vec![thread],
            standby_tasks: Vec::new(),
        }
    }

    fn pause(&self, _reason: &str) {}

    fn resume(&self) -> Option<String> {
        None
    }

    fn resume_paused_tasks(&self) -> Vec<String> {
        Vec::new()
    }

    fn metrics(&self) -> &Registry {
        &self.registry
    }

    fn topology(&self) -> String {
        String::new()
    }

    fn drawing(&self) -> String {
        String::new()
    }
}

fn source(trouble: Option<&str>) -> Source {
    let registry = Registry::new();
    let records = list::RECORDS_IN.int_counter().unwrap();
    records
        .with_label_values(&["order.events.v1", "source"])
        .inc_by(9);
    records
        .with_label_values(&["a-repartition", "repartition"])
        .inc_by(3);
    registry.register(Box::new(records)).unwrap();
    let lag = list::LAG.int_gauge().unwrap();
    lag.with_label_values(&["order.events.v1", "1"]).set(7);
    registry.register(Box::new(lag)).unwrap();
    let labels = ["sido", "status"];
    let in_flight = IntGaugeVec::new(Opts::new("order_in_flight", "x"), &labels).unwrap();
    in_flight.with_label_values(&["a", "COOKING"]).set(3);
    in_flight.with_label_values(&["b", "COOKING"]).set(4);
    registry.register(Box::new(in_flight)).unwrap();
    Source {
        registry,
        trouble: trouble.map(str::to_owned),
    }
}

fn page(source: Source, log: Arc<dyn Log>) -> Arc<Page> {
    let about = About {
        version: "0",
        application_id: "tested".to_owned(),
        instance_id: "tested-0".to_owned(),
        rebuild: false,
        log: "memory".to_owned(),
        told: Told::default(),
    };
    Page::new(Arc::new(source), log, about)
}

fn log() -> Arc<MemoryLog> {
    MemoryLog::new(Arc::new(SystemClock::new()))
}

async fn snapshot(watcher: &mut Watcher) -> Value {
    let latest = watcher.latest();
    let message = timeout(BOUND, latest.wait_for(Option::is_some)).await;
    let message = message.unwrap().unwrap().clone().unwrap();
    let text = String::from_utf8(message.to_vec()).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(data.unwrap()).unwrap()
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < BOUND, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn figures_are_those_of_the_metrics_and_absent_families_are_told_from_zero() {
    let page = page(source(None), log());
    let mut watcher = page.watch().unwrap();
    let snapshot = snapshot(&mut watcher).await;
    assert_eq!(snapshot["engine"]["recordsIn"], 12.0);
    assert_eq!(snapshot["engine"]["events"], 9.0);
    assert_eq!(snapshot["engine"]["lag"], 7.0);
    // Of a task too the metrics' figure is shown, not the board's, which may be of another moment.
    assert_eq!(snapshot["threads"][0]["tasks"][0]["lag"], 7.0);
    assert_eq!(snapshot["engine"]["rebalances"], Value::Null);
    assert_eq!(snapshot["orders"]["created"], Value::Null);
    assert_eq!(snapshot["orders"]["terminal"], Value::Null);
    let in_flight = snapshot["orders"]["inFlight"].as_array().unwrap();
    let names: Vec<&str> = in_flight
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    let way = [
        "PAYMENT_WAIT",
        "WAITING_ACCEPT",
        "ACCEPTED",
        "COOKING",
        "READY",
        "DELIVERING",
        "FAILED",
        "RETURNED",
    ];
    assert_eq!(names, way);
    assert_eq!(in_flight[3]["count"], 7.0);
    assert_eq!(in_flight[3]["korean"], "조리중");
    assert_eq!(snapshot["condition"]["name"], "RUNNING");
}

#[tokio::test]
async fn a_lost_broker_is_named_though_the_state_is_running() {
    let page = page(source(Some("all brokers are down")), log());
    let mut watcher = page.watch().unwrap();
    let condition = snapshot(&mut watcher).await["condition"].clone();
    assert_eq!(condition["name"], "BROKER_LOST");
    assert_eq!(condition["detail"], "all brokers are down");
}

#[tokio::test]
async fn work_is_done_only_while_someone_watches() {
    let page = page(source(None), log());
    assert_eq!(page.workers(), (0, false, false));
    let (first, second) = (page.watch().unwrap(), page.watch().unwrap());
    assert_eq!(page.workers(), (2, true, true));
    drop(first);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(page.workers(), (1, true, true));
    drop(second);
    wait_until("the end of work", || page.workers() == (0, false, false)).await;
    // And again.
    let mut third = page.watch().unwrap();
    assert_eq!(page.workers(), (1, true, true));
    snapshot(&mut third).await;
}

#[tokio::test]
async fn one_who_comes_while_the_reader_is_leaving_finds_it_at_work() {
    let page = page(source(None), log());
    for _ in 0..50 {
        drop(page.watch().unwrap());
        let watcher = page.watch().unwrap();
        assert_eq!(page.workers(), (1, true, true));
        drop(watcher);
    }
    wait_until("the end of work", || page.workers() == (0, false, false)).await;
}

#[tokio::test]
async fn a_closed_page_lets_nobody_watch_and_has_no_thread() {
    let page = page(source(None), log());
    let watcher = page.watch().unwrap();
    let closing = Arc::clone(&page);
    tokio::task::spawn_blocking(move || closing.close())
        .await
        .unwrap();
    assert!(page.watch().is_none());
    assert!(!page.workers().2);
    drop(watcher);
}

#[tokio::test]
async fn a_slow_browser_gets_the_latest_and_no_queue() {
    let page = page(source(None), log());
    let mut watcher = page.watch().unwrap();
    snapshot(&mut watcher).await;
    let (_ending, ended) = watch::channel(false);
    let mut body = watcher.into_body(ended);
    // Nothing is taken for as long as three more snapshots need.
    let mut other = page.watch().unwrap();
    for _ in 0..3 {
        timeout(BOUND, other.latest().changed())
            .await
            .unwrap()
            .unwrap();
        let _ = other.latest().borrow_and_update();
    }
    let mut numbers = Vec::new();
    while numbers.last().is_none_or(|last| *last < 4) {
        let frame = timeout(BOUND, body.frame())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        let number = text
            .strip_prefix("id: ")
            .and_then(|rest| rest.lines().next());
        numbers.extend(number.map(|number| number.parse::<u32>().unwrap()));
    }
    // At most one had been waiting on the way.
    assert!(numbers.len() <= 2, "{numbers:?}");
}

#[tokio::test]
async fn a_browser_that_goes_is_noticed() {
    let page = page(source(None), log());
    let (_ending, ended) = watch::channel(false);
    let body = page.watch().unwrap().into_body(ended);
    assert_eq!(page.workers().0, 1);
    drop(body);
    wait_until("the browser's end", || page.workers() == (0, false, false)).await;
}
