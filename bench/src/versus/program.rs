//! A program that does the order job as a process that is watched, killed and started again: ours, and that on Kafka
//! Streams.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jumun_harness::{Process, http_get, wait_for};
use serde::Deserialize;

use super::OURS;
use super::peer::{self, Peer, Profile};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::order_job::{self, Launch, OrderJob};
use crate::outcomes;
use crate::process_usage::{self, ProcessUsage};

/// Until all tasks run, state restored.
const READY_TIMEOUT: Duration = Duration::from_secs(300);
const STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// Which program, and how it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Ours,
    Peer(Profile),
}

impl Program {
    /// That of a name of the tables.
    pub(super) fn of(name: &str) -> Self {
        Profile::of(name).map_or(Self::Ours, Self::Peer)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => OURS,
            Self::Peer(profile) => profile.name(),
        }
    }
}

/// A program on a broker, with a state of its own. It may be started again and again.
pub(super) struct Site {
    pub(super) program: Program,
    pub(super) application_id: String,
    bootstrap_servers: String,
    partitions: i32,
    directory: tempfile::TempDir,
}

impl Site {
    /// A site without any state.
    pub(super) fn new(program: Program, bootstrap_servers: &str, partitions: i32) -> Result<Self> {
        Ok(Self {
            program,
            application_id: "bench".to_owned(),
            bootstrap_servers: bootstrap_servers.to_owned(),
            partitions,
            directory: order_job::directory()?,
        })
    }

    /// Starts the program; as it is shipped, with aggregates.
    pub(super) fn start(&self, job: &mut OrderJob, peer: Option<&Peer>) -> Result<Running> {
        let launch = Launch {
            bootstrap_servers: &self.bootstrap_servers,
            application_id: &self.application_id,
            directory: self.directory.path(),
            partitions: self.partitions,
            address: order_job::address()?,
        };
        let command = match (self.program, peer) {
            (Program::Ours, _) => job.command(&launch, Extent::Compared, &[]),
            (Program::Peer(profile), Some(peer)) => peer.command(profile, &launch, &[]),
            (Program::Peer(_), None) => return Err(Error::failed("there is no peer to start")),
        };
        Ok(Running {
            program: self.program,
            process: Process::start(command)?,
            address: launch.address,
        })
    }

    /// Removes the state: the next start has to restore it.
    pub(super) fn forget_state(&self) -> Result<()> {
        let state: PathBuf = self.state();
        std::fs::remove_dir_all(&state).map_err(Error::file("removing", &state))
    }

    pub(super) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Its changelog topics.
    pub(super) fn changelogs(&self) -> Result<Vec<String>> {
        let outputs = match self.program {
            Program::Ours => OrderJob::outputs(&self.application_id, Extent::Compared)?,
            Program::Peer(_) => peer::outputs(&self.application_id),
        };
        let topics = outputs.into_iter().map(|(topic, _)| topic);
        Ok(topics
            .filter(|topic| topic.ends_with("-changelog"))
            .collect())
    }
}

/// A process under way.
pub(super) struct Running {
    program: Program,
    process: Process,
    address: SocketAddr,
}

impl Running {
    /// Waits until every task processes.
    pub(super) fn wait_ready(&mut self) -> Result<()> {
        let path = match self.program {
            Program::Ours => "/health/ready",
            Program::Peer(_) => "/ready",
        };
        let (process, address) = (&mut self.process, self.address);
        let ready = wait_for("every task to run", READY_TIMEOUT, || {
            match process.exit_status() {
                Ok(Some(status)) => Some(Err(Error::failed(format!("it ended, {status}")))),
                Err(error) => Some(Err(error.into())),
                Ok(None) => {
                    let (status, _) = http_get(address, path).ok()?;
                    (status == 200).then_some(Ok(()))
                }
            }
        });
        let ready = ready.map_err(Error::from).and_then(|ready| ready);
        ready.map_err(|error| self.failed(&error.to_string()))
    }

    /// Fails if the process has ended.
    pub(super) fn is_alive(&mut self) -> Result<()> {
        match self.process.exit_status()? {
            None => Ok(()),
            Some(status) => Err(self.failed(&format!("ended, {status}"))),
        }
    }

