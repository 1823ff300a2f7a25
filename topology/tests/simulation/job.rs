//! The job under test: it uses everything whose half could be lost or doubled.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::codec::{I64, Utf8};
use topology::graph::{BuiltTopology, StoreBuilder, Topology};
use topology::io::Headers;
use topology::io::memory::MemoryLog;
use topology::process::{
    Child, InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Record, SinkMode,
    TimerEvent,
};
use topology::runtime::StateRow;
use topology::store::TimerClock;
use topology::task::TaskId;
use topology::testing::TestDriverConfig;

use crate::simulation::invariants::{self, Outcome, ensure};
use crate::simulation::world::Job;

pub const APPLICATION: &str = "simulated";
pub const PARTITIONS: i32 = 4;
/// A value that is refused, after the operator has written and forwarded.
pub const BAD: &str = "bad";

/// Counts per key and forwards each count; a timer per record fires a little later; records held
/// since the last commit are handed over with it; bad records are refused at the very end.
#[derive(Default)]
struct Count {
    counts: Option<KeyValueStore<String, i64>>,
    children: Option<[Child; 4]>,
    held: i64,
}

impl Processor for Count {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.counts = Some(KeyValueStore::open(context, "counts", Utf8, I64)?);
        self.children = Some([
            context.child("counted")?,
            context.child("latest")?,
            context.child("fired")?,
            context.child("held")?,
        ]);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let counts = self.counts.as_mut().unwrap();
        let [counted, latest, _, _] = self.children.unwrap();
        let mut count = 0;
        counts.get(context, record.key, &mut count)?;
        count += 1;
        counts.put(context, record.key, &count)?;
        context.count(0, 1);
        let timer = format!("{}#{count}", record.key);
        let deadline = context.wall_clock_ms() + 150;
        context.set_timer(TimerClock::WallClock, deadline, 1, timer.as_bytes())?;
        context.forward_to(counted, record.with_value(&count))?;
        context.forward_to(latest, record.with_value(&count))?;
        if record.value == BAD {
            return Err(ProcessError::record("BAD", "told so"));
        }
        self.held += 1;
        Ok(())
    }

    fn on_timer(
        &mut self,
        timer: TimerEvent<'_>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let key = String::from_utf8(timer.key.to_vec()).unwrap();
        let fired = self.children.unwrap()[2];
        context.count(1, 1);
        context.forward_to(fired, record(&key, &1, timer.deadline_ms))
    }

    fn before_commit(
        &mut self,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let held = std::mem::take(&mut self.held);
        if held == 0 {
            return Ok(());
        }
        let child = self.children.unwrap()[3];
        context.forward_to(child, record(&"held".to_owned(), &held, 0))
    }
}

fn record<'a>(key: &'a String, value: &'a i64, timestamp: i64) -> Record<'a, String, i64> {
    Record {
        key,
        value,
        timestamp,
        headers: topology::io::Headers::default(),
    }
}

/// What went in.
#[derive(Default)]
pub struct Counting {
    /// Good records by key.
    good: BTreeMap<String, i64>,
    bad: i64,
    number: i64,
}

impl Job for Counting {
    fn topology(&self) -> BuiltTopology {
        topology()
    }

    fn tasks(&self) -> Vec<TaskId> {
        let task = |partition| TaskId {
            subtopology: 0,
            partition,
        };
        (0..PARTITIONS).map(task).collect()
    }

    fn append(&mut self, log: &MemoryLog, records: usize) {
        for _ in 0..records {
            self.number += 1;
            let key = format!("k{}", self.number % 11);
            let value = if self.number % 17 == 0 { BAD } else { "x" };
            let stamp = 1_577_836_800_000 + self.number;
            let (key_bytes, value_bytes) = (Some(key.as_bytes()), Some(value.as_bytes()));
            let headers = Headers::default();
            log.append("words", None, key_bytes, value_bytes, stamp, headers)
                .unwrap();
            if value == BAD {
                self.bad += 1;
            } else {
                *self.good.entry(key).or_default() += 1;
            }
        }
    }

    fn so_far(&self, log: &MemoryLog) -> Outcome {
        let counted = invariants::committed(log, "counted", PARTITIONS);
        invariants::output_is_beginning_of_fold(&counted, &self.good)
    }

    fn outcome(
        &self,
        log: &MemoryLog,
        states: &BTreeMap<TaskId, Vec<StateRow>>,
        counters: &[u64],
    ) -> Outcome {
        let committed = |topic| invariants::committed(log, topic, PARTITIONS);
        let total: i64 = self.good.values().sum();
        invariants::output_is_fold_of_input(&committed("counted"), &self.good)?;
        invariants::latest_is_total(&committed("latest"), &self.good)?;
        let timers = self
            .good
            .iter()
            .flat_map(|(key, count)| (1..=*count).map(move |count| format!("{key}#{count}")));
        invariants::each_once(&committed("fired"), timers)?;
        let held: i64 = committed("held").iter().map(invariants::number).sum();
        ensure(held == total, || {
            format!("{held} held records handed over of {total}")
        })?;
        let dead = committed("dead").len() as i64;
        ensure(dead == self.bad, || {
            format!("{dead} dead letters of {}", self.bad)
        })?;
        for (task, rows) in states {
            invariants::state_is_fold_of_changelog(log, APPLICATION, "counts", *task, rows)?;
        }
        let expected = [total as u64, total as u64];
        ensure(counters == expected, || {
            format!("counters {counters:?}, not {expected:?}")
        })
    }
}

pub fn topology() -> BuiltTopology {
    let mut topology = Topology::new();
    topology.add_source("words", &["words"], || Utf8, || Utf8);
    topology.add_processor("count", Count::default, &["words"]);
    topology.add_store(StoreBuilder::persistent("counts"), &["count"]);
    topology.add_sink("counted", "counted", || Utf8, || I64, &["count"]);
    let latest = SinkMode::LatestPerCommit;
    topology.add_sink_with("latest", "latest", latest, || Utf8, || I64, &["count"]);
    topology.add_sink("fired", "fired", || Utf8, || I64, &["count"]);
    topology.add_sink("held", "held", || Utf8, || I64, &["count"]);
    topology.dead_letter_topic("dead");
    topology.counters(["records".to_owned(), "timers".to_owned()]);
    topology.build().unwrap()
}

pub fn config() -> TestDriverConfig {
    let mut config = TestDriverConfig::new(APPLICATION).partitions(PARTITIONS);
    config.streams.session_timeout = Duration::from_secs(6);
    // All threads are driven by one: waiting would keep the other from closing.
    config.state.hand_over_timeout = Duration::ZERO;
    config.streams.leave_on_stop = true;
    // Bad records come for ever: a paused task would wait for a person.
    config.streams.dead_letter_circuit = None;
    config
}
