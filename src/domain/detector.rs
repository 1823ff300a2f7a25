//! The detectors of order-domain 3.4, by the names that `order.detector.v1` tells.

use super::codes::codes;
use super::watching::Watch;

codes! {
    /// What is looked for.
    Detector, DetectorSet {
        PaidNoOrder = "paid_no_order",
        ApprovedAndCancelled = "approved_and_cancelled",
        PaidNotRelayed = "paid_not_relayed",
        NoRider = "no_rider",
        GhostDelivery = "ghost_delivery",
        StatusDark = "status_dark",
        OrderDrop = "order_drop",
        OrderSurge = "order_surge",
        PostCancelWave = "post_cancel_wave",
        DuplicateOrders = "duplicate_orders",
    }
}

impl Detector {
    /// The detector whose findings a watch of single orders makes.
    #[must_use]
    pub const fn of(watch: Watch) -> Option<Self> {
        match watch {
            Watch::PaidNoOrder => Some(Self::PaidNoOrder),
            Watch::PaidNotRelayed => Some(Self::PaidNotRelayed),
            Watch::GhostDelivery => Some(Self::GhostDelivery),
            _ => None,
        }
    }

    /// The watch of single orders that makes its findings; none where it looks at minutes.
    #[must_use]
    pub const fn watch(self) -> Option<Watch> {
        match self {
            Self::PaidNoOrder => Some(Watch::PaidNoOrder),
            Self::PaidNotRelayed => Some(Watch::PaidNotRelayed),
            Self::GhostDelivery => Some(Watch::GhostDelivery),
            _ => None,
        }
    }
}
