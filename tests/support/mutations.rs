//! Faults put into a clean day under a seed, and the truth about them.
//!
//! ```text
//! clean day ── read ── mutate ── arrivals (what is sent, in this order) and injections (what was done to which event)
//! ```
//! Records keep their timestamps, as behind a relay that was slow: the processor merges its inputs by record timestamp, so
//! what stands behind later records of its topic is judged when those are. Hence delays are in the time of the day, however
//! fast it is sent. An event has at most one fault, and no swap is with an event that has another.
//!
//! Left out is an unknown action: it consumes its version, so that its repair does not fit any more (order-domain 4.1).
#![allow(
    dead_code,
    reason = "each integration test that includes it uses a part of it"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use jumun::replay::EventFileReader;
use jumun_harness::Message;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// How many records went by, for whoever finds a record again in a topic; a copy has a number of its own.
pub const ARRIVAL: &str = "x-test-arrival";
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
/// A repetition comes at once or within this time.
const REPEATED_WITHIN: i64 = 60 * SECOND;
const CLOCK_WRONG_BY: i64 = 24 * HOUR;
/// More than an event may have.
const TOO_LARGE: usize = 17 * 1_024;
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

/// A record of the clean day.
#[derive(Debug, Clone)]
pub struct Event {
    pub topic: &'static str,
    pub order_no: String,
    /// Epoch milliseconds.
    pub timestamp: i64,
    pub id: String,
    pub action: String,
    /// Type and id of the aggregate.
    pub target: String,
    pub value: Vec<u8>,
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
    /// Of poison, the reason for which it is a dead letter.
    pub reason: Option<&'static str>,
}

/// A record as it is sent.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Place of the event in the clean day.
    pub event: usize,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// What it is a dead letter for.
    pub poison: Option<&'static str>,
    pub headers: Vec<(&'static str, String)>,
}

/// A day with its faults.
#[derive(Debug)]
pub struct MutatedDay {
    pub events: Vec<Event>,
    pub arrivals: Vec<Arrival>,
    pub injections: Vec<Injection>,
}

/// Reads a clean day, plain or gzipped.
pub fn read(path: &Path) -> Vec<Event> {
    let mut reader = EventFileReader::open(path).unwrap();
    let mut events = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        events.push(Event::read(
            record.topic.name(),
            record.timestamp,
            record.value,
        ));
    }
    events
}

impl Event {
    /// Reads a good envelope.
    pub fn read(topic: &'static str, timestamp: u64, value: &[u8]) -> Self {
        let parsed: Value = serde_json::from_slice(value).unwrap();
        let text = |pointer: &str| {
            parsed
                .pointer(pointer)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        Self {
            topic,
            order_no: text("/target/orderNo"),
            timestamp: i64::try_from(timestamp).unwrap(),
            id: text("/id"),
            action: text("/action"),
            target: format!("{}/{}", text("/target/type"), text("/target/id")),
            value: value.to_vec(),
        }
    }
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
        let mut turn = (times[place], place, 0);
        let mut reason = None;
        if let Some(fault) = chosen.get(&place) {
            match fault.0 {
                Fault::Duplicate => {
                    let after = match random.random_bool(0.5) {
                        true => 0,
                        false => random.random_range(0..REPEATED_WITHIN),
                    };
                    turns.push(((turn.0 + after, place, 1), arrival.clone()));
                }
                Fault::Swap => turn = (times[fault.1], fault.1, 2),
                Fault::Delay => {
                    turn.0 += random.random_range(rates.delayed_by.0..rates.delayed_by.1)
                }
                Fault::Lost => {}
                Fault::Poison => {
                    reason = Some(spoil(&mut arrival, &mut random));
                    arrival.poison = reason;
                }
                Fault::Actor => arrival.edit(|value| {
                    let stranger = match event.action.starts_with("payment.") {
                        true => "RIDER",
                        false => "PG",
                    };
                    value["actor"] = json!({"type": stranger, "id": "stranger"});
                }),
                Fault::Clock => {
                    let by = random.random_range(-CLOCK_WRONG_BY..=CLOCK_WRONG_BY);
                    arrival.edit(|value| shift(&mut value["time"]["occurredAt"], by));
                }
            }
            day.injections.push(Injection {
                fault: fault.0,
                event: place,
                reason,
            });
            if fault.0 == Fault::Lost {
                continue;
            }
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

impl Arrival {
    /// As the relay sends it.
    fn of(place: usize, event: &Event) -> Self {
        Self {
            event: place,
            key: Some(event.order_no.clone().into_bytes()),
            value: Some(event.value.clone()),
            poison: None,
            headers: vec![("id", event.id.clone()), ("action", event.action.clone())],
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(self.value.as_deref().unwrap()).unwrap();
        change(&mut value);
        self.value = Some(value.to_string().into_bytes());
    }
}

/// Makes a dead letter of it, and says for which reason it is one.
fn spoil(arrival: &mut Arrival, random: &mut StdRng) -> &'static str {
    match random.random_range(0..9) {
        0 => {
            let value = arrival.value.as_mut().unwrap();
            value.truncate(value.len() / 2);
            "MALFORMED"
        }
        1 => {
            let value = arrival.value.as_mut().unwrap();
            let place = value.len() / 2;
            value.splice(place..place, *b"\xc3\x28");
            "MALFORMED"
        }
        2 => {
            arrival.edit(|value| value["target"]["version"] = json!("one"));
            "MALFORMED"
        }
        3 => {
            arrival.edit(|value| value["target"]["version"] = json!(0));
            "MALFORMED"
        }
        4 => {
            arrival.value = None;
            "MALFORMED"
        }
        5 => {
            arrival.edit(|value| value["padding"] = json!("x".repeat(TOO_LARGE)));
            "TOO_LARGE"
        }
        6 => {
            arrival.edit(|value| value["schema"]["version"] = json!(9));
            "UNSUPPORTED_SCHEMA"
        }
        7 => {
            arrival.key.as_mut().unwrap().reverse();
            "KEY_MISMATCH"
        }
        _ => {
            arrival.key = None;
            "KEY_MISMATCH"
        }
    }
}

fn shift(time: &mut Value, by: i64) {
    let at: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    let shifted = jiff::Timestamp::from_millisecond(at.as_millisecond() + by).unwrap();
    *time = json!(shifted.to_string());
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

/// A record as it is sent.
pub fn message<'a>(event: &'a Event, arrival: &'a Arrival) -> Message<'a> {
    let key = arrival.key.as_deref().unwrap_or_default();
    let message = match &arrival.value {
        Some(value) => Message::new(event.topic, key, value),
        None => Message::tombstone(event.topic, key),
    };
    let message = match arrival.key {
        Some(_) => message,
        None => message.keyless(),
    };
    arrival.headers.iter().fold(
        message.timestamp(event.timestamp),
        |message, (name, value)| message.header(name, value),
    )
}
