use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;

use super::instance::TestInstance;
use super::topics::{TestInputTopic, TestOutputTopic};
use crate::codec::{Deserializer, Serializer};
use crate::graph::BuiltTopology;
use crate::io::memory::MemoryLog;
use crate::io::{Log, TopicSpec};
use crate::metrics::EngineMetrics;
use crate::runtime::{
    StandbyThread, StateRow, StatusBoard, StreamThread, StreamsConfig, StreamsStatus, ThreadParts,
    check_topics,
};
use crate::store::{CommittedView, StateConfig, StateDirectory, StoreId};
use crate::task::{KnownTopics, TaskId};
use crate::time::{Clock, VirtualClock};
use crate::{Error, ErrorClass};

/// Turns of the loop without rest after which something is wrong with the topology.
const MAX_TURNS: usize = 1_000_000;

/// What a test wants of its driver.
#[derive(Clone)]
pub struct TestDriverConfig {
    /// Settings of the thread.
    pub streams: StreamsConfig,
    /// Partitions of every topic of the topology.
    pub partitions: i32,
    /// Where state lives; `None`: in memory, restored from the changelog after every start.
    pub state_dir: Option<PathBuf>,
    /// Settings of the state.
    pub state: StateConfig,
    /// Wall-clock time at the beginning, milliseconds since the epoch.
    pub initial_wall_clock_ms: i64,
}

impl TestDriverConfig {
    /// One partition, state in memory, 2020-01-01. The group waits for its member a year, because
    /// virtual time goes in steps in which nobody polls.
    pub fn new(application_id: &str) -> Self {
        const YEAR: Duration = Duration::from_secs(365 * 86_400);
        Self {
            streams: StreamsConfig {
                session_timeout: YEAR,
                max_poll_interval: YEAR,
                ..StreamsConfig::new(application_id, "test")
            },
            partitions: 1,
            state_dir: None,
            state: StateConfig::default(),
            initial_wall_clock_ms: 1_577_836_800_000,
        }
    }

    /// With so many partitions.
    #[must_use]
    pub fn partitions(mut self, partitions: i32) -> Self {
        self.partitions = partitions;
        self
    }

    /// With state on disk.
    #[must_use]
    pub fn state_dir(mut self, state_dir: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(state_dir.into());
        self
    }
}

/// Runs a topology synchronously, as Kafka Streams' `TopologyTestDriver`, but with the real commit
/// protocol: nothing is committed behind a test's back, and outputs are read as a read_committed
/// consumer reads them.
///
/// ```
/// use topology::codec::Utf8;
/// use topology::graph::Topology;
/// use topology::testing::{TestDriver, TestDriverConfig};
///
/// let mut topology = Topology::new();
/// topology.add_source("in", &["lines"], || Utf8, || Utf8);
/// topology.add_sink("out", "copies", || Utf8, || Utf8, &["in"]);
/// let mut driver = TestDriver::new(topology.build()?, TestDriverConfig::new("copy"))?;
/// let lines = driver.create_input_topic("lines", Utf8, Utf8);
/// let mut copies = driver.create_output_topic("copies", Utf8, Utf8);
///
/// lines.pipe_input(&mut driver, &"k".to_owned(), &"hello".to_owned(), 1_000)?;
/// assert_eq!(copies.read_value(&mut driver)?.as_deref(), Some("hello"));
/// assert!(copies.is_empty(&mut driver)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TestDriver {
    config: TestDriverConfig,
    topology: Arc<BuiltTopology>,
    clock: Arc<VirtualClock>,
    log: Arc<MemoryLog>,
    thread: Option<StreamThread>,
    board: Arc<StatusBoard>,
    known_topics: Arc<KnownTopics>,
}

impl TestDriver {
    /// Creates the topics and starts the tasks.
    ///
    /// # Errors
    /// Of the start.
    pub fn new(topology: BuiltTopology, config: TestDriverConfig) -> Result<Self, Error> {
        let clock = Arc::new(VirtualClock::at(config.initial_wall_clock_ms));
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let mut driver = Self {
            config,
            topology: Arc::new(topology),
            clock,
            log,
            thread: None,
            board: Arc::default(),
            known_topics: Arc::default(),
        };
        driver.find_topics()?;
        driver.start()?;
        Ok(driver)
    }

    /// What [`TestDriver::start`] runs from now on: another version of the program, on the same log.
    ///
    /// ```
    /// # use topology::codec::Utf8;
    /// # use topology::graph::Topology;
    /// # use topology::testing::{TestDriver, TestDriverConfig};
    /// let copy = |to: &str| {
    ///     let mut topology = Topology::new();
    ///     topology.add_source("in", &["lines"], || Utf8, || Utf8);
    ///     topology.add_sink("out", to, || Utf8, || Utf8, &["in"]);
    ///     topology.build()
    /// };
    /// let mut driver = TestDriver::new(copy("old")?, TestDriverConfig::new("copy"))?;
    /// driver.close()?;
    /// driver.replace_topology(copy("new")?)?;
    /// driver.start()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When a topic that it names is not as it must be.
    pub fn replace_topology(&mut self, topology: BuiltTopology) -> Result<(), Error> {
        self.topology = Arc::new(topology);
        self.find_topics()
    }