    /// Outcomes that it counted since it was started, once there are so many.
    pub(super) fn counted(&self, events: u64) -> Result<BTreeMap<String, u64>> {
        match self.program {
            Program::Ours => outcomes::counted(self.address, events),
            Program::Peer(_) => peer::counted(self.address),
        }
    }

    /// Records that it restored since it was started, and seconds from the first restore that began to the last that
    /// ended, as it tells them itself.
    pub(super) fn restored(&self) -> Result<(u64, f64)> {
        match self.program {
            Program::Peer(_) => peer::restored(self.address),
            Program::Ours => {
                restored(&self.process.stderr()).ok_or_else(|| self.failed("told of no restore"))
            }
        }
    }

    pub(super) fn usage(&self) -> Result<ProcessUsage> {
        process_usage::of(self.process.id())
    }

    /// SIGKILL. The process is gone when this returns.
    pub(super) fn kill(mut self) -> Result<()> {
        self.process.kill9()?;
        Ok(())
    }

    /// SIGTERM, and the end it asks for.
    pub(super) fn stop(mut self) -> Result<()> {
        self.process.sigterm()?;
        self.process.wait_exit(STOP_TIMEOUT)?;
        Ok(())
    }

    pub(super) fn failed(&self, what: &str) -> Error {
        Error::failed(format!(
            "{}: {what}; its standard error:\n{}",
            self.program.name(),
            tail(&self.process.stderr())
        ))
    }
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// The line that ours logs when a task's state is restored.
#[derive(Deserialize)]
struct Restored<'a> {
    #[serde(borrow)]
    message: &'a str,
    #[serde(borrow)]
    timestamp: &'a str,
    records: u64,
    /// As `Duration` is debugged.
    #[serde(borrow)]
    took: &'a str,
}

/// Of all tasks in the log: records, and seconds from the first beginning to the last end.
fn restored(log: &str) -> Option<(u64, f64)> {
    let (mut records, mut begin, mut end) = (0, f64::INFINITY, f64::NEG_INFINITY);
    for line in log.lines() {
        let Ok(restored) = serde_json::from_str::<Restored<'_>>(line) else {
            continue;
        };
        if restored.message != "state restored" {
            continue;
        }
        let at = restored.timestamp.parse::<Timestamp>().ok()?;
        let at = at.as_microsecond() as f64 / 1e6;
        begin = begin.min(at - seconds(restored.took)?);
        end = end.max(at);
        records += restored.records;
    }
    (end > begin).then_some((records, end - begin))
}

/// What `{:?}` of a [`Duration`] writes, such as `1.25s` and `830.1ms`.
fn seconds(debugged: &str) -> Option<f64> {
    for (suffix, unit) in [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)] {
        if let Some(number) = debugged.strip_suffix(suffix) {
            return Some(number.parse::<f64>().ok()? * unit);
        }
    }
    None
}

/// Bytes of the files of a state.
pub(super) fn state_bytes(state: &Path) -> Result<u64> {
    crate::contestant::size_of(state, |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_lasts_from_the_first_beginning_to_the_last_end() {
        let log = r#"{"timestamp":"2026-11-27T06:00:10.500000Z","level":"INFO","message":"state restored","task":"0_1","records":70,"took":"1.5s"}
not JSON
{"timestamp":"2026-11-27T06:00:11.000000Z","level":"INFO","message":"state restored","task":"0_0","records":30,"took":"500ms"}
{"timestamp":"2026-11-27T06:00:12.000000Z","level":"INFO","message":"another","records":9,"took":"9s"}"#;
        assert_eq!(restored(log), Some((100, 2.0)));
        assert_eq!(restored("none"), None);
    }

    #[test]
    fn durations_are_read_as_they_are_logged() {
        for micros in [1, 999, 1_500, 2_000_000, 75_300_000] {
            let duration = Duration::from_micros(micros);
            let read = seconds(&format!("{duration:?}")).unwrap();
            assert!((read - duration.as_secs_f64()).abs() < 1e-9, "{duration:?}");
        }
        assert_eq!(seconds("soon"), None);
    }
}
