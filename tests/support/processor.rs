//! The program under test as a process: how it is started, where its HTTP server is, what it logs and counts.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jumun_harness::{Kafka, Process, Result, http_get, wait_for};
use serde_json::Value;

pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A line for whoever reads the test's output, straight to the handle: what `println!` writes is shown of failed tests only.
pub fn tell(text: impl Display) {
    let line = format!("{text}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The program of this build, without any setting that the environment of the test run might have for it.
pub fn jumun(command: &str) -> Command {
    without_settings(Command::new(env!("CARGO_BIN_EXE_jumun")), command)
}

fn without_settings(mut program: Command, command: &str) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("JUMUN") || name == "RUST_LOG" {
            program.env_remove(name);
        }
    }
    program.arg(command);
    program
}

/// How `jumun run` is started; the same again and again, as an operator's service file would.
#[derive(Debug, Clone)]
pub struct Setup {
    pub application_id: String,
    pub state_dir: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Another program than that of this build.
    program: Option<PathBuf>,
}

impl Setup {
    pub fn new(kafka: &Kafka, application_id: &str, state_dir: &Path) -> Self {
        Self::at(kafka.bootstrap_servers(), application_id, state_dir)
    }

    /// Brokers by address, which need not exist.
    pub fn at(bootstrap_servers: &str, application_id: &str, state_dir: &Path) -> Self {
        let setup = Self {
            application_id: application_id.to_owned(),
            state_dir: state_dir.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            program: None,
        };
        setup
            .flag("--bootstrap-servers", bootstrap_servers)
            .flag("--application-id", application_id)
            .flag("--state-dir", &state_dir.display().to_string())
            .flag("--listen", "127.0.0.1:0")
    }

