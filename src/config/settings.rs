//! The settings: what each means, its unit, its default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use topology::runtime::{DeadLetterCircuit, Share};

use super::events::Events;
use super::judging::{self, Actors, Ghost, Ordering, Parking, Redrive, Retention, Rights};
use super::kafka::KafkaProperties;
use super::secret::Secret;
use super::watching::{self, Detectors, Timers, TimersWhere};
use crate::domain::aggregates::{BusinessAggregate, BusinessAggregateSet};
use crate::job::{JobOptions, MinuteDetection, REBUILD};

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Configuration {
    /// `[application]`
    pub application: Application,
    /// `[kafka]`
    pub kafka: KafkaProperties,
    /// `[topics]`
    pub topics: Topics,
    /// `[parking]`
    pub parking: Parking,
    /// `[redrive]`
    pub redrive: Redrive,
    /// `[ghost]`
    pub ghost: Ghost,
    /// `[retention]`
    pub retention: Retention,
    /// `[cancel_rights]`
    pub cancel_rights: Rights,
    /// `[actors]`
    pub actors: Actors,
    /// `[aggregates]`
    pub aggregates: Aggregates,
    /// `[timers]`
    pub timers: Timers,
    /// `[timers_where.<fulfilment, category or sido>]`
    pub timers_where: TimersWhere,
    /// `[detectors]`
    pub detectors: Detectors,
    /// `[dead_letters]`
    pub dead_letters: DeadLetters,
    /// `[events."<topic>"]`
    pub events: Events,
    /// `[http]`
    pub http: Http,
}

impl Configuration {
    /// What the job is to do.
    #[must_use]
    pub fn job(&self) -> JobOptions {
        JobOptions {
            dialects: self.events.dialects(),
            judging: judging::policy(
                self.application.ordering,
                &self.parking,
                &self.redrive,
                &self.ghost,
                &self.cancel_rights,
                &self.actors,
            ),
            retention: self.retention.after,
            rebuild: self.application.rebuild,
            aggregates: self.aggregates.clone(),
            watching: watching::options(&self.timers, &self.timers_where, &self.detectors),
            minutes: MinuteDetection {
                enabled: self.detectors.enabled && self.aggregates.enabled,
                grace: self.detectors.grace,
            },
            merging_tasks: self.topics.output_partitions,
        }
    }
}

