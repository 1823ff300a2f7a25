//! Each detector on a generated marketplace in which something goes wrong for a while: found within its time, over within
//! its time, and not a word on the same day without.

use std::collections::BTreeMap;
use std::time::Duration;

use jumun::generate::{
    DayCurve, EventSource, GeneratedEvent, Generator, GeneratorConfig, Incident, IncidentKind,
    Limit, Rate,
};
use jumun::job::JobOptions;
use serde_json::Value;

use crate::support::driven::{Job, record_of};
use crate::support::processor::tell;
use crate::support::topics::DETECTOR;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// 2026-11-20T14:00:00+09:00
const START: i64 = 1_795_150_800_000;
/// Records are read so often.
const TICK: i64 = 5 * SECOND;

/// A finding from its start to its end, in milliseconds of the day's beginning.
#[derive(Clone, Debug)]
struct Found {
    detector: String,
    scope: String,
    began: i64,
    started: i64,
    ended: Option<i64>,
}

fn config(minutes: i64, incident: Option<Incident>) -> GeneratorConfig {
    GeneratorConfig {
        rate: Rate::OrdersPerSecond(1.0),
        day_curve: DayCurve::Flat,
        limit: Limit::Until((START + minutes * MINUTE) as u64),
        ending: jumun::generate::Ending::CutOff,
        incident,
        ..GeneratorConfig::new(11, START as u64)
    }
}

/// Lives through a day as it is told, record by record at its time; answers what was found.
fn live(config: GeneratorConfig) -> Vec<Found> {
    live_with(config, &[])
}

/// The same; at these minutes the detectors are switched on or off.
fn live_with(config: GeneratorConfig, switched: &[(i64, bool)]) -> Vec<Found> {
    let mut options = JobOptions {
        merging_tasks: 1,
        ..JobOptions::default()
    };
    let mut job = Job::new(&options, config.start as i64);
    let mut tick = config.start as i64 + TICK;
    let mut generator = Generator::new(config);
    let mut switched = switched.iter().peekable();
    let mut event = GeneratedEvent::default();
    let go_on_to = |job: &mut Job, at: i64| {
        let step = at - job.now();
        if step > 0 {
            job.driver
                .clock()
                .advance(Duration::from_millis(step as u64));
        }
        job.commit();
    };
    while generator.next_into(&mut event) {
        while event.timestamp as i64 >= tick {
            go_on_to(&mut job, tick);
            tick += TICK;
        }
        if let Some((_, on)) = switched.next_if(|(at, _)| START + at * MINUTE <= tick) {
            options.minutes.enabled = *on;
            job.restart_with(&options);
        }
        job.append(&mut record_of(&event));
    }
    go_on_to(&mut job, tick);
    let records = job.values(DETECTOR);
    for record in &records {
        // Seen when the test fails.
        tell(record);
    }
    findings(&records)
}

fn findings(records: &[Value]) -> Vec<Found> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let at = |value: &Value, name: &str| {
        let moment = text(value, name).parse::<jiff::Timestamp>().unwrap();
        moment.as_millisecond() - START
    };
    let mut open: BTreeMap<(String, String, i64), usize> = BTreeMap::new();
    let mut found: Vec<Found> = Vec::new();
    for record in records {
        let name = (
            text(record, "detector"),
            text(record, "scope"),
            at(record, "startedAt"),
        );
        match record["phase"].as_str().unwrap() {
            "START" => {
                let (detector, scope, began) = name.clone();
                found.push(Found {
                    detector,
                    scope,
                    began,
                    started: at(record, "at"),
                    ended: None,
                });
                let before = open.insert(name, found.len() - 1);
                assert!(before.is_none(), "started twice: {record}");
            }
            "UPDATE" => assert!(open.contains_key(&name), "an update of nothing: {record}"),
            _ => {
                let which = open.remove(&name);
                let which = which.unwrap_or_else(|| panic!("an end of nothing: {record}"));
                found[which].ended = Some(at(record, "at"));
            }
        }
    }
    found
}

/// What is found while something goes wrong from one minute to another.
fn with(kind: IncidentKind, from: i64, until: i64, minutes: i64) -> Vec<Found> {
    let at = |minute: i64| (START + minute * MINUTE) as u64;
    let incident = Incident {
        kind,
        from: at(from),
        until: at(until),
    };
    live(config(minutes, Some(incident)))
}

/// The findings of a detector; there are no others but those that follow from the incident too.
fn only(found: Vec<Found>, detector: &str, besides: &[&str]) -> Vec<Found> {
    let (wanted, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|it| it.detector == detector);
    for other in &others {
        assert!(besides.contains(&other.detector.as_str()), "{other:?}");
    }
    wanted
}

fn minutes(ms: i64) -> f64 {
    ms as f64 / MINUTE as f64
}

