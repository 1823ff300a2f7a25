//! Writing and reading topics of a broker, as a test sees them: whole topics at once, no groups, no timeouts as ends.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Doing, Error, Result};
use crate::reader::Reader;
use crate::record::{Message, Record};
use crate::wait::wait_for;

/// For any single call; a broker that takes longer is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A topic without a replication factor of its own (KIP-464).
const BROKERS_DEFAULT: i32 = -1;

/// A Kafka cluster reached by its bootstrap servers.
#[derive(Debug, Clone)]
pub struct Kafka {
    bootstrap_servers: String,
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
            NewTopic::new(name, partitions, TopicReplication::Fixed(BROKERS_DEFAULT)),
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

    /// Raises the number of partitions of a topic to `partitions`.
    pub fn add_partitions(&self, name: &str, partitions: usize) -> Result<()> {
        let what = || format!("adding partitions to {name}");
        let admin: AdminClient<DefaultClientContext> = self.client_config().create().doing(what)?;
        let options = AdminOptions::new().request_timeout(Some(DEADLINE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .doing(what)?;
        let raise = NewPartitions::new(name, partitions);
        let raised = admin.create_partitions([&raise], &options);
        for result in runtime.block_on(raised).doing(what)? {
            result
                .map_err(|(_, code)| KafkaError::AdminOp(code))
                .doing(what)?;
        }
        Ok(())
    }

    /// Replaces the configuration of a topic: what is not named goes back to the broker's default.
    pub fn configure_topic(&self, name: &str, config: &[(&str, &str)]) -> Result<()> {
        let what = || format!("configuring topic {name}");
        let admin: AdminClient<DefaultClientContext> = self.client_config().create().doing(what)?;
        let options = AdminOptions::new().request_timeout(Some(DEADLINE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .doing(what)?;
        let topic = config.iter().fold(
            AlterConfig::new(ResourceSpecifier::Topic(name)),
            |topic, (key, value)| topic.set(key, value),
        );
        let altered = admin.alter_configs([&topic], &options);
        for result in runtime.block_on(altered).doing(what)? {
            result
                .map_err(|(_, code)| KafkaError::AdminOp(code))
                .doing(what)?;
        }
        Ok(())
    }

    /// Deletes the records of every partition of a topic; its `cleanup.policy` has to contain `delete`.
    pub fn delete_records(&self, name: &str) -> Result<()> {
        let what = || format!("deleting the records of {name}");
        let admin: AdminClient<DefaultClientContext> = self.client_config().create().doing(what)?;
        let consumer: BaseConsumer = self.client_config().create().doing(what)?;
        let mut ends = TopicPartitionList::new();
        for partition in self.partitions(&consumer, name)? {
            ends.add_partition_offset(name, partition, Offset::End)
                .doing(what)?;
        }
        let options = AdminOptions::new().request_timeout(Some(DEADLINE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .doing(what)?;
        let deleted = runtime
            .block_on(admin.delete_records(&ends, &options))
            .doing(what)?;
        for element in deleted.elements() {
            element.error().doing(what)?;
        }
        Ok(())
    }

    /// Deletes topics.
    pub fn delete_topics(&self, names: &[&str]) -> Result<()> {
        let what = || format!("deleting topics {names:?}");
        let admin: AdminClient<DefaultClientContext> = self.client_config().create().doing(what)?;
        let options = AdminOptions::new()
            .operation_timeout(Some(DEADLINE))
            .request_timeout(Some(DEADLINE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .doing(what)?;
        let deleted = admin.delete_topics(names, &options);
        for result in runtime.block_on(deleted).doing(what)? {
            result
                .map_err(|(_, code)| KafkaError::AdminOp(code))
                .doing(what)?;
        }
        Ok(())
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
        let mut reader = self.reader(topic, None, isolation)?;
        let mut records = Vec::new();
        while let Some(record) = reader.next_record()? {
            records.push(record);
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    /// Reads a topic record by record from its beginning: these partitions, or all where none are given.
    pub fn reader(
        &self,
        topic: &str,
        partitions: Option<&[i32]>,
        isolation: Isolation,
    ) -> Result<Reader> {
        Reader::new(self, topic, partitions, isolation)
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

    /// Tells how many living brokers the cluster answers of; none when it does not answer.
    pub(crate) fn metadata_probe(&self) -> Result<impl Fn() -> usize + use<>> {
        let what = || "creating a client".to_owned();
        let consumer: BaseConsumer = self.client_config().create().doing(what)?;
        Ok(move || {
            let metadata = consumer.fetch_metadata(None, Duration::from_millis(500));
            metadata.map_or(0, |metadata| metadata.brokers().len())
        })
    }

    pub(crate) fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
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
