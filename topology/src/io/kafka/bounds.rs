//! Bounds of memory as properties of librdkafka's clients.

use crate::memory::{ClientMemory, QueueMemory};

/// librdkafka refuses a smaller `fetch.max.bytes` than `message.max.bytes`, whose default this is.
const MESSAGE_BYTES: usize = 1_000_000;
/// A batch of a producer, at most; where the queue is small, a part of it.
const BATCH_BYTES: usize = 512 << 10;
const BATCHES: usize = 8;

const QUEUE_KBYTES: &str = "queued.max.messages.kbytes";
const QUEUE_RECORDS: &str = "queued.min.messages";
const PARTITION_FETCH: &str = "max.partition.fetch.bytes";
const FETCH: &str = "fetch.max.bytes";
const MESSAGE: &str = "message.max.bytes";
const PRODUCER_KBYTES: &str = "queue.buffering.max.kbytes";
const PRODUCER_RECORDS: &str = "queue.buffering.max.messages";
const BATCH: &str = "batch.size";

/// A property and its value.
pub(super) type Bound = (&'static str, usize);

fn kbytes(bytes: usize) -> usize {
    (bytes >> 10).max(1)
}

/// Of a client that fetches. `message_bytes` is what the user has set of `message.max.bytes`.
pub(super) fn fetching(
    queue: &QueueMemory,
    memory: &ClientMemory,
    message_bytes: Option<usize>,
) -> [Bound; 4] {
    let message_bytes = message_bytes.unwrap_or(MESSAGE_BYTES);
    [
        (QUEUE_KBYTES, kbytes(queue.queue_bytes)),
        (QUEUE_RECORDS, queue.queue_records),
        (PARTITION_FETCH, queue.fetch_bytes),
        (FETCH, memory.fetch_bytes.max(message_bytes)),
    ]
}

/// Of a producer.
pub(super) fn producing(memory: &ClientMemory) -> [Bound; 3] {
    [
        (PRODUCER_KBYTES, kbytes(memory.producer_bytes)),
        (PRODUCER_RECORDS, memory.producer_records.max(1)),
        (
            BATCH,
            BATCH_BYTES.min(memory.producer_bytes / BATCHES).max(1),
        ),
    ]
}

/// What the user has set of `message.max.bytes` for these clients, the last word last.
pub(super) fn message_bytes<'a>(
    properties: impl Iterator<Item = &'a (String, String)>,
) -> Option<usize> {
    let set = properties.filter(|(name, _)| name == MESSAGE);
    set.filter_map(|(_, value)| value.parse().ok()).last()
}

/// The properties that were set to more than `bounds`, with both values; a batch is part of the queue.
pub(super) fn exceeded<'a>(
    properties: impl Iterator<Item = &'a (String, String)>,
    bounds: &[Bound],
) -> Vec<String> {
    let found = properties.filter_map(|(name, value)| {
        let canonical = match name.as_str() {
            "fetch.message.max.bytes" => PARTITION_FETCH,
            BATCH => return None,
            other => other,
        };
        let (_, bound) = bounds.iter().find(|(bounded, _)| *bounded == canonical)?;
        let value: usize = value.parse().ok()?;
        (value > *bound).then(|| format!("{name} = {value} (within the budget: {bound})"))
    });
    found.collect()
}
