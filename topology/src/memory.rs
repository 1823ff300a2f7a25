//! One budget for the memory of a process, and what each part may take of it.
//!
//! Two kinds of parts: those of the process (RocksDB's block cache and memtables, uncommitted changes, cached rows, the
//! producers' queues), and one queue per partition. An instance may be given every partition there is, so the queues are
//! made for all of them; a budget that is too small for that is refused at the start.
//!
//! What is not divided out is left for the rest: code, stacks, tables of the clients, what the allocator holds back.

use std::fmt;

use crate::Error;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// For the rest of the process: this part of the budget, and no less than [`REST_BYTES`].
const REST_PERCENT: usize = 15;
const REST_BYTES: usize = 40 * MIB;

/// What is left, in percent.
const BLOCK_CACHE: usize = 18;
const WRITE_BUFFERS: usize = 12;
const UNCOMMITTED: usize = 12;
const CACHED_ROWS: usize = 9;
const PRODUCERS: usize = 8;
const QUEUES: usize = 41;

/// Beneath this the queue of an input stutters: a fetch, what it unpacks to, and what is being processed.
const SMALLEST_INPUT: usize = 768 * KIB;
/// The same of a changelog that is read to restore.
const SMALLEST_CHANGELOG: usize = 256 * KIB;
/// More makes no queue faster.
const LARGEST_QUEUE: usize = 32 * MIB;
/// A producer that holds less waits for the brokers with every few records.
const SMALLEST_PRODUCER: usize = 4 * MIB;
/// What librdkafka keeps of a record besides its bytes: the operation that carries it, headers.
const RECORD_OVERHEAD: usize = 512;
/// The same of a record on its way out.
const SENT_OVERHEAD: usize = 256;

/// How much memory a process may take, in bytes.
///
/// ```
/// use topology::memory::{MemoryBudget, MemoryDemand};
/// let budget = MemoryBudget::new(512 << 20);
/// let demand = MemoryDemand { threads: 1, input_partitions: 18, changelog_partitions: 14 };
/// let shares = budget.divide(demand)?;
/// assert!(shares.total() <= 512 << 20);
/// # Ok::<(), topology::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Of the whole process.
    pub max_bytes: usize,
    /// For RocksDB's block cache, where it is not to have its usual part.
    pub block_cache_bytes: Option<usize>,
}

/// What the memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryDemand {
    /// Stream threads.
    pub threads: usize,
    /// Of all inputs together.
    pub input_partitions: usize,
    /// Of all changelogs together.
    pub changelog_partitions: usize,
}

/// What RocksDB gets, whatever the number of partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateShares {
    pub(crate) block_cache: usize,
    pub(crate) write_buffers: usize,
    pub(crate) cached_rows: usize,
}

/// What each part of a process gets, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryShares {
    /// RocksDB's block cache.
    pub block_cache: usize,
    /// RocksDB's memtables.
    pub write_buffers: usize,
    /// Committed rows kept above RocksDB, of all tasks.
    pub cached_rows: usize,
    /// Changes and outputs that are not committed, of all threads.
    pub uncommitted: usize,
    /// Records on their way out, of all threads.
    pub producers: usize,
    /// Records that were fetched, of all input partitions.
    pub inputs: usize,
    /// Changelog records that were fetched, of all partitions.
    pub restores: usize,
    /// All that is not divided out.
    pub rest: usize,
    demand: MemoryDemand,
}

/// Bounds of the clients of a log, in bytes unless said otherwise. A log that keeps no queues of its own has nothing to
/// bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientMemory {
    /// Of one partition of an input.
    pub input: QueueMemory,
    /// Of one partition that a reader reads.
    pub reader: QueueMemory,
    /// One answer of a broker to a fetch.
    pub fetch_bytes: usize,
    /// Of one producer.
    pub producer_bytes: usize,
    /// Records of one producer that are not acknowledged.
    pub producer_records: usize,
}

/// Bounds of the queue of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueMemory {
    /// Nothing is fetched while the queue holds this much, in bytes.
    pub queue_bytes: usize,
    /// Nor while it holds so many records.
    pub queue_records: usize,
    /// What one fetch brings of the partition, in bytes on the wire.
    pub fetch_bytes: usize,
    /// What is taken from the queue at a time, in bytes.
    pub batch_bytes: usize,
}

