//! The bench's peer, the order job on Kafka Streams (`bench/kafka-streams`), judged as the program is: whole days on a real
//! Kafka, with every transition, rejection, dead letter, final state, outcome count and aggregate against the reference
//! model. A peer that does something else, or less, is no peer.
//!
//! Not compared: `detail` and `parkedMs` of rejections, `updatedAt` of states, `rev` and `final` of aggregates (the peer
//! tells of them once per commit and closes no window), and `order.reconcile.v1`, which the peer does not write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Kafka, Process, http_get, wait_for};
use serde_json::Value;

use crate::support::model::aggregates::batch::Batch;
use crate::support::model::aggregates::grouping::{CREATED, Grouping, PAID, TERMINAL, TRANSITIONS};
use crate::support::model::aggregates::movement::Movement;
use crate::support::model::aggregates::told::Told;
use crate::support::model::order_of_arrival::order_of_arrival_in_all_partitions;
use crate::support::model::outputs::RunOutput;
use crate::support::model::verify::compare;
use crate::support::model::{InputRecord, Model, Policy, Settings};
use crate::support::peer_jar::jar;
use crate::support::processor::{TIMEOUT, jumun, run_to_end, tell};
use crate::support::topics::{INPUTS, Outputs, RECONCILE, ends, input_records, wait_consumed};

const AGGREGATES: &str = "order.agg.1m.v1";
const APPLICATION: &str = "peer";
/// A1, A2, A3 and A5: what both sides of the bench count.
const COUNTED: [Grouping; 4] = [CREATED, PAID, TRANSITIONS, TERMINAL];
/// 2026-11-20T00:00:00+09:00, in the past: record timestamps are never ahead of the clock.
const START_MS: &str = "1795100400000";
/// A JVM takes its time where several share the processors.
const JVM_TIMEOUT: Duration = Duration::from_secs(120);

#[test]
fn market_day_4_tuned() {
    replayed("market-day-4.ndjson.gz", &[]);
}

#[test]
fn market_day_4_with_faults_tuned() {
    replayed("market-day-4-faults.ndjson.gz", &[]);
}

#[test]
fn market_day_4_with_faults_in_stock_settings_and_two_threads() {
    replayed(
        "market-day-4-faults.ndjson.gz",
        &["--profile", "stock", "--threads", "2"],
    );
}

#[test]
fn a_generated_day_with_faults_with_a_cache_too_small_and_at_least_once() {
    // Twenty orders per task: nearly every order is written, forgotten and read again.
    let settings = ["--cache.orders", "20", "--guarantee", "at_least_once"];
    judge(&generated(), &settings);
}

#[test]
fn a_generated_day_with_faults_over_the_record_cache() {
    let settings = ["--cache.orders", "0", "--cache.records", "true"];
    judge(&generated(), &settings);
}

fn generated() -> [&'static str; 8] {
    [
        "generate",
        "--faults",
        "--orders",
        "2000",
        "--seed",
        "11",
        "--start-ms",
        START_MS,
    ]
}

fn replayed(file: &str, settings: &[&str]) {
    // The data lie beside the project and may be absent.
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "shared", "data", file]
        .iter()
        .collect();
    if path.exists() {
        judge(&["replay", path.to_str().unwrap()], settings);
    } else {
        tell(format!("skipped: ../shared/data/{file} is absent"));
    }
}

#[test]
fn killed_and_started_again() {
    let Some(jar) = jar() else { return };
    let broker = Broker::start().unwrap();
    let inputs = send(&broker, &generated());
    let state = tempfile::tempdir().unwrap();
    let peer = || Process::start(command(&jar, &broker, &inputs, state.path(), &[])).unwrap();
    let ends = ends(&inputs);
    for share in [4, 2] {
        let mut peer = peer();
        wait_for("a part to be committed", JVM_TIMEOUT, || {
            let committed = broker.committed_offsets(APPLICATION, &INPUTS).ok()?;
            let done: i64 = committed.values().sum();
            (done >= ends.values().sum::<i64>() / share).then_some(())
        })
        .unwrap();
        peer.kill9().unwrap();
    }
    let mut peer = peer();
    wait_consumed(&broker, APPLICATION, &ends, JVM_TIMEOUT);
    let expected = Expected::of(&inputs);
    compare_runs(&broker, &expected);
    compare_aggregates(&broker, &expected.batch);
    peer.sigterm().unwrap();
    assert!(peer.wait_exit(TIMEOUT).unwrap().success());
    tell(peer.stdout());
}

/// Sends a day with a command of the program; what really lies in the topics then.
fn send(broker: &Broker, arguments: &[&str]) -> Vec<InputRecord> {
    let mut command = jumun(arguments[0]);
    command
        .args(&arguments[1..])
        .args(["--bootstrap-servers", broker.bootstrap_servers()]);
    let (status, _, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(0), "{errors}");
    broker.create_topic(RECONCILE, 1, &[]).unwrap();
    input_records(broker)
}

fn command(
    jar: &Path,
    broker: &Broker,
    inputs: &[InputRecord],
    state: &Path,
    settings: &[&str],
) -> Command {
    let partitions = inputs.iter().map(|record| record.partition).max().unwrap() + 1;
    let mut peer = Command::new("java");
    peer.args(["-Xmx256m", "-XX:+UseSerialGC", "-jar"])
        .arg(jar)
        .args(["--bootstrap.servers", broker.bootstrap_servers()])
        .args(["--application.id", APPLICATION, "--state.dir"])
        .arg(state)
        .args(["--partitions", &partitions.to_string()])
        // What waits does so to the end, as in the model, whose clock stands still.
        .args(["--park.limit.ms", "600000"])
        .args(settings);
    peer
}

