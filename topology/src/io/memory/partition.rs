//! The records of one partition, in chunks of contiguous bytes.
//!
//! Markers that end transactions take an offset each and nothing else: what they say is kept in
//! the records themselves (`aborted`) and in the list of open transactions.

use std::collections::VecDeque;

use crate::io::batch::Span;
use crate::io::headers::HeaderSpan;
use crate::io::{Headers, RecordView};

/// A chunk is closed when it holds so many records …
const CHUNK_RECORDS: usize = 4096;
/// … or so many bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// The identity under which a producer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerEpoch {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// What is appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewRecord<'a> {
    pub(super) timestamp: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Headers<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) offset: i64,
    timestamp: i64,
    key: Option<Span>,
    value: Option<Span>,
    headers_start: u32,
    headers_end: u32,
    pub(super) producer: Option<ProducerEpoch>,
    pub(super) aborted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Chunk {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    headers: Vec<HeaderSpan>,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.entries.len() >= CHUNK_RECORDS || self.bytes.len() >= CHUNK_BYTES
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.headers.clear();
    }

    fn push(
        &mut self,
        offset: i64,
        record: NewRecord<'_>,
        producer: Option<ProducerEpoch>,
        aborted: bool,
    ) {
        let bytes = &mut self.bytes;
        let key = record.key.map(|key| Span::append(bytes, key));
        let value = record.value.map(|value| Span::append(bytes, value));
        let headers_start = self.headers.len() as u32;
        for (name, value) in record.headers.iter() {
            let name = Span::append(bytes, name.as_bytes());
            let value = value.map(|value| Span::append(bytes, value));
            self.headers.push(HeaderSpan { name, value });
        }
        self.entries.push(Entry {
            offset,
            timestamp: record.timestamp,
            key,
            value,
            headers_start,
            headers_end: self.headers.len() as u32,
            producer,
            aborted,
        });
    }

    fn view(&self, entry: &Entry) -> RecordView<'_> {
        let headers = entry.headers_start as usize..entry.headers_end as usize;
        RecordView {
            offset: entry.offset,
            timestamp: entry.timestamp,
            key: entry.key.map(|key| key.of(&self.bytes)),
            value: entry.value.map(|value| value.of(&self.bytes)),
            headers: Headers::new(&self.bytes, self.headers.get(headers).unwrap_or_default()),
        }
    }

    /// Entries at or after `offset`.
    fn from(&self, offset: i64) -> &[Entry] {
        let start = self.entries.partition_point(|entry| entry.offset < offset);
        self.entries.get(start..).unwrap_or_default()
    }

    fn last_offset(&self) -> i64 {
        self.entries.last().map_or(-1, |entry| entry.offset)
    }
}

/// A transaction that has written here and is not decided.
#[derive(Clone, Copy, Debug)]
struct OpenTransaction {
    producer_id: i64,
    first_offset: i64,
}

#[derive(Debug, Default)]
pub(super) struct Partition {
    chunks: VecDeque<Chunk>,
    /// Entries at the front of the first chunk that lie below the low watermark.
    hidden: usize,
    /// Entries not below the low watermark.
    kept: usize,
    low: i64,
    high: i64,
    open: Vec<OpenTransaction>,
    /// A chunk's memory, to be used again.
    spare: Option<Chunk>,
    pub(super) cleaning: super::cleaning::Cleaning,
}

impl Partition {
    /// First offset kept.
    pub(super) fn low(&self) -> i64 {
        self.low
    }

    /// Offset of the next record.
    pub(super) fn high(&self) -> i64 {
        self.high
    }

    /// Everything below it is decided.
    pub(super) fn last_stable_offset(&self) -> i64 {
        let first = self.open.iter().map(|open| open.first_offset).min();
        first.unwrap_or(self.high)
    }

    /// Where a reader's records end.
    pub(super) fn end(&self, read_committed: bool) -> i64 {
        if read_committed {
            self.last_stable_offset()
        } else {
            self.high
        }
    }

    /// Records kept, those of aborted transactions included.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Appends a record and answers its offset.
    pub(super) fn append(&mut self, record: NewRecord<'_>, producer: Option<ProducerEpoch>) -> i64 {
        let offset = self.high;
        self.high += 1;
        self.put(offset, record, producer, false);
        offset
    }

    fn put(
        &mut self,
        offset: i64,
        record: NewRecord<'_>,
        producer: Option<ProducerEpoch>,
        aborted: bool,
    ) {
        if self.chunks.back().is_none_or(Chunk::is_full) {
            self.chunks.push_back(self.spare.take().unwrap_or_default());
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(offset, record, producer, aborted);
            self.kept += 1;
        }
    }

