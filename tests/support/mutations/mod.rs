//! Faults put into a clean day under a seed, and the truth about them.
//!
//! ```text
//! clean day ── mutate ── arrivals (what is sent, in this order) and injections (what was done to which event)
//! ```
//! Records keep their timestamps, as behind a relay that was slow: the processor merges its inputs by record timestamp, so
//! what stands behind later records of its topic is judged when those are. Hence delays are in the time of the day, however
//! fast it is sent. An event has at most one fault, and no swap is with an event that has another.
//!
//! Left out is an unknown action: it consumes its version, so that its repair does not fit any more (order-domain 4.1).

mod damage;
mod record;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use jumun_harness::Message;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use record::{ARRIVAL, Arrival, Event, message};

const SECOND: i64 = 1_000;
/// A repetition comes at once or within this time.
const REPEATED_WITHIN: i64 = 60 * SECOND;
/// Events that anybody may cause.
const OF_ANYBODY: [&str; 6] = [
    "order.address_changed",
    "order.note_added",
    "verification.passed",
    "verification.failed",
    "delivery.eta_updated",
    "aggregate.reset",
];

/// Shares of the events.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Sent a second time.
    pub duplicate: f64,
    /// Arriving right after its successor in the same aggregate.
    pub swap: f64,
    /// Arriving late, while all other topics and orders go on.
    pub delay: f64,
    /// By so many milliseconds of the day; at most 20 s by default.
    pub delayed_by: (i64, i64),
    /// Not arriving.
    pub lost: f64,
    /// Arriving as something that cannot be judged.
    pub poison: f64,
    /// Carrying an actor who may not do this.
    pub actor: f64,
    /// `occurredAt` up to a day ahead or back.
    pub clock: f64,
}

impl Rates {
    /// No fault at all.
    pub const NONE: Self = Self {
        duplicate: 0.0,
        swap: 0.0,
        delay: 0.0,
        delayed_by: (0, 1),
        lost: 0.0,
        poison: 0.0,
        actor: 0.0,
        clock: 0.0,
    };
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            duplicate: 0.02,
            swap: 0.02,
            delay: 0.02,
            delayed_by: (100, 20 * SECOND),
            lost: 0.005,
            poison: 0.005,
            actor: 0.002,
            clock: 0.005,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Duplicate,
    Swap,
    Delay,
    Lost,
    Poison,
    Actor,
    Clock,
}

/// What was done to one event.
#[derive(Debug, Clone)]
pub struct Injection {
    pub fault: Fault,
    /// Place of the event in the clean day.
    pub event: usize,
}

/// A day with its faults.
#[derive(Debug)]
pub struct MutatedDay {
    pub events: Vec<Event>,
    pub arrivals: Vec<Arrival>,
    pub injections: Vec<Injection>,
}

/// Damages a clean day.
pub fn mutate(events: Vec<Event>, rates: &Rates, seed: u64) -> MutatedDay {
    let mut random = StdRng::seed_from_u64(seed);
    let chosen = choose(&events, rates, &mut random);
    let mut day = MutatedDay {
        events,
        arrivals: Vec::new(),
        injections: Vec::new(),
    };
    let mut turns: Vec<((i64, usize, usize), Arrival)> = Vec::new();
    let mut clock = i64::MIN;
    let times: Vec<i64> = day
        .events
        .iter()
        .map(|event| {
            clock = clock.max(event.timestamp);
            clock
        })
        .collect();
    for (place, event) in day.events.iter().enumerate() {
        let mut arrival = Arrival::of(place, event);
        // When it arrives; of one moment, in the order of the day, then repetitions, then what was swapped.
        let mut turn = (times[place], place, 0);
        let Some(&(fault, partner)) = chosen.get(&place) else {
            turns.push((turn, arrival));
            continue;
        };
        day.injections.push(Injection {
            fault,
            event: place,
        });
        match fault {
            Fault::Duplicate => {
                let after = match random.random_bool(0.5) {
                    true => 0,
                    false => random.random_range(0..REPEATED_WITHIN),
                };
                turns.push(((turn.0 + after, place, 1), arrival.clone()));
            }
            Fault::Swap => turn = (times[partner], partner, 2),
            Fault::Delay => {
                let (least, most) = rates.delayed_by;
                turn.0 += random.random_range(least..most);
            }
            Fault::Lost => continue,
            Fault::Poison => arrival.poison = Some(damage::spoil(&mut arrival, &mut random)),
            Fault::Actor => damage::hijack(&mut arrival, event),
            Fault::Clock => damage::mistime(&mut arrival, &mut random),
        }
        turns.push((turn, arrival));
    }
    turns.sort_by_key(|(turn, _)| *turn);
    day.arrivals = turns.into_iter().map(|(_, arrival)| arrival).collect();
    for (number, arrival) in day.arrivals.iter_mut().enumerate() {
        arrival.headers.push((ARRIVAL, number.to_string()));
    }
    day
}

