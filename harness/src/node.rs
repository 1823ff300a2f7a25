//! One Kafka node: a JVM that is broker and controller at once (KRaft), in a temporary directory of its own.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::error::{Doing, Error, Result};
use crate::guard::Guard;
use crate::kafka::Kafka;
use crate::wait::wait_for;

const KAFKA_VERSION: &str = "4.2.0";
/// Sixteen zero bytes but the last, as Kafka writes ids: URL-safe base64 without padding.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
const START_TIMEOUT: Duration = Duration::from_secs(90);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How a broker differs from the usual.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Heap of the JVM in MiB.
    pub heap_mib: u32,
    /// Broker properties that replace or complete those of the harness.
    pub properties: Vec<(String, String)>,
    /// One more listener beside the plain one, which the harness itself goes on to use.
    pub secured: Option<SecuredListener>,
}

/// A listener that asks for TLS and a password: `SASL_SSL` with SCRAM-SHA-512 (KIP-84, KIP-900). The listener is named
/// `SECURED`; its keystore is set by properties that begin with `listener.name.secured.`.
#[derive(Debug, Clone)]
pub struct SecuredListener {
    /// Where it listens on loopback.
    pub port: u16,
    /// The one user.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            heap_mib: 512,
            properties: Vec::new(),
            secured: None,
        }
    }
}

/// Where a node listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodePorts {
    pub(crate) broker: u16,
    pub(crate) controller: u16,
}

/// A running node. Dropping it kills the JVM and removes its data, and so does a watchdog when the process that
/// started it is killed.
#[derive(Debug)]
pub(crate) struct Node {
    // Dropped first: the JVM must be gone before its directory is removed.
    guard: Guard,
    options: BrokerOptions,
    address: String,
    directory: TempDir,
}

impl Node {
    /// Starts node number `index` (from 0) of those that listen on `ports`, and does not wait for it.
    pub(crate) fn start(
        index: usize,
        ports: &[NodePorts],
        options: &BrokerOptions,
    ) -> Result<Self> {
        let own = ports
            .get(index)
            .ok_or_else(|| Error::Failed(format!("node {index} of {} nodes", ports.len())))?;
        let directory = tempfile::Builder::new()
            .prefix("jumun-kafka-")
            .tempdir()
            .doing(|| "creating a directory for Kafka".to_owned())?;
        let properties = server_properties(directory.path(), index, *own, ports, options);
        let path = directory.path().join("server.properties");
        fs::write(&path, properties).doing(|| format!("writing {}", path.display()))?;
        format_storage(directory.path(), options.secured.as_ref())?;
        let guard = spawn(directory.path(), options)?;
        Ok(Self {
            guard,
            options: options.clone(),
            address: format!("127.0.0.1:{}", own.broker),
            directory,
        })
    }

    /// `host:port` of the broker.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Stops it in order (SIGTERM).
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.guard.signal(Signal::TERM)?;
        self.guard.wait_exit(STOP_TIMEOUT).map(drop)
    }

    /// Kills it (SIGKILL).
    pub(crate) fn kill9(&mut self) -> Result<()> {
        self.guard.kill().map(drop)
    }

    /// Starts it on its old data and ports; does not wait for it.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        self.guard.kill()?;
        self.guard = spawn(self.directory.path(), &self.options)?;
        Ok(())
    }

    /// Freezes it (SIGSTOP).
    pub(crate) fn pause(&mut self) -> Result<()> {
        self.guard.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.guard.signal(Signal::CONT)
    }

    /// Process id of the JVM.
    pub(crate) fn id(&self) -> u32 {
        self.guard.id()
    }

    /// Where it keeps its data, its properties and its log.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        log_tail(self.directory.path())
    }

    /// Waits until it tells of as many living brokers as there have to be.
    pub(crate) fn wait_ready(&mut self, brokers: usize) -> Result<()> {
        let probe = Kafka::new(&self.address).metadata_probe()?;
        let ready = wait_for("a broker that answers", START_TIMEOUT, || {
            match self.guard.exit_status() {
                Err(error) => Some(Err(error)),
                Ok(Some(status)) => Some(Err(Error::Failed(format!("the broker ended, {status}")))),
                Ok(None) => (probe() >= brokers).then_some(Ok(())),
            }
        });
        ready.and_then(|inner| inner).map_err(|error| {
            Error::Failed(format!("{error}; the end of its log:\n{}", self.log_tail()))
        })
    }
}

/// Where the jars of Kafka are: `JUMUN_KAFKA_DIR`, else the cache that `scripts/fetch-kafka` fills.
pub fn kafka_dir() -> Result<PathBuf> {
    let not_empty = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let directory = not_empty("JUMUN_KAFKA_DIR")
        .or_else(|| {
            let cache = not_empty("XDG_CACHE_HOME")
                .or_else(|| not_empty("HOME").map(|home| home.join(".cache")));
            cache.map(|cache| cache.join("jumun").join(format!("kafka-{KAFKA_VERSION}")))
        })
        .ok_or_else(|| {
            Error::Failed("neither JUMUN_KAFKA_DIR nor HOME is set: no Kafka".to_owned())
        })?;
    if directory.is_dir() {
        Ok(directory)
    } else {
        Err(Error::Failed(format!(
            "no Kafka in {}; run scripts/fetch-kafka",
            directory.display()
        )))
    }
}

