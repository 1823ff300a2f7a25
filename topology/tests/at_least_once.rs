//! `at_least_once`: no transactions; after a crash records may be processed again, none is missing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::TopicPartition;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{CommitPhase, PhaseObserver, ProcessingGuarantee};
use topology::testing::{TestDriver, TestDriverConfig};
use topology::{Error, ErrorClass};

const RECORDS: usize = 100;

/// Sums the values of each key, and forwards each value.
#[derive(Default)]
struct Sum {
    sums: Option<KeyValueStore<String, i64>>,
}

impl Processor for Sum {
    type Key = String;
    type Value = i64;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.sums = Some(KeyValueStore::open(context, "sums", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, i64>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let sums = self.sums.as_mut().unwrap();
        let mut sum = 0;
        sums.get(context, record.key, &mut sum)?;
        sums.put(context, record.key, &(sum + record.value))?;
        context.forward(record)
    }
}

fn driver(observer: Option<Arc<dyn PhaseObserver>>) -> TestDriver {
    let mut topology = Topology::new();
    topology.add_source("in", &["numbers"], || Utf8, || I64);
    topology.add_processor("sum", Sum::default, &["in"]);
    topology.add_store(StoreBuilder::persistent("sums"), &["sum"]);
    topology.add_sink("out", "seen", || Utf8, || I64, &["sum"]);
    let mut config = TestDriverConfig::new("app");
    config.streams.processing_guarantee = ProcessingGuarantee::AtLeastOnce;
    config.streams.observer = observer;
    TestDriver::new(topology.build().unwrap(), config).unwrap()
}

fn append(driver: &TestDriver, numbers: Range<i64>) {
    for number in numbers {
        let value = number.to_be_bytes();
        let log = driver.log();
        log.append(
            "numbers",
            None,
            Some(b"k"),
            Some(&value),
            number,
            Default::default(),
        )
        .unwrap();
    }
}

fn seen(driver: &mut TestDriver) -> Vec<i64> {
    let mut output = driver.create_output_topic("seen", Utf8, I64);
    let output = output.read_records_to_list(driver).unwrap();
    output.iter().map(|record| record.value).collect()
}

#[test]
fn undisturbed_every_record_is_processed_once_and_its_offset_committed_without_transactions() {
    let mut driver = driver(None);
    append(&driver, 0..RECORDS as i64);
    let expected: Vec<i64> = (0..RECORDS as i64).collect();
    assert_eq!(seen(&mut driver), expected);
    let offsets = driver.log().commit_offsets_of("app");
    assert_eq!(offsets[&TopicPartition::new("numbers", 0)], RECORDS as i64);
    let records = driver.log().records("seen", 0, true).unwrap();
    assert!(records.iter().all(|record| record.producer.is_none()));
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
fn after_a_crash_at_any_step_nothing_is_missing_and_the_order_is_kept() {
    let mut repeated = 0;
    for phase in CommitPhase::ALL {
        let observer = CrashAt {
            phase,
            times: AtomicUsize::new(2),
        };
        let mut driver = driver(Some(Arc::new(observer)));
        append(&driver, 0..30);
        driver.commit().unwrap();
        append(&driver, 30..RECORDS as i64);
        let crashed = driver.commit().unwrap_err();
        assert_eq!(crashed.operation(), "crash", "{phase}: {crashed}");
        driver.crash();
        driver.start().unwrap();
        let seen = seen(&mut driver);
        let distinct: BTreeSet<i64> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), RECORDS, "{phase}: missing");
        repeated += seen.len() - distinct.len();
        // What is repeated goes on to the end from where it begins again.
        let breaks = seen.windows(2).filter(|pair| pair[1] != pair[0] + 1);
        assert!(breaks.count() <= 1, "{phase}: {seen:?}");
    }
    assert!(repeated > 0, "else it would be exactly once");
}
