//! The latest record of each key of an output, until the commit: what it replaces is never sent.
//!
//! Keys, values and headers of a record lie in one block, blocks in chunks of memory. A record that fits takes the place of
//! the one before it; else it gets another block, and the chunks are packed once half of them is of no use any more. A chunk
//! never moves, so that growing copies nothing.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::io::batch::Span;
use crate::io::headers::{HeaderSpan, Headers};

use super::outputs::{Destination, Outgoing};

/// A chunk; a larger record has one of its own.
const CHUNK_BYTES: usize = 128 << 10;
/// So many chunks stay with a task; where several tasks take turns, the others can have the rest.
const KEPT_CHUNKS: usize = 8;
/// So many records stay in memory, however few were needed.
const KEPT_SLOTS: usize = 256;
/// What a record takes besides its bytes: slot, index and places of headers.
const SLOT_BYTES: usize = 150;
/// An order grows with each event: a record that grows by no more than this part of it stays where it is.
const ROOM: usize = 4;

/// A record that was accepted, in the arena in which it was written.
pub(super) struct LatestRecord<'a> {
    pub(super) to: Destination,
    /// Its key, value and headers, and nothing else.
    pub(super) block: &'a [u8],
    /// Where the block begins in the arena to which the places belong.
    pub(super) start: usize,
    pub(super) key: Option<Span>,
    pub(super) value: Option<Span>,
    pub(super) headers: &'a [HeaderSpan],
}

/// One slot per (output, key).
#[derive(Debug, Default)]
pub(super) struct LatestBuffer {
    index: HashTable<usize>,
    slots: Vec<Slot>,
    chunks: Chunks,
    headers: Vec<HeaderSpan>,
    /// Bytes of the chunks, and places of headers, that belong to no slot any more.
    wasted: (usize, usize),
}

/// A record. Places of key, value and headers are relative to its block.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u64,
    output: usize,
    partition: Option<i32>,
    timestamp: i64,
    place: Place,
    /// How long the block is.
    len: usize,
    key: Option<Span>,
    value: Option<Span>,
    /// Where in the list of headers its own begin, how many they are, how many they may become.
    headers: (usize, usize, usize),
}

/// Where a block may lie.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    chunk: usize,
    start: usize,
    room: usize,
}

/// Memory that is handed out in order.
#[derive(Debug, Default)]
struct Chunks {
    all: Vec<Vec<u8>>,
    /// The chunk from which is handed out, and how much of it was.
    at: (usize, usize),
    used: usize,
}

impl Chunks {
    /// Room for so many bytes.
    fn place(&mut self, room: usize) -> Place {
        self.used += room;
        let (mut chunk, mut start) = self.at;
        // A chunk that is too small for this one record is skipped.
        while self
            .all
            .get(chunk)
            .is_some_and(|bytes| bytes.len() < start + room)
        {
            (chunk, start) = (chunk + 1, 0);
        }
        if chunk == self.all.len() {
            self.all.push(vec![0; room.max(CHUNK_BYTES)]);
        }
        self.at = (chunk, start + room);
        Place { chunk, start, room }
    }

    fn write(&mut self, place: Place, block: &[u8]) {
        if let Some(chunk) = self.all.get_mut(place.chunk)
            && let Some(room) = chunk.get_mut(place.start..place.start + block.len())
        {
            room.copy_from_slice(block);
        }
    }

    fn read(&self, place: Place, len: usize) -> &[u8] {
        let chunk = self.all.get(place.chunk);
        let block = chunk.and_then(|chunk| chunk.get(place.start..place.start + len));
        block.unwrap_or_default()
    }

    /// Forgets everything, and gives back all but a few chunks, and those that were not needed this time.
    fn clear(&mut self) {
        self.all.truncate(KEPT_CHUNKS.min(self.at.0 + 1));
        // One of a single large record is not kept for the small ones.
        self.all.retain(|chunk| chunk.len() == CHUNK_BYTES);
        (self.at, self.used) = ((0, 0), 0);
    }
}

