//! Standby tasks: copies of the state of tasks that other instances run, kept up to date from their changelogs, so that a
//! take-over has only the tail to read. A thread of its own per instance does it; stream threads take what they are given
//! ([`crate::store`], `standby`), wait for nothing and are told of nothing.
//!
//! Nothing that happens here ends the instance: what fails is closed, told, and begun again after a pause.

mod copy;
mod placement;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::restore_plan::logged_stores;
use super::retry::Patience;
use super::status::StandbyTaskStatus;
use super::stop::Purpose;
use super::stream_thread::ThreadParts;
use crate::graph::SubTopology;
use crate::io::{Admin, Reader, RecordBatch, TopicPartition};
use crate::metrics::ThreadSample;
use crate::task::TaskId;
use crate::{Error, ErrorClass};

use copy::{Copy, Slice};
use placement::{Part, standby_tasks};

/// Between two looks at the group, and at the ends of changelogs.
const LOOK: Duration = Duration::from_secs(10);
/// Until it is asked again while it rebalances or the brokers do not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A question to the brokers; a stop waits for no more than one.
const CALL: Duration = Duration::from_secs(2);
/// Between two turns when there was nothing to read.
const IDLE: Duration = Duration::from_millis(20);
/// Between two updates of the status.
const STATUS_INTERVAL: Duration = Duration::from_millis(500);
/// Between two looks at what RocksDB says of itself.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(3);
/// The pause after a first failure, doubled with each that follows, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Asked of the brokers, and read from them.
struct Clients {
    admin: Box<dyn Admin>,
    reader: Box<dyn Reader>,
}

/// What is not tried again before its time.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    streak: u32,
    again: Duration,
}

impl Failures {
    fn another(&mut self, now: Duration) {
        let pause = PAUSE * 2_u32.saturating_pow(self.streak.min(16));
        self.again = now + pause.min(LONGEST_PAUSE);
        self.streak += 1;
    }
}

/// The standby tasks of one instance, and the thread that drives them.
pub(crate) struct StandbyThread {
    name: String,
    parts: ThreadParts,
    clients: Option<Clients>,
    /// With which changelogs.
    subtopologies: BTreeMap<u32, SubTopology>,
    placed: Vec<Part>,
    /// As the group was last understood.
    wanted: BTreeSet<TaskId>,
    copies: BTreeMap<TaskId, Copy>,
    /// By task; of the clients under none.
    failures: BTreeMap<Option<TaskId>, Failures>,
    batch: RecordBatch,
    /// When to look at the group again, at the latest.
    look_at: Duration,
    /// Assignments of the stream threads that were seen.
    assignments: u64,
    /// How often in a row the group was not understood.
    unexplained: u32,
    status_at: Option<Duration>,
    sampled_at: Option<Duration>,
}

impl StandbyThread {
    /// `None` where none are wanted, or no task has a changelog.
    pub(crate) fn new(parts: ThreadParts) -> Option<Self> {
        if parts.config.num_standby_replicas == 0 {
            return None;
        }
        let application_id = &parts.config.application_id;
        let all = parts.topology.subtopologies().iter();
        let placed = all.clone().filter_map(|part| {
            let inputs = part.inputs(application_id).into_iter();
            let inputs: Vec<String> = inputs.map(|input| input.topic).collect();
            let known = parts.known_topics.get(inputs.first()?)?;
            Some(Part {
                index: part.index(),
                inputs,
                partitions: known.partitions,
            })
        });
        let placed: Vec<Part> = placed.collect();
        let has_changelog = |part: &&SubTopology| part.stores().iter().any(|store| store.changelog);
        let subtopologies: BTreeMap<u32, SubTopology> = all
            .filter(has_changelog)
            .map(|part| (part.index(), part.clone()))
            .collect();
        if subtopologies.is_empty() {
            return None;
        }
        Some(Self {
            name: format!(
                "{application_id}-{}-StandbyThread",
                parts.config.instance_id
            ),
            clients: None,
            subtopologies,
            placed,
            wanted: BTreeSet::new(),
            copies: BTreeMap::new(),
            failures: BTreeMap::new(),
            batch: RecordBatch::default(),
            look_at: Duration::ZERO,
            assignments: 0,
            unexplained: 0,
            status_at: None,
            sampled_at: None,
            parts,
        })
    }

    /// Runs until a stop is requested, and closes what it has.
    pub(crate) fn run(&mut self) {
        while !self.parts.stop.is_requested() {
            if !self.run_once() {
                self.parts.clock.sleep(IDLE);
            }
        }
        self.close();
    }

    /// One turn: look at the group, begin and end copies, read a slice of each. Answers whether anything was read.
    pub(crate) fn run_once(&mut self) -> bool {
        let now = self.parts.clock.monotonic();
        let moved = self.turn(now).unwrap_or_else(|error| {
            tracing::warn!(thread = self.name, "{error}; beginning standby tasks again");
            self.failures.entry(None).or_default().another(now);
            self.close();
            self.clients = None;
            false
        });
        self.tell(now);
        moved
    }

