//! Three instances that are killed and frozen at random, while a transaction is open.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::{Kafka, free_port, http_get};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::kill::IN_TRANSACTION;
use crate::support::processor::{Processor, Setup, TIMEOUT};

pub const INSTANCES: usize = 3;
/// Of the members of the group, in milliseconds.
const SESSION_TIMEOUT_MS: u64 = 6_000;
/// How long the program lingers in these steps, which otherwise take a millisecond or two.
const PAUSE: &str = "draining:15,offsets:15,committing:15,store_batch:15";
/// Stores are flushed in open transactions, so that what does not belong on disk would stay there after a kill.
const FLUSH_MS: &str = "1000";
/// For so long an instance is left alone once it is ready.
const SPARED: Duration = Duration::from_millis(1_000);
/// An instance that was frozen tells for a moment what it knew before; an onlooker does not listen to it.
const STALE: Duration = Duration::from_secs(10);

/// What is done to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// SIGKILL, started again at once.
    Kill,
    /// SIGKILL, started again when the others have its partitions.
    LongKill,
    /// SIGSTOP and SIGCONT within the session timeout.
    Freeze,
    /// SIGSTOP and SIGCONT when the others have its partitions: a zombie.
    Zombie,
}

enum State {
    Running { ready: Option<Instant> },
    Dead { until: Instant },
    Frozen { until: Instant },
}

struct Instance {
    setup: Setup,
    address: SocketAddr,
    phase_file: PathBuf,
    processor: Option<Processor>,
    state: State,
    thawed: Option<Instant>,
}

pub struct Instances {
    instances: Vec<Instance>,
    random: StdRng,
    /// In which steps the blows are to fall.
    steps: &'static [&'static str],
    /// Blows that fell while a transaction was open, by the step in which they did.
    pub counted: BTreeMap<(Blow, String), usize>,
    /// Blows that fell beside one.
    pub beside: usize,
    /// What instances said that ended of themselves.
    pub ended: Vec<String>,
}

