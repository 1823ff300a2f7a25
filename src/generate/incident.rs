//! Incidents: what goes wrong at a marketplace for a while, told into the stories of the orders it concerns. Versions stay
//! without gaps, and apart from what the incident is about every event stays legal.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::action::{Action, ActorType};
use super::order::{Fulfilment, Order};
use super::reason::{Liability, Reason};
use super::story::{Detail, MINUTE, SECOND, Step};

/// The sido where no riders are to be had.
const SIDO_WITHOUT_RIDERS: &str = "서울";
/// The store whose orders are cancelled after delivery: no store of the marketplace has this number.
const BAD_STORE: u32 = 900_001;

macro_rules! kinds {
    ($($(#[$meta:meta])* $Kind:ident $name:literal,)+) => {
        /// What goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum IncidentKind { $($(#[$meta])* $Kind,)+ }

        impl IncidentKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$Kind,)+];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Kind => $name,)+ }
            }
        }
    };
}

kinds! {
    /// One payment in five is approved, and its order never comes.
    PaidNoOrder "paid-no-order",
    /// Every other paid order is cancelled by the system at once.
    CancelWave "cancel-wave",
    /// Paid orders reach their stores minutes late.
    NotRelayed "not-relayed",
    /// In Seoul no rider is to be had.
    NoRider "no-rider",
    /// One delivery in ten goes on although its order was cancelled.
    Ghost "ghost",
    /// A tenth of the orders comes.
    Drop "drop",
    /// Three times the orders come.
    Surge "surge",
    /// One order in eight is of one store, and is cancelled after delivery.
    PostCancelWave "post-cancel-wave",
    /// Every third order is that of the one before it once more.
    DuplicateOrders "duplicate-orders",
}

/// An incident, from one moment to another of event time, epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// What goes wrong.
    pub kind: IncidentKind,
    /// Its first moment.
    pub from: u64,
    /// The first moment after it.
    pub until: u64,
}

impl Incident {
    const fn lasts_at(&self, at: u64) -> bool {
        self.from <= at && at < self.until
    }

    /// The factor on the rate of new orders at a moment, and up to when it holds.
    pub(super) fn factor(&self, at: f64) -> (f64, f64) {
        let factor = match self.kind {
            IncidentKind::Drop => 0.1,
            IncidentKind::Surge => 3.0,
            _ => return (1.0, f64::INFINITY),
        };
        let (from, until) = (self.from as f64, self.until as f64);
        if at < from {
            (1.0, from)
        } else if at < until {
            (factor, until)
        } else {
            (1.0, f64::INFINITY)
        }
    }

