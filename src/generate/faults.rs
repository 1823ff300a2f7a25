//! Faults: what relays, clocks and people do to a clean stream.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};

use super::action::{Action, ActorType, TargetType};
use super::clock_text::ClockText;
use super::event::{EventSource, GeneratedEvent};
use super::fabricate;
use super::identifier::write_uuid_v7;
use super::injection::{Injection, InjectionDetail, InjectionKind};
use super::poison::{Carrier, Poison, replace};

/// How often each fault happens, as shares of the events of the clean stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRates {
    /// Repeated: half of them at once, half within a minute.
    pub duplicate: f64,
    /// Arriving up to 5 s late, or right after the order's next event if that comes first.
    pub out_of_order: f64,
    /// Arriving one to five minutes late.
    pub late: f64,
    /// Wrong actors, impossible events, cancels before their order.
    pub illegal: f64,
    /// Impossible to judge at all.
    pub malformed: f64,
    /// `occurredAt` 6 s to 2 h ahead, or more than a day.
    pub clock_ahead: f64,
    /// `occurredAt` up to five minutes back.
    pub clock_back: f64,
}

impl Default for FaultRates {
    /// The shares of the load model.
    fn default() -> Self {
        Self {
            duplicate: 0.0075,
            out_of_order: 0.005,
            late: 0.0005,
            illegal: 0.001,
            malformed: 0.0001,
            clock_ahead: 0.0004,
            clock_back: 0.0005,
        }
    }
}

/// How a stream is damaged. Equal configurations damage equal streams equally.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultConfig {
    /// Chooses the faults.
    pub seed: u64,
    /// How often each happens.
    pub rates: FaultRates,
    /// What will carry the damaged stream.
    pub carrier: Carrier,
}

/// Of the illegal events, the share that a wrong actor causes. The rest halves into cancels
/// before their order and impossible events after its end.
const HIJACKED: f64 = 0.5;
/// The clean stream has about as many creations, and as many ends, as events over this number.
const EVENTS_PER_ORDER: f64 = super::config::EVENTS_PER_ORDER;

/// How long after the last event of an order an impossible one follows.
const AFTERWARDS_MS: std::ops::Range<u64> = 50..5_000;

/// A record on its way, perhaps damaged.
#[derive(Debug, Default)]
struct Parcel {
    event: GeneratedEvent,
    injection: Option<Injection>,
}

/// Damages the stream of a source.
///
/// Records keep their timestamps, so what arrives late is seen to be late. After each
/// [`EventSource::next_into`], [`Faults::injection`] tells what was done to the record.
#[derive(Debug)]
pub struct Faults<S> {
    source: S,
    config: FaultConfig,
    rng: Xoshiro256PlusPlus,
    clock: ClockText,
    /// The next event of the source, if it is not yet damaged.
    upcoming: Option<Parcel>,
    ready: VecDeque<Parcel>,
    held: Vec<Option<Parcel>>,
    vacant: Vec<usize>,
    /// When held parcels are let go, epoch ms; then the slot in `held` and its ticket.
    releases: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// Ticket of the parcel in each slot of `held`.
    tickets: Vec<u64>,
    next_ticket: u64,
    /// Parcels that go right after the next event of their order.
    swaps: HashMap<Vec<u8>, usize>,
    unused: Vec<Parcel>,
    injection: Option<Injection>,
    lines: u64,
}

impl<S: EventSource> Faults<S> {
    /// Damages what `source` yields from now on.
    pub fn new(source: S, config: FaultConfig) -> Self {
        Self {
            source,
            config,
            rng: Xoshiro256PlusPlus::seed_from_u64(config.seed ^ 0xfa17),
            clock: ClockText::default(),
            upcoming: None,
            ready: VecDeque::new(),
            held: Vec::new(),
            vacant: Vec::new(),
            releases: BinaryHeap::new(),
            tickets: Vec::new(),
            next_ticket: 0,
            swaps: HashMap::new(),
            unused: Vec::new(),
            injection: None,
            lines: 0,
        }
    }

    /// What was done to the record yielded last, and that record's position from 0.
    pub fn injection(&self) -> Option<(Injection, u64)> {
        self.injection
            .map(|injection| (injection, self.lines.saturating_sub(1)))
    }

    /// The damaged source.
    pub const fn source(&self) -> &S {
        &self.source
    }

    fn parcel(&mut self) -> Parcel {
        let mut parcel = self.unused.pop().unwrap_or_default();
        parcel.injection = None;
        parcel
    }

