//! Writing and reading topics of a broker, as a test sees them: whole topics at once, no groups, no timeouts as ends.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Doing, Error, Result};
use crate::wait::wait_for;

/// For any single call; a broker that takes longer is broken.
const DEADLINE: Duration = Duration::from_secs(60);

/// A Kafka cluster reached by its bootstrap servers.
#[derive(Debug, Clone)]
pub struct Kafka {
    bootstrap_servers: String,
}

/// A record to be produced.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    topic: &'a str,
    partition: Option<i32>,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    timestamp: Option<i64>,
    headers: Option<OwnedHeaders>,
}

impl<'a> Message<'a> {
    /// A record without headers whose partition follows from its key as in every JVM producer.
    pub fn new(
        topic: &'a str,
        key: &'a (impl AsRef<[u8]> + ?Sized),
        value: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        let (key, value) = (Some(key.as_ref()), Some(value.as_ref()));
        Self {
            topic,
            partition: None,
            key,
            value,
            timestamp: None,
            headers: None,
        }
    }

    /// A record without a value: it deletes `key` from a compacted topic.
    pub fn tombstone(topic: &'a str, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            topic,
            partition: None,
            key: Some(key.as_ref()),
            value: None,
            timestamp: None,
            headers: None,
        }
    }

    /// Without a key.
    pub fn keyless(mut self) -> Self {
        self.key = None;
        self
    }

    /// Sets the timestamp, in milliseconds since 1970.
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Sets the partition, whatever the key.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Adds a header.
    pub fn header(mut self, key: &str, value: &(impl AsRef<[u8]> + ?Sized)) -> Self {
        let headers = self.headers.take().unwrap_or_default();
        self.headers = Some(headers.insert(Header {
            key,
            value: Some(value.as_ref()),
        }));
        self
    }
}

/// A record read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; -1 if the record has none.
    pub timestamp: i64,
}

/// Which records a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Only those of committed transactions, up to the first open one.
    ReadCommitted,
    /// Those of open and aborted transactions too.
    ReadUncommitted,
}

