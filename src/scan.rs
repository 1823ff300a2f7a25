//! Reads topics from one place to another, without a group and without a trace: what `dlt` and `tap` have in common.

use std::time::{Duration, Instant};

use thiserror::Error;
use topology::Error;
use topology::io::{
    Admin, InputId, Log, Position, Reader, RecordBatch, RecordView, TopicPartition, Watermarks,
};

/// Longest wait for an answer about topics or offsets.
const CALL: Duration = Duration::from_secs(10);
/// Records taken from one partition at once.
const BATCH: usize = 1_000;
/// Between two looks for records when there were none.
const IDLE: Duration = Duration::from_millis(5);
/// So long nothing may come though there is more.
const STALLED: Duration = Duration::from_secs(30);

/// Why topics cannot be read.
#[derive(Debug, Error)]
pub enum ScanError {
    /// None of the topics is there.
    #[error(
        "there is no topic {0}; check the name, or whether the processor has run on these brokers"
    )]
    NoTopic(String),
    /// A topic has no such partition.
    #[error(
        "{topic} has {partitions} partitions, counted from 0: there is no partition {partition}"
    )]
    NoPartition {
        /// The topic.
        topic: String,
        /// How many it has.
        partitions: i32,
        /// The one asked for.
        partition: i32,
    },
    /// The brokers stopped sending.
    #[error("nothing came of {0} for 30 s though there is more; are its brokers up?")]
    Stalled(TopicPartition),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] Error),
}

/// How far is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// To the ends as they were at the start.
    ToEnd,
    /// Without an end.
    Follow,
}

struct Input {
    partition: TopicPartition,
    id: InputId,
    first: i64,
    next: i64,
    end: i64,
    done: bool,
}

/// What is read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Client id in broker logs.
    pub client_id: &'a str,
    /// The topics; those that do not exist are left out.
    pub topics: &'a [&'a str],
    /// One partition of each of them, or all.
    pub partition: Option<i32>,
    /// How far.
    pub extent: Extent,
}

/// Partitions being read, committed records only.
pub struct Scan {
    reader: Box<dyn Reader>,
    extent: Extent,
    inputs: Vec<Input>,
    turn: usize,
    batch: RecordBatch,
    heard: Instant,
}

/// Records of one partition.
pub struct Scanned<'a> {
    /// The partition.
    pub partition: &'a TopicPartition,
    /// Offsets read so far of all partitions, of those that [`Scan::total`] tells.
    pub position: u64,
    end: i64,
    batch: &'a RecordBatch,
}

impl Scanned<'_> {
    /// The records, in the order of their offsets.
    pub fn records(&self) -> impl Iterator<Item = RecordView<'_>> {
        self.batch
            .iter()
            .take_while(|record| record.offset < self.end)
    }
}

impl Scan {
    /// Opens the partitions of the topics that exist. `start` says at which offset to begin; it may ask the brokers.
    ///
    /// # Errors
    /// When the brokers do not answer, or none of the topics exists.
    pub fn open(
        log: &dyn Log,
        wanted: Wanted<'_>,
        mut start: impl FnMut(&mut dyn Admin, &TopicPartition, Watermarks) -> Result<i64, Error>,
    ) -> Result<Self, ScanError> {
        let mut admin = log.admin(wanted.client_id)?;
        let partitions = partitions(admin.as_mut(), wanted)?;
        let marks = admin.watermarks(&partitions, CALL)?;
        let mut reader = log.reader(wanted.client_id)?;
        let extent = wanted.extent;
        let mut inputs = Vec::new();
        for (partition, marks) in partitions.into_iter().zip(marks) {
            let first = start(admin.as_mut(), &partition, marks)?.clamp(marks.low, marks.high);
            let done = extent == Extent::ToEnd && first >= marks.high;
            if done {
                continue;
            }
            let id = reader.add(&partition, Position::Offset(first))?;
            let end = match extent {
                Extent::ToEnd => marks.high,
                Extent::Follow => i64::MAX,
            };
            inputs.push(Input {
                partition,
                id,
                first,
                next: first,
                end,
                done,
            });
        }
        Ok(Self {
            reader,
            extent,
            inputs,
            turn: 0,
            batch: RecordBatch::default(),
            heard: Instant::now(),
        })
    }

