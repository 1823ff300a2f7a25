//! The generator: new orders arrive at a rate, their stories interleave.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1};

use super::action::{Action, TargetType};
use super::clock_text::KOREA_MS;
use super::config::{Ending, GeneratorConfig, Limit};
use super::envelope::{EnvelopeWriter, Occurrence, PROMISED_RIDE};
use super::event::{AggregateVersions, EventSource, GeneratedEvent};
use super::identifier::write_uuid_v7;
use super::order::Order;
use super::order_number::{OrderNumber, SEQUENCES_PER_DAY, order_number};
use super::place::Places;
use super::plot::Plots;
use super::story::{self, Detail, MINUTE, Step};

const DAY_MS: u64 = 86_400_000;
/// From the actor's system to the transaction that records the event.
const RECORDING_MS: std::ops::Range<u64> = 1..40;

/// An order whose story is not yet told to the end. Its memory is used again for a later one.
#[derive(Debug)]
struct LiveOrder {
    number: OrderNumber,
    order: Order,
    created_at: u64,
    promised_at: u64,
    /// When the last event was recorded: the next did not occur before.
    recorded_at: u64,
    rider: u32,
    versions: AggregateVersions,
    steps: Vec<Step>,
    next: usize,
}

/// Generates the events of a marketplace in the order in which they are recorded.
///
/// A clean stream: every event is legal where it stands, versions of each aggregate start at 1
/// and grow by one, and no two events of one order share a timestamp. The memory is that of the
/// orders whose stories are under way, about 450 bytes each.
///
/// ```
/// use jumun::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit};
///
/// let config = GeneratorConfig { limit: Limit::Orders(10), ..GeneratorConfig::new(7, 1_764_039_600_000) };
/// let mut generator = Generator::new(config);
/// let mut event = GeneratedEvent::default();
/// let mut last = 0;
/// while generator.next_into(&mut event) {
///     assert!(event.timestamp >= last);
///     last = event.timestamp;
/// }
/// assert_eq!(generator.orders(), 10);
/// ```
#[derive(Debug)]
pub struct Generator {
    config: GeneratorConfig,
    rng: Xoshiro256PlusPlus,
    /// An incident has chances of its own, so that what it does not concern is as it is without.
    incidents: Xoshiro256PlusPlus,
    order_before: Option<Order>,
    places: Places,
    plots: Plots,
    envelope: EnvelopeWriter,
    live: Vec<LiveOrder>,
    vacant: Vec<u32>,
    /// Due times of the next events of live orders; the order's serial number breaks ties.
    due: BinaryHeap<Reverse<(u64, u64, u32)>>,
    /// When the next order is created, epoch ms with fractions.
    next_order: f64,
    node: u16,
    day: u64,
    sequence: u32,
    orders: u64,
    planned: u64,
    emitted: u64,
    is_cut_off: bool,
}

impl Generator {
    /// A generator at the start of its stream.
    pub fn new(config: GeneratorConfig) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed);
        let mut generator = Self {
            places: Places::new(config.stores),
            plots: Plots::new(&mut rng),
            envelope: EnvelopeWriter::default(),
            live: Vec::new(),
            vacant: Vec::new(),
            due: BinaryHeap::new(),
            next_order: config.start as f64,
            node: rng.random_range(0..512),
            day: 0,
            sequence: 0,
            orders: 0,
            planned: 0,
            emitted: 0,
            is_cut_off: false,
            order_before: None,
            incidents: Xoshiro256PlusPlus::seed_from_u64(!config.seed),
            rng,
            config,
        };
        generator.schedule_next_order();
        generator
    }

    /// Orders created so far.
    pub fn orders(&self) -> u64 {
        self.orders
    }

    /// Events emitted so far.
    pub fn events(&self) -> u64 {
        self.emitted
    }

    /// Orders whose stories are under way.
    pub fn live_orders(&self) -> usize {
        self.due.len()
    }

    fn takes_orders(&self) -> bool {
        match (self.config.limit, self.config.ending) {
            (Limit::Endless, _) => true,
            (Limit::Orders(orders), _) => self.orders < orders,
            (Limit::Events(events), Ending::Complete) => self.planned < events,
            (Limit::Events(events), Ending::CutOff) => self.emitted < events,
            (Limit::Until(end), _) => self.next_order < end as f64,
        }
    }

    /// Whether the stream stops in the middle of stories, the event just emitted being the last:
    /// the creation of the last order, or the last event, that the limit allows.
    fn is_cut_off_after(&self, action: Action) -> bool {
        self.config.ending == Ending::CutOff
            && match self.config.limit {
                Limit::Orders(_) => action == Action::OrderCreated && !self.takes_orders(),
                Limit::Events(_) => !self.takes_orders(),
                Limit::Endless | Limit::Until(_) => false,
            }
    }

    /// Whether an event at an instant (epoch ms) is beyond the end of the stream.
    fn is_beyond_end(&self, recorded_at: u64) -> bool {
        let end = match (self.config.limit, self.config.ending) {
            (Limit::Until(end), Ending::CutOff) => end,
            _ => u64::MAX,
        };
        recorded_at >= end
    }

    /// Moves on to the next arrival: one unit of exponentially distributed expectation, spent at
    /// the rate of each quarter of an hour.
    fn schedule_next_order(&mut self) {
        let mut expectation: f64 = Exp1.sample(&mut self.rng);
        loop {
            let (factor, end) = self.config.day_curve.factor(self.next_order);
            let (unusual, until) = match &self.config.incident {
                Some(incident) => incident.factor(self.next_order),
                None => (1.0, f64::INFINITY),
            };
            let end = end.min(until);
            let rate = self.config.rate.orders_per_ms() * factor * unusual;
            let reach = self.next_order + expectation / rate;
            if reach < end {
                self.next_order = reach;
                return;
            }
            expectation -= (end - self.next_order) * rate;
            self.next_order = end;
        }
    }

    fn create_order(&mut self) {
        let created_at = self.next_order as u64;
        self.schedule_next_order();
        let number = self.number_order(created_at);
        let drawn = self.plots.draw(&mut self.rng);
        let mut order = Order::draw(&self.places, drawn.plot, &mut self.rng);
        let speed = u64::from(self.config.story_speed.max(1));
        let promise = u64::from(55 * MINUTE) / speed;
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.live.push(LiveOrder {
                number,
                order,
                created_at,
                promised_at: 0,
                recorded_at: 0,
                rider: 0,
                versions: AggregateVersions::default(),
                steps: Vec::new(),
                next: 0,
            });
            (self.live.len() - 1) as u32
        });
        let Some(live) = self.live.get_mut(index as usize) else {
            return;
        };
        let mut steps = std::mem::take(&mut live.steps);
        story::tell(
            &order,
            drawn,
            self.config.story_speed,
            &mut self.rng,
            &mut steps,
        );
        if let Some(incident) = &self.config.incident {
            let (before, rng) = (self.order_before.as_ref(), &mut self.incidents);
            incident.change(created_at, before, &mut order, rng, &mut steps);
        }
        self.order_before = Some(order);
        self.planned += steps.len() as u64;
        *live = LiveOrder {
            number,
            order,
            created_at,
            promised_at: created_at + promise,
            recorded_at: created_at.saturating_sub(RECORDING_MS.end),
            rider: 0,
            versions: AggregateVersions::default(),
            steps,
            next: 0,
        };
        self.due.push(Reverse((created_at, self.orders, index)));
        self.orders += 1;
    }

    fn number_order(&mut self, created_at: u64) -> OrderNumber {
        let day = (created_at + KOREA_MS) / DAY_MS;
        if day != self.day {
            self.day = day;
            self.sequence = 0;
        }
        let number = order_number(
            self.envelope.year_month_day(created_at),
            self.sequence,
            self.node,
        );
        self.sequence += 1;
        if self.sequence == SEQUENCES_PER_DAY {
            self.sequence = 0;
            self.node = (self.node + 1) % 1024;
        }
        number
    }

    /// Whether an order is created before anything else happens.
    fn creates_next(&self) -> bool {
        let creation = self.next_order as u64;
        self.takes_orders()
            && self
                .due
                .peek()
                .is_none_or(|Reverse((due, ..))| creation < *due)
    }
}