fn server_properties(
    directory: &Path,
    index: usize,
    NodePorts { broker, controller }: NodePorts,
    all: &[NodePorts],
    options: &BrokerOptions,
) -> String {
    let secured = |listener: &str| match &options.secured {
        Some(SecuredListener { port, .. }) => format!("{listener},SECURED://127.0.0.1:{port}"),
        None => listener.to_owned(),
    };
    let voters: Vec<String> = (1..)
        .zip(all)
        .map(|(id, ports)| format!("{id}@127.0.0.1:{}", ports.controller))
        .collect();
    let data = directory.join("data").display().to_string();
    let fixed = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", (index + 1).to_string()),
        ("controller.quorum.voters", voters.join(",")),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listeners",
            secured(&format!(
                "BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}"
            )),
        ),
        (
            "advertised.listeners",
            secured(&format!("BROKER://127.0.0.1:{broker}")),
        ),
        ("inter.broker.listener.name", "BROKER".to_owned()),
        (
            "listener.security.protocol.map",
            "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL".to_owned(),
        ),
        ("log.dirs", data),
    ];
    let usual = [
        ("auto.create.topics.enable", "false"),
        ("num.partitions", "1"),
        ("default.replication.factor", "1"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "4"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "500"),
        // A dead owner's transaction ends soon after its timeout, not at the next ten seconds.
        (
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "500",
        ),
        ("controlled.shutdown.enable", "false"),
        // A restarted broker is let in when its former self has timed out.
        ("broker.session.timeout.ms", "2000"),
        ("broker.heartbeat.interval.ms", "250"),
        // The default buffer of the log cleaner alone is a quarter of the heap.
        ("log.cleaner.dedupe.buffer.size", "8388608"),
        // Events of tests carry the times of a fixed day; topics that keep seven days would lose them under the test. The
        // check comes first after the initial delay, then at the interval.
        ("log.initial.task.delay.ms", "86400000"),
        ("log.retention.check.interval.ms", "86400000"),
        ("num.network.threads", "2"),
        ("num.io.threads", "4"),
    ];
    let fixed = fixed
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    let usual = usual
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    // Java's Properties keep the last of several equal keys, so the test's own win.
    let lines = fixed
        .chain(usual)
        .chain(options.properties.iter().cloned())
        .map(|(key, value)| format!("{key}={value}\n"));
    lines.collect()
}

fn java(heap_mib: u32) -> Result<Command> {
    let program = env::var_os("JAVA_HOME")
        .filter(|home| !home.is_empty())
        .map_or_else(
            || PathBuf::from("java"),
            |home| PathBuf::from(home).join("bin").join("java"),
        );
    let mut command = Command::new(program);
    command
        .arg(format!("-Xmx{heap_mib}m"))
        // One collector thread: the machine belongs to the program under test.
        .arg("-XX:+UseSerialGC")
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-Dorg.slf4j.simpleLogger.showDateTime=true")
        .arg("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
        .arg("-cp")
        .arg(kafka_dir()?.join("*"))
        .stdin(Stdio::null());
    Ok(command)
}

fn format_storage(directory: &Path, secured: Option<&SecuredListener>) -> Result<()> {
    let mut command = java(256)?;
    command
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(directory.join("server.properties"));
    if let Some(SecuredListener { user, password, .. }) = secured {
        let credentials = format!("SCRAM-SHA-512=[name={user},password={password}]");
        command.args(["--add-scram", &credentials]);
    }
    let output = command
        .output()
        .doing(|| "starting java to format Kafka's storage".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Failed(format!(
        "formatting Kafka's storage, {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}

fn spawn(directory: &Path, options: &BrokerOptions) -> Result<Guard> {
    let path = directory.join("kafka.log");
    let open = || {
        File::options()
            .create(true)
            .append(true)
            .open(&path)
            .doing(|| format!("opening {}", path.display()))
    };
    let mut command = java(options.heap_mib)?;
    command
        .arg("kafka.Kafka")
        .arg(directory.join("server.properties"))
        .current_dir(directory);
    command.stdout(open()?).stderr(open()?);
    Guard::spawn(&mut command, directory)
}

fn log_tail(directory: &Path) -> String {
    const LINES: usize = 40;
    let path = directory.join("kafka.log");
    match fs::read(&path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            lines
                .get(lines.len().saturating_sub(LINES)..)
                .unwrap_or_default()
                .join("\n")
        }
        Err(error) => format!("({}: {error})", path.display()),
    }
}
