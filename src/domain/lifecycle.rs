//! The lifecycle as one table: for each action its aggregate, actors, guard, effects and information.
//!
//! Judging is driven from this table; nothing else in the domain knows which action is legal when.
//! The rows stand in the order of the codes of [`Action`].

use super::action::Action;
use super::actor::{ActorSet, Aggregate, AggregateSet};
use super::info::InfoFieldSet;
use super::regions::{
    Claim, ClaimSet, Delivery, DeliverySet, Fulfilment, FulfilmentSet, Kitchen, KitchenSet, Main,
    MainSet, Payment, PaymentSet,
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

/// A set of values of one region enum.
macro_rules! set {
    ($Set:ident of $Name:ident: $($Value:ident)*) => { $Set::EMPTY$(.with($Name::$Value))* };
}

/// `main` of an order that exists.
pub const EXISTS: MainSet = MainSet::ALL.without(Main::None);

const ANY: Guard = Guard {
    main: EXISTS,
    kitchen: KitchenSet::ALL,
    delivery: DeliverySet::ALL,
    delivery_by_store: DeliverySet::EMPTY,
    delivery_late: DeliverySet::EMPTY,
    payment: PaymentSet::ALL,
    claim: ClaimSet::ALL,
    fulfilment: FulfilmentSet::ALL,
};

const BASE: Row = Row {
    action: Action::OrderCreated,
    aggregates: AggregateSet::EMPTY.with(Aggregate::Order),
    actors: ActorSet::EMPTY,
    actors_by_store: ActorSet::EMPTY,
    late_actors: ActorSet::EMPTY,
    guard: ANY,
    condition: Condition::Always,
    awaits: Awaits::Nothing,
    effects: &[],
    info: InfoFieldSet::EMPTY,
    required: InfoFieldSet::EMPTY,
};

macro_rules! guard {
    ($($field:ident: $Set:ident of $Name:ident: $($Value:ident)+);* $(;)?) => {
        Guard { $($field: set!($Set of $Name: $($Value)+),)* ..ANY }
    };
}

/// Builds one row; what is left out is as in [`BASE`].
macro_rules! entry {
    ($action:ident, [$($aggregate:ident)*], [$($actor:ident)*], $guard:expr, [$($effect:expr),*], [$($info:ident)*]
        $(, $field:ident = $value:expr)* $(,)?) => {
        Row {
            action: Action::$action,
            aggregates: set!(AggregateSet of Aggregate: $($aggregate)*),
            actors: set!(ActorSet of ActorType: $($actor)*),
            guard: $guard,
            effects: &[$($effect),*],
            info: set!(InfoFieldSet of InfoField: $($info)*),
            $($field: $value,)*
            ..BASE
        }
    };
}

use super::actor::ActorType;
use super::info::InfoField;
use Effect as E;

const AMOUNT: InfoFieldSet = set!(InfoFieldSet of InfoField: Amount);
const REFUNDABLE: Guard = guard!(payment: PaymentSet of Payment:
    // REFUNDED is here so that one refund more is told OVER_REFUND, and nothing else.
    Approved RefundPending PartRefunded RefundFailed Refunded);

const FIRST: Row = entry!(
    OrderCreated, [Order], [Customer],
    Guard { main: set!(MainSet of Main: None), ..ANY },
    [E::Create],
    [StoreId Category Sido Sigungu Dong Fulfilment ItemsTotal DeliveryFee Discount Amount PaymentMethod PromisedAt
     CustomerId],
    required = set!(InfoFieldSet of InfoField:
        StoreId Category Sido Sigungu Dong Fulfilment Amount PaymentMethod),
);

/// The lifecycle. Rows stand at the code of their action.
pub const TABLE: &[Row] = &[
    FIRST,
    entry!(PaymentApproved, [Payment], [Pg], guard!(payment: PaymentSet of Payment: None), [E::Approve],
        [Amount Method], required = AMOUNT, awaits = Awaits::Creation),
    entry!(
        PaymentFailed,
        [Payment],
        [Pg],
        guard!(main: MainSet of Main: Created Cancelled; payment: PaymentSet of Payment: None),
        [E::FailPayment],
        [Code],
        awaits = Awaits::Creation
    ),
    entry!(
        OrderRelayed,
        [Order],
        [System],
        guard!(main: MainSet of Main: Paid),
        [],
        [Channel],
        awaits = Awaits::Approval
    ),
    entry!(OrderAccepted, [Order], [Store System], guard!(main: MainSet of Main: Paid),
        [E::Main(Main::Accepted), E::Promise], [CookMinutes PromisedAt], awaits = Awaits::Approval),
    entry!(
        OrderRejected,
        [Order],
        [Store],
        guard!(main: MainSet of Main: Paid),
        [
            E::Main(Main::Rejected),
            E::SettleCancelRequest,
            E::AskRefund,
            E::Blame
        ],
        [Reason],
        awaits = Awaits::Approval
    ),
    entry!(
        OrderExpired,
        [Order],
        [System],
        guard!(main: MainSet of Main: Paid),
        [E::Main(Main::Expired), E::SettleCancelRequest, E::AskRefund],
        [WaitedSec],
        awaits = Awaits::Approval
    ),
    entry!(CookingStarted, [Order], [Store System],
        guard!(main: MainSet of Main: Accepted; kitchen: KitchenSet of Kitchen: Idle),
        [E::Kitchen(Kitchen::Cooking)], [], condition = Condition::AnnotatesAfterPickUp),
    entry!(CookingDelayed, [Order], [Store],
        guard!(main: MainSet of Main: Accepted; kitchen: KitchenSet of Kitchen: Idle Cooking),
        [E::Promise], [AddMinutes PromisedAt], condition = Condition::AnnotatesAfterPickUp),
    entry!(
        CookingCompleted,
        [Order],
        [Store],
        guard!(main: MainSet of Main: Accepted Completed),
        [E::Kitchen(Kitchen::Ready)],
        [],
        condition = Condition::AnnotatesAfterPickUp
    ),
    entry!(DeliveryRequested, [Delivery], [System],
        guard!(main: MainSet of Main: Accepted; delivery: DeliverySet of Delivery: None Cancelled),
        [E::Delivery(Delivery::Requested)], [DeliveryId Type DistanceM], awaits = Awaits::Acceptance),
    entry!(DeliveryAssigned, [Delivery], [Dispatch Rider],
        guard!(main: MainSet of Main: Accepted; delivery: DeliverySet of Delivery: Requested),
        [E::Delivery(Delivery::Assigned), E::CountAttempt], [RiderId Means AssignNo]),
    entry!(DeliveryUnassigned, [Delivery], [Rider Cs Dispatch],
        guard!(delivery: DeliverySet of Delivery: Assigned AtStore),
        [E::Delivery(Delivery::Requested), E::CountReassignment], [Reason]),
    entry!(
        DeliveryPickupRequested,
        [Delivery],
        [Dispatch],
        guard!(delivery: DeliverySet of Delivery: Assigned AtStore),
        [],
        []
    ),
    entry!(
        DeliveryArrivedStore,
        [Delivery],
        [Rider],
        guard!(delivery: DeliverySet of Delivery: Assigned),
        [E::Delivery(Delivery::AtStore)],
        []
    ),
    entry!(
        DeliveryPickedUp,
        [Delivery],
        [Rider],
        guard!(main: MainSet of Main: Accepted; delivery: DeliverySet of Delivery: Assigned AtStore;
            delivery_by_store: DeliverySet of Delivery: None Requested),
        [E::Delivery(Delivery::PickedUp), E::ImplyReady],
        [],
        actors_by_store = set!(ActorSet of ActorType: Store),
        awaits = Awaits::Acceptance
    ),
    entry!(
        DeliveryArrivedCustomer,
        [Delivery],
        [Rider],
        guard!(delivery: DeliverySet of Delivery: PickedUp),
        [E::Delivery(Delivery::AtCustomer)],
        []
    ),
    entry!(DeliveryDelivered, [Delivery], [Rider Store],
        guard!(main: MainSet of Main: Accepted; delivery: DeliverySet of Delivery: PickedUp AtCustomer),
        [E::Delivery(Delivery::Delivered), E::Main(Main::Completed), E::SettleCancelRequest], []),
    entry!(DeliveryFailed, [Delivery], [Rider Cs],
        guard!(delivery: DeliverySet of Delivery: Assigned AtStore PickedUp AtCustomer),
        [E::Delivery(Delivery::Failed)], [Reason]),
    entry!(DeliveryRedispatched, [Delivery], [Cs Dispatch], guard!(delivery: DeliverySet of Delivery: Failed),
        [E::Delivery(Delivery::Requested), E::CountRedelivery], []),
    entry!(DeliverySwitchedToStore, [Delivery], [Store Cs],
        guard!(delivery: DeliverySet of Delivery: Requested Cancelled Failed),
        [E::DeliverByStore, E::Delivery(Delivery::None)], []),
    entry!(
        DeliveryReturned,
        [Delivery],
        [Rider],
        guard!(delivery: DeliverySet of Delivery: Failed),
        [E::Delivery(Delivery::Returned)],
        []
    ),
    entry!(DeliveryCancelled, [Delivery], [System Cs],
        guard!(delivery: DeliverySet of Delivery: Requested Assigned AtStore;
            delivery_late: DeliverySet of Delivery: PickedUp AtCustomer),
        [E::Delivery(Delivery::Cancelled)], [Reason], late_actors = set!(ActorSet of ActorType: Cs)),
    entry!(
        OrderHandedOver,
        [Order],
        [Store],
        guard!(main: MainSet of Main: Accepted; fulfilment: FulfilmentSet of Fulfilment: Pickup),
        [
            E::Main(Main::Completed),
            E::ImplyReady,
            E::SettleCancelRequest
        ],
        []
    ),
    // Never waited for: what a customer may ask hangs on what the customer could see when asking.
    entry!(OrderCancelRequested, [Order], [Customer Store],
        guard!(main: MainSet of Main: Paid Accepted;
            delivery: DeliverySet of Delivery: Na None Requested Assigned AtStore Cancelled),
        [E::Claim(Claim::CancelRequested)], [Reason]),
    entry!(OrderCancelDeclined, [Order], [Store Cs], guard!(claim: ClaimSet of Claim: CancelRequested),
        [E::Claim(Claim::None)], [Reason]),
    entry!(OrderCancelled, [Order], [Customer Store Cs System],
        Guard {
            main: set!(MainSet of Main: Created Paid Accepted),
            delivery: DeliverySet::ALL.without(Delivery::Delivered),
            ..ANY
        },
        [E::Main(Main::Cancelled), E::SettleCancelRequest, E::AskRefund, E::Blame], [Reason Liability],
        condition = Condition::ByRights),
    entry!(
        PaymentRefunded,
        [Payment],
        [Pg],
        REFUNDABLE,
        [E::Refund],
        [Amount],
        required = AMOUNT,
        condition = Condition::WithinPaid,
        awaits = Awaits::RefundDue
    ),
    entry!(
        PaymentPartRefunded,
        [Payment],
        [Pg],
        REFUNDABLE,
        [E::Refund],
        [Amount],
        required = AMOUNT,
        condition = Condition::WithinPaid,
        awaits = Awaits::RefundDue
    ),
    entry!(
        PaymentRefundFailed,
        [Payment],
        [Pg],
        guard!(payment: PaymentSet of Payment: RefundPending PartRefunded),
        [E::FailRefund],
        [Code],
        awaits = Awaits::RefundAsked
    ),
    entry!(ClaimPostCancelled, [Claim], [Cs],
        guard!(main: MainSet of Main: Completed; claim: ClaimSet of Claim: None Withdrawn),
        [E::PostCancel, E::Blame], [Reason Liability OwnerConsent],
        condition = Condition::WithinClaimPeriod, awaits = Awaits::Completion),
    entry!(
        ClaimWithdrawn,
        [Claim],
        [Cs],
        guard!(claim: ClaimSet of Claim: PostCancelled),
        [E::Withdraw],
        [Recharge],
        condition = Condition::NotRefundedUnlessRecharged
    ),
    note(Action::OrderAddressChanged),
    note(Action::OrderNoteAdded),
    note(Action::VerificationPassed),
    note(Action::VerificationFailed),
    note(Action::DeliveryEtaUpdated),
    Row {
        actors: set!(ActorSet of ActorType: Cs System),
        effects: &[E::ResetVersion],
        info: set!(InfoFieldSet of InfoField: Version),
        required: set!(InfoFieldSet of InfoField: Version),
        ..note(Action::AggregateReset)
    },
];

/// An annotation of any aggregate, by anyone, on any order that exists.
const fn note(action: Action) -> Row {
    Row {
        action,
        aggregates: AggregateSet::ALL,
        actors: ActorSet::ALL,
        awaits: Awaits::Creation,
        ..BASE
    }
}
