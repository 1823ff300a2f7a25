//! What a damaged stream promises.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::legality::Judge;
use super::{
    Carrier, EventFileWriter, EventSource, FaultConfig, FaultRates, Faults, GeneratedEvent,
    Generator, GeneratorConfig, InjectionKind, Limit,
};
use crate::replay::EventFileReader;

const START: u64 = 1_795_100_400_000;
const NONE: FaultRates = FaultRates {
    duplicate: 0.0,
    out_of_order: 0.0,
    late: 0.0,
    illegal: 0.0,
    malformed: 0.0,
    clock_ahead: 0.0,
    clock_back: 0.0,
};

fn clean(orders: u64) -> Generator {
    Generator::new(GeneratorConfig {
        limit: Limit::Orders(orders),
        ..GeneratorConfig::new(11, START)
    })
}

struct Seen {
    event: GeneratedEvent,
    kind: Option<InjectionKind>,
    truth: String,
}

fn damaged(orders: u64, config: FaultConfig) -> Vec<Seen> {
    let mut faults = Faults::new(clean(orders), config);
    let mut event = GeneratedEvent::default();
    let mut all = Vec::new();
    while faults.next_into(&mut event) {
        let injection = faults.injection();
        let mut truth = Vec::new();
        if let Some((injection, line)) = injection {
            assert_eq!(line, all.len() as u64);
            injection.write_line(line, &event, &mut truth).unwrap();
        }
        let kind = injection.map(|(injection, _)| injection.kind);
        all.push(Seen {
            event: event.clone(),
            kind,
            truth: String::from_utf8(truth).unwrap(),
        });
    }
    all
}

fn with(rates: FaultRates) -> FaultConfig {
    FaultConfig {
        seed: 1,
        rates,
        carrier: Carrier::Topics,
    }
}

#[test]
fn without_rates_the_stream_is_the_clean_one() {
    let mut source = clean(300);
    let mut expected = GeneratedEvent::default();
    for seen in damaged(300, with(NONE)) {
        assert!(source.next_into(&mut expected));
        assert_eq!(
            (seen.event.value, seen.kind),
            (expected.value.clone(), None)
        );
    }
    assert!(!source.next_into(&mut expected));
}

#[test]
fn faults_come_at_their_rates_with_their_truth() {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    let all = damaged(30_000, FaultConfig::default());
    for seen in &all {
        let Some(kind) = seen.kind else { continue };
        *counts.entry(kind.name()).or_default() += 1.0;
        let truth: serde_json::Value = serde_json::from_str(&seen.truth).unwrap();
        assert_eq!(truth["kind"], kind.name());
        if kind != InjectionKind::Poison {
            assert_eq!(truth["id"].as_str().unwrap().as_bytes(), seen.event.id);
            let json: serde_json::Value = serde_json::from_slice(&seen.event.value).unwrap();
            for (name, path) in [
                ("id", "/id"),
                ("action", "/action"),
                ("version", "/target/version"),
            ] {
                assert_eq!(Some(&truth[name]), json.pointer(path), "{truth} {json}");
            }
        }
    }
    let share = |kinds: &[&str]| {
        kinds
            .iter()
            .map(|kind| counts.get(kind).unwrap_or(&0.0))
            .sum::<f64>()
            / all.len() as f64
    };
    println!("{} records, {counts:?}", all.len());
    assert!((0.0065..0.0085).contains(&share(&["dup"])));
    assert!((0.0047..0.0063).contains(&share(&["swap", "delay"])));
    assert!((0.0007..0.0013).contains(&share(&["premature", "hijack", "transition"])));
    assert!((0.00003..0.0003).contains(&share(&["poison"])));
    assert!((0.0005..0.0013).contains(&share(&["future", "back"])));
    assert_eq!(counts.len(), 9, "every kind: {counts:?}");
}

#[test]
fn duplicates_repeat_a_record_that_came_before_byte_by_byte() {
    let mut known = HashMap::new();
    let mut count = 0;
    for seen in damaged(
        500,
        with(FaultRates {
            duplicate: 0.1,
            ..NONE
        }),
    ) {
        if seen.kind == Some(InjectionKind::Duplicate) {
            assert_eq!(known.get(&seen.event.id), Some(&seen.event.value));
            count += 1;
        } else {
            assert!(known.insert(seen.event.id, seen.event.value).is_none());
        }
    }
    assert!(count > 300);
}

