//! One key of an overlay, and how to take its changes back.

use std::mem;

/// What a clean slot costs besides its buffers: the slot and its share of the index.
const SLOT_BYTES: usize = mem::size_of::<Slot>() + 8;

/// What is known of the committed row under a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    Unknown,
    Absent,
    Present,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub hash: u64,
    /// The mark under which the slot's previous value went into the undo log.
    pub logged_under: u64,
    pub committed: Committed,
    /// The key is in the index; otherwise the slot is free.
    pub live: bool,
    pub present: bool,
    pub dirty: bool,
    pub referenced: bool,
}

impl Slot {
    pub fn cost(&self) -> usize {
        SLOT_BYTES + self.key.capacity() + self.value.capacity()
    }

    pub fn content_bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }

    pub fn content(&self) -> Option<&[u8]> {
        self.present.then_some(self.value.as_slice())
    }

    /// A key that was written and deleted again within one commit leaves nothing to commit.
    pub fn is_change(&self) -> bool {
        self.present || self.committed != Committed::Absent
    }
}

/// What a slot was before the record wrote to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before {
    /// Not in the overlay: nothing was known of the key.
    Unknown,
    Clean {
        present: bool,
    },
    Dirty {
        present: bool,
    },
}

#[derive(Debug)]
pub(super) struct Undo {
    pub slot: u32,
    pub before: Before,
    pub value: Vec<u8>,
}
