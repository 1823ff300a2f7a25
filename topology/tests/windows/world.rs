//! Two inputs of two partitions, counted per minute with a grace of ten seconds.

use std::time::Duration;

use topology::codec::{I64, Utf8};
use topology::graph::Topology;
use topology::io::Headers;
use topology::process::{ProcessError, Processor, ProcessorContext, Record};
use topology::testing::{TestDriver, TestDriverConfig};
use topology::window::{
    Deltas, EmitStrategy, TimeWindows, WindowResult, Windowed, WindowedAggregator, WindowedOptions,
};

/// 2020-01-01T00:00:00Z, where the driver's clock begins: the beginning of a minute.
pub const NOW: i64 = 1_577_836_800_000;
pub const PARTITIONS: i32 = 2;
pub const INPUTS: [&str; 2] = ["orders", "payments"];

/// Counts what values say: kind, group, event time in seconds from [`NOW`], such as `window a 3`; `patient` in windows with a
/// grace of their own.
/// A record of the kind `bad` counts twice and fails then.
pub struct Count;

impl WindowedAggregator for Count {
    type Key = String;
    type Value = String;
    type Group = String;
    type Aggregate = i64;

    fn event_time(&self, record: Record<'_, String, String>) -> Option<i64> {
        // Noise says nothing of the time, as records that a filter keeps from the aggregation.
        (!record.value.starts_with("noise")).then(|| parse(record.value).2)
    }

    fn add(
        &mut self,
        record: Record<'_, String, String>,
        deltas: &mut Deltas<'_, String, i64>,
    ) -> Result<(), ProcessError> {
        let (kind, group, time) = parse(record.value);
        deltas.caused_by(record.value.as_bytes());
        match kind {
            "window" => deltas.add(&group, time, &1),
            "patient" => deltas.add_in(1, &group, time, &1),
            "up" => deltas.add_running(&group, time, &1),
            "down" => deltas.add_running(&group, time, &-1),
            "total" => deltas.add_total(&group, &1),
            "clock" | "noise" => Ok(()),
            _ => {
                deltas.add(&group, time, &1)?;
                deltas.add_running(&group, time, &1)?;
                deltas.add_total(&group, &1)?;
                Err(ProcessError::record("BAD", "as told"))
            }
        }
    }

    fn merge(sum: &mut i64, delta: &i64) {
        *sum += delta;
    }

    fn merged_by(group: &[u8]) -> &[u8] {
        match group.starts_with(HERD) {
            true => HERD,
            false => group,
        }
    }
}

/// Groups that begin with it are merged by one task, which is told with them.
const HERD: &[u8] = b"herd-";

fn parse(value: &str) -> (&str, String, i64) {
    let words: Vec<&str> = value.split(' ').collect();
    let seconds: f64 = words[2].parse().unwrap();
    (
        words[0],
        words[1].to_owned(),
        NOW + (seconds * 1000.0) as i64,
    )
}

/// `a@60` → `3 n=3 r1`, `3 n=3 r2 final`, `late +1 of window a 3`.
pub struct Tell;

impl Processor for Tell {
    type Key = Windowed<String>;
    type Value = WindowResult<i64>;
    type OutKey = String;
    type OutValue = String;

    fn process(
        &mut self,
        record: Record<'_, Windowed<String>, WindowResult<i64>>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let Windowed { key, start, .. } = record.key;
        let key = format!("{key}@{}", (start - NOW) / 1000);
        let text = match record.value {
            WindowResult::Update {
                aggregate,
                n,
                revision,
                is_final,
                moved,
            } => {
                let last = if *is_final { " final" } else { "" };
                let by = match key.starts_with("gauge") {
                    false => String::new(),
                    true => format!(" by {moved:+}"),
                };
                let place = match key.starts_with("herd-") {
                    false => String::new(),
                    true => format!(" in task {}", context.task_id().partition),
                };
                format!("{aggregate}{by} n={n} r{revision}{place}{last}")
            }
            WindowResult::Late {
                delta,
                cause,
                closed_before,
                ..
            } => format!(
                "late {delta:+} of {} closed before {}",
                String::from_utf8_lossy(cause),
                (closed_before - NOW) / 1000
            ),
        };
        context.forward(record.with_key(&key).with_value(&text))
    }
}