    /// # Errors
    /// Of the clients, which are made anew then; what fails in one copy concerns that one alone.
    fn turn(&mut self, now: Duration) -> Result<bool, Error> {
        if self.is_paused(None, now) {
            return Ok(false);
        }
        self.open_clients()?;
        self.look(now);
        self.close_unwanted();
        self.begin_wanted(now);
        let moved = self.read(now)?;
        self.flush(now);
        Ok(moved)
    }

    fn is_paused(&self, task: Option<TaskId>, now: Duration) -> bool {
        let failures = self.failures.get(&task);
        failures.is_some_and(|failures| now < failures.again)
    }

    fn open_clients(&mut self) -> Result<(), Error> {
        if self.clients.is_none() {
            let log = &self.parts.log;
            self.clients = Some(Clients {
                admin: log.admin(&format!("{}-admin", self.name))?,
                reader: log.reader(&format!("{}-restore-consumer", self.name))?,
            });
        }
        Ok(())
    }

    /// Looks at the group from time to time, and when a thread of this instance was assigned something.
    fn look(&mut self, now: Duration) {
        let assignments = self.parts.board.assignments();
        if now < self.look_at && assignments == self.assignments {
            return;
        }
        let Some(clients) = &mut self.clients else {
            return;
        };
        let config = &self.parts.config;
        self.assignments = assignments;
        self.look_at = now + LOOK;
        match clients.admin.group_members(&config.application_id, CALL) {
            Ok(members) => {
                match standby_tasks(&self.placed, &members, &config.instance_id) {
                    Some(mut wanted) => {
                        self.unexplained = 0;
                        wanted.retain(|task| self.subtopologies.contains_key(&task.subtopology));
                        if wanted != self.wanted {
                            let names: Vec<_> = wanted.iter().map(ToString::to_string).collect();
                            tracing::info!(thread = self.name, tasks = ?names, "standby tasks");
                            self.wanted = wanted;
                        }
                    }
                    // On its way from one assignment to the next, or with members of another topology.
                    None => {
                        let pause = ASK_AGAIN * 2_u32.saturating_pow(self.unexplained.min(16));
                        self.look_at = now + pause.min(LOOK);
                        self.unexplained += 1;
                    }
                }
            }
            Err(error) if error.class() == ErrorClass::Retriable => {
                tracing::debug!(thread = self.name, %error, "the group is asked again");
                self.look_at = now + ASK_AGAIN;
            }
            Err(error) => {
                tracing::warn!(
                    thread = self.name,
                    "{error}; standby tasks stay as they are"
                );
            }
        }
        let followed = self.copies.values().flat_map(Copy::partitions);
        let followed: Vec<TopicPartition> = followed.cloned().collect();
        if followed.is_empty() {
            return;
        }
        if let Ok(marks) = clients.admin.watermarks(&followed, CALL) {
            let mut marks = marks.into_iter();
            for copy in self.copies.values_mut() {
                copy.told_ends(&mut marks);
            }
        }
    }

    fn close_unwanted(&mut self) {
        let wanted = &self.wanted;
        let gone = self.copies.keys().filter(|task| !wanted.contains(task));
        let gone: Vec<TaskId> = gone.copied().collect();
        for task in gone {
            self.end(task);
        }
    }

    /// Ends a copy; what it has stays on disk.
    fn end(&mut self, task: TaskId) {
        if let Some(copy) = self.copies.remove(&task)
            && let Some(clients) = &mut self.clients
        {
            copy.forget(clients.reader.as_mut());
        }
        if let Some(state) = self.parts.directory.standbys().remove(task)
            && let Err(error) = state.close()
        {
            tracing::warn!(thread = self.name, %task, "{error}");
        }
    }

    fn begin_wanted(&mut self, now: Duration) {
        let missing = self.wanted.iter().copied().filter(|task| {
            !self.copies.contains_key(task)
                && !self.is_paused(Some(*task), now)
                && !self.parts.directory.is_open(*task)
        });
        let missing = missing.filter_map(|task| {
            let part = self.subtopologies.get(&task.subtopology)?;
            Some((task, part.clone()))
        });
        let missing: Vec<(TaskId, SubTopology)> = missing.collect();
        if missing.is_empty() {
            return;
        }
        let patience = self.patience(now);
        let Some(clients) = &mut self.clients else {
            return;
        };
        let admin = clients.admin.as_mut();
        let application_id = &self.parts.config.application_id;
        let logged = match logged_stores(admin, patience, application_id, &missing) {
            Ok(logged) => logged,
            Err(error) => {
                tracing::warn!(thread = self.name, "{error}; standby tasks begin later");
                for (task, _) in missing {
                    self.failures.entry(Some(task)).or_default().another(now);
                }
                return;
            }
        };
        for ((task, part), logged) in missing.iter().zip(logged.into_values()) {
            let directory = &self.parts.directory;
            let begun = Copy::begin(directory, *task, part, &logged, clients.reader.as_mut());
            match begun {
                Ok(Some(copy)) => {
                    self.copies.insert(*task, copy);
                }
                // A stream thread has it, whose it is.
                Ok(None) => {}
                Err(error) => failed(&self.name, &mut self.failures, *task, now, &error),
            }
        }
        let ended: Vec<TaskId> = missing
            .iter()
            .map(|(task, _)| *task)
            .filter(|task| !self.copies.contains_key(task))
            .collect();
        ended.into_iter().for_each(|task| self.end(task));
    }

