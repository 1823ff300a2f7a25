//! How soon a processor with much state is at work again: after a clean stop, after `kill -9`, with an empty directory.
//! Measured under a load, printed, and only compared with each other. Takes minutes: `make restore-times`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/gaps.rs"]
mod gaps;
#[path = "support/model/mod.rs"]
mod model;
#[path = "support/processor.rs"]
mod processor;
#[path = "support/topics.rs"]
mod topics;
#[path = "support/written.rs"]
mod written;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jumun_harness::{Broker, Kafka, Message};

use gaps::GapWatch;
use processor::{Processor, Setup, TIMEOUT, tell};
use topics::{create_inputs, wait_consumed};
use written::{CREATED, Written};

const PARTITIONS: i32 = 4;
const EVENTS_PER_SECOND: usize = 2_000;
const ROUNDS: usize = 5;
/// Long enough that some of the state is on disk and some is not.
const AT_WORK: Duration = Duration::from_secs(12);
/// A restart after a kill may take this many times as long as one after a clean stop.
const BOUND: f64 = 1.5;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn number(order: usize) -> String {
    format!("B2611200{order:07}Z")
}

/// One event of an order.
fn send<'a>(kafka: &Kafka, events: impl Iterator<Item = (usize, &'a str, &'a str, &'a str, u64)>) {
    let now = now_ms();
    let events: Vec<(String, String, &'static str, &str)> = events
        .map(|(order, action, actor, info, id)| {
            let number = number(order);
            let written = Written {
                number: &number,
                action,
                version: 1,
                actor,
                info,
                at: now,
            };
            (
                number.clone(),
                written.envelope(id),
                written.topic(),
                action,
            )
        })
        .collect();
    let messages = events.iter().map(|(number, envelope, topic, action)| {
        Message::new(topic, number, envelope)
            .timestamp(now)
            .header("action", action)
    });
    kafka.produce(messages).unwrap();
}

fn create_orders(kafka: &Kafka, orders: usize) {
    const BATCH: usize = 20_000;
    for first in (0..orders).step_by(BATCH) {
        let batch = first..(first + BATCH).min(orders);
        send(
            kafka,
            batch.map(|order| (order, "order.created", "CUSTOMER", CREATED, order as u64)),
        );
    }
}

/// Pays one order after the other at a steady rate, from a thread of its own.
struct Load {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<f64>,
}

impl Load {
    fn begin(bootstrap_servers: &str, orders: usize) -> Self {
        const TICK: Duration = Duration::from_millis(50);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let kafka = Kafka::new(bootstrap_servers.to_owned());
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let mut sent = 0;
            for tick in 1.. {
                if told.load(Ordering::SeqCst) {
                    break;
                }
                // What a call was late, the next one makes up for.
                let due = (began.elapsed().as_secs_f64() * EVENTS_PER_SECOND as f64) as usize;
                // A stride that meets all of them, so that what is written lies all over the state.
                let batch = (sent..due).map(|event| (event * 7_919) % orders);
                let info = r#"{"amount":20000}"#;
                send(
                    &kafka,
                    batch.map(|order| {
                        let id = (orders + order) as u64;
                        (order, "payment.approved", "PG", info, id)
                    }),
                );
                sent = due;
                thread::sleep((TICK * tick).saturating_sub(began.elapsed()));
            }
            sent as f64 / began.elapsed().as_secs_f64()
        });
        Self { stop, thread }
    }

    /// Answers how many events per second there were.
    fn end(self) -> f64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// From the start of the process until every partition has had an output.
fn start(setup: &Setup, watch: &GapWatch) -> (Processor, Duration) {
    let began = Instant::now();
    let processor = setup.start();
    let flows = watch.flows_since(began, PARTITIONS, 3 * TIMEOUT);
    assert!(flows, "no output: {}", processor.process.stderr());
    (processor, began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_restart_after_a_kill_takes_little_longer_than_after_a_clean_stop() {
    let orders = match std::env::var("JUMUN_RESTORE_TIMES") {
        Ok(orders) => orders.parse().expect("a number of orders"),
        Err(_) => {
            tell("left out: restarts with a million orders of state (make restore-times)");
            return;
        }
    };
    assert!(orders >= 500_000, "the load pays each order once");
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    create_inputs(&broker, PARTITIONS);
    create_orders(&broker, orders);
    let setup = Setup::new(&broker, "restored", state.path());
    let mut processor = setup.start_ready();
    let records = topics::input_records(&broker);
    wait_consumed(&broker, "restored", &topics::ends(&records), 10 * TIMEOUT);
    drop(records);

    let watch = GapWatch::begin(&broker, "order.transitions.v1");
    let load = Load::begin(broker.bootstrap_servers(), orders);
    let (mut clean, mut killed, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        thread::sleep(AT_WORK);
        processor.stop();
        let (started, took) = start(&setup, &watch);
        clean.push(took);
        processor = started;
        thread::sleep(AT_WORK);
        processor.process.kill9().unwrap();
        let (started, took) = start(&setup, &watch);
        killed.push(took);
        processor = started;
        replayed.push(processor.metric("topology_restored_records_total") as u64);
    }
    processor.stop();
    std::fs::remove_dir_all(setup.store_dir()).unwrap();
    let (mut processor, empty) = start(&setup, &watch);
    let restored = processor.metric("topology_restored_records_total");
    let rate = load.end();
    assert!(
        rate > 0.9 * EVENTS_PER_SECOND as f64,
        "only {rate:.0} events/s"
    );
    processor.stop();
    watch.end();

    let (clean, killed) = (median(clean), median(killed));
    let ratio = killed.as_secs_f64() / clean.as_secs_f64();
    tell(format!(
        "{orders} orders of state, {rate:.0} events/s, medians of {ROUNDS}, from the start of the process to an output of each \
         of {PARTITIONS} partitions:\n  after a clean stop   {clean:.2?}\n  after kill -9        {killed:.2?}, {ratio:.2} times as long, \
         {replayed:?} changelog records replayed\n  empty directory      {empty:.2?}, {restored} changelog records, {:.0} records/s",
        restored / empty.as_secs_f64()
    ));
    assert!(ratio <= BOUND, "a kill costs too much");
}
