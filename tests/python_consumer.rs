//! The consumer in `examples/per_minute_table`, killed while it works: its table is what a batch over the same events
//! counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use jumun_harness::{Broker, Kafka, Process, wait_for};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::support::aggregated::{LATE, Listener, expected_of_inputs};
use crate::support::clocks;
use crate::support::model::aggregates::batch::Batch;
use crate::support::model::aggregates::grouping::Grouping;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::recordings::send_damaged_day;
use crate::support::topics::wait_consumed;

const PARTITIONS: i32 = 4;
const MINUTE: i64 = 60_000;
const KILLS: usize = 5;
/// All topics.
const ANY: &str = "%";
/// Records per transaction: so few that there is time for five kills.
const BATCH: &str = "20";

/// The Python of `scripts/fetch-python`, which finds it or makes it.
fn python() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/fetch-python");
    let output = Command::new(script).output().unwrap();
    let (told, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    let told = String::from_utf8(told).unwrap();
    told.lines()
        .last()
        .unwrap()
        .strip_prefix("python: ")
        .unwrap()
        .into()
}

struct Table {
    python: PathBuf,
    path: PathBuf,
}

impl Table {
    fn consume(&self, kafka: &Kafka) -> Process {
        let mut command = Command::new(&self.python);
        command
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("examples/per_minute_table/per_minute_table.py"),
            )
            .args([
                "--bootstrap-servers",
                kafka.bootstrap_servers(),
                "--batch",
                BATCH,
                "--table",
            ])
            .arg(&self.path);
        Process::start(command).unwrap()
    }

    /// The rows of a query; none while there is no such table.
    fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        const PROGRAM: &str = "import json, sqlite3, sys\n\
            print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
        let mut command = Command::new(&self.python);
        command.args(["-c", PROGRAM]).arg(&self.path).arg(sql);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || errors.contains("no such table"),
            "{errors}"
        );
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Grows with every transaction that has records of topics of this name, a pattern of SQL.
    fn progress(&self, topics: &str) -> i64 {
        let rows = self.query(&format!(
            "SELECT coalesce(sum(next_offset), 0) FROM positions WHERE topic LIKE '{topics}'"
        ));
        rows.first().and_then(|row| row[0].as_i64()).unwrap_or(0)
    }

    /// By group and start of window, epoch milliseconds.
    fn values(&self) -> BTreeMap<(String, i64), i64> {
        let rows = self.query("SELECT grp, 1000 * CAST(strftime('%s', window_start) AS INTEGER), value FROM per_minute");
        let row = |row: Vec<Value>| {
            let group = row[0].as_str().unwrap().to_owned();
            ((group, row[1].as_i64().unwrap()), row[2].as_i64().unwrap())
        };
        rows.into_iter().map(row).collect()
    }
}

/// How a table differs from the batch.
fn differences(batches: [&Batch; 2], table: &BTreeMap<(String, i64), i64>) -> Vec<String> {
    let mut differences = Vec::new();
    let mut expected = 0;
    for (group, windows) in batches.into_iter().flat_map(Batch::groups) {
        let grouping = Grouping::of_group(group).unwrap();
        if grouping.rich.is_some() {
            continue;
        }
        let is_gauge = grouping.is_gauge;
        let mut level = 0;
        for (window, change) in windows {
            level += change;
            let value = if is_gauge { level } else { *change };
            match table.get(&(group.clone(), *window)) {
                // Of a gauge that went to and fro nothing need be told, nor of no pairs.
                None if *change == 0 => continue,
                told if told != Some(&value) => {
                    differences.push(format!("{group} {window}: {value}, not {told:?}"));
                }
                Some(_) | None => {}
            }
            expected += 1;
        }
    }
    if table.len() != expected {
        differences.push(format!("{} rows, not {expected}", table.len()));
    }
    differences
}

#[test]
fn a_table_that_is_killed_five_times_is_what_a_batch_counts() {
    let directory = tempfile::tempdir().unwrap();
    let table = Table {
        python: python(),
        path: directory.path().join("per_minute.db"),
    };
    let broker = Broker::start().unwrap();
    send_damaged_day(&broker, "1000");
    let processor = Setup::new(&broker, "consumed", &directory.path().join("state"))
        .strict()
        .prompt()
        .start_ready();

    let mut random = StdRng::seed_from_u64(9);
    let mut consumer = table.consume(&broker);
    let mut kill_behind = |progress_of: &str, before| {
        let works = || (table.progress(progress_of) > before).then_some(());
        wait_for("rows", TIMEOUT, works)
            .unwrap_or_else(|error| panic!("{error}: {}", consumer.stderr()));
        // Not a wait for anything: the blow is to fall anywhere in its work.
        thread::sleep(Duration::from_millis(random.random_range(0..40)));
        consumer.kill9().unwrap();
        consumer = table.consume(&broker);
        table.progress(ANY)
    };
    let mut progress = Vec::new();
    for _ in 0..2 {
        progress.push(kill_behind(ANY, table.progress(ANY)));
    }

    let day = expected_of_inputs(&broker, PARTITIONS);
    wait_consumed(&broker, "consumed", &day.ends, TIMEOUT);
    let end = day.last_timestamp + 10 * MINUTE;
    clocks::advance(&broker, &day.orders, end);
    // Orders that are late: what may not be added twice is what a kill is aimed at.
    for name in ["L", "M", "N"] {
        let before = table.progress(LATE);
        clocks::send_belated_orders(&broker, name, end - 300 * MINUTE, end + 10 * MINUTE);
        progress.push(kill_behind(LATE, before));
    }
    // Later ones in time, in whose windows the gauges hold the late ones.
    clocks::send_belated_orders(&broker, "T", end + 30 * MINUTE, end + 30 * MINUTE);
    clocks::advance(&broker, &day.orders, end + 26 * 60 * MINUTE);
    assert_eq!(progress.len(), KILLS);

    let batch = expected_of_inputs(&broker, PARTITIONS).batch;
    let mut listener = Listener::new(&broker);
    let told = listener.wait_told(&batch, TIMEOUT);
    assert!(told.is_clean(), "{told}");
    assert!(told.late_records > 0 && told.revised_windows > 0, "{told}");
    processor.stop();

    let derived = batch.derived(&listener.breaches);
    let is_equal = || {
        differences([&batch, &derived], &table.values())
            .is_empty()
            .then_some(())
    };
    if let Err(error) = wait_for("the table", TIMEOUT, is_equal) {
        let differences = differences([&batch, &derived], &table.values());
        panic!(
            "{error}: {} differences, {:#?}\n{}",
            differences.len(),
            &differences[..differences.len().min(10)],
            consumer.stderr()
        );
    }
    let end = table.progress(ANY);
    tell(format!(
        "killed at {progress:?} of {end} offsets; {} rows, {} late deltas",
        table.values().len(),
        told.late_records
    ));
    assert!(
        progress.iter().all(|at| *at < end),
        "killed when there was nothing left to do"
    );
    let gauges = table.query("SELECT count(*) FROM gauge_deltas");
    assert!(gauges[0][0].as_i64().unwrap() > 0);

    consumer.sigterm().unwrap();
    assert!(
        consumer.wait_exit(TIMEOUT).unwrap().success(),
        "{}",
        consumer.stderr()
    );
}
