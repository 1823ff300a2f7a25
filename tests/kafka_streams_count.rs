//! The bench's count job on Kafka Streams, in plain DSL and with write-back: both must count the same as a fold over the
//! inputs, late records left out.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Process};

use crate::support::model::InputRecord;
use crate::support::model::order_of_arrival::order_of_arrival_in_all_partitions;
use crate::support::peer_jar::jar;
use crate::support::processor::{TIMEOUT, jumun, run_to_end};
use crate::support::topics::{ends, input_records, wait_consumed};

const MINUTE: i64 = 60_000;
const GRACE: i64 = 2 * MINUTE;
const START_MS: &str = "1795100400000";

/// By key and start of window.
type Counts = BTreeMap<(Vec<u8>, i64), i64>;

#[test]
fn the_dsl_counts() {
    count("dsl");
}

#[test]
fn write_back_counts_the_same() {
    count("write-back");
}

fn count(variant: &str) {
    let Some(jar) = jar() else { return };
    let broker = Broker::start().unwrap();
    let mut command = jumun("generate");
    command
        .args(["--faults", "--orders", "1000", "--seed", "7"])
        .args(["--start-ms", START_MS])
        .args(["--bootstrap-servers", broker.bootstrap_servers()]);
    let (status, _, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(0), "{errors}");
    let inputs = input_records(&broker);
    let partitions = inputs.iter().map(|record| record.partition).max().unwrap() + 1;

    let state = tempfile::tempdir().unwrap();
    let mut peer = Command::new("java");
    peer.args(["-Xmx256m", "-XX:+UseSerialGC", "-jar"])
        .arg(jar)
        .args(["--job", "count", "--count.variant", variant])
        .args(["--bootstrap.servers", broker.bootstrap_servers()])
        .args(["--application.id", "count", "--state.dir"])
        .arg(state.path())
        .args(["--partitions", &partitions.to_string()])
        // Written and read again, commit by commit.
        .args(["--count.cached", "10"]);
    let mut peer = Process::start(peer).unwrap();
    wait_consumed(&broker, "count", &ends(&inputs), Duration::from_secs(120));
    peer.sigterm().unwrap();
    assert!(peer.wait_exit(TIMEOUT).unwrap().success());

    let told = broker
        .consume_all("count.1m.v1", Isolation::ReadCommitted)
        .unwrap();
    let mut found = Counts::new();
    for record in told {
        let (key, window) = record
            .key
            .as_deref()
            .unwrap()
            .split_last_chunk::<8>()
            .unwrap();
        let value = record.value.unwrap().try_into().unwrap();
        found.insert(
            (key.to_vec(), i64::from_be_bytes(*window)),
            i64::from_be_bytes(value),
        );
    }
    let expected = counted(inputs);
    assert!(expected.len() > 5_000, "{} counts", expected.len());
    assert!(
        expected == found,
        "{} counts expected, {} found",
        expected.len(),
        found.len()
    );
}

fn counted(inputs: Vec<InputRecord>) -> Counts {
    let mut counts = Counts::new();
    let mut stream_times: HashMap<i32, i64> = HashMap::new();
    for record in order_of_arrival_in_all_partitions(inputs) {
        // Neither counts a record without a key, nor lets it move time.
        let Some(key) = record.key else { continue };
        let stream_time = stream_times.entry(record.partition).or_default();
        *stream_time = record.timestamp.max(*stream_time);
        let window = record.timestamp.div_euclid(MINUTE) * MINUTE;
        if window + MINUTE + GRACE > *stream_time {
            *counts.entry((key, window)).or_default() += 1;
        }
    }
    counts
}
