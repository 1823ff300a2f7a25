//! What an upstream task hands over to one merging task at a commit: deltas, then perhaps its watermark,
//! in one record of the repartition topic (several, if there is much). One record and not one per delta,
//! because a record costs more than the work.
//!
//! Value: format version (1); the upstream task (sub-topology and partition, 4 bytes each, big-endian);
//! then sections until the end, each a tag and its fields, integers as varints:
//!
//! | tag | fields |
//! |---|---|
//! | 0–2: delta of a window, running, total; 3–4: of further windows | start less that of the section before (not of totals), group, aggregate, n |
//! | 8–12: the same, by itself, because it may be late | … moment, cause |
//! | 16: the task is EMPTY | |
//! | 17: watermark | epoch milliseconds |

use super::clocks::Watermark;
use super::partial::{Slot, Table};
use crate::codec::{CodecError, Deserializer, Presence, Serializer, varint};
use crate::format;
use crate::task::TaskId;

const FORMAT: u8 = 1;
/// For messages.
const RECORD: &str = "a record of the repartition topic";
const ALONE: u8 = 8;
const EMPTY: u8 = 16;
const WATERMARK: u8 = 17;
/// A record is closed once it is this large, where the topic takes four times as much or more.
const RECORD_BYTES: usize = 64 << 10;

/// What may go into a record, of what its topic takes (`max.message.bytes`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HandoverLimits {
    /// A record is closed once it is this large.
    record: usize,
    /// Group and cause of a delta together. The rest is for what is in the record already, for the
    /// aggregate, and for all that the merging task writes of the group.
    pub(super) group_and_cause: usize,
}

impl HandoverLimits {
    pub(super) fn of_topic(max_message_bytes: usize) -> Self {
        Self {
            record: RECORD_BYTES.min(max_message_bytes / 4),
            group_and_cause: max_message_bytes / 2,
        }
    }
}

/// A record of the repartition topic.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Where it goes; not part of its bytes.
    pub(super) partition: i32,
    pub(super) bytes: Vec<u8>,
}

/// Writes sections.
#[derive(Debug, Default)]
pub(super) struct HandoverWriter {
    pub(super) record: Handover,
    last_start: i64,
}

impl HandoverWriter {
    /// Begins a record anew.
    pub(super) fn begin(&mut self, task: TaskId) {
        let bytes = &mut self.record.bytes;
        bytes.clear();
        bytes.push(FORMAT);
        bytes.extend_from_slice(&task.subtopology.to_be_bytes());
        bytes.extend_from_slice(&task.partition.to_be_bytes());
        self.last_start = 0;
    }

    pub(super) fn is_full(&self, limits: HandoverLimits) -> bool {
        self.record.bytes.len() >= limits.record
    }

    /// Whether there is anything in it but its beginning.
    pub(super) fn has_sections(&self) -> bool {
        self.record.bytes.len() > 9
    }

    pub(super) fn delta(
        &mut self,
        slot: Slot<'_>,
        aggregate: &[u8],
        n: u64,
        late: Option<(i64, &[u8])>,
    ) {
        let bytes = &mut self.record.bytes;
        let table = slot.table.number();
        bytes.push(if late.is_some() { table | ALONE } else { table });
        if slot.table != Table::Total {
            varint::put_signed(bytes, slot.start.wrapping_sub(self.last_start));
            self.last_start = slot.start;
        }
        varint::put_bytes(bytes, slot.group);
        varint::put_bytes(bytes, aggregate);
        varint::put(bytes, n);
        if let Some((timestamp, cause)) = late {
            varint::put_signed(bytes, timestamp);
            varint::put_bytes(bytes, cause);
        }
    }

    pub(super) fn watermark(&mut self, watermark: Watermark) {
        let bytes = &mut self.record.bytes;
        match watermark {
            Watermark::Empty => bytes.push(EMPTY),
            Watermark::At(time) => {
                bytes.push(WATERMARK);
                varint::put_signed(bytes, time);
            }
        }
    }
}

/// A section of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section<'a> {
    Delta {
        slot: Slot<'a>,
        aggregate: &'a [u8],
        n: u64,
        late: Option<(i64, &'a [u8])>,
    },
    Watermark(Watermark),
}

/// Reads what [`HandoverWriter`] wrote.
#[derive(Debug)]
pub(super) struct HandoverReader<'a> {
    pub(super) task: TaskId,
    rest: &'a [u8],
    last_start: i64,
}

