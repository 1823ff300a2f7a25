//! The lifecycle as one table: for each action its aggregate, actors, guard, effects and information.
//!
//! Judging is driven from this table; nothing else in the domain knows which action is legal when.
//! The rows stand in the order of the codes of [`Action`].

use super::action::Action;
use super::actor::{ActorSet, ActorType, Aggregate, AggregateSet};
use super::info::{InfoField, InfoFieldSet};
use super::lifecycle::Effect as E;
use super::lifecycle::{Awaits, Condition, Guard, Row};
use super::regions::{
    Claim, ClaimSet, Delivery, DeliverySet, Fulfilment, FulfilmentSet, Kitchen, KitchenSet, Main,
    MainSet, Payment, PaymentSet,
};

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

const AMOUNT: InfoFieldSet = set!(InfoFieldSet of InfoField: Amount);
const REFUNDABLE: Guard = guard!(payment: PaymentSet of Payment:
    // REFUNDED is here so that one refund more is told OVER_REFUND, and nothing else.
    Approved RefundPending PartRefunded RefundFailed Refunded);

/// The row of the first action.
pub(super) const FIRST: Row = entry!(
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
    // Only the payment is waited for: what may be asked hangs on what could be seen of the delivery when asking.
    entry!(OrderCancelRequested, [Order], [Customer Store],
        guard!(main: MainSet of Main: Paid Accepted;
            delivery: DeliverySet of Delivery: Na None Requested Assigned AtStore Cancelled),
        [E::Claim(Claim::CancelRequested)], [Reason], awaits = Awaits::Approval),
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