/// The processor itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Application {
    /// Consumer group, and the beginning of the names of internal topics and transactional ids. Default `jumun`.
    pub id: String,
    /// Static membership of this process in the group; no two processes may share it. Default `<id>-0`.
    pub instance_id: String,
    /// Where stores are kept, beneath `<id>/<task>`. Default `data`.
    pub state_dir: PathBuf,
    /// How the group shares out partitions, the same for all instances: `classic`, or `consumer` (KIP-848, brokers 4.0
    /// and later), under which only partitions that move are interrupted. Default `classic`.
    pub group_protocol: GroupProtocol,
    /// Stream threads. Default 1.
    pub threads: usize,
    /// Copies of each task's state that other instances keep, so that a take-over has little to read: 0 or 1. Default 0.
    pub num_standby_replicas: usize,
    /// Default `exactly_once_v2`.
    pub processing_guarantee: ProcessingGuarantee,
    /// Longest time between two commits. Default 100 ms.
    #[serde(rename = "commit_interval_ms", serialize_with = "milliseconds")]
    pub commit_interval: Duration,
    /// The same while everything that is processed comes from partitions that are far behind, if it is longer. Default 1 s, or
    /// half of `transaction_timeout_ms`.
    #[serde(
        rename = "catch_up_commit_interval_ms",
        serialize_with = "milliseconds"
    )]
    pub catch_up_commit_interval: Duration,
    /// What happens to an event that comes before another one. Default `default`: what cannot be is rejected, what is
    /// only early waits.
    pub ordering: Ordering,
    /// Whether the log is processed anew, into topics of its own. Default false.
    pub rebuild: bool,
    /// How long a task waits for an input that is empty and caught up before it goes on without it. Default 0 ms.
    #[serde(rename = "max_task_idle_ms", serialize_with = "milliseconds")]
    pub max_task_idle: Duration,
    /// Memory of the process, over which queues, stores and uncommitted changes are divided. Default 512 MiB.
    pub memory_max_bytes: u64,
    /// Part of it for reading stores, shared by all tasks of the process; by default about a seventh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_max_bytes: Option<u64>,
    /// Upper bound of records taken per second by the whole process; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<u64>,
    /// Where a group starts that has never committed. Default `earliest`.
    pub auto_offset_reset: OffsetReset,
    /// After this time the broker aborts the open transaction of a dead process. Default 10 s.
    #[serde(rename = "transaction_timeout_ms", serialize_with = "milliseconds")]
    pub transaction_timeout: Duration,
    /// After this time without a heartbeat the partitions of a process go to others. Default 45 s. Under
    /// `group_protocol = "consumer"` the broker's `group.consumer.session.timeout.ms` counts instead.
    #[serde(rename = "session_timeout_ms", serialize_with = "milliseconds")]
    pub session_timeout: Duration,
    /// Upper bound of a clean stop. Default 20 s.
    #[serde(rename = "shutdown_timeout_ms", serialize_with = "milliseconds")]
    pub shutdown_timeout: Duration,
    /// Whether a clean stop gives up the group membership, for scaling in. Default false.
    pub leave_on_stop: bool,
    /// Whether state on disk that another topology built is migrated where that is possible; stores that are gone are
    /// dropped for good. Default false: the start is refused, and says what differs.
    pub migrate_state: bool,
}

impl Application {
    /// The id by which the engine knows the application: a log that is processed anew is another application's.
    #[must_use]
    pub fn streams_id(&self) -> String {
        match self.rebuild {
            true => format!("{}{REBUILD}", self.id),
            false => self.id.clone(),
        }
    }
}

/// The topics of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topics {
    /// Partitions of the keyed inputs, of the states and the transitions. Default 4.
    pub partitions: i32,
    /// Partitions of the other outputs. Default 2.
    pub output_partitions: i32,
    /// Replicas of topics this program creates. Default 1.
    pub replication_factor: i32,
}

/// The aggregates per minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aggregates {
    /// Whether there are any. Default true.
    pub enabled: bool,
    /// Which there are. Default all.
    pub include: Included,
    /// How long after its end a window waits for events that come late. Default 120 s.
    #[serde(rename = "grace_ms", serialize_with = "milliseconds")]
    pub grace: Duration,
    /// An input that is caught up and had no event for so long no longer holds windows back. Default 30 s.
    #[serde(rename = "idle_ms", serialize_with = "milliseconds")]
    pub idle: Duration,
    /// So far behind the wall clock the clock of such an input runs on. Default 60 s.
    #[serde(rename = "idle_distance_ms", serialize_with = "milliseconds")]
    pub idle_distance: Duration,
    /// Between two updates of a window that is open. Default 10 s.
    #[serde(rename = "early_interval_ms", serialize_with = "milliseconds")]
    pub early_interval: Duration,
    /// Default `updates`.
    pub emit: Emit,
}

impl Default for Aggregates {
    fn default() -> Self {
        Self {
            enabled: true,
            include: Included::ALL,
            grace: Duration::from_secs(120),
            idle: Duration::from_secs(30),
            idle_distance: Duration::from_secs(60),
            early_interval: Duration::from_secs(10),
            emit: Emit::Updates,
        }
    }
}

impl Aggregates {
    /// Those that there are; none where they are switched off.
    pub(crate) fn counted(&self) -> BusinessAggregateSet {
        match self.enabled {
            true => self.include.0,
            false => BusinessAggregateSet::EMPTY,
        }
    }
}

/// Which aggregates there are: `all`, or a list of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Included(pub BusinessAggregateSet);

