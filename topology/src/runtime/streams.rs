use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::StreamsConfig;
use super::bounded::{bound_memory, bound_state};
use super::client_id::check_application_server;
use super::standby::StandbyThread;
use super::status::{State, StatusBoard, StreamsStatus};
use super::stop::Stop;
use super::stream_thread::{StreamThread, ThreadParts};
use super::topics::TopicCheck;
use crate::graph::BuiltTopology;
use crate::io::Log;
use crate::metrics::EngineMetrics;
use crate::store::{StateConfig, StateDirectory};
use crate::task::{KnownTopics, TaskId};
use crate::time::{Clock, SystemClock};
use crate::{Error, ErrorClass};

/// Between two calls of the application's check while brokers do not answer.
const CHECK_AGAIN: Duration = Duration::from_millis(250);

/// A running instance of an application, as Kafka Streams' `KafkaStreams`.
///
/// Dropping it stops it in order.
pub struct Streams {
    board: Arc<StatusBoard>,
    clock: Arc<dyn Clock>,
    stop: Arc<Stop>,
    failure: Arc<Mutex<Option<Error>>>,
    starter: Option<JoinHandle<()>>,
}

impl Streams {
    /// Opens the state directory and starts the threads. Topics are checked first, on a thread of
    /// their own, so that this returns at once and the status tells what is waited for.
    ///
    /// # Errors
    /// When the state directory cannot be used, or the application server is no host and port.
    pub fn start(
        topology: BuiltTopology,
        config: StreamsConfig,
        state_dir: &Path,
        mut state: StateConfig,
        log: Arc<dyn Log>,
        metrics: Arc<EngineMetrics>,
    ) -> Result<Self, Error> {
        if let Some(server) = &config.application_server {
            check_application_server(server)?;
        }
        check_standby_replicas(config.num_standby_replicas)?;
        if let Some(budget) = config.memory {
            bound_state(&mut state, budget);
        }
        let directory = StateDirectory::open(&state_dir.join(&config.application_id), state)?;
        let board = Arc::new(StatusBoard::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let stop = Arc::new(Stop::default());
        let failure = Arc::new(Mutex::new(None));
        let parts = ThreadParts {
            config: Arc::new(config),
            topology: Arc::new(topology),
            log,
            clock: Arc::clone(&clock),
            directory,
            board: Arc::clone(&board),
            metrics,
            known_topics: Arc::new(KnownTopics::new()),
            stop: Arc::clone(&stop),
        };
        let thread_failure = Arc::clone(&failure);
        let starter = std::thread::Builder::new()
            .name("streams".to_owned())
            .spawn(move || supervise(parts, &thread_failure))
            .map_err(|error| Error::fatal("start a thread", error.to_string()))?;
        Ok(Self {
            board,
            clock,
            stop,
            failure,
            starter: Some(starter),
        })
    }

    /// State, tasks, lag, restore.
    pub fn status(&self) -> StreamsStatus {
        self.board.status()
    }

    /// The board that the threads write to.
    pub fn board(&self) -> Arc<StatusBoard> {
        Arc::clone(&self.board)
    }

    /// Committed counters per task of this instance.
    pub fn counters(&self) -> BTreeMap<TaskId, Vec<u64>> {
        self.board.counters()
    }

    /// Lets the paused tasks of this instance take records again; see [`StatusBoard::resume_paused_tasks`].
    pub fn resume_paused_tasks(&self) -> Vec<String> {
        self.board.resume_paused_tasks()
    }

    /// Takes no more records until [`Streams::resume`] or a restart, as `KafkaStreams#pause` (KIP-834): timers and
    /// punctuations wait too, while what was processed is committed, and the membership, restores and queries go on.
    /// Tasks that come meanwhile are paused as well. `reason` is told to whoever looks at the status.
    pub fn pause(&self, reason: &str) {
        self.board.pause(reason);
    }

    /// Takes records again; answers why it was paused, if it was. Tasks that paused by themselves need
    /// [`Streams::resume_paused_tasks`].
    pub fn resume(&self) -> Option<String> {
        self.board.resume()
    }

    /// Whether somebody paused it.
    pub fn is_paused(&self) -> bool {
        self.board.is_paused()
    }

    /// The error that ended a thread, if one did.
    pub fn failure(&self) -> Option<Error> {
        self.failure.lock().clone()
    }

    /// Whether all threads have ended.
    pub fn is_finished(&self) -> bool {
        self.starter.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops in order: finish the batch, commit, close stores, end the membership as configured.
    ///
    /// # Errors
    /// The error that ended a thread, or a timeout after which the threads are left behind.
    pub fn close(&mut self, timeout: Duration) -> Result<(), Error> {
        let now = self.clock.monotonic();
        self.stop.request(now, timeout);
        let Some(starter) = self.starter.take() else {
            return Ok(());
        };
        while !starter.is_finished() {
            if self.clock.monotonic() > now + timeout {
                return Err(Error::new(
                    ErrorClass::Fatal,
                    "stop",
                    format!("the threads did not end within {timeout:?}"),
                ));
            }
            self.clock.sleep(Duration::from_millis(5));
        }
        let _ = starter.join();
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        if let Err(error) = self.close(Duration::from_secs(30)) {
            tracing::debug!("{error}");
        }
    }
}

fn supervise(mut parts: ThreadParts, failure: &Arc<Mutex<Option<Error>>>) {
    let board = Arc::clone(&parts.board);
    board.set_state("start", State::Created, "checking the topics");
    let checked = check_topics(&parts).and_then(|topics| {
        parts.known_topics = Arc::new(topics);
        bound_memory(&mut parts)
    });
    match checked {
        Ok(()) => {}
        Err(_) if parts.stop.is_requested() => {
            board.set_state("start", State::NotRunning, "stopped before it had started");
            return;
        }
        Err(error) => {
            tracing::error!("{error}");
            board.set_state("start", State::Error, &error.to_string());
            *failure.lock() = Some(error);
            return;
        }
    }
    let mut threads = Vec::new();
    for index in 0..parts.config.num_stream_threads.max(1) {
        let own = parts.clone();
        let thread_failure = Arc::clone(failure);
        let body = move || {
            let mut thread = StreamThread::new(index, own.clone());
            if let Err(error) = thread.run() {
                thread_failure.lock().get_or_insert(error);
                stop_all(&own);
            }
        };
        match std::thread::Builder::new()
            .name(format!("stream-{}", index + 1))
            .spawn(body)
        {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                *failure.lock() = Some(Error::fatal("start a thread", error.to_string()));
                stop_all(&parts);
            }
        }
    }
    let standby = start_standby(&parts);
    board.remove_thread("start");
    for thread in threads {
        if thread.join().is_err() {
            let detail = "a stream thread panicked outside any operator; its log line says where";
            let panicked = Error::fatal("run a stream thread", detail);
            tracing::error!("{panicked}");
            board.set_state("start", State::Error, &panicked.to_string());
            failure.lock().get_or_insert(panicked);
            stop_all(&parts);
        }
    }
    if standby.is_some_and(|standby| standby.join().is_err()) {
        tracing::error!("the thread of standby tasks panicked; its log line says where");
    }
}

/// Keeps copies of what others run. An instance without them works all the same.
fn start_standby(parts: &ThreadParts) -> Option<JoinHandle<()>> {
    let own = parts.clone();
    let body = move || {
        if let Some(mut standby) = StandbyThread::new(own) {
            standby.run();
        }
    };
    let standby = std::thread::Builder::new().name("standby".to_owned());
    match standby.spawn(body) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::error!("no standby tasks: {error}");
            None
        }
    }
}

