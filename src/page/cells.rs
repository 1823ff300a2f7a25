//! What is known of one aggregate in one window: the value of each group by its latest revision, and what came late.

use std::collections::HashMap;

/// Late values kept apart in one window.
const LATE: usize = 512;

/// Why a record was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// It is not as its topic is specified.
    Malformed,
    /// Its window is older than those kept, or lies in the future.
    OutOfSpan,
    /// There are too many groups already.
    Crowded,
}

/// A value, and how one that came late is added to another.
pub(super) trait Late {
    /// Adds `other` if both are of the same group; false, and nothing changed, if each stands for itself.
    fn add(&mut self, other: &Self) -> bool;
}

impl Late for f64 {
    fn add(&mut self, other: &Self) -> bool {
        *self += other;
        true
    }
}

/// Where a value stands in the life of its window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Revision {
    pub(super) number: u64,
    pub(super) is_final: bool,
}

#[derive(Clone, Debug)]
struct Cell<V> {
    value: V,
    revision: Revision,
    /// Told of for the first time when its window was still open.
    seen_open: bool,
}

/// The groups of one aggregate in one window.
#[derive(Clone, Debug)]
pub(super) struct Cells<V> {
    groups: HashMap<u64, Cell<V>>,
    late: Vec<V>,
}

impl<V> Default for Cells<V> {
    fn default() -> Self {
        Self {
            groups: HashMap::new(),
            late: Vec::new(),
        }
    }
}

impl<V: Late> Cells<V> {
    /// Takes the value of a group; an older revision than the one known counts for nothing.
    pub(super) fn put(
        &mut self,
        group: u64,
        value: V,
        revision: Revision,
        most: usize,
    ) -> Result<(), Skipped> {
        let is_full = self.groups.len() >= most;
        match self.groups.get_mut(&group) {
            Some(cell) if revision.number < cell.revision.number => {}
            Some(cell) => (cell.value, cell.revision) = (value, revision),
            None if is_full => return Err(Skipped::Crowded),
            None => {
                let seen_open = !revision.is_final || revision.number <= 1;
                self.groups.insert(
                    group,
                    Cell {
                        value,
                        revision,
                        seen_open,
                    },
                );
            }
        }
        Ok(())
    }

    /// Takes what came late; to be called once per record.
    pub(super) fn add_late(&mut self, value: V) -> Result<(), Skipped> {
        if self.late.iter_mut().any(|known| known.add(&value)) {
            return Ok(());
        }
        if self.late.len() >= LATE {
            return Err(Skipped::Crowded);
        }
        self.late.push(value);
        Ok(())
    }

    /// The values, and what came late.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        let groups = self.groups.values().map(|cell| &cell.value);
        groups.chain(&self.late)
    }

    /// Whether nothing at all was told.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.late.is_empty()
    }

    /// Whether a group was told of.
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether no group will be told of again.
    pub(super) fn is_final(&self) -> bool {
        self.groups.values().all(|cell| cell.revision.is_final)
    }

    /// Whether each group was first told of while the window was open.
    pub(super) fn all_seen_open(&self) -> bool {
        self.groups.values().all(|cell| cell.seen_open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn revision(number: u64, is_final: bool) -> Revision {
        Revision { number, is_final }
    }

    fn sum(cells: &Cells<f64>) -> f64 {
        cells.values().sum()
    }

    #[test]
    fn the_highest_revision_of_a_group_counts_and_what_is_late_is_added() {
        let mut cells = Cells::default();
        cells.put(1, 5.0, revision(2, false), 9).unwrap();
        cells.put(1, 3.0, revision(1, false), 9).unwrap();
        cells.put(2, 10.0, revision(1, true), 9).unwrap();
        assert_eq!((sum(&cells), cells.is_final()), (15.0, false));
        cells.put(1, 6.0, revision(3, true), 9).unwrap();
        cells.add_late(2.0).unwrap();
        cells.add_late(-1.0).unwrap();
        assert_eq!((sum(&cells), cells.is_final()), (17.0, true));
        assert!(cells.all_seen_open());
    }

    #[test]
    fn groups_are_bounded_and_those_known_still_change() {
        let mut cells = Cells::default();
        cells.put(1, 1.0, revision(1, false), 1).unwrap();
        let crowded = cells.put(2, 1.0, revision(1, false), 1);
        assert_eq!(crowded, Err(Skipped::Crowded));
        cells.put(1, 4.0, revision(2, false), 1).unwrap();
        assert_eq!(sum(&cells), 4.0);
    }

    #[test]
    fn a_group_first_seen_at_its_end_may_have_been_told_of_before() {
        let mut cells = Cells::default();
        cells.put(1, 1.0, revision(4, true), 9).unwrap();
        assert!(!cells.all_seen_open());
    }
}
