//! Lists of partitions with offsets, and questions about offsets that several clients ask.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::errors;
use super::events::Events;
use crate::Error;
use crate::io::{IoResult, Position, TopicPartition};

/// Where reading begins, as numbers.
///
/// librdkafka could find beginning and end itself, but must not: an answer to that question which comes after a seek or a
/// new assignment makes it ask again half a second later and go back to the *old* position (2.12), so that records are
/// delivered twice.
pub(super) fn resolve(
    client: &BaseConsumer<Events>,
    positions: &[(TopicPartition, Position)],
    timeout: Duration,
) -> IoResult<Vec<(TopicPartition, i64)>> {
    let find = |wanted: Position, end: Offset| {
        let partitions: Vec<_> = positions
            .iter()
            .filter(|(_, position)| *position == wanted)
            .map(|(partition, _)| partition.clone())
            .collect();
        ends(client, &partitions, end, timeout).map(Vec::into_iter)
    };
    let mut beginnings = find(Position::Beginning, Offset::Beginning)?;
    let mut ends = find(Position::End, Offset::End)?;
    positions
        .iter()
        .map(|(partition, position)| {
            let offset = match position {
                Position::Offset(offset) => Some(*offset),
                Position::Beginning => beginnings.next(),
                Position::End => ends.next(),
            };
            offset
                .map(|offset| (partition.clone(), offset))
                .ok_or_else(|| Error::fatal("find position", "no answer").at(partition.to_string()))
        })
        .collect()
}

/// Offsets at one end of the log, in order: `Offset::Beginning` or `Offset::End`. The end is the last stable offset for a
/// read_committed client, else the high watermark.
pub(super) fn ends(
    client: &BaseConsumer<Events>,
    partitions: &[TopicPartition],
    end: Offset,
    timeout: Duration,
) -> IoResult<Vec<i64>> {
    const OPERATION: &str = "read watermarks";
    // The request for offsets by time takes the two ends as the times -1 and -2, for all partitions at once.
    let found = at_times(client, OPERATION, partitions, end, timeout)?;
    partitions
        .iter()
        .zip(found)
        .map(|(partition, found)| match found {
            Offset::Offset(offset) => Ok(offset),
            other => Err(
                Error::fatal(OPERATION, format!("the broker answered {other:?}"))
                    .at(partition.to_string()),
            ),
        })
        .collect()
}

/// Offsets of the first records at or after a time, in order.
pub(super) fn offsets_at(
    client: &BaseConsumer<Events>,
    partitions: &[TopicPartition],
    timestamp_ms: i64,
    timeout: Duration,
) -> IoResult<Vec<Option<i64>>> {
    // Negative times stand for the ends.
    let time = Offset::Offset(timestamp_ms.max(0));
    let found = at_times(client, "find offsets", partitions, time, timeout)?;
    let offset = |found| match found {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    Ok(found.into_iter().map(offset).collect())
}

fn at_times(
    client: &BaseConsumer<Events>,
    operation: &'static str,
    partitions: &[TopicPartition],
    time: Offset,
    timeout: Duration,
) -> IoResult<Vec<Offset>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(&partition.topic, partition.partition, time)
            .map_err(|error| errors::error(operation, &error).at(partition.to_string()))?;
    }
    let found = client
        .offsets_for_times(list, timeout)
        .map_err(|error| errors::error(operation, &error))?;
    partitions
        .iter()
        .map(|partition| {
            let element = found
                .find_partition(&partition.topic, partition.partition)
                .ok_or_else(|| Error::fatal(operation, "no answer").at(partition.to_string()))?;
            element
                .error()
                .map_err(|error| errors::error(operation, &error).at(partition.to_string()))?;
            Ok(element.offset())
        })
        .collect()
}

/// A list for librdkafka.
pub(super) fn offset_list(
    operation: &'static str,
    offsets: &[(TopicPartition, i64)],
) -> IoResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        list.add_partition_offset(
            &partition.topic,
            partition.partition,
            Offset::Offset(*offset),
        )
        .map_err(|error| errors::error(operation, &error).at(partition.to_string()))?;
    }
    Ok(list)
}

/// Committed offsets of the client's group, in order.
pub(super) fn committed(
    client: &BaseConsumer<Events>,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> IoResult<Vec<Option<i64>>> {
    const OPERATION: &str = "read committed offsets";
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    let list = client
        .committed_offsets(list, timeout)
        .map_err(|error| errors::error(OPERATION, &error))?;
    client.context().clear_trouble();
    partitions
        .iter()
        .map(|partition| {
            let element = list
                .find_partition(&partition.topic, partition.partition)
                .ok_or_else(|| Error::fatal(OPERATION, "no answer").at(partition.to_string()))?;
            element
                .error()
                .map_err(|error| errors::error(OPERATION, &error).at(partition.to_string()))?;
            Ok(match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        })
        .collect()
}