pub fn options() -> WindowedOptions {
    let minutes = TimeWindows::of_size(Duration::from_secs(60)).grace(Duration::from_secs(10));
    // The same for what needs a minute longer.
    let patient = minutes.grace(Duration::from_secs(70));
    WindowedOptions {
        more_windows: [Some(patient), None],
        ..WindowedOptions::new(minutes)
    }
}

pub fn topology(options: WindowedOptions) -> Topology {
    let mut topology = Topology::new();
    topology.add_source("events", &INPUTS, || Utf8, || Utf8);
    topology.add_windowed_aggregation("counts", || Count, options, || Utf8, || I64, &["events"]);
    topology.add_processor("tell", || Tell, &["counts-merge"]);
    topology.add_sink("results", "results", || Utf8, || Utf8, &["tell"]);
    topology.dead_letter_topic("dead");
    topology
}

pub struct World {
    pub driver: TestDriver,
    told: Vec<usize>,
}

impl World {
    pub fn with(options: WindowedOptions, adjust: impl FnOnce(&mut TestDriverConfig)) -> Self {
        Self::of(topology(options), adjust)
    }

    /// Of a topology that tells what `told` reads.
    pub fn of(topology: Topology, adjust: impl FnOnce(&mut TestDriverConfig)) -> Self {
        let mut config = TestDriverConfig::new("app").partitions(PARTITIONS);
        adjust(&mut config);
        let driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
        Self {
            driver,
            told: vec![0; PARTITIONS as usize],
        }
    }

    /// Appends a record whose timestamp is the wall clock.
    pub fn append(&self, topic: &str, partition: i32, value: &str) {
        let now = topology::time::Clock::wall_clock_ms(self.driver.clock().as_ref());
        self.append_at(topic, partition, value, now);
    }

    pub fn append_at(&self, topic: &str, partition: i32, value: &str, timestamp: i64) {
        let (key, value) = (Some(&b"key"[..]), Some(value.as_bytes()));
        let log = self.driver.log();
        log.append(
            topic,
            Some(partition),
            key,
            value,
            timestamp,
            Headers::default(),
        )
        .unwrap();
    }

    /// Moves every clock of every input to an event time, in seconds from [`NOW`].
    pub fn clocks(&self, seconds: i64) {
        for topic in INPUTS {
            for partition in 0..PARTITIONS {
                let value = format!("clock - {seconds}");
                // The timestamp of a record bounds its event time.
                self.append_at(topic, partition, &value, NOW + seconds * 1000);
            }
        }
    }

    /// Lets wall-clock time pass, second by second, with all commits.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.driver
                .advance_wall_clock_time(Duration::from_secs(1))
                .unwrap();
            self.driver.commit().unwrap();
        }
    }

    /// What was told since the last look, by key, in the order of each key.
    pub fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        for (partition, seen) in (0..).zip(&mut self.told) {
            let records = self
                .driver
                .log()
                .records("results", partition, true)
                .unwrap();
            for record in records.iter().skip(*seen) {
                let text = |bytes: &Option<Vec<u8>>| {
                    String::from_utf8(bytes.clone().unwrap_or_default()).unwrap()
                };
                told.push((text(&record.key), text(&record.value)));
            }
            *seen = records.len();
        }
        told.sort_by(|(one, _), (other, _)| one.cmp(other));
        told.into_iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect()
    }

    /// The finals among what was told.
    pub fn finals(&mut self) -> Vec<String> {
        let told = self.told().into_iter();
        told.filter(|line| line.ends_with(" final")).collect()
    }
}

pub fn on_close() -> WindowedOptions {
    WindowedOptions {
        emit: EmitStrategy::OnWindowClose,
        ..options()
    }
}
