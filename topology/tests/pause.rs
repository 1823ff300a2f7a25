//! An instance that somebody paused (KIP-834).

use std::time::Duration;

use topology::codec::Utf8;
use topology::graph::{BuiltTopology, StoreBuilder, Topology};
use topology::process::{ProcessError, Processor, ProcessorContext, Record, TimerEvent};
use topology::store::TimerClock;
use topology::testing::{TestDriver, TestDriverConfig};

/// Passes records on, and sets a timer for a second later.
struct Remind;

impl Processor for Remind {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let deadline = context.wall_clock_ms() + 1_000;
        context.set_timer(TimerClock::WallClock, deadline, 1, record.key.as_bytes())?;
        context.forward(record)
    }

    fn on_timer(
        &mut self,
        timer: TimerEvent<'_>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let key = String::from_utf8(timer.key.to_vec()).unwrap();
        let value = "due".to_owned();
        context.forward(Record {
            key: &key,
            value: &value,
            timestamp: timer.deadline_ms,
            headers: topology::io::Headers::default(),
        })
    }
}

fn topology() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &["in"], || Utf8, || Utf8);
    topology.add_processor("remind", || Remind, &["in"]);
    topology.add_store(StoreBuilder::persistent("unused"), &["remind"]);
    topology.add_sink("out", "out", || Utf8, || Utf8, &["remind"]);
    topology.build().unwrap()
}

#[test]
fn a_paused_instance_takes_no_records_fires_no_timers_and_commits_what_it_did() {
    let mut driver = TestDriver::new(topology(), TestDriverConfig::new("app")).unwrap();
    let input = driver.create_input_topic("in", Utf8, Utf8);
    let mut output = driver.create_output_topic("out", Utf8, Utf8);
    input
        .pipe_input(&mut driver, &"k".to_owned(), &"one".to_owned(), 1)
        .unwrap();
    driver.pause("looking at it");
    assert_eq!(driver.status().paused.as_deref(), Some("looking at it"));
    input
        .pipe_input(&mut driver, &"k".to_owned(), &"two".to_owned(), 2)
        .unwrap();
    // What was processed before is committed; nothing else happens, however long it lasts.
    for _ in 0..50 {
        driver
            .advance_wall_clock_time(Duration::from_millis(100))
            .unwrap();
    }
    assert_eq!(
        output.read_value(&mut driver).unwrap().as_deref(),
        Some("one")
    );
    assert!(output.is_empty(&mut driver).unwrap(), "paused, and went on");

    assert_eq!(driver.resume().as_deref(), Some("looking at it"));
    assert_eq!(driver.resume(), None);
    driver.commit().unwrap();
    driver
        .advance_wall_clock_time(Duration::from_secs(2))
        .unwrap();
    driver.commit().unwrap();
    let mut values = output.read_values_to_list(&mut driver).unwrap();
    values.sort();
    assert_eq!(values, ["due", "due", "two"]);
}

#[test]
fn a_paused_instance_waits_also_where_several_tasks_are_far_behind() {
    const RECORDS: usize = 1_200;
    let mut config = TestDriverConfig::new("app").partitions(2);
    config.streams.poll_records = 5;
    config.streams.leave_on_stop = true;
    let mut driver = TestDriver::new(topology(), config).unwrap();
    driver.close().unwrap();
    for number in 0..RECORDS {
        let (partition, headers) = (Some((number % 2) as i32), Default::default());
        let key = Some(b"k".as_slice());
        let log = driver.log();
        log.append("in", partition, key, Some(b"v"), 1, headers)
            .unwrap();
    }
    let mut instance = driver.instance("behind").unwrap();
    let mut processed = 0;
    while processed < 200 {
        processed += instance.turn().unwrap().records;
    }
    instance.pause("looking at it");
    instance.turn().unwrap();
    for _ in 0..3 {
        let progress = instance.turn().unwrap();
        assert_eq!((progress.records, progress.moved), (0, false));
        driver.clock().advance(Duration::from_millis(100));
        instance.turn().unwrap();
    }
    instance.resume();
    while processed < RECORDS {
        processed += instance.turn().unwrap().records;
    }
}
