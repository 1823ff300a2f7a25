//! Prometheus and its tool, as Debian ships them: where they are, a server of a test's own, and what it answers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jumun_harness::{Process, free_port, wait_for};
use serde_json::Value;

use crate::support::processor::{TIMEOUT, tell};

/// The rules that are shipped.
pub fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/rules")
}

/// Whether the program is here. Where it is not, a line says so and the test is skipped; but not in CI.
pub fn is_here(program: &str) -> bool {
    let is_here = Command::new(program).arg("--version").output().is_ok();
    if !is_here {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is not here; scripts/setup test installs it"
        );
        tell(format!(
            "skipped: {program} is not here; scripts/setup test installs it"
        ));
    }
    is_here
}

/// A series by its labels, `__name__` among them.
pub type Labels = BTreeMap<String, String>;

/// A rule as the server has it.
pub struct Rule {
    /// The name of the recorded series, or of the alert.
    pub name: String,
    pub is_alert: bool,
    pub expression: String,
    /// `ok` once it was evaluated without an error.
    pub health: String,
    pub error: String,
}

/// A Prometheus server with the shipped rules, which scrapes and evaluates every second.
pub struct Prometheus {
    process: Process,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    pub fn start(targets: &[SocketAddr]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let targets: Vec<String> = targets
            .iter()
            .map(|target| format!("\"{target}\""))
            .collect();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
             rule_files: [\"{}\"]\n\
             scrape_configs: [{{ job_name: jumun, static_configs: [{{ targets: [{}] }}] }}]\n",
            rules().join("*.yml").display(),
            targets.join(", "),
        );
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, configuration).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn");
        let mut prometheus = Self {
            process: Process::start(command).unwrap(),
            address,
            _directory: directory,
        };
        prometheus.wait_ready();
        prometheus
    }

    fn wait_ready(&mut self) {
        wait_for("Prometheus", TIMEOUT, || {
            if let Some(status) = self.process.exit_status().unwrap() {
                panic!("Prometheus ended, {status}:\n{}", self.process.stderr());
            }
            let (status, _) = get(self.address, "/-/ready")?;
            (status == 200).then_some(())
        })
        .unwrap();
    }

    /// The value of each series that an expression has now.
    pub fn query(&self, expression: &str) -> Vec<(Labels, f64)> {
        let answer = self.answer(expression);
        answer.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The value of each series that an expression has now, or why it has none: an error, or that it is no vector.
    pub fn answer(&self, expression: &str) -> Result<Vec<(Labels, f64)>, String> {
        let path = format!("/api/v1/query?query={}", encoded(expression));
        let (status, body) = get(self.address, &path).unwrap();
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        if status != 200 {
            return Err(answer["error"].to_string());
        }
        let data = &answer["data"];
        if data["resultType"] != "vector" {
            return Err(format!("a {}, no vector", data["resultType"]));
        }
        let series = data["result"].as_array().unwrap().iter();
        Ok(series
            .map(|series| (labels(&series["metric"]), value(&series["value"][1])))
            .collect())
    }

    /// Every rule that was loaded.
    pub fn rules(&self) -> Vec<Rule> {
        let (status, body) = get(self.address, "/api/v1/rules").unwrap();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let groups = answer["data"]["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rules
            .map(|rule| Rule {
                name: text(&rule["name"]),
                is_alert: rule["type"] == "alerting",
                expression: text(&rule["query"]),
                health: text(&rule["health"]),
                error: text(&rule["lastError"]),
            })
            .collect()
    }

    /// The one value that an expression has now.
    pub fn value(&self, expression: &str) -> Option<f64> {
        let mut found = self.query(expression);
        assert!(found.len() <= 1, "{expression}: {found:?}");
        found.pop().map(|(_, value)| value)
    }

    /// Every series of an expression with its values by time (seconds since the epoch), one a second.
    pub fn range(&self, expression: &str, from: i64, to: i64) -> Vec<(Labels, Vec<(i64, f64)>)> {
        let path = format!(
            "/api/v1/query_range?query={}&start={from}&end={to}&step=1",
            encoded(expression)
        );
        let result = self.ask(&path);
        let series = result.as_array().unwrap().iter();
        series
            .map(|series| {
                let points = series["values"].as_array().unwrap().iter();
                let points = points.map(|point| {
                    let time = point[0].as_f64().unwrap() as i64;
                    (time, value(&point[1]))
                });
                (labels(&series["metric"]), points.collect())
            })
            .collect()
    }

    fn ask(&self, path: &str) -> Value {
        let (status, body) = get(self.address, path).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        let mut answer: Value = serde_json::from_str(&body).unwrap();
        answer["data"]["result"].take()
    }
}

fn labels(metric: &Value) -> Labels {
    let labels = metric.as_object().unwrap().iter();
    labels
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

fn value(text: &Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}

/// In HTTP/1.0, so that a long answer comes in one piece.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn encoded(expression: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    expression.bytes().map(byte).collect()
}

/// What `promtool check metrics` has to say of an exposition; nothing if all is well.
pub fn lint(exposition: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("metrics");
    fs::write(&file, exposition).unwrap();
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let mut said = String::from_utf8(said).unwrap();
    if !output.status.success() {
        said.push_str(&output.status.to_string());
    }
    said
}