impl Instances {
    pub fn start(
        kafka: &Kafka,
        application: &str,
        root: &Path,
        rate: u64,
        broken: Option<&str>,
        steps: &'static [&'static str],
        seed: u64,
    ) -> Self {
        let instance = |number: usize| {
            let state = root.join(format!("instance-{number}"));
            fs::create_dir_all(&state).unwrap();
            let phase_file = state.join("phase");
            let port = free_port().unwrap();
            let mut setup = Setup::new(kafka, application, &state)
                .strict()
                .flag("--instance-id", &format!("instance-{number}"))
                .flag("--listen", &format!("127.0.0.1:{port}"))
                .flag("--max-rate", &rate.to_string())
                .setting(
                    "application.session_timeout_ms",
                    &SESSION_TIMEOUT_MS.to_string(),
                )
                .setting("topics.replication_factor", "3")
                .setting("application.num_standby_replicas", &(seed % 2).to_string())
                .env("JUMUN_TEST_PHASE_FILE", &phase_file.display().to_string())
                .env("JUMUN_TEST_PAUSE", PAUSE)
                .env("JUMUN_TEST_FLUSH_MS", FLUSH_MS);
            if let Some(broken) = broken {
                setup = setup.env("JUMUN_TEST_BROKEN", broken);
            }
            Instance {
                processor: Some(setup.start_ready()),
                setup,
                address: SocketAddr::from(([127, 0, 0, 1], port)),
                phase_file,
                state: State::Running { ready: None },
                thawed: None,
            }
        };
        Self {
            instances: (0..INSTANCES).map(instance).collect(),
            random: StdRng::seed_from_u64(seed),
            steps,
            counted: BTreeMap::new(),
            beside: 0,
            ended: Vec::new(),
        }
    }

    /// How many blows counted.
    pub fn blows(&self) -> usize {
        self.counted.values().sum()
    }

    /// The state directories of all instances.
    pub fn store_dirs(&self) -> Vec<PathBuf> {
        self.instances
            .iter()
            .map(|instance| instance.setup.store_dir())
            .collect()
    }

    /// Whose counters can be believed now.
    pub fn telling(&self) -> Vec<SocketAddr> {
        let telling = self.instances.iter().filter(|instance| {
            let stale = instance.thawed.is_some_and(|at| at.elapsed() < STALE);
            matches!(instance.state, State::Running { .. }) && !stale
        });
        telling.map(|instance| instance.address).collect()
    }

    /// Starts and thaws whose time has come, and sees who is ready; one that ended is started again, as a service
    /// manager would.
    pub fn tend(&mut self) {
        for instance in &mut self.instances {
            let now = Instant::now();
            match instance.state {
                State::Dead { until } if now >= until => instance.start(),
                State::Frozen { until } if now >= until => {
                    let processor = instance.processor.as_mut().unwrap();
                    processor.process.sigcont().unwrap();
                    instance.thawed = Some(now);
                    instance.state = State::Running { ready: None };
                }
                State::Running { ready } => {
                    let processor = instance.processor.as_mut().unwrap();
                    if let Some(status) = processor.process.exit_status().unwrap() {
                        let log = processor.process.stderr();
                        let lines: Vec<&str> = log.lines().collect();
                        let last = lines[lines.len().saturating_sub(4)..].join("\n  ");
                        self.ended
                            .push(format!("{}, {status}: {last}", instance.address));
                        instance.start();
                        continue;
                    }
                    let is_ready =
                        matches!(http_get(instance.address, "/health/ready"), Ok((200, _)));
                    let ready = is_ready.then(|| ready.unwrap_or(now));
                    instance.state = State::Running { ready };
                }
                State::Dead { .. } | State::Frozen { .. } => {}
            }
        }
    }

    /// One blow at one of those that are ready and spared no longer, if there is any.
    pub fn strike(&mut self, remaining: i64) -> Option<(Blow, String)> {
        let ready = (0..self.instances.len()).filter(|number| {
            matches!(self.instances[*number].state,
                State::Running { ready: Some(since) } if since.elapsed() > SPARED)
        });
        let ready: Vec<usize> = ready.collect();
        if ready.is_empty() {
            return None;
        }
        let instance = &mut self.instances[ready[self.random.random_range(0..ready.len())]];
        let blow = match self.random.random_range(0..100) {
            0..60 => Blow::Kill,
            60..68 => Blow::LongKill,
            68..88 => Blow::Freeze,
            _ => Blow::Zombie,
        };
        let target = self.steps[self.random.random_range(0..self.steps.len())];
        instance.wait_phase(target);
        thread::sleep(Duration::from_micros(self.random.random_range(0..16_000)));
        let for_ms = match blow {
            Blow::Kill => 0,
            Blow::LongKill => self.random.random_range(7_000..10_000),
            Blow::Freeze => self.random.random_range(200..4_000),
            Blow::Zombie => {
                let beyond = SESSION_TIMEOUT_MS;
                self.random.random_range(beyond + 1_000..beyond + 5_000)
            }
        };
        let until = Instant::now() + Duration::from_millis(for_ms);
        let processor = instance.processor.as_mut().unwrap();
        match blow {
            Blow::Kill | Blow::LongKill => {
                processor.process.kill9().unwrap();
                instance.processor = None;
                instance.state = State::Dead { until };
            }
            Blow::Freeze | Blow::Zombie => {
                processor.process.sigstop().unwrap();
                instance.state = State::Frozen { until };
                // A signal takes a moment to stop every thread.
                thread::sleep(Duration::from_millis(2));
            }
        }
        let phase = instance.phase();
        if remaining > 0 && IN_TRANSACTION.contains(&phase.as_str()) {
            *self.counted.entry((blow, phase.clone())).or_default() += 1;
        } else {
            self.beside += 1;
        }
        Some((blow, phase))
    }

    /// Brings all back, and takes away the limit of their pace.
    pub fn let_run(&mut self) {
        while !self
            .instances
            .iter()
            .all(|instance| matches!(instance.state, State::Running { .. }))
        {
            self.tend();
            thread::sleep(Duration::from_millis(100));
        }
        for instance in &mut self.instances {
            let mut processor = instance.processor.take().unwrap();
            processor.process.sigterm().unwrap();
            let status = processor.process.wait_exit(TIMEOUT).unwrap();
            if !status.success() {
                let log = processor.process.stderr();
                let last = log.lines().last().unwrap_or_default();
                self.ended
                    .push(format!("{}, {status}: {last}", instance.address));
            }
            instance.setup = instance.setup.clone().flag("--max-rate", "50000");
            instance.thawed = None;
            instance.start();
        }
    }

    pub fn stop(&mut self) {
        for instance in &mut self.instances {
            instance.processor.take().unwrap().stop();
        }
    }
}

impl Instance {
    fn start(&mut self) {
        self.processor = Some(self.setup.start());
        self.state = State::Running { ready: None };
    }

    fn phase(&self) -> String {
        fs::read_to_string(&self.phase_file)
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    }

    /// Gives up quietly: an instance without partitions has no transactions.
    fn wait_phase(&self, target: &str) {
        let deadline = Instant::now() + Duration::from_millis(800);
        while self.phase() != target && Instant::now() < deadline {
            thread::sleep(Duration::from_micros(500));
        }
    }
}
