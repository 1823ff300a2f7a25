//! Peak resident memory of the program in a burst, with a hot key, on a slow broker, and when ten thousand windows close
//! at once: never above the budget and a fifth.
//!
//! Each case is a process of its own on a Kafka of its own, because what counts is its peak. `make memory-bounds` makes
//! the bursts larger and the broker slower, and shows that the test notices when the bounds of the queues are taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use jumun::generate::GeneratedEvent;
use jumun_harness::{Broker, Isolation, Message};
use tempfile::TempDir;

use crate::support::load::{events, message};
use crate::support::processor::{Processor, Setup, tell};
use crate::support::topics::{INPUTS, create_inputs, input_records, wait_consumed};
use crate::support::{clocks, topics};
const APPLICATION: &str = "bounded";
const PARTITIONS: i32 = 4;
const MIB: u64 = 1 << 20;
const BUDGET: u64 = 160 * MIB;
/// The budget and a fifth.
const LIMIT: u64 = BUDGET / 5 * 6;
const CONSUMED: Duration = Duration::from_secs(600);
/// Windows that are open at once, at least.
const OPEN_WINDOWS: usize = 10_000;
const DAY_MS: i64 = 86_400_000;

/// Whether the long form is asked for.
fn is_long() -> bool {
    std::env::var_os("JUMUN_MEMORY_BOUNDS").is_some()
}

/// How many events come before the burst, and in it.
fn burst() -> (usize, usize) {
    match is_long() {
        true => (25_000, 500_000),
        false => (2_000, 40_000),
    }
}

struct Case {
    name: &'static str,
    broker: Broker,
    processor: Processor,
    _state: TempDir,
}

impl Case {
    /// Starts the program on empty inputs.
    fn start(name: &'static str, adjust: impl FnOnce(Setup) -> Setup) -> Self {
        let broker = Broker::start().unwrap();
        create_inputs(&broker, PARTITIONS);
        let state = tempfile::tempdir().unwrap();
        let setup = Setup::new(&broker, APPLICATION, state.path())
            .flag("--memory-max-bytes", &BUDGET.to_string());
        let processor = adjust(setup).start_ready();
        Self {
            name,
            broker,
            processor,
            _state: state,
        }
    }

    fn produce<'a>(&self, messages: impl IntoIterator<Item = Message<'a>>) {
        self.broker.produce(messages).unwrap();
    }

    /// Waits until everything in the inputs is committed.
    fn wait(&self) {
        let ends = topics::ends(&input_records(&self.broker));
        wait_consumed(&self.broker, APPLICATION, &ends, CONSUMED);
    }

    fn peak(&self) -> u64 {
        let path = format!("/proc/{}/status", self.processor.process.id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.unwrap().parse::<u64>().unwrap() << 10
    }

    /// Everything was consumed and the peak is told; answers it.
    fn end(mut self) -> u64 {
        self.wait();
        let peak = self.peak();
        tell(format!(
            "memory_bounds, {}: peak {} MiB, limit {} MiB",
            self.name,
            peak / MIB,
            LIMIT / MIB
        ));
        self.processor.wait_ready();
        let budget: f64 = self
            .processor
            .metrics("topology_memory_share_bytes")
            .iter()
            .map(|(_, bytes)| bytes)
            .sum();
        assert_eq!(budget as u64, BUDGET);
        self.processor.stop();
        peak
    }

    fn stays_within_the_limit(self) {
        let name = self.name;
        let peak = self.end();
        assert!(
            peak <= LIMIT,
            "{name}: peak {} MiB of {}",
            peak / MIB,
            LIMIT / MIB
        );
    }
}

/// At a twentieth of the speed of what follows: a few at a time.
fn trickle(case: &Case, events: &[GeneratedEvent]) {
    for some in events.chunks(events.len().div_ceil(40)) {
        case.produce(some.iter().map(message));
        thread::sleep(Duration::from_millis(25));
    }
    case.wait();
}

#[test]
fn a_burst_of_twenty_times_the_load_stays_within_the_budget() {
    let (before, sudden) = burst();
    let case = Case::start("burst", |setup| setup);
    let events = events(before + sudden);
    let (calm, burst) = events.split_at(before);
    trickle(&case, calm);
    case.produce(burst.iter().map(message));
    case.stays_within_the_limit();
}

/// One order has half of all events, and one partition of each input has all of them.
#[test]
fn a_hot_key_stays_within_the_budget() {
    let (_, sudden) = burst();
    let case = Case::start("hot key", |setup| setup);
    let events = events(sudden / 2);
    let hot = events.iter().find(|event| !event.key.is_empty()).unwrap();
    let both = events.iter().flat_map(|event| [event, hot]);
    case.produce(both.map(|event| message(event).partition(0)));
    case.stays_within_the_limit();
}

