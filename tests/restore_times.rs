//! How soon a processor with much state is at work again: after a clean stop, after `kill -9`, with an empty directory.
//! Measured under a load, printed, and only compared with each other. Takes minutes: `make restore-times`.

use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::Broker;

use crate::support::gaps::GapWatch;
use crate::support::paid_orders::{Load, create_orders};
use crate::support::processor::{Processor, Setup, TIMEOUT, tell};
use crate::support::topics;
use crate::support::topics::{create_inputs, wait_consumed};

const PARTITIONS: i32 = 4;
const EVENTS_PER_SECOND: usize = 2_000;
const ROUNDS: usize = 5;
/// Long enough that some of the state is on disk and some is not.
const AT_WORK: Duration = Duration::from_secs(12);
/// A restart after a kill may take this many times as long as one after a clean stop.
const BOUND: f64 = 1.5;

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
    let ends = topics::input_ends(&broker, PARTITIONS);
    wait_consumed(&broker, "restored", &ends, 10 * TIMEOUT);

    let watch = GapWatch::begin(&broker, "order.transitions.v1");
    let load = Load::begin(&broker, orders, EVENTS_PER_SECOND);
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
