//! What the order job produced: how much to which topic, and samples of it. The floor produces the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use topology::io::{HeaderBuffer, Log, RecordView, TopicPartition};

use crate::error::{Error, Result};
use crate::partitions;

/// Samples kept of each topic. Together they are larger than the window of LZ4 (64 KiB), so that going round in them
/// does not compress better than the job's own records.
pub(crate) const SAMPLES: usize = 512;

/// When a program produces to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// While it processes events.
    Event,
    /// Once per changed key when it commits.
    Commit,
}

/// One record to produce again and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: HeaderBuffer,
}

impl Sample {
    pub(crate) fn of(record: RecordView<'_>) -> Self {
        let mut headers = HeaderBuffer::default();
        headers.extend(record.headers);
        Self {
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers,
        }
    }
}

/// What went to one topic.
#[derive(Clone, Debug)]
pub(crate) struct TopicProfile {
    pub(crate) topic: String,
    pub(crate) partitions: i32,
    pub(crate) moment: Moment,
    pub(crate) records: u64,
    /// Of keys and values, without headers.
    pub(crate) bytes: u64,
    pub(crate) samples: Vec<Sample>,
    /// One record in so many is a sample.
    stride: u64,
}

impl TopicProfile {
    /// Keeps the next record as a sample if it is its turn. When there are too many, every other one goes, so that
    /// they are spread evenly however many records there are.
    fn sample(&mut self, record: RecordView<'_>) {
        if !self.records.is_multiple_of(self.stride) {
            return;
        }
        if self.samples.len() == SAMPLES {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
            if !self.records.is_multiple_of(self.stride) {
                return;
            }
        }
        self.samples.push(Sample::of(record));
    }
}

/// What a program produced over a backlog.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub(crate) events: u64,
    pub(crate) topics: Vec<TopicProfile>,
}

impl Profile {
    /// What lies in the topics behind these marks; each record is also handed to `each`.
    pub(crate) fn of(
        log: &dyn Log,
        from: &[(TopicPartition, i64)],
        topics: &[(String, Moment)],
        events: u64,
        mut each: impl FnMut(&str, Option<&[u8]>) -> Result<()>,
    ) -> Result<Self> {
        let mut profiles: BTreeMap<&str, TopicProfile> = BTreeMap::new();
        for (topic, moment) in topics {
            let partitions = from
                .iter()
                .filter(|(partition, _)| partition.topic == *topic)
                .count();
            let profile = TopicProfile {
                topic: topic.clone(),
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                moment: *moment,
                records: 0,
                bytes: 0,
                samples: Vec::new(),
                stride: 1,
            };
            profiles.insert(topic, profile);
        }
        partitions::read(log, from, |partition, record| {
            each(&partition.topic, record.value)?;
            let Some(profile) = profiles.get_mut(partition.topic.as_str()) else {
                return Ok(());
            };
            profile.sample(record);
            profile.records += 1;
            let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len) as u64;
            profile.bytes += len(record.key) + len(record.value);
            Ok(())
        })?;
        Ok(Self {
            events,
            topics: profiles.into_values().collect(),
        })
    }

    /// Fails unless this is the same number of records to each topic, and the same number of bytes to a twentieth of the
    /// topic's, or to a thousandth of all: a few records are not as even as many.
    pub(crate) fn as_much_as(&self, other: &Self) -> Result<()> {
        let of_all = (other.bytes() / 1_000).max(5_000);
        for wanted in &other.topics {
            let topic = self.topics.iter().find(|topic| topic.topic == wanted.topic);
            let topic = topic
                .ok_or_else(|| Error::failed(format!("nothing was read of {}", wanted.topic)))?;
            let bytes_differ = topic.bytes.abs_diff(wanted.bytes);
            if topic.records.abs_diff(wanted.records) > 1
                || bytes_differ > of_all.max(wanted.bytes / 20)
            {
                return Err(Error::failed(format!(
                    "the floor produced {} records of {} bytes to {}, not {} of {}: the comparison would not be fair",
                    topic.records, topic.bytes, topic.topic, wanted.records, wanted.bytes
                )));
            }
        }
        Ok(())
    }

    /// Records to all topics.
    pub(crate) fn records(&self) -> u64 {
        self.topics.iter().map(|topic| topic.records).sum()
    }

    /// Bytes of keys and values to all topics.
    pub(crate) fn bytes(&self) -> u64 {
        self.topics.iter().map(|topic| topic.bytes).sum()
    }

    /// Writes it for the floor to read.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let file = File::create(path).map_err(Error::file("creating", path))?;
        let mut file = BufWriter::new(file);
        self.encode(&mut file)
            .and_then(|()| file.flush())
            .map_err(Error::file("writing", path))
    }

    /// What [`Profile::write`] wrote.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::file("opening", path))?;
        Self::decode(&mut BufReader::new(file)).map_err(Error::file("reading", path))
    }

    fn encode(&self, to: &mut impl Write) -> std::io::Result<()> {
        put_number(to, self.events)?;
        put_number(to, self.topics.len() as u64)?;
        for topic in &self.topics {
            put_bytes(to, Some(topic.topic.as_bytes()))?;
            put_number(to, u64::from(topic.partitions.unsigned_abs()))?;
            put_number(to, u64::from(topic.moment == Moment::Commit))?;
            put_number(to, topic.records)?;
            put_number(to, topic.bytes)?;
            put_number(to, topic.samples.len() as u64)?;
            for sample in &topic.samples {
                put_bytes(to, sample.key.as_deref())?;
                put_bytes(to, sample.value.as_deref())?;
                let headers = sample.headers.view();
                put_number(to, headers.len() as u64)?;
                for (name, value) in headers.iter() {
                    put_bytes(to, Some(name.as_bytes()))?;
                    put_bytes(to, value)?;
                }
            }
        }
        Ok(())
    }

    fn decode(from: &mut impl Read) -> std::io::Result<Self> {
        let mut profile = Self {
            events: number(from)?,
            topics: Vec::new(),
        };
        for _ in 0..number(from)? {
            let mut topic = TopicProfile {
                topic: text(from)?,
                partitions: i32::try_from(number(from)?).unwrap_or(i32::MAX),
                moment: if number(from)? == 0 {
                    Moment::Event
                } else {
                    Moment::Commit
                },
                records: number(from)?,
                bytes: number(from)?,
                samples: Vec::new(),
                stride: 1,
            };
            for _ in 0..number(from)? {
                let mut sample = Sample {
                    key: bytes(from)?,
                    value: bytes(from)?,
                    headers: HeaderBuffer::default(),
                };
                for _ in 0..number(from)? {
                    let name = text(from)?;
                    sample.headers.push(&name, bytes(from)?.as_deref());
                }
                topic.samples.push(sample);
            }
            profile.topics.push(topic);
        }
        Ok(profile)
    }
}

