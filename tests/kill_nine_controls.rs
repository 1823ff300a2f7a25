//! The verifier of the kill test has to fail where the commit protocol is broken on purpose.

use jumun_harness::Broker;

use crate::support::judged::compare_with_model;
use crate::support::kill::Ordeal;
use crate::support::model::verify::Report;
use crate::support::processor::{Setup, tell};
use crate::support::{load, topics};
const EVENTS: usize = 14_000;
const PARTITIONS: i32 = 4;
const RUNS: u64 = 3;

/// Kills the program, perhaps broken, in these steps; then compares what it committed.
fn run(control: Option<&str>, targets: &[&'static str], seed: u64) -> Report {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    load::preload(&broker, EVENTS, PARTITIONS);
    let records = topics::input_records(&broker);
    let ends = topics::ends(&records);
    let mut setup = Setup::new(&broker, "control", state.path())
        .strict()
        .flag("--max-rate", "2000");
    if let Some(control) = control {
        setup = setup.env("JUMUN_TEST_BROKEN", control);
    }
    let mut ordeal = Ordeal::new(&broker, setup, &ends, seed);
    let mut targets = targets.iter().copied();
    ordeal.run(|_| targets.next());
    let report = compare_with_model(&broker, &records).report;
    let name = control.unwrap_or("the protocol as it is");
    let verdict = report.to_string();
    let verdict = verdict.lines().next().unwrap_or_default();
    tell(format!("{name}, run {seed}:\n{ordeal}{verdict}"));
    report
}

/// Fails unless the verifier notices in at least one run.
fn check_noticed(control: &str, targets: &[&'static str]) -> Report {
    let mut reports = (1..=RUNS).map(|seed| run(Some(control), targets, seed));
    let noticed = reports.find(|report| !report.is_clean());
    noticed.unwrap_or_else(|| panic!("{control} was not noticed in {RUNS} runs"))
}

#[test]
fn the_same_kills_do_no_harm_to_the_protocol_as_it_is() {
    let report = run(None, &["offsets", "committing", "store_batch"], 1);
    assert!(report.is_clean(), "{report}");
}

/// A kill between the offsets and the end of the transaction loses what was aborted and is never read again.
#[test]
fn offsets_committed_outside_the_transaction_are_noticed() {
    let report = check_noticed(
        "offsets-outside-transaction",
        &["committing", "committing", "committing"],
    );
    assert!(report.missing > 0, "{} missing", report.missing);
}

/// A kill between the store and the end of the transaction leaves a state that knows events whose outputs were aborted.
#[test]
fn a_store_written_before_the_commit_is_noticed() {
    let report = check_noticed(
        "store-before-commit",
        &["committing", "committing", "committing"],
    );
    assert!(report.missing > 0, "{} missing", report.missing);
}
