//! Timers on a real Kafka, with kills in between: each level of each order once.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Kafka, wait_for};
use serde_json::Value;

use super::scene::SLA;
use crate::support::paid_orders::create_orders;
use crate::support::processor::{Setup, TIMEOUT, tell};
use crate::support::topics::create_inputs;

const ORDERS: usize = 2_000;
const KILLS: u64 = 6;

/// How often each order was told of at each level.
fn told(kafka: &Kafka) -> BTreeMap<(String, String), usize> {
    let records = kafka.consume_all(SLA, Isolation::ReadCommitted).unwrap();
    let mut told = BTreeMap::new();
    for record in records {
        let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        assert_eq!(value["timer"], "payment_wait");
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        *told.entry((text("orderNo"), text("level"))).or_default() += 1;
    }
    told
}

#[test]
fn each_level_is_told_once_whoever_is_killed_in_between() {
    let broker = Broker::start().unwrap();
    create_inputs(&broker, 2);
    let state = tempfile::tempdir().unwrap();
    let setup = Setup::new(&broker, "timers", state.path())
        .setting("topics.partitions", "2")
        .setting("timers.payment_wait_warn_ms", "4000")
        .setting("timers.payment_wait_breach_ms", "9000");
    let mut processor = setup.start_ready();
    create_orders(&broker, ORDERS);
    let mut seen = Vec::new();
    for kill in 0..KILLS {
        thread::sleep(Duration::from_millis(900 + 150 * kill));
        processor.process.kill9().unwrap();
        seen.push(told(&broker).len());
        processor = setup.start_ready();
    }
    let all = || (told(&broker).len() == 2 * ORDERS).then_some(());
    wait_for("all levels", TIMEOUT, all).unwrap();
    thread::sleep(Duration::from_secs(3));
    processor.stop();
    tell(format!("told at the kills: {seen:?}"));
    let told = told(&broker);
    assert_eq!(told.len(), 2 * ORDERS);
    assert!(
        told.values().all(|count| *count == 1),
        "some are told twice"
    );
}
