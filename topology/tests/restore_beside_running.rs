#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
//! A task that restores much does not hold up those of its thread that run.

use topology::codec::{I64, Utf8};
use topology::graph::{BuiltTopology, StoreBuilder, Topology};
use topology::io::Headers;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::StoreQuery;
use topology::testing::{TestDriver, TestDriverConfig};

#[derive(Default)]
struct Count {
    counts: Option<KeyValueStore<String, i64>>,
}

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = ();
    type OutValue = ();

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, (), ()>,
    ) -> Result<(), ProcessError> {
        let counts = self.counts.as_mut().unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        counts.put(context, record.key, &(count + 1))
    }
}

fn topology() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("in", &["in"], || Utf8, || Utf8);
    topology.add_processor("count", Count::default, &["in"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.build().unwrap()
}

fn append(driver: &TestDriver, partition: i32, records: usize) {
    for number in 0..records {
        let key = format!("k{number}");
        let (key, value) = (Some(key.as_bytes()), Some(&b"x"[..]));
        let headers = Headers::default();
        driver
            .log()
            .append("in", Some(partition), key, value, number as i64, headers)
            .unwrap();
    }
}

/// Records that the running task has processed when the other one is restored.
fn processed_meanwhile(backlog: usize, to_restore: usize) -> usize {
    let mut config = TestDriverConfig::new("app").partitions(2);
    config.streams.leave_on_stop = true;
    let mut driver = TestDriver::new(topology(), config).unwrap();
    append(&driver, 1, to_restore);
    driver.commit().unwrap();
    driver.close().unwrap();
    append(&driver, 0, backlog);
    let mut instance = driver.instance("again").unwrap();
    let mut processed = 0;
    for _ in 0..1_000 {
        processed += instance.turn().unwrap().records;
        if matches!(instance.store("counts", 1), StoreQuery::Here(..)) {
            return processed;
        }
    }
    panic!("not restored");
}

#[test]
fn a_running_task_goes_on_while_another_one_restores() {
    let to_restore = 30_000;
    let processed = processed_meanwhile(40_000, to_restore);
    assert!(
        processed >= to_restore * 3 / 4,
        "only {processed} records while {to_restore} were restored"
    );
}

#[test]
fn with_nothing_else_to_do_a_restore_takes_all_there_is() {
    let processed = processed_meanwhile(0, 30_000);
    assert_eq!(processed, 0);
}
