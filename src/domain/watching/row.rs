//! What is kept of an order's watches: when it is looked at next, and which levels were told.
//!
//! ```text
//! 02                        format
//! 01 or 00                  whether the order is counted among those that wait for a rider
//! when it is looked at      zigzag LEB128 of milliseconds + 1; 0: never
//! number of what was told   LEB128
//!   code of the watch, code of the level (and 80 where it was kept quiet, 40 where the order counts as overdue)
//!   since when it ran       zigzag LEB128, milliseconds
//!   deadline, less that     likewise; only where the order counts as overdue
//! ```
//!
//! Codes are only ever appended. Format 1 is the same without overdue orders.

use super::running::Running;
use super::{Level, Watch};
use crate::domain::order_bytes::{Reader, Writer, unzigzag, zigzag};
use crate::domain::order_codec::OrderCodecError::{self, Impossible, Trailing};

/// The format that this program writes; it reads the one before as well.
pub const ROW_FORMAT: u8 = 2;
const QUIET: u8 = 0x80;
const OVERDUE: u8 = 0x40;

/// A level that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Of what.
    pub watch: Watch,
    /// Which.
    pub level: Level,
    /// When what is watched began, epoch milliseconds.
    pub since: i64,
    /// Reached, but nobody was told, because it turned out to be nothing.
    pub quiet: bool,
    /// Since when the order counts as overdue by it, epoch milliseconds; none if it does not. What was counted stands in the
    /// row, so that the gauge is exact whenever counting began.
    pub overdue_from: Option<i64>,
}

/// The stored row of one order's watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchRow {
    /// When its timer is due, epoch milliseconds; none if there is none.
    pub due: Option<i64>,
    /// The levels reached by what still runs.
    pub told: Vec<Told>,
    /// Whether the order is counted among those that wait for a rider.
    pub queued: bool,
}

impl WatchRow {
    /// Whether there is nothing to be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_none() && self.told.is_empty() && !self.queued
    }

    /// Forgets everything but the memory it holds.
    pub fn clear(&mut self) {
        self.due = None;
        self.told.clear();
        self.queued = false;
    }

    /// Whether the level was reached by the watch that began then.
    #[must_use]
    pub fn has(&self, watch: Watch, level: Level, since: i64) -> bool {
        let mut told = self.told.iter();
        told.any(|told| told.watch == watch && told.level == level && told.since == since)
    }

    /// Takes out what does not run any more, and hands it over.
    pub fn take_ended(&mut self, running: &Running, ended: &mut Vec<Told>) {
        ended.clear();
        self.told.retain(|told| {
            let runs = running.since(told.watch).map(|since| since.at) == Some(told.since);
            if !runs {
                ended.push(*told);
            }
            runs
        });
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer { out, base: 0 };
        writer.byte(ROW_FORMAT);
        writer.byte(u8::from(self.queued));
        writer.number(self.due.map_or(0, |due| zigzag(due).saturating_add(1)));
        writer.number(self.told.len() as u64);
        for told in &self.told {
            writer.byte(told.watch.code());
            let quiet = if told.quiet { QUIET } else { 0 };
            let overdue = told.overdue_from.map_or(0, |_| OVERDUE);
            writer.byte(told.level.code() | quiet | overdue);
            writer.signed(told.since);
            if let Some(deadline) = told.overdue_from {
                writer.signed(deadline.wrapping_sub(told.since));
            }
        }
    }

    /// Reads its bytes, in place of what was in it.
    ///
    /// # Errors
    /// Bytes that [`WatchRow::encode`] cannot have written.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(), OrderCodecError> {
        self.clear();
        let mut reader = Reader { bytes, base: 0 };
        let flags = match reader.byte("format of watches")? {
            ROW_FORMAT => QUIET | OVERDUE,
            1 => QUIET,
            _ => return Err(Impossible("format of watches")),
        };
        self.queued = match reader.byte("queue")? {
            0 => false,
            1 => true,
            _ => return Err(Impossible("queue")),
        };
        self.due = reader.number("due")?.checked_sub(1).map(unzigzag);
        for _ in 0..reader.number("number of levels")? {
            let watch = Watch::from_code(reader.byte("watch")?).ok_or(Impossible("watch"))?;
            let byte = reader.byte("level")?;
            let level = Level::from_code(byte & !flags).ok_or(Impossible("level"))?;
            let since = reader.signed("beginning")?;
            let overdue_from = match byte & flags & OVERDUE {
                0 => None,
                _ => Some(since.wrapping_add(reader.signed("deadline")?)),
            };
            self.told.push(Told {
                watch,
                level,
                since,
                quiet: byte & QUIET != 0,
                overdue_from,
            });
        }
        match reader.bytes.len() {
            0 => Ok(()),
            bytes => Err(Trailing(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> WatchRow {
        let told = |watch, level, since, quiet| Told {
            watch,
            level,
            since,
            quiet,
            overdue_from: None,
        };
        WatchRow {
            due: Some(1_763_539_200_000),
            told: vec![
                told(Watch::NoRider, Level::Critical, 1_763_539_199_000, false),
                told(Watch::PaidNoOrder, Level::Breach, -1, true),
            ],
            queued: true,
        }
    }

    #[test]
    fn a_row_of_the_format_before_is_read() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "watch-row-1.hex");
        let mut read = WatchRow::default();
        read.decode(pinned.bytes("row")).unwrap();
        assert_eq!(read, row());
    }

    #[test]
    fn the_bytes_of_a_row_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "watch-row-2.hex");
        let (mut bytes, mut read) = (Vec::new(), WatchRow::default());
        let mut row = row();
        row.told.insert(
            1,
            Told {
                watch: Watch::Stuck,
                level: Level::Breach,
                since: 1_763_539_000_000,
                quiet: false,
                overdue_from: Some(1_763_549_800_000),
            },
        );
        row.encode(&mut bytes);
        pinned.assert_written("row", &bytes);
        read.decode(pinned.bytes("row")).unwrap();
        assert_eq!(read, row);
        for end in 0..bytes.len() {
            assert!(read.decode(&bytes[..end]).is_err(), "{end}");
        }
        bytes[0] = 3;
        assert!(read.decode(&bytes).is_err());
    }

    #[test]
    fn what_began_anew_has_ended_too() {
        let mut row = row();
        let mut ended = Vec::new();
        row.take_ended(&Running::default(), &mut ended);
        assert_eq!((ended.len(), row.told.len()), (2, 0));
        assert!(!row.is_empty(), "its timer is still set");
        (row.due, row.queued) = (None, false);
        assert!(row.is_empty());
    }
}
