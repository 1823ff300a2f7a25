//! Compares what a run emitted with what the model says it must emit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::normalise::normalised;
use super::outputs::RunOutput;

const PRINTED_DIFFERENCES: usize = 10;

/// How a run differs from what was expected.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Records compared.
    pub compared: usize,
    /// Expected and not there.
    pub missing: usize,
    /// There more often than expected.
    pub duplicate: usize,
    /// There, with another content or out of order.
    pub wrong: usize,
    /// There and not expected at all.
    pub unexpected: usize,
    pub differences: Vec<String>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.missing + self.duplicate + self.wrong + self.unexpected == 0
    }

    fn note(&mut self, difference: String) {
        if self.differences.len() < PRINTED_DIFFERENCES {
            self.differences.push(difference);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} compared: {} missing, {} duplicate, {} wrong, {} unexpected",
            self.compared, self.missing, self.duplicate, self.wrong, self.unexpected
        )?;
        self.differences
            .iter()
            .try_for_each(|difference| writeln!(out, "- {difference}"))
    }
}

/// Compares whole runs: transitions, rejections, reconciles and redrives of every order in their order, its final
/// state, and the dead letters.
pub fn compare(expected: &RunOutput, actual: &RunOutput) -> Report {
    let mut report = Report::default();
    for (kind, expected, actual) in [
        ("transition", &expected.transitions, &actual.transitions),
        ("rejection", &expected.rejections, &actual.rejections),
        ("reconcile", &expected.reconciles, &actual.reconciles),
        ("redrive", &expected.redriven, &actual.redriven),
    ] {
        let orders: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
        for order_no in orders {
            compare_sequences(
                &mut report,
                kind,
                order_no,
                expected.get(order_no).map_or(&[], Vec::as_slice),
                actual.get(order_no).map_or(&[], Vec::as_slice),
            );
        }
    }
    let orders: BTreeSet<&String> = expected.states.keys().chain(actual.states.keys()).collect();
    for order_no in orders {
        compare_sequences(
            &mut report,
            "state",
            order_no,
            expected
                .states
                .get(order_no)
                .map_or(&[], std::slice::from_ref),
            actual
                .states
                .get(order_no)
                .map_or(&[], std::slice::from_ref),
        );
    }
    compare_dead_letters(&mut report, expected, actual);
    report
}

/// What makes a record the same one in both runs, whatever its content.
fn identity(kind: &str, value: &Value) -> String {
    match kind {
        "transition" => format!("generation {} seq {}", value["generation"], value["seq"]),
        "rejection" => {
            let topic = value["topic"].as_str().unwrap_or_default();
            format!("of {topic}/{}@{}", value["partition"], value["offset"])
        }
        "reconcile" => format!("{} of {}", value["kind"], value["facts"][0]["id"]),
        "redrive" => format!(
            "{} of {}",
            value["headers"]["x-redrive-count"], value["event"]["id"]
        ),
        _ => "at the end".to_string(),
    }
}

fn compare_sequences(
    report: &mut Report,
    kind: &str,
    order_no: &str,
    expected: &[Value],
    actual: &[Value],
) {
    report.compared += expected.len();
    // Records of one identity are told apart by their turn, for a forced redrive may be rejected twice.
    let mut turns = by_identity(kind, actual);
    let mut positions = Vec::new();
    let mut known = BTreeSet::new();
    for wanted in expected {
        let identity = identity(kind, wanted);
        known.insert(identity.clone());
        let candidates = turns.entry(identity.clone()).or_default();
        if candidates.is_empty() {
            report.missing += 1;
            report.note(format!("{order_no}: missing {kind} {identity}: {wanted}"));
            continue;
        }
        let (position, found) = candidates.remove(0);
        let (wanted, found) = (normalised(kind, wanted), normalised(kind, found));
        if wanted != found {
            let differences = differing_fields(&wanted, &found);
            report.wrong += 1;
            report.note(format!(
                "{order_no}: wrong {kind} {identity}: {}",
                differences.join("; ")
            ));
        }
        positions.push((position, identity));
    }
    for (identity, rest) in turns {
        for (_, found) in rest {
            if known.contains(&identity) {
                report.duplicate += 1;
                report.note(format!("{order_no}: duplicate {kind} {identity}"));
            } else {
                report.unexpected += 1;
                report.note(format!("{order_no}: unexpected {kind} {identity}: {found}"));
            }
        }
    }
    for pair in positions.windows(2) {
        if pair[1].0 < pair[0].0 {
            report.wrong += 1;
            report.note(format!(
                "{order_no}: {kind} {} stands before {}",
                pair[1].1, pair[0].1
            ));
        }
    }
}

