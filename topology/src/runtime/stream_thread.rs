use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::catch_up::CatchUp;
use super::clients::Clients;
use super::commit::{no_clients, rebuild_if_passing};
use super::contain::contained;
use super::purge::Purge;
use super::rate::RateLimit;
use super::report::{SampledStatistics, Turn};
use super::restore::Restoration;
use super::status::{State, StatusBoard};
use super::stop::{Purpose, Stop};
use super::streak::Streak;
use super::{CommitPhase, ProcessingGuarantee, StreamsConfig};
use crate::graph::BuiltTopology;
use crate::io::{InputId, Log, OutputId, RecordBatch, TopicPartition};
use crate::metrics::EngineMetrics;
use crate::store::{SetAsideReason, StateDirectory, TimerBatch};
use crate::task::{KnownTopics, Task, TaskId, TaskPhase, TaskSettings};
use crate::time::Clock;
use crate::{Error, ErrorClass};

/// Records processed of one task before the others have their turn.
const TURN: usize = 2_000;
/// And before what they caused is handed over: it lies in the processor's cache still, and a small buffer suffices.
const PORTION: usize = 128;
/// Longest wait when there is nothing to do.
const IDLE: Duration = Duration::from_millis(20);
/// Outputs handed over since the transaction began, after which it is committed at once.
const COMMIT_RECORDS: u64 = 200_000;

/// A row of a task's state: family, key, value.
pub type StateRow = (String, Vec<u8>, Vec<u8>);

/// What one turn of the loop did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records processed.
    pub records: usize,
    /// Whether a rebalance, restore, timer or commit moved anything.
    pub moved: bool,
}

/// What has happened in the open transaction; counted once it is committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Uncommitted {
    /// Outputs handed over, changelog records not counted.
    pub(super) records_out: u64,
    /// Everything handed over, by output.
    pub(super) sent: Vec<u64>,
    /// Whether there are records in it of a task that is not far behind.
    pub(super) live: bool,
}

impl Uncommitted {
    pub(super) fn count(&mut self, output: OutputId) {
        let index = output.0 as usize;
        if self.sent.len() <= index {
            self.sent.resize(index + 1, 0);
        }
        if let Some(count) = self.sent.get_mut(index) {
            *count += 1;
        }
    }
}

/// What a thread is made of.
#[derive(Clone)]
pub(crate) struct ThreadParts {
    pub(crate) config: Arc<StreamsConfig>,
    pub(crate) topology: Arc<BuiltTopology>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<StateDirectory>,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) metrics: Arc<EngineMetrics>,
    /// The topics of the application as they were found at the start.
    pub(crate) known_topics: Arc<KnownTopics>,
    /// Ends all threads.
    pub(crate) stop: Arc<Stop>,
}

/// One stream thread: clients, tasks, and the loop that drives them.
///
/// Everything happens on the thread that calls `StreamThread::run` (or, in the test driver,
/// [`StreamThread::run_once`]).
pub struct StreamThread {
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) config: Arc<StreamsConfig>,
    pub(super) topology: Arc<BuiltTopology>,
    pub(super) log: Arc<dyn Log>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) directory: Arc<StateDirectory>,
    pub(super) board: Arc<StatusBoard>,
    pub(super) metrics: Arc<EngineMetrics>,
    pub(super) known_topics: Arc<KnownTopics>,
    pub(super) stop: Arc<Stop>,
    pub(super) settings: TaskSettings,
    pub(super) clients: Option<Clients>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    pub(super) restorations: Vec<Restoration>,
    /// Partitions held whose task lacks another input, which the group may still give.
    pub(super) waiting: BTreeMap<TopicPartition, InputId>,
    /// Since when the group waits for us to give partitions up.
    pub(super) revocation: Option<Duration>,
    pub(super) last_commit: Duration,
    pub(super) uncommitted: Uncommitted,
    pub(super) batch: RecordBatch,
    pub(super) phase: CommitPhase,
    pub(super) phase_since: Duration,
    pub(super) due: TimerBatch,
    pub(super) rate: Option<RateLimit>,
    /// Which task comes first this turn, under a rate limit or after a commit that could not wait for all.
    pub(super) first_task: usize,
    pub(super) catch_up: CatchUp,
    /// Rebuilds since the last commit.
    pub(super) rebuilds: Streak,
    /// Aborts since the last commit.
    pub(super) aborts: Streak,
    /// How often paused tasks were resumed, as far as this thread has done it.
    pub(super) resumed: u64,
    pub(super) last_status: Option<Duration>,
    pub(super) statistics: SampledStatistics,
    /// What the consumer said of its brokers at the last update of the status.
    pub(super) trouble: Option<String>,
    pub(super) purge: Purge,
}

