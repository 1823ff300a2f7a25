//! Partial aggregates of an upstream task between two commits. What the record in hand adds is kept apart until the next
//! one begins: should it fail, there is nothing to take back, however large the aggregates are.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::io::batch::Span;

/// In which of the merging task's tables a delta belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Of the windows of this number.
    Window(u8),
    /// Of the windows, each with all that came before.
    Running,
    /// Of no window.
    Total,
}

impl Table {
    /// Its number, as records of the repartition topic have it.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Window(0) => 0,
            Self::Running => 1,
            Self::Total => Self::TOTAL,
            Self::Window(number) => Self::TOTAL + number,
        }
    }

    /// The table of this number.
    pub(super) const fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Window(0),
            1 => Self::Running,
            Self::TOTAL => Self::Total,
            more => Self::Window(more - Self::TOTAL),
        }
    }

    const TOTAL: u8 = 2;
}

/// Where a delta belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot<'a> {
    pub(super) table: Table,
    /// When the window begins; 0 where there is none.
    pub(super) start: i64,
    /// Bytes of the group's key.
    pub(super) group: &'a [u8],
}

/// A partial aggregate as it is handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a, A> {
    pub(super) slot: Slot<'a>,
    pub(super) aggregate: &'a A,
    pub(super) n: u64,
    /// Moment and cause, of a delta that may come too late: such a one is not summed up with others.
    pub(super) late: Option<(i64, &'a [u8])>,
}

#[derive(Debug)]
struct Entry<A> {
    hash: u64,
    table: Table,
    start: i64,
    group: Span,
    aggregate: A,
    n: u64,
    late: Option<(i64, Span)>,
}

/// The sums of a task since the last commit.
#[derive(Debug)]
pub(super) struct PartialSums<A> {
    index: HashTable<u32>,
    entries: Vec<Entry<A>>,
    bytes: Vec<u8>,
    /// The record that is being processed, by its number, and what it adds.
    unit: u64,
    added: Vec<Added<A>>,
    added_bytes: Vec<u8>,
}

/// A delta of the record in hand.
#[derive(Debug)]
struct Added<A> {
    table: Table,
    start: i64,
    group: Span,
    delta: A,
    late: Option<(i64, Span)>,
}

impl<A: Default + Clone> PartialSums<A> {
    pub(super) fn new() -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            bytes: Vec::new(),
            unit: 0,
            added: Vec::new(),
            added_bytes: Vec::new(),
        }
    }

    /// A record begins, unless it is the one that is being processed already: the one before did not fail.
    pub(super) fn begin(&mut self, unit: u64, merge: &dyn Fn(&mut A, &A)) {
        if self.unit != unit {
            self.settle(merge);
            self.unit = unit;
        }
    }

    /// Forgets what the record added, if it added anything.
    pub(super) fn roll_back(&mut self, unit: u64) {
        if self.unit == unit {
            self.added.clear();
            self.added_bytes.clear();
        }
    }

    /// Adds a delta of the record in hand; one that may come too late with its moment and cause.
    pub(super) fn add(&mut self, slot: Slot<'_>, delta: &A, late: Option<(i64, &[u8])>) {
        let bytes = &mut self.added_bytes;
        let group = Span::append(bytes, slot.group);
        let late = late.map(|(moment, cause)| (moment, Span::append(bytes, cause)));
        self.added.push(Added {
            table: slot.table,
            start: slot.start,
            group,
            delta: delta.clone(),
            late,
        });
    }

    /// Sums up what the last record added: it did not fail.
    pub(super) fn settle(&mut self, merge: &dyn Fn(&mut A, &A)) {
        let mut added = std::mem::take(&mut self.added);
        let bytes = std::mem::take(&mut self.added_bytes);
        for delta in added.drain(..) {
            let slot = Slot {
                table: delta.table,
                start: delta.start,
                group: delta.group.of(&bytes),
            };
            match delta.late {
                None => self.sum_up(slot, &delta.delta, merge),
                Some((moment, cause)) => {
                    let cause = Span::append(&mut self.bytes, cause.of(&bytes));
                    let index = self.push(hash(slot), slot, Some((moment, cause)));
                    self.merge_into(index, &delta.delta, merge);
                }
            }
        }
        // Their memory is used again.
        self.added = added;
        self.added_bytes = bytes;
        self.added_bytes.clear();
    }

    fn sum_up(&mut self, slot: Slot<'_>, delta: &A, merge: &dyn Fn(&mut A, &A)) {
        let hash = hash(slot);
        let (entries, bytes) = (&self.entries, &self.bytes);
        let found = self.index.find(hash, |index| {
            entries.get(*index as usize).is_some_and(|entry| {
                entry.hash == hash
                    && entry.start == slot.start
                    && entry.table == slot.table
                    && entry.group.of(bytes) == slot.group
            })
        });
        let index = match found {
            Some(index) => *index,
            None => {
                let index = self.push(hash, slot, None);
                let entries = &self.entries;
                self.index.insert_unique(hash, index, |index| {
                    entries.get(*index as usize).map_or(0, |entry| entry.hash)
                });
                index
            }
        };
        self.merge_into(index, delta, merge);
    }

    fn push(&mut self, hash: u64, slot: Slot<'_>, late: Option<(i64, Span)>) -> u32 {
        let group = Span::append(&mut self.bytes, slot.group);
        self.entries.push(Entry {
            hash,
            table: slot.table,
            start: slot.start,
            group,
            aggregate: A::default(),
            n: 0,
            late,
        });
        (self.entries.len() - 1) as u32
    }

    fn merge_into(&mut self, index: u32, delta: &A, merge: &dyn Fn(&mut A, &A)) {
        if let Some(entry) = self.entries.get_mut(index as usize) {
            merge(&mut entry.aggregate, delta);
            entry.n += 1;
        }
    }

    /// What there is to hand over, in the order in which it came.
    pub(super) fn iter(&self) -> impl Iterator<Item = Part<'_, A>> {
        self.entries.iter().map(|entry| Part {
            slot: Slot {
                table: entry.table,
                start: entry.start,
                group: entry.group.of(&self.bytes),
            },
            aggregate: &entry.aggregate,
            n: entry.n,
            late: entry
                .late
                .map(|(timestamp, cause)| (timestamp, cause.of(&self.bytes))),
        })
    }

    /// Memory of what there is to hand over.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * (size_of::<Entry<A>>() + size_of::<u64>())
            + self.bytes.len()
            + self.added.len() * size_of::<Added<A>>()
            + self.added_bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.added.is_empty()
    }

    /// Everything was handed over.
    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.entries.clear();
        self.bytes.clear();
    }
}

