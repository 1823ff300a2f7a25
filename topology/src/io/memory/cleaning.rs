//! What a partition forgets: compaction by key, and retention by number of records.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use super::partition::Partition;

/// A partition is compacted when so many records, or as many as were kept last time, have come
/// since.
const DIRTY_RECORDS: usize = 16_384;

/// What the cleaner remembers of a partition.
#[derive(Debug, Default)]
pub(super) struct Cleaning {
    kept: usize,
    /// When the log was compacted, and up to which offset; until a tombstone has been seen so long
    /// ago that it may go (`delete.retention.ms`).
    passes: VecDeque<(Duration, i64)>,
    /// Tombstones below it may go.
    tombstones_below: i64,
}

impl Partition {
    /// Whether enough has been written since the last time.
    pub(super) fn wants_compaction(&self) -> bool {
        let before = self.cleaning.kept;
        self.kept() >= before + before.max(DIRTY_RECORDS)
    }

    /// Keeps the last record of every key; never touches what is not below the last stable offset.
    /// A tombstone stays for `delete_retention` after the first pass that saw it, so that a reader
    /// on its way does not miss it.
    pub(super) fn compact(&mut self, now: Duration, delete_retention: Duration) {
        let cleaning = &mut self.cleaning;
        while let Some(&(at, offset)) = cleaning.passes.front() {
            if now.saturating_sub(at) < delete_retention {
                break;
            }
            cleaning.tombstones_below = offset;
            cleaning.passes.pop_front();
        }
        let tombstones_below = cleaning.tombstones_below;
        let mut latest: HashMap<&[u8], i64> = HashMap::new();
        for (entry, record) in self.stable_records().filter(|(entry, _)| !entry.aborted) {
            latest.insert(record.key.unwrap_or_default(), entry.offset);
        }
        let keep: Vec<i64> = self
            .stable_records()
            .filter(|(entry, record)| {
                let last = latest.get(record.key.unwrap_or_default());
                let expired = record.value.is_none() && entry.offset < tombstones_below;
                !entry.aborted && last == Some(&entry.offset) && !expired
            })
            .map(|(entry, _)| entry.offset)
            .collect();
        let end = self.last_stable_offset();
        drop(latest);
        self.keep_only(&keep);
        self.cleaning.kept = self.kept();
        self.cleaning.passes.push_back((now, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Headers;
    use crate::io::memory::partition::{NewRecord, ProducerEpoch};

    fn record<'a>(key: &'a str, value: Option<&'a str>) -> NewRecord<'a> {
        NewRecord {
            timestamp: 0,
            key: Some(key.as_bytes()),
            value: value.map(str::as_bytes),
            headers: Headers::default(),
        }
    }

    fn offsets(partition: &Partition) -> Vec<i64> {
        let mut offsets = Vec::new();
        partition.read(0, false, usize::MAX, |record, _| {
            offsets.push(record.offset);
        });
        offsets
    }

    #[test]
    fn compaction_keeps_the_last_record_of_every_key_and_its_offset() {
        let mut partition = Partition::default();
        for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("b", "2")] {
            partition.append(record(key, Some(value)), None);
        }
        partition.compact(Duration::ZERO, Duration::ZERO);
        assert_eq!(offsets(&partition), [2, 3, 4]);
        assert_eq!((partition.low(), partition.high()), (0, 5));
    }

    #[test]
    fn compaction_does_not_touch_what_an_open_transaction_holds_back() {
        let mut partition = Partition::default();
        let producer = ProducerEpoch { id: 1, epoch: 0 };
        partition.append(record("a", Some("1")), None);
        partition.append(record("a", Some("2")), None);
        partition.open_transaction(producer.id);
        partition.append(record("a", Some("3")), Some(producer));
        partition.append(record("a", Some("4")), None);
        partition.compact(Duration::ZERO, Duration::ZERO);
        assert_eq!(offsets(&partition), [1, 2, 3]);
        partition.end_transaction(producer.id, false);
        partition.compact(Duration::ZERO, Duration::ZERO);
        assert_eq!(offsets(&partition), [3], "the aborted record is gone too");
    }

    #[test]
    fn a_tombstone_stays_for_delete_retention_after_the_first_pass() {
        let retention = Duration::from_secs(60);
        let mut partition = Partition::default();
        partition.append(record("a", Some("1")), None);
        partition.append(record("a", None), None);
        partition.compact(Duration::from_secs(0), retention);
        assert_eq!(offsets(&partition), [1]);
        partition.compact(Duration::from_secs(59), retention);
        assert_eq!(offsets(&partition), [1]);
        partition.compact(Duration::from_secs(60), retention);
        assert_eq!(offsets(&partition), [0_i64; 0]);
    }

    #[test]
    fn compaction_comes_by_itself_and_only_when_it_pays() {
        let mut partition = Partition::default();
        let mut passes = 0;
        for _ in 0..100_000 {
            partition.append(record("a", Some("1")), None);
            if partition.wants_compaction() {
                partition.compact(Duration::ZERO, Duration::ZERO);
                passes += 1;
            }
        }
        assert!(partition.kept() <= DIRTY_RECORDS);
        assert_eq!(passes, 100_000 / DIRTY_RECORDS);
    }
}
