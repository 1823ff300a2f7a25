//! One connection of the page's reader: which topics there are, where to start, and the records as they come.

use std::time::Duration;

use topology::io::{Admin, InputId, Position, Reader, RecordBatch, TopicPartition};

use super::history::{History, HistoryState, Outcome, SOURCES, TopicSeen, source};
use crate::job::topics::{REJECTED, SLA};

/// Longest wait for an answer about topics or offsets.
const CALL: Duration = Duration::from_secs(2);
/// Between two looks for a topic that does not exist yet.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// After this long without any record the log is asked whether it is there: a reader alone cannot tell silence from loss.
const SILENCE: Duration = Duration::from_secs(3);
/// Records taken from one partition at once.
const BATCH: usize = 2_000;
/// Between two looks for records when there were none.
const IDLE: Duration = Duration::from_millis(100);

/// Whether reading goes on where it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuity {
    Kept,
    /// Records in between are gone, or will not be read: what is known is of no use.
    Broken,
}

struct Input {
    partition: TopicPartition,
    id: InputId,
    at_end: bool,
}

/// Clients of the log, to be used and dropped on one thread.
pub(super) struct Reading<'a> {
    history: &'a History,
    admin: Box<dyn Admin>,
    reader: Box<dyn Reader>,
    inputs: Vec<Input>,
    topics: Vec<TopicSeen>,
    batch: RecordBatch,
    looked: Duration,
    heard: Duration,
}

impl<'a> Reading<'a> {
    /// Makes the clients and opens the topics that exist.
    ///
    /// # Errors
    /// When the log does not answer.
    pub(super) fn open(history: &'a History) -> Outcome<Self> {
        let mut reading = Self::new(history)?;
        if reading.look_for_topics()? == Continuity::Broken {
            history.forget();
            reading = Self::new(history)?;
            reading.look_for_topics()?;
        }
        Ok(reading)
    }

    fn new(history: &'a History) -> Outcome<Self> {
        let now = history.clock.monotonic();
        let topics = SOURCES.map(|(topic, _)| TopicSeen {
            topic,
            partitions: None,
        });
        Ok(Self {
            history,
            admin: history.log.admin(&history.client_id)?,
            reader: history.log.reader(&history.client_id)?,
            inputs: Vec::new(),
            topics: topics.into(),
            batch: RecordBatch::default(),
            looked: now,
            heard: now,
        })
    }

    /// Reads until it is not wanted any more.
    ///
    /// # Errors
    /// When the log does not answer, or a topic is not what it was.
    pub(super) fn run(&mut self, wanted: &dyn Fn() -> bool) -> Outcome<()> {
        while wanted() {
            self.reader.poll()?;
            let records = self.read()?;
            let now = self.history.clock.monotonic();
            if records > 0 {
                self.heard = now;
            } else {
                self.ask_after_silence(now)?;
            }
            if now.saturating_sub(self.looked) > LOOK_AGAIN {
                self.look_for_topics()?;
            }
            let at_end = self.inputs.iter().all(|input| input.at_end);
            let state = if at_end {
                HistoryState::Live
            } else {
                HistoryState::CatchingUp
            };
            self.history.is_now(state, "");
            if records == 0 {
                self.history.nap(IDLE, wanted);
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Outcome<usize> {
        let mut records = 0;
        for input in &mut self.inputs {
            let fetched = self.reader.fetch(input.id, BATCH, &mut self.batch)?;
            if fetched.records > 0 {
                self.history.take(&input.partition, self.batch.iter());
                self.batch.clear();
            }
            if fetched.records > 0 || fetched.end_of_partition.is_some() {
                input.at_end = fetched.end_of_partition.is_some();
            }
            records += fetched.records;
        }
        Ok(records)
    }

    fn ask_after_silence(&mut self, now: Duration) -> Outcome<()> {
        if now.saturating_sub(self.heard) < SILENCE {
            return Ok(());
        }
        if let Some(input) = self.inputs.first() {
            let partition = std::slice::from_ref(&input.partition);
            self.admin.watermarks(partition, CALL)?;
        }
        self.heard = self.history.clock.monotonic();
        Ok(())
    }

    /// Opens the topics that have come to exist since the last look.
    fn look_for_topics(&mut self) -> Outcome<Continuity> {
        self.looked = self.history.clock.monotonic();
        let is_missing = |topic: &&TopicSeen| topic.partitions.is_none();
        let missing = self.topics.iter().filter(is_missing);
        let missing: Vec<String> = missing
            .map(|topic| self.history.name(topic.topic))
            .collect();
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        if missing.is_empty() {
            return Ok(Continuity::Kept);
        }
        let found = self.admin.describe_topics(&missing, CALL)?;
        for topic in found.into_iter().flatten() {
            if self.open_topic(&topic.name, topic.partitions)? == Continuity::Broken {
                return Ok(Continuity::Broken);
            }
            let name = source(&topic.name);
            let seen = self.topics.iter_mut().find(|seen| seen.topic == name);
            if let Some(seen) = seen {
                seen.partitions = Some(topic.partitions);
            }
        }
        self.history.set_topics(self.topics.clone());
        Ok(Continuity::Kept)
    }

    fn open_topic(&mut self, topic: &str, partitions: i32) -> Outcome<Continuity> {
        let back = SOURCES.iter().find(|(name, _)| *name == source(topic));
        let back = back.map_or(0, |(_, back)| *back);
        let partitions: Vec<TopicPartition> = (0..partitions)
            .map(|partition| TopicPartition::new(topic, partition))
            .collect();
        let watermarks = self.admin.watermarks(&partitions, CALL)?;
        for (partition, marks) in partitions.into_iter().zip(watermarks) {
            let first = (marks.high - back).max(marks.low);
            let known = self.history.position(&partition);
            // Each rejection or breach stands for itself; of windows and findings all updates are needed.
            let needs_all = !matches!(source(topic), REJECTED | SLA);
            let is_broken =
                known.is_some_and(|known| known > marks.high || (needs_all && known < first));
            if is_broken {
                return Ok(Continuity::Broken);
            }
            let start = known.unwrap_or(first).max(first);
            if needs_all && known.is_none() && start > 0 {
                self.history.begin_midway(source(topic));
            }
            let id = self.reader.add(&partition, Position::Offset(start))?;
            self.inputs.push(Input {
                partition,
                id,
                at_end: start == marks.high,
            });
        }
        Ok(Continuity::Kept)
    }
}
