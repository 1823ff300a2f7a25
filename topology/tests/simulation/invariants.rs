//! What must hold, as plain functions over what a log, the states and the counters hold. Each names what it found.
//!
//! Every one is checked by counting: a record that is missing at the end is found as well as one that is wrong.

use std::collections::BTreeMap;

use topology::io::memory::{MemoryLog, OwnedRecord};
use topology::runtime::StateRow;
use topology::task::TaskId;

/// What was violated.
pub type Outcome = Result<(), String>;

/// Rows by family and key.
pub type Rows = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// What reserved keys of a changelog begin with; then 0 for a key of the store that looks like one, 1 for a row of the
/// task itself, whose value has its format in front.
const MAGIC: &[u8] = b"\xFF\x4A\x4D\xFF";
const OWN_FAMILY: &str = "_task";

pub fn ensure(holds: bool, violation: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(violation()) }
}

/// The committed records of a topic, partition by partition.
pub fn committed(log: &MemoryLog, topic: &str, partitions: i32) -> Vec<OwnedRecord> {
    let read = |partition| log.records(topic, partition, true).unwrap();
    (0..partitions).flat_map(read).collect()
}

pub fn key(record: &OwnedRecord) -> String {
    String::from_utf8(record.key.clone().unwrap()).unwrap()
}

pub fn number(record: &OwnedRecord) -> i64 {
    i64::from_be_bytes(record.value.clone().unwrap().try_into().unwrap())
}

/// The numbers of each key, in order.
pub fn by_key(records: &[OwnedRecord]) -> BTreeMap<String, Vec<i64>> {
    let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for record in records {
        numbers.entry(key(record)).or_default().push(number(record));
    }
    numbers
}

/// Committed output is the fold of committed input: the counts of each key go from 1 to the number of its records, none
/// missing, repeated or out of order.
pub fn output_is_fold_of_input(counted: &[OwnedRecord], input: &BTreeMap<String, i64>) -> Outcome {
    let counted = by_key(counted);
    for (key, total) in input {
        let counts = counted.get(key).map_or(&[][..], Vec::as_slice);
        let expected: Vec<i64> = (1..=*total).collect();
        ensure(*counts == expected, || {
            format!(
                "outputs of {key} missing, repeated or out of order: {counts:?} for {total} records"
            )
        })?;
    }
    let unknown = counted.keys().find(|key| !input.contains_key(*key));
    ensure(unknown.is_none(), || {
        format!("outputs of {unknown:?}, which has no input")
    })
}

/// At any time: nothing aborted is visible. What a reader sees of each key is the beginning of its counts.
pub fn output_is_beginning_of_fold(
    counted: &[OwnedRecord],
    input: &BTreeMap<String, i64>,
) -> Outcome {
    for (key, counts) in by_key(counted) {
        let in_order = (1..)
            .zip(&counts)
            .all(|(expected, count)| expected == *count);
        let total = input.get(&key).copied().unwrap_or(0);
        ensure(in_order && counts.len() as i64 <= total, || {
            format!("visible of {key} so far: {counts:?} for {total} records")
        })?;
    }
    Ok(())
}

/// The last record of each key is its total, and no key was told the same twice.
pub fn latest_is_total(latest: &[OwnedRecord], input: &BTreeMap<String, i64>) -> Outcome {
    let latest = by_key(latest);
    for (key, values) in &latest {
        let rising = values.windows(2).all(|pair| pair[0] < pair[1]);
        ensure(rising, || {
            format!("latest of {key} more than once: {values:?}")
        })?;
    }
    let last: BTreeMap<String, i64> = latest
        .into_iter()
        .filter_map(|(key, values)| Some((key, *values.last()?)))
        .collect();
    ensure(last == *input, || {
        format!("latest {last:?}, of input {input:?}")
    })
}

/// Each of these keys once.
pub fn each_once(records: &[OwnedRecord], expected: impl Iterator<Item = String>) -> Outcome {
    let mut missing: BTreeMap<String, i64> = expected.map(|key| (key, 1)).collect();
    for record in records {
        *missing.entry(key(record)).or_default() -= 1;
    }
    missing.retain(|_, times| *times != 0);
    ensure(missing.is_empty(), || {
        format!("missing (above zero) or repeated (below): {missing:?}")
    })
}

/// What the committed records of a changelog partition add up to: rows of the store, and of the task itself.
pub fn fold(log: &MemoryLog, changelog: &str, store: &str, partition: i32) -> Rows {
    let mut rows = Rows::new();
    for record in log.records(changelog, partition, true).unwrap() {
        let key = record.key.unwrap();
        let (place, value) = match key.strip_prefix(MAGIC).and_then(<[u8]>::split_first) {
            Some((1, row)) => {
                let value = record.value.map(|value| value[1..].to_vec());
                ((OWN_FAMILY.to_owned(), row.to_vec()), value)
            }
            Some((0, rest)) => ((store.to_owned(), rest.to_vec()), record.value),
            _ => ((store.to_owned(), key), record.value),
        };
        match value {
            Some(value) => rows.insert(place, value),
            None => rows.remove(&place),
        };
    }
    rows
}

/// A state is the fold of its changelog, family by family: its store, and timers, clocks and positions of the task. Not
/// for tasks of several stores.
pub fn state_is_fold_of_changelog(
    log: &MemoryLog,
    application: &str,
    store: &str,
    task: TaskId,
    state: &[StateRow],
) -> Outcome {
    let changelog = format!("{application}-{store}-changelog");
    let expected = fold(log, &changelog, store, task.partition);
    let state: Rows = state
        .iter()
        .map(|(family, key, value)| ((family.clone(), key.clone()), value.clone()))
        .collect();
    for (place, value) in &expected {
        let found = state.get(place);
        ensure(found == Some(value), || {
            format!("task {task}: {place:?} is {found:?}, in {changelog} {value:?}")
        })?;
    }
    let extra = state.keys().find(|place| !expected.contains_key(*place));
    ensure(extra.is_none(), || {
        format!("task {task}: {extra:?} is not in {changelog}")
    })
}

/// The committed counters of each task as they were seen, by whom.
#[derive(Default)]
pub struct Counters(BTreeMap<(String, TaskId), Vec<u64>>);

impl Counters {
    /// Counters never fall: not in one instance, whatever it goes through, its own restarts included.
    pub fn never_fall(&mut self, instance: &str, task: TaskId, values: &[u64]) -> Outcome {
        let seen = self.0.entry((instance.to_owned(), task)).or_default();
        let fell = seen.iter().zip(values).any(|(before, now)| now < before);
        let before = std::mem::replace(seen, values.to_vec());
        ensure(!fell, || {
            format!("counters of task {task} at {instance} fell from {before:?} to {values:?}")
        })
    }
}