impl EventSource for Generator {
    fn next_into(&mut self, event: &mut GeneratedEvent) -> bool {
        if self.is_cut_off {
            return false;
        }
        while self.creates_next() {
            self.create_order();
        }
        if self
            .due
            .peek()
            .is_some_and(|Reverse((due, ..))| self.is_beyond_end(*due))
        {
            return false;
        }
        let Some(mut top) = self.due.peek_mut() else {
            return false;
        };
        let Reverse((recorded_at, serial, index)) = *top;
        let Some(live) = self.live.get_mut(index as usize) else {
            return false;
        };
        let Some(step) = live.steps.get(live.next) else {
            return false;
        };

        let action = step.action;
        let target = action.target();
        count(&mut live.versions, step.action);
        let random = [self.rng.next_u64(), self.rng.next_u64()];
        write_uuid_v7(&mut event.id, recorded_at, random);
        let delay = self.rng.random_range(RECORDING_MS);
        let occurred_at = recorded_at.saturating_sub(delay).max(live.recorded_at);
        let speed = u64::from(self.config.story_speed.max(1));
        match step.detail {
            Detail::Rider(rider) => live.rider = rider,
            Detail::CookMinutes(minutes) => {
                let wait = u64::from(u32::from(minutes) * MINUTE + PROMISED_RIDE);
                live.promised_at = occurred_at + wait / speed;
            }
            Detail::AddedMinutes(minutes) => {
                live.promised_at += u64::from(u32::from(minutes) * MINUTE) / speed;
            }
            _ => {}
        }
        event.value.clear();
        self.envelope.write(
            &mut event.value,
            &Occurrence {
                id: &event.id,
                number: &live.number,
                order: &live.order,
                step,
                versions: &live.versions,
                rider: live.rider,
                promised_at: live.promised_at,
                occurred_at,
                recorded_at,
            },
        );
        event.key.clear();
        event.key.extend_from_slice(&live.number);
        event.topic = target.topic();
        event.timestamp = recorded_at;
        event.action = step.action.name();
        event.schema_version = 1;
        event.target = target;
        event.versions = live.versions;

        live.recorded_at = recorded_at;
        live.next += 1;
        let following = live
            .steps
            .get(live.next)
            .map(|step| live.created_at + u64::from(step.at));
        event.is_last_of_order = following.is_none();
        if let Some(following) = following {
            *top = Reverse((following, serial, index));
            drop(top);
        } else {
            std::collections::binary_heap::PeekMut::pop(top);
            self.vacant.push(index);
        }
        self.emitted += 1;
        self.is_cut_off = self.is_cut_off_after(action);
        true
    }
}

/// Gives the aggregate of an action its next version.
fn count(versions: &mut AggregateVersions, action: Action) {
    match action.target() {
        TargetType::Order => versions.order += 1,
        TargetType::Payment => versions.payment += 1,
        TargetType::Claim => versions.claim += 1,
        TargetType::Delivery => {
            let requested_again = action == Action::DeliveryRequested && versions.deliveries > 0;
            if requested_again || versions.deliveries == 0 {
                versions.deliveries += 1;
                versions.delivery = 0;
            }
            versions.delivery += 1;
        }
    }
}