impl Included {
    /// All that this program knows.
    pub const ALL: Self = Self(BusinessAggregateSet::ALL);
    /// As it is written.
    pub(super) const ALL_NAME: &'static str = "all";
}

impl Serialize for Included {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::ALL => serializer.serialize_str(Self::ALL_NAME),
            Self(included) => serializer.collect_seq(included.iter().map(BusinessAggregate::name)),
        }
    }
}

/// When the aggregates of a window are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emit {
    /// As they change, and once more when the window is closed.
    Updates,
    /// Once, when the window is closed.
    Final,
}

impl Choice for Emit {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("updates", Self::Updates), ("final", Self::Final)];
}

/// When a task pauses because too many of its records cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetters {
    /// Whether it ever does. Default true.
    pub circuit: bool,
    /// More than this share of the last records, from 0 to 1; 1 is never exceeded. Default 0.01.
    #[serde(serialize_with = "part")]
    pub share: Share,
    /// So many last records of a task are looked at. Default 1,000.
    pub window: usize,
    /// Fewer dead letters than this are never too many. Default 10.
    pub minimum: usize,
}

impl Default for DeadLetters {
    fn default() -> Self {
        let DeadLetterCircuit {
            share,
            window,
            minimum,
        } = DeadLetterCircuit::default();
        Self {
            circuit: true,
            share,
            window,
            minimum,
        }
    }
}

impl DeadLetters {
    /// For the engine.
    pub fn circuit(&self) -> Option<DeadLetterCircuit> {
        self.circuit.then_some(DeadLetterCircuit {
            share: self.share,
            window: self.window,
            minimum: self.minimum,
        })
    }
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Http {
    /// Address and port; port 0 takes any. Default `127.0.0.1:8080`, which other machines cannot reach.
    pub listen: SocketAddr,
    /// `host:port` under which others reach `listen`; the group is told, so that whoever looks for an order finds the
    /// instance that has it. By default the address it listens on, where that is one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_server: Option<String>,
    /// What a client must send as `Authorization: Bearer <token>` to change something, or to see a single order; without
    /// one nobody may change anything, and whoever reaches `listen` may see orders. All instances need the same, because
    /// they ask each other. None by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

impl Http {
    /// What the group is told when the server listens on `bound`; none when others could make nothing of it.
    pub fn application_server(&self, bound: SocketAddr) -> Option<String> {
        let default = || (!bound.ip().is_unspecified()).then(|| bound.to_string());
        self.application_server.clone().or_else(default)
    }
}

/// A setting with a fixed set of values.
pub(super) trait Choice: Copy + Sized + 'static {
    /// The names and their values.
    const CHOICES: &'static [(&'static str, Self)];
}

/// How a group shares out partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// By agreement of the members; a new share interrupts all of them.
    Classic,
    /// By the coordinator (KIP-848).
    Consumer,
}

impl Choice for GroupProtocol {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("classic", Self::Classic), ("consumer", Self::Consumer)];
}

/// What a failure may do to the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessingGuarantee {
    /// Every input counts exactly once, by Kafka's transactions.
    #[serde(rename = "exactly_once_v2")]
    ExactlyOnceV2,
    /// Inputs since the last commit may count twice after a failure.
    AtLeastOnce,
}

impl Choice for ProcessingGuarantee {
    const CHOICES: &'static [(&'static str, Self)] = &[
        ("exactly_once_v2", Self::ExactlyOnceV2),
        ("at_least_once", Self::AtLeastOnce),
    ];
}

/// Where a group starts that has never committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OffsetReset {
    /// At the beginning of the log.
    Earliest,
    /// At its end.
    Latest,
}

impl Choice for OffsetReset {
    const CHOICES: &'static [(&'static str, Self)] =
        &[("earliest", Self::Earliest), ("latest", Self::Latest)];
}

fn part<S: Serializer>(share: &Share, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(share.part())
}

pub(super) fn milliseconds<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