/// Standby tasks find their place without an assignor: with one copy of each that is settled.
fn check_standby_replicas(replicas: usize) -> Result<(), Error> {
    match replicas {
        0 | 1 => Ok(()),
        more => Err(Error::fatal(
            "start",
            format!(
                "num_standby_replicas is {more}; set it to 0 or 1, more copies of a task are not supported"
            ),
        )),
    }
}

/// One thread's end is the instance's: the others commit and stop too.
fn stop_all(parts: &ThreadParts) {
    let timeout = parts.config.revocation_timeout;
    parts.stop.request(parts.clock.monotonic(), timeout);
}

pub(crate) fn check_topics(parts: &ThreadParts) -> Result<KnownTopics, Error> {
    let mut admin = parts.log.admin(&format!(
        "{}-{}-admin",
        parts.config.application_id, parts.config.instance_id
    ))?;
    let check = TopicCheck {
        admin: admin.as_mut(),
        clock: &parts.clock,
        config: &parts.config,
        topology: &parts.topology,
        directory: &parts.directory,
        board: &parts.board,
        stop: &parts.stop,
    };
    let topics = check.run()?;
    check_application(parts)?;
    Ok(topics)
}

/// The application's own check; brokers that do not answer are waited for, as they are by all of a start.
fn check_application(parts: &ThreadParts) -> Result<(), Error> {
    let Some(check) = &parts.config.start_check else {
        return Ok(());
    };
    loop {
        match check(parts.log.as_ref()) {
            Err(error) if error.class() == ErrorClass::Retriable && !parts.stop.is_requested() => {
                tracing::warn!("checking again before the start: {error}");
                parts
                    .board
                    .set_state("start", State::Created, &error.to_string());
                parts.clock.sleep(CHECK_AGAIN);
            }
            other => return other,
        }
    }
}
