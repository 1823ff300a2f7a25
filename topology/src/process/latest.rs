//! The latest record of each key of an output, until the commit: what it replaces is never sent.
//!
//! Keys, values and headers lie in one arena, a block for each record. A record that fits takes the place of the one
//! before it; else it goes to the end, and the arena is packed once half of it is of no use any more.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::io::batch::Span;
use crate::io::headers::{HeaderSpan, Headers};

use super::outputs::Outgoing;

/// So much of an arena stays, however little was needed.
const KEPT_BYTES: usize = 64 << 10;
/// The same in records.
const KEPT_SLOTS: usize = 256;
/// What a record takes besides its bytes: slot, index and places of headers.
const SLOT_BYTES: usize = 150;
/// An order grows with each event: a record that grows so much stays where it is.
const ROOM: usize = 64;

/// One slot per (output, key).
#[derive(Debug, Default)]
pub(super) struct LatestBuffer {
    index: HashTable<usize>,
    slots: Vec<Slot>,
    arena: Vec<u8>,
    headers: Vec<HeaderSpan>,
    /// Bytes of the arena, and places of headers, that belong to no slot any more.
    wasted: (usize, usize),
    /// The block and the headers of the record at hand.
    block: Vec<u8>,
    spans: Vec<HeaderSpan>,
}

/// A record. Places of key, value and headers are relative to its block.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    output: usize,
    partition: Option<i32>,
    timestamp: i64,
    /// Where in the arena it begins, how long it is, how long it may become.
    start: usize,
    len: usize,
    room: usize,
    key: Option<Span>,
    value: Option<Span>,
    /// Where in the list of headers its own begin, how many they are, how many they may become.
    headers: (usize, usize, usize),
}

fn hash(output: usize, key: Option<&[u8]>) -> u64 {
    xxh3_64(key.unwrap_or_default()) ^ (output as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Slot {
    fn block<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        arena
            .get(self.start..self.start + self.len)
            .unwrap_or_default()
    }

    fn key<'a>(&self, arena: &'a [u8]) -> Option<&'a [u8]> {
        self.key.map(|key| key.of(self.block(arena)))
    }
}

impl LatestBuffer {
    /// Takes the place of what was there of this output and key.
    pub(super) fn replace(&mut self, record: Outgoing<'_>) {
        self.block.clear();
        self.spans.clear();
        let mut append = |bytes| Span::append(&mut self.block, bytes);
        let (key, value) = (record.key.map(&mut append), record.value.map(&mut append));
        record.headers.append_to(&mut self.block, &mut self.spans);

        let hash_of = hash(record.output, record.key);
        let (slots, arena) = (&self.slots, &self.arena);
        let same = |slot: &Slot| slot.output == record.output && slot.key(arena) == record.key;
        let found = self
            .index
            .find(hash_of, |slot| slots.get(*slot).is_some_and(same));
        let position = match found {
            Some(position) => *position,
            None => {
                let position = slots.len();
                self.index.insert_unique(hash_of, position, |slot| {
                    let slot = slots.get(*slot);
                    slot.map_or(0, |slot| hash(slot.output, slot.key(arena)))
                });
                self.slots.push(Slot::default());
                position
            }
        };
        let Some(slot) = self.slots.get_mut(position) else {
            return;
        };
        slot.output = record.output;
        slot.partition = record.partition;
        slot.timestamp = record.timestamp;
        slot.key = key;
        slot.value = value;

        if self.block.len() > slot.room {
            self.wasted.0 += slot.room;
            slot.start = self.arena.len();
            slot.room = self.block.len() + ROOM;
            self.arena.extend_from_slice(&self.block);
            self.arena.resize(slot.start + slot.room, 0);
        } else if let Some(place) = self.arena.get_mut(slot.start..)
            && let Some(place) = place.get_mut(..self.block.len())
        {
            place.copy_from_slice(&self.block);
        }
        slot.len = self.block.len();

        let (start, _, room) = slot.headers;
        let len = self.spans.len();
        if len > room {
            self.wasted.1 += room;
            slot.headers = (self.headers.len(), len, len);
            self.headers.extend_from_slice(&self.spans);
        } else if let Some(place) = self.headers.get_mut(start..start + len) {
            place.copy_from_slice(&self.spans);
            slot.headers.1 = len;
        }
        if self.wasted.0 > KEPT_BYTES.max(self.arena.len() / 2)
            || self.wasted.1 > KEPT_SLOTS.max(self.headers.len() / 2)
        {
            self.pack();
        }
    }

    /// Moves everything to the beginning of new memory, without what is of no use any more.
    fn pack(&mut self) {
        let mut arena = Vec::with_capacity(self.arena.len().saturating_sub(self.wasted.0));
        let mut headers = Vec::with_capacity(self.headers.len().saturating_sub(self.wasted.1));
        for slot in &mut self.slots {
            let start = arena.len();
            arena.extend_from_slice(slot.block(&self.arena));
            arena.resize(start + slot.room, 0);
            slot.start = start;
            let (start, len, _) = slot.headers;
            slot.headers = (headers.len(), len, len);
            headers.extend_from_slice(self.headers.get(start..start + len).unwrap_or_default());
        }
        self.arena = arena;
        self.headers = headers;
        self.wasted = (0, 0);
    }

    /// Hands over all records, in the order in which their keys were first seen, and forgets them.
    pub(super) fn drain<E>(
        &mut self,
        mut send: impl FnMut(Outgoing<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for slot in &self.slots {
            let block = slot.block(&self.arena);
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

    /// Forgets all records. As much memory stays as was needed this time: a burst's is not kept for ever.
    pub(super) fn clear(&mut self) {
        forget(&mut self.arena, KEPT_BYTES);
        forget(&mut self.slots, KEPT_SLOTS);
        forget(&mut self.headers, KEPT_SLOTS);
        self.index.clear();
        self.wasted = (0, 0);
    }

    /// Bytes waiting to be handed over.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len().saturating_sub(self.wasted.0) + self.slots.len() * SLOT_BYTES
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
        buffer.replace(Outgoing {
            output: known.0,
            partition: None,
            timestamp: 0,
            key: known.1.as_deref(),
            value: known.2.as_deref(),
            headers: headers.view(),
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
        assert!(
            buffer.arena.capacity() < 4 * KEPT_BYTES,
            "{}",
            buffer.arena.capacity()
        );
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
        assert!(buffer.arena.capacity() <= 2 * KEPT_BYTES);
        assert!(buffer.slots.capacity() <= 2 * KEPT_SLOTS);
    }
}
