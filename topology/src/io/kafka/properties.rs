//! Client properties: our defaults, the user's on top, and those that are not the user's to set.
//!
//! Names are librdkafka's. Unknown names and bad values are refused by librdkafka itself, with its message.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::bounds::{self, Bound};
use super::errors;
use crate::Error;
use crate::io::{ConsumerConfig, GroupProtocol, IoResult, ProducerConfig};
use crate::memory::{ClientMemory, QueueMemory};

/// The user's client properties, by the clients they are for.
///
/// ```
/// use topology::io::kafka::{KafkaLog, KafkaProperties};
/// let properties = KafkaProperties {
///     common: vec![("bootstrap.servers".into(), "localhost:9092".into())],
///     consumer: vec![("isolation.level".into(), "read_uncommitted".into())],
///     ..KafkaProperties::default()
/// };
/// let refused = KafkaLog::new(properties).err().map(|error| error.to_string());
/// assert!(refused.is_some_and(|text| text.contains("isolation.level")));
/// ```
#[derive(Clone, Debug, Default)]
pub struct KafkaProperties {
    /// For every client, such as `bootstrap.servers` and `security.protocol`.
    pub common: Vec<(String, String)>,
    /// For consumers and readers only.
    pub consumer: Vec<(String, String)>,
    /// For producers only.
    pub producer: Vec<(String, String)>,
}

/// Properties that are the engine's, with the reason. Aliases included.
const RESERVED: &[(&str, &str)] = &[
    ("acks", "exactly-once needs all replicas"),
    ("request.required.acks", "exactly-once needs all replicas"),
    ("enable.idempotence", "a retry would write a record twice"),
    ("partitioner", "keys must hash as in every JVM producer"),
    (
        "transactional.id",
        "it is the task's name in fencing, and stable",
    ),
    (
        "transaction.timeout.ms",
        "it is set by the engine's own configuration",
    ),
    (
        "isolation.level",
        "records of aborted transactions would be processed",
    ),
    (
        "enable.auto.commit",
        "offsets are committed with the outputs they caused",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed with the outputs they caused",
    ),
    (
        "auto.offset.reset",
        "a lost offset must stop the application, not skip or repeat records",
    ),
    (
        "enable.partition.eof",
        "only it tells that a partition is caught up",
    ),
    (
        "partition.assignment.strategy",
        "co-partitioned inputs need the range assignor",
    ),
    (
        "group.protocol",
        "it is set by the engine's own configuration (group_protocol)",
    ),
    (
        "group.remote.assignor",
        "co-partitioned inputs need the range assignor",
    ),
    ("group.id", "it is the application id"),
    (
        "group.instance.id",
        "it is made of the instance id and the thread",
    ),
    (
        "client.id",
        "it is made of the instance id and the client's purpose",
    ),
    (
        "session.timeout.ms",
        "it is set by the engine's own configuration",
    ),
    (
        "max.poll.interval.ms",
        "it is set by the engine's own configuration",
    ),
    (
        "allow.auto.create.topics",
        "topics are created or validated at start",
    ),
    (
        "delivery.report.only.error",
        "the last changelog offset comes from delivery reports",
    ),
    (
        "produce.offset.report",
        "the last changelog offset comes from delivery reports",
    ),
];

/// Common to all clients.
const COMMON: &[(&str, &str)] = &[
    // Steps of a transaction that must be repeated (a partition just added) wait this long; the default is 100.
    ("retry.backoff.ms", "2"),
    ("retry.backoff.max.ms", "500"),
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "2000"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
];

/// Consumers and readers.
const FETCHING: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("allow.auto.create.topics", "false"),
    ("fetch.wait.max.ms", "20"),
    ("fetch.error.backoff.ms", "100"),
    // A full queue is looked at again after this long. The default of a second stutters.
    ("fetch.queue.backoff.ms", "5"),
    ("max.partition.fetch.bytes", "1048576"),
];

/// Group members: many partitions, so a small bound on each.
const MEMBER: &[(&str, &str)] = &[
    ("auto.offset.reset", "error"),
    ("queued.min.messages", "10000"),
    ("queued.max.messages.kbytes", "8192"),
    // An input that is deleted is noticed after this long; the default is five minutes.
    ("topic.metadata.refresh.interval.ms", "30000"),
];

/// Of all partitions of a broker together a group member takes so many bytes at once, or what has come within
/// `fetch.wait.max.ms`. With the default of one byte every record that arrives ends a request which asks for all partitions:
/// at 10 000 events/s on 12 partitions our process took 0.46 cores so, and 0.37 with this.
const MEMBER_FETCH_BYTES: usize = 64 << 10;
const MIN_FETCH: &str = "fetch.min.bytes";

/// Readers: a few partitions for a short time, as fast as may be.
const READER: &[(&str, &str)] = &[
    ("isolation.level", "read_committed"),
    ("auto.offset.reset", "error"),
    ("queued.min.messages", "100000"),
    ("queued.max.messages.kbytes", "32768"),
    ("fetch.max.bytes", "104857600"),
];

