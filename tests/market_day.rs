//! Whole days through a real Kafka: sent by the program, judged by the program, compared with what is known of them and
//! with the reference model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jumun_harness::Broker;
use serde_json::Value;

use crate::support::judged::{Comparison, compare_with_model};
use crate::support::model::InputRecord;
use crate::support::model::outputs::RunOutput;
use crate::support::processor::{Setup, TIMEOUT, jumun, run_to_end, tell};
use crate::support::topics::{Outputs, input_records};
use crate::support::{recordings, topics};
const ACTIONS: usize = 38;

/// A recorded day, if it is there.
fn data_file(name: &str) -> Option<PathBuf> {
    recordings::data_file(name, "; a generated day is judged in its place")
}

/// A day that was sent and judged.
struct Day {
    inputs: Vec<InputRecord>,
    outputs: RunOutput,
    comparison: Comparison,
}

/// Sends with a command of the program, processes to the end, and compares.
fn judge(arguments: &[&str]) -> Day {
    let broker = Broker::start().unwrap();
    let mut command = jumun(arguments[0]);
    command
        .args(&arguments[1..])
        .args(["--bootstrap-servers", broker.bootstrap_servers()]);
    let (status, counts, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(0), "{errors}");
    let inputs = input_records(&broker);
    assert!(
        counts
            .lines()
            .last()
            .unwrap()
            .ends_with(&format!(" {}", inputs.len())),
        "{counts}"
    );

    let state = tempfile::tempdir().unwrap();
    let mut processor = Setup::new(&broker, "day", state.path())
        .strict()
        .start_ready();
    topics::wait_consumed(&broker, "day", &topics::ends(&inputs), TIMEOUT);
    let counted = processor.outcomes();
    processor.stop();

    let comparison = compare_with_model(&broker, &inputs);
    tell(format!("{:?}\n{}", comparison.outcomes, comparison.report));
    assert!(comparison.report.is_clean(), "{}", comparison.report);
    assert_eq!(counted, comparison.outcomes);
    assert_eq!(counted.values().sum::<u64>(), inputs.len() as u64);
    Day {
        inputs,
        outputs: Outputs::read(&broker).whole(),
        comparison,
    }
}

impl Day {
    fn transitions(&self) -> impl Iterator<Item = &Value> {
        self.outputs.transitions.values().flatten()
    }

    fn outcomes(&self, outcome: &str) -> usize {
        self.transitions()
            .filter(|transition| transition["outcome"] == outcome)
            .count()
    }

    /// Transitions of that action that were applied and not merely annotated.
    fn applied(&self, action: &str) -> usize {
        let applied = |transition: &&Value| {
            transition["action"] == action && transition["outcome"] != "ANNOTATED"
        };
        self.transitions().filter(applied).count()
    }

    fn statuses(&self) -> BTreeMap<&str, usize> {
        let mut statuses = BTreeMap::new();
        for state in self.outputs.states.values() {
            *statuses
                .entry(state["status"].as_str().unwrap())
                .or_default() += 1;
        }
        statuses
    }

    fn states(&self, is_wanted: impl Fn(&Value) -> bool) -> usize {
        self.outputs
            .states
            .values()
            .filter(|state| is_wanted(state))
            .count()
    }

    fn is_clean(&self) -> bool {
        self.outputs.rejections.is_empty()
            && self.outputs.dead_letters.is_empty()
            && self.outputs.reconciles.is_empty()
            && self
                .comparison
                .outcomes
                .keys()
                .all(|outcome| outcome.starts_with('A'))
    }

    /// Actions that were applied or annotated at least once.
    fn actions(&self) -> BTreeSet<&str> {
        self.transitions()
            .map(|transition| transition["action"].as_str().unwrap())
            .collect()
    }
}

#[test]
fn market_day_4_gives_the_known_counts() {
    let Some(path) = data_file("market-day-4.ndjson.gz") else {
        return;
    };
    let day = judge(&["replay", path.to_str().unwrap()]);
    assert!(day.is_clean());
    assert_eq!(day.inputs.len(), 13_089);
    assert_eq!(
        day.outcomes("APPLIED") + day.outcomes("APPLIED_SKIP"),
        11_354
    );
    assert_eq!(day.outcomes("APPLIED_SKIP"), 165);
    assert_eq!(day.outcomes("ANNOTATED"), 1_735);
    assert_eq!(
        (day.applied("order.created"), day.outputs.states.len()),
        (1_185, 1_185)
    );
    assert_eq!(
        day.states(|state| state["times"]["paidAt"].is_string()),
        1_176
    );
    let statuses = [
        ("CANCELLED", 26),
        ("COMPLETED", 1_135),
        ("EXPIRED", 4),
        ("PAYMENT_FAILED", 7),
        ("POST_CANCELLED", 4),
        ("REJECTED", 8),
        ("RETURNED", 1),
    ];
    assert_eq!(day.statuses(), BTreeMap::from(statuses));
    let is_pressed_late = |state: &Value| {
        state["flags"]
            .as_array()
            .is_some_and(|flags| flags.iter().any(|flag| flag == "pressed_late"))
    };
    assert_eq!(day.states(is_pressed_late), 24);
    for (action, count) in [
        ("delivery.unassigned", 137),
        ("delivery.failed", 8),
        ("delivery.redispatched", 5),
        ("delivery.switched_to_store", 5),
        ("order.cancel_requested", 9),
        ("order.cancel_declined", 5),
        ("payment.refunded", 35),
        ("payment.part_refunded", 8),
        ("payment.refund_failed", 5),
        ("claim.post_cancelled", 5),
        ("claim.withdrawn", 1),
    ] {
        assert_eq!(day.applied(action), count, "{action}");
    }
}

#[test]
fn market_day_4_with_faults_is_judged_as_the_model_judges_it() {
    let Some(path) = data_file("market-day-4-faults.ndjson.gz") else {
        return;
    };
    let day = judge(&["replay", path.to_str().unwrap()]);
    assert_eq!(day.inputs.len(), 13_251);
    assert_eq!(day.outputs.dead_letters.len(), 12);
    assert!(!day.outputs.rejections.is_empty() && !day.outputs.reconciles.is_empty());
}

#[test]
fn a_generated_day_of_all_actions_is_clean() {
    let day = judge(&[
        "generate",
        "--orders",
        GENERATED_ORDERS,
        "--seed",
        "4",
        "--start-ms",
        START_MS,
    ]);
    assert!(day.is_clean(), "{:?}", day.comparison.outcomes);
    assert_eq!(day.actions().len(), ACTIONS, "{:?}", day.actions());
}

#[test]
fn a_generated_day_with_faults_is_judged_as_the_model_judges_it() {
    let day = judge(&[
        "generate",
        "--faults",
        "--orders",
        GENERATED_ORDERS,
        "--seed",
        "4",
        "--start-ms",
        START_MS,
    ]);
    assert_eq!(day.actions().len(), ACTIONS, "{:?}", day.actions());
    assert!(!day.outputs.rejections.is_empty() && !day.outputs.dead_letters.is_empty());
    assert!(!day.outputs.reconciles.is_empty());
}

const GENERATED_ORDERS: &str = "2000";
/// 2026-11-20T00:00:00+09:00, in the past: record timestamps are never ahead of the clock.
const START_MS: &str = "1795100400000";