    /// Offsets between where reading began and where it ends; 0 without an end.
    #[must_use]
    pub fn total(&self) -> u64 {
        if self.extent == Extent::Follow {
            return 0;
        }
        let length = |input: &Input| u64::try_from(input.end - input.first).unwrap_or(0);
        self.inputs.iter().map(length).sum()
    }

    /// The next records; none when all ends are reached. Waits at most `patience` for some.
    ///
    /// # Errors
    /// When the brokers do not answer.
    pub fn next(&mut self, patience: Duration) -> Result<Next<'_>, ScanError> {
        self.batch.clear();
        let deadline = Instant::now() + patience;
        loop {
            self.reader.poll()?;
            if self.inputs.iter().all(|input| input.done) {
                return Ok(Next::End);
            }
            if let Some(place) = self.fetch()? {
                self.heard = Instant::now();
                return Ok(self.scanned(place).map_or(Next::End, Next::Records));
            }
            let now = Instant::now();
            if self.extent == Extent::ToEnd
                && now.saturating_duration_since(self.heard) > STALLED
                && let Some(input) = self.inputs.iter().find(|input| !input.done)
            {
                return Err(ScanError::Stalled(input.partition.clone()));
            }
            if now >= deadline {
                return Ok(Next::Nothing);
            }
            std::thread::sleep(IDLE);
        }
    }

    /// Takes records of the first partition in turn that has some.
    fn fetch(&mut self) -> Result<Option<usize>, ScanError> {
        for step in 0..self.inputs.len() {
            let place = (self.turn + step) % self.inputs.len();
            let Some(input) = self.inputs.get_mut(place) else {
                continue;
            };
            if input.done {
                continue;
            }
            let fetched = self.reader.fetch(input.id, BATCH, &mut self.batch)?;
            if let Some(last) = self.batch.iter().last() {
                input.next = last.offset + 1;
            }
            // Beyond the end of what is committed there may be open transactions, which are not waited for.
            input.done = self.extent == Extent::ToEnd
                && (input.next >= input.end || fetched.end_of_partition.is_some());
            if fetched.records > 0 {
                self.turn = place + 1;
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    fn scanned(&self, place: usize) -> Option<Scanned<'_>> {
        let read = |input: &Input| {
            let next = if input.done { input.end } else { input.next };
            u64::try_from(next.min(input.end) - input.first).unwrap_or(0)
        };
        let position = if self.extent == Extent::ToEnd {
            self.inputs.iter().map(read).sum()
        } else {
            0
        };
        self.inputs.get(place).map(|input| Scanned {
            partition: &input.partition,
            position,
            end: input.end,
            batch: &self.batch,
        })
    }
}

fn partitions(admin: &mut dyn Admin, wanted: Wanted<'_>) -> Result<Vec<TopicPartition>, ScanError> {
    let found = admin.describe_topics(wanted.topics, CALL)?;
    let mut partitions = Vec::new();
    for topic in found.iter().flatten() {
        let numbers = match wanted.partition {
            None => 0..topic.partitions,
            Some(partition) if (0..topic.partitions).contains(&partition) => {
                partition..partition.saturating_add(1)
            }
            Some(partition) => {
                return Err(ScanError::NoPartition {
                    topic: topic.name.clone(),
                    partitions: topic.partitions,
                    partition,
                });
            }
        };
        partitions.extend(numbers.map(|number| TopicPartition::new(&topic.name, number)));
    }
    if partitions.is_empty() {
        return Err(ScanError::NoTopic(wanted.topics.join(" or ")));
    }
    Ok(partitions)
}

/// What one look for records brought.
pub enum Next<'a> {
    /// These.
    Records(Scanned<'a>),
    /// None so far.
    Nothing,
    /// None, and there will be none.
    End,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use topology::io::Headers;
    use topology::io::memory::MemoryLog;
    use topology::time::SystemClock;

    fn log_with(partitions: i32, records: i32) -> Arc<MemoryLog> {
        let log = MemoryLog::new(Arc::new(SystemClock::new()));
        log.create_topic("t", partitions).unwrap();
        send(&log, partitions, records);
        log
    }

    /// One after the other to each partition; the timestamps count the records.
    fn send(log: &MemoryLog, partitions: i32, records: i32) {
        for number in 0..records {
            let partition = Some(number % partitions);
            let timestamp = i64::from(number);
            log.append(
                "t",
                partition,
                None,
                Some(b"v"),
                timestamp,
                Headers::default(),
            )
            .unwrap();
        }
    }

    fn wanted<'a>(topics: &'a [&'a str], partition: Option<i32>, extent: Extent) -> Wanted<'a> {
        Wanted {
            client_id: "test",
            topics,
            partition,
            extent,
        }
    }

    fn from_beginning(log: &MemoryLog, topics: &[&str]) -> Result<Scan, ScanError> {
        Scan::open(log, wanted(topics, None, Extent::ToEnd), |_, _, marks| {
            Ok(marks.low)
        })
    }

    fn read(scan: &mut Scan) -> Vec<(i32, i64)> {
        let mut read = Vec::new();
        loop {
            match scan.next(CALL).unwrap() {
                Next::Records(scanned) => {
                    let partition = scanned.partition.partition;
                    read.extend(scanned.records().map(|record| (partition, record.offset)));
                }
                Next::Nothing => panic!("nothing came"),
                Next::End => break,
            }
        }
        read.sort_unstable();
        read
    }

    #[test]
    fn reading_stops_at_the_end_that_was_there_when_it_began() {
        let log = log_with(2, 6);
        let mut scan = from_beginning(&log, &["t"]).unwrap();
        assert_eq!(scan.total(), 6);
        send(&log, 2, 100);
        let expected = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)];
        assert_eq!(read(&mut scan), expected);
    }

    #[test]
    fn one_partition_is_read_from_a_time() {
        let log = log_with(2, 6);
        let wanted = wanted(&["t"], Some(1), Extent::ToEnd);
        let mut scan = Scan::open(log.as_ref(), wanted, |admin, partition, marks| {
            let found = admin.offsets_at(std::slice::from_ref(partition), 2, CALL)?;
            Ok(found.first().copied().flatten().unwrap_or(marks.high))
        })
        .unwrap();
        assert_eq!(read(&mut scan), [(1, 1), (1, 2)]);
    }

    #[test]
    fn topics_that_are_missing_are_named_when_none_is_there() {
        let log = log_with(1, 1);
        let mut scan = from_beginning(&log, &["absent", "t"]).unwrap();
        assert_eq!(read(&mut scan), [(0, 0)]);
        let error = from_beginning(&log, &["absent", "gone"]).err().unwrap();
        assert!(error.to_string().contains("absent or gone"), "{error}");
    }

    #[test]
    fn a_partition_that_is_not_there_is_an_error() {
        let log = log_with(2, 0);
        let wanted = wanted(&["t"], Some(2), Extent::ToEnd);
        let error = Scan::open(log.as_ref(), wanted, |_, _, marks| Ok(marks.low))
            .err()
            .unwrap();
        assert!(error.to_string().contains("2 partitions"), "{error}");
    }

    #[test]
    fn following_goes_on_behind_the_end() {
        let log = log_with(1, 2);
        let wanted = wanted(&["t"], None, Extent::Follow);
        let mut scan = Scan::open(log.as_ref(), wanted, |_, _, marks| Ok(marks.high)).unwrap();
        assert!(matches!(scan.next(IDLE).unwrap(), Next::Nothing));
        send(&log, 1, 1);
        match scan.next(CALL).unwrap() {
            Next::Records(scanned) => {
                let offsets: Vec<i64> = scanned.records().map(|record| record.offset).collect();
                assert_eq!(offsets, [2]);
            }
            Next::Nothing | Next::End => panic!("nothing came"),
        }
    }
}
