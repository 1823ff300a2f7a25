//! The same jobs on Kafka Streams, as a process (`bench/kafka-streams/`).

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use jumun::job::topics;
use jumun_harness::http_get;
use serde::Deserialize;

use crate::contestant::Contestant;
use crate::error::{Error, Result};
use crate::options::CompareOptions;
use crate::order_job::{self, Launch, OrderJob, PARTITIONS};
use crate::profile::Moment;
use crate::stand::{JobRun, Stand};

/// Its stores with a changelog.
pub(super) const STORES: [&str; 3] = ["orders", "parked", "aggregates"];

/// How it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// All steps of tuning that its README names.
    Tuned,
    /// As Kafka Streams comes.
    Stock,
}

impl Profile {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tuned => "Kafka Streams, tuned",
            Self::Stock => "Kafka Streams, stock",
        }
    }

    /// None of a program that is not the peer.
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
#[derive(Clone)]
pub(super) struct Peer {
    jar: PathBuf,
    java: PathBuf,
    heap: String,
    commit_interval_ms: u64,
}

/// What a run tells of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    counts: BTreeMap<String, u64>,
    restored_records: u64,
    /// From the first restore that began to the last that ended.
    restore_wall_ms: u64,
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
            commit_interval_ms: options.bench.job.commit_interval_ms,
        })
    }

    /// The same with another heap.
    pub(super) fn with_heap(&self, heap: &str) -> Self {
        Self {
            heap: heap.to_owned(),
            ..self.clone()
        }
    }

    /// How it is started, with these settings on top.
    pub(super) fn command(
        &self,
        profile: Profile,
        launch: &Launch<'_>,
        settings: &[(&str, &str)],
    ) -> Command {
        let mut command = Command::new(&self.java);
        command
            .current_dir(launch.directory)
            .args([format!("-Xms{}", self.heap), format!("-Xmx{}", self.heap)])
            .arg("-XX:+UseParallelGC")
            .arg("-jar")
            .arg(&self.jar)
            .args(["--profile", profile.setting()])
            .args(["--bootstrap.servers", launch.bootstrap_servers])
            .args(["--application.id", launch.application_id])
            .arg("--state.dir")
            .arg(launch.state())
            .args(["--listen.port", &launch.address.port().to_string()])
            .args(["--commit.interval.ms", &self.commit_interval_ms.to_string()])
            // As ours: else it is a matter of chance when a parked event is given up.
            .args(["--park.limit.ms", order_job::PARKED_FOR_MS])
            .args(["--partitions", &launch.partitions.to_string()]);
        for (name, value) in settings {
            command.arg(format!("--{name}")).arg(value);
        }
        command
    }

    /// One run of the order job over the backlog under a name of its own; its outputs are verified.
    pub(super) fn run(&self, stand: &mut Stand, profile: Profile, number: u32) -> Result<JobRun> {
        let group = format!("peer-{}-{number}", profile.setting());
        let directory = order_job::directory()?;
        let launch = Launch {
            bootstrap_servers: stand.broker.bootstrap_servers(),
            application_id: &group,
            directory: directory.path(),
            partitions: PARTITIONS,
            address: order_job::address()?,
        };
        let outputs = outputs(&group);
        let contestant = Contestant {
            name: profile.name(),
            command: self.command(profile, &launch, &[]),
            group: group.clone(),
            state: Some(launch.state()),
            put_out: None,
        };
        let address = launch.address;
        let (done, ()) = stand.verified(contestant, &outputs, || Ok((counted(address)?, ())))?;
        Ok(done)
    }
}

/// All topics of the order job that it writes.
pub(super) fn outputs(application_id: &str) -> Vec<(String, Moment)> {
    let mut outputs = OrderJob::topics_with_aggregates();
    for store in STORES {
        outputs.push((
            format!("{application_id}-{store}-changelog"),
            Moment::Commit,
        ));
    }
    // Contradictions are told by us alone.
    outputs.retain(|(topic, _)| topic != topics::RECONCILE);
    outputs
}

fn facts(address: SocketAddr) -> Result<Facts> {
    let (_, facts) = http_get(address, "/facts")?;
    serde_json::from_str(&facts)
        .map_err(|error| Error::failed(format!("the peer's facts: {error}")))
}

/// What it counted, named as the order job's outcomes; PARKED are those that wait now.
pub(super) fn counted(address: SocketAddr) -> Result<BTreeMap<String, u64>> {
    Ok(outcomes(facts(address)?.counts))
}

/// Records restored, and seconds from the first restore that began to the last that ended.
pub(super) fn restored(address: SocketAddr) -> Result<(u64, f64)> {
    let facts = facts(address)?;
    Ok((facts.restored_records, facts.restore_wall_ms as f64 / 1e3))
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

    #[test]
    fn facts_tell_of_a_restore() {
        let told =
            r#"{"upMs":9,"restoredRecords":70,"restoreMs":9000,"restoreWallMs":3500,"counts":{}}"#;
        let facts: Facts = serde_json::from_str(told).unwrap();
        assert_eq!((facts.restored_records, facts.restore_wall_ms), (70, 3500));
    }
}
