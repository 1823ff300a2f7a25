use std::sync::Arc;
use std::time::Duration;

use super::PhaseObserver;
use crate::Error;
use crate::io::{GroupProtocol, Log, TopicSpec};
use crate::memory::MemoryBudget;
use crate::task::DeadLetterCircuit;

/// What an application makes sure of before anything is read, on the thread that starts the others.
pub type StartCheck = dyn Fn(&dyn Log) -> Result<(), Error> + Send + Sync;

/// What is promised about each input record, as in Kafka Streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessingGuarantee {
    /// Outputs, state and input offsets change together, once, through Kafka transactions (KIP-447).
    ExactlyOnceV2,
    /// After a crash some records are processed again.
    AtLeastOnce,
}

/// Where a group that never committed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOffsetReset {
    /// At the first record kept.
    Earliest,
    /// After the last.
    Latest,
}

/// Settings of the runtime; the names are Kafka Streams' where the setting exists there.
#[derive(Clone)]
pub struct StreamsConfig {
    /// Consumer group, prefix of internal topics and of transactional ids.
    pub application_id: String,
    /// Static membership; unique among the instances of the application.
    pub instance_id: String,
    /// `host:port` under which other instances and people reach this one, as Kafka Streams' `application.server`: told
    /// to the group, so that whoever looks for the state of a key finds it; see
    /// [`query_metadata_for_key`](super::query_metadata_for_key).
    pub application_server: Option<String>,
    /// How the group shares out partitions (`group.protocol`); the same for all instances.
    pub group_protocol: GroupProtocol,
    /// Stream threads.
    pub num_stream_threads: usize,
    /// Copies of each task's state that instances keep which do not run it, as Kafka Streams' `num.standby.replicas`, so
    /// that a take-over has only the tail of the changelog to read: 0 or 1.
    pub num_standby_replicas: usize,
    /// What is promised.
    pub processing_guarantee: ProcessingGuarantee,
    /// Between two commits.
    pub commit_interval: Duration,
    /// The same where it is longer, while everything that a thread processes comes from tasks that are far behind: there
    /// nobody waits for a single record, each commit has a price, and what changes several times is told once.
    pub catch_up_commit_interval: Duration,
    /// A commit is made sooner when what is not committed takes this much memory, in bytes: changes of state, their keys and
    /// values twice because a commit copies them, outputs, and what operators hold.
    pub commit_bytes: usize,
    /// What the process may take of memory; replaces the sizes in [`StateConfig`](crate::store::StateConfig) and
    /// `commit_bytes`, and bounds the clients. `None`: every part has a bound of its own, and there is none of all.
    pub memory: Option<MemoryBudget>,
    /// How long a caught-up empty input is waited for (KIP-695).
    pub max_task_idle: Duration,
    /// After this long the broker aborts the open transaction of a dead instance.
    pub transaction_timeout: Duration,
    /// How long the group waits for a silent member; under [`GroupProtocol::Consumer`] the broker's setting counts.
    pub session_timeout: Duration,
    /// How long the group waits for a member that does not poll.
    pub max_poll_interval: Duration,
    /// Where a group that never committed begins.
    pub auto_offset_reset: AutoOffsetReset,
    /// For internal topics.
    pub replication_factor: i16,
    /// At most so many records per second and thread, for a gentle catch-up.
    pub max_rate: Option<u32>,
    /// Records taken from one input at a time.
    pub poll_records: usize,
    /// How far a record's timestamp may lie ahead of the wall clock and still move stream time.
    pub future_tolerance: Duration,
    /// When a task pauses because too many of its records are dead-lettered; `None`: never. It then takes no records
    /// until [`Streams::resume_paused_tasks`](super::Streams::resume_paused_tasks) or a restart, while its timers,
    /// punctuations and commits, and the other tasks, go on. Its records wait in their topics: it is behind like a
    /// task that cannot keep up, so its watermark stands still and windows that need it stay open.
    pub dead_letter_circuit: Option<DeadLetterCircuit>,
    /// Between two requests to delete what was processed of repartition topics.
    pub repartition_purge_interval: Duration,
    /// For calls to the brokers that must succeed: retried until then.
    pub task_timeout: Duration,
    /// How long a start waits for input topics that do not exist yet.
    pub topic_wait: Duration,
    /// The whole of revoking partitions or stopping must fit into this.
    pub revocation_timeout: Duration,
    /// Give up the membership when stopping. Under [`GroupProtocol::Consumer`] such an instance is no static member.
    pub leave_on_stop: bool,
    /// Topics of the application to create where missing; existing ones must have these counts.
    pub topics: Vec<TopicSpec>,
    /// Called once the topics are there; a retriable error is tried again, any other ends the start.
    pub start_check: Option<Arc<StartCheck>>,
    /// Told of each step of the commit; tests pause or crash there.
    pub observer: Option<Arc<dyn PhaseObserver>>,
    /// Breaks the protocol on purpose, so that tests can show that they would notice.
    #[cfg(feature = "broken-controls")]
    pub broken: Option<super::commit::BrokenControl>,
}

impl StreamsConfig {
    /// The defaults, for an application and one of its instances.
    pub fn new(application_id: impl Into<String>, instance_id: impl Into<String>) -> Self {
        Self {
            application_id: application_id.into(),
            instance_id: instance_id.into(),
            application_server: None,
            group_protocol: GroupProtocol::Classic,
            num_stream_threads: 1,
            num_standby_replicas: 0,
            processing_guarantee: ProcessingGuarantee::ExactlyOnceV2,
            commit_interval: Duration::from_millis(100),
            catch_up_commit_interval: Duration::from_secs(1),
            commit_bytes: 64 << 20,
            memory: None,
            max_task_idle: Duration::ZERO,
            transaction_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(45),
            max_poll_interval: Duration::from_secs(300),
            auto_offset_reset: AutoOffsetReset::Earliest,
            replication_factor: 1,
            max_rate: None,
            poll_records: 500,
            future_tolerance: Duration::from_secs(5),
            dead_letter_circuit: Some(DeadLetterCircuit::default()),
            repartition_purge_interval: Duration::from_secs(30),
            task_timeout: Duration::from_secs(60),
            topic_wait: Duration::from_secs(30),
            revocation_timeout: Duration::from_secs(30),
            leave_on_stop: false,
            topics: Vec::new(),
            start_check: None,
            observer: None,
            #[cfg(feature = "broken-controls")]
            broken: None,
        }
    }
}
