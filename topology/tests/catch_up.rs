//! A backlog is worked off in longer transactions than what comes in.

use std::time::Duration;

use topology::codec::Utf8;
use topology::graph::{BuiltTopology, Topology};
use topology::process::{ProcessError, Processor, ProcessorContext, Record};
use topology::testing::{TestDriver, TestDriverConfig, TestInstance};

const TURN: Duration = Duration::from_millis(10);

struct Count;

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        _record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        context.count(0, 1);
        Ok(())
    }
}

fn topology() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &["in"], || Utf8, || Utf8);
    topology.add_processor("count", || Count, &["in"]);
    topology.counters(["seen".to_owned()]);
    topology.build().unwrap()
}

fn append(driver: &TestDriver, partition: i32, records: usize) {
    for _ in 0..records {
        let (key, value) = (Some(b"k".as_slice()), Some(b"v".as_slice()));
        let log = driver.log();
        log.append("in", Some(partition), key, value, 1, Default::default())
            .unwrap();
    }
}

/// Milliseconds between the commits that were seen in so many turns, and how many records were committed in them.
fn commits(
    driver: &TestDriver,
    instance: &mut TestInstance,
    turns: usize,
    mut before: impl FnMut(usize),
) -> (Vec<u64>, u64) {
    let committed = |instance: &TestInstance| -> u64 {
        let counters = instance.counters();
        counters.values().filter_map(|counts| counts.first()).sum()
    };
    let (mut known, mut since, mut gaps) = (committed(instance), 0, Vec::new());
    for turn in 0..turns {
        before(turn);
        instance.turn().unwrap();
        driver.clock().advance(TURN);
        since += TURN.as_millis() as u64;
        if committed(instance) > known {
            known = committed(instance);
            gaps.push(since);
            since = 0;
        }
    }
    (gaps, known)
}

fn started(partitions: i32, records: usize) -> (TestDriver, TestInstance) {
    let mut config = TestDriverConfig::new("app").partitions(partitions);
    config.streams.poll_records = 5;
    config.streams.leave_on_stop = true;
    config.streams.commit_interval = Duration::from_millis(100);
    config.streams.catch_up_commit_interval = Duration::from_millis(800);
    let mut driver = TestDriver::new(topology(), config).unwrap();
    driver.close().unwrap();
    append(&driver, 0, records);
    let instance = driver.instance("one").unwrap();
    (driver, instance)
}

#[test]
fn a_backlog_is_committed_at_longer_intervals_and_its_end_at_once() {
    let (driver, mut instance) = started(1, 2_000);
    let (gaps, committed) = commits(&driver, &mut instance, 450, |_| {});
    assert_eq!(committed, 2_000);
    // It takes some turns to know that there is much; the end is known by its end.
    let long = gaps.iter().filter(|gap| (800..=820).contains(*gap)).count();
    assert!(long >= 3, "{gaps:?}");
    assert!(gaps.len() <= 8, "{gaps:?}");
    append(&driver, 0, 1);
    let (gaps, committed) = commits(&driver, &mut instance, 30, |_| {});
    assert_eq!(committed, 2_001);
    assert!(gaps[0] <= 120, "{gaps:?}");
}

#[test]
fn what_comes_in_on_another_partition_is_not_kept_waiting_by_a_backlog() {
    let (driver, mut instance) = started(2, 4_000);
    commits(&driver, &mut instance, 100, |_| {});
    let live = |turn: usize| {
        if turn.is_multiple_of(5) {
            append(&driver, 1, 1);
        }
    };
    let (gaps, _) = commits(&driver, &mut instance, 200, live);
    assert!(gaps.len() >= 15, "{gaps:?}");
    assert!(gaps[1..].iter().all(|gap| *gap <= 130), "{gaps:?}");
}
