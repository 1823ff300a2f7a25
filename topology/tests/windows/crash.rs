//! Crashes, moves and restores: they change no count, repeat no final and lose no delta.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use topology::runtime::{CommitPhase, PhaseObserver};
use topology::testing::TestInstance;
use topology::{Error, ErrorClass};

use crate::windows::world::{INPUTS, NOW, PARTITIONS, World, options};

const GROUPS: [&str; 4] = ["a", "b", "c", "d"];
const MINUTES: i64 = 4;

/// Some events of a minute in every input, in every group.
fn append_minute(world: &World, minute: i64) {
    for second in 0..6 {
        let seconds = minute * 60 + second * 10;
        for topic in INPUTS {
            for partition in 0..PARTITIONS {
                for kind in ["window", "up"] {
                    let group = GROUPS[(second as usize + partition as usize) % 4];
                    let value = format!("{kind} {kind}-{group} {seconds}");
                    world.append_at(topic, partition, &value, NOW + seconds * 1000);
                }
            }
        }
    }
}

/// What the finals must say: per group and minute, as told without any trouble.
fn expected() -> BTreeMap<String, i64> {
    let mut expected = BTreeMap::new();
    let mut running: BTreeMap<&str, i64> = BTreeMap::new();
    for minute in 0..MINUTES {
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for second in 0..6_usize {
            for partition in 0..PARTITIONS as usize {
                *counts.entry(GROUPS[(second + partition) % 4]).or_default() += INPUTS.len() as i64;
            }
        }
        for (group, count) in counts {
            let sum = running.entry(group).or_default();
            *sum += count;
            expected.insert(format!("window-{group}@{}", minute * 60), count);
            expected.insert(format!("up-{group}@{}", minute * 60), *sum);
        }
    }
    expected
}

/// Every final exactly once and right, revisions in order, nothing after a final, nothing late.
fn verify(told: &[String]) {
    let mut finals = BTreeMap::new();
    let mut revisions: BTreeMap<&str, u64> = BTreeMap::new();
    for line in told {
        let (key, text) = line.split_once(": ").unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        assert!(!text.starts_with("late"), "{line}");
        assert!(!finals.contains_key(key), "after its final: {line}");
        let revision: u64 = words[2].trim_start_matches('r').parse().unwrap();
        let before = revisions.insert(key, revision).unwrap_or(0);
        assert_eq!(revision, before + 1, "{line}");
        if text.ends_with("final") {
            finals.insert(key.to_owned(), words[0].parse::<i64>().unwrap());
        }
    }
    assert_eq!(finals, expected());
}

/// Dies when it reaches a phase for the n-th time.
struct CrashAt {
    phase: CommitPhase,
    times: AtomicUsize,
}

impl PhaseObserver for CrashAt {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if phase == self.phase && self.times.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(Error::new(ErrorClass::Fatal, "crash", "simulated"));
        }
        Ok(())
    }
}

#[test]
fn a_crash_at_each_step_of_the_commit_changes_no_count() {
    for phase in CommitPhase::ALL {
        for times in [1, 3, 6, 9, 14] {
            let dir = tempfile::tempdir().unwrap();
            let mut world = World::with(options(), |config| {
                config.initial_wall_clock_ms = NOW + 86_400_000;
                config.state_dir = Some(dir.path().to_owned());
                config.streams.observer = Some(Arc::new(CrashAt {
                    phase,
                    times: AtomicUsize::new(times),
                }));
            });
            let mut crashes = 0;
            let mut steps = |world: &mut World, seconds: u64| {
                for _ in 0..seconds {
                    let passed = world
                        .driver
                        .advance_wall_clock_time(Duration::from_secs(1))
                        .and_then(|()| world.driver.commit());
                    if let Err(error) = passed {
                        assert_eq!(error.operation(), "crash", "{error}");
                        crashes += 1;
                        world.driver.crash();
                        world.driver.start().unwrap();
                    }
                }
            };
            for minute in 0..MINUTES {
                append_minute(&world, minute);
                steps(&mut world, 11);
            }
            world.clocks(MINUTES * 60 + 10);
            steps(&mut world, 4);
            assert_eq!(crashes, 1, "{phase}, time {times}");
            verify(&world.told());
        }
    }
}

#[test]
fn a_merging_task_restored_from_nothing_goes_on_where_it_was() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut world = World::with(options(), |config| {
        config.initial_wall_clock_ms = NOW + 86_400_000;
        config.state_dir = Some(first.path().to_owned());
    });
    for minute in 0..MINUTES {
        append_minute(&world, minute);
        world.pass(11);
        world.driver.crash();
        // An empty directory: windows, revisions, watermarks and clocks come from the changelogs.
        let dir = if minute % 2 == 0 { &second } else { &first };
        std::fs::remove_dir_all(dir.path()).unwrap();
        world.driver.config_mut().state_dir = Some(dir.path().to_owned());
        world.driver.start().unwrap();
    }
    world.clocks(MINUTES * 60 + 10);
    world.pass(4);
    verify(&world.told());
}

fn turns(world: &World, instances: &mut [Option<TestInstance>], seconds: u64) {
    for _ in 0..seconds * 10 {
        world.driver.clock().advance(Duration::from_millis(100));
        for instance in instances.iter_mut().flatten() {
            for _ in 0..3 {
                instance.turn().unwrap();
            }
        }
    }
}

#[test]
fn an_upstream_task_that_moves_while_windows_are_open_closes_none_early() {
    for unclean in [false, true] {
        let mut world = World::with(options(), |config| {
            config.initial_wall_clock_ms = NOW + 86_400_000;
            config.streams.session_timeout = Duration::from_secs(6);
            config.streams.leave_on_stop = true;
        });
        world.driver.close().unwrap();
        let mut instances = [Some(world.driver.instance("a").unwrap()), None];
        for minute in 0..MINUTES {
            append_minute(&world, minute);
            turns(&world, &mut instances, 12);
            // The other instance comes or goes, and tasks of both stages move.
            match instances[1].take() {
                None => instances[1] = Some(world.driver.instance("b").unwrap()),
                Some(other) if unclean => drop(other),
                Some(other) => other.close().unwrap(),
            }
            turns(&world, &mut instances, 12);
        }
        world.clocks(MINUTES * 60 + 10);
        turns(&world, &mut instances, 15);
        verify(&world.told());
    }
}
