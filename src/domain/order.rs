//! The state of one order.

use super::action::Action;
use super::actor::{Aggregate, AggregateSet, Liability};
use super::codes::codes;
use super::deliveries::Deliveries;
use super::event::OrderEvent;
use super::event_id::EventId;
use super::memory::Memory;
use super::reason::Reason;
use super::regions::{Delivery, Fulfilment, Kitchen, Main, Payment, Regions};
use super::status::DisplayStatus;
use super::waiting::{WaitingList, target_hash};

/// Events after the end that an order keeps; further ones are rejected all the same, but not kept.
pub const MAX_AFTER_TERMINAL: usize = 16;

/// Bytes that the ids of those events take together, where they are no UUIDs.
pub const MAX_AFTER_TERMINAL_ID_BYTES: usize = 16 * 1024;

codes! {
    /// What is remarkable about an order.
    OrderFlag, OrderFlags {
        Incomplete = "incomplete",
        GhostDelivery = "ghost_delivery",
        BadTime = "bad_time",
        PressedLate = "pressed_late",
        ImpliedReady = "implied_ready",
        AmountUnknown = "amount_unknown",
    }
}

codes! {
    /// A moment in the life of an order.
    Milestone, Milestones {
        Created = "createdAt",
        Paid = "paidAt",
        Accepted = "acceptedAt",
        Cooking = "cookingAt",
        Ready = "readyAt",
        Requested = "requestedAt",
        Assigned = "assignedAt",
        AtStore = "atStoreAt",
        PickedUp = "pickedUpAt",
        Delivered = "deliveredAt",
        HandedOver = "handedOverAt",
        Closed = "closedAt",
    }
}

/// When the milestones were reached, epoch milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times([Option<i64>; Milestone::ALL.len()]);

impl Times {
    /// When the milestone was reached.
    #[must_use]
    pub fn get(&self, milestone: Milestone) -> Option<i64> {
        self.0.get(usize::from(milestone.code())).copied().flatten()
    }

    /// Sets or clears a milestone.
    pub fn set(&mut self, milestone: Milestone, at: Option<i64>) {
        if let Some(slot) = self.0.get_mut(usize::from(milestone.code())) {
            *slot = at;
        }
    }
}

/// The version cursor of an aggregate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The last version consumed: applied, annotated, or judged; 0 before the first.
    pub last: u64,
    /// The last version applied or annotated.
    pub applied: u64,
}

/// What is kept of an event to tell of it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub action: Action,
    /// The aggregate's version.
    pub version: Option<u64>,
    /// When it happened, epoch milliseconds.
    pub occurred_at: i64,
}

impl Fact {
    /// The fact of an event that happened at this time.
    #[must_use]
    pub fn of(event: &OrderEvent, action: Action, occurred_at: i64) -> Self {
        Self {
            id: EventId::new(event.id()),
            action,
            version: event.version(),
            occurred_at,
        }
    }
}

/// The state of one order, used again for the next one.
///
/// An order of which nothing is known, and the *ghost* of a cancelled order that was never created, have
/// `main` NONE; a ghost is stored, but is no record of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The order number's use: 1, or more when the number was used again.
    pub generation: u32,
    /// How many events were applied or annotated.
    pub seq: u64,
    /// The five regions.
    pub regions: Regions,
    /// How the food reaches the customer; none before creation.
    pub fulfilment: Option<Fulfilment>,
    /// Remarkable things.
    pub flags: OrderFlags,
    /// Aggregates with a judged rejection that no applied event has settled.
    pub contradicted: AggregateSet,
    /// Customer.
    pub customer_id: String,
    /// Store.
    pub store_id: String,
    /// Category of the store.
    pub category: String,
    /// Province or metropolitan city.
    pub sido: String,
    /// City or district.
    pub sigungu: String,
    /// Neighbourhood.
    pub dong: String,
    /// How it is paid.
    pub payment_method: String,
    /// The order's amount in won.
    pub amount: i64,
    /// What was paid, in won.
    pub paid: i64,
    /// What went back, in won.
    pub refunded: i64,
    /// The first promised arrival, epoch milliseconds.
    pub first_promised_at: Option<i64>,
    /// The promised arrival, epoch milliseconds.
    pub promised_at: Option<i64>,
    /// Minutes that the store needs.
    pub cook_minutes: Option<i64>,
    /// When the milestones were reached.
    pub times: Times,
    /// Assignments of a rider.
    pub attempts: u32,
    /// Assignments that did not hold.
    pub reassigned: u32,
    /// Deliveries of the same food after a failed one.
    pub redelivered: u32,
    /// Why the order ended.
    pub reason: Option<Reason>,
    /// Who answers for it.
    pub liability: Option<Liability>,
    /// `payment` before the cancel after delivery.
    pub payment_before_claim: Option<Payment>,
    /// Versions of the order itself.
    pub order_cursor: Cursor,
    /// Versions of the payment.
    pub payment_cursor: Cursor,
    /// Versions of the claim.
    pub claim_cursor: Cursor,
    /// The deliveries, in the order in which they were first seen.
    pub deliveries: Deliveries,
    /// The delivery that the region is of, by its place.
    pub current_delivery: Option<usize>,
    /// The id of the event that created the order.
    pub created_by: u128,
    /// The last events.
    pub memory: Memory,
    /// The last applied event.
    pub last_applied: Option<Fact>,
    /// The rejected cancel that came before the creation.
    pub ghost: Option<Fact>,
    /// Its envelope, to be told when the order is created after all; empty without a ghost.
    pub ghost_event: String,
    /// Events that came after the end.
    pub after_terminal: Vec<Fact>,
    /// Events that were set aside.
    pub waiting: WaitingList,
    /// When the order last changed, epoch milliseconds.
    pub updated_at: i64,
    /// When the time began after which the order is forgotten, epoch milliseconds of records: when it was closed,
    /// else its last event.
    pub retained_from: i64,
    /// When the timer is due that looks whether that time is over, epoch milliseconds of stream time; none before
    /// the order was first stored.
    pub retention_timer: Option<i64>,
}

