//! What judging one event comes to: everything that the caller has to emit or count.

use std::fmt;

use super::action::Action;
use super::codes::codes;
use super::invariants::InvariantSet;
use super::order::Fact;
use super::ordering::Cause;
use super::outcome::{Outcome, RejectionReason};
use super::regions::{Delivery, Main, Regions};
use super::status::DisplayStatus;

/// What the caller knows of the record besides the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordContext {
    /// The record's timestamp, epoch milliseconds.
    pub timestamp: i64,
    /// The processor's own clock, epoch milliseconds.
    pub wall_clock: i64,
    /// The clock by which parked events wait, epoch milliseconds: the wall clock, or stream time when a log is
    /// processed anew.
    pub parking_clock: i64,
    /// Whether so many events of the task are parked that no further one may be.
    pub task_is_full: bool,
    /// What the record's headers ask for.
    pub headers: super::headers::RecordHeaders,
}

/// How the actor's clock stood to the record's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSkew {
    /// Not ahead by more than 5 s.
    None,
    /// Ahead by more than 5 s: the time counts, but not in windows.
    Ahead,
    /// Ahead by more than 24 h: the time does not count at all.
    Bad,
}

/// The times by which an event is applied, epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTimes {
    /// When it happened; the record's time if the actor's clock was bad.
    pub occurred_at: i64,
    /// The same for windows: never ahead of the record's time.
    pub window_at: i64,
    /// The record's time; the processor's own if that is bad too.
    pub record_at: i64,
    /// How the actor's clock stood.
    pub skew: ClockSkew,
}

codes! {
    /// What kind of contradiction two facts are.
    ReconcileKind, ReconcileKinds {
        AfterTerminal = "AFTER_TERMINAL",
        IllegalTransition = "ILLEGAL_TRANSITION",
        ActorNotAllowed = "ACTOR_NOT_ALLOWED",
        OverRefund = "OVER_REFUND",
        GhostCancel = "GHOST_CANCEL",
        Abandoned = "ABANDONED",
    }
}

impl ReconcileKind {
    /// The kind of a judged rejection; a repairable one contradicts nothing.
    #[must_use]
    pub const fn of(reason: RejectionReason) -> Option<Self> {
        match reason {
            RejectionReason::AfterTerminal => Some(Self::AfterTerminal),
            RejectionReason::IllegalTransition => Some(Self::IllegalTransition),
            RejectionReason::ActorNotAllowed => Some(Self::ActorNotAllowed),
            RejectionReason::OverRefund => Some(Self::OverRefund),
            _ => None,
        }
    }
}

/// A contradiction to report: two facts that cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// What kind of contradiction it is.
    pub kind: ReconcileKind,
    /// The event that was rejected.
    pub rejected: Fact,
    /// The last event that was applied; none if only annotations were.
    pub applied: Option<Fact>,
}

/// Which bound of parking was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParkLimit {
    /// So many events of the order.
    Order(usize),
    /// That of the task.
    Task,
}

