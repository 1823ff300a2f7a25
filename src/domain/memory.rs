//! The memory of an order's last events, by which repeated and conflicting events are known.

use super::action::Action;
use super::actor::Aggregate;
use super::outcome::Outcome;

/// How many events an order remembers.
pub const MEMORY_EVENTS: usize = 64;

/// One remembered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The event's id as 128 bits.
    pub id: u128,
    /// The hash of its content.
    pub hash: u64,
    /// The kind of aggregate.
    pub aggregate: Aggregate,
    /// Which delivery of the order, by its place; 0 for other aggregates.
    pub delivery: usize,
    /// The version that the event consumed; none if it carried none.
    pub version: Option<u64>,
    /// Whether the event was consumed without being applied.
    pub judged: bool,
    /// What happened; none if the action is not known.
    pub action: Option<Action>,
    /// When it happened, epoch milliseconds.
    pub at: i64,
    /// What became of it.
    pub outcome: Outcome,
}

/// The last events of an order, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    entries: Vec<Remembered>,
}

impl Memory {
    /// The remembered events, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Remembered] {
        &self.entries
    }

    /// The remembered event of this id.
    #[must_use]
    pub fn find(&self, id: u128) -> Option<&Remembered> {
        self.entries.iter().rev().find(|entry| entry.id == id)
    }

    /// Whether an event of this version of this aggregate is remembered.
    #[must_use]
    pub fn knows_version(&self, aggregate: Aggregate, delivery: usize, version: u64) -> bool {
        self.entries.iter().any(|entry| {
            entry.aggregate == aggregate
                && entry.delivery == delivery
                && entry.version == Some(version)
        })
    }

    /// Remembers an event; the oldest is forgotten when there are too many. An event that is remembered
    /// already keeps its place.
    pub fn remember(&mut self, entry: Remembered) {
        if let Some(known) = self.entries.iter_mut().find(|known| known.id == entry.id) {
            *known = entry;
            return;
        }
        if self.entries.len() >= MEMORY_EVENTS {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }

    /// Says what became of a remembered event.
    pub(super) fn settle(&mut self, id: u128, outcome: Outcome) {
        let mut latest_first = self.entries.iter_mut().rev();
        if let Some(known) = latest_first.find(|known| known.id == id) {
            known.outcome = outcome;
        }
    }

    /// Adds an event as stored, without looking for its id.
    pub(super) fn restore(&mut self, entry: Remembered) {
        self.entries.push(entry);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
