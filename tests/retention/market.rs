//! What is sent: the generator's clean stream, and what goes wrong in some of its orders.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jumun::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Rate, TargetType};

use crate::support::written::{CREATED, Written};

pub const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// 2026-11-20T00:00:00+09:00
pub const START_MS: i64 = 1_795_100_400_000;

/// Closed on day 1; its number comes again on day 20, on day 32 and on day 64.
pub const REUSED: &str = "REUSED";
/// Closed on day 3; its number comes again on day 35.
pub const REUSED_LATER: &str = "REUSED-LATER";
/// Created on the first day, heard of on day 20, never closed.
pub const MOVED: &str = "MOVED";

/// One record; in the order in which they are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    /// Its timestamp, epoch milliseconds.
    pub at: i64,
    /// Tells those of one moment apart.
    serial: u64,
    pub topic: &'static str,
    pub key: String,
    pub value: String,
}

/// What becomes of an order, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Plain,
    /// Nothing is heard of it after its third event.
    Unfinished,
    /// It is cancelled and never created.
    Ghost,
    /// An event is lost: all later ones of its aggregate wait, are rejected, and are kept.
    Gap,
    /// Ten days after its end it is cancelled, two days later a part is refunded.
    Claimed,
    /// Every event comes twice.
    Repeated,
    /// One day after it is forgotten, an event of its payment comes.
    Late,
}

fn fate(number: &str, at: i64) -> Fate {
    // FNV-1a.
    let hash = number
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    match hash >> 20 & 255 {
        0..6 => Fate::Unfinished,
        6..9 => Fate::Ghost,
        9..12 => Fate::Gap,
        12..24 => Fate::Claimed,
        24..36 => Fate::Repeated,
        // Only of the first days: those that come later would not have left at the end.
        36..48 if at < START_MS + DAY_MS => Fate::Late,
        _ => Fate::Plain,
    }
}

/// The marketplace.
pub struct Market {
    generator: Generator,
    event: GeneratedEvent,
    later: BinaryHeap<Reverse<Sent>>,
    serial: u64,
    /// Events so far of orders of which no more than some are sent.
    told: HashMap<String, u32>,
    /// Cancels without an order, and events for orders that are forgotten: by number, with their time.
    pub ghosts: HashMap<String, i64>,
    pub stubs: HashMap<String, i64>,
    pub reused_too_early: u64,
    pub orders: u64,
    pub sent: u64,
}

impl Market {
    pub fn new(orders_per_day: u32) -> Self {
        let config = GeneratorConfig {
            rate: Rate::OrdersPerSecond(f64::from(orders_per_day) / 86_400.0),
            stores: 10_000,
            ..GeneratorConfig::new(65, START_MS.unsigned_abs())
        };
        let mut market = Self {
            generator: Generator::new(config),
            event: GeneratedEvent::default(),
            later: BinaryHeap::new(),
            serial: 0,
            told: HashMap::new(),
            ghosts: HashMap::new(),
            stubs: HashMap::new(),
            reused_too_early: 1,
            orders: 0,
            sent: 0,
        };
        market.generator.next_into(&mut market.event);
        market.add_special_orders();
        market
    }