impl Order {
    /// Whether the order was created.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.regions.main != Main::None
    }

    /// Whether the store delivers itself, as far as is known: thin events do not tell.
    #[must_use]
    pub fn store_may_deliver(&self) -> bool {
        self.fulfilment
            .is_none_or(|fulfilment| fulfilment == Fulfilment::Store)
    }

    /// Whether nobody told what was paid: the order was created by a thin event, and its payment approved by one.
    #[must_use]
    pub fn paid_unknown(&self) -> bool {
        self.flags.contains(OrderFlag::AmountUnknown) && self.paid == 0
    }

    /// Whether there is nothing to store: no order, no ghost, and no event that was set aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.exists() && self.ghost.is_none() && self.waiting.is_empty()
    }

    /// The display status.
    #[must_use]
    pub const fn status(&self) -> DisplayStatus {
        DisplayStatus::of(&self.regions)
    }

    /// Whether consumers must wait, because the order's cancel was rejected before its creation.
    #[must_use]
    pub fn hold(&self) -> bool {
        self.exists() && self.ghost.is_some()
    }

    /// Whether an owner's event was rejected, and nothing has settled it.
    #[must_use]
    pub fn is_contradicted(&self) -> bool {
        self.hold() || !self.contradicted.is_empty()
    }

    /// Whether the store or a rider handed the food out.
    #[must_use]
    pub fn picked_up_at(&self) -> Option<i64> {
        self.times
            .get(Milestone::PickedUp)
            .or_else(|| self.times.get(Milestone::HandedOver))
    }

    /// The place of the delivery of this id.
    #[must_use]
    pub fn delivery_index(&self, id: &str) -> Option<usize> {
        self.deliveries.position(id)
    }

    /// The cursor of an aggregate; of a delivery by its place, where none stands for one never seen.
    #[must_use]
    pub fn cursor(&self, aggregate: Aggregate, delivery: Option<usize>) -> Cursor {
        match aggregate {
            Aggregate::Order => self.order_cursor,
            Aggregate::Payment => self.payment_cursor,
            Aggregate::Claim => self.claim_cursor,
            Aggregate::Delivery => delivery
                .and_then(|place| self.deliveries.get(place))
                .map_or_else(Cursor::default, |delivery| delivery.cursor),
        }
    }

    /// The last version consumed of an aggregate, a delivery by the hash of its id.
    #[must_use]
    pub fn last_version(&self, aggregate: Aggregate, target: u64) -> u64 {
        let is_it = |id: &str| target_hash(aggregate, id) == target;
        let delivery = match aggregate {
            Aggregate::Delivery => self
                .deliveries
                .iter()
                .position(|delivery| is_it(&delivery.id)),
            _ => None,
        };
        self.cursor(aggregate, delivery).last
    }

    /// The cursor of an event's aggregate.
    #[must_use]
    pub fn cursor_of(&self, event: &OrderEvent) -> Cursor {
        let aggregate = event.aggregate();
        let delivery = match aggregate {
            Aggregate::Delivery => self.deliveries.position(event.target_id()),
            _ => None,
        };
        self.cursor(aggregate, delivery)
    }

    /// The cursor of an event's aggregate, to change it; a delivery never seen gets its place.
    pub fn cursor_mut(&mut self, event: &OrderEvent) -> (usize, &mut Cursor) {
        match event.aggregate() {
            Aggregate::Order => (0, &mut self.order_cursor),
            Aggregate::Payment => (0, &mut self.payment_cursor),
            Aggregate::Claim => (0, &mut self.claim_cursor),
            Aggregate::Delivery => {
                let id = event.target_id();
                let place = self
                    .deliveries
                    .position(id)
                    .unwrap_or_else(|| self.deliveries.push(id));
                // The delivery is there: it was found, or pushed above. The spare cursor only spares a panic.
                let cursor = self
                    .deliveries
                    .get_mut(place)
                    .map_or(&mut self.order_cursor, |delivery| &mut delivery.cursor);
                (place, cursor)
            }
        }
    }

    /// Begins a new life of the order number: everything is forgotten but what is not of the old life.
    pub(super) fn renew(&mut self) {
        let (generation, timer) = (self.generation, self.retention_timer);
        let waiting = std::mem::take(&mut self.waiting);
        self.clear();
        self.generation = generation.saturating_add(1);
        self.retention_timer = timer;
        self.waiting = waiting;
    }

    /// Forgets everything but the memory it holds.
    pub fn clear(&mut self) {
        let mut fresh = Self::default();
        for (kept, target) in [
            (&mut self.customer_id, &mut fresh.customer_id),
            (&mut self.store_id, &mut fresh.store_id),
            (&mut self.category, &mut fresh.category),
            (&mut self.sido, &mut fresh.sido),
            (&mut self.sigungu, &mut fresh.sigungu),
            (&mut self.dong, &mut fresh.dong),
            (&mut self.payment_method, &mut fresh.payment_method),
            (&mut self.ghost_event, &mut fresh.ghost_event),
        ] {
            kept.clear();
            std::mem::swap(kept, target);
        }
        self.memory.clear();
        self.after_terminal.clear();
        self.waiting.clear();
        std::mem::swap(&mut self.waiting, &mut fresh.waiting);
        std::mem::swap(&mut self.memory, &mut fresh.memory);
        std::mem::swap(&mut self.after_terminal, &mut fresh.after_terminal);
        self.deliveries.clear();
        std::mem::swap(&mut self.deliveries, &mut fresh.deliveries);
        *self = fresh;
    }

    /// Adds what the flags and the contradictions say to a list of names, by calling for each.
    pub fn for_each_flag(&self, mut each: impl FnMut(&'static str)) {
        if self.is_contradicted() {
            each("contradicted");
        }
        for flag in self.flags.iter() {
            each(flag.name());
        }
    }

    /// Keeps an event that came after the end, unless it is kept already or there is no room.
    pub(super) fn keep_after_terminal(&mut self, fact: &Fact) {
        let id_bytes = |fact: &Fact| fact.id.text().map_or(0, str::len);
        let kept: usize = self.after_terminal.iter().map(id_bytes).sum();
        let has_room = self.after_terminal.len() < MAX_AFTER_TERMINAL
            && kept.saturating_add(id_bytes(fact)) <= MAX_AFTER_TERMINAL_ID_BYTES;
        if has_room && !self.after_terminal.iter().any(|known| known.id == fact.id) {
            self.after_terminal.push(fact.clone());
        }
    }

    pub(super) fn flag(&mut self, flag: OrderFlag) {
        self.flags = self.flags.with(flag);
    }

    pub(super) fn unflag(&mut self, flag: OrderFlag) {
        self.flags = self.flags.without(flag);
    }

    pub(super) fn enter_main(&mut self, main: Main, at: i64) {
        self.regions.main = main;
        match main {
            Main::Created => self.times.set(Milestone::Created, Some(at)),
            Main::Paid => self.times.set(Milestone::Paid, Some(at)),
            Main::Accepted => self.times.set(Milestone::Accepted, Some(at)),
            _ => {}
        }
        if main.is_terminal() {
            self.times.set(Milestone::Closed, Some(at));
        }
    }

    pub(super) fn enter_kitchen(&mut self, kitchen: Kitchen, at: i64) {
        self.regions.kitchen = kitchen;
        match kitchen {
            Kitchen::Idle => {}
            Kitchen::Cooking => self.times.set(Milestone::Cooking, Some(at)),
            Kitchen::Ready => self.times.set(Milestone::Ready, Some(at)),
        }
    }

    pub(super) fn enter_delivery(&mut self, delivery: Delivery, at: i64) {
        self.regions.delivery = delivery;
        let milestone = match delivery {
            Delivery::Requested => {
                self.times.set(Milestone::Assigned, None);
                self.times.set(Milestone::AtStore, None);
                Milestone::Requested
            }
            Delivery::Assigned => Milestone::Assigned,
            Delivery::AtStore => Milestone::AtStore,
            Delivery::PickedUp => Milestone::PickedUp,
            Delivery::Delivered => Milestone::Delivered,
            _ => return,
        };
        self.times.set(milestone, Some(at));
    }
}
