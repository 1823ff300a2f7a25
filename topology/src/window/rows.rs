//! The rows of a merging task's store, all in one, so that it has one changelog.
//!
//! | key | value |
//! |---|---|
//! | `00` `76` | format version (1 byte); none is version 1 |
//! | `00` | all windows that begin before this are closed (8 bytes); late deltas so far (8 bytes) |
//! | `01`, upstream task (4 + 4 bytes) | `00`: EMPTY; `01`, watermark (8 bytes) |
//! | `02`, start (8 bytes), group | a window's aggregate: see [`Row`] |
//! | `03`, start (8 bytes), group | what moved a running aggregate in a window: see [`Row`] |
//! | `04`, group | the aggregate over all time, of running aggregates and totals |
//! | `05`, group | a running aggregate as the last closed window left it |
//! | `06`…, start (8 bytes), group | as `02`, of further windows by their number from 1 |
//! | `00` `63`, number | all further windows of this number that begin before this are closed (8 bytes) |
//!
//! Integers are big-endian, those in keys with the sign flipped, so that they sort.

use super::MORE_WINDOWS;
use super::clocks::Watermark;
use super::partial::Table;
use crate::codec::varint;
use crate::task::TaskId;
use crate::{Error, format};

pub(super) const META: &[u8] = &[0];
/// The row of the format version. Version 1 has none: it is from before there were versions.
pub(super) const FORMAT_KEY: &[u8] = &[0, b'v'];
pub(super) const UPSTREAM: u8 = 1;
pub(super) const WINDOW: u8 = 2;
pub(super) const RUNNING: u8 = 3;
pub(super) const CURRENT: u8 = 4;
pub(super) const BASE: u8 = 5;
/// Of the windows of number 0 it would be this, but these have [`WINDOW`].
const MORE: u8 = 5;
/// Behind all tags.
pub(super) const END: u8 = MORE + 1 + MORE_WINDOWS as u8;

const SIGN: u64 = 1 << 63;

const FORMAT: u8 = 1;

/// Whether the rows of a store are of the format that this program reads.
///
/// # Errors
/// Fatal when they are not.
pub(super) fn check_format(store: &str, found: Option<&[u8]>) -> Result<(), Error> {
    let found = found.map_or(FORMAT, |row| row.first().copied().unwrap_or(0));
    if found == FORMAT {
        return Ok(());
    }
    let (found, reads) = (u32::from(found), u32::from(FORMAT));
    let detail = format::refusal(store, found, reads, reads);
    Err(Error::fatal("read a store of aggregates", detail))
}

/// The key of an upstream task's report.
pub(super) fn upstream_key(task: TaskId) -> [u8; 9] {
    let mut key = [UPSTREAM; 9];
    let (subtopology, partition) = (task.subtopology.to_be_bytes(), task.partition.to_be_bytes());
    for (target, byte) in key
        .iter_mut()
        .skip(1)
        .zip(subtopology.iter().chain(&partition))
    {
        *target = *byte;
    }
    key
}

/// The task of a report's key.
pub(super) fn upstream_of(key: &[u8]) -> Option<TaskId> {
    let (subtopology, rest) = key.strip_prefix(&[UPSTREAM])?.split_first_chunk()?;
    Some(TaskId {
        subtopology: u32::from_be_bytes(*subtopology),
        partition: i32::from_be_bytes(rest.try_into().ok()?),
    })
}

pub(super) fn encode_report(watermark: Watermark, out: &mut Vec<u8>) {
    out.clear();
    match watermark {
        Watermark::Empty => out.push(0),
        Watermark::At(time) => {
            out.push(1);
            out.extend_from_slice(&time.to_be_bytes());
        }
    }
}

pub(super) fn decode_report(bytes: &[u8]) -> Option<Watermark> {
    match bytes.split_first()? {
        (0, []) => Some(Watermark::Empty),
        (1, time) => Some(Watermark::At(i64::from_be_bytes(time.try_into().ok()?))),
        _ => None,
    }
}

/// What the merging task knows besides its aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) closed_before: i64,
    pub(super) late: u64,
}

impl Meta {
    pub(super) fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (closed, late) = (self.closed_before.to_be_bytes(), self.late.to_be_bytes());
        for (target, byte) in bytes.iter_mut().zip(closed.iter().chain(&late)) {
            *target = *byte;
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (closed_before, late) = bytes.split_first_chunk()?;
        Some(Self {
            closed_before: i64::from_be_bytes(*closed_before),
            late: u64::from_be_bytes(late.try_into().ok()?),
        })
    }
}

/// The tag of a table that has windows.
pub(super) fn tag_of(table: Table) -> u8 {
    match table {
        Table::Window(0) => WINDOW,
        Table::Window(number) => MORE.saturating_add(number),
        Table::Running => RUNNING,
        Table::Total => CURRENT,
    }
}

/// The number of the windows that a row's tag is of.
pub(super) fn windows_of(tag: u8) -> u8 {
    tag.saturating_sub(MORE)
}

/// The key of what is closed of the windows of a number from 1.
pub(super) const fn closed_key(windows: u8) -> [u8; 3] {
    [0, b'c', windows]
}

