//! The order job: `jumun run` as it is shipped, with the settings of the bench.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use jumun::config::Topics;
use jumun::job::{self, JobOptions, topics};
use jumun_harness::free_port;
use topology::graph::SubTopology;
use topology::io::TopicSpec;

use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::options::ProgramOptions;
use crate::outcomes;
use crate::profile::Moment;
use crate::progress::say;

/// Of the keyed inputs, the states, the transitions and the changelogs.
pub(crate) const PARTITIONS: i32 = 4;

/// For so many milliseconds an event may be parked: longer than a run.
pub(crate) const PARKED_FOR_MS: &str = "86400000";

/// The program, and where its present run answers.
pub(crate) struct OrderJob {
    program: PathBuf,
    settings: Vec<String>,
    address: SocketAddr,
}

/// One start of a program that does the order job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) bootstrap_servers: &'a str,
    /// Of a name that is new the group begins at the beginning.
    pub(crate) application_id: &'a str,
    /// The state is kept beneath it.
    pub(crate) directory: &'a Path,
    /// Of the keyed inputs.
    pub(crate) partitions: i32,
    /// Where it answers to HTTP.
    pub(crate) address: SocketAddr,
}

impl Launch<'_> {
    /// Where the state lies.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.join("state")
    }
}

/// A directory for the state of one run.
pub(crate) fn directory() -> Result<tempfile::TempDir> {
    let directory = tempfile::Builder::new().prefix("jumun-bench-").tempdir();
    directory.map_err(Error::file("creating a directory in", &env::temp_dir()))
}

/// A free address for the HTTP server of one run.
pub(crate) fn address() -> Result<SocketAddr> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)))
}

impl OrderJob {
    /// Builds the program unless one is given.
    pub(crate) fn new(options: &ProgramOptions) -> Result<Self> {
        let program = match &options.jumun {
            Some(program) => program.clone(),
            None => build()?,
        };
        let mut settings = vec![
            format!(
                "application.commit_interval_ms={}",
                options.commit_interval_ms
            ),
            format!(
                "application.catch_up_commit_interval_ms={}",
                options.catch_up_commit_interval_ms
            ),
            // When a redriven event comes back, and so between which others, is a matter of chance.
            "redrive.automatic=false".to_owned(),
            // Likewise when a parked event is given up, which goes by the wall clock.
            format!("parking.wait_ms={PARKED_FOR_MS}"),
            format!("parking.payment_wait_ms={PARKED_FOR_MS}"),
            format!("parking.longest_wait_ms={PARKED_FOR_MS}"),
        ];
        settings.extend(options.set.iter().cloned());
        Ok(Self {
            program,
            settings,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        })
    }

    /// The topics' settings.
    pub(crate) fn topics() -> Topics {
        Self::topics_of(PARTITIONS)
    }

    /// The same with so many partitions.
    pub(crate) fn topics_of(partitions: i32) -> Topics {
        Topics {
            partitions,
            output_partitions: 2,
            replication_factor: 1,
        }
    }

    /// How it is started. Its counts are asked of this address from now on.
    pub(crate) fn command(
        &mut self,
        launch: &Launch<'_>,
        extent: Extent,
        settings: &[&str],
    ) -> Command {
        self.address = launch.address;
        let mut command = Command::new(&self.program);
        command
            .current_dir(launch.directory)
            .env_remove("JUMUN_CONFIG")
            .arg("run")
            .args(["--bootstrap-servers", launch.bootstrap_servers])
            .args(["--application-id", launch.application_id])
            .arg("--state-dir")
            .arg(launch.state())
            .args(["--listen", &launch.address.to_string()])
            .args(["--set", &format!("topics.partitions={}", launch.partitions)]);
        let extent = extent.settings();
        let own = extent.iter().chain(&self.settings).map(String::as_str);
        for setting in own.chain(settings.iter().copied()) {
            command.args(["--set", setting]);
        }
        command
    }

    /// What the running job counted, once it has counted every event.
    pub(crate) fn counted(&self, events: u64) -> Result<BTreeMap<String, u64>> {
        outcomes::counted(self.address, events)
    }

    /// Compares what the merging tasks of the running job counted with the outcomes; says what was compared,
    /// nothing where aggregates are off.
    pub(crate) fn totals(
        &self,
        extent: Extent,
        outcomes: &BTreeMap<String, u64>,
    ) -> Result<Option<String>> {
        if !extent.aggregates() {
            return Ok(None);
        }
        outcomes::totals(self.address, outcomes).map(Some)
    }

    /// The program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The output topics, those of aggregates included, and when they are written.
    pub(crate) fn topics_with_aggregates() -> Vec<(String, Moment)> {
        let mut specs = topics::outputs(&Self::topics());
        specs.extend(topics::aggregates(&Self::topics()));
        named(specs)
    }

    /// All topics that a run produces to besides repartition topics, and when it does.
    pub(crate) fn outputs(application_id: &str, extent: Extent) -> Result<Vec<(String, Moment)>> {
        let (aggregates, watching, minutes) = extent.options();
        let options = JobOptions {
            aggregates,
            merging_tasks: Self::topics().output_partitions,
            minutes,
            watching,
            ..JobOptions::default()
        };
        let topology = job::topology(&options).build();
        let topology =
            topology.map_err(|error| Error::failed(format!("the order job: {error}")))?;
        let mut outputs = match extent.aggregates() {
            true => Self::topics_with_aggregates(),
            false => named(topics::outputs(&Self::topics())),
        };
        for store in topology
            .subtopologies()
            .iter()
            .flat_map(|part| part.stores())
            .filter(|store| store.changelog)
        {
            outputs.push((
                SubTopology::changelog_topic(application_id, &store.name),
                Moment::Commit,
            ));
        }
        Ok(outputs)
    }
}

fn named(specs: Vec<TopicSpec>) -> Vec<(String, Moment)> {
    let named = specs.into_iter().map(|topic| {
        // The latest state of an order is told once per commit.
        let moment = match topic.name == topics::STATE {
            true => Moment::Commit,
            false => Moment::Event,
        };
        (topic.name, moment)
    });
    named.collect()
}

/// Builds `jumun` beside this program, with the profile of this program.
fn build() -> Result<PathBuf> {
    let this = env::current_exe().map_err(Error::file("finding", "this program".as_ref()))?;
    let program = this.with_file_name("jumun");
    // Set where cargo runs this program; else what was built before is taken.
    if let Some(cargo) = env::var_os("CARGO") {
        say("building the order job");
        let directory = this.parent().and_then(Path::file_name);
        let profile = match directory.and_then(OsStr::to_str) {
            None | Some("debug") => "dev",
            Some(profile) => profile,
        };
        let built = Command::new(cargo)
            .args(["build", "--profile", profile])
            .args(["--package", "jumun", "--bin", "jumun"])
            .status()
            .map_err(Error::file("starting cargo to build", &program))?;
        if !built.success() {
            return Err(Error::failed(format!("building the order job: {built}")));
        }
    }
    if program.is_file() {
        Ok(program)
    } else {
        Err(Error::failed(format!(
            "there is no {}; build it, or name one with --jumun",
            program.display()
        )))
    }
}