/// One finding in the scope of everything, begun and ended so many minutes after the incident did, at most.
#[track_caller]
fn check(found: &[Found], scope: &str, from: i64, until: i64, (start, end): (i64, i64)) {
    let in_scope: Vec<&Found> = found.iter().filter(|it| it.scope == scope).collect();
    let [finding] = in_scope[..] else {
        panic!("one finding in {scope}: {found:?}");
    };
    let started = minutes(finding.started) - from as f64;
    assert!(
        (0.0..=start as f64).contains(&started),
        "started {started}: {finding:?}"
    );
    let ended = minutes(finding.ended.expect("it ends")) - until as f64;
    assert!(
        (0.0..=end as f64).contains(&ended),
        "ended {ended}: {finding:?}"
    );
    for other in found {
        assert!(other.began >= (from - 1) * MINUTE, "{other:?}");
        assert!(other.ended.is_some(), "{other:?}");
    }
}

#[test]
fn an_ordinary_day_is_silent() {
    let found = live(config(150, None));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn detectors_that_were_off_for_a_while_take_it_for_no_drop_of_orders() {
    let found = live_with(config(150, None), &[(40, false), (100, true)]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn dinner_is_no_surge_and_the_evening_no_drop() {
    // From four in the afternoon to nine in the evening.
    let start = START + 120 * MINUTE;
    let day = GeneratorConfig {
        start: start as u64,
        rate: Rate::OrdersPerSecond(0.5),
        day_curve: DayCurve::Peaks,
        limit: Limit::Until((start + 300 * MINUTE) as u64),
        ..config(0, None)
    };
    let found = live(day);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn fewer_orders_than_usual_are_a_drop() {
    let found = only(with(IncidentKind::Drop, 60, 80, 120), "order_drop", &[]);
    check(&found, "all", 60, 80, (4, 8));
}

#[test]
fn more_orders_than_usual_are_a_surge() {
    let found = only(with(IncidentKind::Surge, 60, 80, 120), "order_surge", &[]);
    check(&found, "all", 60, 80, (5, 8));
    assert!(found.iter().any(|it| it.scope.starts_with("sido=")));
}

#[test]
fn approved_and_cancelled_orders_are_a_wave() {
    let found = with(IncidentKind::CancelWave, 60, 80, 120);
    let found = only(found, "approved_and_cancelled", &[]);
    check(&found, "all", 60, 80, (3, 8));
}

#[test]
fn a_sido_without_riders_is_found() {
    let found = with(IncidentKind::NoRider, 60, 100, 150);
    let found = only(found, "no_rider", &[]);
    check(&found, "sido=서울", 60, 100, (16, 7));
}

#[test]
fn payments_without_orders_are_found_one_by_one() {
    let found = with(IncidentKind::PaidNoOrder, 60, 80, 120);
    let found = only(found, "paid_no_order", &[]);
    assert!(found.len() > 100, "{}", found.len());
    for it in &found {
        let waited = it.started - it.began;
        assert!((MINUTE..=MINUTE + 2 * TICK).contains(&waited), "{it:?}");
        assert!((59 * MINUTE..82 * MINUTE).contains(&it.began), "{it:?}");
    }
}

#[test]
fn orders_that_are_relayed_late_are_found_one_by_one() {
    let found = with(IncidentKind::NotRelayed, 60, 80, 120);
    let found = only(found, "paid_not_relayed", &[]);
    assert!(found.len() > 500, "{}", found.len());
    for it in &found {
        let waited = it.started - it.began;
        assert!(
            (30 * SECOND..=30 * SECOND + 2 * TICK).contains(&waited),
            "{it:?}"
        );
        assert!((59 * MINUTE..82 * MINUTE).contains(&it.began), "{it:?}");
        let lasted = it.ended.expect("it ends") - it.began;
        assert!(lasted <= 4 * MINUTE, "{it:?}");
    }
}

#[test]
fn deliveries_of_cancelled_orders_are_found_one_by_one() {
    let found = with(IncidentKind::Ghost, 60, 80, 150);
    let found = only(found, "ghost_delivery", &[]);
    assert!(found.len() > 30, "{}", found.len());
    for it in &found {
        assert!((59 * MINUTE..82 * MINUTE).contains(&it.began), "{it:?}");
        assert!(it.started - it.began <= 2 * TICK, "{it:?}");
        assert!(it.ended.is_some(), "{it:?}");
    }
}

#[test]
fn cancels_after_delivery_at_one_store_are_a_wave() {
    let found = with(IncidentKind::PostCancelWave, 30, 45, 240);
    let found = only(found, "post_cancel_wave", &[]);
    // Food takes up to an hour and a half to be delivered, and the rule looks back an hour.
    check(&found, "store=st_900001", 30, 45, (60, 170));
}

#[test]
fn orders_that_are_sent_twice_are_found() {
    let found = with(IncidentKind::DuplicateOrders, 60, 80, 120);
    let found = only(found, "duplicate_orders", &[]);
    check(&found, "all", 60, 80, (3, 8));
}
