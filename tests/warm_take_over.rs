//! Standby tasks on a real Kafka: an instance that takes over what it has kept a copy of has almost nothing to read, and
//! what comes out is one story whoever tells it.
//!
//! The default suite compares how much is read; `make restore-times` compares how long it takes, with much state.

use std::fmt::{self, Display};
use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, http_get, wait_for};
use serde_json::Value;

use crate::support::gaps::GapWatch;
use crate::support::judged::compare_with_model;
use crate::support::paid_orders::{Load, create_orders};
use crate::support::processor::{Processor, Setup, TIMEOUT, tell};
use crate::support::sessions::broker_with_session;
use crate::support::topics;

const PARTITIONS: i32 = 4;
/// Of the default suite, and events per second: so few that the story pays no order twice.
const FEW: (usize, usize) = (40_000, 300);
/// As few events per second with much state.
const MUCH_EVENTS_PER_SECOND: usize = 2_000;
const SESSION: Duration = Duration::from_secs(6);
/// Over before the session: whoever takes over reads up to a dead instance's open transaction, and no further.
const TRANSACTION_MS: &str = "4000";
/// Nearer than so many changelog offsets a copy counts as up to date.
const FOLLOWS: u64 = 1_000;
/// Between two things that happen.
const CALM: Duration = Duration::from_secs(3);
/// Of each kind with much state: how soon the one that stays hears of it hangs on its next heartbeat.
const ROUNDS: usize = 5;
/// A take-over with a copy reads, and with much state takes, at most this share of one without.
const BOUND: f64 = 1.0 / 3.0;

/// What the one that stays had to do.
struct TakeOver {
    /// From the end of the other process to an output of every partition.
    took: Duration,
    /// Changelog records, of which a stream thread waited for every one.
    replayed: u64,
}

impl Display for TakeOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.2} s, {:8} records",
            self.took.as_secs_f64(),
            self.replayed
        )
    }
}

/// Two instances under load, each with half of the tasks.
struct Pair {
    protocol: &'static str,
    standbys: usize,
    broker: Broker,
    state: tempfile::TempDir,
}

impl Pair {
    fn new(protocol: &'static str, standbys: usize) -> Self {
        let broker = broker_with_session(SESSION);
        topics::create_inputs(&broker, PARTITIONS);
        Self {
            protocol,
            standbys,
            state: tempfile::tempdir().unwrap(),
            broker,
        }
    }

    fn setup(&self, name: &str) -> Setup {
        Setup::new(&self.broker, self.protocol, &self.state.path().join(name))
            .strict()
            .flag("--instance-id", name)
            .setting("application.group_protocol", self.protocol)
            .setting(
                "application.session_timeout_ms",
                &SESSION.as_millis().to_string(),
            )
            .setting("application.transaction_timeout_ms", TRANSACTION_MS)
            .setting("application.leave_on_stop", "true")
            .setting(
                "application.num_standby_replicas",
                &self.standbys.to_string(),
            )
    }

    /// Until both have tasks, and each a copy of all that the other runs, if they are to; how many tasks there are.
    fn wait_settled(&self, instances: [&mut Processor; 2]) -> usize {
        let mut all = 0;
        for instance in instances {
            let settled = wait_for("every task to be followed", 3 * TIMEOUT, || {
                let status = status(instance)?;
                let own = running(&status);
                let copies = status["standbyTasks"].as_array().unwrap();
                let follows = |copy: &Value| copy["lag"].as_u64().unwrap() < FOLLOWS;
                let enough = copies.len() >= own * self.standbys && copies.iter().all(follows);
                (own > 0 && enough).then_some(own)
            });
            all += settled.unwrap_or_else(|error| panic!("{error}: {}", instance.process.stderr()));
        }
        all
    }
}

fn status(instance: &mut Processor) -> Option<Value> {
    let (_, status) = http_get(instance.address(), "/status").ok()?;
    Some(serde_json::from_str(&status).unwrap())
}

fn running(status: &Value) -> usize {
    let tasks = status["tasks"].as_array().unwrap().iter();
    tasks.filter(|task| task["phase"] == "RUNNING").count()
}

fn wait_flow(watch: &GapWatch, since: Instant) {
    let flows = watch.flows_since(since, PARTITIONS, 3 * TIMEOUT);
    assert!(flows, "some partition stays dark");
}

/// One goes, and the other takes its tasks over, until it runs all of them.
fn take_over(watch: &GapWatch, stays: &mut Processor, all: usize, goes: impl FnOnce()) -> TakeOver {
    let before = stays.metric("topology_restored_records_total") as u64;
    goes();
    let gone = Instant::now();
    let taken = || (running(&status(stays)?) == all).then_some(());
    wait_for("every task to run", 3 * TIMEOUT, taken)
        .unwrap_or_else(|error| panic!("{error}: {}", stays.process.stderr()));
    // What the other one wrote last may have been read a moment ago.
    wait_flow(watch, Instant::now());
    TakeOver {
        took: gone.elapsed(),
        replayed: stays.metric("topology_restored_records_total") as u64 - before,
    }
}

