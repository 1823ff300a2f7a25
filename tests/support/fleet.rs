//! Several instances of one application as processes, and what must hold of them together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jumun_harness::{Kafka, http_get};

use crate::support::processor::{Processor, Setup};

/// Between two looks at the counters.
const LOOK: Duration = Duration::from_millis(200);
/// A counter of committed state.
const COUNTER: &str = "order_events_outcome_total{";

pub struct Fleet {
    setups: BTreeMap<&'static str, Setup>,
    running: BTreeMap<&'static str, Processor>,
    /// Whatever a process logged of moving partitions, once it has ended.
    counters: CounterWatch,
}

impl Fleet {
    /// Nobody runs yet.
    pub fn new(
        kafka: &Kafka,
        application_id: &str,
        state: &Path,
        names: &[&'static str],
        configure: impl Fn(Setup) -> Setup,
    ) -> Self {
        let setup = |name: &'static str| {
            let setup = Setup::new(kafka, application_id, &state.join(name))
                .strict()
                .flag("--instance-id", name);
            (name, configure(setup))
        };
        Self {
            setups: names.iter().copied().map(setup).collect(),
            running: BTreeMap::new(),
            counters: CounterWatch::begin(),
        }
    }

    /// Starts instances at once and waits until all their tasks process.
    pub fn start(&mut self, names: &[&'static str]) {
        for name in names {
            self.running.insert(*name, self.setups[name].start());
        }
        for name in names {
            let processor = self.running.get_mut(name).unwrap();
            processor.wait_ready();
            self.counters.watch(name, processor.address());
        }
    }

    /// SIGTERM, and the end it asks for; how long it took.
    pub fn stop(&mut self, name: &'static str) -> Duration {
        let began = Instant::now();
        self.counters.forget(name);
        self.running.remove(name).unwrap().stop();
        began.elapsed()
    }

    /// Stop and start; how long each took.
    pub fn restart(&mut self, name: &'static str) -> Restart {
        let stopping = self.stop(name);
        let began = Instant::now();
        self.start(&[name]);
        Restart {
            stopping,
            starting: began.elapsed(),
        }
    }

    pub fn setup(&self, name: &str) -> &Setup {
        &self.setups[name]
    }

    /// Stop, and start as given: with another program, say.
    pub fn replace(&mut self, name: &'static str, setup: Setup) {
        self.stop(name);
        self.setups.insert(name, setup);
        self.start(&[name]);
    }

    /// From now on without a bound of the rate: each is started anew.
    pub fn hurry(&mut self) {
        for setup in self.setups.values_mut() {
            *setup = setup.clone().flag("--max-rate", "1000000");
        }
        let names: Vec<_> = self.running.keys().copied().collect();
        for name in &names {
            self.stop(name);
        }
        self.start(&names);
    }

    pub fn kill9(&mut self, name: &'static str) {
        self.counters.forget(name);
        let mut processor = self.running.remove(name).unwrap();
        processor.process.kill9().unwrap();
    }

    /// How often the instances that run were told of partitions that come or go.
    pub fn moves(&self) -> BTreeMap<&'static str, usize> {
        let told = |processor: &Processor| {
            let lines = processor.log_lines();
            let of = |line: &&serde_json::Value| {
                let message = line["message"].as_str().unwrap_or_default();
                message.starts_with("partitions ")
            };
            lines.iter().filter(of).count()
        };
        self.running
            .iter()
            .map(|(name, processor)| (*name, told(processor)))
            .collect()
    }

    /// What an instance logged since its start, for whoever asks where the time went.
    pub fn log_of(&self, name: &'static str) -> String {
        let line = |line: serde_json::Value| {
            let [at, message] = ["timestamp", "message"].map(|field| line[field].to_string());
            format!("    {at} {message}\n")
        };
        self.log_lines_of(name).into_iter().map(line).collect()
    }

    /// As [`Fleet::log_of`], line by line.
    pub fn log_lines_of(&self, name: &'static str) -> Vec<serde_json::Value> {
        self.running[name].log_lines()
    }

    /// As [`Fleet::log_of`], of all that run.
    pub fn logs(&self) -> String {
        let names = self.running.keys();
        names
            .map(|name| format!("  {name}:\n{}", self.log_of(name)))
            .collect()
    }

