//! One run of one program over the whole backlog, as a process of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use jumun_harness::{Kafka, Process};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::process_usage::{self, ProcessUsage};
use crate::progress::Progress;

/// Between two questions for the committed offsets.
const LOOK: Duration = Duration::from_millis(100);
/// Without any progress for so long, a program is taken for stuck.
const STUCK: Duration = Duration::from_secs(90);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A program to be measured.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) command: Command,
    /// Consumer group whose offsets say how far it is.
    pub(crate) group: String,
}

/// What one run took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) program: Cow<'static, str>,
    /// User and system time of the whole process, from its start to zero lag.
    pub(crate) cpu_seconds: f64,
    /// From the start of the process to zero lag.
    pub(crate) seconds: f64,
    /// Events committed per second between the first commit that was seen and zero lag.
    pub(crate) events_per_second: f64,
    /// Largest resident set.
    pub(crate) peak_resident_bytes: u64,
    /// Records produced to all topics, and bytes of their keys and values; counted in the topics afterwards.
    pub(crate) records_out: u64,
    pub(crate) bytes_out: u64,
    /// From the start of the process to the first commit that was seen.
    pub(crate) first_commit_seconds: f64,
    /// Written to disk.
    pub(crate) written_bytes: u64,
    /// Of the second half of the backlog alone, when a JIT compiler has done its work: CPU time and pace.
    pub(crate) second_half_cpu_seconds_per_million_events: f64,
    pub(crate) second_half_events_per_second: f64,
}

/// Where a run was when it had committed half of the backlog.
struct Half {
    at: Instant,
    committed: u64,
    usage: ProcessUsage,
}

/// The backlog: offsets at which its partitions end.
pub(crate) struct Backlog {
    pub(crate) topics: Vec<String>,
    pub(crate) ends: BTreeMap<(String, i32), i64>,
}

impl Backlog {
    /// All events in it. The inputs are written once and without transactions, so offsets are counts.
    pub(crate) fn events(&self) -> u64 {
        self.ends.values().map(|end| end.unsigned_abs()).sum()
    }

    /// Events that `group` has committed.
    fn committed(&self, kafka: &Kafka, group: &str) -> Result<u64> {
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let offsets = kafka.committed_offsets(group, &topics)?;
        Ok(self
            .ends
            .keys()
            .filter_map(|key| offsets.get(key))
            .map(|offset| offset.unsigned_abs())
            .sum())
    }
}

/// Runs the program until it has committed the whole backlog, then asks `last_words` of it and ends it.
pub(crate) fn measure<T>(
    contestant: Contestant,
    kafka: &Kafka,
    backlog: &Backlog,
    last_words: impl FnOnce() -> Result<T>,
) -> Result<(Run, T)> {
    let Contestant {
        name,
        command,
        group,
    } = contestant;
    let events = backlog.events();
    let started = Instant::now();
    let mut process = Process::start(command)?;
    let mut progress = Progress::start(format!("run of the {name}"), events);
    let mut first: Option<(Instant, u64)> = None;
    let mut half: Option<Half> = None;
    let (mut committed, mut moved) = (0, Instant::now());
    let ended = loop {
        let asked = Instant::now();
        let now = backlog.committed(kafka, &group)?;
        if now > committed {
            (committed, moved) = (now, asked);
            first.get_or_insert((asked, now));
            progress.at(now);
        }
        if half.is_none() && committed >= events / 2 {
            half = Some(Half {
                at: asked,
                committed,
                usage: process_usage::of(process.id())?,
            });
        }
        if committed >= events {
            break asked;
        }
        if let Some(status) = process.exit_status()? {
            return Err(failed(
                name,
                &process,
                &format!("ended before zero lag, {status}"),
            ));
        }
        if moved.elapsed() > STUCK {
            return Err(failed(
                name,
                &process,
                &format!("committed nothing for {STUCK:?}"),
            ));
        }
        std::thread::sleep(LOOK);
    };
    let usage = process_usage::of(process.id())?;
    drop(progress);
    let said = last_words()?;
    process.sigterm()?;
    process.wait_exit(STOP_TIMEOUT)?;
    let (first_at, first_events) = first.unwrap_or((started, 0));
    let per_second = |events: u64, from: Instant| {
        events as f64
            / ended
                .saturating_duration_since(from)
                .as_secs_f64()
                .max(1e-3)
    };
    let mut run = Run {
        program: Cow::Borrowed(name),
        cpu_seconds: usage.cpu.as_secs_f64(),
        seconds: (ended - started).as_secs_f64(),
        events_per_second: per_second(events - first_events, first_at),
        peak_resident_bytes: usage.peak_resident_bytes,
        first_commit_seconds: (first_at - started).as_secs_f64(),
        written_bytes: usage.written_bytes,
        ..Run::default()
    };
    if let Some(half) = half.filter(|half| half.committed < events) {
        let events = events - half.committed;
        let cpu = usage.cpu.saturating_sub(half.usage.cpu);
        run.second_half_cpu_seconds_per_million_events = cpu.as_secs_f64() / events as f64 * 1e6;
        run.second_half_events_per_second = per_second(events, half.at);
    }
    Ok((run, said))
}

fn failed(name: &str, process: &Process, what: &str) -> Error {
    Error::failed(format!(
        "the {name} {what}; its standard error:\n{}",
        process.stderr()
    ))
}