/// How long a take-over takes after the other one left, and after it was killed (the session timeout, which nobody can
/// shorten, taken off).
fn take_overs(
    protocol: &'static str,
    standbys: usize,
    orders: usize,
    rate: usize,
) -> [TakeOver; 2] {
    let pair = Pair::new(protocol, standbys);
    let [a, b] = ["a", "b"].map(|name| pair.setup(name));
    let (mut first, mut second) = (a.start(), b.start());
    // Nobody ever has what is not his: there is nothing yet that a directory could keep.
    pair.wait_settled([&mut first, &mut second]);
    let watch = GapWatch::begin(&pair.broker, topics::TRANSITIONS);
    create_orders(&pair.broker, orders);
    let ends = || topics::input_ends(&pair.broker, PARTITIONS);
    topics::wait_consumed(&pair.broker, protocol, &ends(), 10 * TIMEOUT);
    let load = Load::begin(&pair.broker, orders, rate);
    let calm = |instances: [&mut Processor; 2]| {
        let all = pair.wait_settled(instances);
        wait_flow(&watch, Instant::now());
        thread::sleep(CALM);
        all
    };
    let rounds = if much_state().is_some() { ROUNDS } else { 1 };
    let (mut left, mut killed) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let all = calm([&mut first, &mut second]);
        left.push(take_over(&watch, &mut second, all, || {
            first.stop();
        }));
        // It comes back as a new machine would. The other has directories of everything now, so it is the one that goes.
        std::fs::remove_dir_all(a.store_dir()).unwrap();
        first = a.start_ready();
        let all = calm([&mut first, &mut second]);
        let mut taken = take_over(&watch, &mut first, all, || {
            second.process.kill9().unwrap();
        });
        taken.took = taken.took.saturating_sub(SESSION);
        killed.push(taken);
        std::fs::remove_dir_all(b.store_dir()).unwrap();
        second = b.start_ready();
    }
    let [left, killed] = [left, killed].map(median);

    load.end();
    topics::wait_consumed(&pair.broker, protocol, &ends(), TIMEOUT);
    first.stop();
    second.stop();
    watch.end();
    match much_state() {
        // Millions of records in memory, several times.
        Some(_) => tell("the outputs are not compared with the model: that is for few orders"),
        None => {
            let records = topics::input_records(&pair.broker);
            let report = compare_with_model(&pair.broker, &records).report;
            assert!(report.is_clean(), "{report}");
            assert!(report.compared > records.len(), "{report}");
        }
    }
    tell(format!(
        "{protocol} protocol, {orders} orders of state, {standbys} copies: taken over, median of {rounds}\n  \
         from one that left                                       {left}\n  \
         from one that was killed, from the end of its session on {killed}"
    ));
    [left, killed]
}

fn median(mut of: Vec<TakeOver>) -> TakeOver {
    of.sort_by_key(|one| one.took);
    of.swap_remove(of.len() / 2)
}

/// With how many orders, if with many.
fn much_state() -> Option<usize> {
    let orders = std::env::var("JUMUN_RESTORE_TIMES").ok()?;
    Some(orders.parse().expect("a number of orders"))
}

fn compare(protocol: &'static str) {
    let much = much_state();
    if much.is_none() {
        tell(
            "only what is read is compared: make restore-times compares the time, with much state",
        );
    }
    let (orders, rate) = much.map_or(FEW, |orders| (orders, MUCH_EVENTS_PER_SECOND));
    let cold = take_overs(protocol, 0, orders, rate);
    let warm = take_overs(protocol, 1, orders, rate);
    for (cold, warm) in cold.iter().zip(&warm) {
        assert!(
            cold.replayed as usize > orders / PARTITIONS as usize,
            "{cold}"
        );
        let read = warm.replayed as f64 / cold.replayed as f64;
        assert!(read < BOUND, "{warm}, without a copy {cold}");
        let took = warm.took.as_secs_f64() / cold.took.as_secs_f64();
        assert!(
            much.is_none() || took < BOUND,
            "{warm}, without a copy {cold}"
        );
    }
}

#[test]
fn a_standby_has_little_to_read_under_the_classic_protocol() {
    compare("classic");
}

#[test]
fn a_standby_has_little_to_read_under_the_consumer_protocol() {
    if much_state().is_none() {
        tell("left out: make restore-times runs it");
        return;
    }
    compare("consumer");
}
