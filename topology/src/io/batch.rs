//! Records in one contiguous arena: a fetch copies into it, so that no record is an allocation and
//! none holds on to a client.

use super::headers::{HeaderSpan, Headers};

/// An arena keeps this much once its records are gone, which is what a usual fetch needs: growing anew with each one costs
/// more than all else of it. Where there are many inputs, the budget leaves each less to take at a time, so less to keep.
const KEPT_BYTES: usize = 512 << 10;
/// The same of entries and headers, in records.
const KEPT_RECORDS: usize = 1 << 10;

/// A range of bytes in an arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// Appends `bytes` to the arena and says where they are. Arenas are bounded far below 4 GiB by
    /// the number and size of the records of a fetch; beyond it the span is empty.
    pub(crate) fn append(arena: &mut Vec<u8>, bytes: &[u8]) -> Self {
        let (Ok(start), Ok(len)) = (u32::try_from(arena.len()), u32::try_from(bytes.len())) else {
            return Self::default();
        };
        arena.extend_from_slice(bytes);
        Self { start, len }
    }

    /// From the beginning of `first` to the end of `last`, which lies behind it in the same arena.
    pub(crate) fn between(first: Self, last: Self) -> Self {
        let end = last.start + last.len;
        Self {
            start: first.start,
            len: end.saturating_sub(first.start),
        }
    }

    /// The same bytes after those of `from` were copied to `to`.
    pub(crate) fn moved(self, from: Self, to: Self) -> Self {
        // A copy that found no room is empty, and so is all of it.
        if to.len < from.len {
            return Self::default();
        }
        Self {
            start: self.start.saturating_sub(from.start) + to.start,
            len: self.len,
        }
    }

    /// Appends what `write` appends; its answer, unless it is an error, comes with the place.
    pub(crate) fn write<T, E>(
        arena: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
    ) -> Result<(T, Self), E> {
        let before = arena.len();
        let answer = write(arena)?;
        let written = arena.len().saturating_sub(before);
        let span = match (u32::try_from(before), u32::try_from(written)) {
            (Ok(start), Ok(len)) => Self { start, len },
            _ => Self::default(),
        };
        Ok((answer, span))
    }

    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// Where it begins.
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    /// The same bytes, told from where `start` is in the arena.
    pub(crate) fn from(self, start: usize) -> Self {
        Self {
            start: (self.start as usize).saturating_sub(start) as u32,
            len: self.len,
        }
    }

    pub(crate) fn of(self, arena: &[u8]) -> &[u8] {
        let start = self.start as usize;
        arena
            .get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: i64,
    timestamp: i64,
    key: Option<Span>,
    value: Option<Span>,
    headers_start: u32,
    headers_end: u32,
}

/// One record, borrowed from a batch.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Offset in its partition.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Key bytes.
    pub key: Option<&'a [u8]>,
    /// Value bytes.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: Headers<'a>,
}

/// Records of one partition in offset order; a queue over an arena.
///
/// ```
/// use topology::io::{Headers, RecordBatch};
/// let mut batch = RecordBatch::default();
/// batch.push(7, 1_000, Some(b"key"), Some(b"value"), Headers::default());
/// assert_eq!(batch.front().map(|record| record.offset), Some(7));
/// batch.pop_front();
/// assert!(batch.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordBatch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    headers: Vec<HeaderSpan>,
    head: usize,
}

impl RecordBatch {
    /// Appends a record, copying its bytes.
    pub fn push(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers<'_>,
    ) {
        self.push_with(offset, timestamp, key, value, |batch| {
            headers.append_to(&mut batch.bytes, &mut batch.headers);
        });
    }

    /// Appends a record whose headers are added by `headers` through [`RecordBatch::push_header`].
    pub fn push_with(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl FnOnce(&mut Self),
    ) {
        let key = key.map(|key| Span::append(&mut self.bytes, key));
        let value = value.map(|value| Span::append(&mut self.bytes, value));
        let headers_start = self.headers.len() as u32;
        headers(self);
        let headers_end = self.headers.len() as u32;
        self.entries.push(Entry {
            offset,
            timestamp,
            key,
            value,
            headers_start,
            headers_end,
        });
    }

    /// Adds a header to the record being pushed by [`RecordBatch::push_with`].
    pub fn push_header(&mut self, name: &[u8], value: Option<&[u8]>) {
        let name = Span::append(&mut self.bytes, name);
        let value = value.map(|value| Span::append(&mut self.bytes, value));
        self.headers.push(HeaderSpan { name, value });
    }

    /// The next record.
    pub fn front(&self) -> Option<RecordView<'_>> {
        self.view(self.entries.get(self.head)?)
    }

    /// Takes the next record away. The arena is reused once all records are gone.
    pub fn pop_front(&mut self) {
        if self.head < self.entries.len() {
            self.head += 1;
        }
        if self.head == self.entries.len() {
            self.clear();
        }
    }

    /// The records not yet taken, in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordView<'_>> {
        self.entries
            .iter()
            .skip(self.head)
            .filter_map(|entry| self.view(entry))
    }

    /// How many records are left.
    pub fn len(&self) -> usize {
        self.entries.len() - self.head
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held by the arena.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all records; keeps a little of the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.entries.clear();
        self.entries.shrink_to(KEPT_RECORDS);
        self.headers.clear();
        self.headers.shrink_to(KEPT_RECORDS);
        self.head = 0;
    }

    fn view(&self, entry: &Entry) -> Option<RecordView<'_>> {
        let headers = self
            .headers
            .get(entry.headers_start as usize..entry.headers_end as usize)?;
        Some(RecordView {
            offset: entry.offset,
            timestamp: entry.timestamp,
            key: entry.key.map(|key| key.of(&self.bytes)),
            value: entry.value.map(|value| value.of(&self.bytes)),
            headers: Headers::new(&self.bytes, headers),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_burst_is_not_kept() {
        let mut batch = RecordBatch::default();
        for offset in 0..10_000 {
            batch.push(offset, 0, None, Some(&[7; 100]), Headers::default());
        }
        assert!(batch.bytes.capacity() >= 1_000_000);
        while !batch.is_empty() {
            batch.pop_front();
        }
        assert!(batch.bytes.capacity() <= KEPT_BYTES);
        assert!(batch.entries.capacity() <= KEPT_RECORDS);
    }
}