fn hash(slot: Slot<'_>) -> u64 {
    let table = u64::from(slot.table.number());
    xxh3_64_with_seed(slot.group, slot.start as u64 ^ table << 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(start: i64, group: &str) -> Slot<'_> {
        Slot {
            table: Table::Window(0),
            start,
            group: group.as_bytes(),
        }
    }

    fn plus(sum: &mut i64, delta: &i64) {
        *sum += delta;
    }

    fn parts(sums: &PartialSums<i64>) -> Vec<(i64, String, i64, u64, bool)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let parts = sums.iter().map(|part| {
            let group = text(part.slot.group);
            (
                part.slot.start,
                group,
                *part.aggregate,
                part.n,
                part.late.is_some(),
            )
        });
        parts.collect()
    }

    #[test]
    fn deltas_of_a_group_in_a_window_become_one() {
        let mut sums = PartialSums::new();
        for (unit, start, group) in [(1, 0, "a"), (1, 60, "a"), (2, 0, "b"), (3, 0, "a")] {
            sums.begin(unit, &plus);
            sums.add(slot(start, group), &1, None);
        }
        sums.settle(&plus);
        let expected = [
            (0, "a".to_owned(), 2, 2, false),
            (60, "a".to_owned(), 1, 1, false),
            (0, "b".to_owned(), 1, 1, false),
        ];
        assert_eq!(parts(&sums), expected);
        sums.clear();
        assert!(sums.is_empty());
    }

    #[test]
    fn tables_do_not_mix() {
        let mut sums = PartialSums::new();
        for table in [
            Table::Window(0),
            Table::Window(1),
            Table::Window(2),
            Table::Running,
            Table::Total,
        ] {
            let slot = Slot {
                table,
                ..slot(0, "a")
            };
            sums.add(slot, &1, None);
        }
        sums.settle(&plus);
        assert_eq!(sums.iter().count(), 5);
    }

    #[test]
    fn a_failed_record_leaves_nothing() {
        let mut sums = PartialSums::new();
        sums.begin(1, &plus);
        sums.add(slot(0, "a"), &1, None);
        sums.begin(2, &plus);
        sums.add(slot(0, "a"), &5, None);
        sums.add(slot(0, "a"), &5, None);
        sums.add(slot(0, "new"), &5, None);
        sums.add(slot(0, "late"), &5, Some((7, b"event")));
        sums.roll_back(2);
        sums.settle(&plus);
        assert_eq!(parts(&sums), [(0, "a".to_owned(), 1, 1, false)]);
        // A failure of a record that counted nothing does not touch the one before.
        sums.begin(3, &plus);
        sums.add(slot(0, "new"), &2, None);
        sums.roll_back(4);
        sums.settle(&plus);
        let expected = [
            (0, "a".to_owned(), 1, 1, false),
            (0, "new".to_owned(), 2, 1, false),
        ];
        assert_eq!(parts(&sums), expected);
    }

    #[test]
    fn deltas_that_may_be_late_stay_apart() {
        let mut sums = PartialSums::new();
        sums.add(slot(0, "a"), &1, Some((7, b"e1")));
        sums.add(slot(0, "a"), &1, Some((8, b"e2")));
        sums.settle(&plus);
        let causes: Vec<_> = sums.iter().filter_map(|part| part.late).collect();
        assert_eq!(causes, [(7, &b"e1"[..]), (8, b"e2")]);
    }
}