    fn find_topics(&mut self) -> Result<(), Error> {
        self.create_topics()?;
        let topics = check_topics(&self.parts(&self.config, &self.board)?)?;
        self.known_topics = Arc::new(topics);
        Ok(())
    }

    fn create_topics(&self) -> Result<(), Error> {
        let id = &self.config.streams.application_id;
        let mut specs: BTreeMap<String, &str> = BTreeMap::new();
        for part in self.topology.subtopologies() {
            // The engine makes internal topics by itself.
            let inputs = part.inputs(id).into_iter().filter(|input| !input.internal);
            specs.extend(inputs.map(|input| (input.topic, "delete")));
            let outputs = part.outputs(id).into_iter();
            let outputs = outputs.filter(|output| !output.internal);
            specs.extend(outputs.map(|output| (output.topic, "delete")));
        }
        specs.extend(
            self.topology
                .dead_letter_topic()
                .map(|topic| (topic.to_owned(), "delete")),
        );
        let specs: Vec<TopicSpec> = specs
            .into_iter()
            .map(|(name, policy)| TopicSpec {
                name,
                partitions: self.config.partitions,
                replication_factor: 1,
                config: vec![("cleanup.policy".to_owned(), policy.to_owned())],
            })
            .collect();
        let mut admin = self.log.admin("test-driver")?;
        // Those with settings of their own first: what exists is not created again.
        admin.create_topics(&self.config.streams.topics, Duration::ZERO)?;
        admin.create_topics(&specs, Duration::ZERO)
    }

    /// Starts the thread (again) and lets it join, restore and run.
    ///
    /// # Errors
    /// Of the start.
    pub fn start(&mut self) -> Result<(), Error> {
        let parts = self.parts(&self.config, &self.board)?;
        self.thread = Some(StreamThread::new(0, parts));
        self.run_until_idle()
    }

    fn parts(
        &self,
        config: &TestDriverConfig,
        board: &Arc<StatusBoard>,
    ) -> Result<ThreadParts, Error> {
        let directory = match &config.state_dir {
            Some(root) => StateDirectory::open(
                &root.join(&config.streams.application_id),
                config.state.clone(),
            )?,
            None => StateDirectory::in_memory(config.state.clone()),
        };
        Ok(ThreadParts {
            config: Arc::new(config.streams.clone()),
            topology: Arc::clone(&self.topology),
            log: Arc::clone(&self.log) as Arc<dyn Log>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            directory,
            board: Arc::clone(board),
            metrics: Arc::new(EngineMetrics::register(&Registry::new())?),
            known_topics: Arc::clone(&self.known_topics),
            stop: Arc::default(),
        })
    }

    /// Another instance of the application on the same log and clock, with a state directory of
    /// its own. It joins the group with its first turn.
    ///
    /// # Errors
    /// When its state directory cannot be used.
    pub fn instance(&self, instance_id: &str) -> Result<TestInstance, Error> {
        let mut config = self.config.clone();
        config.streams.instance_id = instance_id.to_owned();
        config.state_dir = config.state_dir.map(|root| root.join(instance_id));
        let board = Arc::default();
        let parts = self.parts(&config, &board)?;
        let standby = StandbyThread::new(parts.clone());
        let metrics = Arc::clone(&parts.metrics);
        let thread = StreamThread::new(0, parts);
        Ok(TestInstance::new(thread, standby, board, metrics))
    }

    /// Another instance with as many threads as configured, which share a state directory as the
    /// threads of a process do; each is driven by itself.
    ///
    /// # Errors
    /// When the state directory cannot be used.
    pub fn threads(&self, instance_id: &str) -> Result<Vec<TestInstance>, Error> {
        let mut config = self.config.clone();
        config.streams.instance_id = instance_id.to_owned();
        config.state_dir = config.state_dir.map(|root| root.join(instance_id));
        let parts = self.parts(&config, &Arc::default())?;
        let thread = |index| {
            let mut parts = parts.clone();
            parts.board = Arc::default();
            let board = Arc::clone(&parts.board);
            let standby = (index == 0).then(|| StandbyThread::new(parts.clone()));
            let metrics = Arc::clone(&parts.metrics);
            let thread = StreamThread::new(index, parts);
            TestInstance::new(thread, standby.flatten(), board, metrics)
        };
        Ok((0..config.streams.num_stream_threads).map(thread).collect())
    }

    fn thread(&mut self) -> Result<&mut StreamThread, Error> {
        self.thread
            .as_mut()
            .ok_or_else(|| Error::fatal("drive the topology", "it has crashed; call start"))
    }

