//! A market day, clean and with faults, as it came: outcome by outcome, and what the truth file says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::histories::{data_file, lines, records};
use crate::support::model::{InputRecord, Policy, Settings};
use crate::support::side_by_side::SideBySide;

/// Plays a day live: the wall clock is that of the records. Answers the first outcome of every line.
fn play(name: &str, records: Vec<InputRecord>, policy: Policy) -> Vec<String> {
    let mut both = SideBySide::new(Settings::new(policy), records[0].timestamp);
    let mut first = Vec::new();
    for record in records {
        let ahead = record.timestamp - both.job.now();
        if ahead > 0 {
            both.wait(ahead.unsigned_abs());
        }
        first.push(both.take_and_compare(record));
    }
    both.wait(11 * 60_000);
    both.check(name);
    first
}

fn check_clean_day(name: &str, policy: Policy) {
    let Some(path) = data_file("market-day-4.ndjson.gz") else {
        return;
    };
    let outcomes = play(name, records(&path), policy);
    assert_eq!(outcomes.len(), 13_089);
    let refused = outcomes.iter().filter(|outcome| !outcome.starts_with('A'));
    assert_eq!(refused.count(), 0, "a clean day is applied or annotated");
}

/// Lines of the truth whose outcome is known, by kind and outcome.
fn check_faulty_day(name: &str, policy: Policy) -> BTreeMap<String, usize> {
    let mut checked = BTreeMap::new();
    let (Some(path), Some(truth)) = (
        data_file("market-day-4-faults.ndjson.gz"),
        data_file("market-day-4-faults.truth.ndjson.gz"),
    ) else {
        return checked;
    };
    let outcomes = play(name, records(&path), policy);
    assert_eq!(outcomes.len(), 13_251);
    for line in lines(&truth) {
        let truth: Value = serde_json::from_slice(&line).unwrap();
        let Some(mut expected) = truth["expect"].as_str() else {
            continue;
        };
        let kind = truth["kind"].as_str().unwrap();
        // The truth is told for the default ordering; under `park` a cancel before its create waits.
        if kind == "premature" && policy == Policy::PARK {
            expected = "PARKED";
        }
        let line = usize::try_from(truth["line"].as_u64().unwrap()).unwrap();
        assert_eq!(outcomes[line], expected, "{truth}");
        *checked.entry(format!("{kind} {expected}")).or_default() += 1;
    }
    checked
}

fn expected(premature: &str) -> BTreeMap<String, usize> {
    let expected = [
        ("dup DUPLICATE", 145),
        ("hijack REJECTED/ACTOR_NOT_ALLOWED", 6),
        ("poison DLT/MALFORMED", 8),
        ("poison DLT/TOO_LARGE", 2),
        ("poison DLT/UNSUPPORTED_SCHEMA", 2),
        (premature, 4),
    ];
    BTreeMap::from(expected.map(|(name, count)| (name.to_string(), count)))
}

#[test]
fn a_clean_day_by_default() {
    check_clean_day("default", Policy::DEFAULT);
}

#[test]
fn a_clean_day_under_park() {
    check_clean_day("park", Policy::PARK);
}

#[test]
fn a_day_with_faults_by_default() {
    let checked = check_faulty_day("default", Policy::DEFAULT);
    if !checked.is_empty() {
        assert_eq!(checked, expected("premature REJECTED/PREMATURE"));
    }
}

#[test]
fn a_day_with_faults_under_park() {
    let checked = check_faulty_day("park", Policy::PARK);
    if !checked.is_empty() {
        assert_eq!(checked, expected("premature PARKED"));
    }
}
