//! The story of one order: what happens when, from creation to the last refund.
//!
//! A story is told whole when the order is created, along the domain's table, so that every step
//! is legal where it stands: the kitchen and the delivery are told side by side, a cancel cuts
//! both off, and what follows from it (delivery cancelled, refund) comes after. Told at once, a
//! story needs no state machine while events are emitted, and its memory goes with its order.

mod aftermath;
mod delivery;
mod kitchen;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::action::{Action, ActorType};
use super::order::{Fulfilment, Order};
use super::plot::{Drawn, Plot};
use super::reason::{Channel, GatewayCode, Liability, Reason};
use delivery::Leg;

pub(super) const SECOND: u32 = 1000;
pub(super) const MINUTE: u32 = 60 * SECOND;

/// Information of a step beyond what the order itself tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    None,
    Channel(Channel),
    Code(GatewayCode),
    Reason(Reason),
    Fault(Reason, Liability),
    PostCancel {
        reason: Reason,
        liability: Liability,
        owner_consents: bool,
    },
    Recharge,
    CookMinutes(u16),
    AddedMinutes(u16),
    WaitedSeconds(u16),
    Metres(u16),
    Rider(u32),
    Neighbourhood(u32),
    Amount(u32),
    Photo,
}

/// One event of a story that is still to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Milliseconds after the order's creation.
    pub(super) at: u32,
    pub(super) action: Action,
    pub(super) actor: ActorType,
    pub(super) detail: Detail,
}

/// Tells the story of an order into `steps`, in the order in which it happens and with no two
/// steps at the same time. Times pass `speed` times faster than in life.
pub(super) fn tell(
    order: &Order,
    drawn: Drawn,
    speed: u32,
    rng: &mut Xoshiro256PlusPlus,
    steps: &mut Vec<Step>,
) {
    steps.clear();
    let Drawn { plot, eventful } = drawn;
    let mut story = Story {
        order,
        plot,
        eventful,
        rng,
        steps,
    };
    story.begin();
    steps.sort_by_key(|step| step.at);
    let mut free = 0;
    for step in steps {
        step.at = (step.at / speed.max(1)).max(free);
        free = step.at + 1;
    }
}

/// A story being told.
struct Story<'a> {
    order: &'a Order,
    plot: Plot,
    eventful: bool,
    rng: &'a mut Xoshiro256PlusPlus,
    steps: &'a mut Vec<Step>,
}