impl StreamThread {
    pub(crate) fn new(index: usize, parts: ThreadParts) -> Self {
        let ThreadParts {
            config,
            topology,
            log,
            clock,
            directory,
            board,
            metrics,
            known_topics,
            stop,
        } = parts;
        let settings = TaskSettings {
            application_id: config.application_id.clone(),
            max_task_idle: config.max_task_idle,
            future_tolerance: config.future_tolerance,
            dead_letter_circuit: config.dead_letter_circuit,
            commit_bytes: config.commit_bytes,
        };
        let rate = config
            .max_rate
            .map(|rate| RateLimit::new(rate, clock.monotonic()));
        metrics.know_topics(&topology, &config.application_id);
        Self {
            name: format!(
                "{}-{}-StreamThread-{}",
                config.application_id,
                config.instance_id,
                index + 1
            ),
            index,
            settings,
            clients: None,
            tasks: BTreeMap::new(),
            restorations: Vec::new(),
            waiting: BTreeMap::new(),
            revocation: None,
            last_commit: clock.monotonic(),
            uncommitted: Uncommitted::default(),
            batch: RecordBatch::default(),
            phase: CommitPhase::Idle,
            phase_since: clock.monotonic(),
            due: TimerBatch::default(),
            rate,
            first_task: 0,
            catch_up: CatchUp::default(),
            rebuilds: Streak::default(),
            aborts: Streak::default(),
            resumed: board.resumes(),
            last_status: None,
            statistics: SampledStatistics::default(),
            trouble: None,
            purge: Purge::default(),
            config,
            topology,
            log,
            clock,
            directory,
            board,
            metrics,
            known_topics,
            stop,
        }
    }

    /// Thread name, as in logs and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The step of the commit the thread is in.
    pub fn phase(&self) -> CommitPhase {
        self.phase
    }

    pub(super) fn exactly_once(&self) -> bool {
        self.config.processing_guarantee == ProcessingGuarantee::ExactlyOnceV2
    }

    pub(super) fn clients(&self) -> Result<&Clients, Error> {
        self.clients.as_ref().ok_or_else(no_clients)
    }

    pub(super) fn clients_mut(&mut self) -> Result<&mut Clients, Error> {
        self.clients.as_mut().ok_or_else(no_clients)
    }

    pub(super) fn enter(&mut self, phase: CommitPhase) -> Result<(), Error> {
        let now = self.clock.monotonic();
        let took = now.saturating_sub(self.phase_since).as_secs_f64();
        self.metrics.phase_took(self.phase, took);
        (self.phase, self.phase_since) = (phase, now);
        match &self.config.observer {
            Some(observer) => observer.reached(phase),
            None => Ok(()),
        }
    }

