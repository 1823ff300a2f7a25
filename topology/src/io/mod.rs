//! The seam to the log: what the engine needs of Kafka, and no more.
//!
//! Two implementations stand behind it: [`kafka`] (librdkafka) and [`memory`] (a transactional log
//! in this process, on which the test driver, the simulation and the demo stand). All calls are
//! synchronous and are made from the stream thread that owns the client.

pub mod batch;
pub mod headers;
pub mod kafka;
pub mod memory;
pub mod murmur2;
pub(crate) mod range;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::memory::ClientMemory;

pub use batch::{RecordBatch, RecordView};
pub use headers::{HeaderBuffer, Headers};

/// Result of a call to the log.
pub type IoResult<T> = Result<T, Error>;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// Where reading a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the first record kept.
    Beginning,
    /// After the last record at the time of the call.
    End,
    /// At this offset.
    Offset(i64),
}

/// A partition that a consumer or reader has opened; valid until it is given up, or all partitions are assigned anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InputId(pub u32);

/// A topic that a producer has registered, so that nothing is looked up by name per record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutputId(pub u32);

/// What one fetch brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Records appended to the batch.
    pub records: usize,
    /// The end of the partition was seen after the last record handed over: the offset at which
    /// the next record (if any) will be. Only this says "caught up"; positions cannot, because
    /// transaction markers take offsets.
    pub end_of_partition: Option<i64>,
}

/// How a group shares out its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Members agree among themselves; for a new share everybody gives up everything.
    Classic,
    /// The coordinator decides (KIP-848, brokers 4.0 and later), and only what moves is interrupted.
    Consumer,
}

/// What the group coordinator decided. Under [`GroupProtocol::Classic`] events are about all partitions of a member, under
/// [`GroupProtocol::Consumer`] about those that come or go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// These are the partitions now; the consumer waits for [`Consumer::assign`].
    Assigned(Vec<TopicPartition>),
    /// All partitions are to be given up; the consumer waits for [`Consumer::unassign`], and the
    /// group waits for it.
    Revoked(Vec<TopicPartition>),
    /// All partitions are already gone (session expired, fenced): nothing may be committed;
    /// the consumer waits for [`Consumer::unassign`].
    Lost(Vec<TopicPartition>),
    /// These come to the partitions held; the consumer waits for [`Consumer::incremental_assign`].
    Added(Vec<TopicPartition>),
    /// These are to be given up, the others stay; the consumer waits for
    /// [`Consumer::incremental_unassign`], and whoever gets them waits for it.
    Removed(Vec<TopicPartition>),
}

/// Settings of a group member.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// Consumer group: the application id.
    pub group_id: String,
    /// How the group shares out its partitions; the same for all its members.
    pub group_protocol: GroupProtocol,
    /// Static member name (KIP-345), unique in the group.
    pub group_instance_id: String,
    /// Whether the membership outlives the client. Under [`GroupProtocol::Consumer`] a static member cannot leave:
    /// librdkafka (2.12) only ever tells the group that it will be back.
    pub is_static: bool,
    /// Client id in broker logs.
    pub client_id: String,
    /// How long the group waits for a silent member. Under [`GroupProtocol::Consumer`] the broker's
    /// `group.consumer.session.timeout.ms` decides.
    pub session_timeout: Duration,
    /// How long the group waits for a member that does not poll.
    pub max_poll_interval: Duration,
    /// Records of open and aborted transactions are not seen.
    pub read_committed: bool,
}

/// Settings of a producer.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// Client id in broker logs.
    pub client_id: String,
    /// Stable name of the transactional producer; `None` for at-least-once.
    pub transactional_id: Option<String>,
    /// After this long the broker aborts an open transaction of a dead producer.
    pub transaction_timeout: Duration,
    /// The smallest `max.message.bytes` of the topics it writes to: several records together must not exceed what each of
    /// them keeps to. `None` if it is not known.
    pub max_batch_bytes: Option<usize>,
}

