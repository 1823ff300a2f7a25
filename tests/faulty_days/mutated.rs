//! Clean days with faults put into them: judged, repaired, replayed, and then as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::accounts::{Accounts, Place, place, text};
use super::data_file;
use super::trial::Trial;
use crate::support::model::InputRecord;
use crate::support::mutations::{ARRIVAL, Event, Fault, MutatedDay, Rates, message, mutate};
use crate::support::processor::{jumun, run_to_end, tell};
use crate::support::undisturbed::{changed, undisturbed};

/// What the processor does not redrive by itself: there was no room left to wait.
const TO_REPLAY: &str = "PARK_LIMIT";
/// So many dead letters are repaired by hand; then people ask the sources to send the rest again.
const BY_HAND: usize = 25;
/// Rejections for good: the version is consumed.
const JUDGED: [&str; 4] = [
    "AFTER_TERMINAL",
    "ILLEGAL_TRANSITION",
    "ACTOR_NOT_ALLOWED",
    "OVER_REFUND",
];
/// Faults that change what comes when, not what is told.
const HARMLESS: [Fault; 4] = [Fault::Duplicate, Fault::Swap, Fault::Delay, Fault::Clock];
/// Faults that let aggregates of an order overtake each other.
const DISORDER: [Fault; 4] = [Fault::Swap, Fault::Delay, Fault::Lost, Fault::Poison];
/// One race in so many disorderly events is judged otherwise at most.
const RACES: usize = 50;

#[test]
fn a_damaged_generated_day_ends_as_the_clean_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("day.ndjson");
    let mut command = jumun("generate");
    command
        .args([
            "--orders",
            "600",
            "--seed",
            "11",
            "--start-ms",
            "1795100400000",
        ])
        .arg("--to")
        .arg(&file);
    let (status, _, errors) = run_to_end(command).unwrap();
    assert_eq!(status, Some(0), "{errors}");
    check("a generated day", &file, 11);
}

#[test]
fn market_day_0_damaged_ends_as_the_clean_one() {
    if let Some(file) = data_file("market-day-0.ndjson.gz") {
        check("market day 0", &file, 20);
    }
}

#[test]
fn market_day_4_damaged_ends_as_the_clean_one() {
    if let Some(file) = data_file("market-day-4.ndjson.gz") {
        check("market day 4", &file, 24);
    }
}

fn check(name: &str, file: &Path, seed: u64) {
    let began = Instant::now();
    let day = mutate(Event::of_file(file), &Rates::default(), seed);
    let clean = undisturbed(&day.events);
    let mut trial = Trial::run(|broker| {
        broker.produce(day.messages()).unwrap();
    });
    let accounts = trial.accounts();
    let judged = format!(
        "{name}: {} events, {:?}\njudged after {:.0?}: {:?}",
        day.events.len(),
        day.counts(),
        began.elapsed(),
        accounts.outcomes
    );
    tell(&judged);
    accounts.assert_complete();
    assert_truth(&day, &accounts);
    assert_bystanders(&day, &accounts, &clean);

    repair(&day, &mut trial, &accounts);
    let accounts = trial.accounts();
    accounts.assert_complete();
    let changed = changed(&clean, &accounts.outputs.states);
    tell(format!(
        "{name}: repaired after {:.0?}: {:?}\n{} of {} orders end otherwise",
        began.elapsed(),
        accounts.outcomes,
        changed.len(),
        clean.len(),
    ));
    assert_explained(&day, &accounts, &changed);
    trial.end();
}

/// Where each arrival lies, by its number.
fn places(accounts: &Accounts) -> BTreeMap<usize, Place> {
    let number = |record: &InputRecord| -> Option<usize> {
        let (_, value) = record.headers.iter().find(|(name, _)| name == ARRIVAL)?;
        std::str::from_utf8(value).ok()?.parse().ok()
    };
    let inputs = accounts.inputs.iter();
    inputs
        .filter_map(|record| Some((number(record)?, place(record))))
        .collect()
}

/// What each fault must have become, where the fault alone decides it.
fn assert_truth(day: &MutatedDay, accounts: &Accounts) {
    let places = places(accounts);
    let (dead, applied) = (accounts.dead_letters(), accounts.applied());
    assert_eq!(places.len(), day.arrivals.len());
    let poison = day.counts().get(&Fault::Poison).copied().unwrap_or(0);
    assert_eq!(dead.len(), poison, "{dead:?}");
    let alone: BTreeSet<usize> = day
        .injections
        .iter()
        .filter(|injection| {
            let of_order = &day.events[injection.event].order_no;
            let others = day.injections.iter();
            let same = others.filter(|other| day.events[other.event].order_no == *of_order);
            same.count() == 1
        })
        .map(|injection| injection.event)
        .collect();
    let refused: BTreeMap<&str, Vec<&str>> = reasons_by_event(accounts);
    for (number, arrival) in day.arrivals.iter().enumerate() {
        let place = &places[&number];
        assert_eq!(dead.get(place).copied(), arrival.poison, "{place:?}");
        let event = &day.events[arrival.event];
        let is_told = applied.contains(event.id.as_str())
            || refused.contains_key(event.id.as_str())
            || arrival.poison.is_some();
        assert!(is_told, "nothing became of {event:?}");
    }
    let mut seen: BTreeMap<Fault, usize> = BTreeMap::new();
    for injection in &day.injections {
        let event = &day.events[injection.event];
        let is_applied = applied.contains(event.id.as_str());
        let reasons = refused.get(event.id.as_str()).cloned().unwrap_or_default();
        let holds = match injection.fault {
            Fault::Lost | Fault::Poison => !is_applied && reasons.is_empty(),
            _ if !alone.contains(&injection.event) || reasons.contains(&"PARK_LIMIT") => continue,
            Fault::Actor => !is_applied && reasons == ["ACTOR_NOT_ALLOWED"],
            Fault::Duplicate | Fault::Clock | Fault::Swap | Fault::Delay => {
                is_applied && reasons.is_empty()
            }
        };
        assert!(
            holds,
            "{injection:?} {event:?}: applied {is_applied}, {reasons:?}"
        );
        *seen.entry(injection.fault).or_default() += 1;
    }
    tell(format!("as the truth says: {seen:?}"));
}