    /// Changes the story of an order that was created then, if the incident concerns it; `before` is the one before it.
    pub(super) fn change(
        &self,
        created_at: u64,
        before: Option<&Order>,
        order: &mut Order,
        rng: &mut Xoshiro256PlusPlus,
        steps: &mut Vec<Step>,
    ) {
        let place_of = |steps: &[Step], action| steps.iter().position(|step| step.action == action);
        let during = |steps: &[Step], action| {
            let place = place_of(steps, action)?;
            let at = u64::from(steps.get(place)?.at);
            self.lasts_at(created_at + at).then_some(place)
        };
        match self.kind {
            IncidentKind::Drop | IncidentKind::Surge => {}
            IncidentKind::PaidNoOrder => {
                if during(steps, Action::PaymentApproved).is_some() && one_in(5, rng) {
                    steps.retain(|step| step.action == Action::PaymentApproved);
                }
            }
            IncidentKind::CancelWave => {
                if let Some(paid) = during(steps, Action::PaymentApproved)
                    && one_in(2, rng)
                {
                    let paid = cut_behind(steps, paid);
                    let fault = Detail::Fault(Reason::PaymentError, Liability::Platform);
                    let at = paid + rng.random_range(SECOND..10 * SECOND);
                    add(steps, at, Action::OrderCancelled, ActorType::System, fault);
                    refund(order, steps, at);
                }
            }
            IncidentKind::NotRelayed => {
                if let Some(relayed) = during(steps, Action::OrderRelayed) {
                    shift(steps, relayed, 3 * MINUTE);
                }
            }
            IncidentKind::NoRider => {
                if order.store.sido == SIDO_WITHOUT_RIDERS
                    && let Some(assigned) = during(steps, Action::DeliveryAssigned)
                {
                    let at = steps.get(assigned).map_or(0, |step| u64::from(step.at));
                    let wait = self.until.saturating_sub(created_at + at);
                    let wait = u32::try_from(wait).unwrap_or(0);
                    shift(steps, assigned, wait + rng.random_range(0..MINUTE));
                }
            }
            IncidentKind::Ghost => {
                if matches!(order.fulfilment, Fulfilment::Single | Fulfilment::Bundle)
                    && place_of(steps, Action::DeliveryDelivered).is_some()
                    && place_of(steps, Action::DeliveryFailed).is_none()
                    && let Some(picked_up) = during(steps, Action::DeliveryPickedUp)
                    && one_in(10, rng)
                {
                    haunt(order, steps, picked_up);
                }
            }
            IncidentKind::DuplicateOrders => {
                if self.lasts_at(created_at)
                    && let Some(before) = before
                    && one_in(3, rng)
                {
                    repeat(before, order);
                }
            }
            IncidentKind::PostCancelWave => {
                if self.lasts_at(created_at)
                    && let Some(delivered) = place_of(steps, Action::DeliveryDelivered)
                    && one_in(8, rng)
                {
                    order.store.number = BAD_STORE;
                    let at = cut_behind(steps, delivered) + 5 * MINUTE;
                    let detail = Detail::PostCancel {
                        reason: Reason::ForeignMatter,
                        liability: Liability::Store,
                        owner_consents: false,
                    };
                    let support = ActorType::CustomerService;
                    add(steps, at, Action::ClaimPostCancelled, support, detail);
                    refund(order, steps, at);
                }
            }
        }
    }
}

fn one_in(n: u32, rng: &mut Xoshiro256PlusPlus) -> bool {
    rng.random_range(0..n) == 0
}

/// The same customer orders the same for the same amount once more; how it is paid and brought is as it was drawn.
fn repeat(before: &Order, order: &mut Order) {
    (order.customer, order.store) = (before.customer, before.store);
    let items = before.amount() + order.discount;
    order.items_total = items.saturating_sub(order.delivery_fee);
}

/// Nothing comes after that step; answers when it happens.
fn cut_behind(steps: &mut Vec<Step>, place: usize) -> u32 {
    steps.truncate(place + 1);
    steps.last().map_or(0, |step| step.at)
}

fn add(steps: &mut Vec<Step>, at: u32, action: Action, actor: ActorType, detail: Detail) {
    steps.push(Step {
        at,
        action,
        actor,
        detail,
    });
}

fn refund(order: &Order, steps: &mut Vec<Step>, after: u32) {
    let amount = Detail::Amount(order.amount());
    let gateway = ActorType::PaymentGateway;
    add(
        steps,
        after + 30 * SECOND,
        Action::PaymentRefunded,
        gateway,
        amount,
    );
}

/// That step and all behind it happen so much later.
fn shift(steps: &mut [Step], place: usize, later: u32) {
    for step in steps.iter_mut().skip(place) {
        step.at = step.at.saturating_add(later);
    }
}

/// The order is cancelled just before its food is picked up, and nobody tells the rider.
fn haunt(order: &Order, steps: &mut Vec<Step>, picked_up: usize) {
    let Some(&Step { at, .. }) = steps.get(picked_up) else {
        return;
    };
    let mut place = 0;
    steps.retain(|step| {
        let is_before = place < picked_up;
        place += 1;
        is_before
            || matches!(
                step.action,
                Action::DeliveryPickedUp | Action::DeliveryDelivered
            )
    });
    // Free: no two steps are at the same time.
    let earlier = steps.iter().take(picked_up).map(|step| step.at).max();
    let cancelled = earlier.map_or(0, |earlier| earlier + 1);
    let shifted = cancelled.saturating_add(1).saturating_sub(at);
    shift(steps, picked_up, shifted);
    steps.insert(
        picked_up,
        Step {
            at: cancelled,
            action: Action::OrderCancelled,
            actor: ActorType::CustomerService,
            detail: Detail::Fault(Reason::CookDelay, Liability::Store),
        },
    );
    if order.method.is_online() {
        let last = steps.last().map_or(0, |step| step.at);
        refund(order, steps, last);
    }
}
