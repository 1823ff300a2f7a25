//! A recorded day sent while it is processed, faster than it was but in its rhythm.

use std::path::Path;
use std::time::Duration;

use jumun_harness::{Kafka, Process, wait_for};
use rdkafka::consumer::BaseConsumer;

use crate::support::processor::{TIMEOUT, jumun};
use crate::support::topics::{decided_offsets_of, ends, input_records, observer, wait_consumed};

/// Seventeen hours in less than two minutes.
const SPEED: &str = "600x";
const DAY: Duration = Duration::from_secs(180);

pub struct LiveDay<'a> {
    kafka: &'a Kafka,
    application_id: &'a str,
    observer: BaseConsumer,
    /// Of the inputs.
    partitions: i32,
    /// Records in the file.
    records: i64,
    replay: Process,
}

impl<'a> LiveDay<'a> {
    /// Begins to send a file of so many records to inputs of so many partitions.
    pub fn begin(
        kafka: &'a Kafka,
        application_id: &'a str,
        partitions: i32,
        file: &Path,
        records: i64,
    ) -> Self {
        let mut command = jumun("replay");
        command
            .arg(file)
            .args(["--speed", SPEED])
            .args(["--bootstrap-servers", kafka.bootstrap_servers()]);
        Self {
            kafka,
            application_id,
            observer: observer(kafka, application_id),
            partitions,
            records,
            replay: Process::start(command).unwrap(),
        }
    }

    /// Waits until the program has committed so many hundredths of the day.
    pub fn wait_processed(&self, percent: i64) {
        let is_there = || {
            let committed = decided_offsets_of(&self.observer, self.partitions);
            let sum: i64 = committed.values().sum();
            (sum * 100 >= self.records * percent).then_some(())
        };
        wait_for(&format!("{percent} % of the day"), DAY, is_there).unwrap();
    }

    /// Waits until all of the day, and what else was sent meanwhile, is processed.
    pub fn wait_end(mut self) {
        let status = self.replay.wait_exit(DAY).unwrap();
        assert!(status.success(), "{}", self.replay.stderr());
        let records = input_records(self.kafka);
        assert!(i64::try_from(records.len()).unwrap() >= self.records);
        wait_consumed(self.kafka, self.application_id, &ends(&records), TIMEOUT);
    }
}
