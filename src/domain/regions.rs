//! The five orthogonal regions of an order, and the fulfilment that shapes them.

use super::codes::codes;

codes! {
    /// The life of the order itself.
    Main, MainSet {
        None = "NONE",
        Created = "CREATED",
        Paid = "PAID",
        Accepted = "ACCEPTED",
        Completed = "COMPLETED",
        Rejected = "REJECTED",
        Expired = "EXPIRED",
        Cancelled = "CANCELLED",
        PaymentFailed = "PAYMENT_FAILED",
    }
}

impl Main {
    /// Whether the region can never change again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed
                | Self::Rejected
                | Self::Expired
                | Self::Cancelled
                | Self::PaymentFailed
        )
    }
}

codes! {
    /// What the kitchen does.
    Kitchen, KitchenSet { Idle = "IDLE", Cooking = "COOKING", Ready = "READY" }
}

codes! {
    /// Where the current delivery is; NA for an order that the customer picks up.
    Delivery, DeliverySet {
        Na = "NA",
        None = "NONE",
        Requested = "REQUESTED",
        Assigned = "ASSIGNED",
        AtStore = "AT_STORE",
        PickedUp = "PICKED_UP",
        AtCustomer = "AT_CUSTOMER",
        Delivered = "DELIVERED",
        Failed = "FAILED",
        Returned = "RETURNED",
        Cancelled = "D_CANCELLED",
    }
}

codes! {
    /// Where the money is; OFFLINE is paid at the door.
    Payment, PaymentSet {
        None = "NONE",
        Offline = "OFFLINE",
        Approved = "APPROVED",
        Failed = "FAILED",
        RefundPending = "REFUND_PENDING",
        PartRefunded = "PART_REFUNDED",
        Refunded = "REFUNDED",
        RefundFailed = "REFUND_FAILED",
    }
}

codes! {
    /// What the customer disputes.
    Claim, ClaimSet {
        None = "NONE",
        CancelRequested = "CANCEL_REQUESTED",
        PostCancelled = "POST_CANCELLED",
        Withdrawn = "WITHDRAWN",
    }
}

codes! {
    /// How the food reaches the customer.
    Fulfilment, FulfilmentSet {
        BaeminSingle = "BAEMIN_SINGLE",
        BaeminBundle = "BAEMIN_BUNDLE",
        Store = "STORE",
        Pickup = "PICKUP",
    }
}

impl Fulfilment {
    /// The Korean name.
    #[must_use]
    pub const fn korean(self) -> &'static str {
        match self {
            Self::BaeminSingle => "한집",
            Self::BaeminBundle => "알뜰",
            Self::Store => "가게배달",
            Self::Pickup => "포장",
        }
    }
}

/// The values of the five regions of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Regions {
    /// The life of the order itself.
    pub main: Main,
    /// What the kitchen does.
    pub kitchen: Kitchen,
    /// Where the current delivery is.
    pub delivery: Delivery,
    /// Where the money is.
    pub payment: Payment,
    /// What the customer disputes.
    pub claim: Claim,
}

impl Regions {
    /// The regions before anything is known of the order.
    pub const NONE: Self = Self {
        main: Main::None,
        kitchen: Kitchen::Idle,
        delivery: Delivery::None,
        payment: Payment::None,
        claim: Claim::None,
    };
}

impl Default for Regions {
    fn default() -> Self {
        Self::NONE
    }
}
