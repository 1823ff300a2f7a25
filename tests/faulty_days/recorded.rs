//! The recorded day with faults: each line against the truth about it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::accounts::{Accounts, Place, place, text};
use super::data_file;
use super::trial::Trial;
use crate::support::operator::Operator;
use crate::support::processor::tell;

const LINES: usize = 13_251;
const KNOWN_OUTCOMES: usize = 167;

#[test]
fn each_fault_of_a_recorded_day_becomes_what_it_must() {
    let (Some(day), Some(truth)) = (
        data_file("market-day-4-faults.ndjson.gz"),
        data_file("market-day-4-faults.truth.ndjson.gz"),
    ) else {
        return;
    };
    let mut trial = Trial::run(|broker| {
        Operator(broker).run(&["replay", day.to_str().unwrap()]);
    });
    let accounts = trial.accounts();
    tell(format!(
        "{:?}, violations {:?}",
        accounts.outcomes, accounts.violations
    ));
    accounts.assert_complete();
    assert_eq!(accounts.inputs.len(), LINES);

    let lines = lines(&day);
    let lines = Lines::of(&lines, &accounts);
    let mut known = 0;
    let mut wrong = Vec::new();
    for injection in lines_of_json(&truth) {
        let Some(expected) = injection["expect"].as_str() else {
            continue;
        };
        known += 1;
        let line = usize::try_from(injection["line"].as_u64().unwrap()).unwrap();
        let found = lines.outcome(line);
        if found != expected {
            wrong.push(format!("{injection}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(known, KNOWN_OUTCOMES);
    trial.end();
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn lines_of_json(path: &Path) -> Vec<Value> {
    let parsed = |line: Vec<u8>| serde_json::from_slice(&line).unwrap();
    lines(path).into_iter().map(parsed).collect()
}

/// Where each line lies: equal lines are of one partition, and lie there in their order.
fn places(lines: &[Vec<u8>], accounts: &Accounts) -> Vec<Place> {
    let mut by_value: HashMap<&[u8], VecDeque<Place>> = HashMap::new();
    let mut inputs: Vec<_> = accounts.inputs.iter().collect();
    inputs.sort_by_key(|record| (record.partition, record.offset));
    for record in inputs {
        let value = record.value.as_deref().unwrap();
        by_value.entry(value).or_default().push_back(place(record));
    }
    let mut next = |line: &Vec<u8>| by_value.get_mut(line.as_slice())?.pop_front();
    lines.iter().map(|line| next(line).unwrap()).collect()
}

/// The lines of one day, and what became of each.
struct Lines<'a> {
    places: Vec<Place>,
    ids: Vec<Option<String>>,
    by_id: HashMap<String, Vec<usize>>,
    rejected: BTreeMap<Place, &'a str>,
    dead: BTreeMap<Place, &'a str>,
    applied: BTreeMap<&'a str, &'a str>,
}

impl<'a> Lines<'a> {
    fn of(lines: &[Vec<u8>], accounts: &'a Accounts) -> Self {
        let id = |line: &Vec<u8>| {
            let parsed: Value = serde_json::from_slice(line).ok()?;
            Some(parsed["id"].as_str()?.to_owned())
        };
        let ids: Vec<_> = lines.iter().map(id).collect();
        let mut by_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (line, id) in ids.iter().enumerate() {
            if let Some(id) = id {
                by_id.entry(id.clone()).or_default().push(line);
            }
        }
        let applied = accounts
            .transitions()
            .map(|transition| (text(transition, "eventId"), text(transition, "outcome")));
        Self {
            places: places(lines, accounts),
            ids,
            by_id,
            rejected: accounts.rejected(),
            dead: accounts.dead_letters(),
            applied: applied.collect(),
        }
    }

    /// `OUTCOME` or `OUTCOME/REASON`. Of the lines of one event that were not refused where they stood, only the first can
    /// have been applied.
    fn outcome(&self, line: usize) -> String {
        let place = &self.places[line];
        if let Some(reason) = self.dead.get(place) {
            return format!("DLT/{reason}");
        }
        if let Some(reason) = self.rejected.get(place) {
            return format!("REJECTED/{reason}");
        }
        let Some(id) = &self.ids[line] else {
            return "none".to_owned();
        };
        let is_refused = |line: &&usize| self.rejected.contains_key(&self.places[**line]);
        let copies = &self.by_id[id];
        match self.applied.get(id.as_str()) {
            Some(outcome) if copies.iter().find(|copy| !is_refused(copy)) == Some(&line) => {
                (*outcome).to_owned()
            }
            Some(_) => "DUPLICATE".to_owned(),
            None if copies.iter().any(|copy| is_refused(&copy)) => "DUPLICATE".to_owned(),
            None => "none".to_owned(),
        }
    }
}
