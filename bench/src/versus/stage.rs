//! A broker of its own for one run: events are sent while the program is at work, and what comes out is compared with the
//! reference model when all is over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jumun::config::Topics;
use jumun::job::topics;
use jumun_harness::{Broker, BrokerOptions};
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::io::{Admin, Log, TopicSpec};

use super::program::Running;
use crate::error::{Error, Result};
use crate::order_job::OrderJob;
use crate::partitions::{self, PATIENCE};
use crate::progress::say;
use crate::verify::Emitted;

/// Between two questions for the committed offsets.
const LOOK: Duration = Duration::from_millis(100);

/// The broker with the topics of the order job.
pub(super) struct Stage {
    pub(super) broker: Broker,
    pub(super) log: KafkaLog,
    pub(super) admin: Box<dyn Admin>,
    pub(super) topics: Topics,
}

impl Stage {
    /// Starts a broker whose log cleaner works as usual: changelogs are compacted meanwhile.
    pub(super) fn start(partitions: i32) -> Result<Self> {
        say("starting a broker");
        let broker = Broker::start_with(BrokerOptions {
            heap_mib: 1024,
            ..BrokerOptions::default()
        })?;
        let servers = broker.bootstrap_servers().to_owned();
        let log = KafkaLog::new(KafkaProperties {
            common: vec![("bootstrap.servers".to_owned(), servers)],
            // Events leave soon after they are due, a few at once, as a relay sends what it finds in an outbox.
            producer: vec![("linger.ms".to_owned(), "5".to_owned())],
            ..KafkaProperties::default()
        })?;
        let mut admin = log.admin("jumun-bench-admin")?;
        let topics = OrderJob::topics_of(partitions);
        let mut specs = topics::inputs(&topics);
        specs.extend(topics::outputs(&topics));
        admin.create_topics(&specs, PATIENCE)?;
        Ok(Self {
            broker,
            log,
            admin,
            topics,
        })
    }

    /// The input topics.
    pub(super) fn inputs(&self) -> Vec<TopicSpec> {
        topics::inputs(&self.topics)
    }

    /// Events in the inputs. They are written without transactions, so offsets are counts.
    pub(super) fn events(&mut self) -> Result<u64> {
        let inputs = partitions::of(self.admin.as_mut(), &topics::INPUTS)?;
        let ends = partitions::ends(self.admin.as_mut(), &inputs)?;
        Ok(ends.iter().map(|(_, end)| end.unsigned_abs()).sum())
    }

    /// Events that the group has committed.
    pub(super) fn committed(&self, group: &str) -> Result<u64> {
        let offsets = self.broker.committed_offsets(group, &topics::INPUTS)?;
        Ok(offsets.values().map(|offset| offset.unsigned_abs()).sum())
    }

    /// Waits until the group has committed all events that there are now. Fails when it commits nothing for `patience`.
    pub(super) fn wait_consumed(
        &mut self,
        group: &str,
        running: &mut Running,
        patience: Duration,
    ) -> Result<()> {
        let events = self.events()?;
        let (mut last, mut moved) = (0, Instant::now());
        loop {
            let committed = self.committed(group)?;
            if committed >= events {
                return Ok(());
            }
            running.is_alive()?;
            if committed > last {
                (last, moved) = (committed, Instant::now());
            }
            if moved.elapsed() > patience {
                return Err(running.failed(&format!(
                    "committed nothing for {patience:?}, at {committed} of {events} events"
                )));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What the model says must come of the inputs as they lie in the topics.
    pub(super) fn expected(&mut self) -> Result<Emitted> {
        let events = self.events()?;
        Emitted::expected(&self.log, self.topics.partitions, events)
    }

    /// Compares all outputs with it, and what the program counted, where it counted all.
    pub(super) fn verify(
        &mut self,
        expected: &Emitted,
        counts: Option<BTreeMap<String, u64>>,
    ) -> Result<String> {
        let mut emitted = Emitted::default();
        emitted.counted(counts.unwrap_or_else(|| expected.counts().clone()));
        let outputs: Vec<String> = topics::outputs(&self.topics)
            .into_iter()
            .map(|topic| topic.name)
            .filter(|topic| topic != topics::RECONCILE)
            .collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let from = partitions::of(self.admin.as_mut(), &outputs)?;
        let from: Vec<_> = from.into_iter().map(|partition| (partition, 0)).collect();
        partitions::read(&self.log, &from, |partition, record| {
            emitted.record(&partition.topic, record.value)
        })?;
        expected.compare(&emitted)
    }

    /// Committed records of these topics behind their low watermarks.
    pub(super) fn records(&mut self, topics: &[String]) -> Result<u64> {
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let from = partitions::of(self.admin.as_mut(), &topics)?;
        let marks = partitions::retried(|| self.admin.watermarks(&from, PATIENCE))?;
        let lows = marks.into_iter().map(|marks| marks.low);
        let from: Vec<_> = from.into_iter().zip(lows).collect();
        if from.is_empty() {
            return Err(Error::failed(format!("there are no topics {topics:?}")));
        }
        partitions::read(&self.log, &from, |_, _| Ok(()))
    }
}
