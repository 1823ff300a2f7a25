//! The other job: two sub-topologies joined by a repartition topic, partial sums and watermarks upstream, merging
//! behind. Final and late deltas add up to what was counted.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::graph::BuiltTopology;
use topology::io::Headers;
use topology::io::memory::MemoryLog;
use topology::runtime::StateRow;
use topology::task::TaskId;
use topology::testing::TestDriverConfig;

use crate::simulation::dice;
use crate::simulation::invariants::{self, Outcome, ensure};
use crate::simulation::world::Job;
use crate::windows::world::{INPUTS, NOW, PARTITIONS, options, topology};

const APPLICATION: &str = "windowed";
const GROUPS: u64 = 5;

/// What was counted, by table, group and minute.
#[derive(Default)]
pub struct Windowed {
    windows: BTreeMap<(String, i64), i64>,
    moves: BTreeMap<String, BTreeMap<i64, i64>>,
    bad: usize,
    /// Event time of what is appended next, seconds from [`NOW`].
    now: i64,
}

pub fn config() -> TestDriverConfig {
    let mut config = TestDriverConfig::new(APPLICATION).partitions(PARTITIONS);
    config.initial_wall_clock_ms = NOW + 86_400_000;
    config.streams.session_timeout = Duration::from_secs(6);
    config.streams.leave_on_stop = true;
    // One record in five is bad: a paused task would never close a window.
    config.streams.dead_letter_circuit = None;
    config
}

/// What was told of windows: the final of each, and late deltas with the time before which windows were closed.
#[derive(Default)]
struct Told {
    finals: BTreeMap<(String, i64), i64>,
    late: Vec<(String, i64, i64, i64)>,
}

impl Windowed {
    fn put(&self, log: &MemoryLog, topic: &str, partition: i32, value: &str) {
        let (key, value) = (Some(&b"key"[..]), Some(value.as_bytes()));
        let at = NOW + self.now * 1000;
        log.append(topic, Some(partition), key, value, at, Headers::default())
            .unwrap();
    }
}

impl Job for Windowed {
    fn topology(&self) -> BuiltTopology {
        topology(options()).build().unwrap()
    }

    fn tasks(&self) -> Vec<TaskId> {
        let task = |subtopology| {
            move |partition| TaskId {
                subtopology,
                partition,
            }
        };
        (0..PARTITIONS)
            .map(task(0))
            .chain((0..PARTITIONS).map(task(1)))
            .collect()
    }

    /// Mostly of about now, now and then of minutes ago.
    fn append(&mut self, log: &MemoryLog, records: usize) {
        for _ in 0..records {
            self.now += dice::below(4) as i64;
            let back = match dice::below(8) {
                0 => dice::below(200) as i64,
                _ => dice::below(5) as i64,
            };
            let time = (self.now - back).max(0);
            let group = dice::below(GROUPS);
            let minute = time.div_euclid(60) * 60;
            let value = match dice::below(5) {
                0 | 1 => {
                    *self
                        .windows
                        .entry((format!("w{group}"), minute))
                        .or_default() += 1;
                    format!("window w{group} {time}")
                }
                2 | 3 => {
                    let (kind, step) = dice::one_of(&[("up", 1), ("down", -1)]);
                    let moves = self.moves.entry(format!("r{group}")).or_default();
                    *moves.entry(minute).or_default() += step;
                    format!("{kind} r{group} {time}")
                }
                _ => {
                    self.bad += 1;
                    format!("bad x{group} {time}")
                }
            };
            let partition = dice::below(PARTITIONS as u64) as i32;
            self.put(log, dice::one_of(&INPUTS), partition, &value);
        }
    }

    /// Moves every clock of every input so far that every window closes.
    fn finish(&mut self, log: &MemoryLog) {
        self.now += 600;
        for topic in INPUTS {
            for partition in 0..PARTITIONS {
                let value = format!("clock - {}", self.now);
                self.put(log, topic, partition, &value);
            }
        }
    }

    fn so_far(&self, log: &MemoryLog) -> Outcome {
        told(log).map(|_| ())
    }

    fn outcome(
        &self,
        log: &MemoryLog,
        states: &BTreeMap<TaskId, Vec<StateRow>>,
        _counters: &[u64],
    ) -> Outcome {
        let Told { finals, late } = told(log)?;
        for ((group, start), count) in &self.windows {
            let known = finals.get(&(group.clone(), *start)).unwrap_or(&0);
            let of_this = late
                .iter()
                .filter(|(other, at, ..)| other == group && at == start);
            let late: i64 = of_this.map(|(_, _, delta, _)| delta).sum();
            ensure(known + late == *count, || {
                format!("{group}@{start}: final {known} and late {late}, counted {count}")
            })?;
        }
        for (group, moves) in &self.moves {
            let mut sum = 0;
            for (start, step) in moves {
                sum += step;
                // The last final not after it, and what came late since that one was told.
                let last = finals
                    .range((group.clone(), i64::MIN)..=(group.clone(), *start))
                    .next_back();
                let (at, base) = last.map_or((i64::MIN, 0), |((_, at), value)| (*at, *value));
                let since: i64 = late
                    .iter()
                    .filter(|(other, of, _, before)| other == group && of <= start && *before > at)
                    .map(|(_, _, delta, _)| delta)
                    .sum();
                ensure(base + since == sum, || {
                    format!("{group}@{start}: final {base} and late {since}, counted {sum}")
                })?;
            }
        }
        for (group, _) in finals.keys() {
            let windows = self.windows.keys().any(|(known, _)| known == group);
            ensure(windows || self.moves.contains_key(group), || {
                format!("{group}: of failed records")
            })?;
        }
        let dead = invariants::committed(log, "dead", PARTITIONS).len();
        ensure(dead == self.bad, || {
            format!("{dead} dead letters of {}", self.bad)
        })?;
        for (task, rows) in states {
            let store = ["counts-clocks", "counts"][task.subtopology as usize];
            invariants::state_is_fold_of_changelog(log, APPLICATION, store, *task, rows)?;
        }
        Ok(())
    }
}

/// Reads the results: of each window, revisions in order and nothing after its final.
fn told(log: &MemoryLog) -> Result<Told, String> {
    let mut told = Told::default();
    let mut revisions: BTreeMap<(String, i64), u64> = BTreeMap::new();
    for record in invariants::committed(log, "results", PARTITIONS) {
        let key = invariants::key(&record);
        let text = String::from_utf8(record.value.unwrap()).unwrap();
        let (group, start) = key.split_once('@').unwrap();
        let start: i64 = start.parse().unwrap();
        let place = (group.to_owned(), start);
        let words: Vec<&str> = text.split(' ').collect();
        if words[0] == "late" {
            let delta = words[1].parse().unwrap();
            let before = words.last().unwrap().parse().unwrap();
            ensure(start < before, || {
                format!("{key}, which is not closed: {text}")
            })?;
            ensure(!words[3].is_empty(), || {
                format!("{key}, without its cause: {text}")
            })?;
            told.late.push((group.to_owned(), start, delta, before));
            continue;
        }
        ensure(!told.finals.contains_key(&place), || {
            format!("{key} after its final: {text}")
        })?;
        let revision: u64 = words[2].trim_start_matches('r').parse().unwrap();
        let before = revisions.insert(place.clone(), revision).unwrap_or(0);
        ensure(revision == before + 1, || {
            format!("{key} after revision {before}: {text}")
        })?;
        if text.ends_with("final") {
            told.finals.insert(place, words[0].parse().unwrap());
        }
    }
    Ok(told)
}