const PRODUCER: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("partitioner", "murmur2_random"),
    ("compression.type", "lz4"),
    // `rd_kafka_send_offsets_to_transaction` waits for the group's coordinator and looks for another only when some
    // connection changes: for ever, beyond its timeout, when the coordinator is gone for good and all other connections are
    // well (issues 5511 and 5456 of librdkafka, 2.12). While it waits they are idle, and so end after this time.
    ("connections.max.idle.ms", "10000"),
    ("linger.ms", "5"),
    // Below the broker's default `max.message.bytes`, which bounds batches; less where a topic takes less.
    ("batch.size", "524288"),
    ("batch.num.messages", "20000"),
    // What a topic takes is checked by the engine against the topic; this only has to be beyond it.
    ("message.max.bytes", "16777216"),
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "262144"),
];

/// Nobody sees a record before its transaction is committed, and the commit has everything sent at once: until then
/// records may wait for more to go with them. Not for as long as in Kafka Streams (100), whose client sends the batches of all
/// partitions in one request: this one needs a request for each, so that with many partitions a commit which has everything
/// still to be sent takes longest of all. At 330 events/s on 24 partitions it waited 78 ms for acknowledgements with 100, and
/// 48 with 20; with 5 no less.
const TRANSACTIONAL_LINGER_MS: &str = "20";
/// The same property by either name.
const LINGER: [&str; 2] = ["linger.ms", "queue.buffering.max.ms"];

impl KafkaProperties {
    /// Refuses reserved properties, and whatever librdkafka refuses.
    pub(super) fn validate(&self) -> IoResult<()> {
        let scopes = [
            ("common", &self.common),
            ("consumer", &self.consumer),
            ("producer", &self.producer),
        ];
        for (scope, properties) in scopes {
            for (name, _) in properties {
                if let Some((_, reason)) = RESERVED.iter().find(|(reserved, _)| reserved == name) {
                    return Err(Error::fatal(
                        "read kafka properties",
                        format!("{name} ({scope}) is reserved: {reason}; remove it"),
                    ));
                }
            }
        }
        for config in [
            self.reader("check", "check", None),
            self.producing("check", None),
        ] {
            config
                .create_native_config()
                .map_err(|error| errors::error("read kafka properties", &error))?;
        }
        Ok(())
    }

