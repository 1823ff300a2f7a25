//! What threads say of themselves every now and then, and the gauges made of it when somebody asks.
//!
//! Each thread replaces its own sample only, so that the threads of an instance never undo each other's gauges.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use prometheus::Result;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::list;
use super::resident::resident_bytes;
use super::spec::MetricSpec;
use crate::store::{DirectoryStatistics, SetAsideReason, StateStatistics};
use crate::task::{TaskId, TaskPhase};
use crate::time::{Clock, SystemClock};

/// One thread as it last saw itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ThreadSample {
    pub(crate) tasks: Vec<TaskSample>,
    /// Sum over the thread's tasks.
    pub(crate) state: StateTotals,
    /// Of the process: every thread says the same.
    pub(crate) directory: DirectoryStatistics,
    /// Of the process, by reason.
    pub(crate) set_aside: [u64; SetAsideReason::ALL.len()],
}

/// One task.
#[derive(Clone, Debug)]
pub(crate) struct TaskSample {
    pub(crate) id: TaskId,
    pub(crate) phase: TaskPhase,
    /// Offsets.
    pub(crate) restore_remaining: i64,
    pub(crate) restore_eta_seconds: Option<u64>,
    pub(crate) stream_time_ms: Option<i64>,
    pub(crate) watermark_ms: Option<i64>,
    pub(crate) paused: bool,
    pub(crate) lag: Vec<InputLag>,
}

/// How far a task is behind on one input.
#[derive(Clone, Debug)]
pub(crate) struct InputLag {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) records: i64,
    pub(crate) oldest: Oldest,
}

/// The oldest record that is not processed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oldest {
    /// There is none.
    CaughtUp,
    /// Its timestamp, or that of the record before it.
    At(i64),
    /// Nothing was read yet.
    Unknown,
}

/// Statistics of several tasks' states added up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StateTotals {
    sum: StateStatistics,
    stopped: u64,
    delayed: u64,
}

impl StateTotals {
    pub(crate) fn add(&mut self, state: &StateStatistics) {
        let sum = &mut self.sum;
        sum.memtable_bytes += state.memtable_bytes;
        sum.sst_bytes += state.sst_bytes;
        sum.estimated_keys += state.estimated_keys;
        sum.pending_compaction_bytes += state.pending_compaction_bytes;
        sum.background_errors += state.background_errors;
        sum.cached_bytes += state.cached_bytes;
        sum.dirty_bytes += state.dirty_bytes;
        sum.unflushed_records += state.unflushed_records;
        sum.unflushed_bytes += state.unflushed_bytes;
        self.stopped += u64::from(state.write_stopped);
        self.delayed += u64::from(state.write_delayed);
    }

    /// A copy of what another instance runs: it takes room here, and is counted there.
    pub(crate) fn add_copy(&mut self, state: &StateStatistics) {
        self.add(&StateStatistics {
            estimated_keys: 0,
            cached_bytes: 0,
            dirty_bytes: 0,
            unflushed_records: 0,
            unflushed_bytes: 0,
            ..*state
        });
    }

    fn add_totals(&mut self, other: &Self) {
        self.add(&other.sum);
        self.stopped += other.stopped;
        self.delayed += other.delayed;
    }
}

/// The samples of all threads, and the collector of the gauges.
pub(crate) struct Samples {
    threads: Mutex<BTreeMap<String, ThreadSample>>,
    descs: Vec<Desc>,
    clock: SystemClock,
}

/// What is made of the samples.
const SAMPLED: [&MetricSpec; 20] = [
    &list::RESTORE_REMAINING,
    &list::RESTORE_ETA,
    &list::STATES_SET_ASIDE,
    &list::TASKS,
    &list::TASK_PAUSED,
    &list::LAG,
    &list::LAG_SECONDS,
    &list::STREAM_TIME,
    &list::WATERMARK,
    &list::RESIDENT,
    &list::CACHED,
    &list::DIRTY,
    &list::UNFLUSHED_RECORDS,
    &list::UNFLUSHED_BYTES,
    &list::KEYS,
    &list::MEMTABLES,
    &list::BLOCK_CACHE,
    &list::DISK,
    &list::PENDING_COMPACTION,
    &list::BACKGROUND_ERRORS,
];

impl Samples {
    pub(crate) fn new() -> Result<Self> {
        let sampled = SAMPLED.iter().copied().chain([&list::WRITE_STALLS]);
        Ok(Self {
            threads: Mutex::default(),
            descs: sampled.map(MetricSpec::desc).collect::<Result<_>>()?,
            clock: SystemClock::new(),
        })
    }