impl Kafka {
    /// The cluster at `bootstrap_servers`.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
        }
    }

    /// `host:port` of the broker.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// A client configuration for this cluster that reconnects fast, to be completed by the test.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "200")
            .set("retry.backoff.ms", "10")
            .set_log_level(RDKafkaLogLevel::Critical);
        config
    }

    /// Creates a topic and waits until every partition has a leader.
    pub fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) -> Result<()> {
        let what = || format!("creating topic {name}");
        let admin: AdminClient<DefaultClientContext> = self.client_config().create().doing(what)?;
        let topic = config.iter().fold(
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)),
            |topic, (key, value)| topic.set(key, value),
        );
        let options = AdminOptions::new()
            .operation_timeout(Some(DEADLINE))
            .request_timeout(Some(DEADLINE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .doing(what)?;
        for result in runtime
            .block_on(admin.create_topics([&topic], &options))
            .doing(what)?
        {
            result
                .map_err(|(_, code)| KafkaError::AdminOp(code))
                .doing(what)?;
        }
        let consumer: BaseConsumer = self.client_config().create().doing(what)?;
        let wanted = usize::try_from(partitions).unwrap_or(0);
        wait_for(
            &format!("a leader for every partition of {name}"),
            DEADLINE,
            || {
                let metadata = consumer
                    .fetch_metadata(Some(name), Duration::from_secs(5))
                    .ok()?;
                let topic = metadata.topics().first()?;
                let led = topic
                    .partitions()
                    .iter()
                    .filter(|partition| partition.leader() >= 0)
                    .count();
                (led == wanted).then_some(())
            },
        )
    }

    /// Produces `messages` in their order, waits until the broker has acknowledged all, and gives their number.
    pub fn produce<'a>(&self, messages: impl IntoIterator<Item = Message<'a>>) -> Result<u64> {
        let mut config = self.client_config();
        config
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("message.timeout.ms", "60000");
        let producer: BaseProducer<FirstFailure> = config
            .create_with_context(FirstFailure::default())
            .doing(|| "creating a producer".to_owned())?;
        let mut count = 0;
        for message in messages {
            send(&producer, message)?;
            count += 1;
        }
        let deadline = Instant::now() + DEADLINE;
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_millis(5));
            if Instant::now() > deadline {
                return Err(Error::Timeout {
                    what: "the acknowledgement of all records".to_owned(),
                    after: DEADLINE,
                });
            }
        }
        let failure = producer
            .context()
            .0
            .lock()
            .ok()
            .and_then(|mut failure| failure.take());
        failure.map_or(Ok(count), |source| {
            Err(Error::Kafka {
                what: "producing".to_owned(),
                source,
            })
        })
    }

    /// Reads a topic from its beginning to the end that it has now, sorted by partition and offset. With
    /// [`Isolation::ReadCommitted`] a partition ends where the first open transaction begins.
    pub fn consume_all(&self, topic: &str, isolation: Isolation) -> Result<Vec<Record>> {
        let what = || format!("reading topic {topic}");
        let level = match isolation {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        };
        let mut config = self.client_config();
        config
            .set("group.id", "jumun-harness-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "10")
            .set("isolation.level", level);
        let consumer: BaseConsumer = config.create().doing(what)?;
        let partitions = self.partitions(&consumer, topic)?;
        let mut assignment = TopicPartitionList::new();
        for partition in &partitions {
            assignment
                .add_partition_offset(topic, *partition, Offset::Beginning)
                .doing(what)?;
        }
        consumer.assign(&assignment).doing(what)?;

        let mut records = Vec::new();
        let mut open = partitions;
        let deadline = Instant::now() + DEADLINE;
        while !open.is_empty() {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => records.push(record(&message)),
                Some(Err(KafkaError::PartitionEOF(ended))) => {
                    open.retain(|partition| *partition != ended)
                }
                Some(Err(error)) if !is_transient(&error) => return Err(error).doing(what),
                Some(Err(_)) | None => {}
            }
            if !open.is_empty() && Instant::now() > deadline {
                return Err(Error::Timeout {
                    what: format!("the end of partitions {open:?} of {topic}"),
                    after: DEADLINE,
                });
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    /// The offsets `group` has committed for the partitions of `topics`; partitions without any are left out.
    pub fn committed_offsets(
        &self,
        group: &str,
        topics: &[&str],
    ) -> Result<BTreeMap<(String, i32), i64>> {
        let what = || format!("reading the committed offsets of {group}");
        let consumer: BaseConsumer = self
            .client_config()
            .set("group.id", group)
            .create()
            .doing(what)?;
        let mut asked = TopicPartitionList::new();
        for topic in topics {
            for partition in self.partitions(&consumer, topic)? {
                asked.add_partition(topic, partition);
            }
        }
        let committed = consumer.committed_offsets(asked, DEADLINE).doing(what)?;
        let mut offsets = BTreeMap::new();
        for element in committed.elements() {
            element.error().doing(what)?;
            if let Offset::Offset(offset) = element.offset() {
                offsets.insert((element.topic().to_owned(), element.partition()), offset);
            }
        }
        Ok(offsets)
    }

    /// Tells whether the cluster answers for its metadata with at least one living broker.
    pub(crate) fn metadata_probe(&self) -> Result<impl Fn() -> bool + use<>> {
        let what = || "creating a client".to_owned();
        let consumer: BaseConsumer = self.client_config().create().doing(what)?;
        Ok(move || {
            let metadata = consumer.fetch_metadata(None, Duration::from_millis(500));
            metadata.is_ok_and(|metadata| !metadata.brokers().is_empty())
        })
    }

    fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
        let metadata = consumer
            .fetch_metadata(Some(topic), DEADLINE)
            .doing(|| format!("describing topic {topic}"))?;
        let partitions = metadata
            .topics()
            .first()
            .map(|topic| topic.partitions())
            .unwrap_or_default();
        if partitions.is_empty() {
            return Err(Error::Failed(format!("topic {topic} does not exist")));
        }
        Ok(partitions.iter().map(|partition| partition.id()).collect())
    }
}

/// Keeps the first failed delivery of a producer.
#[derive(Default)]
struct FirstFailure(Mutex<Option<KafkaError>>);

impl ClientContext for FirstFailure {}

impl ProducerContext for FirstFailure {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let (Err((error, _)), Ok(mut failure)) = (result, self.0.lock()) {
            failure.get_or_insert_with(|| error.clone());
        }
    }
}

/// Hands one message to the producer's queue, waiting while the queue is full.
fn send(producer: &BaseProducer<FirstFailure>, message: Message<'_>) -> Result<()> {
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(message.topic);
    record.key = message.key;
    record.payload = message.value;
    record.partition = message.partition;
    record.timestamp = message.timestamp;
    record.headers = message.headers;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                producer.poll(Duration::from_millis(10));
                record = refused;
            }
            Err((source, _)) => {
                return Err(Error::Kafka {
                    what: format!("producing to {}", message.topic),
                    source,
                });
            }
        }
    }
}

fn record(message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
    let headers = message
        .headers()
        .map(|headers| headers.iter())
        .into_iter()
        .flatten();
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
    }
}

/// A lost connection is told as an error and mended by the client itself; the deadline covers the rest.
fn is_transient(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
        )
    )
}
