//! Long restores: rows are collected, sorted and handed to the backend as whole files.
//!
//! A row that goes through a memtable is placed into a skip list, flushed, and compacted; a file of sorted rows is
//! written once and takes its place below (RocksDB's "creating and ingesting SST files"). Rows collected are not
//! claimed by any position: whoever dies loses them and reads them again.

use super::backend::{Backend, BackendResult, FamilyIndex};

/// The value length of a row that deletes.
const TOMBSTONE: u32 = u32::MAX;

/// A row: its key, and its value unless it is deleted.
pub(crate) type SortedRow<'a> = (&'a [u8], Option<&'a [u8]>);

/// Where a row lies in the arena: the key, behind it the value.
struct Row {
    /// The first bytes of the key, padded with zeros: decides most comparisons without a look at the arena.
    prefix: u64,
    start: usize,
    key: u32,
    value: u32,
}

/// What a long restore has collected of a changelog, for the families that its records are for.
#[derive(Default)]
pub(crate) struct Collected {
    pub rows: CollectedRows,
    pub own_rows: CollectedRows,
    /// Where to restore from once they are in the backend.
    pub next_offset: Option<i64>,
}

impl Collected {
    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + self.own_rows.bytes()
    }
}

/// Rows of one family in the order of their changelog.
#[derive(Default)]
pub(crate) struct CollectedRows {
    arena: Vec<u8>,
    rows: Vec<Row>,
}

impl CollectedRows {
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(TOMBSTONE - 1);
        let row = Row {
            prefix: prefix(key),
            start: self.arena.len(),
            key: length(key),
            value: value.map_or(TOMBSTONE, length),
        };
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value.unwrap_or_default());
        self.rows.push(row);
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.arena.len() + self.rows.len() * size_of::<Row>()
    }

    /// Hands the last row of each key to the backend, ascending, and forgets them all. Answers whether there were any.
    pub fn write(&mut self, backend: &dyn Backend, family: FamilyIndex) -> BackendResult<bool> {
        if self.rows.is_empty() {
            return Ok(false);
        }
        let arena = &self.arena;
        // Stable: of rows with one key the last one counts.
        self.rows.sort_by(|left, right| {
            let by_prefix = left.prefix.cmp(&right.prefix);
            by_prefix.then_with(|| key_of(arena, left).cmp(key_of(arena, right)))
        });
        let mut rows = self.rows.iter().peekable();
        let mut last_of_each = std::iter::from_fn(|| {
            let mut row = rows.next()?;
            while let Some(newer) = rows.next_if(|next| key_of(arena, next) == key_of(arena, row)) {
                row = newer;
            }
            Some((key_of(arena, row), value_of(arena, row)))
        });
        backend.ingest(family, &mut last_of_each)?;
        self.arena.clear();
        self.rows.clear();
        Ok(true)
    }
}

fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

fn key_of<'a>(arena: &'a [u8], row: &Row) -> &'a [u8] {
    let end = row.start + row.key as usize;
    arena.get(row.start..end).unwrap_or_default()
}

fn value_of<'a>(arena: &'a [u8], row: &Row) -> Option<&'a [u8]> {
    if row.value == TOMBSTONE {
        return None;
    }
    let start = row.start + row.key as usize;
    arena.get(start..start + row.value as usize)
}

#[cfg(test)]
mod tests;