    /// Runs until everything in the inputs has been processed; commits only when the commit
    /// interval has passed on the virtual clock.
    ///
    /// # Errors
    /// What the thread could not mend; a crash injected by an observer among them.
    pub fn run_until_idle(&mut self) -> Result<(), Error> {
        for _ in 0..MAX_TURNS {
            let clock = Arc::clone(&self.clock);
            let thread = self.thread()?;
            let progress = thread.run_once_or_recover()?;
            if thread.has_processed_everything() {
                return Ok(());
            }
            if progress.records == 0 && !progress.moved {
                // A session or a transaction of a crashed predecessor has to time out first.
                clock.advance(Duration::from_millis(10));
            }
        }
        Err(Error::new(
            ErrorClass::Fatal,
            "drive the topology",
            format!("no rest after {MAX_TURNS} turns"),
        ))
    }

    /// Processes what there is and commits it, as often as it takes to pass every repartition edge.
    ///
    /// # Errors
    /// As [`TestDriver::run_until_idle`].
    pub fn commit(&mut self) -> Result<(), Error> {
        self.run_until_idle()?;
        for _ in 0..self.topology.subtopologies().len() {
            self.clock.advance(self.config.streams.commit_interval);
            self.thread()?.run_once_or_recover()?;
            self.run_until_idle()?;
            if !self.thread()?.has_uncommitted() {
                break;
            }
        }
        Ok(())
    }

    /// Moves wall-clock time in one step and runs what becomes due. A step that is longer than the
    /// commit interval commits what is open first, as would have happened meanwhile.
    ///
    /// # Errors
    /// As [`TestDriver::run_until_idle`].
    pub fn advance_wall_clock_time(&mut self, duration: Duration) -> Result<(), Error> {
        if duration >= self.config.streams.commit_interval {
            self.run_until_idle()?;
            self.thread()?.commit_or_recover()?;
        }
        self.clock.advance(duration);
        self.thread()?.run_once_or_recover()?;
        self.run_until_idle()
    }

    /// What `kill -9` does: the thread is gone without a word to the brokers, the disk holds what
    /// was flushed. [`TestDriver::start`] goes on.
    pub fn crash(&mut self) {
        self.thread = None;
    }

    /// Stops in order: commit, flush, close.
    ///
    /// # Errors
    /// Of the last commit.
    pub fn close(&mut self) -> Result<(), Error> {
        match self.thread.take() {
            Some(mut thread) => thread.close(),
            None => Ok(()),
        }
    }

    /// Forces RocksDB's memtables to disk in the middle of whatever is going on: what must not be
    /// there would be seen.
    ///
    /// # Errors
    /// Of the disk.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.thread()?.flush_all()
    }

    /// Every row of a task's state by family, committed data only.
    ///
    /// # Errors
    /// When the task is not here.
    pub fn dump(&mut self, task: TaskId) -> Result<Vec<StateRow>, Error> {
        self.thread()?.dump(task)
    }

    /// State, tasks, lag, restore, as the thread told them last.
    pub fn status(&self) -> StreamsStatus {
        self.board.status()
    }

    /// Takes no records until [`TestDriver::resume`], as [`Streams::pause`](crate::runtime::Streams::pause).
    pub fn pause(&self, reason: &str) {
        self.board.pause(reason);
    }

    /// Takes records again; answers why it was paused, if it was.
    pub fn resume(&self) -> Option<String> {
        self.board.resume()
    }

    /// Lets paused tasks take records again, with the next turn.
    pub fn resume_paused_tasks(&self) -> Vec<String> {
        self.board.resume_paused_tasks()
    }

    /// Committed state of the running tasks that have the store `name`.
    pub fn stores(&self, name: &str) -> Vec<(CommittedView, StoreId)> {
        self.board.stores(name)
    }

    /// Committed counters, summed over the tasks.
    pub fn counters(&self) -> Vec<u64> {
        let mut sum = vec![0; self.topology.counters().len()];
        for counters in self.board.counters().values() {
            sum.iter_mut()
                .zip(counters)
                .for_each(|(sum, count)| *sum += count);
        }
        sum
    }

    /// An input topic with its serializers.
    pub fn create_input_topic<K, V>(
        &self,
        topic: &str,
        keys: impl Serializer<K> + 'static,
        values: impl Serializer<V> + 'static,
    ) -> TestInputTopic<K, V> {
        TestInputTopic::new(topic, keys, values)
    }

    /// An output topic with its deserializers.
    pub fn create_output_topic<K, V>(
        &self,
        topic: &str,
        keys: impl Deserializer<K> + 'static,
        values: impl Deserializer<V> + 'static,
    ) -> TestOutputTopic<K, V> {
        TestOutputTopic::new(topic, self.config.partitions, keys, values)
    }

    /// The log, to look at it as a consumer would, or to break it.
    pub fn log(&self) -> &Arc<MemoryLog> {
        &self.log
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.clock
    }

    /// The settings; a change takes effect with the next [`TestDriver::start`].
    pub fn config_mut(&mut self) -> &mut TestDriverConfig {
        &mut self.config
    }
}