/// The consumer's membership at the time of an assignment; fences a zombie when offsets are sent
/// in a transaction. Opaque: only the implementation that made it can read it.
pub struct GroupMetadata(pub Box<dyn Any + Send>);

impl fmt::Debug for GroupMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupMetadata")
    }
}

/// A record on its way out.
#[derive(Clone, Copy, Debug)]
pub struct OutputRecord<'a> {
    /// Where to.
    pub output: OutputId,
    /// Explicit partition, or by the key's hash (murmur2, as every JVM producer).
    pub partition: Option<i32>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Key bytes.
    pub key: Option<&'a [u8]>,
    /// Value bytes; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: Headers<'a>,
}

/// What is known of an existing topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Topic name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// `max.message.bytes`, the largest batch the topic takes.
    pub max_message_bytes: usize,
    /// `cleanup.policy`.
    pub cleanup_policy: String,
}

/// The id that a cluster gives to a topic when it is created (KIP-516): one made anew under the same name has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicId(pub [u8; 16]);

/// A member of a consumer group, as the coordinator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// As it named itself.
    pub client_id: String,
    /// The address it connects from.
    pub host: String,
    /// What it is assigned, sorted.
    pub partitions: Vec<TopicPartition>,
}

/// A consumer group, as its coordinator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Kafka's name of its state, such as `Stable`, `Empty`, `PreparingRebalance`; `Dead` where there is no such group.
    pub state: String,
    /// By which protocol its members share out partitions.
    pub protocol: GroupProtocol,
    /// Sorted by client id. Between two generations of the classic protocol nobody is assigned anything.
    pub members: Vec<GroupMember>,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Topic name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication_factor: i16,
    /// Topic settings such as `cleanup.policy`.
    pub config: Vec<(String, String)>,
}

/// First kept and next offset of a partition, whatever transactions are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// First offset kept.
    pub low: i64,
    /// Offset of the next record to be appended (high watermark, not last stable offset).
    pub high: i64,
}

/// A cluster: makes clients. The engine makes and drops clients on runtime threads only.
pub trait Log: Send + Sync {
    /// A member of a consumer group.
    fn consumer(&self, config: &ConsumerConfig) -> IoResult<Box<dyn Consumer>>;
    /// A producer, transactional or not.
    fn producer(&self, config: &ProducerConfig) -> IoResult<Box<dyn Producer>>;
    /// A reader of hand-picked partitions, read_committed, for restore.
    fn reader(&self, client_id: &str) -> IoResult<Box<dyn Reader>>;
    /// Topics and offsets.
    fn admin(&self, client_id: &str) -> IoResult<Box<dyn Admin>>;

    /// The same log, with clients that keep to these bounds; `None` if its clients hold nothing that could be bounded.
    fn within(&self, _memory: &ClientMemory) -> Option<BoundedLog> {
        None
    }
}

/// A log whose clients are bounded.
pub struct BoundedLog {
    /// The log.
    pub log: Arc<dyn Log>,
    /// What its user has set himself, so that the bounds do not hold: each property with its value and ours.
    pub exceeded: Vec<String>,
}

/// A group member. Rebalances are handed over as events and completed by the caller, on its
/// thread: the protocol waits until `assign` or `unassign` is called.
pub trait Consumer {
    /// Joins the group for these topics.
    fn subscribe(&mut self, topics: &[&str]) -> IoResult<()>;

    /// Serves the group for at most `timeout`; must be called regularly. A passing broker error is
    /// kept for [`Consumer::broker_trouble`]; fatal errors are returned.
    fn poll(&mut self, timeout: Duration) -> IoResult<Option<GroupEvent>>;

    /// Committed offsets of the group; waits for transactions in flight to resolve
    /// (`require_stable`). `None` where the group never committed.
    fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>>;

    /// Takes exactly these partitions, from these positions; answers with one id each, in order.
    /// All earlier ids are void.
    fn assign(&mut self, partitions: &[(TopicPartition, Position)]) -> IoResult<Vec<InputId>>;