/// Which event gets which fault; a swap says with whom.
fn choose(events: &[Event], rates: &Rates, random: &mut StdRng) -> BTreeMap<usize, (Fault, usize)> {
    let mut successors = HashMap::new();
    let mut next: HashMap<(&str, &str), usize> = HashMap::new();
    for (place, event) in events.iter().enumerate().rev() {
        if let Some(later) = next.insert((&event.order_no, &event.target), place) {
            successors.insert(place, later);
        }
    }
    let mut partners = BTreeSet::new();
    let mut chosen = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let drawn: f64 = random.random();
        let mut bound = 0.0;
        let fault = [
            (Fault::Duplicate, rates.duplicate),
            (Fault::Swap, rates.swap),
            (Fault::Delay, rates.delay),
            (Fault::Lost, rates.lost),
            (Fault::Poison, rates.poison),
            (Fault::Actor, rates.actor),
            (Fault::Clock, rates.clock),
        ]
        .into_iter()
        .find(|(_, rate)| {
            bound += rate;
            drawn < bound
        });
        let Some((fault, _)) = fault.filter(|_| !partners.contains(&place)) else {
            continue;
        };
        if fault == Fault::Actor && OF_ANYBODY.contains(&event.action.as_str()) {
            continue;
        }
        let partner = successors.get(&place).copied();
        match (fault, partner) {
            (Fault::Swap, None) => continue,
            (Fault::Swap, Some(partner)) => {
                partners.insert(partner);
                chosen.insert(place, (fault, partner));
            }
            _ => {
                chosen.insert(place, (fault, place));
            }
        }
    }
    chosen
}

impl MutatedDay {
    /// What is sent, in the order of arrival.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.arrivals.iter().map(|arrival| {
            let event = &self.events[arrival.event];
            message(event, arrival)
        })
    }

    /// The places of the events that were lost.
    pub fn lost(&self) -> impl Iterator<Item = usize> {
        let injections = self.injections.iter();
        let lost = injections.filter(|injection| injection.fault == Fault::Lost);
        lost.map(|injection| injection.event)
    }

    /// An event as its source sends it once it knows that it did not arrive.
    pub fn resent(&self, place: usize) -> (&Event, Arrival) {
        let event = &self.events[place];
        (event, Arrival::of(place, event))
    }

    /// The faults of each order that has any.
    pub fn faults(&self) -> BTreeMap<&str, BTreeSet<Fault>> {
        let mut faults: BTreeMap<&str, BTreeSet<Fault>> = BTreeMap::new();
        for injection in &self.injections {
            let order_no = &self.events[injection.event].order_no;
            faults.entry(order_no).or_default().insert(injection.fault);
        }
        faults
    }

    /// How often each fault was injected.
    pub fn counts(&self) -> BTreeMap<Fault, usize> {
        let mut counts = BTreeMap::new();
        for injection in &self.injections {
            *counts.entry(injection.fault).or_default() += 1;
        }
        counts
    }

    /// Writes it as a file of events, one a line: only of days without poison.
    pub fn write(&self, path: &Path) {
        let mut file = BufWriter::new(File::create(path).unwrap());
        for arrival in &self.arrivals {
            file.write_all(arrival.value.as_deref().unwrap()).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.flush().unwrap();
    }
}