fn reasons_by_event(accounts: &Accounts) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rejection in accounts.rejections() {
        let id = text(&rejection["event"], "id");
        reasons
            .entry(id)
            .or_default()
            .push(text(rejection, "reason"));
    }
    reasons
}

/// Orders whose events only came out of turn, twice or with a wrong time end as on the clean day without any help, unless
/// there was no room left to wait.
fn assert_bystanders(day: &MutatedDay, accounts: &Accounts, clean: &BTreeMap<String, Value>) {
    let faults = day.faults();
    let crowded: BTreeSet<&str> = accounts
        .rejections()
        .filter(|rejection| rejection["reason"] == "PARK_LIMIT")
        .map(|rejection| text(rejection, "orderNo"))
        .collect();
    for (order_no, how) in changed(clean, &accounts.outputs.states) {
        let of_order = faults.get(order_no.as_str()).into_iter().flatten();
        let is_harmed = of_order.into_iter().any(|fault| !HARMLESS.contains(fault));
        assert!(
            is_harmed || crowded.contains(order_no.as_str()),
            "{order_no} ends otherwise for no reason: {how}"
        );
    }
}

/// What people do about it: dead letters are repaired by their ids, the sources send what was lost, and what there was no
/// room for is replayed with one command. The processor redrives the rest.
fn repair(day: &MutatedDay, trial: &mut Trial, accounts: &Accounts) {
    let places = places(accounts);
    let broken: BTreeMap<Place, usize> = day
        .arrivals
        .iter()
        .enumerate()
        .filter(|(_, arrival)| arrival.poison.is_some())
        .map(|(number, arrival)| (places[&number].clone(), arrival.event))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("event.json");
    let reasons = "MALFORMED,TOO_LARGE,UNSUPPORTED_SCHEMA,KEY_MISMATCH";
    let listed = trial.operator().json(&["dlt", "list", "--reason", reasons]);
    assert_eq!(listed.len(), broken.len());
    let mut left: BTreeSet<usize> = broken.values().copied().collect();
    for entry in listed.iter().take(BY_HAND) {
        let source = &entry["source"];
        let place = (
            text(source, "topic").to_owned(),
            i32::try_from(source["partition"].as_i64().unwrap()).unwrap(),
            source["offset"].as_i64().unwrap(),
        );
        let event = broken[&place];
        left.remove(&event);
        std::fs::write(&file, &day.events[event].value).unwrap();
        let value = file.to_str().unwrap();
        let replayed = trial
            .operator()
            .replay(&[text(entry, "id"), "--value", value]);
        assert_eq!(replayed["sent"], 1, "{replayed}");
    }
    left.extend(day.lost());
    let sent: Vec<_> = left.into_iter().map(|event| day.resent(event)).collect();
    let messages = sent.iter().map(|(event, arrival)| message(event, arrival));
    trial.broker.produce(messages).unwrap();
    trial.settle();
    let replayed = trial.operator().replay(&["--reason", TO_REPLAY]);
    tell(format!(
        "{} repaired by hand, {} sent again by their sources, {} replayed",
        listed.len().min(BY_HAND),
        sent.len(),
        replayed["sent"],
    ));
    assert_eq!(replayed["refused"].as_array().map(Vec::len), Some(0));
    trial.settle();
}

/// Orders that still end otherwise: an event of theirs carried a wrong actor, or a fault let its aggregates race and a race was
/// judged for good. No more of them than such faults.
fn assert_explained(day: &MutatedDay, accounts: &Accounts, changed: &BTreeMap<String, String>) {
    let faults = day.faults();
    let mut races = 0;
    for (order_no, how) in changed {
        let of_order = accounts.outputs.rejections.get(order_no);
        let judged: BTreeSet<&str> = of_order
            .into_iter()
            .flatten()
            .map(|rejection| text(rejection, "reason"))
            .filter(|reason| JUDGED.contains(reason))
            .collect();
        let faults = faults.get(order_no.as_str()).cloned().unwrap_or_default();
        let how: String = how.chars().take(160).collect();
        let line = format!("{order_no}: {faults:?}, {judged:?}: {how}");
        tell(&line);
        assert!(!judged.is_empty(), "nothing was judged: {line}");
        if !faults.contains(&Fault::Actor) {
            races += 1;
            let disorder = faults.iter().any(|fault| DISORDER.contains(fault));
            assert!(disorder, "nothing was out of turn: {line}");
        }
    }
    let injected = day.counts();
    let count = |fault: &Fault| injected.get(fault).copied().unwrap_or(0);
    assert!(changed.len() - races <= count(&Fault::Actor));
    let disorder: usize = DISORDER.iter().map(count).sum();
    assert!(
        races <= disorder / RACES,
        "{races} races, {disorder} injected"
    );
}
