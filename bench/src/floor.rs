//! The floor: consumes the inputs and produces what the order job produced, in transactions of the same kind, on the
//! same seam, and does nothing else. What it costs is the price of the client library and of the protocol; what the
//! order job costs beyond that is ours.

use std::time::{Duration, Instant};

use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::io::{
    Consumer, ConsumerConfig, GroupEvent, GroupMetadata, GroupProtocol, InputId, Log, OutputId,
    OutputRecord, Position, Producer, ProducerConfig, RecordBatch, TopicPartition,
};

use crate::error::{Error, Result};
use crate::options::FloorOptions;
use crate::partitions::{PATIENCE, retried};
use crate::profile::{Moment, Profile, TopicProfile};

/// What stands before the names of the topics that the floor produces to.
pub(crate) const PREFIX: &str = "floor.";
/// Records taken from one partition at a time, as the order job's engine does.
const TURN: usize = 2_000;
/// Longest wait when there is nothing to do.
const IDLE: Duration = Duration::from_millis(20);

/// Runs until a signal ends it, or an error.
pub(crate) fn run(options: &FloorOptions) -> Result<()> {
    let log = KafkaLog::new(KafkaProperties {
        common: vec![(
            "bootstrap.servers".to_owned(),
            options.bootstrap_servers.clone(),
        )],
        ..KafkaProperties::default()
    })?;
    let profile = Profile::read(&options.profile)?;
    let mut floor = Floor::open(&log, options, &profile)?;
    let commit_interval = Duration::from_millis(options.commit_interval_ms);
    loop {
        floor.turn(commit_interval)?;
    }
}

/// An input partition and how far it is read.
struct Input {
    id: InputId,
    partition: TopicPartition,
    position: i64,
}

/// A topic, and how many records of it are owed to the events read so far.
struct Output<'a> {
    id: OutputId,
    profile: &'a TopicProfile,
    /// Records per event.
    share: f64,
    owed: f64,
    next: usize,
}

impl Output<'_> {
    /// Produces what is owed, record for record.
    fn produce(
        &mut self,
        producer: &mut dyn Producer,
        timestamp: i64,
        partition: i32,
    ) -> Result<()> {
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            let Some(sample) = self.profile.samples.get(self.next) else {
                return Ok(());
            };
            self.next = (self.next + 1) % self.profile.samples.len();
            producer.send(OutputRecord {
                output: self.id,
                partition: Some(partition % self.profile.partitions),
                timestamp,
                key: sample.key.as_deref(),
                value: sample.value.as_deref(),
                headers: sample.headers.view(),
            })?;
        }
        Ok(())
    }

    /// Produces what is owed, an equal part to each partition.
    fn produce_spread(&mut self, producer: &mut dyn Producer, timestamp: i64) -> Result<()> {
        let owed = self.owed;
        let mut left = owed.trunc();
        let each = (left / f64::from(self.profile.partitions.max(1))).ceil();
        for partition in 0..self.profile.partitions {
            self.owed = each.min(left);
            left -= self.owed;
            self.produce(producer, timestamp, partition)?;
        }
        self.owed = owed.fract();
        Ok(())
    }
}

struct Floor<'a> {
    consumer: Box<dyn Consumer>,
    producer: Box<dyn Producer>,
    group: Option<GroupMetadata>,
    inputs: Vec<Input>,
    outputs: Vec<Output<'a>>,
    batch: RecordBatch,
    in_transaction: bool,
    last_commit: Instant,
    /// Timestamp of the last event, for what is produced at the commit.
    timestamp: i64,
}

