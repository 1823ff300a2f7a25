//! What the metrics say of an instance with two threads: committed work only, and the gauges of both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use prometheus::Registry;
use topology::ErrorClass;
use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::memory::{Fault, MemoryLog, Operation, OperationKind};
use topology::io::{Headers, Log};
use topology::metrics::{EngineMetrics, MetricKind, list};
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record,
};
use topology::runtime::{Streams, StreamsConfig};
use topology::store::StateConfig;
use topology::time::{Clock, SystemClock};

const PARTITIONS: i32 = 4;
const RECORDS: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Count {
    counts: Option<KeyValueStore<String, i64>>,
}

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let counts = self.counts.as_mut().unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        count += 1;
        counts.put(context, record.key, &count)?;
        context.forward(record.with_value(&count))?;
        match record.value.as_str() {
            // Dead-lettered and then refused: one dead letter, not two.
            "bad" => {
                context.dead_letter("KEPT", "is undone")?;
                Err(ProcessError::record("NO_GOOD", "it says so itself"))
            }
            _ => Ok(()),
        }
    }
}

struct Bed {
    log: Arc<MemoryLog>,
    registry: Registry,
    streams: Streams,
    _state: tempfile::TempDir,
}

impl Bed {
    fn start(log: Arc<MemoryLog>) -> Self {
        for topic in ["words", "counts", "letters"] {
            log.create_topic(topic, PARTITIONS).unwrap();
        }
        let mut topology = Topology::new();
        topology
            .add_source("words", &["words"], || Utf8, || Utf8)
            .add_processor("count", Count::default, &["words"])
            .add_store(StoreBuilder::persistent("counts"), &["count"])
            .add_sink("counted", "counts", || Utf8, || I64, &["count"])
            .dead_letter_topic("letters");
        let mut config = StreamsConfig::new("app", "one");
        config.num_stream_threads = 2;
        let state = tempfile::tempdir().unwrap();
        let registry = Registry::new();
        let metrics = Arc::new(EngineMetrics::register(&registry).unwrap());
        let streams = Streams::start(
            topology.build().unwrap(),
            config,
            state.path(),
            StateConfig::default(),
            Arc::clone(&log) as Arc<dyn Log>,
            metrics,
        )
        .unwrap();
        Self {
            log,
            registry,
            streams,
            _state: state,
        }
    }

    fn send(&self, value: &str, count: usize) {
        let now = SystemClock::new().wall_clock_ms();
        for number in 0..count {
            let key = format!("key {number}");
            let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
            let headers = Headers::default();
            self.log
                .append("words", None, key, value, now, headers)
                .unwrap();
        }
    }

    /// Series with their labels in order, and values; of histograms the counts.
    fn series(&self) -> BTreeMap<String, f64> {
        let mut series = BTreeMap::new();
        for family in self.registry.gather() {
            for metric in family.get_metric() {
                let labels = metric.get_label().iter();
                let labels: Vec<&str> = labels.map(|label| label.value()).collect();
                let value = match family.get_field_type() {
                    prometheus::proto::MetricType::COUNTER => metric.get_counter().get_value(),
                    prometheus::proto::MetricType::GAUGE => metric.get_gauge().get_value(),
                    _ => metric.get_histogram().get_sample_count() as f64,
                };
                let name = family.name().trim_start_matches("topology_");
                series.insert(
                    format!("{name} {}", labels.join(" ")).trim().to_owned(),
                    value,
                );
            }
        }
        series
    }

    /// Waits until a series has a value, then answers all.
    fn wait(&self, series: &str, value: f64) -> BTreeMap<String, f64> {
        self.wait_until(series, |all| all.get(series) == Some(&value))
    }