    fn add_special_orders(&mut self) {
        let day = |days: f64| START_MS + (days * DAY_MS as f64) as i64;
        for (number, days) in [(REUSED, 1.2), (REUSED, 32.0), (REUSED_LATER, 3.0)] {
            self.create(number, day(days));
            self.add(
                number,
                "order.cancelled",
                2,
                ("CUSTOMER", r#"{"reason":"CHANGED_MIND"}"#),
                day(days) + HOUR_MS,
            );
        }
        self.create(REUSED, day(20.0));
        self.create(REUSED, day(64.0));
        self.create(REUSED_LATER, day(35.0));
        self.create(MOVED, day(0.5));
        self.add(MOVED, "order.note_added", 2, ("CS", "{}"), day(20.5));
    }

    fn create(&mut self, number: &str, at: i64) {
        self.add(number, "order.created", 1, ("CUSTOMER", CREATED), at);
    }

    fn add(
        &mut self,
        number: &str,
        action: &str,
        version: u32,
        (actor, info): (&str, &str),
        at: i64,
    ) {
        self.serial += 1;
        let written = Written {
            number,
            action,
            version: version.into(),
            actor,
            info,
            at,
        };
        self.later.push(Reverse(Sent {
            at,
            serial: self.serial,
            topic: written.topic(),
            key: number.to_owned(),
            value: written.envelope(self.serial),
        }));
    }

    /// An event of no order, that is rejected and leaves nothing: it only says how late it is.
    pub fn add_moment(&mut self, at: i64) {
        self.add("MOMENT", "order.accepted", 1, ("STORE", "{}"), at);
    }

    /// Stops the generator: only what was promised comes.
    pub fn close(&mut self) {
        self.event.timestamp = u64::MAX;
    }

    /// Everything that is sent before a moment.
    pub fn until(&mut self, moment: i64, mut send: impl FnMut(&Sent)) {
        loop {
            let generated = i64::try_from(self.event.timestamp).unwrap_or(i64::MAX);
            let due = self.later.peek().map_or(i64::MAX, |Reverse(sent)| sent.at);
            if generated.min(due) >= moment {
                return;
            }
            if due <= generated {
                if let Some(Reverse(sent)) = self.later.pop() {
                    self.sent += 1;
                    send(&sent);
                }
                continue;
            }
            self.generated(generated);
            self.generator.next_into(&mut self.event);
        }
    }

    /// Decides what is sent in place of the generator's event.
    fn generated(&mut self, at: i64) {
        let event = &self.event;
        let number = String::from_utf8(event.key.clone()).unwrap();
        let is_creation = event.action == "order.created";
        let (is_last, target) = (event.is_last_of_order, event.target);
        let (version, versions) = (event.version(), event.versions);
        self.orders += u64::from(is_creation);
        let mut copies = 1;
        match fate(
            &number,
            if is_creation {
                at
            } else {
                self.created_at(&number, at)
            },
        ) {
            Fate::Plain => {}
            Fate::Unfinished => {
                let told = self.told.entry(number.clone()).or_default();
                *told += 1;
                copies = u32::from(*told <= 3);
            }
            Fate::Ghost => {
                copies = 0;
                if is_creation {
                    self.ghosts.insert(number.clone(), at);
                    self.add(&number, "order.cancelled", 2, ("CUSTOMER", "{}"), at);
                }
            }
            Fate::Gap => copies = u32::from(target != TargetType::Order || version != 2),
            Fate::Claimed if is_last && versions.claim == 0 => {
                let claim = at + 10 * DAY_MS;
                let info = r#"{"reason":"FOREIGN_MATTER","liability":"STORE"}"#;
                self.add(&number, "claim.post_cancelled", 1, ("CS", info), claim);
                let (refund, next) = (at + 12 * DAY_MS, versions.payment + 1);
                let info = r#"{"amount":100}"#;
                self.add(&number, "payment.part_refunded", next, ("PG", info), refund);
            }
            Fate::Claimed => {}
            Fate::Repeated => copies = 2,
            Fate::Late if is_last => {
                let late = at + 32 * DAY_MS;
                self.stubs.insert(number.clone(), late);
                let next = versions.payment + 1;
                self.add(
                    &number,
                    "payment.refunded",
                    next,
                    ("PG", r#"{"amount":100}"#),
                    late,
                );
            }
            Fate::Late => {}
        }
        for _ in 0..copies {
            self.serial += 1;
            let sent = Sent {
                at,
                serial: self.serial,
                topic: self.event.topic.name(),
                key: number.clone(),
                value: String::from_utf8(self.event.value.clone()).unwrap(),
            };
            self.later.push(Reverse(sent));
        }
    }

    /// When an order was created, as its number says: to the day.
    fn created_at(&self, number: &str, at: i64) -> i64 {
        match number.get(1..7) == Some("261120") {
            true => START_MS,
            false => at,
        }
    }
}