impl<'a> HandoverReader<'a> {
    /// Why not, if the record is of a format that this program does not read, or broken.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let (found, rest) = bytes.split_first().unwrap_or((&0, &[]));
        if *found != FORMAT {
            let (found, reads) = (u32::from(*found), u32::from(FORMAT));
            return Err(format::refusal(RECORD, found, reads, reads));
        }
        Self::after_format(rest).ok_or_else(|| format!("{RECORD} is broken; reset the application"))
    }

    fn after_format(rest: &'a [u8]) -> Option<Self> {
        let (subtopology, rest) = rest.split_first_chunk()?;
        let (partition, rest) = rest.split_first_chunk()?;
        Some(Self {
            task: TaskId {
                subtopology: u32::from_be_bytes(*subtopology),
                partition: i32::from_be_bytes(*partition),
            },
            rest,
            last_start: 0,
        })
    }

    /// The next section; `Some(None)` at the end, `None` if the rest is broken.
    pub(super) fn next(&mut self) -> Option<Option<Section<'a>>> {
        let Some((&tag, rest)) = self.rest.split_first() else {
            return Some(None);
        };
        self.rest = rest;
        let section = match tag {
            EMPTY => Section::Watermark(Watermark::Empty),
            WATERMARK => Section::Watermark(Watermark::At(varint::take_signed(&mut self.rest)?)),
            _ => self.delta(tag)?,
        };
        Some(Some(section))
    }

    fn delta(&mut self, tag: u8) -> Option<Section<'a>> {
        let table = match tag & !ALONE {
            number if number < ALONE => Table::of_number(number),
            _ => return None,
        };
        let rest = &mut self.rest;
        let mut start = 0;
        if table != Table::Total {
            start = self.last_start.wrapping_add(varint::take_signed(rest)?);
            self.last_start = start;
        }
        let group = varint::take_bytes(rest)?;
        let aggregate = varint::take_bytes(rest)?;
        let n = varint::take(rest)?;
        let late = match tag & ALONE {
            0 => None,
            _ => Some((varint::take_signed(rest)?, varint::take_bytes(rest)?)),
        };
        let slot = Slot {
            table,
            start,
            group,
        };
        Some(Section::Delta {
            slot,
            aggregate,
            n,
            late,
        })
    }
}

/// Its key is null: it goes to a partition by number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NoKey;

impl Serializer<()> for NoKey {
    fn serialize(&mut self, _: &(), _: &mut Vec<u8>) -> Result<Presence, CodecError> {
        Ok(Presence::Null)
    }
}

impl Deserializer<()> for NoKey {
    fn deserialize(&mut self, _: Option<&[u8]>, _: &mut ()) -> Result<(), CodecError> {
        Ok(())
    }
}

/// Its value is its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HandoverBytes;

impl Serializer<Handover> for HandoverBytes {
    fn serialize(&mut self, value: &Handover, out: &mut Vec<u8>) -> Result<Presence, CodecError> {
        out.extend_from_slice(&value.bytes);
        Ok(Presence::Present)
    }
}

impl Deserializer<Handover> for HandoverBytes {
    fn deserialize(
        &mut self,
        data: Option<&[u8]>,
        target: &mut Handover,
    ) -> Result<(), CodecError> {
        target.bytes.clear();
        target.bytes.extend_from_slice(data.unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TASK: TaskId = TaskId {
        subtopology: 3,
        partition: 11,
    };

    fn read(bytes: &[u8]) -> Option<Vec<Section<'_>>> {
        let mut reader = HandoverReader::new(bytes).ok()?;
        let mut sections = Vec::new();
        while let Some(section) = reader.next()? {
            sections.push(section);
        }
        Some(sections)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            deltas in proptest::collection::vec((0..5_usize, any::<i64>(), any::<Vec<u8>>(), any::<u64>(), any::<Option<i64>>()), 0..20),
            time in any::<i64>(),
        ) {
            let mut writer = HandoverWriter::default();
            writer.begin(TASK);
            prop_assert!(!writer.has_sections());
            let mut expected = Vec::new();
            for (table, start, group, n, late) in &deltas {
                let table = [Table::Window(0), Table::Running, Table::Total, Table::Window(1), Table::Window(2)][*table];
                let start = if table == Table::Total { 0 } else { *start };
                let slot = Slot { table, start, group };
                let late = late.map(|moment| (moment, group.as_slice()));
                writer.delta(slot, b"12", *n, late);
                expected.push(Section::Delta { slot, aggregate: b"12", n: *n, late });
            }
            for watermark in [Watermark::Empty, Watermark::At(time)] {
                writer.watermark(watermark);
                expected.push(Section::Watermark(watermark));
            }
            prop_assert_eq!(HandoverReader::new(&writer.record.bytes).unwrap().task, TASK);
            prop_assert_eq!(read(&writer.record.bytes), Some(expected));
        }

        #[test]
        fn broken_bytes_are_refused_or_read_without_harm(bytes in any::<Vec<u8>>()) {
            let _ = read(&bytes);
            let _ = read(&[&[FORMAT, 0, 0, 0, 0, 0, 0, 0, 0], bytes.as_slice()].concat());
        }
    }

    #[test]
    fn another_format_is_refused() {
        let refused = HandoverReader::new(&[2, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_err();
        assert!(
            refused.contains("has format 2, and this program reads format 1"),
            "{refused}"
        );
        assert!(HandoverReader::new(&[]).is_err());
    }

    #[test]
    fn the_bytes_of_a_record_are_pinned() {
        let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "handover-1.hex");
        let mut writer = HandoverWriter::default();
        writer.begin(TASK);
        let mut expected = Vec::new();
        for (table, start) in [
            (Table::Window(0), 60_000),
            (Table::Running, 120_000),
            (Table::Total, 0),
        ] {
            for late in [None, Some((61_234, &b"e-1"[..]))] {
                let slot = Slot {
                    table,
                    start,
                    group: b"g",
                };
                writer.delta(slot, b"12", 300, late);
                expected.push(Section::Delta {
                    slot,
                    aggregate: b"12",
                    n: 300,
                    late,
                });
            }
        }
        for watermark in [Watermark::Empty, Watermark::At(180_000)] {
            writer.watermark(watermark);
            expected.push(Section::Watermark(watermark));
        }
        pinned.assert_written("record", &writer.record.bytes);
        let bytes = pinned.bytes("record");
        assert_eq!(HandoverReader::new(bytes).unwrap().task, TASK);
        assert_eq!(read(bytes), Some(expected));
    }
}
