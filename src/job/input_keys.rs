//! Whether all input topics encode their keys alike, before anything is read of them.
//!
//! The inputs are co-partitioned: an order's events must be in the same partition of each. A producer chooses the
//! partition by the bytes of the key, so `B1` and `"B1"` go different ways, and no decoder can bring them together again.
//! Each topic is judged by what most of its first and last records show; a topic without records shows nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use topology::io::{Admin, Log, Position, Reader, RecordBatch, TopicPartition, Watermarks};
use topology::{Error, ErrorClass};

use super::topics::INPUTS;
use crate::dialect::key::{KeyEncoding, ParsedKey};

/// Longest wait for an answer about topics or offsets.
const CALL: Duration = Duration::from_secs(2);
/// Longest time to wait for the records of all samples.
const READING: Duration = Duration::from_secs(5);
/// Between two looks for records.
const PAUSE: Duration = Duration::from_millis(5);
/// Partitions looked at per topic.
const PARTITIONS: usize = 8;
/// Records taken from the beginning, and as many offsets before the end: some may be transaction markers.
const RECORDS: i64 = 4;

/// The keys of a topic with the same bytes around the order number.
struct Kind {
    encoding: KeyEncoding,
    example: String,
    count: usize,
}

/// Keys by what stands before and after their order numbers.
type Kinds = BTreeMap<(Vec<u8>, Vec<u8>), Kind>;

/// Refuses to go on if two input topics encode their keys differently.
///
/// # Errors
/// Fatal, naming both topics, their encodings with an example of each, and the fix; retriable if the brokers do not
/// answer.
pub fn check(log: &dyn Log, client_id: &str) -> Result<(), Error> {
    compare(&samples(log, client_id)?)
}

fn compare(samples: &[(&'static str, Kinds)]) -> Result<(), Error> {
    let usual = |kinds: &Kinds| {
        let most = kinds.iter().max_by_key(|(_, kind)| kind.count);
        most.map(|(around, kind)| (around.clone(), kind.encoding, kind.example.clone()))
    };
    let mut first: Option<(&str, _)> = None;
    for (topic, kinds) in samples {
        if kinds.len() > 1 {
            let examples: Vec<&str> = kinds.values().map(|kind| kind.example.as_str()).collect();
            tracing::warn!(
                topic,
                "keys are encoded in {} ways, such as {}: orders with both have events in two partitions",
                kinds.len(),
                examples.join(" and ")
            );
        }
        let Some((around, encoding, example)) = usual(kinds) else {
            continue;
        };
        match &first {
            None => first = Some((topic, (around, encoding, example))),
            Some((other, (known, known_encoding, known_example))) if *known != around => {
                return Err(Error::fatal(
                    "compare the keys of the input topics",
                    format!(
                        "keys of {other} are {known_encoding} (such as {known_example}), keys of {topic} are {encoding} \
                         (such as {example}): the events of an order are in different partitions of the two; make the \
                         producers of both use the same key converter (with Kafka Connect, key.converter), and write \
                         one of the topics anew"
                    ),
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What the first and last records of each input topic that exists show.
fn samples(log: &dyn Log, client_id: &str) -> Result<Vec<(&'static str, Kinds)>, Error> {
    let mut admin = log.admin(client_id)?;
    let mut ranges = Vec::new();
    for (topic, found) in INPUTS
        .into_iter()
        .zip(admin.describe_topics(&INPUTS, CALL)?)
    {
        let partitions = found.map_or(0, |found| found.partitions);
        ranges.extend(
            ranges_of(admin.as_mut(), topic, partitions)?
                .into_iter()
                .map(|range| (topic, range)),
        );
    }
    let mut samples: Vec<(&'static str, Kinds)> =
        INPUTS.iter().map(|topic| (*topic, Kinds::new())).collect();
    if ranges.is_empty() {
        return Ok(samples);
    }
    let mut reader = log.reader(client_id)?;
    let until = Instant::now() + READING;
    for (topic, range) in ranges {
        let kinds = samples.iter_mut().find(|(name, _)| *name == topic);
        if let Some((_, kinds)) = kinds {
            read(reader.as_mut(), &range, until, kinds)?;
        }
    }
    Ok(samples)
}

/// Offsets of one partition to be read.
struct Range {
    partition: TopicPartition,
    from: i64,
    to: i64,
}

fn ranges_of(admin: &mut dyn Admin, topic: &str, partitions: i32) -> Result<Vec<Range>, Error> {
    let all: Vec<TopicPartition> = (0..partitions)
        .map(|partition| TopicPartition::new(topic, partition))
        .collect();
    let marks = admin.watermarks(&all, CALL)?;
    let with_records = all
        .into_iter()
        .zip(marks)
        .filter(|(_, marks)| marks.high > marks.low);
    let ranges = with_records
        .take(PARTITIONS)
        .flat_map(|(partition, marks)| {
            let Watermarks { low, high } = marks;
            let first_end = high.min(low + RECORDS);
            let last_start = (high - RECORDS).max(first_end);
            [(low, first_end), (last_start, high)]
                .into_iter()
                .filter(|(from, to)| from < to)
                .map(move |(from, to)| Range {
                    partition: partition.clone(),
                    from,
                    to,
                })
        });
    Ok(ranges.collect())
}

fn read(
    reader: &mut dyn Reader,
    range: &Range,
    until: Instant,
    kinds: &mut Kinds,
) -> Result<(), Error> {
    let input = reader.add(&range.partition, Position::Offset(range.from))?;
    let mut batch = RecordBatch::default();
    let mut is_over = false;
    while !is_over {
        reader.poll()?;
        let most = usize::try_from(RECORDS).unwrap_or(1);
        let fetched = reader.fetch(input, most, &mut batch)?;
        is_over = fetched.end_of_partition.is_some();
        for record in batch.iter() {
            is_over |= record.offset + 1 >= range.to;
            if record.offset < range.to {
                add(kinds, record.key);
            }
        }
        batch.clear();
        if Instant::now() > until {
            let detail = format!(
                "{} did not answer in {} s",
                range.partition,
                READING.as_secs()
            );
            return Err(Error::new(
                ErrorClass::Retriable,
                "read the keys of the input topics",
                detail,
            ));
        }
        if fetched.records == 0 && !is_over {
            std::thread::sleep(PAUSE);
        }
    }
    reader.remove(input)
}

/// Keys that hold no order number are dead letters, and say nothing of the others.
fn add(kinds: &mut Kinds, key: Option<&[u8]>) {
    let Some(key) = key.and_then(ParsedKey::read) else {
        return;
    };
    let (before, after) = key.around();
    let kind = kinds
        .entry((before.to_owned(), after.to_owned()))
        .or_insert_with(|| Kind {
            encoding: key.encoding,
            example: key.to_string(),
            count: 0,
        });
    kind.count += 1;
}
