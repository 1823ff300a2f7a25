//! Reading a topic record by record, for topics that are too large to be held, or that are still written.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Doing, Error, Result};
use crate::kafka::{DEADLINE, Isolation, Kafka};
use crate::record::{Record, record};

/// How long one poll waits; also how long a reader that has seen the end waits for more.
const POLL: Duration = Duration::from_millis(100);

/// Reads partitions of a topic from their beginning; the records of each partition come in their order.
pub struct Reader {
    consumer: BaseConsumer,
    topic: String,
    /// Partitions whose end has not been seen yet.
    open: Vec<i32>,
}

impl Reader {
    /// `partitions` of a topic; all of them where none are given.
    pub(crate) fn new(
        kafka: &Kafka,
        topic: &str,
        partitions: Option<&[i32]>,
        isolation: Isolation,
    ) -> Result<Self> {
        let what = || format!("reading topic {topic}");
        let level = match isolation {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        };
        let mut config = kafka.client_config();
        config
            .set("group.id", "jumun-harness-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "10")
            .set("isolation.level", level);
        let consumer: BaseConsumer = config.create().doing(what)?;
        let open = match partitions {
            Some(partitions) => partitions.to_vec(),
            None => kafka.partitions(&consumer, topic)?,
        };
        let mut assignment = TopicPartitionList::new();
        for partition in &open {
            assignment
                .add_partition_offset(topic, *partition, Offset::Beginning)
                .doing(what)?;
        }
        consumer.assign(&assignment).doing(what)?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            open,
        })
    }

    /// The next record; `None` when every partition has been read to its end, and nothing new came for a moment. May be
    /// asked again for what came since. With [`Isolation::ReadCommitted`] a partition ends where the first open
    /// transaction begins.
    ///
    /// # Errors
    /// When the broker refuses, or nothing comes for a minute though there is more.
    pub fn next_record(&mut self) -> Result<Option<Record>> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let had_ended = self.open.is_empty();
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => return Ok(Some(record(&message))),
                Some(Err(KafkaError::PartitionEOF(ended))) => {
                    self.open.retain(|partition| *partition != ended);
                    if self.open.is_empty() && !had_ended {
                        return Ok(None);
                    }
                }
                Some(Err(error)) if !is_transient(&error) => {
                    return Err(error).doing(|| format!("reading topic {}", self.topic));
                }
                Some(Err(_)) => {}
                None if had_ended => return Ok(None),
                None => {}
            }
            if Instant::now() > deadline {
                return Err(Error::Timeout {
                    what: format!("the end of partitions {:?} of {}", self.open, self.topic),
                    after: DEADLINE,
                });
            }
        }
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
