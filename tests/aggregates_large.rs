//! A whole day of 300,000 orders: the aggregates are those of a batch, and nothing grows without bound on the way.
//!
//! The log is processed anew (`--rebuild`), so that timers tell by the time of the records; by the wall clock they would tell
//! of a backlog only what still lasts at its end. For some hours orders are sent twice.
//!
//! Takes minutes and gigabytes of disk, so it runs only when asked for: `make aggregates-large`.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Process};

use crate::support::aggregated::{Listener, assert_each_is_looked_at, expected_of_inputs};
use crate::support::clocks;
use crate::support::model::aggregates::grouping::{
    CREATED, DUP_ORDER_SUSPECT, GROUPINGS, Grouping, PAID, TERMINAL, TRANSITIONS,
};
use crate::support::processor::{Setup, jumun, tell};
use crate::support::samples::Samples;
use crate::support::topics::{decided_offsets_of, observer};

const ASKED: &str = "JUMUN_AGGREGATES_LARGE";
const ORDERS: u64 = 300_000;
/// Spreads that many orders over a day.
const EVENTS_PER_SECOND: u64 = 38;
/// 2026-11-20T00:00:00+09:00, in the past: record timestamps are never ahead of the clock.
const START_MS: u64 = 1_795_100_400_000;
const PARTITIONS: i32 = 4;
/// What is behind the names of the application and its topics when a log is processed anew.
const ANEW: &str = "-rebuild";

/// Of each aggregate there are at least so many windows with a value.
const LEAST_WINDOWS: usize = 100;

/// Records per second where there are fewer orders than usual.
const SMALL_RATE: &str = "8000";

/// Kills on the way.
const KILLS: i64 = 3;
/// Behind the end of the day, milliseconds: the windows of cohorts are closed.
const COHORT: i64 = 75 * 60_000;

const GRACE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(2);
const IDLE_DISTANCE: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(60);
/// For what is not a matter of the rules: a commit, a report of watermarks a second, most of all the test's own reading.
const TOLERANCE: Duration = Duration::from_secs(180);

const SENDING: Duration = Duration::from_secs(900);
const PROCESSING: Duration = Duration::from_secs(1_800);
/// For what is told once everything is processed and all clocks stand at the end; a comparison takes a minute.
const TELLING: Duration = Duration::from_secs(180);
const SAMPLING: Duration = Duration::from_millis(500);

const MOST_RESIDENT: u64 = 1 << 30;
const MOST_STATE: u64 = 2 << 30;
const MOST_REPARTITION: u64 = 1 << 30;
/// Partitions of a backlog are not read in step, less so after a kill.
const MOST_OPEN_SECONDS: f64 = 5.0 * 3_600.0;

/// The number of orders, if the day is asked for: `1` asks for the usual one, a larger number for another.
fn asked() -> Option<u64> {
    let asked: Option<u64> = env::var(ASKED).ok().and_then(|text| text.parse().ok());
    if asked.is_none() {
        tell(format!(
            "skipped: takes minutes; {ASKED}=1 or make aggregates-large runs it"
        ));
    }
    asked.map(|orders| if orders > 1 { orders } else { ORDERS })
}

fn generate(broker: &Broker, orders: u64) {
    let rate = EVENTS_PER_SECOND * orders.div_ceil(ORDERS);
    let mut command = jumun("generate");
    for (flag, value) in [
        ("--orders", orders),
        ("--rate", rate),
        ("--seed", 21),
        ("--start-ms", START_MS),
    ] {
        command.args([flag, &value.to_string()]);
    }
    command.args(["--incident", "duplicate-orders"]);
    command.args(["--incident-after", "10", "--incident-minutes", "300"]);
    command.args(["--bootstrap-servers", broker.bootstrap_servers()]);
    let mut process = Process::start(command).unwrap();
    let status = process.wait_exit(SENDING).unwrap();
    assert!(status.success(), "{}", process.stderr());
}