    fn wait_until(
        &self,
        what: &str,
        reached: impl Fn(&BTreeMap<String, f64>) -> bool,
    ) -> BTreeMap<String, f64> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let all = self.series();
            if reached(&all) {
                return all;
            }
            assert!(
                Instant::now() < deadline && self.streams.failure().is_none(),
                "{what}: {:?}, {all:#?}",
                self.streams.failure()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn committed_work_is_counted_once_and_both_threads_show_their_tasks() {
    let log = MemoryLog::new(Arc::new(SystemClock::new()));
    let mut bed = Bed::start(log);
    let before = bed.wait("tasks RUNNING", 4.0);
    for known in [
        "records_in_total source words",
        "records_out_total sink counts",
        "records_out_total changelog app-counts-changelog",
        "records_out_total dead_letter letters",
        "transactions_total aborted",
        "rebalances_total lost",
        "restore_remaining_offsets",
        "states_set_aside_total corrupt",
    ] {
        assert_eq!(before.get(known), Some(&0.0), "{known}: {before:#?}");
    }
    bed.send("good", RECORDS);
    bed.send("bad", 3);
    let all = RECORDS as f64 + 3.0;
    bed.wait("records_in_total source words", all);
    // Sampled a moment later.
    let after = bed.wait_until("stream times and lags", |all| {
        (0..PARTITIONS).all(|partition| {
            let lag = |unit| all.get(&format!("consumer_lag_{unit} {partition} words"));
            all.contains_key(&format!("stream_time_seconds 0_{partition}"))
                && lag("records") == Some(&0.0)
                && lag("seconds") == Some(&0.0)
        })
    });
    for (series, value) in [
        ("records_out_total sink counts", RECORDS as f64),
        ("records_out_total dead_letter letters", 3.0),
        ("dead_letters_total user NO_GOOD", 3.0),
        ("end_to_end_latency_seconds", all),
        ("tasks RUNNING", 4.0),
        ("transactions_total aborted", 0.0),
    ] {
        assert_eq!(after.get(series), Some(&value), "{series}: {after:#?}");
    }
    assert_eq!(after.get("dead_letters_total user KEPT"), None);
    assert!(after["records_out_total changelog app-counts-changelog"] >= RECORDS as f64);
    let commits = after["transactions_total committed"];
    assert_eq!(after["commit_seconds"], commits);
    assert_eq!(after["commit_phase_seconds committing"], commits);
    for moved in [
        "process_seconds",
        "poll_seconds",
        "rebalances_total assigned",
    ] {
        assert!(after[moved] > 0.0, "{moved}");
    }
    let now = SystemClock::new().wall_clock_ms() as f64 / 1_000.0;
    for partition in 0..PARTITIONS {
        let stream_time = after[&format!("stream_time_seconds 0_{partition}")];
        assert!((now - stream_time).abs() < 60.0, "{stream_time}");
    }
    bed.streams.close(TIMEOUT).unwrap();
    assert_eq!(
        bed.series()["tasks RUNNING"],
        0.0,
        "tasks of a stopped instance"
    );
}

#[test]
fn an_aborted_transaction_counts_nothing_until_it_is_processed_again() {
    let log = MemoryLog::new(Arc::new(SystemClock::new()));
    let failed = Arc::new(AtomicUsize::new(0));
    let fails = Arc::clone(&failed);
    let hook = move |operation: &Operation<'_>| {
        let first = operation.kind == OperationKind::SendOffsets
            && fails.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Fault::Fail(ErrorClass::Abortable))
    };
    log.on_operation(Box::new(hook));
    let mut bed = Bed::start(log);
    bed.wait("tasks RUNNING", 4.0);
    bed.send("good", RECORDS);
    let after = bed.wait("records_in_total source words", RECORDS as f64);
    assert!(failed.load(Ordering::SeqCst) > 1);
    for (series, value) in [
        ("records_out_total sink counts", RECORDS as f64),
        ("end_to_end_latency_seconds", RECORDS as f64),
        ("transactions_total aborted", 1.0),
    ] {
        assert_eq!(after.get(series), Some(&value), "{series}: {after:#?}");
    }
    bed.streams.close(TIMEOUT).unwrap();
}

#[test]
fn names_and_kinds_follow_the_conventions_of_prometheus() {
    for spec in list::ALL {
        let name = spec.name;
        assert!(name.starts_with("topology_"), "{name}");
        let total = name.ends_with("_total");
        assert_eq!(total, spec.kind == MetricKind::Counter, "{name}");
        assert!(spec.help.ends_with('.'), "{name}: {}", spec.help);
        if let MetricKind::Histogram(bounds) = spec.kind {
            assert!(name.ends_with("_seconds"), "{name}");
            assert!(bounds.is_sorted(), "{name}: {bounds:?}");
        }
    }
    let MetricKind::Histogram(bounds) = list::END_TO_END_LATENCY.kind else {
        panic!("the latency is no histogram");
    };
    assert!(
        bounds.contains(&0.1) && bounds.contains(&0.25),
        "{bounds:?}"
    );
}