/// Stands for the length of what is absent.
const ABSENT: u64 = u64::MAX;

fn put_number(to: &mut impl Write, number: u64) -> std::io::Result<()> {
    to.write_all(&number.to_le_bytes())
}

fn put_bytes(to: &mut impl Write, bytes: Option<&[u8]>) -> std::io::Result<()> {
    put_number(to, bytes.map_or(ABSENT, |bytes| bytes.len() as u64))?;
    to.write_all(bytes.unwrap_or_default())
}

fn number(from: &mut impl Read) -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn bytes(from: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let len = number(from)?;
    if len == ABSENT {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    from.take(len).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn text(from: &mut impl Read) -> std::io::Result<String> {
    String::from_utf8(bytes(from)?.unwrap_or_default())
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use topology::io::{Headers, RecordBatch};

    use super::*;

    #[test]
    fn what_is_written_is_read_again() -> std::io::Result<()> {
        let mut headers = HeaderBuffer::default();
        headers.push("event-id", Some(b"e1"));
        headers.push("nothing", None);
        let sample = Sample {
            key: Some(b"B1".to_vec()),
            value: None,
            headers,
        };
        let profile = Profile {
            events: 7,
            topics: vec![TopicProfile {
                topic: "order.state.v1".to_owned(),
                partitions: 4,
                moment: Moment::Commit,
                records: 5,
                bytes: 900,
                samples: vec![sample, Sample::default()],
                stride: 1,
            }],
        };
        let mut written = Vec::new();
        profile.encode(&mut written)?;
        let read = Profile::decode(&mut written.as_slice())?;
        assert_eq!(format!("{read:?}"), format!("{profile:?}"));
        Ok(())
    }

    #[test]
    fn samples_are_spread_evenly_over_all_records() {
        let mut topic = TopicProfile {
            topic: "t".to_owned(),
            partitions: 1,
            moment: Moment::Event,
            records: 0,
            bytes: 0,
            samples: Vec::new(),
            stride: 1,
        };
        let mut batch = RecordBatch::default();
        for number in 0..10_000_u64 {
            batch.push(0, 0, None, Some(&number.to_le_bytes()), Headers::default());
            topic.sample(batch.front().unwrap());
            topic.records += 1;
            batch.clear();
        }
        let numbers: Vec<u64> = topic
            .samples
            .iter()
            .map(|sample| u64::from_le_bytes(sample.value.as_deref().unwrap().try_into().unwrap()))
            .collect();
        let expected: Vec<u64> = (0..10_000).step_by(32).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_floor_that_produces_less_is_noticed() {
        let of = |records, bytes| Profile {
            events: 7,
            topics: vec![TopicProfile {
                topic: "t".to_owned(),
                partitions: 1,
                moment: Moment::Event,
                records,
                bytes,
                samples: Vec::new(),
                stride: 1,
            }],
        };
        assert!(of(999, 990_000).as_much_as(&of(1_000, 1_000_000)).is_ok());
        assert!(
            of(998, 1_000_000)
                .as_much_as(&of(1_000, 1_000_000))
                .is_err()
        );
        assert!(
            of(1_000, 900_000)
                .as_much_as(&of(1_000, 1_000_000))
                .is_err()
        );
    }

    #[test]
    fn a_file_cut_off_is_refused() {
        let mut written = Vec::new();
        let profile = Profile {
            events: 7,
            topics: Vec::new(),
        };
        assert!(profile.encode(&mut written).is_ok());
        written.pop();
        assert!(Profile::decode(&mut written.as_slice()).is_err());
    }
}