#[test]
fn a_day_of_many_orders_is_told_in_bounded_memory_and_disk() {
    let Some(orders) = asked() else {
        return;
    };
    let began = Instant::now();
    let after = |what: &str| tell(format!("after {:.0?}: {what}", began.elapsed()));
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    generate(&broker, orders);
    after("sent");
    let expected = expected_of_inputs(&broker, PARTITIONS);
    after(&format!("{} events counted by the batch", expected.records));

    let milliseconds = |time: Duration| time.as_millis().to_string();
    let mut setup = Setup::new(&broker, "large", state.path())
        .setting("application.rebuild", "true")
        .setting("aggregates.grace_ms", &milliseconds(GRACE))
        .setting("aggregates.idle_ms", &milliseconds(IDLE))
        .setting("aggregates.idle_distance_ms", &milliseconds(IDLE_DISTANCE));
    if orders < ORDERS {
        // It would be over before it is killed.
        setup = setup.flag("--max-rate", SMALL_RATE);
    }
    setup.application_id.push_str(ANEW);
    let mut processor = setup.start_ready();
    let started = Instant::now();
    let mut samples = Samples::default();
    let observer = observer(&broker, &setup.application_id);
    let end: i64 = expected.ends.values().sum();
    let mut listener = Listener::of(&broker, ANEW);
    let mut kills = 0;
    loop {
        let decided = decided_offsets_of(&observer, PARTITIONS);
        let decided = decided.values().sum::<i64>();
        if decided >= end {
            break;
        }
        if kills < KILLS && decided * (KILLS + 1) > end * (kills + 1) {
            kills += 1;
            processor.process.kill9().unwrap();
            processor = setup.start_ready();
            after(&format!("killed at {decided} of {end}"));
        }
        samples.look(&mut processor, &setup, &broker);
        assert!(started.elapsed() < PROCESSING, "{samples}");
        thread::sleep(SAMPLING);
    }
    let processed = Instant::now();
    let rate = expected.records as f64 / started.elapsed().as_secs_f64();
    after(&format!(
        "processed, {rate:.0} events per second; {samples}"
    ));

    // Some inputs end hours before others. All clocks stand where the day ended; from there on nothing comes.
    clocks::advance(&broker, &expected.orders, expected.last_timestamp);
    assert_eq!(kills, KILLS);
    listener.listen();
    let open = listener.told.open_windows();
    after(&format!(
        "everything told so far is read, {open} windows are open"
    ));
    let bound = WINDOW + GRACE + IDLE_DISTANCE + TOLERANCE;
    while listener.told.open_minutes() > 0 {
        samples.look(&mut processor, &setup, &broker);
        let report = || listener.report(&expected.batch);
        assert!(processed.elapsed() < bound, "{}", report());
        thread::sleep(SAMPLING);
        listener.listen();
    }
    after(&format!(
        "windows closed, {:.0?} after the last event",
        processed.elapsed()
    ));
    // Those of cohorts are kept open for an hour longer.
    clocks::advance(&broker, &expected.orders, expected.last_timestamp + COHORT);
    let told = listener.wait_told(&expected.batch, TELLING);
    after(&format!("all windows closed: {told}"));
    processor.stop();

    let mut listener = Listener::of(&broker, ANEW);
    listener.listen();
    let report = listener.report(&expected.batch);
    after(&format!("{report}{samples}"));
    let derived = expected.batch.derived(&listener.breaches);
    for grouping in GROUPINGS {
        let batch = match Grouping::is_derived(grouping.name) {
            true => &derived,
            false => &expected.batch,
        };
        let windows = batch.windows_of(grouping);
        let total = batch.total(grouping);
        tell(format!(
            "{:30} {total:9} {windows:9} windows",
            grouping.name
        ));
        assert!(windows >= LEAST_WINDOWS, "{}", grouping.name);
    }
    let pairs = derived.windows(DUP_ORDER_SUSPECT.name).unwrap();
    let with_pairs = pairs.values().filter(|pairs| **pairs > 0).count();
    assert!(
        with_pairs >= LEAST_WINDOWS,
        "{with_pairs} minutes with pairs"
    );
    assert!(report.is_clean(), "{report}");
    assert_each_is_looked_at(&mut listener, &expected.batch);
    assert_eq!(
        expected.batch.total(CREATED),
        i64::try_from(orders).unwrap()
    );
    for grouping in [PAID, TERMINAL, TRANSITIONS] {
        assert!(expected.batch.total(grouping) > expected.batch.total(CREATED) * 9 / 10);
    }
    assert!(
        samples.resident.iter().all(|bytes| *bytes < MOST_RESIDENT),
        "{samples}"
    );
    assert!(samples.state < MOST_STATE, "{samples}");
    assert!(samples.repartition < MOST_REPARTITION, "{samples}");
    assert!(samples.open_seconds < MOST_OPEN_SECONDS, "{samples}");
}
