//! The same job on Kafka Streams, as a process (`bench/kafka-streams/`).

use std::collections::BTreeMap;
use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use jumun::job::topics;
use jumun_harness::{free_port, http_get};
use serde::Deserialize;

use crate::contestant::Contestant;
use crate::error::{Error, Result};
use crate::options::CompareOptions;
use crate::order_job::{OrderJob, PARTITIONS};
use crate::profile::Moment;
use crate::stand::{JobRun, Stand};

/// Its stores with a changelog.
const STORES: [&str; 3] = ["orders", "parked", "aggregates"];

/// How it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// All steps of tuning that its README names.
    Tuned,
    /// As Kafka Streams comes.
    Stock,
}

impl Profile {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tuned => "Kafka Streams, tuned",
            Self::Stock => "Kafka Streams, stock",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Tuned, Self::Stock]
            .into_iter()
            .find(|profile| profile.name() == name)
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Tuned => "tuned",
            Self::Stock => "stock",
        }
    }
}

/// The program.
pub(super) struct Peer {
    jar: PathBuf,
    java: PathBuf,
    heap: String,
    commit_interval_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Facts {
    counts: BTreeMap<String, u64>,
}

impl Peer {
    pub(super) fn new(options: &CompareOptions) -> Result<Self> {
        let jar = options.peer.clone();
        if !jar.is_file() {
            return Err(Error::failed(format!(
                "there is no {}; scripts/build-peer builds it, or name one with --peer",
                jar.display()
            )));
        }
        let java = match env::var_os("JAVA_HOME") {
            Some(home) => Path::new(&home).join("bin/java"),
            None => "java".into(),
        };
        Ok(Self {
            // It is started in another directory.
            jar: std::path::absolute(&jar).map_err(Error::file("finding", &jar))?,
            java,
            heap: options.java_heap.clone(),
            commit_interval_ms: options.bench.commit_interval_ms,
        })
    }

    /// One run over the backlog under a name of its own; its outputs are verified.
    pub(super) fn run(&self, stand: &mut Stand, profile: Profile, number: u32) -> Result<JobRun> {
        let group = format!("peer-{}-{number}", profile.setting());
        let directory = tempfile::Builder::new()
            .prefix("jumun-bench-peer-")
            .tempdir()
            .map_err(Error::file("creating a directory in", &env::temp_dir()))?;
        let port = free_port()?;
        let mut command = Command::new(&self.java);
        command
            .current_dir(directory.path())
            .args([format!("-Xms{}", self.heap), format!("-Xmx{}", self.heap)])
            .arg("-XX:+UseParallelGC")
            .arg("-jar")
            .arg(&self.jar)
            .args(["--profile", profile.setting()])
            .args(["--bootstrap.servers", stand.broker.bootstrap_servers()])
            .args(["--application.id", &group])
            .arg("--state.dir")
            .arg(directory.path().join("state"))
            .args(["--listen.port", &port.to_string()])
            .args(["--commit.interval.ms", &self.commit_interval_ms.to_string()])
            .args(["--partitions", &PARTITIONS.to_string()]);
        let mut outputs = OrderJob::topics_with_aggregates();
        for store in STORES {
            outputs.push((format!("{group}-{store}-changelog"), Moment::Commit));
        }
        // Contradictions are told by us alone.
        outputs.retain(|(topic, _)| topic != topics::RECONCILE);
        let contestant = Contestant {
            name: profile.name(),
            command,
            group,
        };
        let (done, ()) = stand.verified(contestant, &outputs, || Ok((counted(port)?, ())))?;
        Ok(done)
    }
}

/// What it counted, named as the order job's outcomes; PARKED are those that wait now.
fn counted(port: u16) -> Result<BTreeMap<String, u64>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (_, facts) = http_get(address, "/facts")?;
    let facts: Facts = serde_json::from_str(&facts)
        .map_err(|error| Error::failed(format!("the peer's facts: {error}")))?;
    Ok(outcomes(facts.counts))
}

/// A parked event counts again when it is settled, and then as released too.
fn outcomes(mut counts: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    counts.remove("consumed");
    let released = counts.remove("released").unwrap_or(0);
    if let Some(parked) = counts.get_mut("PARKED") {
        *parked = parked.saturating_sub(released);
    }
    counts.retain(|_, count| *count > 0);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_released_waits_no_more() {
        let counts = [
            ("APPLIED", 7),
            ("PARKED", 5),
            ("consumed", 12),
            ("released", 5),
        ];
        let counts = counts.map(|(name, count)| (name.to_owned(), count));
        let expected = BTreeMap::from([("APPLIED".to_owned(), 7)]);
        assert_eq!(outcomes(BTreeMap::from(counts)), expected);
    }

    #[test]
    fn a_name_is_that_of_one_profile() {
        for profile in [Profile::Tuned, Profile::Stock] {
            assert_eq!(Profile::of(profile.name()), Some(profile));
        }
        assert_eq!(Profile::of("jumun"), None);
    }
}