    pub(crate) fn set(&self, thread: &str, sample: ThreadSample) {
        let mut threads = self.threads.lock();
        match threads.get_mut(thread) {
            Some(known) => *known = sample,
            None => {
                threads.insert(thread.to_owned(), sample);
            }
        }
    }

    /// The thread has no tasks any more; what it knows of the process stays.
    pub(crate) fn forget_tasks(&self, thread: &str) {
        if let Some(sample) = self.threads.lock().get_mut(thread) {
            sample.tasks.clear();
            sample.state = StateTotals::default();
        }
    }

    fn families(&self) -> Result<Vec<MetricFamily>> {
        let threads: Vec<ThreadSample> = self.threads.lock().values().cloned().collect();
        let tasks: Vec<&TaskSample> = threads.iter().flat_map(|thread| &thread.tasks).collect();
        let mut families = per_task(&tasks, self.clock.wall_clock_ms())?;
        let mut state = StateTotals::default();
        threads
            .iter()
            .for_each(|thread| state.add_totals(&thread.state));
        families.extend(of_state(&state)?);
        families.extend(of_process(&threads)?);
        Ok(families)
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

fn one(spec: &MetricSpec, value: u64) -> Result<Vec<MetricFamily>> {
    let gauge = spec.int_gauge()?;
    gauge
        .with_label_values::<&str>(&[])
        .set(i64::try_from(value).unwrap_or(i64::MAX));
    Ok(gauge.collect())
}

fn per_task(tasks: &[&TaskSample], now_ms: i64) -> Result<Vec<MetricFamily>> {
    let states = list::TASKS.int_gauge()?;
    for phase in TaskPhase::ALL {
        let count = tasks.iter().filter(|task| task.phase == phase).count();
        states
            .with_label_values(&[phase.as_str()])
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let paused = list::TASK_PAUSED.int_gauge()?;
    let (lag, lag_seconds) = (list::LAG.int_gauge()?, list::LAG_SECONDS.gauge()?);
    let (stream_time, watermark) = (list::STREAM_TIME.gauge()?, list::WATERMARK.gauge()?);
    for task in tasks {
        let id = task.id.to_string();
        paused.with_label_values(&[&id]).set(i64::from(task.paused));
        let times = [
            (&stream_time, task.stream_time_ms),
            (&watermark, task.watermark_ms),
        ];
        for (gauge, time) in times {
            if let Some(time) = time {
                gauge.with_label_values(&[&id]).set(seconds(time));
            }
        }
        for input in &task.lag {
            let partition = input.partition.to_string();
            let labels = [input.topic.as_str(), &partition];
            lag.with_label_values(&labels).set(input.records);
            // By the clock of whoever asks: it goes on when the thread stands still.
            let age = match input.oldest {
                Oldest::CaughtUp => 0.0,
                Oldest::At(timestamp) => seconds(now_ms.saturating_sub(timestamp).max(0)),
                Oldest::Unknown => continue,
            };
            lag_seconds.with_label_values(&labels).set(age);
        }
    }
    let remaining: i64 = tasks.iter().map(|task| task.restore_remaining).sum();
    let mut families = one(
        &list::RESTORE_REMAINING,
        u64::try_from(remaining).unwrap_or(0),
    )?;
    // They are restored at the same time: the slowest decides.
    let eta = tasks
        .iter()
        .filter_map(|task| task.restore_eta_seconds)
        .max();
    families.extend(one(&list::RESTORE_ETA, eta.unwrap_or(0))?);
    families.extend(states.collect());
    families.extend(paused.collect());
    families.extend(lag.collect());
    families.extend(lag_seconds.collect());
    families.extend(stream_time.collect());
    families.extend(watermark.collect());
    Ok(families)
}

fn of_state(state: &StateTotals) -> Result<Vec<MetricFamily>> {
    let sum = &state.sum;
    let gauges = [
        (&list::CACHED, sum.cached_bytes as u64),
        (&list::DIRTY, sum.dirty_bytes as u64),
        (&list::UNFLUSHED_RECORDS, sum.unflushed_records),
        (&list::UNFLUSHED_BYTES, sum.unflushed_bytes as u64),
        (&list::KEYS, sum.estimated_keys),
        (&list::MEMTABLES, sum.memtable_bytes),
        (&list::DISK, sum.sst_bytes),
        (&list::PENDING_COMPACTION, sum.pending_compaction_bytes),
        (&list::BACKGROUND_ERRORS, sum.background_errors),
    ];
    let mut families = Vec::new();
    for (spec, value) in gauges {
        families.extend(one(spec, value)?);
    }
    let stalls = list::WRITE_STALLS.int_gauge()?;
    for (stall, tasks) in [("stopped", state.stopped), ("delayed", state.delayed)] {
        stalls
            .with_label_values(&[stall])
            .set(i64::try_from(tasks).unwrap_or(i64::MAX));
    }
    families.extend(stalls.collect());
    Ok(families)
}

/// What all threads share is told by each of them, at its own time: the largest is the newest where it only grows.
fn of_process(threads: &[ThreadSample]) -> Result<Vec<MetricFamily>> {
    let cache = threads
        .iter()
        .map(|thread| thread.directory.block_cache_bytes);
    let mut families = one(&list::BLOCK_CACHE, cache.max().unwrap_or(0))?;
    families.extend(one(&list::RESIDENT, resident_bytes())?);
    let set_aside = list::STATES_SET_ASIDE.int_counter()?;
    for (index, reason) in SetAsideReason::ALL.iter().enumerate() {
        let counts = threads
            .iter()
            .filter_map(|thread| thread.set_aside.get(index));
        set_aside
            .with_label_values(&[reason.as_str()])
            .inc_by(counts.copied().max().unwrap_or(0));
    }
    families.extend(set_aside.collect());
    Ok(families)
}

impl Collector for Samples {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Names and labels were checked when it was made.
        self.families().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(partition: i32, remaining: i64, records: i64) -> TaskSample {
        TaskSample {
            id: TaskId {
                subtopology: 0,
                partition,
            },
            phase: TaskPhase::Running,
            restore_remaining: remaining,
            restore_eta_seconds: u64::try_from(2 * remaining).ok(),
            stream_time_ms: Some(1_500),
            watermark_ms: None,
            paused: partition == 1,
            lag: vec![InputLag {
                topic: "orders".to_owned(),
                partition,
                records,
                oldest: Oldest::CaughtUp,
            }],
        }
    }

    fn exposed(samples: &Samples) -> Vec<String> {
        let mut lines = Vec::new();
        for family in samples.collect() {
            for metric in family.get_metric() {
                let labels: Vec<String> = metric
                    .get_label()
                    .iter()
                    .map(|label| format!("{}={}", label.name(), label.value()))
                    .collect();
                let value = metric.get_gauge().get_value();
                lines.push(format!("{}{labels:?} {value}", family.name()));
            }
        }
        lines
    }

    #[test]
    fn threads_add_to_each_other_and_do_not_undo_each_other() {
        let samples = Samples::new().unwrap();
        let of = |task| ThreadSample {
            tasks: vec![task],
            ..ThreadSample::default()
        };
        samples.set("one", of(task(0, 5, 7)));
        samples.set("two", of(task(1, 6, 8)));
        samples.set("one", of(task(0, 3, 9)));
        let lines = exposed(&samples);
        for line in [
            r#"topology_restore_remaining_offsets[] 9"#,
            r#"topology_restore_eta_seconds[] 12"#,
            r#"topology_tasks["state=RUNNING"] 2"#,
            r#"topology_task_paused["task=0_0"] 0"#,
            r#"topology_task_paused["task=0_1"] 1"#,
            r#"topology_consumer_lag_records["partition=0", "topic=orders"] 9"#,
            r#"topology_consumer_lag_records["partition=1", "topic=orders"] 8"#,
            r#"topology_stream_time_seconds["task=0_1"] 1.5"#,
        ] {
            assert!(
                lines.iter().any(|known| known == line),
                "{line}: {lines:#?}"
            );
        }
        samples.forget_tasks("two");
        let lines = exposed(&samples);
        let gone = r#"topology_tasks["state=RUNNING"] 1"#;
        assert!(lines.iter().any(|line| line == gone), "{lines:#?}");
        assert!(
            !lines
                .iter()
                .any(|line| line.contains("partition=1") || line.contains("0_1"))
        );
    }

    #[test]
    fn lag_in_seconds_goes_on_while_the_thread_stands_still() {
        let mut behind = task(0, 0, 1);
        behind.lag[0].oldest = Oldest::At(1_000);
        let age = |now_ms| {
            let families = per_task(&[&behind], now_ms).unwrap();
            let lag = families
                .iter()
                .find(|family| family.name() == list::LAG_SECONDS.name)
                .unwrap();
            lag.get_metric()[0].get_gauge().get_value()
        };
        assert_eq!((age(3_000), age(9_500)), (2.0, 8.5));
        assert_eq!(age(500), 0.0, "a producer's clock ahead of ours");
    }
}