    /// Gives up all partitions. All ids are void.
    fn unassign(&mut self) -> IoResult<()>;

    /// Takes these partitions besides those held, from these positions; answers with one id each, in
    /// order. Ids of partitions held stay valid.
    fn incremental_assign(
        &mut self,
        partitions: &[(TopicPartition, Position)],
    ) -> IoResult<Vec<InputId>>;

    /// Gives up these partitions; their ids are void.
    fn incremental_unassign(&mut self, partitions: &[TopicPartition]) -> IoResult<()>;

    /// Appends at most `max` records of one partition to `batch`, never waiting.
    fn fetch(&mut self, input: InputId, max: usize, batch: &mut RecordBatch) -> IoResult<Fetched>;

    /// Continues one partition at `offset`, dropping whatever was prefetched.
    fn seek(&mut self, input: InputId, offset: i64) -> IoResult<()>;

    /// Waits until records or events may be there, or `timeout` has passed.
    fn wait(&mut self, timeout: Duration);

    /// Membership now. Under [`GroupProtocol::Classic`] it is that of the last assignment; under
    /// [`GroupProtocol::Consumer`] its epoch moves while the partitions stay.
    fn group_metadata(&mut self) -> IoResult<GroupMetadata>;

    /// Commits offsets outside any transaction (at-least-once).
    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> IoResult<()>;

    /// Watermarks as last told by the broker in a fetch; no call is made. `high` is the last
    /// stable offset here, so that lag is what a read_committed reader still has before it.
    fn cached_watermarks(&mut self, input: InputId) -> Option<Watermarks>;

    /// What is wrong between us and the brokers at present, if anything.
    fn broker_trouble(&mut self) -> Option<String>;

    /// Ends the membership in order. `leave` gives up a static membership too.
    fn close(self: Box<Self>, leave: bool, timeout: Duration) -> IoResult<()>;
}

/// A reader of hand-picked partitions from given positions, read_committed.
pub trait Reader {
    /// Adds a partition.
    fn add(&mut self, partition: &TopicPartition, position: Position) -> IoResult<InputId>;
    /// Removes a partition; its id is void.
    fn remove(&mut self, input: InputId) -> IoResult<()>;
    /// Appends at most `max` records of one partition to `batch`, never waiting.
    fn fetch(&mut self, input: InputId, max: usize, batch: &mut RecordBatch) -> IoResult<Fetched>;
    /// Serves the client's events; must be called regularly.
    fn poll(&mut self) -> IoResult<()>;
}

