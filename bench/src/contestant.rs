//! One run of one program over the whole backlog, as a process of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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
/// Outputs to which nothing was added for so long are complete.
const STILL: Duration = Duration::from_millis(1500);

/// A program to be measured.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) command: Command,
    /// Consumer group whose offsets say how far it is.
    pub(crate) group: String,
    /// Where it keeps its state.
    pub(crate) state: Option<PathBuf>,
    /// How much it has put out, of a program that goes on doing so when it has committed its inputs: the run ends when
    /// this has stood still.
    pub(crate) put_out: Option<PutOut>,
}

/// Tells how much there is in the outputs of a program.
pub(crate) type PutOut = Box<dyn FnMut() -> Result<u64>>;

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
    /// Size of the files of its state after it was stopped; 0 of a program without.
    #[serde(default)]
    pub(crate) state_bytes: u64,
    /// What the broker's segments grew by.
    #[serde(default)]
    pub(crate) broker_bytes: u64,
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
#[derive(Clone, Debug, Default)]
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
        state,
        put_out,
    } = contestant;
    let events = backlog.events();
    // Of a program that goes on from an earlier run.
    let before = backlog.committed(kafka, &group)?;
    let halfway = before + events.saturating_sub(before) / 2;
    let started = Instant::now();
    let mut process = Process::start(command)?;
    let mut progress = Progress::start(format!("run of the {name}"), events);
    let mut first: Option<(Instant, u64)> = None;
    let mut half: Option<Half> = None;
    let (mut committed, mut moved) = (before, Instant::now());
    let ended = loop {
        let asked = Instant::now();
        let now = backlog.committed(kafka, &group)?;
        if now > committed {
            (committed, moved) = (now, asked);
            first.get_or_insert((asked, now));
            progress.at(now);
        }
        if half.is_none() && committed >= halfway {
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
    let ended = match put_out {
        Some(put_out) => still(put_out, ended)?,
        None => ended,
    };
    let usage = process_usage::of(process.id())?;
    drop(progress);
    let said = last_words()?;
    process.sigterm()?;
    process.wait_exit(STOP_TIMEOUT)?;
    let (first_at, first_events) = first.unwrap_or((started, before));
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
        state_bytes: state.map_or(Ok(0), |state| size_of(&state, |_| true))?,
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

/// When something was put out last, at `since` at the earliest.
fn still(mut put_out: PutOut, since: Instant) -> Result<Instant> {
    let (mut last, mut changed) = (put_out()?, since);
    while changed.elapsed() < STILL {
        std::thread::sleep(LOOK);
        let now = put_out()?;
        if now != last {
            (last, changed) = (now, Instant::now());
        }
    }
    Ok(changed)
}

/// Bytes of the files in a directory and those beneath it whose path is wanted. Files that go meanwhile count nothing.
pub(crate) fn size_of(directory: &Path, wanted: impl Fn(&Path) -> bool + Copy) -> Result<u64> {
    let mut size = 0;
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Error::file("reading", directory)(error)),
    };
    for entry in entries {
        let path = entry.map_err(Error::file("reading", directory))?.path();
        match std::fs::symlink_metadata(&path) {
            Ok(about) if about.is_dir() => size += size_of(&path, wanted)?,
            Ok(about) if wanted(&path) => size += about.len(),
            _ => {}
        }
    }
    Ok(size)
}

fn failed(name: &str, process: &Process, what: &str) -> Error {
    Error::failed(format!(
        "the {name} {what}; its standard error:\n{}",
        process.stderr()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_files_count_wherever_they_lie() -> Result<()> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("orders-0")).unwrap();
        for (name, size) in [
            ("a.log", 10),
            ("orders-0/b.log", 5),
            ("orders-0/b.index", 90),
        ] {
            std::fs::write(directory.path().join(name), vec![0; size]).unwrap();
        }
        let segment = |path: &Path| path.extension().is_some_and(|it| it == "log");
        assert_eq!(size_of(directory.path(), segment)?, 15);
        assert_eq!(size_of(directory.path(), |_| true)?, 105);
        assert_eq!(size_of(&directory.path().join("none"), |_| true)?, 0);
        Ok(())
    }

    #[test]
    fn a_run_ends_when_its_outputs_were_last_added_to() -> Result<()> {
        let began = Instant::now();
        let mut looks = 0;
        let put_out = move || {
            looks += 1;
            Ok(looks.min(4))
        };
        let ended = still(Box::new(put_out), began)?;
        assert!(ended >= began + 2 * LOOK, "{:?}", ended - began);
        assert!(ended.elapsed() >= STILL);
        Ok(())
    }
}
