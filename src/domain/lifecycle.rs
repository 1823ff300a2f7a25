//! The vocabulary of the lifecycle: what a row of [`super::lifecycle_table`] can say.

use super::action::Action;
use super::actor::{ActorSet, AggregateSet};
use super::info::InfoFieldSet;
use super::lifecycle_table::{EXISTS, FIRST, TABLE};
use super::regions::{
    Claim, ClaimSet, Delivery, DeliverySet, FulfilmentSet, Kitchen, KitchenSet, Main, MainSet,
    PaymentSet,
};

/// A condition on the regions: all of the sets must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Legal values of `main`.
    pub main: MainSet,
    /// Legal values of `kitchen`.
    pub kitchen: KitchenSet,
    /// Legal values of `delivery`.
    pub delivery: DeliverySet,
    /// Values of `delivery` that are legal too if the store delivers itself.
    pub delivery_by_store: DeliverySet,
    /// Values of `delivery` that are legal too, but only for the actors of [`Row::late_actors`].
    pub delivery_late: DeliverySet,
    /// Legal values of `payment`.
    pub payment: PaymentSet,
    /// Legal values of `claim`.
    pub claim: ClaimSet,
    /// Legal fulfilments.
    pub fulfilment: FulfilmentSet,
}

/// A condition that sets of region values cannot say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// None.
    Always,
    /// After pick-up or hand-over the event is an annotation while `main` is ACCEPTED or COMPLETED.
    AnnotatesAfterPickUp,
    /// The refunds may not exceed what was paid.
    WithinPaid,
    /// At most 30 days after the order was closed.
    WithinClaimPeriod,
    /// Money that went back needs `info.recharge`.
    NotRefundedUnlessRecharged,
    /// Who may do it depends on the display status: see [`super::rights`].
    ByRights,
}

/// Which events of other aggregates can make a failing guard true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// None can.
    Nothing,
    /// The order's creation.
    Creation,
    /// The payment's approval.
    Approval,
    /// The order's acceptance, and what leads to it.
    Acceptance,
    /// The order's completion, and what leads to it.
    Completion,
    /// A refund becoming due on money that was offline.
    RefundDue,
    /// A refund becoming due on any money.
    RefundAsked,
}

/// One step of an event's effect, in the order of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The order exists, with its dimensions; what is paid at the door is paid for our purpose.
    Create,
    /// The money is there; a paid order waits for the store, a cancelled one for its refund.
    Approve,
    /// The payment failed, and with it an order that was waiting for it.
    FailPayment,
    /// `main` becomes.
    Main(Main),
    /// `kitchen` becomes.
    Kitchen(Kitchen),
    /// READY is implied if the store never pressed it.
    ImplyReady,
    /// `delivery` becomes.
    Delivery(Delivery),
    /// One more attempt to assign a rider.
    CountAttempt,
    /// One more assignment that did not hold.
    CountReassignment,
    /// One more delivery of the same food.
    CountRedelivery,
    /// The store delivers itself from now on.
    DeliverByStore,
    /// `claim` becomes.
    Claim(Claim),
    /// An open request to cancel is settled.
    SettleCancelRequest,
    /// Approved money is to go back.
    AskRefund,
    /// Part of the money went back, or all of it.
    Refund,
    /// A refund did not work.
    FailRefund,
    /// Cancelled after delivery; the money is to go back.
    PostCancel,
    /// The cancel after delivery is taken back.
    Withdraw,
    /// The promise to the customer moves.
    Promise,
    /// Keep reason and liability as those of the order's end.
    Blame,
    /// The aggregate's version cursor moves to `info.version`.
    ResetVersion,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The action.
    pub action: Action,
    /// The aggregates whose events it may be.
    pub aggregates: AggregateSet,
    /// Who may do it.
    pub actors: ActorSet,
    /// Who may do it too if the store delivers itself.
    pub actors_by_store: ActorSet,
    /// Who may do it in the states of [`Guard::delivery_late`].
    pub late_actors: ActorSet,
    /// When it is legal.
    pub guard: Guard,
    /// What else must hold.
    pub condition: Condition,
    /// Who can make a failing guard true.
    pub awaits: Awaits,
    /// What it does; empty for an annotation.
    pub effects: &'static [Effect],
    /// The information that it may carry.
    pub info: InfoFieldSet,
    /// The information that it must carry.
    pub required: InfoFieldSet,
}

impl Row {
    /// Whether the guard names `main` more narrowly than "the order exists".
    #[must_use]
    pub fn names_main(&self) -> bool {
        self.guard.main != EXISTS
    }

    /// Whether the event is a note: of any aggregate, on any order, of any of its deliveries.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.aggregates == AggregateSet::ALL
    }

    /// Whether the event can be the first of a delivery: it is legal without one, or after a cancelled one.
    #[must_use]
    pub fn opens_delivery(&self) -> bool {
        self.guard.delivery.contains(Delivery::None)
            || self.guard.delivery.contains(Delivery::Cancelled)
            || self.guard.delivery_by_store.contains(Delivery::None)
    }

    /// Whether the event gives a delivery its state: it is no annotation.
    #[must_use]
    pub fn changes_delivery(&self) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Delivery(_)))
    }
}

/// The row of an action.
#[must_use]
pub fn row(action: Action) -> &'static Row {
    // The table has a row for each code (a test checks it), so the first row is never a substitute.
    TABLE.get(usize::from(action.code())).unwrap_or(&FIRST)
}
