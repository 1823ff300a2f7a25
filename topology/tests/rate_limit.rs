//! `max_rate`: a backlog is worked off gently.

use topology::codec::{I64, Utf8};
use topology::graph::Topology;
use topology::process::{ProcessError, Processor, ProcessorContext, Record};
use topology::testing::{TestDriver, TestDriverConfig};

/// Forwards the time at which each record was processed.
struct Stamp;

impl Processor for Stamp {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let now = context.wall_clock_ms();
        context.forward(record.with_value(&now))
    }
}

fn processed_at(max_rate: Option<u32>, partitions: i32, records: usize) -> Vec<i64> {
    let mut topology = Topology::new();
    topology.add_source("lines", &["lines"], || Utf8, || Utf8);
    topology.add_processor("stamp", || Stamp, &["lines"]);
    topology.add_sink("out", "out", || Utf8, || I64, &["stamp"]);
    let mut config = TestDriverConfig::new("app").partitions(partitions);
    config.streams.max_rate = max_rate;
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    for number in 0..records {
        let partition = Some(number as i32 % partitions);
        let log = driver.log();
        log.append(
            "lines",
            partition,
            Some(b"k"),
            Some(b"v"),
            1,
            Default::default(),
        )
        .unwrap();
    }
    let mut output = driver.create_output_topic("out", Utf8, I64);
    let output = output.read_records_to_list(&mut driver).unwrap();
    let mut times: Vec<i64> = output.iter().map(|record| record.value).collect();
    times.sort_unstable();
    assert_eq!(times.len(), records);
    times
}

#[test]
fn no_second_sees_more_records_than_the_rate_and_a_tenth_of_it_saved_up() {
    for partitions in [1, 3] {
        let times = processed_at(Some(200), partitions, 2_000);
        for (index, start) in times.iter().enumerate() {
            let within = times[index..]
                .iter()
                .take_while(|time| **time < start + 1_000);
            let within = within.count();
            assert!(within <= 220, "{within} within the second from {start}");
        }
        let took = times[times.len() - 1] - times[0];
        assert!(
            (9_800..=11_000).contains(&took),
            "{took} ms for 2 000 records"
        );
    }
}

#[test]
fn without_a_rate_a_backlog_is_not_held_back() {
    let times = processed_at(None, 1, 2_000);
    assert!(times[times.len() - 1] - times[0] < 1_000);
}
