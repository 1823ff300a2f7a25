//! Events out of order: some come after the next one of their order, some come twice.

use std::collections::{HashMap, VecDeque};

use jumun::generate::{EventSource, GeneratedEvent};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Of so many events one is held back until the next event of its order, of whatever topic, has gone before it. Not
/// every one of those has to wait: some are legal without it.
const ONE_HELD_OF: u64 = 20;
/// How long after that, in event time, it follows: as long as a relay lags that has got stuck a little. Right behind it
/// would be too soon: tasks take records of several topics in the order of their timestamps.
const DELAY_MS: u64 = 2_000;
/// Of so many events one is repeated at once.
const ONE_REPEATED_OF: u64 = 50;

/// Disturbs the order of a source. Records keep their timestamps: what was held back is late.
pub(crate) struct Disorder<S> {
    source: S,
    seed: u64,
    /// By order number.
    held: HashMap<Vec<u8>, GeneratedEvent>,
    /// With the time at which they follow.
    late: VecDeque<(u64, GeneratedEvent)>,
    /// What was drawn from the source and goes after `late`, and its copy.
    ready: VecDeque<GeneratedEvent>,
}

impl<S: EventSource> Disorder<S> {
    pub(crate) fn new(source: S, seed: u64) -> Self {
        Self {
            source,
            seed,
            held: HashMap::new(),
            late: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }
}

impl<S: EventSource> EventSource for Disorder<S> {
    fn next_into(&mut self, event: &mut GeneratedEvent) -> bool {
        while self.ready.is_empty() {
            let mut next = GeneratedEvent::default();
            if !self.source.next_into(&mut next) {
                let Some((_, late)) = self.late.pop_front() else {
                    return false;
                };
                *event = late;
                return true;
            }
            let drawn = xxh3_64_with_seed(&next.id, self.seed);
            if let Some(late) = self.held.remove(&next.key) {
                self.late.push_back((next.timestamp + DELAY_MS, late));
            } else if drawn.is_multiple_of(ONE_HELD_OF) && !next.is_last_of_order {
                self.held.insert(next.key.clone(), next);
                continue;
            } else if (drawn >> 32).is_multiple_of(ONE_REPEATED_OF) {
                self.ready.push_back(next.clone());
            }
            self.ready.push_back(next);
        }
        let now = self.ready.front().map_or(0, |next| next.timestamp);
        let is_due = self.late.front().is_some_and(|(due, _)| *due <= now);
        let next = match is_due {
            true => self.late.pop_front().map(|(_, late)| late),
            false => self.ready.pop_front(),
        };
        next.map(|next| *event = next).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use jumun::generate::{Generator, GeneratorConfig, Limit};

    use super::*;

    #[test]
    fn every_event_comes_and_some_late_or_twice() {
        let config = GeneratorConfig {
            limit: Limit::Orders(2_000),
            ..GeneratorConfig::new(3, 1_764_039_600_000)
        };
        let mut source = Disorder::new(Generator::new(config), 3);
        let mut event = GeneratedEvent::default();
        let mut times: HashMap<Vec<u8>, u64> = HashMap::new();
        let (mut late, mut repeated, mut all) = (0.0, 0.0, 0.0);
        let mut before = [0; 36];
        while source.next_into(&mut event) {
            all += 1.0;
            let last = times.entry(event.key.clone()).or_default();
            late += f64::from(u8::from(event.timestamp < *last));
            repeated += f64::from(u8::from(event.id == before));
            *last = event.timestamp.max(*last);
            before = event.id;
        }
        // Nothing is held back for ever: the last event of an order is not.
        assert!(source.held.is_empty() && source.late.is_empty());
        assert_eq!(times.len(), 2_000);
        assert!((0.03..0.055).contains(&(late / all)), "{}", late / all);
        assert!(
            (0.015..0.025).contains(&(repeated / all)),
            "{}",
            repeated / all
        );
    }
}
