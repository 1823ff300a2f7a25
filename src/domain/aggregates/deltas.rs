//! What one event adds, in a buffer that is used again for the next one.

use super::group::{Counted, write_code, write_text, write_value};

/// Where a delta counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaKind {
    /// In the window of its moment.
    Window,
    /// In the window of its moment and in all later ones.
    Running,
    /// Over all time.
    Total,
}

/// What is added to one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    /// The group's key, to be read by [`Group::parse`](super::Group::parse).
    pub group: &'a [u8],
    /// Where it counts.
    pub kind: DeltaKind,
    /// One more or one less.
    pub value: i64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where the group's key ends; it begins where the one before ends.
    end: usize,
    kind: DeltaKind,
    value: i8,
}

/// The deltas of one event. Once it has grown, filling it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct DeltaBuffer {
    groups: Vec<u8>,
    entries: Vec<Entry>,
}

impl DeltaBuffer {
    /// Forgets all deltas, keeps the memory.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.entries.clear();
    }

    /// Begins a delta: the values of all dims follow, in their order, then the amount.
    pub fn group(&mut self, counted: Counted) -> GroupWriter<'_> {
        write_code(&mut self.groups, counted);
        GroupWriter {
            buffer: self,
            kind: counted.kind(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// The deltas in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Delta<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let group = self.groups.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            Delta {
                group,
                kind: entry.kind,
                value: i64::from(entry.value),
            }
        })
    }
}

/// Writes the key of a group into a [`DeltaBuffer`].
#[must_use = "a delta is there only once it has an amount"]
pub struct GroupWriter<'a> {
    buffer: &'a mut DeltaBuffer,
    kind: DeltaKind,
}

impl GroupWriter<'_> {
    /// The next dim, of free text; an empty one is [`UNKNOWN`](super::UNKNOWN).
    pub fn text(self, text: &str) -> Self {
        write_text(&mut self.buffer.groups, text);
        self
    }

    /// The next dim, of a closed list, by the value's code; none where there is no value.
    pub fn value(self, code: Option<u8>) -> Self {
        write_value(&mut self.buffer.groups, code);
        self
    }

    /// Ends the delta.
    pub fn add(self, value: i8) {
        self.buffer.entries.push(Entry {
            end: self.buffer.groups.len(),
            kind: self.kind,
            value,
        });
    }
}
