//! Recorded market days, which lie beside the project and may be absent, and how a whole day comes into the inputs.

use std::path::{Path, PathBuf};

use jumun_harness::Kafka;

use crate::support::processor::{jumun, run_to_end, tell};

/// A day with every kind of fault.
pub const FAULTY: &str = "market-day-4-faults.ndjson.gz";
/// When generated days begin: 2026-11-20T00:00:00+09:00, as the recorded ones.
const START_MS: &str = "1795100400000";

/// Where a file is, if it is there.
pub fn data_path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "shared", "data", name]
        .iter()
        .collect()
}

/// A file; says so if it is absent, and what happens instead.
pub fn data_file(name: &str, instead: &str) -> Option<PathBuf> {
    let path = data_path(name);
    if path.exists() {
        return Some(path);
    }
    tell(format!("skipped: ../shared/data/{name} is absent{instead}"));
    None
}

/// Sends the events of a file.
pub fn replay(kafka: &Kafka, path: &Path) {
    send(kafka, &["replay", path.to_str().unwrap()]);
}

/// Sends a damaged day, the recorded one if it is there, else one of so many orders.
pub fn send_damaged_day(kafka: &Kafka, orders: &str) {
    match data_file(FAULTY, "; a generated day takes its place") {
        Some(path) => replay(kafka, &path),
        None => send(
            kafka,
            &[
                "generate",
                "--faults",
                "--orders",
                orders,
                "--seed",
                "4",
                "--start-ms",
                START_MS,
            ],
        ),
    }
}

/// Sends orders from so many hours after the beginning of that day on, all of them while something goes wrong.
pub fn send_incident(kafka: &Kafka, kind: &str, orders: &str, hours: i64) {
    let start = START_MS.parse::<i64>().unwrap() + hours * 3_600_000;
    send(
        kafka,
        &[
            "generate",
            "--orders",
            orders,
            "--seed",
            "9",
            "--start-ms",
            &start.to_string(),
            "--incident",
            kind,
            "--incident-after",
            "0",
            "--incident-minutes",
            "1440",
        ],
    );
}

fn send(kafka: &Kafka, arguments: &[&str]) {
    let (name, arguments) = arguments.split_first().unwrap();
    let mut command = jumun(name);
    command
        .args(arguments)
        .args(["--bootstrap-servers", kafka.bootstrap_servers()]);
    let (status, _, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(0), "{errors}");
}
