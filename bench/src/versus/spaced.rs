//! A stream in which the events of an order keep their distance.
//!
//! A program takes what has come of its inputs, and inputs come at their own pace: two events of an order that are due at
//! nearly the same time, in two topics, may be judged the other way round, and then legally otherwise than the reference
//! model judges them, which knows the order of their timestamps only. So an event that follows another one of its order too
//! soon is held back, and with it those behind it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jumun::generate::{EventSource, GeneratedEvent};
use xxhash_rust::xxh3::xxh3_64;

/// Spaces the events of a source.
pub(super) struct Spaced<S> {
    source: S,
    /// In events of the stream, which are sent at a steady rate.
    distance: u64,
    /// Of the event that comes next.
    number: u64,
    /// By a hash of the order: the number of its last event, or of that which is held back last.
    last: HashMap<u64, u64>,
    /// The number from which on an event goes, in order; then where it lies.
    due: BinaryHeap<Reverse<(u64, u64, usize)>>,
    held: Vec<GeneratedEvent>,
    vacant: Vec<usize>,
    /// Held back so far: those that are due at the same time go in the order in which they came.
    ticket: u64,
    upcoming: GeneratedEvent,
}

impl<S: EventSource> Spaced<S> {
    /// So many events of the stream lie between two of an order.
    pub(super) fn new(source: S, distance: u64) -> Self {
        Self {
            source,
            distance,
            number: 0,
            last: HashMap::new(),
            due: BinaryHeap::new(),
            held: Vec::new(),
            vacant: Vec::new(),
            ticket: 0,
            upcoming: GeneratedEvent::default(),
        }
    }

    /// Keeps the upcoming event until its number; its place takes one that is used again.
    fn hold(&mut self, until: u64) {
        let slot = match self.vacant.pop() {
            Some(slot) => slot,
            None => {
                self.held.push(GeneratedEvent::default());
                self.held.len() - 1
            }
        };
        if let Some(held) = self.held.get_mut(slot) {
            std::mem::swap(held, &mut self.upcoming);
        }
        self.due.push(Reverse((until, self.ticket, slot)));
        self.ticket += 1;
    }

    /// The event that was held back for longest, if it is due by that number.
    fn release(&mut self, by: u64, event: &mut GeneratedEvent) -> bool {
        let Some(Reverse((_, _, slot))) = self
            .due
            .peek()
            .copied()
            .filter(|Reverse((due, _, _))| *due <= by)
        else {
            return false;
        };
        self.due.pop();
        self.vacant.push(slot);
        if let Some(held) = self.held.get_mut(slot) {
            std::mem::swap(held, event);
        }
        self.pass(event);
        true
    }

    fn pass(&mut self, event: &GeneratedEvent) {
        if event.is_last_of_order {
            self.last.remove(&xxh3_64(&event.key));
        }
        self.number += 1;
    }
}

impl<S: EventSource> EventSource for Spaced<S> {
    fn next_into(&mut self, event: &mut GeneratedEvent) -> bool {
        loop {
            if self.release(self.number, event) {
                return true;
            }
            if !self.source.next_into(&mut self.upcoming) {
                return self.release(u64::MAX, event);
            }
            let last = self.last.entry(xxh3_64(&self.upcoming.key));
            let mut until = self.number;
            last.and_modify(|last| {
                until = until.max(*last + self.distance);
                *last = until;
            })
            .or_insert(until);
            if until == self.number {
                std::mem::swap(&mut self.upcoming, event);
                self.pass(event);
                return true;
            }
            self.hold(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use jumun::generate::{Generator, GeneratorConfig, Limit};

    use super::*;

    fn events(mut source: impl EventSource) -> Vec<GeneratedEvent> {
        let mut event = GeneratedEvent::default();
        let mut events = Vec::new();
        while source.next_into(&mut event) {
            events.push(event.clone());
        }
        events
    }

    #[test]
    fn events_of_an_order_keep_their_distance_and_their_order() {
        let config = GeneratorConfig {
            limit: Limit::Orders(2_000),
            ..GeneratorConfig::new(3, 1_764_039_600_000)
        };
        let clean = events(Generator::new(config));
        let spaced = events(Spaced::new(Generator::new(config), 500));
        assert_eq!(clean.len(), spaced.len());
        let mut last: HashMap<&[u8], (usize, u64)> = HashMap::new();
        let mut close = 0;
        for (number, event) in spaced.iter().enumerate() {
            if let Some((before, at)) = last.insert(&event.key, (number, event.timestamp)) {
                assert!(at < event.timestamp, "the order of {event:?}");
                // Towards the end nothing comes any more that others could wait for.
                close += usize::from(number - before < 490 && number < spaced.len() / 2);
            }
        }
        assert_eq!(close, 0);
        // Without it they are closer than that.
        let swapped = clean
            .iter()
            .zip(&spaced)
            .filter(|(one, other)| one.id != other.id);
        assert!(swapped.count() > 100);
    }
}
