//! Clean days with faults put into them: judged, repaired, replayed, and then as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::accounts::{Accounts, Place, place, text};
use super::data_file;
use super::model::{InputRecord, Model, Policy};
use super::mutations::{self, ARRIVAL, Event, Fault, MutatedDay, Rates, message};
use super::processor::{jumun, run_to_end, tell};
use super::trial::Trial;

/// Rejections that a replay can mend.
const REPAIRABLE: &str =
    "PREMATURE,SEQ_GAP,SEQ_GAP_TIMEOUT,AWAIT_PREDECESSOR,PREDECESSOR_TIMEOUT,PARK_LIMIT";
/// Rejections for good: the version is consumed.
const JUDGED: [&str; 4] = [
    "AFTER_TERMINAL",
    "ILLEGAL_TRANSITION",
    "ACTOR_NOT_ALLOWED",
    "OVER_REFUND",
];
/// What has to be the same at the end. Times are not: they are those of when it was judged.
const COMPARED: [&str; 9] = [
    "status",
    "regions",
    "versions",
    "amount",
    "refunded",
    "seq",
    "fulfilment",
    "attempts",
    "reassigned",
];
/// So often an operator replays what was rejected.
const REPLAYS: usize = 2;

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
    let day = mutations::mutate(mutations::read(file), &Rates::default(), seed);
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

    let repairs = repair(&day, &mut trial, &accounts);
    let accounts = trial.accounts();
    accounts.assert_complete();
    let changed = changed(&clean, &accounts);
    tell(format!(
        "{name}: {repairs} repaired by hand, {REPLAYS} replays, after {:.0?}: {:?}\n{} of {} orders end otherwise",
        began.elapsed(),
        accounts.outcomes,
        changed.len(),
        clean.len(),
    ));
    assert_explained(&day, &accounts, &changed);
    trial.end();
}

/// How every order ends if nothing goes wrong.
fn undisturbed(events: &[Event]) -> BTreeMap<String, Value> {
    let mut model = Model::new(Policy::STRICT);
    model.set_now(events.iter().map(|event| event.timestamp).max().unwrap());
    for (offset, event) in events.iter().enumerate() {
        let judged = model.feed(&InputRecord {
            topic: event.topic.to_owned(),
            partition: 0,
            offset: i64::try_from(offset).unwrap(),
            key: Some(event.order_no.clone().into_bytes()),
            value: Some(event.value.clone()),
            headers: Vec::new(),
            timestamp: event.timestamp,
        });
        assert!(judged.name().starts_with('A'), "{}", judged.name());
    }
    model.states()
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
    let (rejected, dead, applied) = (
        accounts.rejected(),
        accounts.dead_letters(),
        accounts.applied(),
    );
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
        let _ = rejected;
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
            Fault::Duplicate | Fault::Clock => is_applied && reasons.is_empty(),
            // Races between aggregates are judged as they come.
            Fault::Swap | Fault::Delay => continue,
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

/// Orders to which nothing was done are not touched by what was done to others, unless there was no room left to wait.
fn assert_bystanders(day: &MutatedDay, accounts: &Accounts, clean: &BTreeMap<String, Value>) {
    let faults = day.faults();
    let crowded: BTreeSet<&str> = accounts
        .rejections()
        .filter(|rejection| rejection["reason"] == "PARK_LIMIT")
        .map(|rejection| text(rejection, "orderNo"))
        .collect();
    let changed = changed(clean, accounts);
    for (order_no, how) in changed {
        assert!(
            faults.contains_key(order_no.as_str()) || crowded.contains(order_no.as_str()),
            "{order_no} ends otherwise for no reason: {how}"
        );
    }
}

/// What people do about it: each dead letter is repaired by its id, the sources send what was lost, and what was rejected too
/// early is replayed. Gives the number of repairs.
fn repair(day: &MutatedDay, trial: &mut Trial, accounts: &Accounts) -> usize {
    let places = places(accounts);
    let broken: BTreeMap<Place, &Event> = day
        .arrivals
        .iter()
        .enumerate()
        .filter(|(_, arrival)| arrival.poison.is_some())
        .map(|(number, arrival)| (places[&number].clone(), &day.events[arrival.event]))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("event.json");
    let reasons = "MALFORMED,TOO_LARGE,UNSUPPORTED_SCHEMA,KEY_MISMATCH";
    let listed = trial.operator().json(&["dlt", "list", "--reason", reasons]);
    assert_eq!(listed.len(), broken.len());
    for entry in &listed {
        let source = &entry["source"];
        let place = (
            text(source, "topic").to_owned(),
            i32::try_from(source["partition"].as_i64().unwrap()).unwrap(),
            source["offset"].as_i64().unwrap(),
        );
        std::fs::write(&file, &broken[&place].value).unwrap();
        let value = file.to_str().unwrap();
        let replayed = trial
            .operator()
            .replay(&[text(entry, "id"), "--value", value]);
        assert_eq!(replayed["sent"], 1, "{replayed}");
    }
    let lost = day.lost();
    let lost = lost.iter().map(|(event, arrival)| message(event, arrival));
    trial.broker.produce(lost).unwrap();
    trial.settle();
    for _ in 0..REPLAYS {
        let replayed = trial.operator().replay(&["--reason", REPAIRABLE]);
        tell(format!(
            "{} sent, {} refused, {} superseded",
            replayed["sent"],
            replayed["refused"].as_array().unwrap().len(),
            replayed["superseded"]
        ));
        trial.settle();
    }
    listed.len()
}

/// Orders that do not end as the clean day's, and in what they differ.
fn changed(clean: &BTreeMap<String, Value>, accounts: &Accounts) -> BTreeMap<String, String> {
    let found = &accounts.outputs.states;
    let orders: BTreeSet<&String> = clean.keys().chain(found.keys()).collect();
    let mut changed = BTreeMap::new();
    for order_no in orders {
        let [expected, found] = [clean, found].map(|states| states.get(order_no));
        let (Some(expected), Some(found)) = (expected, found) else {
            changed.insert(order_no.clone(), format!("{expected:?}, found {found:?}"));
            continue;
        };
        let of = |state: &Value, field: &str| state.get(field).cloned().unwrap_or_default();
        let differences: Vec<String> = COMPARED
            .iter()
            .filter(|field| of(expected, field) != of(found, field))
            .map(|field| format!("{field} {}, not {}", of(found, field), of(expected, field)))
            .collect();
        if !differences.is_empty() {
            changed.insert(order_no.clone(), differences.join("; "));
        }
    }
    changed
}

/// Orders that still end otherwise: an event of theirs was judged by its actor, or by a race that a fault began.
fn assert_explained(day: &MutatedDay, accounts: &Accounts, changed: &BTreeMap<String, String>) {
    let faults = day.faults();
    for (order_no, how) in changed {
        let of_order = accounts.outputs.rejections.get(order_no);
        let reasons: Vec<&str> = of_order
            .into_iter()
            .flatten()
            .map(|rejection| text(rejection, "reason"))
            .collect();
        tell(format!(
            "{order_no}: {:?}, {reasons:?}: {how}",
            faults.get(order_no.as_str())
        ));
        assert!(
            reasons.iter().any(|reason| JUDGED.contains(reason)),
            "{order_no} ends otherwise, and nothing of it was judged: {how}"
        );
    }
}