/// Sends a day, lets the peer judge it, and compares.
fn judge(arguments: &[&str], settings: &[&str]) {
    let Some(jar) = jar() else { return };
    let broker = Broker::start().unwrap();
    let inputs = send(&broker, arguments);
    let state = tempfile::tempdir().unwrap();
    let mut peer = Process::start(command(&jar, &broker, &inputs, state.path(), settings)).unwrap();
    let consumed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait_consumed(&broker, APPLICATION, &ends(&inputs), JVM_TIMEOUT);
    }));
    assert!(consumed.is_ok(), "{}{}", peer.stdout(), peer.stderr());

    let expected = Expected::of(&inputs);
    let counted = counted(&peer);
    compare_runs(&broker, &expected);
    compare_aggregates(&broker, &expected.batch);
    peer.sigterm().unwrap();
    let status = peer.wait_exit(TIMEOUT).unwrap();
    assert!(status.success(), "{}", peer.stderr());
    assert!(peer.stdout().contains("\nfacts {"), "{}", peer.stdout());
    assert_eq!(counted, expected.counts);
    tell(format!("{:?}", expected.counts));
}

/// What the model says must be emitted and counted.
struct Expected {
    output: RunOutput,
    counts: BTreeMap<String, u64>,
    batch: Batch,
}

impl Expected {
    fn of(inputs: &[InputRecord]) -> Self {
        let now = inputs.iter().map(|record| record.timestamp).max().unwrap();
        let mut model = Model::with(Settings {
            automatic_redrive: false,
            ..Settings::new(Policy::DEFAULT)
        });
        // After the last record: no clock but that of the data is in play.
        model.set_now(now);
        let mut output = RunOutput::default();
        let mut batch = Batch::default();
        for record in order_of_arrival_in_all_partitions(inputs.to_vec()) {
            let step = model.take(&record);
            for (of, judged) in &step.settled {
                if let Some(movement) = Movement::of_judged(judged, of.timestamp) {
                    batch.add(&movement);
                }
            }
            output.add_step(&step);
        }
        output.states = model.states();
        output.reconciles.clear();
        without_waits(&mut output);
        Self {
            output,
            counts: model.counts(),
            batch,
        }
    }
}

/// How long an event was parked hangs on the wall clock.
fn without_waits(output: &mut RunOutput) {
    for rejection in output.rejections.values_mut().flatten() {
        rejection.as_object_mut().unwrap().remove("parkedMs");
    }
}

/// The peer's own counts of outcomes.
fn counted(peer: &Process) -> BTreeMap<String, u64> {
    let stdout = peer.stdout();
    let port = stdout
        .lines()
        .find_map(|line| line.strip_prefix("listening "))
        .unwrap_or_else(|| panic!("no port: {stdout}"));
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let (status, facts) = http_get(address, "/facts").unwrap();
    assert_eq!(status, 200);
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let counts = facts["counts"].as_object().unwrap();
    counts
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "consumed" | "released"))
        .map(|(name, count)| (name.clone(), count.as_u64().unwrap()))
        .collect()
}

fn compare_runs(broker: &Kafka, expected: &Expected) {
    let mut actual = Outputs::read(broker).whole();
    without_waits(&mut actual);
    let report = compare(&expected.output, &actual);
    tell(&report);
    assert!(report.compared > 10_000 && report.is_clean(), "{report}");
}

/// The second stage of aggregation follows behind the first.
fn compare_aggregates(broker: &Kafka, batch: &Batch) {
    let mut last = Vec::new();
    let clean = wait_for("the aggregates to be told", TIMEOUT, || {
        last = aggregate_differences(broker, batch);
        last.is_empty().then_some(())
    });
    assert!(
        clean.is_ok(),
        "{} differ: {:#?}",
        last.len(),
        &last[..last.len().min(10)]
    );
    assert!(batch.total(TERMINAL) > 0 && batch.total(CREATED) > 0);
}

fn aggregate_differences(broker: &Kafka, batch: &Batch) -> Vec<String> {
    let mut told = Told::default();
    for record in broker
        .consume_all(AGGREGATES, Isolation::ReadCommitted)
        .unwrap()
    {
        told.add_update(
            record.partition,
            &record.key.unwrap(),
            &record.value.unwrap(),
        );
    }
    let mut differences = told.quoted_violations().to_vec();
    let is_counted = |group: &&String| {
        Grouping::of_group(group).is_some_and(|grouping| COUNTED.contains(&grouping))
    };
    let groups: BTreeSet<&String> = batch.groups().keys().chain(told.groups().keys()).collect();
    for group in groups.into_iter().filter(is_counted) {
        let wanted = batch.windows(group).cloned().unwrap_or_default();
        let found: BTreeMap<i64, i64> = told
            .groups()
            .get(group)
            .map(|group| {
                let windows = group.windows.iter();
                windows
                    .map(|(start, window)| (*start, window.update.unwrap().value))
                    .collect()
            })
            .unwrap_or_default();
        if wanted != found {
            differences.push(format!("{group}: expected {wanted:?}, found {found:?}"));
        }
    }
    differences
}