    fn copy(
        &mut self,
        event: &GeneratedEvent,
        kind: InjectionKind,
        detail: InjectionDetail,
    ) -> Parcel {
        let mut parcel = self.parcel();
        parcel.event.copy_from(event);
        parcel.injection = Some(Injection { kind, detail });
        parcel
    }

    fn renew_id(&mut self, event: &mut GeneratedEvent) {
        let random = [self.rng.next_u64(), self.rng.next_u64()];
        write_uuid_v7(&mut event.id, event.timestamp, random);
        replace(&mut event.value, b"\"id\":\"", b"\"", &event.id);
    }

    fn happens(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.rng.random::<f64>() < rate
    }

    /// Moves on: fills `ready`, or returns `false` at the end.
    fn advance(&mut self) -> bool {
        if self.upcoming.is_none() {
            let mut parcel = self.parcel();
            if self.source.next_into(&mut parcel.event) {
                self.upcoming = Some(parcel);
            } else {
                self.unused.push(parcel);
            }
        }
        let now = self.upcoming.as_ref().map(|parcel| parcel.event.timestamp);
        if let Some(Reverse((release, ticket, slot))) = self.releases.peek().copied()
            && now.is_none_or(|now| release <= now)
        {
            self.releases.pop();
            if self.tickets.get(slot) == Some(&ticket) {
                self.release(slot);
            }
            return true;
        }
        let Some(parcel) = self.upcoming.take() else {
            return false;
        };
        self.damage(parcel);
        true
    }

    /// Lets a held parcel go, unless it went already.
    fn release(&mut self, slot: usize) {
        let Some(parcel) = self.held.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.swaps.remove(&parcel.event.key);
        self.vacant.push(slot);
        self.ready.push_back(parcel);
    }

    fn hold(&mut self, parcel: Parcel, ms: u64) -> usize {
        let release = parcel.event.timestamp + ms;
        let slot = self.vacant.pop().unwrap_or(self.held.len());
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        match (self.held.get_mut(slot), self.tickets.get_mut(slot)) {
            (Some(held), Some(known)) => {
                *held = Some(parcel);
                *known = ticket;
            }
            _ => {
                self.held.push(Some(parcel));
                self.tickets.push(ticket);
            }
        }
        self.releases.push(Reverse((release, ticket, slot)));
        slot
    }

    /// Decides what becomes of an event. At most one thing is done to it.
    fn damage(&mut self, mut parcel: Parcel) {
        let rates = self.config.rates;
        let event = &parcel.event;
        let is_creation = event.action == Action::OrderCreated.name();
        let rest = rates.illegal * (1.0 - HIJACKED) / 2.0 * EVENTS_PER_ORDER;
        if is_creation && self.happens(rest) {
            let premature = self.premature_cancel(event);
            self.ready.push_back(premature);
        }
        let impossible = (event.is_last_of_order && self.happens(rest))
            .then(|| self.impossible_event(&parcel.event));
        if is_creation && self.happens(rates.malformed * EVENTS_PER_ORDER) {
            let poison = self.poison(&parcel.event);
            self.ready.push_back(poison);
        }
        let follower = self.swaps.get(&parcel.event.key).copied();

        let is_spared = impossible.is_some() || follower.is_some();
        if is_spared || (self.happens(rates.illegal * HIJACKED) && self.hijack(&mut parcel)) {
            self.ready.push_back(parcel);
        } else if self.happens(rates.clock_ahead) {
            let ms = if self.rng.random_bool(0.3) {
                self.rng.random_range(86_401_000..90_000_000)
            } else {
                self.rng.random_range(6_000..7_200_000)
            };
            self.skew(&mut parcel, InjectionKind::Future, ms);
            self.ready.push_back(parcel);
        } else if self.happens(rates.clock_back) {
            let ms = -self.rng.random_range(1_000..300_000);
            self.skew(&mut parcel, InjectionKind::Back, ms);
            self.ready.push_back(parcel);
        } else if self.happens(rates.late) {
            let ms = self.rng.random_range(60_001..300_000);
            parcel.injection = Some(delay(ms));
            self.hold(parcel, ms);
        } else if self.happens(rates.out_of_order) {
            let ms = self.rng.random_range(100..5_000);
            parcel.injection = Some(delay(ms));
            let key = parcel.event.key.clone();
            let slot = self.hold(parcel, ms);
            self.swaps.insert(key, slot);
        } else if self.happens(rates.duplicate) {
            let again = self.copy(
                &parcel.event,
                InjectionKind::Duplicate,
                InjectionDetail::None,
            );
            self.ready.push_back(parcel);
            if self.rng.random_bool(0.5) {
                self.ready.push_back(again);
            } else {
                let ms = self.rng.random_range(1..60_000);
                self.hold(again, ms);
            }
        } else {
            self.ready.push_back(parcel);
        }

        if let Some(impossible) = impossible {
            self.hold(impossible, 0);
        }
        if let Some(slot) = follower {
            if let Some(Some(held)) = self.held.get_mut(slot) {
                let detail = InjectionDetail::None;
                held.injection = Some(Injection {
                    kind: InjectionKind::Swap,
                    detail,
                });
            }
            self.release(slot);
        }
    }