    /// How often a state directory was set aside, by what lies beside the task directories.
    pub fn set_aside(&self) -> Vec<String> {
        let mut found = Vec::new();
        for setup in self.setups.values() {
            for entry in std::fs::read_dir(setup.store_dir()).into_iter().flatten() {
                let name = entry.unwrap().file_name().to_string_lossy().into_owned();
                let is_task = |name: &str| {
                    name.split('_')
                        .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
                };
                if name != ".lock"
                    && name != "topology.json"
                    && name != "partitions.json"
                    && !is_task(&name)
                {
                    found.push(name);
                }
            }
        }
        found
    }

    /// Stops all, one after the other; the final counters, by outcome.
    pub fn end(mut self) -> BTreeMap<String, u64> {
        // The last look is at what all have committed.
        thread::sleep(3 * LOOK);
        let counters = self.counters.end();
        for (_, processor) in std::mem::take(&mut self.running) {
            processor.stop();
        }
        counters
    }
}

/// A clean restart.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    pub stopping: Duration,
    pub starting: Duration,
}

impl Restart {
    pub fn whole(&self) -> Duration {
        self.stopping + self.starting
    }
}

/// The largest value of each series, and the falls that were seen.
type Looked = (BTreeMap<String, u64>, Vec<String>);

/// Looks at the business counters of all instances again and again: the largest that anybody tells must never fall, as the
/// shipped recording rules take it.
struct CounterWatch {
    addresses: Arc<Mutex<BTreeMap<&'static str, SocketAddr>>>,
    stop: Arc<AtomicBool>,
    looker: Option<JoinHandle<Looked>>,
}

impl CounterWatch {
    fn begin() -> Self {
        let addresses: Arc<Mutex<BTreeMap<&'static str, SocketAddr>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, told) = (Arc::clone(&addresses), Arc::clone(&stop));
        let looker = thread::spawn(move || {
            let (mut largest, mut falls) = (BTreeMap::new(), Vec::new());
            while !told.load(Ordering::SeqCst) {
                let asked: Vec<_> = shared.lock().unwrap().values().copied().collect();
                look(&asked, &mut largest, &mut falls);
                thread::sleep(LOOK);
            }
            (largest, falls)
        });
        Self {
            addresses,
            stop,
            looker: Some(looker),
        }
    }

    fn watch(&self, name: &'static str, address: SocketAddr) {
        self.addresses.lock().unwrap().insert(name, address);
    }

    fn forget(&self, name: &'static str) {
        self.addresses.lock().unwrap().remove(name);
    }

    /// The last values by outcome; fails if one has fallen.
    fn end(&mut self) -> BTreeMap<String, u64> {
        self.stop.store(true, Ordering::SeqCst);
        let (largest, falls) = self.looker.take().unwrap().join().unwrap();
        assert!(falls.is_empty(), "business counters fell: {falls:#?}");
        let mut outcomes = BTreeMap::new();
        for (series, count) in largest {
            let label = |name: &str| {
                let (_, rest) = series.split_once(&format!("{name}=\"")).unwrap();
                rest.split('"').next().unwrap_or_default().to_owned()
            };
            let name = match label("reason") {
                reason if reason.is_empty() => label("outcome"),
                reason => format!("{}/{reason}", label("outcome")),
            };
            if count > 0 {
                *outcomes.entry(name).or_default() += count;
            }
        }
        outcomes
    }
}

fn look(asked: &[SocketAddr], largest: &mut BTreeMap<String, u64>, falls: &mut Vec<String>) {
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for address in asked {
        let Ok((200, body)) = http_get(*address, "/metrics") else {
            continue;
        };
        for line in body.lines().filter(|line| line.starts_with(COUNTER)) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value = value.parse::<f64>().unwrap() as u64;
            let known = told.entry(series.to_owned()).or_default();
            *known = value.max(*known);
        }
    }
    for (series, value) in told {
        let before = largest.entry(series.clone()).or_default();
        if value < *before {
            falls.push(format!("{series}: {before}, then {value}"));
        }
        *before = value.max(*before);
    }
}

impl Drop for CounterWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