/// The broker stands still for longer than it answers, so that outputs pile up where they can.
#[test]
fn a_slow_broker_stays_within_the_budget() {
    let (_, sudden) = burst();
    let still = match is_long() {
        true => Duration::from_millis(1_500),
        false => Duration::from_millis(400),
    };
    let mut case = Case::start("slow broker", |setup| setup);
    case.produce(events(sudden).iter().map(message));
    let observer = topics::observer(&case.broker, APPLICATION);
    let committed = || -> i64 {
        topics::decided_offsets_of(&observer, PARTITIONS)
            .values()
            .sum()
    };
    let began = Instant::now();
    let mut pauses = 0;
    while committed() < i64::try_from(sudden).unwrap() && pauses < 40 {
        case.broker.pause().unwrap();
        thread::sleep(still);
        case.broker.resume().unwrap();
        thread::sleep(Duration::from_millis(200));
        pauses += 1;
    }
    tell(format!(
        "memory_bounds, slow broker: stood still {pauses} times in {:.0?}",
        began.elapsed()
    ));
    assert!(pauses > 2, "it was never slow");
    case.stays_within_the_limit();
}

/// Hours of events whose windows wait for a whole day; then the clocks move on, and all of them close at once.
#[test]
fn ten_thousand_windows_that_close_at_once_stay_within_the_budget() {
    let number = if is_long() { 200_000 } else { 20_000 };
    let mut case = Case::start("open windows", |setup| {
        setup
            .setting("aggregates.grace_ms", &DAY_MS.to_string())
            .setting("detectors.grace_ms", &DAY_MS.to_string())
    });
    let events = events(number);
    case.produce(events.iter().map(message));
    case.wait();
    let finals = |case: &Case| {
        let told = case
            .broker
            .consume_all("order.agg.1m.v1", Isolation::ReadCommitted)
            .unwrap();
        let is_final = |value: &Vec<u8>| {
            let value: serde_json::Value = serde_json::from_slice(value).unwrap();
            value["final"] == true
        };
        let finals = told
            .iter()
            .filter(|record| record.value.as_ref().is_some_and(is_final));
        let keys: Vec<Vec<u8>> = finals.filter_map(|record| record.key.clone()).collect();
        let different: BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len(), "a window was closed twice");
        keys.len()
    };
    assert_eq!(finals(&case), 0, "a window was closed too soon");
    let mut orders = BTreeMap::new();
    for record in input_records(&case.broker) {
        if record.topic == INPUTS[0]
            && let Some(key) = record.key
            && let Ok(order) = String::from_utf8(key)
        {
            orders.entry(record.partition).or_insert(order);
        }
    }
    let last = events.iter().map(|event| event.timestamp).max().unwrap();
    let at = i64::try_from(last).unwrap() + DAY_MS + 10 * 60_000;
    clocks::advance(&case.broker, &orders, at);
    let deadline = Instant::now() + CONSUMED;
    let mut seen = 0;
    loop {
        let now = finals(&case);
        if now >= OPEN_WINDOWS && now == seen {
            break;
        }
        seen = now;
        assert!(Instant::now() < deadline, "{seen} windows were closed");
        thread::sleep(Duration::from_secs(1));
    }
    tell(format!(
        "memory_bounds, open windows: {seen} closed at once"
    ));
    case.processor.wait_ready();
    case.stays_within_the_limit();
}

/// Without the bounds of the queues the test has to fail.
#[test]
fn a_program_whose_queues_are_not_bounded_is_noticed() {
    if !is_long() {
        tell("left out for its length: make memory-bounds runs it");
        return;
    }
    let (_, sudden) = burst();
    let case = Case::start("unbounded queues", |setup| {
        setup
            .setting("kafka.consumer.queued.max.messages.kbytes", "2000000")
            .setting("kafka.consumer.queued.min.messages", "10000000")
            .setting("kafka.consumer.max.partition.fetch.bytes", "16777216")
            .setting("kafka.consumer.fetch.max.bytes", "52428800")
            .flag("--max-rate", "20000")
    });
    case.processor.wait_logged("memory_max_bytes does not hold");
    case.produce(events(sudden).iter().map(message));
    let peak = case.end();
    assert!(peak > LIMIT, "only {} MiB", peak / MIB);
}

/// A budget that does not suffice for the partitions there are ends the start, with what would.
#[test]
fn a_budget_that_is_too_small_is_refused_with_one_that_is_not() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, 64);
    let state = tempfile::tempdir().unwrap();
    let start = |bytes: u64| {
        Setup::new(&broker, APPLICATION, state.path())
            .flag("--memory-max-bytes", &bytes.to_string())
            .start()
    };
    let (code, errors) = start(BUDGET).wait_end();
    assert_eq!(code, Some(1), "{errors}");
    let told = errors.split("set it to ").nth(1).expect("what would do");
    let enough: u64 = told.split(' ').next().unwrap().parse().unwrap();
    assert!(errors.contains("memory_max_bytes = 167772160"), "{errors}");
    let mut processor = start(enough);
    processor.wait_ready();
    processor.stop();
}