    /// Exchanges the actor for one who never may do this. Events that anybody may cause stay.
    fn hijack(&mut self, parcel: &mut Parcel) -> bool {
        let event = &mut parcel.event;
        let name = event.action;
        let is_open_to_all = name.starts_with("verification.")
            || name == Action::OrderNoteAdded.name()
            || name == Action::OrderAddressChanged.name()
            || name == Action::DeliveryEtaUpdated.name();
        if is_open_to_all {
            return false;
        }
        let actor = match event.target {
            TargetType::Payment | TargetType::Claim => ActorType::Customer,
            TargetType::Order | TargetType::Delivery => ActorType::PaymentGateway,
        }
        .name();
        replace(
            &mut event.value,
            b"\"actor\":{\"type\":\"",
            b"\"",
            actor.as_bytes(),
        );
        let detail = InjectionDetail::Text("actor", actor);
        parcel.injection = Some(Injection {
            kind: InjectionKind::Hijack,
            detail,
        });
        true
    }

    fn skew(&mut self, parcel: &mut Parcel, kind: InjectionKind, ms: i64) {
        let mut text = Vec::with_capacity(32);
        self.clock
            .write(&mut text, parcel.event.timestamp.saturating_add_signed(ms));
        replace(&mut parcel.event.value, b"\"occurredAt\":\"", b"\"", &text);
        let detail = InjectionDetail::Milliseconds(ms);
        parcel.injection = Some(Injection { kind, detail });
    }

    fn poison(&mut self, event: &GeneratedEvent) -> Parcel {
        let choices = Poison::choices(self.config.carrier);
        let index = self.rng.random_range(0..choices.len());
        let poison = choices.get(index).copied().unwrap_or(Poison::Cut);
        let detail = InjectionDetail::Text("poison", poison.name());
        let mut parcel = self.copy(event, InjectionKind::Poison, detail);
        self.renew_id(&mut parcel.event);
        poison.spoil(&mut parcel.event);
        parcel
    }

    /// The customer's cancel of an order that does not exist yet.
    fn premature_cancel(&mut self, creation: &GeneratedEvent) -> Parcel {
        let mut parcel = self.copy(creation, InjectionKind::Premature, InjectionDetail::None);
        fabricate::premature_cancel(&mut parcel.event);
        self.renew_id(&mut parcel.event);
        parcel
    }

    /// Something that cannot happen to an order at the end of its story.
    fn impossible_event(&mut self, last: &GeneratedEvent) -> Parcel {
        let detail = InjectionDetail::Text("after", last.action);
        let mut parcel = self.copy(last, InjectionKind::Transition, detail);
        let at = last.timestamp + self.rng.random_range(AFTERWARDS_MS);
        let choice = self.rng.random_range(0..4);
        fabricate::impossible_event(&mut parcel.event, choice, at, &mut self.clock);
        self.renew_id(&mut parcel.event);
        parcel
    }
}

impl<S: EventSource> EventSource for Faults<S> {
    fn next_into(&mut self, event: &mut GeneratedEvent) -> bool {
        loop {
            if let Some(mut parcel) = self.ready.pop_front() {
                std::mem::swap(event, &mut parcel.event);
                self.injection = parcel.injection;
                self.lines += 1;
                self.unused.push(parcel);
                return true;
            }
            if !self.advance() {
                self.injection = None;
                return false;
            }
        }
    }
}

fn delay(ms: u64) -> Injection {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Injection {
        kind: InjectionKind::Delay,
        detail: InjectionDetail::Milliseconds(ms),
    }
}
