//! The 38 actions of the order domain, who performs them and on what.

use super::input_topic::InputTopic;

/// The kind of thing an event is about (`target.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetType {
    /// The order itself.
    Order,
    /// One attempt to deliver it, by delivery id.
    Delivery,
    /// Its payment and refunds.
    Payment,
    /// A claim after it was delivered.
    Claim,
}

impl TargetType {
    /// The text in `target.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Delivery => "delivery",
            Self::Payment => "payment",
            Self::Claim => "claim",
        }
    }

    /// The input topic that carries events about this target; claims travel with orders.
    pub const fn topic(self) -> InputTopic {
        match self {
            Self::Order | Self::Claim => InputTopic::Order,
            Self::Delivery => InputTopic::Delivery,
            Self::Payment => InputTopic::Payment,
        }
    }

    /// The system that publishes such events (`source.system`).
    pub const fn source_system(self) -> &'static str {
        match self {
            Self::Order => "order-api",
            Self::Delivery => "delivery-api",
            Self::Payment => "payment-api",
            Self::Claim => "claim-api",
        }
    }
}

/// Who caused an event (`actor.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorType {
    /// Who ordered.
    Customer,
    /// Who cooks.
    Store,
    /// Who brings the food.
    Rider,
    /// Who assigns riders.
    Dispatch,
    /// Support.
    CustomerService,
    /// The order system by itself.
    System,
    /// Who moves the money.
    PaymentGateway,
}

impl ActorType {
    /// The text in `actor.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Store => "STORE",
            Self::Rider => "RIDER",
            Self::Dispatch => "DISPATCH",
            Self::CustomerService => "CS",
            Self::System => "SYSTEM",
            Self::PaymentGateway => "PG",
        }
    }
}

macro_rules! actions {
    ($($variant:ident $name:literal $target:ident,)*) => {
        /// What happened, in the past tense.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $(#[doc = concat!("`", $name, "`")] $variant,)* }

        impl Action {
            /// Every action, in the order of the domain's table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text in `action`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the generator's events of this action are about. (The domain allows any
            /// target for notes, verifications and resets; the generator uses one.)
            pub const fn target(self) -> TargetType {
                match self { $(Self::$variant => TargetType::$target,)* }
            }
        }
    };
}

actions! {
    OrderCreated "order.created" Order,
    PaymentApproved "payment.approved" Payment,
    PaymentFailed "payment.failed" Payment,
    OrderRelayed "order.relayed" Order,
    OrderAccepted "order.accepted" Order,
    OrderRejected "order.rejected" Order,
    OrderExpired "order.expired" Order,
    CookingStarted "cooking.started" Order,
    CookingDelayed "cooking.delayed" Order,
    CookingCompleted "cooking.completed" Order,
    DeliveryRequested "delivery.requested" Delivery,
    DeliveryAssigned "delivery.assigned" Delivery,
    DeliveryUnassigned "delivery.unassigned" Delivery,
    DeliveryPickupRequested "delivery.pickup_requested" Delivery,
    DeliveryArrivedStore "delivery.arrived_store" Delivery,
    DeliveryPickedUp "delivery.picked_up" Delivery,
    DeliveryArrivedCustomer "delivery.arrived_customer" Delivery,
    DeliveryDelivered "delivery.delivered" Delivery,
    DeliveryFailed "delivery.failed" Delivery,
    DeliveryRedispatched "delivery.redispatched" Delivery,
    DeliverySwitchedToStore "delivery.switched_to_store" Delivery,
    DeliveryReturned "delivery.returned" Delivery,
    DeliveryCancelled "delivery.cancelled" Delivery,
    OrderHandedOver "order.handed_over" Order,
    OrderCancelRequested "order.cancel_requested" Order,
    OrderCancelDeclined "order.cancel_declined" Order,
    OrderCancelled "order.cancelled" Order,
    PaymentRefunded "payment.refunded" Payment,
    PaymentPartRefunded "payment.part_refunded" Payment,
    PaymentRefundFailed "payment.refund_failed" Payment,
    ClaimPostCancelled "claim.post_cancelled" Claim,
    ClaimWithdrawn "claim.withdrawn" Claim,
    OrderAddressChanged "order.address_changed" Order,
    OrderNoteAdded "order.note_added" Order,
    VerificationPassed "verification.passed" Order,
    VerificationFailed "verification.failed" Order,
    DeliveryEtaUpdated "delivery.eta_updated" Delivery,
    AggregateReset "aggregate.reset" Order,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirty_eight_actions_with_different_names() {
        let names: std::collections::BTreeSet<_> = Action::ALL.iter().map(|a| a.name()).collect();
        assert_eq!(names.len(), 38);
    }
}
