//! What must hold in the end, by counting.

use std::collections::BTreeMap;

use topology::io::memory::OwnedRecord;
use topology::task::TaskId;

use crate::job::{APPLICATION, PARTITIONS};
use crate::world;

/// Committed output is that of an undisturbed run, state the fold of the changelog, counters the
/// numbers of records. All instances have settled.
pub fn verify() {
    let (good, bad) = world::with(|world| (world.good.clone(), world.bad));
    let total: i64 = good.values().sum();

    let mut counted: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut fired: BTreeMap<String, i64> = BTreeMap::new();
    for record in committed("counted") {
        counted
            .entry(key(&record))
            .or_default()
            .push(value(&record));
    }
    for (key, counts) in &counted {
        let expected: Vec<i64> = (1..=good.get(key).copied().unwrap_or(0)).collect();
        assert_eq!(
            *counts, expected,
            "outputs of {key} missing, repeated or out of order"
        );
    }
    assert_eq!(counted.len(), good.len(), "keys without output");

    let latest: BTreeMap<String, i64> = committed("latest")
        .iter()
        .map(|record| (key(record), value(record)))
        .collect();
    assert_eq!(latest, good, "latest values");
    let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for record in committed("latest") {
        seen.entry(key(&record)).or_default().push(value(&record));
    }
    for (key, values) in seen {
        let rising = values.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(rising, "latest of {key} more than once: {values:?}");
    }

    for record in committed("fired") {
        *fired.entry(key(&record)).or_default() += 1;
    }
    let expected = good
        .iter()
        .flat_map(|(key, count)| (1..=*count).map(move |count| (format!("{key}#{count}"), 1)))
        .collect();
    assert_eq!(fired, expected, "timers fired");
    let held: i64 = committed("held").iter().map(value).sum();
    assert_eq!(held, total, "held records handed over");
    let dead = committed("dead").len() as i64;
    assert_eq!(dead, bad, "dead letters");

    let mut counters = vec![0; 2];
    for partition in 0..PARTITIONS {
        let task = TaskId {
            subtopology: 0,
            partition,
        };
        let rows = world::with(|world| {
            let mut owners = world.instances().values_mut();
            owners.find_map(|instance| instance.dump(task).ok())
        });
        let rows = rows.unwrap_or_else(|| panic!("nobody has task {task}"));
        let store: BTreeMap<Vec<u8>, Vec<u8>> = rows
            .into_iter()
            .filter(|(family, _, _)| family == "counts")
            .map(|(_, key, value)| (key, value))
            .collect();
        assert_eq!(store, fold(partition), "state of {task} and its changelog");
    }
    world::with(|world| {
        for instance in world.instances().values() {
            for values in instance.counters().values() {
                counters[0] += values[0];
                counters[1] += values[1];
            }
        }
    });
    assert_eq!(counters, [total as u64, total as u64], "counters");
}

fn fold(partition: i32) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let changelog = format!("{APPLICATION}-counts-changelog");
    let mut fold = BTreeMap::new();
    for record in world::log().records(&changelog, partition, true).unwrap() {
        let key = record.key.unwrap();
        if !key.starts_with(b"k") {
            continue;
        }
        match record.value {
            Some(value) => fold.insert(key, value),
            None => fold.remove(&key),
        };
    }
    fold
}

pub fn committed(topic: &str) -> Vec<OwnedRecord> {
    let read = |partition| world::log().records(topic, partition, true).unwrap();
    (0..PARTITIONS).flat_map(read).collect()
}

fn key(record: &OwnedRecord) -> String {
    String::from_utf8(record.key.clone().unwrap()).unwrap()
}

fn value(record: &OwnedRecord) -> i64 {
    i64::from_be_bytes(record.value.clone().unwrap().try_into().unwrap())
}
