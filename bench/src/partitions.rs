//! Reading whole topics, from marks set before a run to their present end.

use std::time::{Duration, Instant};

use topology::ErrorClass;
use topology::io::{Admin, Log, Position, RecordBatch, RecordView, TopicPartition};

use crate::error::{Error, Result};

/// For any single question to the broker.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Records taken from one partition at a time.
const TURN: usize = 4096;

/// Repeats a call while what it meets is passing.
pub(crate) fn retried<T>(
    mut call: impl FnMut() -> std::result::Result<T, topology::Error>,
) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call() {
            Err(error) if error.class() == ErrorClass::Retriable && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return Ok(done?),
        }
    }
}

/// All partitions of `topics`; those that do not exist have none.
pub(crate) fn of(admin: &mut dyn Admin, topics: &[&str]) -> Result<Vec<TopicPartition>> {
    let described = retried(|| admin.describe_topics(topics, PATIENCE))?;
    let partitions = described.into_iter().flatten().flat_map(|topic| {
        let partition = move |number| TopicPartition::new(topic.name.clone(), number);
        (0..topic.partitions).map(partition)
    });
    Ok(partitions.collect())
}

/// Where the next record of each partition will be.
pub(crate) fn ends(
    admin: &mut dyn Admin,
    partitions: &[TopicPartition],
) -> Result<Vec<(TopicPartition, i64)>> {
    let marks = retried(|| admin.watermarks(partitions, PATIENCE))?;
    Ok(partitions
        .iter()
        .cloned()
        .zip(marks.into_iter().map(|marks| marks.high))
        .collect())
}

/// Hands every committed record from the given offsets on to `each`, partition by partition in offset order but the
/// partitions mixed. Transactions must have ended: a partition ends before the first open one.
pub(crate) fn read(
    log: &dyn Log,
    from: &[(TopicPartition, i64)],
    mut each: impl FnMut(&TopicPartition, RecordView<'_>) -> Result<()>,
) -> Result<u64> {
    let mut reader = log.reader("jumun-bench-reader")?;
    let mut open = Vec::new();
    for (partition, offset) in from {
        open.push((reader.add(partition, Position::Offset(*offset))?, partition));
    }
    let mut batch = RecordBatch::default();
    let mut records = 0;
    let mut idle = Duration::ZERO;
    while !open.is_empty() {
        reader.poll()?;
        let mut still_open = Vec::with_capacity(open.len());
        let mut moved = false;
        for (input, partition) in open {
            let fetched = reader.fetch(input, TURN, &mut batch)?;
            for record in batch.iter() {
                each(partition, record)?;
            }
            batch.clear();
            records += fetched.records as u64;
            moved |= fetched.records > 0;
            if fetched.end_of_partition.is_none() {
                still_open.push((input, partition));
            }
        }
        open = still_open;
        if moved {
            idle = Duration::ZERO;
        } else {
            std::thread::sleep(Duration::from_millis(1));
            idle += Duration::from_millis(1);
        }
        if let (Some((_, partition)), true) = (open.first(), idle > PATIENCE) {
            return Err(Error::failed(format!(
                "{partition} has no end: nothing came for {PATIENCE:?}"
            )));
        }
    }
    Ok(records)
}