impl<'a> Floor<'a> {
    fn open(log: &dyn Log, options: &FloorOptions, profile: &'a Profile) -> Result<Self> {
        let mut producer = log.producer(&ProducerConfig {
            client_id: format!("{}-producer", options.group),
            transactional_id: Some(options.group.clone()),
            transaction_timeout: Duration::from_secs(10),
            max_batch_bytes: None,
        })?;
        retried(|| producer.init_transactions(PATIENCE))?;
        let mut consumer = log.consumer(&ConsumerConfig {
            group_id: options.group.clone(),
            group_protocol: GroupProtocol::Classic,
            is_static: true,
            group_instance_id: "0".to_owned(),
            client_id: format!("{}-consumer", options.group),
            session_timeout: Duration::from_secs(45),
            max_poll_interval: Duration::from_secs(300),
            read_committed: true,
        })?;
        let mut outputs = Vec::with_capacity(profile.topics.len());
        for topic in &profile.topics {
            outputs.push(Output {
                id: producer.register(&topic.topic)?,
                profile: topic,
                share: topic.records as f64 / profile.events.max(1) as f64,
                // A hair more than nothing, so that rounding does not swallow the last record.
                owed: 1e-6,
                next: 0,
            });
        }
        consumer.subscribe(
            &options
                .inputs
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )?;
        Ok(Self {
            consumer,
            producer,
            group: None,
            inputs: Vec::new(),
            outputs,
            batch: RecordBatch::default(),
            in_transaction: false,
            last_commit: Instant::now(),
            timestamp: 0,
        })
    }

    fn turn(&mut self, commit_interval: Duration) -> Result<()> {
        if let Some(event) = self.consumer.poll(Duration::ZERO)? {
            self.rebalance(event)?;
        }
        let records = self.process()?;
        let since_commit = self.last_commit.elapsed();
        if since_commit >= commit_interval {
            self.commit()?;
        } else if records == 0 {
            self.consumer.wait(IDLE.min(commit_interval - since_commit));
        }
        Ok(())
    }

    fn rebalance(&mut self, event: GroupEvent) -> Result<()> {
        let GroupEvent::Assigned(partitions) = event else {
            return Err(Error::failed(
                "the floor lost its partitions; it does not take part in rebalances",
            ));
        };
        let from_beginning = |partition: TopicPartition| (partition, Position::Beginning);
        let assignment: Vec<_> = partitions.into_iter().map(from_beginning).collect();
        let ids = self.consumer.assign(&assignment)?;
        let opened = ids.into_iter().zip(assignment);
        self.inputs = opened
            .map(|(id, (partition, _))| Input {
                id,
                partition,
                position: 0,
            })
            .collect();
        self.group = Some(self.consumer.group_metadata()?);
        Ok(())
    }

    fn process(&mut self) -> Result<usize> {
        let mut records = 0;
        for input in &mut self.inputs {
            self.consumer.fetch(input.id, TURN, &mut self.batch)?;
            records += self.batch.len();
            while let Some(record) = self.batch.front() {
                if !self.in_transaction {
                    self.producer.begin_transaction()?;
                    self.in_transaction = true;
                }
                input.position = record.offset + 1;
                self.timestamp = record.timestamp;
                for output in &mut self.outputs {
                    output.owed += output.share;
                    if output.profile.moment == Moment::Event {
                        output.produce(
                            self.producer.as_mut(),
                            record.timestamp,
                            input.partition.partition,
                        )?;
                    }
                }
                self.batch.pop_front();
            }
        }
        Ok(records)
    }

    fn commit(&mut self) -> Result<()> {
        self.last_commit = Instant::now();
        let (true, Some(group)) = (self.in_transaction, &self.group) else {
            return Ok(());
        };
        for output in &mut self.outputs {
            if output.profile.moment == Moment::Commit {
                output.produce_spread(self.producer.as_mut(), self.timestamp)?;
            }
        }
        self.producer.poll(Duration::ZERO)?;
        while self.producer.in_flight() > 0 {
            self.producer.flush(Duration::from_millis(1))?;
        }
        if let Some(error) = self.producer.delivery_error() {
            return Err(error.into());
        }
        let offsets: Vec<_> = self
            .inputs
            .iter()
            .map(|input| (input.partition.clone(), input.position))
            .collect();
        retried(|| self.producer.send_offsets(&offsets, group, PATIENCE))?;
        retried(|| self.producer.commit_transaction(PATIENCE))?;
        self.in_transaction = false;
        Ok(())
    }
}
