//! `jumun reset` on a real Kafka: what it refuses, what it leaves alone, and that a start afterwards does everything anew.

use std::collections::BTreeMap;

use jumun_harness::{Broker, Isolation};
use serde_json::Value;

use crate::support::processor::{Setup, TIMEOUT, jumun, run_to_end};
use crate::support::topics::TRANSITIONS;
use crate::support::{load, topics};
const EVENTS: usize = 500;
const PARTITIONS: i32 = 2;

struct Scene {
    broker: Broker,
    state: tempfile::TempDir,
}

impl Scene {
    fn reset(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = jumun("reset");
        command
            .args(["--bootstrap-servers", self.broker.bootstrap_servers()])
            .args(["--application-id", "anew", "--state-dir"])
            .arg(self.state.path())
            .args(arguments);
        run_to_end(command).unwrap()
    }

    /// What was transitioned, by partition, in order.
    fn transitions(&self) -> BTreeMap<i32, Vec<Vec<u8>>> {
        let records = self
            .broker
            .consume_all(TRANSITIONS, Isolation::ReadCommitted)
            .unwrap();
        let mut found: BTreeMap<i32, Vec<Vec<u8>>> = BTreeMap::new();
        for record in records {
            let values = found.entry(record.partition).or_default();
            values.push(record.value.unwrap_or_default());
        }
        found
    }
}

#[test]
fn a_reset_is_refused_while_members_are_active_and_then_everything_is_processed_anew() {
    a_reset_begins_anew("classic", "session_timeout_ms");
}

#[test]
fn a_reset_under_the_consumer_protocol_does_the_same() {
    a_reset_begins_anew("consumer", "group.consumer.session.timeout.ms");
}

fn a_reset_begins_anew(protocol: &str, time_limit: &str) {
    let scene = Scene {
        broker: Broker::start().unwrap(),
        state: tempfile::tempdir().unwrap(),
    };
    load::preload(&scene.broker, EVENTS, PARTITIONS);
    let ends = topics::ends(&topics::input_records(&scene.broker));
    let setup = Setup::new(&scene.broker, "anew", scene.state.path())
        .strict()
        .setting("topics.partitions", &PARTITIONS.to_string())
        .setting("application.group_protocol", protocol)
        .setting("application.leave_on_stop", "true");
    let mut processor = setup.start_ready();
    topics::wait_consumed(&scene.broker, "anew", &ends, TIMEOUT);
    let outcomes = processor.outcomes();

    let (status, _, errors) = scene.reset(&["--execute"]);
    assert_eq!(status, Some(1), "{errors}");
    for text in ["anew-0-0", "127.0.0.1", "45s", time_limit] {
        assert!(errors.contains(text), "{text:?} is not in {errors}");
    }
    processor.stop();
    let first = scene.transitions();

    let (status, plan, errors) = scene.reset(&["--format", "json"]);
    assert_eq!(status, Some(0), "{errors}");
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["dryRun"], true);
    assert!(!plan["deletedTopics"].as_array().unwrap().is_empty());
    assert!(setup.store_dir().exists(), "a dry run deletes nothing");
    let (status, told, errors) = scene.reset(&["--execute"]);
    assert_eq!(status, Some(0), "{errors}");
    assert!(
        told.contains("untouched") && told.contains(TRANSITIONS),
        "{told}"
    );
    assert!(!setup.store_dir().exists());
    assert_eq!(topics::changelog_ends(&scene.broker, "anew"), 0);
    assert_eq!(scene.transitions(), first, "outputs are not touched");

    let mut processor = setup.start_ready();
    topics::wait_consumed(&scene.broker, "anew", &ends, TIMEOUT);
    assert_eq!(processor.outcomes(), outcomes);
    processor.stop();
    for (partition, twice) in scene.transitions() {
        let (before, anew) = twice.split_at(first[&partition].len());
        assert_eq!(before, anew, "partition {partition}");
    }
}