/// The beginning of the keys of a window.
pub(super) fn window_prefix(tag: u8, start: i64, key: &mut Vec<u8>) {
    key.clear();
    key.push(tag);
    key.extend_from_slice(&(start as u64 ^ SIGN).to_be_bytes());
}

/// The key of a group in a window.
pub(super) fn window_key(tag: u8, start: i64, group: &[u8], key: &mut Vec<u8>) {
    window_prefix(tag, start, key);
    key.extend_from_slice(group);
}

/// Start and group of the key of a window's row.
pub(super) fn window_of(key: &[u8]) -> Option<(i64, &[u8])> {
    let (_, rest) = key.split_first()?;
    let (start, group) = rest.split_first_chunk()?;
    Some(((u64::from_be_bytes(*start) ^ SIGN) as i64, group))
}

/// The key of a group in no window.
pub(super) fn group_key(tag: u8, group: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.push(tag);
    key.extend_from_slice(group);
}

/// The row of a group in a window: whether it changed since it was last told (1 byte), revision and
/// number of deltas (varints), the aggregate's own bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) changed: bool,
    pub(super) revision: u64,
    pub(super) n: u64,
    pub(super) aggregate: &'a [u8],
}

impl<'a> Row<'a> {
    /// The beginning of a row; the aggregate's bytes follow.
    pub(super) fn begin(changed: bool, revision: u64, n: u64, out: &mut Vec<u8>) {
        out.clear();
        out.push(u8::from(changed));
        varint::put(out, revision);
        varint::put(out, n);
    }

    /// Of a row's bytes: it changed since it was last told.
    pub(super) fn mark_changed(row: &mut [u8]) {
        if let Some(changed) = row.first_mut() {
            *changed = 1;
        }
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (&changed, mut rest) = bytes.split_first()?;
        let revision = varint::take(&mut rest)?;
        let n = varint::take(&mut rest)?;
        Some(Self {
            changed: changed != 0,
            revision,
            n,
            aggregate: rest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_sort_by_their_start() {
        let mut keys = Vec::new();
        for start in [i64::MIN, -60_000, 0, 60_000, i64::MAX] {
            let mut key = Vec::new();
            window_key(WINDOW, start, b"g", &mut key);
            assert_eq!(window_of(&key), Some((start, &b"g"[..])));
            keys.push(key);
        }
        assert!(keys.is_sorted());
    }

    #[test]
    fn rows_reports_and_meta_survive_a_round_trip() {
        let mut bytes = Vec::new();
        Row::begin(true, 3, 400, &mut bytes);
        bytes.extend_from_slice(b"sum");
        let row = Row {
            changed: true,
            revision: 3,
            n: 400,
            aggregate: b"sum",
        };
        assert_eq!(Row::decode(&bytes), Some(row));
        for watermark in [Watermark::Empty, Watermark::At(-7)] {
            encode_report(watermark, &mut bytes);
            assert_eq!(decode_report(&bytes), Some(watermark));
        }
        let task = TaskId {
            subtopology: 1,
            partition: 260,
        };
        assert_eq!(upstream_of(&upstream_key(task)), Some(task));
        let meta = Meta {
            closed_before: -60_000,
            late: 9,
        };
        assert_eq!(Meta::decode(&meta.encode()), Some(meta));
    }

    #[test]
    fn the_bytes_of_rows_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "window-rows-1.hex");
        let mut bytes = Vec::new();
        Row::begin(true, 3, 400, &mut bytes);
        bytes.extend_from_slice(b"sum");
        pinned.assert_written("row", &bytes);
        let row = Row::decode(pinned.bytes("row")).unwrap();
        assert_eq!(
            (row.changed, row.revision, row.n, row.aggregate),
            (true, 3, 400, &b"sum"[..])
        );
        for (name, watermark) in [
            ("report-empty", Watermark::Empty),
            ("report", Watermark::At(-7)),
        ] {
            encode_report(watermark, &mut bytes);
            pinned.assert_written(name, &bytes);
            assert_eq!(decode_report(pinned.bytes(name)), Some(watermark));
        }
        let task = TaskId {
            subtopology: 1,
            partition: 260,
        };
        pinned.assert_written("upstream-key", &upstream_key(task));
        assert_eq!(upstream_of(pinned.bytes("upstream-key")), Some(task));
        let meta = Meta {
            closed_before: -60_000,
            late: 9,
        };
        pinned.assert_written("meta", &meta.encode());
        assert_eq!(Meta::decode(pinned.bytes("meta")), Some(meta));
        for (name, tag) in [("window-key", WINDOW), ("running-key", RUNNING)] {
            window_key(tag, 60_000, b"g", &mut bytes);
            pinned.assert_written(name, &bytes);
            assert_eq!(window_of(pinned.bytes(name)), Some((60_000, &b"g"[..])));
        }
        for (name, tag) in [("current-key", CURRENT), ("base-key", BASE)] {
            group_key(tag, b"g", &mut bytes);
            pinned.assert_written(name, &bytes);
        }
        let refused = check_format("the store", Some(&[2]))
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("has format 2, and this program reads format 1"),
            "{refused}"
        );
        assert!(check_format("the store", None).is_ok());
    }
}
