use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::config::{Configuration, Effective, Flags, Sources, load};

/// Settings that win over file and environment; the names are those of the configuration file.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "JUMUN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Brokers to begin with, host:port, comma separated.
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap_servers: Option<String>,
    /// Consumer group, prefix of internal topics.
    #[arg(long, value_name = "ID")]
    pub application_id: Option<String>,
    /// Static membership, unique in the group.
    #[arg(long, value_name = "ID")]
    pub instance_id: Option<String>,
    /// Where stores are kept.
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Stream threads.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// exactly_once_v2 or at_least_once.
    #[arg(long, value_name = "GUARANTEE")]
    pub processing_guarantee: Option<String>,
    /// Milliseconds between two commits.
    #[arg(long, value_name = "MS")]
    pub commit_interval_ms: Option<u64>,
    /// What happens to an event that comes before another one: default, strict or park.
    #[arg(long, value_name = "POLICY")]
    pub ordering: Option<String>,
    /// Process the log anew, as an application of its own, into topics whose names end in -rebuild.
    #[arg(long)]
    pub rebuild: bool,
    /// At most so many records per second: a gentle catch-up.
    #[arg(long, value_name = "N")]
    pub max_rate: Option<u64>,
    /// Bytes of memory that the process may take.
    #[arg(long, value_name = "BYTES")]
    pub memory_max_bytes: Option<u64>,
    /// Give up the group membership when stopping, for scaling in.
    #[arg(long)]
    pub leave_on_stop: bool,
    /// Migrate state on disk that another topology built; stores that are gone are dropped for good.
    #[arg(long)]
    pub migrate_state: bool,
    /// Address of the HTTP server.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Any other setting, as in the file: application.session_timeout_ms=6000, kafka.security.protocol=SSL.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write section.key=value, for example application.threads=2".to_owned()),
    }
}

impl Settings {
    /// Reads and checks file, environment and flags.
    ///
    /// # Errors
    /// All mistakes at once; exit status 2.
    pub fn load(&self) -> Result<Effective, Failure> {
        let path = |path: &PathBuf| path.display().to_string();
        let mut flags = Flags::default()
            .with_some("kafka.bootstrap.servers", self.bootstrap_servers.as_ref())
            .with_some("application.id", self.application_id.as_ref())
            .with_some("application.instance_id", self.instance_id.as_ref())
            .with_some("application.state_dir", self.state_dir.as_ref().map(path))
            .with_some("application.threads", self.threads)
            .with_some(
                "application.processing_guarantee",
                self.processing_guarantee.as_ref(),
            )
            .with_some("application.commit_interval_ms", self.commit_interval_ms)
            .with_some("application.ordering", self.ordering.as_ref())
            .with_some("application.rebuild", self.rebuild.then_some(true))
            .with_some("application.max_rate", self.max_rate)
            .with_some("application.memory_max_bytes", self.memory_max_bytes)
            .with_some(
                "application.leave_on_stop",
                self.leave_on_stop.then_some(true),
            )
            .with_some(
                "application.migrate_state",
                self.migrate_state.then_some(true),
            )
            .with_some("http.listen", self.listen.as_ref());
        for (key, value) in &self.set {
            flags = flags.with(key, value);
        }
        load(&Sources::of_process(self.config.clone(), flags)).map_err(Failure::usage)
    }

    /// As [`Settings::load`], without the origins.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn configuration(&self) -> Result<Configuration, Failure> {
        self.load().map(|effective| effective.configuration)
    }
}
