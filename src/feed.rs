//! Sends events to the input topics: what `replay`, `generate` and `demo` have in common.

use std::time::Duration;

use topology::io::{Headers, Log, OutputId, OutputRecord, Producer, ProducerConfig, TopicSpec};
use topology::{Error, ErrorClass};

/// Longest wait for the brokers to take what was sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(10);

/// A producer of events that counts what it sent, per topic.
pub struct Feed {
    producer: Box<dyn Producer>,
    topics: Vec<(String, OutputId, u64)>,
}

impl Feed {
    /// Creates the topics that are missing and opens a producer.
    ///
    /// # Errors
    /// When the brokers cannot be reached, or refuse.
    pub fn open(log: &dyn Log, client_id: &str, topics: &[TopicSpec]) -> Result<Self, Error> {
        create_missing(log, client_id, topics)?;
        let mut producer = log.producer(&ProducerConfig {
            client_id: client_id.to_owned(),
            transactional_id: None,
            transaction_timeout: Duration::from_secs(10),
            max_batch_bytes: None,
        })?;
        let topics = topics.iter().map(|topic| {
            let output = producer.register(&topic.name)?;
            Ok((topic.name.clone(), output, 0))
        });
        let topics = topics.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { producer, topics })
    }

    /// Sends one record; the partition is that of the key, as every JVM producer chooses it.
    ///
    /// # Errors
    /// When the producer refuses, or the topic is not one of those opened.
    pub fn send(
        &mut self,
        topic: &str,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers<'_>,
    ) -> Result<(), Error> {
        let Some((_, output, sent)) = self.topics.iter_mut().find(|(name, _, _)| name == topic)
        else {
            return Err(Error::fatal(
                "send an event",
                format!("{topic} is no input topic"),
            ));
        };
        let record = OutputRecord {
            output: *output,
            partition: None,
            timestamp,
            key,
            value,
            headers,
        };
        self.producer.send(record)?;
        *sent += 1;
        Ok(())
    }

    /// Serves acknowledgements without waiting.
    ///
    /// # Errors
    /// The first refusal.
    pub fn poll(&mut self) -> Result<(), Error> {
        self.producer.poll(Duration::ZERO)?;
        match self.producer.delivery_error() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits until everything sent is acknowledged.
    ///
    /// # Errors
    /// The first refusal, or a timeout.
    pub fn flush(&mut self) -> Result<(), Error> {
        let started = std::time::Instant::now();
        while self.producer.in_flight() > 0 {
            self.producer.flush(Duration::from_millis(5))?;
            if started.elapsed() > FLUSH_TIMEOUT {
                let detail = format!("{} records unacknowledged", self.producer.in_flight());
                return Err(Error::new(ErrorClass::Retriable, "send events", detail));
            }
        }
        self.poll()
    }

    /// What was sent, per topic.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.topics
            .iter()
            .map(|(name, _, sent)| (name.as_str(), *sent))
    }

    /// What was sent in all.
    pub fn total(&self) -> u64 {
        self.topics.iter().map(|(_, _, sent)| sent).sum()
    }
}

fn create_missing(log: &dyn Log, client_id: &str, topics: &[TopicSpec]) -> Result<(), Error> {
    let mut admin = log.admin(client_id)?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    let existing = admin.describe_topics(&names, CALL)?;
    for (spec, topic) in topics.iter().zip(&existing) {
        if let Some(topic) = topic
            && topic.partitions != spec.partitions
        {
            let detail = format!(
                "topic {} has {} partitions, topics.partitions says {}: keys would go astray; set topics.partitions={}",
                spec.name, topic.partitions, spec.partitions, topic.partitions
            );
            return Err(Error::fatal("check the topics", detail));
        }
    }
    let missing: Vec<TopicSpec> = topics
        .iter()
        .zip(existing)
        .filter(|(_, topic)| topic.is_none())
        .map(|(spec, _)| spec.clone())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        admin.create_topics(&missing, CALL)
    }
}
