//! Events of an order that were set aside: parked until what they wait for arrives, or rejected because it did
//! not, and kept to be redriven when it does.
//!
//! The order holds what is needed to know them and to choose among them; their records are kept by the caller,
//! under the number of their arrival.

use xxhash_rust::xxh3::xxh3_64;

use super::action::Action;
use super::actor::Aggregate;
use super::event::OrderEvent;

/// Rejected events that an order keeps to be redriven; further ones are rejected all the same.
pub const MAX_KEPT: usize = 64;

/// Why an event was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// It waits; it is known like an event that was consumed.
    Parked,
    /// It was rejected, and is redriven once what it waited for has arrived. Nobody knows it.
    Kept,
}

/// One event that was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Numbers the events that are set aside, in the order of their arrival.
    pub arrival: u64,
    /// Why it was set aside.
    pub aside: Aside,
    /// Whether versions of its aggregate were missing when it arrived.
    pub beyond_gap: bool,
    /// The event's id as 128 bits.
    pub id: u128,
    /// The hash of its content.
    pub hash: u64,
    /// The kind of aggregate.
    pub aggregate: Aggregate,
    /// Which aggregate: see [`target_hash`].
    pub target: u64,
    /// Its version; none if the source numbers nothing.
    pub version: Option<u64>,
    /// Since when it waits, epoch milliseconds of the clock by which it waits.
    pub since: i64,
    /// Until when, unless the time is stretched; of no meaning for one that is kept.
    pub deadline: i64,
}

/// Tells the deliveries of an order apart without their ids; the other aggregates are one each.
#[must_use]
pub fn target_hash(aggregate: Aggregate, target_id: &str) -> u64 {
    match aggregate {
        Aggregate::Delivery => xxh3_64(target_id.as_bytes()),
        Aggregate::Order | Aggregate::Payment | Aggregate::Claim => 0,
    }
}

/// The events of an order that were set aside, by arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitingList {
    entries: Vec<Waiting>,
}

impl WaitingList {
    /// All of them, by arrival.
    #[must_use]
    pub fn entries(&self) -> &[Waiting] {
        &self.entries
    }

    /// How many are set aside for this.
    #[must_use]
    pub fn count(&self, aside: Aside) -> usize {
        self.of(aside).count()
    }

    /// Those that are set aside for this, by arrival.
    pub fn of(&self, aside: Aside) -> impl Iterator<Item = &Waiting> {
        self.entries
            .iter()
            .filter(move |entry| entry.aside == aside)
    }

    /// The event of this arrival.
    #[must_use]
    pub fn get(&self, arrival: u64) -> Option<&Waiting> {
        self.entries.iter().find(|entry| entry.arrival == arrival)
    }

    /// The parked event of this id.
    #[must_use]
    pub fn parked(&self, id: u128) -> Option<&Waiting> {
        self.of(Aside::Parked).find(|entry| entry.id == id)
    }

    /// Whether a parked event waits until exactly then.
    #[must_use]
    pub fn waits_until(&self, deadline: i64) -> bool {
        self.of(Aside::Parked)
            .any(|entry| entry.deadline == deadline)
    }

    /// Collects the arrivals of those set aside for this in the order in which they are tried: lowest version
    /// first, then by arrival.
    pub fn in_turn(&self, aside: Aside, arrivals: &mut Vec<u64>) {
        arrivals.clear();
        arrivals.extend(self.of(aside).map(|entry| entry.arrival));
        let version = |arrival: &u64| self.get(*arrival).and_then(|entry| entry.version);
        arrivals.sort_by_key(|arrival| (version(arrival).unwrap_or(0), *arrival));
    }

    /// All copies of the event wait since its first one came.
    pub fn waits_since(&mut self, id: u128, since: i64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.id == id) {
            entry.since = entry.since.min(since);
        }
    }

    /// Sets an event aside. Returns the number of its arrival.
    pub fn add(
        &mut self,
        event: &OrderEvent,
        aside: Aside,
        beyond_gap: bool,
        (since, deadline): (i64, i64),
    ) -> u64 {
        let arrival = self
            .entries
            .last()
            .map_or(0, |last| last.arrival.saturating_add(1));
        self.entries.push(Waiting {
            arrival,
            aside,
            beyond_gap,
            id: event.id_key(),
            hash: event.content_hash(),
            aggregate: event.aggregate(),
            target: target_hash(event.aggregate(), event.target_id()),
            // A reset declares versions void, so its own says nothing.
            version: event
                .version()
                .filter(|_| event.action() != Some(Action::AggregateReset)),
            since,
            deadline,
        });
        arrival
    }

    /// Waits longer.
    pub fn extend(&mut self, arrival: u64, deadline: i64) {
        if let Some(entry) = self.get_mut(arrival) {
            entry.deadline = deadline;
        }
    }

    /// A parked event was rejected, and is kept.
    pub fn keep(&mut self, arrival: u64) {
        if let Some(entry) = self.get_mut(arrival) {
            entry.aside = Aside::Kept;
        }
    }

    /// Not set aside any more.
    pub fn remove(&mut self, arrival: u64) {
        self.entries.retain(|entry| entry.arrival != arrival);
    }

    fn get_mut(&mut self, arrival: u64) -> Option<&mut Waiting> {
        self.entries
            .iter_mut()
            .find(|entry| entry.arrival == arrival)
    }

    /// Whether nothing is set aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds one as stored.
    pub(super) fn restore(&mut self, entry: Waiting) {
        self.entries.push(entry);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
