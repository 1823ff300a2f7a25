//! Uncommitted changes and cached committed rows of one family, in one structure.
//!
//! A slab of slots with a hash index. A slot is *dirty* (changed since the last commit) or *clean*
//! (as committed, kept to spare a read). A clean slot may say that the key is absent. Clean slots
//! are evicted by CLOCK (second chance: F. J. Corbató, "A Paging Experiment with the Multics
//! System", 1968); dirty slots never are.
//!
//! An undo log takes back what a record wrote: the first write to a slot since the mark moves the
//! slot's previous value into the log. Buffers are handed round between slots, log and a pool, so
//! that in the steady state a write allocates nothing.

mod slot;

use std::collections::BTreeMap;
use std::mem;
use std::ops::Bound;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use slot::{Before, Committed, Slot, Undo};

/// Buffers kept for reuse, and the size beyond which one is not worth keeping.
const SPARE_BUFFERS: usize = 1024;
const SPARE_BUFFER_BYTES: usize = 4 << 10;
/// All of them together, of one family of one task.
const SPARE_BYTES: usize = 256 << 10;

/// What happens to dirty slots once they are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retention {
    /// They become clean slots, evicted when memory is short.
    Cache,
    /// They are forgotten: the family is read by range only.
    Nothing,
}

/// Names a slot until the next change of the overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotId(u32);

/// Uncommitted changes and cached committed rows of one family.
#[derive(Debug)]
pub(crate) struct Overlay {
    retention: Retention,
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: HashTable<u32>,
    dirty: Vec<u32>,
    /// Dirty slots by key; kept from the first range read on.
    ordered: Option<BTreeMap<Vec<u8>, u32>>,
    undo: Vec<Undo>,
    mark: u64,
    dirty_at_mark: usize,
    hand: usize,
    clean_bytes: usize,
    dirty_bytes: usize,
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
}

impl Overlay {
    pub fn new(retention: Retention) -> Self {
        Self {
            retention,
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            dirty: Vec::new(),
            ordered: None,
            undo: Vec::new(),
            mark: 1,
            dirty_at_mark: 0,
            hand: 0,
            clean_bytes: 0,
            dirty_bytes: 0,
            spare: Vec::new(),
            spare_bytes: 0,
        }
    }

    /// Memory of clean slots.
    pub fn clean_bytes(&self) -> usize {
        self.clean_bytes
    }

    /// Bytes of keys and values to be committed.
    pub fn dirty_bytes(&self) -> usize {
        self.dirty_bytes
    }

    /// Rows to be committed.
    pub fn dirty_rows(&self) -> usize {
        self.dirty.len()
    }

    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Whether the record has written anything since the mark.
    pub fn is_written_since_mark(&self) -> bool {
        !self.undo.is_empty()
    }

    /// The slot of `key`, if anything is known of it.
    pub fn find(&self, key: &[u8]) -> Option<SlotId> {
        self.find_hashed(xxh3_64(key), key).map(SlotId)
    }

    fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let slots = &self.slots;
        self.index
            .find(hash, |&index| {
                slots
                    .get(index as usize)
                    .is_some_and(|slot| slot.hash == hash && slot.key == key)
            })
            .copied()
    }

    /// The value in a slot and that it was used.
    pub fn read(&mut self, id: SlotId) -> Option<&[u8]> {
        let slot = self.slots.get_mut(id.0 as usize)?;
        slot.referenced = true;
        slot.content()
    }

    /// The value of `key`, if the overlay has one.
    pub fn peek(&self, key: &[u8]) -> Option<&[u8]> {
        let id = self.find(key)?;
        self.slots.get(id.0 as usize)?.content()
    }

    /// Adds a clean slot for a key the overlay does not know; `fetch` appends the committed value
    /// and says whether there is one. Nothing is added if it fails.
    pub fn load<E>(
        &mut self,
        key: &[u8],
        fetch: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<SlotId, E> {
        let mut value = self.buffer();
        let present = match fetch(&mut value) {
            Ok(present) => present,
            Err(error) => {
                self.recycle(value);
                return Err(error);
            }
        };
        let index = self.insert(xxh3_64(key), key, value);
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.present = present;
            slot.referenced = true;
            slot.committed = if present {
                Committed::Present
            } else {
                Committed::Absent
            };
            self.clean_bytes += slot.cost();
        }
        Ok(SlotId(index))
    }

    /// Writes a value, or a tombstone.
    pub fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        let hash = xxh3_64(key);
        let found = self.find_hashed(hash, key);
        let index = match found {
            Some(index) => index,
            None => {
                let buffer = self.buffer();
                self.insert(hash, key, buffer)
            }
        };
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return;
        };
        let before = match found {
            None => Before::Unknown,
            Some(_) if slot.dirty => Before::Dirty {
                present: slot.present,
            },
            Some(_) => Before::Clean {
                present: slot.present,
            },
        };
        match before {
            Before::Unknown => {}
            Before::Clean { .. } => self.clean_bytes -= slot.cost(),
            Before::Dirty { .. } => self.dirty_bytes -= slot.content_bytes(),
        }
        if slot.logged_under != self.mark {
            slot.logged_under = self.mark;
            let buffer = take_spare(&mut self.spare, &mut self.spare_bytes);
            let old = mem::replace(&mut slot.value, buffer);
            self.undo.push(Undo {
                slot: index,
                before,
                value: old,
            });
        }
        slot.value.clear();
        slot.value.extend_from_slice(value.unwrap_or_default());
        slot.present = value.is_some();
        slot.referenced = true;
        self.dirty_bytes += slot.content_bytes();
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(index);
            if let Some(ordered) = &mut self.ordered {
                let mut copy = take_spare(&mut self.spare, &mut self.spare_bytes);
                copy.clear();
                copy.extend_from_slice(key);
                ordered.insert(copy, index);
            }
        }
    }

    /// A record begins: what is written from here on can be rolled back.
    pub fn mark(&mut self) {
        while let Some(undo) = self.undo.pop() {
            self.recycle(undo.value);
        }
        self.mark += 1;
        self.dirty_at_mark = self.dirty.len();
    }

    /// Takes back everything written since the mark.
    pub fn rollback(&mut self) {
        while let Some(undo) = self.undo.pop() {
            let Some(slot) = self.slots.get_mut(undo.slot as usize) else {
                continue;
            };
            self.dirty_bytes -= slot.content_bytes();
            let written = mem::replace(&mut slot.value, undo.value);
            if !matches!(undo.before, Before::Dirty { .. }) {
                slot.dirty = false;
                if let Some(ordered) = &mut self.ordered {
                    ordered.remove(&slot.key);
                }
            }
            match undo.before {
                Before::Unknown => self.release(undo.slot),
                Before::Clean { present } => {
                    slot.present = present;
                    self.clean_bytes += slot.cost();
                }
                Before::Dirty { present } => {
                    slot.present = present;
                    self.dirty_bytes += slot.content_bytes();
                }
            }
            self.recycle(written);
        }
        // Slots join the list of dirty ones at its end, so those of this record are the last.
        self.dirty.truncate(self.dirty_at_mark);
        self.mark();
    }

    /// The changes to commit, in the order of their first write; `None` is a tombstone.
    pub fn changes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.dirty
            .iter()
            .filter_map(|&index| self.slots.get(index as usize))
            .filter(|slot| slot.is_change())
            .map(|slot| (slot.key.as_slice(), slot.content()))
    }

    /// Whether a commit would write anything.
    pub fn has_changes(&self) -> bool {
        self.changes().next().is_some()
    }

    /// The changes have been committed.
    pub fn committed(&mut self) {
        self.mark();
        let mut dirty = mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            let Some(slot) = self.slots.get_mut(index as usize) else {
                continue;
            };
            slot.dirty = false;
            match self.retention {
                Retention::Nothing => self.release(index),
                Retention::Cache => {
                    slot.committed = if slot.present {
                        Committed::Present
                    } else {
                        Committed::Absent
                    };
                    self.clean_bytes += slot.cost();
                }
            }
        }
        self.dirty = dirty;
        self.forget_dirty();
    }

    /// The changes are dropped; nothing is known of their keys any more.
    pub fn abort(&mut self) {
        self.mark();
        let mut dirty = mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            self.release(index);
        }
        self.dirty = dirty;
        self.forget_dirty();
    }

    fn forget_dirty(&mut self) {
        self.dirty_bytes = 0;
        self.dirty_at_mark = 0;
        let ordered = self.ordered.as_mut().map(mem::take).unwrap_or_default();
        for key in ordered.into_keys() {
            self.recycle(key);
        }
    }

    /// Forgets everything, clean and dirty.
    pub fn clear(&mut self) {
        self.abort();
        *self = Self {
            spare: mem::take(&mut self.spare),
            spare_bytes: self.spare_bytes,
            mark: self.mark,
            ..Self::new(self.retention)
        };
    }

    /// Uncommitted changes of a range, ascending by key. The range must not be an empty one.
    pub fn dirty_range(
        &mut self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let slots = &self.slots;
        let dirty = &self.dirty;
        let ordered = self.ordered.get_or_insert_with(|| {
            dirty
                .iter()
                .filter_map(|&index| Some((slots.get(index as usize)?.key.clone(), index)))
                .collect()
        });
        ordered
            .range::<[u8], _>((from, to))
            .filter_map(|(key, &index)| {
                Some((key.as_slice(), slots.get(index as usize)?.content()))
            })
    }

    /// Evicts clean slots until `bytes` of them are freed or none is left; returns what was freed.
    pub fn evict(&mut self, bytes: usize) -> usize {
        let before = self.clean_bytes;
        let target = before.saturating_sub(bytes);
        // Two rounds: the first may only take away second chances.
        let mut steps = self.slots.len() * 2;
        while self.clean_bytes > target && steps > 0 {
            steps -= 1;
            self.hand = if self.hand + 1 < self.slots.len() {
                self.hand + 1
            } else {
                0
            };
            let Some(slot) = self.slots.get_mut(self.hand) else {
                break;
            };
            if !slot.live || slot.dirty {
                continue;
            }
            if slot.referenced {
                slot.referenced = false;
                continue;
            }
            self.clean_bytes -= slot.cost();
            self.release(self.hand as u32);
        }
        before - self.clean_bytes
    }

    fn insert(&mut self, hash: u64, key: &[u8], value: Vec<u8>) -> u32 {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(Slot {
                    key: Vec::new(),
                    value: Vec::new(),
                    hash: 0,
                    logged_under: 0,
                    committed: Committed::Unknown,
                    live: false,
                    present: false,
                    dirty: false,
                    referenced: false,
                });
                (self.slots.len() - 1) as u32
            }
        };
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.key.clear();
            slot.key.extend_from_slice(key);
            slot.value = value;
            slot.hash = hash;
            slot.live = true;
        }
        let slots = &self.slots;
        self.index.insert_unique(hash, index, |&other| {
            slots.get(other as usize).map_or(0, |slot| slot.hash)
        });
        index
    }

    fn release(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return;
        };
        if let Ok(entry) = self.index.find_entry(slot.hash, |&other| other == index) {
            entry.remove();
        }
        let value = mem::take(&mut slot.value);
        if slot.key.capacity() > SPARE_BUFFER_BYTES {
            slot.key = Vec::new();
        }
        slot.logged_under = 0;
        slot.committed = Committed::Unknown;
        slot.live = false;
        slot.present = false;
        slot.dirty = false;
        slot.referenced = false;
        self.free.push(index);
        self.recycle(value);
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = take_spare(&mut self.spare, &mut self.spare_bytes);
        buffer.clear();
        buffer
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let fits = capacity <= SPARE_BUFFER_BYTES && self.spare_bytes + capacity <= SPARE_BYTES;
        if capacity > 0 && fits && self.spare.len() < SPARE_BUFFERS {
            self.spare_bytes += capacity;
            self.spare.push(buffer);
        }
    }
}

fn take_spare(spare: &mut Vec<Vec<u8>>, bytes: &mut usize) -> Vec<u8> {
    let buffer = spare.pop().unwrap_or_default();
    *bytes = bytes.saturating_sub(buffer.capacity());
    buffer
}

#[cfg(test)]
mod tests;