    /// Runs until a stop is requested or nothing mends an error; closes everything in order either way.
    ///
    /// # Errors
    /// The error that ended it.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        self.board
            .set_state(&self.name, State::Created, "connecting to the brokers");
        let mut outcome = Ok(());
        while !self.stop.is_requested() {
            if let Err(error) = self.run_once_or_recover() {
                outcome = Err(error);
                break;
            }
        }
        match outcome {
            Ok(()) => {
                self.board
                    .set_state(&self.name, State::PendingShutdown, "committing and closing");
                let closed = self.close();
                match &closed {
                    Ok(()) => self
                        .board
                        .set_state(&self.name, State::NotRunning, "stopped"),
                    Err(error) => {
                        self.board
                            .set_state(&self.name, State::Error, &error.to_string())
                    }
                }
                closed
            }
            Err(error) => {
                tracing::error!(thread = self.name, class = %error.class(), "{error}");
                self.board
                    .set_state(&self.name, State::Error, &error.to_string());
                self.abort_open_transaction();
                self.abandon();
                Err(error)
            }
        }
    }

    /// One turn of the loop: group, restore, records, timers, commit.
    ///
    /// # Errors
    /// By class; see [`StreamThread::run_once_or_recover`].
    pub fn run_once(&mut self) -> Result<Progress, Error> {
        self.open_clients()?;
        let mut progress = Progress::default();
        if !self.clients()?.in_transaction && self.phase != CommitPhase::Idle {
            self.enter(CommitPhase::Idle)?;
        }
        let clients = self.clients_mut()?;
        let event = match clients.first_event.take() {
            Some(event) => Some(event),
            None => clients.consumer.poll(Duration::ZERO)?,
        };
        if let Some(event) = event {
            // The event is not told again: what stopped half-way is begun anew by joining again.
            self.rebalance(event).map_err(rebuild_if_passing)?;
            progress.moved = true;
        }
        progress.moved |= self.restore()?;
        progress.moved |= self.resume_paused_tasks();
        let turn = self.clock.monotonic();
        let paused = self.board.is_paused();
        let fetched = if paused { 0 } else { self.fill_queues()? };
        let now = self.clock.monotonic();
        if !paused {
            progress.records = self.process(now)?;
            progress.moved |= self.catch_up.processed(progress.records);
        }
        let processed = self.clock.monotonic();
        let punctuated = !paused && self.punctuate()?;
        progress.moved |= punctuated || !paused && self.is_unfinished();
        self.turn_took(Turn {
            polled: (fetched > 0).then(|| now.saturating_sub(turn)),
            processed: (progress.records > 0).then(|| processed.saturating_sub(now)),
            punctuated: punctuated.then(|| self.clock.monotonic().saturating_sub(processed)),
        });
        let tripped = self.is_tripped();
        let due = now.saturating_sub(self.last_commit) >= self.commit_interval()
            || tripped
            || self.wants_commit();
        if due && paused && !self.has_uncommitted() {
            // Operators are not asked: to them time would go on without records.
            self.last_commit = now;
        } else if due {
            progress.moved |= self.commit()?;
        }
        if tripped {
            // That a task is paused is told at once.
            self.last_status = None;
        }
        self.update_status(now);
        self.flush_stores(now)?;
        self.purge(now);
        if progress.records == 0 && fetched == 0 && !progress.moved {
            let until_commit = (self.last_commit + self.commit_interval()).saturating_sub(now);
            let idle = IDLE.min(until_commit.max(Duration::from_millis(1)));
            self.clients_mut()?.consumer.wait(idle);
        } else if progress.records == 0 && !progress.moved {
            // Held back by the rate limit, or by an input that is waited for.
            self.clock.sleep(Duration::from_millis(1));
        }
        Ok(progress)
    }

    fn open_clients(&mut self) -> Result<(), Error> {
        if self.clients.is_none() {
            let log = Arc::clone(&self.log);
            let patience = self.patience(Purpose::Start);
            self.clients = Some(Clients::open(
                log.as_ref(),
                &self.config,
                &self.topology,
                &self.known_topics,
                &self.name,
                self.index,
                patience,
            )?);
            self.board
                .set_state(&self.name, State::Rebalancing, "joining the group");
        }
        Ok(())
    }

    /// Reads from the inputs whose queue is empty: what is not read stays in the client's bounded
    /// queue, which is all the back-pressure there is.
    fn fill_queues(&mut self) -> Result<usize, Error> {
        // What a rate limit allows is shared out over all tasks.
        let alone = self.rate.is_none();
        let behind = self
            .tasks
            .values()
            .filter(|task| alone && task.phase == TaskPhase::Running && task.inputs.is_behind());
        self.catch_up.choose(
            behind.map(|task| (task.id, task.scope.stream_time)),
            self.last_commit,
        );
        let clients = self.clients.as_mut().ok_or_else(no_clients)?;
        let catch_up = &self.catch_up;
        let mut records = 0;
        for task in self
            .tasks
            .values_mut()
            .filter(|task| takes_part(task, catch_up))
        {
            for index in 0..task.inputs.all.len() {
                let Some(input) = task.inputs.all.get_mut(index) else {
                    break;
                };
                let (true, Some(id)) = (input.queue.is_empty(), input.id) else {
                    continue;
                };
                let records_at_once = self.config.poll_records;
                let fetched = match clients
                    .consumer
                    .fetch(id, records_at_once, &mut input.queue)
                {
                    Ok(fetched) => fetched,
                    Err(error) => {
                        let (partition, committed) = (input.partition.clone(), input.committed);
                        return Err(fenced_if_taken(error, clients, partition, committed));
                    }
                };
                input.fetched(fetched, records_at_once);
                records += fetched.records;
                if fetched.records > 0 {
                    task.prefetch(index)?;
                }
            }
        }
        Ok(records)
    }

    fn process(&mut self, now: Duration) -> Result<usize, Error> {
        let mut allowed = self
            .rate
            .as_mut()
            .map_or(usize::MAX, |rate| rate.allowance(now));
        let wall_clock_ms = self.clock.wall_clock_ms();
        let mut ids: Vec<TaskId> = self.tasks.keys().copied().collect();
        let mut share = TURN;
        if !ids.is_empty() {
            if self.rate.is_some() {
                // What the rate allows is shared out, and who comes first changes from turn to turn:
                // else the first task takes it all for as long as it has input.
                share = TURN.min(allowed.div_ceil(ids.len()));
                self.first_task += 1;
            }
            self.first_task %= ids.len();
            ids.rotate_left(self.first_task);
        }
        let mut total = 0;
        for id in ids {
            let catch_up = &self.catch_up;
            let Some(task) = self
                .tasks
                .get_mut(&id)
                .filter(|task| takes_part(task, catch_up))
            else {
                continue;
            };
            task.scope.wall_clock_ms = wall_clock_ms;
            let is_live = is_live(task);
            let processed = self.process_task(id, share.min(allowed), now)?;
            total += processed;
            allowed -= processed;
            self.uncommitted.live |= processed > 0 && is_live;
            if self.wants_commit() {
                // What others do comes behind the commit, and they come first then.
                self.first_task += 1;
                break;
            }
        }
        if let Some(rate) = &mut self.rate {
            rate.spend(total);
        }
        Ok(total)
    }

    /// Processes at most `max` records of a task, and hands over what they caused.
    fn process_task(&mut self, id: TaskId, max: usize, now: Duration) -> Result<usize, Error> {
        let mut total = 0;
        loop {
            let portion = PORTION.min(max - total);
            let Some(task) = self.tasks.get_mut(&id) else {
                return Ok(total);
            };
            let due = &mut self.due;
            let processed = contained(task, "process a record", |task| {
                task.process(portion, now, due)
            })?;
            self.hand_over(id)?;
            total += processed;
            if processed < portion || total == max || self.wants_commit() {
                return Ok(total);
            }
        }
    }

    fn punctuate(&mut self) -> Result<bool, Error> {
        let ids: Vec<TaskId> = self.tasks.keys().copied().collect();
        let wall_clock_ms = self.clock.wall_clock_ms();
        let mut ran = 0;
        for id in ids {
            let due = &mut self.due;
            let Some(task) = self
                .tasks
                .get_mut(&id)
                .filter(|task| task.phase == TaskPhase::Running)
            else {
                continue;
            };
            task.scope.wall_clock_ms = wall_clock_ms;
            task.look_at_inputs(self.trouble.is_none());
            let here = contained(task, "punctuate", |task| task.punctuate(due))?;
            if here > 0 {
                ran += here;
                self.hand_over(id)?;
            }
            if self.wants_commit() {
                break;
            }
        }
        Ok(ran > 0)
    }

    /// Whether a task goes on at once, behind the commit that it waits for.
    fn is_unfinished(&self) -> bool {
        let mut tasks = self.tasks.values();
        tasks.any(|task| task.phase == TaskPhase::Running && task.unfinished)
    }

    fn wants_commit(&self) -> bool {
        let bytes: usize = self
            .tasks
            .values()
            .map(|task| task.scope.uncommitted_bytes())
            .sum();
        bytes >= self.config.commit_bytes || self.uncommitted.records_out > COMMIT_RECORDS
    }

    /// Between the last commit and the next, by what has been processed meanwhile.
    fn commit_interval(&self) -> Duration {
        let interval = self.config.commit_interval;
        let behind = || self.tasks.values().any(|task| task.inputs.is_behind());
        if self.uncommitted.live || !behind() {
            return interval;
        }
        interval.max(self.config.catch_up_commit_interval)
    }

    fn flush_stores(&mut self, now: Duration) -> Result<(), Error> {
        self.tasks
            .values_mut()
            .try_for_each(|task| task.scope.state.maybe_flush(now))
    }

    /// Whether everything in the inputs has been processed, committed or not; a paused task processes nothing.
    pub fn has_processed_everything(&self) -> bool {
        self.clients
            .as_ref()
            .is_some_and(|clients| clients.group.is_some())
            && self.restorations.is_empty()
            && (self.board.is_paused()
                || self.tasks.values().all(|task| {
                    !task.unfinished
                        && (task.inputs.caught_up() || task.scope.circuit.paused().is_some())
                }))
    }

    /// Whether anything waits for the next commit.
    pub(crate) fn has_uncommitted(&self) -> bool {
        let in_transaction = |clients: &Clients| clients.in_transaction;
        self.clients.as_ref().is_some_and(in_transaction) || self.tasks.values().any(Task::is_dirty)
    }

    /// Commits now, whatever the interval; errors are mended as in a turn.
    pub(crate) fn commit_or_recover(&mut self) -> Result<(), Error> {
        match self.commit() {
            Ok(_) => Ok(()),
            Err(error) => self.recover(error),
        }
    }

    pub(crate) fn set_aside_count(&self, reason: SetAsideReason) -> u64 {
        self.directory.set_aside_count(reason)
    }

    pub(crate) fn flush_all(&mut self) -> Result<(), Error> {
        self.tasks
            .values_mut()
            .try_for_each(|task| task.scope.state.flush())
    }

    pub(crate) fn dump(&mut self, id: TaskId) -> Result<Vec<StateRow>, Error> {
        match self.tasks.get_mut(&id) {
            Some(task) => {
                let mut rows = Vec::new();
                let mut visit = |family: &str, key: &[u8], value: &[u8]| {
                    rows.push((family.to_owned(), key.to_vec(), value.to_vec()));
                };
                task.scope.state.dump(&mut visit)?;
                Ok(rows)
            }
            None => {
                Err(Error::fatal("dump a state", "the task is not here").at(format!("task {id}")))
            }
        }
    }
}

/// Whether records of a task are fetched and processed in this turn of the loop.
fn takes_part(task: &Task, catch_up: &CatchUp) -> bool {
    task.phase == TaskPhase::Running && catch_up.takes_part(task.id)
}

/// Whether somebody waits for what becomes of a task's records. What comes through a repartition topic waits for the commit of
/// those that sent it.
fn is_live(task: &Task) -> bool {
    !task.inputs.is_behind() && task.inputs.iter().any(|input| !input.internal)
}

/// What a position no longer finds in its partition may have been processed and deleted by another instance, which has
/// committed since: then this is a zombie.
fn fenced_if_taken(
    error: Error,
    clients: &mut Clients,
    partition: TopicPartition,
    committed: i64,
) -> Error {
    if error.class() != ErrorClass::Fatal {
        return error;
    }
    let now = clients
        .consumer
        .committed(&[partition], Duration::from_secs(5));
    match now {
        Ok(now) if now.first().copied().flatten() <= Some(committed) => error,
        _ => error.of_class(ErrorClass::Fenced),
    }
}