/// Why an event was not applied, in terms of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// Redriven too often.
    Redriven(u32),
    /// The id is known with other content.
    OtherContent,
    /// The version was consumed by another event.
    OtherEvent(u64),
    /// The order number is in use.
    NumberInUse,
    /// Versions are missing between the last one and the event's.
    Gap {
        /// The last version consumed.
        last: u64,
        /// The event's version.
        version: u64,
    },
    /// There is no such order.
    NoOrder,
    /// The guard of the action does not hold in these regions.
    Guard(Regions),
    /// The delivery is not the order's current one.
    OtherDelivery,
    /// The claim came too late.
    ClaimPeriodOver,
    /// The actor may not do this in this status.
    Actor(DisplayStatus),
    /// As many events are parked as may be.
    ParkLimit(ParkLimit),
    /// The order knows as many deliveries as it may: so many.
    DeliveryLimit(usize),
    /// More would go back than was paid.
    OverRefund {
        /// What was paid, in won.
        paid: i64,
        /// What would have gone back, in won.
        refunds: i64,
    },
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redriven(count) => write!(f, "redriven {count} times"),
            Self::OtherContent => f.write_str("the id is known with other content"),
            Self::OtherEvent(version) => write!(f, "version {version} was taken by another event"),
            Self::NumberInUse => f.write_str("the order number is in use"),
            Self::Gap { last, version } => write!(f, "version {version} after {last}"),
            Self::NoOrder => f.write_str("the order was not created"),
            Self::Guard(regions) => write!(
                f,
                "not while main is {}, kitchen {}, delivery {}, payment {}, claim {}",
                regions.main.name(),
                regions.kitchen.name(),
                regions.delivery.name(),
                regions.payment.name(),
                regions.claim.name()
            ),
            Self::OtherDelivery => f.write_str("not the current delivery of the order"),
            Self::ClaimPeriodOver => f.write_str("more than 30 days after the order was closed"),
            Self::Actor(status) => write!(
                f,
                "the actor may not do this while the order is {}",
                status.name()
            ),
            Self::ParkLimit(ParkLimit::Order(limit)) => {
                write!(f, "{limit} events of the order wait already")
            }
            Self::ParkLimit(ParkLimit::Task) => {
                f.write_str("too many events of the task wait already")
            }
            Self::DeliveryLimit(known) => {
                write!(f, "the order has {known} other deliveries already")
            }
            Self::OverRefund { paid, refunds } => {
                write!(f, "refunds of {refunds} won, {paid} won were paid")
            }
        }
    }
}

/// What an event after pick-up or hand-over turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterPickUp {
    /// It happened before: only its topic was slower.
    BackFilled,
    /// It happened after: someone pressed the button late.
    PressedLate,
}

/// An applied or annotated event, as the order saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What happened.
    pub action: Action,
    /// The display status before; NONE before creation.
    pub from: DisplayStatus,
    /// The display status after.
    pub to: DisplayStatus,
    /// `main` before, if it changed.
    pub main_before: Option<Main>,
    /// `delivery` before.
    pub delivery_before: Delivery,
    /// What an event after pick-up turned out to be.
    pub after_pick_up: Option<AfterPickUp>,
    /// What the event brought back to the customer, in won.
    pub refunded: i64,
}

/// What judging one event came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The outcome, exactly one per record.
    pub outcome: Outcome,
    /// The times by which the event was judged.
    pub times: EventTimes,
    /// For `order.transitions.v1`: only of an applied or annotated event.
    pub transition: Option<Transition>,
    /// For `order.rejected.v1`: only of a rejected event.
    pub explanation: Option<Explanation>,
    /// For `order.reconcile.v1`.
    pub reconcile: Option<Reconcile>,
    /// What it would wait for, if it came too early: also where it was rejected for it.
    pub cause: Option<Cause>,
    /// The event was set aside under this number of arrival, and its record must be kept.
    pub set_aside: Option<u64>,
    /// The record kept under this number of arrival is not needed any more.
    pub dropped: Option<u64>,
    /// Whether a version was consumed or something applied, so that events set aside are to be tried again.
    pub moved: bool,
    /// Whether the order was closed by it.
    pub closed: bool,
    /// What must never be and is.
    pub violations: InvariantSet,
    /// Whether the order's record changed and must be stored.
    pub store: bool,
    /// Whether `order.state.v1` is to tell of it: not of ghosts, which are no orders.
    pub publish_state: bool,
}

impl Judgement {
    /// Nothing yet: that of an event of which everything is known.
    pub(super) const fn of(times: EventTimes) -> Self {
        Self {
            outcome: Outcome::Duplicate,
            times,
            transition: None,
            explanation: None,
            reconcile: None,
            cause: None,
            set_aside: None,
            dropped: None,
            moved: false,
            closed: false,
            violations: InvariantSet::EMPTY,
            store: false,
            publish_state: false,
        }
    }
}