/// A producer. Records are handed over and acknowledged later; the first refusal is kept and told
/// by [`Producer::delivery_error`].
pub trait Producer {
    /// Makes a topic known; `partitions` of it are tracked for [`Producer::last_offset`].
    fn register(&mut self, topic: &str) -> IoResult<OutputId>;
    /// Fences earlier producers of the same name and resolves their transactions.
    fn init_transactions(&mut self, timeout: Duration) -> IoResult<()>;
    /// Begins a transaction.
    fn begin_transaction(&mut self) -> IoResult<()>;
    /// Hands a record over; waits while the client's queue is full, for at most its delivery timeout.
    fn send(&mut self, record: OutputRecord<'_>) -> IoResult<()>;
    /// Serves acknowledgements for at most `timeout`.
    fn poll(&mut self, timeout: Duration) -> IoResult<()>;
    /// Sends at once what waits for more to go with it, and serves acknowledgements for at most `timeout`, or until nothing
    /// is in flight. To be repeated until nothing is.
    fn flush(&mut self, timeout: Duration) -> IoResult<()> {
        self.poll(timeout)
    }
    /// Records handed over and not yet acknowledged.
    fn in_flight(&self) -> usize;
    /// The first refusal since the transaction began; taken, not copied. Fatal if the record would be refused again,
    /// whatever is done here.
    fn delivery_error(&mut self) -> Option<Error>;
    /// Offset of the last acknowledged record of a partition.
    fn last_offset(&self, output: OutputId, partition: i32) -> Option<i64>;
    /// Puts input offsets into the transaction, fenced by the membership. One whose epoch has just moved on
    /// ([`GroupProtocol::Consumer`]) is refused as abortable: its partitions may well still be ours.
    fn send_offsets(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
        timeout: Duration,
    ) -> IoResult<()>;
    /// Commits; nothing may be in flight.
    fn commit_transaction(&mut self, timeout: Duration) -> IoResult<()>;
    /// Aborts; whatever is in flight is purged first.
    fn abort_transaction(&mut self, timeout: Duration) -> IoResult<()>;
}

/// Topics and offsets.
pub trait Admin {
    /// What exists of these topics, in order.
    fn describe_topics(
        &mut self,
        names: &[&str],
        timeout: Duration,
    ) -> IoResult<Vec<Option<TopicDescription>>>;
    /// The ids of these topics, in order; `None` where there is no topic, or the log knows no ids.
    fn topic_ids(&mut self, names: &[&str], _timeout: Duration) -> IoResult<Vec<Option<TopicId>>> {
        Ok(vec![None; names.len()])
    }
    /// Creates topics; one that exists already is no error.
    fn create_topics(&mut self, topics: &[TopicSpec], timeout: Duration) -> IoResult<()>;
    /// Watermarks by asking the brokers: the *high* watermark, which open transactions do not hold back.
    fn watermarks(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Watermarks>>;
    /// The offset of the first record of each partition whose timestamp is at or after `timestamp_ms`; `None` where there
    /// is none.
    fn offsets_at(
        &mut self,
        partitions: &[TopicPartition],
        timestamp_ms: i64,
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>>;
    /// Asks the brokers to delete the records of partitions below these offsets (KIP-107), and does not
    /// wait for their answer: what is not deleted now is asked for again.
    fn delete_records(&mut self, below: &[(TopicPartition, i64)]) -> IoResult<()>;
    /// The members of a group and what they are assigned, sorted by client id; a group that does not exist has none.
    ///
    /// # Errors
    /// Retriable while the group rebalances: nobody has anything then.
    fn group_members(&mut self, group: &str, timeout: Duration) -> IoResult<Vec<GroupMember>>;
    /// The group whatever its state, to be looked at; who needs to know who has what asks for the
    /// [members](Admin::group_members).
    ///
    /// # Errors
    /// Retriable while the brokers do not answer.
    fn describe_group(&mut self, group: &str, timeout: Duration) -> IoResult<GroupDescription> {
        let members = self.group_members(group, timeout)?;
        let state = if members.is_empty() {
            "Empty"
        } else {
            "Stable"
        };
        Ok(GroupDescription {
            state: state.to_owned(),
            protocol: GroupProtocol::Classic,
            members,
        })
    }
    /// Deletes topics, and waits until they are gone; one that does not exist is no error.
    ///
    /// # Errors
    /// Fatal where the log cannot do it; as the brokers refuse.
    fn delete_topics(&mut self, names: &[&str], _timeout: Duration) -> IoResult<()> {
        let detail = format!("this log deletes no topics: {}", names.join(", "));
        Err(Error::fatal("delete topics", detail))
    }
    /// Deletes a group with its committed offsets; one that does not exist is no error.
    ///
    /// # Errors
    /// Fatal where it has members, or the log cannot do it; as the brokers refuse.
    fn delete_group(&mut self, group: &str, _timeout: Duration) -> IoResult<()> {
        Err(Error::fatal("delete group", "this log deletes no groups").at(group))
    }
    /// Membership of nobody, to move the offsets of a group that has no members. It fences nobody: whoever uses it makes
    /// sure, once the offsets are in the transaction, that nobody has joined.
    ///
    /// # Errors
    /// Fatal where the log cannot do it.
    fn no_member(&mut self, group: &str) -> IoResult<GroupMetadata> {
        Err(Error::fatal("read group metadata", "this log knows members only").at(group))
    }
    /// Committed offsets of a group that may have no members.
    fn committed(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> IoResult<Vec<Option<i64>>>;
}