    fn base(
        &self,
        client_id: &str,
        defaults: &[&[(&str, &str)]],
        bounds: &[Bound],
    ) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        config.set("client.id", client_id);
        for (name, value) in defaults.iter().copied().flatten() {
            config.set(*name, *value);
        }
        for (name, value) in bounds {
            config.set(*name, value.to_string());
        }
        for (name, value) in &self.common {
            config.set(name, value);
        }
        config
    }

    fn fetching(
        &self,
        client_id: &str,
        defaults: &[(&str, &str)],
        bounds: &[Bound],
    ) -> ClientConfig {
        let mut config = self.base(client_id, &[COMMON, FETCHING, defaults], bounds);
        for (name, value) in &self.consumer {
            config.set(name, value);
        }
        config
    }

    fn fetching_bounds(&self, queue: &QueueMemory, memory: &ClientMemory) -> [Bound; 4] {
        let set = self.common.iter().chain(&self.consumer);
        bounds::fetching(queue, memory, bounds::message_bytes(set))
    }

    /// The properties by which the user allows more than these bounds.
    pub(super) fn beyond(&self, memory: &ClientMemory) -> Vec<String> {
        let mut fetching = self.fetching_bounds(&memory.input, memory);
        let reader = self.fetching_bounds(&memory.reader, memory);
        for (bound, other) in fetching.iter_mut().zip(reader) {
            bound.1 = bound.1.min(other.1);
        }
        let consumer = self.common.iter().chain(&self.consumer);
        let producer = self.common.iter().chain(&self.producer);
        let mut exceeded = bounds::exceeded(consumer, &fetching);
        exceeded.extend(bounds::exceeded(producer, &bounds::producing(memory)));
        exceeded
    }

    fn producing(&self, client_id: &str, memory: Option<&ClientMemory>) -> ClientConfig {
        let bounds = memory.map(bounds::producing);
        let bounds = bounds.as_ref().map(|it| it.as_slice()).unwrap_or_default();
        let mut config = self.base(client_id, &[COMMON, PRODUCER], bounds);
        for (name, value) in &self.producer {
            config.set(name, value);
        }
        config
    }

    pub(super) fn member(
        &self,
        member: &ConsumerConfig,
        memory: Option<&ClientMemory>,
    ) -> ClientConfig {
        let bounds = memory.map(|memory| self.fetching_bounds(&memory.input, memory));
        let mut bounds: Vec<Bound> = bounds.into_iter().flatten().collect();
        // Where one partition alone has records, its part must do: of whole batches, at least half of what it may be.
        let most = memory.map_or(usize::MAX, |memory| memory.input.fetch_bytes / 2);
        bounds.push((MIN_FETCH, MEMBER_FETCH_BYTES.min(most).max(1)));
        let mut config = self.fetching(&member.client_id, MEMBER, &bounds);
        let isolation = if member.read_committed {
            "read_committed"
        } else {
            "read_uncommitted"
        };
        if member.is_static {
            config.set("group.instance.id", &member.group_instance_id);
        }
        let session_ms = member.session_timeout.as_millis();
        match member.group_protocol {
            GroupProtocol::Classic => config
                .set("partition.assignment.strategy", "range")
                .set("session.timeout.ms", session_ms.to_string())
                .set(
                    "heartbeat.interval.ms",
                    (session_ms / 10).clamp(100, 3_000).to_string(),
                ),
            // Session and heartbeats are the broker's to set.
            GroupProtocol::Consumer => config
                .set("group.protocol", "consumer")
                .set("group.remote.assignor", "range"),
        };
        config
            .set("group.id", &member.group_id)
            .set("isolation.level", isolation)
            .set(
                "max.poll.interval.ms",
                member
                    .max_poll_interval
                    .max(member.session_timeout)
                    .as_millis()
                    .to_string(),
            );
        config
    }

    /// librdkafka assigns only to consumers that have a group, so the reader names one; it never joins it nor commits.
    pub(super) fn reader(
        &self,
        client_id: &str,
        group: &str,
        memory: Option<&ClientMemory>,
    ) -> ClientConfig {
        let bounds = memory.map(|memory| self.fetching_bounds(&memory.reader, memory));
        let bounds = bounds.as_ref().map(|it| it.as_slice()).unwrap_or_default();
        let mut config = self.fetching(client_id, READER, bounds);
        config.set("group.id", group);
        config
    }

    /// A client that only asks: no group, sees high watermarks whatever transactions are open.
    pub(super) fn asking(&self, client_id: &str) -> ClientConfig {
        let mut config = self.fetching(client_id, &[], &[]);
        config.set("isolation.level", "read_uncommitted");
        config
    }

    /// Admin requests: only what is common, because other scopes are refused or warned about.
    pub(super) fn admin(&self, client_id: &str) -> ClientConfig {
        self.base(client_id, &[COMMON], &[])
    }

    pub(super) fn sender(
        &self,
        producer: &ProducerConfig,
        memory: Option<&ClientMemory>,
    ) -> ClientConfig {
        let mut config = self.producing(&producer.client_id, memory);
        if let Some(transactional_id) = &producer.transactional_id {
            let mut set = self.common.iter().chain(&self.producer);
            if !set.any(|(name, _)| LINGER.contains(&name.as_str())) {
                config.set("linger.ms", TRANSACTIONAL_LINGER_MS);
            }
            let timeout_ms = producer.transaction_timeout.as_millis();
            config
                .set("transactional.id", transactional_id)
                .set("transaction.timeout.ms", timeout_ms.to_string());
            // librdkafka demands that a record's time be over before the transaction's.
            if config.get("message.timeout.ms").is_none()
                && config.get("delivery.timeout.ms").is_none()
            {
                config.set("message.timeout.ms", timeout_ms.to_string());
            }
        }
        // A value that is no number is refused by librdkafka.
        let batch = config.get("batch.size").map(str::parse);
        if let (Some(limit), Some(Ok(batch))) = (producer.max_batch_bytes, batch) {
            config.set("batch.size", limit.min(batch).max(1).to_string());
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::io::GroupProtocol;
    use crate::memory::QueueMemory;

    fn min_fetch(properties: &KafkaProperties, fetch_bytes: Option<usize>) -> Option<String> {
        let queue = |fetch_bytes| QueueMemory {
            queue_bytes: 1 << 20,
            queue_records: 1_000,
            fetch_bytes,
            batch_bytes: 1 << 16,
        };
        let memory = fetch_bytes.map(|fetch_bytes| ClientMemory {
            input: queue(fetch_bytes),
            reader: queue(1 << 20),
            fetch_bytes: 1 << 20,
            producer_bytes: 1 << 20,
            producer_records: 1_000,
        });
        let member = ConsumerConfig {
            group_id: "group".to_owned(),
            group_protocol: GroupProtocol::Classic,
            group_instance_id: "member".to_owned(),
            is_static: true,
            client_id: "client".to_owned(),
            session_timeout: Duration::from_secs(10),
            max_poll_interval: Duration::from_secs(60),
            read_committed: true,
        };
        let config = properties.member(&member, memory.as_ref());
        config.get(MIN_FETCH).map(str::to_owned)
    }

    #[test]
    fn a_member_takes_much_at_once_but_never_waits_for_more_than_one_partition_may_bring() {
        let mut properties = KafkaProperties::default();
        assert_eq!(min_fetch(&properties, None).as_deref(), Some("65536"));
        for (fetch, expected) in [(1 << 20, "65536"), (16 << 10, "8192"), (1, "1")] {
            assert_eq!(
                min_fetch(&properties, Some(fetch)).as_deref(),
                Some(expected)
            );
        }
        properties.consumer = vec![(MIN_FETCH.to_owned(), "7".to_owned())];
        assert_eq!(min_fetch(&properties, None).as_deref(), Some("7"));
    }
}