    /// Replaces an earlier value of the same flag.
    pub fn flag(mut self, name: &str, value: &str) -> Self {
        if let Some(known) = self.arguments.iter().position(|argument| argument == name) {
            self.arguments.drain(known..known + 2);
        }
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.arguments
            .extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    /// What comes too early is rejected at once and never redriven, so that an event is judged by what came before it
    /// alone.
    pub fn strict(self) -> Self {
        self.flag("--ordering", "strict")
            .setting("redrive.automatic", "false")
    }

    /// Windows close seconds after their end, and are told of often before.
    pub fn prompt(self) -> Self {
        self.setting("aggregates.grace_ms", "2000")
            .setting("aggregates.idle_ms", "1000")
            .setting("aggregates.idle_distance_ms", "1000")
            .setting("aggregates.early_interval_ms", "200")
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another program from now on; `None`: that of this build.
    pub fn program(mut self, program: Option<&Path>) -> Self {
        self.program = program.map(Path::to_owned);
        self
    }

    pub fn start(&self) -> Processor {
        let mut command = match &self.program {
            Some(program) => without_settings(Command::new(program), "run"),
            None => jumun("run"),
        };
        command
            .args(&self.arguments)
            .envs(self.environment.iter().cloned());
        Processor {
            process: Process::start(command).unwrap(),
            address: None,
        }
    }

    /// Starts it and waits until every task processes.
    pub fn start_ready(&self) -> Processor {
        let mut processor = self.start();
        processor.wait_ready();
        processor
    }

    /// Where the stores of this application are.
    pub fn store_dir(&self) -> PathBuf {
        self.state_dir.join(&self.application_id)
    }
}

pub struct Processor {
    pub process: Process,
    address: Option<SocketAddr>,
}

impl Processor {
    pub fn wait_ready(&mut self) {
        let address = self.address();
        self.process.wait_ready(address, TIMEOUT).unwrap();
    }

    /// The address of the HTTP server, as the log tells it.
    pub fn address(&mut self) -> SocketAddr {
        if self.address.is_none() {
            let told = wait_for("the HTTP server's address in the log", TIMEOUT, || {
                let line = self
                    .log_lines()
                    .into_iter()
                    .find(|line| line["message"] == "HTTP listens")?;
                line["address"].as_str()?.parse().ok()
            });
            self.address =
                Some(told.unwrap_or_else(|error| panic!("{error}:\n{}", self.process.stderr())));
        }
        self.address.unwrap()
    }

    /// The log so far; what is no JSON object is left out.
    pub fn log_lines(&self) -> Vec<Value> {
        self.process
            .stderr()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits until a line of the log, or the last word on standard error, contains the text.
    pub fn wait_logged(&self, text: &str) {
        let logged = || self.process.stderr().contains(text).then_some(());
        wait_for(text, TIMEOUT, logged)
            .unwrap_or_else(|error| panic!("{error}:\n{}", self.process.stderr()));
    }

    /// Status and body of `/health/ready`.
    pub fn readiness(&mut self) -> (u16, Value) {
        let (status, body) = http_get(self.address(), "/health/ready").unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Series of `/metrics` whose name begins so, with their values.
    pub fn metrics(&mut self, prefix: &str) -> Vec<(String, f64)> {
        let (status, body) = http_get(self.address(), "/metrics").unwrap();
        assert_eq!(status, 200, "{body}");
        let series = body.lines().filter(|line| line.starts_with(prefix));
        let value = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        series.map(value).collect()
    }

    /// The value of one series without labels.
    pub fn metric(&mut self, name: &str) -> f64 {
        let found = self
            .metrics(name)
            .into_iter()
            .find(|(series, _)| series == name);
        found.unwrap_or_else(|| panic!("no metric {name}")).1
    }

    /// All series of a name, added up.
    pub fn sum(&mut self, name: &str) -> u64 {
        let series = self.metrics(&format!("{name}{{"));
        assert!(!series.is_empty(), "no metric {name}");
        series.into_iter().map(|(_, value)| value as u64).sum()
    }

    /// Violations by invariant; those without any are left out.
    pub fn violations(&mut self) -> BTreeMap<String, u64> {
        let mut violations = BTreeMap::new();
        for (series, count) in self.metrics("order_invariant_violation_total{") {
            let (_, name) = series.split_once("inv=\"").unwrap();
            let name = name.split('"').next().unwrap_or_default();
            if count > 0.0 {
                *violations.entry(name.to_owned()).or_default() += count as u64;
            }
        }
        violations
    }

    /// Input records by `OUTCOME` or `OUTCOME/REASON`, as the metrics count them; outcomes without any are left out.
    pub fn outcomes(&mut self) -> BTreeMap<String, u64> {
        let mut outcomes = BTreeMap::new();
        for (series, count) in self.metrics("order_events_outcome_total{") {
            let label = |name: &str| {
                let (_, rest) = series.split_once(&format!("{name}=\"")).unwrap();
                rest.split('"').next().unwrap_or_default()
            };
            let name = match label("reason") {
                "" => label("outcome").to_owned(),
                reason => format!("{}/{reason}", label("outcome")),
            };
            if count > 0.0 {
                *outcomes.entry(name).or_default() += count as u64;
            }
        }
        outcomes
    }

    /// SIGTERM, and the end it asks for.
    pub fn stop(mut self) {
        self.process.sigterm().unwrap();
        let status = self.process.wait_exit(TIMEOUT).unwrap();
        assert!(status.success(), "{status}:\n{}", self.process.stderr());
    }

    /// Waits for the program's own end; its exit status and everything on standard error.
    pub fn wait_end(mut self) -> (Option<i32>, String) {
        let status = self.process.wait_exit(TIMEOUT).unwrap();
        (status.code(), self.process.stderr())
    }
}

/// Runs a command of the program to its end.
pub fn run_to_end(command: Command) -> Result<(Option<i32>, String, String)> {
    let mut process = Process::start(command)?;
    let status = process.wait_exit(2 * TIMEOUT)?;
    Ok((status.code(), process.stdout(), process.stderr()))
}