fn by_identity<'a>(kind: &str, records: &'a [Value]) -> BTreeMap<String, Vec<(usize, &'a Value)>> {
    let mut found: BTreeMap<String, Vec<(usize, &Value)>> = BTreeMap::new();
    for (position, record) in records.iter().enumerate() {
        found
            .entry(identity(kind, record))
            .or_default()
            .push((position, record));
    }
    found
}

fn compare_dead_letters(report: &mut Report, expected: &RunOutput, actual: &RunOutput) {
    let as_records = |output: &RunOutput| -> BTreeMap<String, Vec<String>> {
        let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for letter in &output.dead_letters {
            let place = format!("{}/{}@{}", letter.topic, letter.partition, letter.offset);
            records
                .entry(place)
                .or_default()
                .push(letter.reason.clone());
        }
        records
    };
    let (expected, actual) = (as_records(expected), as_records(actual));
    let places: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for place in places {
        let reasons = |letters: &BTreeMap<String, Vec<String>>| {
            letters.get(place).cloned().unwrap_or_default()
        };
        let (wanted, found) = (reasons(&expected), reasons(&actual));
        report.compared += wanted.len();
        if wanted == found {
            continue;
        }
        report.note(format!(
            "dead letter {place}: expected {wanted:?}, found {found:?}"
        ));
        let in_common = wanted.len().min(found.len());
        report.missing += wanted.len() - in_common;
        report.wrong += (0..in_common)
            .filter(|turn| wanted[*turn] != found[*turn])
            .count();
        match wanted.is_empty() {
            true => report.unexpected += found.len(),
            false => report.duplicate += found.len() - in_common,
        }
    }
}

/// `field: expected …, found …`, by path.
fn differing_fields(expected: &Value, actual: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    collect_differences("", expected, actual, &mut differences);
    differences
}