fn hash(output: usize, key: Option<&[u8]>) -> u64 {
    xxh3_64(key.unwrap_or_default()) ^ (output as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl LatestBuffer {
    /// Takes the place of what was there of this output and key.
    pub(super) fn replace(&mut self, record: LatestRecord<'_>) {
        let (block, start) = (record.block, record.start);
        let key = record.key.map(|key| key.from(start));
        let hash = hash(record.to.output, key.map(|key| key.of(block)));
        let (slots, chunks) = (&self.slots, &self.chunks);
        let same = |slot: &Slot| {
            let known = slot
                .key
                .map(|key| key.of(chunks.read(slot.place, slot.len)));
            slot.hash == hash
                && slot.output == record.to.output
                && known == key.map(|key| key.of(block))
        };
        let found = self
            .index
            .find(hash, |slot| slots.get(*slot).is_some_and(same));
        let position = match found {
            Some(position) => *position,
            None => {
                let position = slots.len();
                self.index.insert_unique(hash, position, |slot| {
                    slots.get(*slot).map_or(0, |slot| slot.hash)
                });
                self.slots.push(Slot {
                    hash,
                    output: record.to.output,
                    partition: None,
                    timestamp: 0,
                    place: Place::default(),
                    len: 0,
                    key: None,
                    value: None,
                    headers: (0, 0, 0),
                });
                position
            }
        };
        let Some(slot) = self.slots.get_mut(position) else {
            return;
        };
        slot.partition = record.to.partition;
        slot.timestamp = record.to.timestamp;
        slot.key = key;
        slot.value = record.value.map(|value| value.from(start));

        if block.len() > slot.place.room {
            self.wasted.0 += slot.place.room;
            slot.place = self.chunks.place(block.len() + block.len() / ROOM);
        }
        self.chunks.write(slot.place, block);
        slot.len = block.len();

        let (first, _, room) = slot.headers;
        let len = record.headers.len();
        let own = record.headers.iter().map(|header| HeaderSpan {
            name: header.name.from(start),
            value: header.value.map(|value| value.from(start)),
        });
        if len > room {
            self.wasted.1 += room;
            slot.headers = (self.headers.len(), len, len);
            self.headers.extend(own);
        } else if let Some(places) = self.headers.get_mut(first..first + len) {
            places
                .iter_mut()
                .zip(own)
                .for_each(|(place, own)| *place = own);
            slot.headers.1 = len;
        }
        if self.wasted.0 > CHUNK_BYTES.max(self.chunks.used / 2)
            || self.wasted.1 > KEPT_SLOTS.max(self.headers.len() / 2)
        {
            self.pack();
        }
    }

    /// Moves everything to new memory, without what is of no use any more.
    fn pack(&mut self) {
        let mut chunks = Chunks::default();
        let mut headers = Vec::with_capacity(self.headers.len().saturating_sub(self.wasted.1));
        for slot in &mut self.slots {
            let block = self.chunks.read(slot.place, slot.len);
            slot.place = chunks.place(slot.place.room);
            chunks.write(slot.place, block);
            let (start, len, _) = slot.headers;
            slot.headers = (headers.len(), len, len);
            headers.extend_from_slice(self.headers.get(start..start + len).unwrap_or_default());
        }
        self.chunks = chunks;
        self.headers = headers;
        self.wasted = (0, 0);
    }

    /// Hands over all records, in the order in which their keys were first seen, and forgets them.
    pub(super) fn drain<E>(
        &mut self,
        mut send: impl FnMut(Outgoing<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for slot in &self.slots {
            let block = self.chunks.read(slot.place, slot.len);
            let (start, len, _) = slot.headers;
            let headers = self.headers.get(start..start + len).unwrap_or_default();
            send(Outgoing {
                output: slot.output,
                partition: slot.partition,
                timestamp: slot.timestamp,
                key: slot.key.map(|key| key.of(block)),
                value: slot.value.map(|value| value.of(block)),
                headers: Headers::new(block, headers),
            })?;
        }
        self.clear();
        Ok(())
    }

    /// Forgets all records. Little memory stays, and no more than was needed this time.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        forget(&mut self.slots, KEPT_SLOTS);
        forget(&mut self.headers, KEPT_SLOTS);
        self.index.clear();
        self.wasted = (0, 0);
    }

    /// Bytes waiting to be handed over.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.used.saturating_sub(self.wasted.0) + self.slots.len() * SLOT_BYTES
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// Empties a list, and gives back its memory if much more of it is there than was used.
fn forget<T>(list: &mut Vec<T>, kept: usize) {
    let used = list.len().max(kept);
    list.clear();
    if list.capacity() > 2 * used {
        list.shrink_to(used);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::io::HeaderBuffer;
    use crate::process::SinkMode;

    type Known = (
        usize,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
        Vec<Option<Vec<u8>>>,
    );

    fn drained(buffer: &mut LatestBuffer) -> Vec<Known> {
        let mut seen = Vec::new();
        let send = |record: Outgoing<'_>| {
            let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
            let headers = record.headers.iter().map(|(_, value)| own(value));
            let headers = headers.collect();
            seen.push((record.output, own(record.key), own(record.value), headers));
            Ok::<(), ()>(())
        };
        buffer.drain(send).unwrap();
        seen
    }

    fn replace(buffer: &mut LatestBuffer, known: &Known) {
        let mut headers = HeaderBuffer::default();
        for value in &known.3 {
            headers.push("name", value.as_deref());
        }
        // Behind another record.
        let (mut arena, mut spans) = (vec![9; 5], Vec::new());
        let mut append = |bytes: &Vec<u8>| Span::append(&mut arena, bytes);
        let (key, value) = (
            known.1.as_ref().map(&mut append),
            known.2.as_ref().map(&mut append),
        );
        headers.view().append_to(&mut arena, &mut spans);
        buffer.replace(LatestRecord {
            to: Destination {
                output: known.0,
                mode: SinkMode::LatestPerCommit,
                partition: None,
                timestamp: 0,
            },
            block: &arena[5..],
            start: 5,
            key,
            value,
            headers: &spans,
        });
    }

    fn bytes(most: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
        prop::option::of((0..most, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]))
    }

    proptest! {
        #[test]
        fn the_latest_of_each_key_is_as_it_was_given_however_it_grows_and_shrinks(
            commits in prop::collection::vec(
                prop::collection::vec((0..2_usize, bytes(3), bytes(3_000), prop::collection::vec(bytes(200), 0..9)), 0..300),
                1..3,
            ),
        ) {
            let mut buffer = LatestBuffer::default();
            for commit in commits {
                let mut expected: Vec<Known> = Vec::new();
                for record in commit {
                    replace(&mut buffer, &record);
                    let same = |known: &&mut Known| (known.0, &known.1) == (record.0, &record.1);
                    match expected.iter_mut().find(same) {
                        Some(known) => *known = record,
                        None => expected.push(record),
                    }
                }
                prop_assert_eq!(drained(&mut buffer), expected);
                prop_assert!(buffer.is_empty());
            }
        }
    }

    #[test]
    fn a_key_that_comes_for_ever_takes_no_more_memory() {
        let mut buffer = LatestBuffer::default();
        for len in 0..20_000 {
            let value = vec![7; 1_000 + len % 3_000];
            replace(
                &mut buffer,
                &(0, Some(vec![1]), Some(value), vec![None; len % 7]),
            );
        }
        assert!(buffer.chunks.all.len() < 6, "{}", buffer.chunks.all.len());
        assert!(buffer.headers.capacity() < 4 * KEPT_SLOTS);
        assert!(buffer.bytes() < 5_000);
    }

    #[test]
    fn the_memory_of_a_burst_is_given_back_by_the_commit_after_it() {
        let mut buffer = LatestBuffer::default();
        for key in 0..5_000_u32 {
            let key = key.to_be_bytes().to_vec();
            replace(&mut buffer, &(0, Some(key), Some(vec![7; 500]), vec![]));
        }
        buffer.clear();
        replace(&mut buffer, &(0, Some(vec![1]), Some(vec![7; 500]), vec![]));
        buffer.clear();
        assert_eq!(buffer.chunks.all.len(), 1);
        assert!(buffer.slots.capacity() <= 2 * KEPT_SLOTS);
    }
}