    /// Whether the producer's transaction has written here.
    pub(super) fn has_transaction(&self, producer_id: i64) -> bool {
        self.open.iter().any(|open| open.producer_id == producer_id)
    }

    /// The producer's transaction begins here; it holds back what comes behind.
    pub(super) fn open_transaction(&mut self, producer_id: i64) {
        self.open.push(OpenTransaction {
            producer_id,
            first_offset: self.high,
        });
    }

    /// Writes the marker that ends the producer's transaction.
    pub(super) fn end_transaction(&mut self, producer_id: i64, commit: bool) {
        let known = |open: &OpenTransaction| open.producer_id == producer_id;
        let Some(index) = self.open.iter().position(known) else {
            return;
        };
        let first = self.open.swap_remove(index).first_offset;
        if !commit {
            let reached = self
                .chunks
                .partition_point(|chunk| chunk.last_offset() < first);
            for entry in self
                .chunks
                .range_mut(reached..)
                .flat_map(|chunk| &mut chunk.entries)
            {
                entry.aborted |= entry.offset >= first
                    && entry
                        .producer
                        .is_some_and(|producer| producer.id == producer_id);
            }
        }
        self.high += 1;
    }

    /// Hands at most `max` records from `position` on to `take`; answers how many, and the position
    /// behind them: the next record that is to be read, or else the end.
    pub(super) fn read<'a>(
        &'a self,
        position: i64,
        read_committed: bool,
        max: usize,
        mut take: impl FnMut(RecordView<'a>, Option<ProducerEpoch>),
    ) -> (usize, i64) {
        let end = self.end(read_committed);
        let mut records = 0;
        let start = self
            .chunks
            .partition_point(|chunk| chunk.last_offset() < position);
        for chunk in self.chunks.range(start..) {
            for entry in chunk.from(position.max(self.low)) {
                if entry.offset >= end {
                    return (records, end.max(position));
                }
                if read_committed && entry.aborted {
                    continue;
                }
                if records == max {
                    return (records, entry.offset);
                }
                take(chunk.view(entry), entry.producer);
                records += 1;
            }
        }
        (records, end.max(position))
    }

    /// Every record below the last stable offset, in order, for cleaning.
    pub(super) fn stable_records(&self) -> impl Iterator<Item = (&Entry, RecordView<'_>)> {
        let end = self.last_stable_offset();
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.entries.iter().map(|entry| (entry, chunk.view(entry))))
            .skip(self.hidden)
            .take_while(move |(entry, _)| entry.offset < end)
    }

    /// Keeps, of the records below the last stable offset, those for which `keep` holds the offset
    /// (in order); all others stay as they are.
    pub(super) fn keep_only(&mut self, keep: &[i64]) {
        let end = self.last_stable_offset();
        let old = std::mem::take(&mut self.chunks);
        let mut keep = keep.iter().copied().peekable();
        let hidden = std::mem::take(&mut self.hidden);
        self.kept = 0;
        let entries = old
            .iter()
            .flat_map(|chunk| chunk.entries.iter().map(move |entry| (chunk, entry)));
        for (chunk, entry) in entries.skip(hidden) {
            if entry.offset >= end || keep.next_if_eq(&entry.offset).is_some() {
                let RecordView {
                    timestamp,
                    key,
                    value,
                    headers,
                    ..
                } = chunk.view(entry);
                let record = NewRecord {
                    timestamp,
                    key,
                    value,
                    headers,
                };
                self.put(entry.offset, record, entry.producer, entry.aborted);
            }
        }
    }

    /// Moves the low watermark so that at most `limit` records are kept, never past the last stable
    /// offset.
    pub(super) fn keep_last(&mut self, limit: usize) {
        let end = self.last_stable_offset();
        self.drop_front(|entry, kept| kept > limit && entry.offset < end);
    }

    /// Moves the low watermark to `offset`, or to the end if that comes first.
    pub(super) fn delete_before(&mut self, offset: i64) {
        let offset = offset.min(self.high);
        self.drop_front(|entry, _| entry.offset < offset);
        self.low = self.low.max(offset);
    }

    fn drop_front(&mut self, goes: impl Fn(&Entry, usize) -> bool) {
        while let Some(chunk) = self.chunks.front() {
            match chunk.entries.get(self.hidden) {
                Some(entry) if goes(entry, self.kept) => {
                    self.low = entry.offset + 1;
                    self.hidden += 1;
                    self.kept -= 1;
                }
                Some(_) => return,
                None => {
                    self.hidden = 0;
                    self.spare = self.chunks.pop_front().map(|mut chunk| {
                        chunk.clear();
                        chunk
                    });
                }
            }
        }
    }
}