fn collect_differences(
    path: &str,
    expected: &Value,
    actual: &Value,
    differences: &mut Vec<String>,
) {
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(found)) => {
            let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
            for name in names {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let field =
                    |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
                collect_differences(&path, &field(wanted), &field(found), differences);
            }
        }
        _ if expected == actual => {}
        _ => differences.push(format!("{path}: expected {expected}, found {actual}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::outputs::DeadLetter;
    use super::*;

    fn transition(seq: u64) -> Value {
        json!({"orderNo": "B1", "generation": 1, "seq": seq, "action": format!("a{seq}"), "reason": null})
    }

    fn rejection(offset: i64) -> Value {
        json!({"orderNo": "B1", "reason": "SEQ_GAP", "detail": "free", "topic": "t", "partition": 0, "offset": offset})
    }

    fn run() -> RunOutput {
        let mut run = RunOutput::default();
        (1..=4).for_each(|seq| run.add_transition(transition(seq)));
        (7..=9).for_each(|offset| run.add_rejection(rejection(offset)));
        run.add_reconcile(json!({"orderNo": "B1", "kind": "SEQ", "facts": [{"id": "e1"}, {"eventId": "e0"}], "at": "x"}));
        run.add_state(json!({"orderNo": "B1", "seq": 4, "flags": ["bad_time", "contradicted"], "updatedAt": "x"}));
        run.dead_letters.push(letter(3, "MALFORMED"));
        run
    }

    fn letter(offset: i64, reason: &str) -> DeadLetter {
        DeadLetter {
            topic: "t".to_string(),
            partition: 0,
            offset,
            reason: reason.to_string(),
        }
    }

    /// Compares the run with itself after a change: counts of missing, duplicate, wrong and unexpected records.
    fn check(change: impl FnOnce(&mut RunOutput), expected: [usize; 4]) {
        let mut changed = run();
        change(&mut changed);
        let report = compare(&run(), &changed);
        assert_eq!(
            [
                report.missing,
                report.duplicate,
                report.wrong,
                report.unexpected
            ],
            expected,
            "{report}"
        );
        assert_eq!(report.is_clean(), expected == [0; 4]);
        assert_eq!(report.differences.is_empty(), report.is_clean());
    }

    fn transitions(run: &mut RunOutput) -> &mut Vec<Value> {
        run.transitions.get_mut("B1").unwrap()
    }

    #[test]
    fn equal_runs_do_not_differ() {
        check(|_| {}, [0, 0, 0, 0]);
    }

    #[test]
    fn a_missing_tail_record_is_found() {
        check(|run| drop(transitions(run).pop()), [1, 0, 0, 0]);
    }

    #[test]
    fn every_record_of_a_missing_order_is_found() {
        check(|run| run.transitions.clear(), [4, 0, 0, 0]);
    }

    #[test]
    fn a_duplicate_is_found() {
        check(|run| run.add_transition(transition(2)), [0, 1, 0, 0]);
        check(|run| run.add_rejection(rejection(9)), [0, 1, 0, 0]);
    }

    #[test]
    fn a_swapped_pair_is_found() {
        check(|run| transitions(run).swap(1, 2), [0, 0, 1, 0]);
        check(
            |run| run.rejections.get_mut("B1").unwrap().swap(0, 1),
            [0, 0, 1, 0],
        );
    }

    #[test]
    fn a_pair_applied_in_the_other_order_is_found() {
        let exchange = |run: &mut RunOutput| {
            let actions = [
                transitions(run)[1]["action"].clone(),
                transitions(run)[2]["action"].clone(),
            ];
            let [second, third] = actions;
            transitions(run)[1]["action"] = third;
            transitions(run)[2]["action"] = second;
        };
        check(exchange, [0, 0, 2, 0]);
    }

    #[test]
    fn a_changed_field_is_found() {
        check(
            |run| transitions(run)[3]["action"] = json!("other"),
            [0, 0, 1, 0],
        );
        check(
            |run| run.reconciles.get_mut("B1").unwrap()[0]["facts"][1]["eventId"] = json!("e9"),
            [0, 0, 1, 0],
        );
        check(
            |run| run.states.get_mut("B1").unwrap()["seq"] = json!(5),
            [0, 0, 1, 0],
        );
        check(
            |run| run.states.get_mut("B1").unwrap()["flags"] = json!(["bad_time"]),
            [0, 0, 1, 0],
        );
    }

    #[test]
    fn a_field_that_should_not_be_there_is_found() {
        check(|run| transitions(run)[0]["extra"] = json!(1), [0, 0, 1, 0]);
    }

    #[test]
    fn an_unexpected_record_is_found() {
        check(|run| run.add_transition(transition(5)), [0, 0, 0, 1]);
        check(|run| run.add_state(json!({"orderNo": "B2"})), [0, 0, 0, 1]);
        check(
            |run| run.dead_letters.push(letter(4, "MALFORMED")),
            [0, 0, 0, 1],
        );
    }

    #[test]
    fn dead_letters_are_compared_by_place_and_reason() {
        check(|run| run.dead_letters.clear(), [1, 0, 0, 0]);
        check(
            |run| run.dead_letters.push(letter(3, "MALFORMED")),
            [0, 1, 0, 0],
        );
        check(
            |run| run.dead_letters = vec![letter(3, "TOO_LARGE")],
            [0, 0, 1, 0],
        );
    }

    #[test]
    fn what_cannot_be_known_is_ignored() {
        check(
            |run| run.states.get_mut("B1").unwrap()["updatedAt"] = json!("y"),
            [0, 0, 0, 0],
        );
        check(
            |run| run.reconciles.get_mut("B1").unwrap()[0]["at"] = json!("y"),
            [0, 0, 0, 0],
        );
        check(
            |run| run.rejections.get_mut("B1").unwrap()[0]["detail"] = json!("y"),
            [0, 0, 0, 0],
        );
    }

    #[test]
    fn absent_and_null_are_the_same() {
        check(
            |run| {
                drop(
                    transitions(run)[0]
                        .as_object_mut()
                        .unwrap()
                        .remove("reason"),
                )
            },
            [0, 0, 0, 0],
        );
        check(
            |run| transitions(run)[0]["liability"] = Value::Null,
            [0, 0, 0, 0],
        );
    }
}