impl MemoryBudget {
    /// A budget of so many bytes, divided as usual.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            block_cache_bytes: None,
        }
    }

    fn rest(self) -> usize {
        (self.max_bytes / 100 * REST_PERCENT)
            .max(REST_BYTES)
            .min(self.max_bytes)
    }

    /// What the parts other than the block cache share, and how many hundredths they are.
    fn divided(self) -> (usize, usize) {
        let left = self.max_bytes - self.rest();
        match self.block_cache_bytes {
            None => (left, 100),
            Some(cache) => (left.saturating_sub(cache), 100 - BLOCK_CACHE),
        }
    }

    fn percent(self, percent: usize) -> usize {
        let (divided, hundredths) = self.divided();
        divided / hundredths * percent
    }

    pub(crate) fn state(self) -> StateShares {
        StateShares {
            block_cache: self
                .block_cache_bytes
                .unwrap_or_else(|| self.percent(BLOCK_CACHE)),
            write_buffers: self.percent(WRITE_BUFFERS),
            cached_rows: self.percent(CACHED_ROWS),
        }
    }

    /// What each part gets.
    ///
    /// # Errors
    /// Fatal if there is not enough for the partitions; says how much is.
    pub fn divide(self, demand: MemoryDemand) -> Result<MemoryShares, Error> {
        if !self.suffices(demand) {
            return Err(Error::fatal(
                "divide the memory",
                format!(
                    "memory_max_bytes = {} is too small for {} partitions of inputs and {} of changelogs, \
                     which one instance may have to take, and {} threads: set it to {} or more",
                    self.max_bytes,
                    demand.input_partitions,
                    demand.changelog_partitions,
                    demand.threads,
                    self.smallest_for(demand),
                ),
            ));
        }
        let state = self.state();
        let queues = self.percent(QUEUES);
        let (smallest_inputs, smallest_restores) = smallest_queues(demand);
        let most = LARGEST_QUEUE * demand.input_partitions.max(1);
        let inputs = proportion(queues, smallest_inputs, smallest_inputs + smallest_restores);
        let most_restores = LARGEST_QUEUE * demand.changelog_partitions.max(1);
        let mut shares = MemoryShares {
            block_cache: state.block_cache,
            write_buffers: state.write_buffers,
            cached_rows: state.cached_rows,
            uncommitted: self.percent(UNCOMMITTED),
            producers: self.percent(PRODUCERS),
            inputs: inputs.min(most),
            restores: (queues - inputs).min(most_restores),
            rest: 0,
            demand,
        };
        shares.rest = self.max_bytes.saturating_sub(shares.total());
        Ok(shares)
    }

    fn suffices(self, demand: MemoryDemand) -> bool {
        let (inputs, restores) = smallest_queues(demand);
        self.block_cache_bytes.unwrap_or(0) < self.max_bytes - self.rest()
            && self.percent(QUEUES) >= inputs + restores
            && self.percent(PRODUCERS) >= SMALLEST_PRODUCER * demand.threads
    }

    /// The smallest budget that suffices, in whole MiB.
    fn smallest_for(self, demand: MemoryDemand) -> usize {
        let of = |mib: usize| Self {
            max_bytes: mib * MIB,
            ..self
        };
        let (mut too_small, mut enough) = (0, 64);
        while !of(enough).suffices(demand) && enough < 1 << 30 {
            (too_small, enough) = (enough, enough * 2);
        }
        while enough - too_small > 1 {
            let middle = too_small.midpoint(enough);
            match of(middle).suffices(demand) {
                true => enough = middle,
                false => too_small = middle,
            }
        }
        enough * MIB
    }
}

fn smallest_queues(demand: MemoryDemand) -> (usize, usize) {
    (
        SMALLEST_INPUT * demand.input_partitions,
        SMALLEST_CHANGELOG * demand.changelog_partitions,
    )
}

/// `part / whole` of `total`.
fn proportion(total: usize, part: usize, whole: usize) -> usize {
    let wide = total as u128 * part as u128 / whole.max(1) as u128;
    usize::try_from(wide).unwrap_or(total)
}

impl MemoryShares {
    /// All parts together, with the rest.
    #[must_use]
    pub fn total(&self) -> usize {
        self.parts().iter().map(|(_, bytes)| bytes).sum()
    }

    /// What parts of a kind have together, by the names in metrics.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, usize); PARTS.len()] {
        let [stores, uncommitted, queues, rest] = PARTS;
        [
            (
                stores,
                self.block_cache + self.write_buffers + self.cached_rows,
            ),
            (uncommitted, self.uncommitted + self.producers),
            (queues, self.inputs + self.restores),
            (rest, self.rest),
        ]
    }

    /// Bytes that changes and outputs of a thread may take before it commits at once.
    #[must_use]
    pub fn commit_bytes(&self) -> usize {
        self.uncommitted / self.demand.threads.max(1)
    }

    /// For the clients.
    #[must_use]
    pub fn clients(&self) -> ClientMemory {
        let producer = self.producers / self.demand.threads.max(1);
        ClientMemory {
            input: QueueMemory::within(self.inputs / self.demand.input_partitions.max(1)),
            reader: QueueMemory::within(self.restores / self.demand.changelog_partitions.max(1)),
            // What waits in one partition's queue keeps the whole answer that it came with.
            fetch_bytes: (self.inputs / 16).clamp(MIB, 16 * MIB),
            // The rest is for batches: being filled, compressed, and sent.
            producer_bytes: producer / 5 * 2,
            producer_records: producer / 10 * 3 / SENT_OVERHEAD,
        }
    }
}

/// Kinds of parts, the label `share` of the metrics.
pub(crate) const PARTS: [&str; 4] = ["stores", "uncommitted", "queues", "rest"];

impl QueueMemory {
    /// For `bytes` in all: the queue, what librdkafka keeps of each record besides, one fetch too many that may unpack to
    /// four times its size, and what was taken, whose buffer may be half empty.
    #[must_use]
    pub fn within(bytes: usize) -> Self {
        Self {
            queue_bytes: bytes / 4,
            queue_records: (bytes / 8 / RECORD_OVERHEAD).max(1),
            fetch_bytes: (bytes / 8).clamp(16 * KIB, MIB),
            batch_bytes: bytes / 16,
        }
    }
}

impl ClientMemory {
    /// Of a client that is asked now and then, and has no part of a budget of its own.
    #[must_use]
    pub fn small() -> Self {
        Self {
            input: QueueMemory::within(SMALLEST_INPUT),
            reader: QueueMemory::within(SMALLEST_INPUT),
            fetch_bytes: MIB,
            producer_bytes: SMALLEST_PRODUCER / 2,
            producer_records: SMALLEST_PRODUCER / 4 / SENT_OVERHEAD,
        }
    }
}

impl fmt::Display for MemoryShares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, bytes)) in self.parts().iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {} KiB", bytes / KIB)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