#[test]
fn what_is_out_of_order_comes_within_five_seconds_and_late_records_after_a_minute() {
    let rates = FaultRates {
        out_of_order: 0.05,
        ..NONE
    };
    let mut newest = 0;
    let mut swaps = 0;
    for pair in damaged(3_000, with(rates)).windows(2) {
        let [before, seen] = pair else { unreachable!() };
        newest = newest.max(before.event.timestamp);
        if seen.kind == Some(InjectionKind::Swap) {
            swaps += 1;
            assert_eq!(before.event.key, seen.event.key);
            assert!(before.event.timestamp > seen.event.timestamp);
        }
        assert!(newest.saturating_sub(seen.event.timestamp) < 5_000);
    }
    assert!(swaps > 50, "{swaps}");

    let rates = FaultRates { late: 0.01, ..NONE };
    let all = damaged(3_000, with(rates));
    let mut newest = 0;
    let last = all.iter().map(|seen| seen.event.timestamp).max().unwrap();
    for seen in &all {
        newest = newest.max(seen.event.timestamp);
        if seen.kind == Some(InjectionKind::Delay) && newest < last {
            // The record before it may be up to a quiet minute of the night older.
            assert!(newest - seen.event.timestamp > 30_000);
        }
    }
}

#[test]
fn nothing_is_lost_and_only_what_is_declared_differs() {
    let mut source = clean(2_000);
    let mut event = GeneratedEvent::default();
    let mut expected = HashMap::new();
    while source.next_into(&mut event) {
        expected.insert(event.id, event.value.clone());
    }
    for seen in damaged(2_000, FaultConfig::default()) {
        match seen.kind {
            None | Some(InjectionKind::Swap | InjectionKind::Delay) => {
                assert_eq!(expected.remove(&seen.event.id), Some(seen.event.value));
            }
            Some(InjectionKind::Hijack | InjectionKind::Future | InjectionKind::Back) => {
                assert!(
                    expected
                        .remove(&seen.event.id)
                        .is_some_and(|v| v != seen.event.value)
                );
            }
            Some(_) => {}
        }
    }
    assert!(expected.is_empty());
}

#[test]
fn illegal_events_are_refused_by_a_judge_and_the_rest_is_still_legal() {
    let rates = FaultRates {
        illegal: 0.02,
        malformed: 0.005,
        ..NONE
    };
    let all = damaged(2_000, with(rates));
    let mut broken = HashSet::new();
    let mut judge = Judge::default();
    let mut refused: BTreeMap<&str, u32> = BTreeMap::new();
    for seen in &all {
        if broken.contains(&seen.event.key) {
            continue;
        }
        if seen.kind == Some(InjectionKind::Hijack) {
            assert_eq!(
                judge.fault(&seen.event.value),
                Some("transition"),
                "{}",
                seen.truth
            );
            // Without the real event, what follows hangs in the air.
            broken.insert(seen.event.key.clone());
            continue;
        }
        match seen.kind {
            None => {
                judge.apply(&seen.event.value);
            }
            Some(InjectionKind::Poison) => {}
            Some(kind) => {
                let fault = judge.fault(&seen.event.value);
                let expected = match kind {
                    // The order does not exist, so neither does the version before.
                    InjectionKind::Premature => "version",
                    _ => "transition",
                };
                assert_eq!(fault, Some(expected), "{}", seen.truth);
                *refused.entry(kind.name()).or_default() += 1;
            }
        }
    }
    assert_eq!(refused.len(), 2, "{refused:?}");
}

#[test]
fn equal_configurations_damage_equally() {
    let bytes = || -> Vec<u8> {
        damaged(500, FaultConfig::default())
            .into_iter()
            .flat_map(|seen| seen.event.value)
            .collect()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_damaged_file_reads_back_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["day.ndjson", "day.ndjson.gz"] {
        let path = directory.path().join(name);
        let rates = FaultRates {
            malformed: 0.02,
            ..FaultRates::default()
        };
        let config = FaultConfig {
            seed: 2,
            rates,
            carrier: Carrier::File,
        };
        let mut faults = Faults::new(clean(1_000), config);
        let mut writer = EventFileWriter::create(&path).unwrap();
        let mut event = GeneratedEvent::default();
        let mut written = Vec::new();
        while faults.next_into(&mut event) {
            writer.write(&event).unwrap();
            written.push((
                event.clone(),
                faults.injection().map(|(injection, _)| injection.kind),
            ));
        }
        assert_eq!(writer.lines(), written.len() as u64);
        writer.finish().unwrap();

        let mut reader = EventFileReader::open(&path).unwrap();
        let mut poison = 0;
        for (event, kind) in &written {
            let record = reader.next_record().unwrap().unwrap();
            assert_eq!(record.value, event.value);
            if *kind == Some(InjectionKind::Poison) {
                poison += 1;
            } else {
                assert_eq!(record.topic, event.topic);
                assert_eq!(record.key.as_deref(), Some(event.key.as_slice()));
                assert_eq!(record.timestamp, event.timestamp);
                assert_eq!(
                    record.id.as_deref().map(str::as_bytes),
                    Some(event.id.as_slice())
                );
                assert_eq!(record.action.as_deref(), Some(event.action));
                assert_eq!(record.schema_version, Some(1));
            }
        }
        assert!(reader.next_record().unwrap().is_none());
        assert!(poison > 100, "{poison}");
    }
}