    fn patience(&self, now: Duration) -> Patience {
        Patience {
            clock: Arc::clone(&self.parts.clock),
            stop: Arc::clone(&self.parts.stop),
            purpose: Purpose::Start,
            deadline: now + CALL,
        }
    }

    fn read(&mut self, now: Duration) -> Result<bool, Error> {
        let Some(clients) = &mut self.clients else {
            return Ok(false);
        };
        clients.reader.poll()?;
        self.failures.remove(&None);
        let (mut moved, mut ended) = (false, Vec::new());
        let mut fills = false;
        for (task, copy) in &mut self.copies {
            let standbys = self.parts.directory.standbys();
            // What is collected for sorted files takes memory: one copy at a time.
            let waits = copy.ingests() && std::mem::replace(&mut fills, true);
            if waits && standbys.with(*task, |_| ()).is_some() {
                continue;
            }
            match copy.slice(standbys, clients.reader.as_mut(), &mut self.batch) {
                Ok(Slice::Read(records)) => {
                    self.parts.metrics.standby_restored.inc_by(records);
                    moved |= records > 0;
                    if copy.is_caught_up() {
                        self.failures.remove(&Some(*task));
                    }
                }
                Ok(Slice::TakenOver) => {
                    tracing::info!(thread = self.name, %task, "standby taken over");
                    self.wanted.remove(task);
                    ended.push(*task);
                }
                Err(error) => {
                    failed(&self.name, &mut self.failures, *task, now, &error);
                    ended.push(*task);
                }
            }
        }
        ended.into_iter().for_each(|task| self.end(task));
        Ok(moved)
    }

    fn flush(&mut self, now: Duration) {
        let mut ended = Vec::new();
        for task in self.copies.keys() {
            let standbys = self.parts.directory.standbys();
            if let Some(Err(error)) = standbys.with(*task, |state| state.maybe_flush(now)) {
                failed(&self.name, &mut self.failures, *task, now, &error);
                ended.push(*task);
            }
        }
        ended.into_iter().for_each(|task| self.end(task));
    }

    fn tell(&mut self, now: Duration) {
        let recently =
            |at: Option<Duration>, interval| at.is_some_and(|at| now.saturating_sub(at) < interval);
        if recently(self.status_at, STATUS_INTERVAL) {
            return;
        }
        self.status_at = Some(now);
        let told: Vec<StandbyTaskStatus> = self.copies.values().map(Copy::status).collect();
        let metrics = &self.parts.metrics;
        metrics
            .standby_tasks
            .set(i64::try_from(told.len()).unwrap_or(i64::MAX));
        metrics
            .standby_lag
            .set(told.iter().map(|copy| copy.lag).sum());
        self.parts.board.set_standbys(told);
        if recently(self.sampled_at, STATISTICS_INTERVAL) {
            return;
        }
        self.sampled_at = Some(now);
        let mut sample = ThreadSample::default();
        for task in self.copies.keys() {
            let standbys = self.parts.directory.standbys();
            if let Some(statistics) = standbys.with(*task, |state| state.statistics()) {
                sample.state.add_copy(&statistics);
            }
        }
        metrics.samples.set(&self.name, sample);
    }

    /// Closes everything with a flush.
    pub(crate) fn close(&mut self) {
        let all: Vec<TaskId> = self.copies.keys().copied().collect();
        all.into_iter().for_each(|task| self.end(task));
        (self.status_at, self.sampled_at) = (None, None);
    }
}

impl Drop for StandbyThread {
    /// What `kill -9` does in a test: the disk keeps what was flushed. A state holds the directory that holds it.
    fn drop(&mut self) {
        self.parts.directory.standbys().clear();
    }
}

fn failed(
    thread: &str,
    failures: &mut BTreeMap<Option<TaskId>, Failures>,
    task: TaskId,
    now: Duration,
    error: &Error,
) {
    let failures = failures.entry(Some(task)).or_default();
    failures.another(now);
    let pause = failures.again.saturating_sub(now);
    tracing::warn!(thread, %task, "{error}; the standby begins again in {pause:?}");
}
