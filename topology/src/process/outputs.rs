//! What a record causes is kept here until the record has succeeded: a record handed to the client
//! inside a transaction cannot be taken back.

use crate::io::batch::Span;
use crate::io::headers::{HeaderSpan, Headers};

use super::SinkMode;
use super::latest::{LatestBuffer, LatestRecord};

/// A task keeps this much of the memory of what it has handed over; most tasks are idle at a time.
const KEPT_BYTES: usize = 256 << 10;

/// One record on its way out of a task, borrowed from the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) output: usize,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Headers<'a>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    to: Destination,
    /// Key, value and headers lie between these bytes, and nothing of another record.
    bytes: (usize, usize),
    key: Option<Span>,
    value: Option<Span>,
    headers: (usize, usize),
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    bytes: usize,
    headers: usize,
    entries: usize,
}

/// The outputs of a batch of records, with an undo mark at the beginning of the current one.
#[derive(Debug, Default)]
pub(crate) struct OutputBuffer {
    bytes: Vec<u8>,
    headers: Vec<HeaderSpan>,
    entries: Vec<Entry>,
    mark: Mark,
    latest: LatestBuffer,
}

/// Destination of a record being pushed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) output: usize,
    pub(crate) mode: SinkMode,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: i64,
}

impl OutputBuffer {
    /// A record begins.
    pub(crate) fn mark(&mut self) {
        self.mark = Mark {
            bytes: self.bytes.len(),
            headers: self.headers.len(),
            entries: self.entries.len(),
        };
    }

    /// The record failed: whatever it put here is gone.
    pub(crate) fn rollback(&mut self) {
        self.bytes.truncate(self.mark.bytes);
        self.headers.truncate(self.mark.headers);
        self.entries.truncate(self.mark.entries);
    }

    /// The record succeeded: its latest values replace those of earlier records.
    pub(crate) fn accept(&mut self) {
        let Self {
            bytes,
            headers,
            entries,
            latest,
            mark,
        } = self;
        let is_latest = |entry: &mut Entry| entry.to.mode == SinkMode::LatestPerCommit;
        let before = entries.len();
        for entry in entries.extract_if(mark.entries.min(before).., is_latest) {
            let (start, end) = entry.bytes;
            latest.replace(LatestRecord {
                to: entry.to,
                block: bytes.get(start..end).unwrap_or_default(),
                start,
                key: entry.key,
                value: entry.value,
                headers: headers
                    .get(entry.headers.0..entry.headers.1)
                    .unwrap_or_default(),
            });
        }
        if entries.len() < before {
            // They are mostly the last of a record: what waits to be handed over stays small.
            let last = entries.last();
            bytes.truncate(last.map_or(0, |entry| entry.bytes.1));
            headers.truncate(last.map_or(0, |entry| entry.headers.1));
        }
        self.mark();
    }

    /// Appends a record.
    pub(crate) fn push(
        &mut self,
        to: Destination,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers<'_>,
    ) {
        let key = key.map(|key| Span::append(&mut self.bytes, key));
        let value = value.map(|value| Span::append(&mut self.bytes, value));
        self.add(to, key, value, headers);
    }

    /// Where a record to be added by [`OutputBuffer::add`] writes its key and its value, so that
    /// they are not copied once more.
    pub(crate) fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Adds a record whose key and value were written to [`OutputBuffer::arena`].
    pub(crate) fn add(
        &mut self,
        to: Destination,
        key: Option<Span>,
        value: Option<Span>,
        headers: Headers<'_>,
    ) {
        let start = self.headers.len();
        let first = key.or(value).map_or(self.bytes.len(), Span::start);
        headers.append_to(&mut self.bytes, &mut self.headers);
        self.entries.push(Entry {
            to,
            bytes: (first, self.bytes.len()),
            key,
            value,
            headers: (start, self.headers.len()),
        });
    }

    /// Hands over every accepted record that does not wait for the commit, and forgets it.
    pub(crate) fn drain<E>(
        &mut self,
        mut send: impl FnMut(Outgoing<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for entry in &self.entries {
            send(view(&self.bytes, &self.headers, entry))?;
        }
        self.forget_entries();
        Ok(())
    }

    fn forget_entries(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.headers.clear();
        self.entries.clear();
        self.mark = Mark::default();
    }

    /// At commit: hands over the latest record of each key and forgets them.
    pub(crate) fn drain_latest<E>(
        &mut self,
        send: impl FnMut(Outgoing<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.latest.drain(send)
    }

    /// The transaction was aborted: nothing held here was caused by anything committed.
    pub(crate) fn clear(&mut self) {
        self.forget_entries();
        self.latest.clear();
    }

    /// Bytes waiting to be handed over.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len() + self.latest.bytes()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.latest.is_empty()
    }
}

fn view<'a>(bytes: &'a [u8], headers: &'a [HeaderSpan], entry: &Entry) -> Outgoing<'a> {
    Outgoing {
        output: entry.to.output,
        partition: entry.to.partition,
        timestamp: entry.to.timestamp,
        key: entry.key.map(|key| key.of(bytes)),
        value: entry.value.map(|value| value.of(bytes)),
        headers: Headers::new(
            bytes,
            headers
                .get(entry.headers.0..entry.headers.1)
                .unwrap_or_default(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(output: usize, mode: SinkMode) -> Destination {
        Destination {
            output,
            mode,
            partition: None,
            timestamp: 0,
        }
    }

    fn drained(buffer: &mut OutputBuffer) -> Vec<(usize, Vec<u8>)> {
        let mut seen = Vec::new();
        let mut send = |record: Outgoing<'_>| {
            seen.push((record.output, record.value.unwrap_or_default().to_vec()));
            Ok::<(), ()>(())
        };
        buffer.drain(&mut send).unwrap();
        buffer.drain_latest(&mut send).unwrap();
        seen
    }

    #[test]
    fn a_failed_record_leaves_no_output() {
        let mut buffer = OutputBuffer::default();
        buffer.mark();
        buffer.push(
            to(0, SinkMode::Every),
            None,
            Some(b"kept"),
            Headers::default(),
        );
        buffer.accept();
        buffer.mark();
        buffer.push(
            to(0, SinkMode::Every),
            None,
            Some(b"undone"),
            Headers::default(),
        );
        buffer.push(
            to(1, SinkMode::LatestPerCommit),
            Some(b"k"),
            Some(b"undone"),
            Headers::default(),
        );
        buffer.rollback();
        buffer.accept();
        assert_eq!(drained(&mut buffer), [(0, b"kept".to_vec())]);
    }

    #[test]
    fn the_latest_value_of_a_key_is_handed_over_once_per_commit() {
        let mut buffer = OutputBuffer::default();
        for value in [&b"1"[..], b"2", b"3"] {
            buffer.mark();
            buffer.push(
                to(1, SinkMode::LatestPerCommit),
                Some(b"a"),
                Some(value),
                Headers::default(),
            );
            buffer.accept();
        }
        buffer.mark();
        buffer.push(
            to(1, SinkMode::LatestPerCommit),
            Some(b"b"),
            Some(b"9"),
            Headers::default(),
        );
        buffer.accept();
        assert_eq!(
            drained(&mut buffer),
            [(1, b"3".to_vec()), (1, b"9".to_vec())]
        );
        assert!(buffer.is_empty());
    }
}