impl Story<'_> {
    fn begin(&mut self) {
        self.step(0, Action::OrderCreated, ActorType::Customer, Detail::None);
        match self.plot {
            Plot::Abandoned => self.abandon(),
            Plot::ApprovedTooLate => self.approve_too_late(),
            Plot::PaymentFailed => {
                let code = self.one_of(
                    GatewayCode::Declined,
                    &[GatewayCode::Limit, GatewayCode::Timeout],
                );
                let at = self.between(5 * SECOND, 60 * SECOND);
                self.step(
                    at,
                    Action::PaymentFailed,
                    ActorType::PaymentGateway,
                    Detail::Code(code),
                );
            }
            _ => self.pay(),
        }
    }

    fn abandon(&mut self) {
        let times_out = self.rng.random_bool(0.4);
        let at = if times_out {
            let at = self.between(10 * MINUTE, 11 * MINUTE);
            let fault = Detail::Fault(Reason::PaymentError, Liability::Platform);
            self.step(at, Action::OrderCancelled, ActorType::System, fault);
            at
        } else {
            let at = self.between(MINUTE, 8 * MINUTE);
            let fault = Detail::Fault(Reason::ChangedMind, Liability::Customer);
            self.step(at, Action::OrderCancelled, ActorType::Customer, fault);
            at
        };
        if times_out && self.rng.random_bool(0.5) {
            let at = at + self.between(SECOND, 20 * SECOND);
            let code = Detail::Code(GatewayCode::Timeout);
            self.step(at, Action::PaymentFailed, ActorType::PaymentGateway, code);
        }
    }

    fn approve_too_late(&mut self) {
        let cancelled = self.between(10 * MINUTE, 11 * MINUTE);
        let fault = Detail::Fault(Reason::PaymentError, Liability::Platform);
        self.step(cancelled, Action::OrderCancelled, ActorType::System, fault);
        let approved = cancelled + self.between(SECOND, 30 * SECOND);
        self.approve(approved);
        self.refund(approved);
    }

    fn pay(&mut self) {
        let mut paid = 0;
        if self.order.method.is_online() {
            paid = self.between(3 * SECOND, 20 * SECOND);
            self.approve(paid);
        }
        if self.plot == Plot::VerificationFailed {
            let at = paid + self.between(200, 900);
            self.step(
                at,
                Action::VerificationFailed,
                ActorType::System,
                Detail::None,
            );
            let at = at + self.between(500, 2 * SECOND);
            let fault = Detail::Fault(Reason::ValidationFailed, Liability::Customer);
            self.step(at, Action::OrderCancelled, ActorType::System, fault);
            self.refund_if_paid(at);
            return;
        }
        if self.perhaps(0.02) {
            let at = paid + self.between(100, 400);
            self.step(
                at,
                Action::VerificationPassed,
                ActorType::System,
                Detail::None,
            );
        }
        let relayed = paid + self.between(500, 3 * SECOND);
        let channel = self.one_of(Channel::Terminal, &[Channel::App, Channel::Pos]);
        self.step(
            relayed,
            Action::OrderRelayed,
            ActorType::System,
            Detail::Channel(channel),
        );
        self.wait_for_store(paid, relayed);
    }

    fn approve(&mut self, at: u32) {
        self.step(
            at,
            Action::PaymentApproved,
            ActorType::PaymentGateway,
            Detail::None,
        );
    }

    /// The store has it on its screen.
    fn wait_for_store(&mut self, paid: u32, relayed: u32) {
        match self.plot {
            Plot::Rejected => {
                let at = relayed + self.between(20 * SECOND, 240 * SECOND);
                let reason = self.one_of(
                    Reason::StoreBusy,
                    &[Reason::SoldOut, Reason::StoreClosed, Reason::OutOfArea],
                );
                self.step(
                    at,
                    Action::OrderRejected,
                    ActorType::Store,
                    Detail::Reason(reason),
                );
                self.refund_if_paid(at);
            }
            Plot::Expired => {
                let at = paid + 600 * SECOND + self.between(0, SECOND);
                self.step(
                    at,
                    Action::OrderExpired,
                    ActorType::System,
                    Detail::WaitedSeconds(600),
                );
                self.refund_if_paid(at);
            }
            Plot::CancelledWaiting => {
                let at = relayed + self.between(10 * SECOND, 180 * SECOND);
                let (actor, reason, liability) = match self.rng.random_range(0..10) {
                    0 => (
                        ActorType::CustomerService,
                        Reason::DuplicateOrder,
                        Liability::Customer,
                    ),
                    1 => (ActorType::System, Reason::PaymentError, Liability::Platform),
                    _ => (
                        ActorType::Customer,
                        Reason::ChangedMind,
                        Liability::Customer,
                    ),
                };
                self.step(
                    at,
                    Action::OrderCancelled,
                    actor,
                    Detail::Fault(reason, liability),
                );
                self.refund_if_paid(at);
            }
            _ => self.accept(relayed),
        }
    }

    fn accept(&mut self, relayed: u32) {
        let automatic = self.order.accepts_itself;
        let (actor, accepted) = if automatic {
            (ActorType::System, relayed + self.between(200, SECOND))
        } else {
            (
                ActorType::Store,
                relayed + self.between(15 * SECOND, 120 * SECOND),
            )
        };
        let minutes = self.one_of(10, &[15, 15, 20, 20, 20, 25, 25, 30, 30, 35, 40]);
        self.step(
            accepted,
            Action::OrderAccepted,
            actor,
            Detail::CookMinutes(minutes),
        );
        if self.plot == Plot::VersionReset {
            let at = accepted + self.between(MINUTE, 3 * MINUTE);
            self.step(
                at,
                Action::AggregateReset,
                ActorType::CustomerService,
                Detail::None,
            );
        }
        let kitchen = self.cook(accepted, minutes, actor);
        let leg = match self.order.fulfilment {
            Fulfilment::Pickup => self.hand_over(kitchen.ready),
            Fulfilment::Store => self.bring_by_store(accepted, kitchen.ready),
            Fulfilment::Single | Fulfilment::Bundle => self.bring_by_rider(accepted, kitchen.ready),
        };
        self.press_ready(&kitchen, &leg);
        self.add_remarks(accepted, &leg);
        self.conclude(accepted, &leg);
    }

    fn hand_over(&mut self, ready: u32) -> Leg {
        let at = ready + self.between(MINUTE, 12 * MINUTE);
        self.step(at, Action::OrderHandedOver, ActorType::Store, Detail::None);
        Leg {
            left_store: at,
            arrived: at,
        }
    }

    /// Notes and changed addresses, between acceptance and pick-up.
    fn add_remarks(&mut self, accepted: u32, leg: &Leg) {
        if self.perhaps(0.02) {
            let at = self.between(accepted, leg.left_store);
            let actor = self.one_of(ActorType::Customer, &[ActorType::CustomerService]);
            self.step(at, Action::OrderNoteAdded, actor, Detail::None);
        }
        if self.perhaps(0.006) {
            let at = self.between(accepted, leg.left_store);
            let actor = self.one_of(ActorType::Customer, &[ActorType::CustomerService]);
            let neighbourhood = super::place::any_neighbourhood(self.rng);
            self.step(
                at,
                Action::OrderAddressChanged,
                actor,
                Detail::Neighbourhood(neighbourhood),
            );
        }
    }

    fn step(&mut self, at: u32, action: Action, actor: ActorType, detail: Detail) {
        self.steps.push(Step {
            at,
            action,
            actor,
            detail,
        });
    }

    /// Milliseconds in `from..to`, or `from` where nothing lies between.
    fn between(&mut self, from: u32, to: u32) -> u32 {
        if from < to {
            self.rng.random_range(from..to)
        } else {
            from
        }
    }

    /// Whether something optional happens: always in an eventful story.
    fn perhaps(&mut self, probability: f64) -> bool {
        self.eventful || self.rng.random_bool(probability)
    }

    /// One of several, each as likely as the others.
    fn one_of<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        others
            .get(self.rng.random_range(0..=others.len()))
            .copied()
            .unwrap_or(first)
    }
}
