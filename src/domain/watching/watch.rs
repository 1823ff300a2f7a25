//! What is watched of an order: the timers of the design (order-domain 1.4), and findings about single orders (3.4).

use crate::domain::codes::codes;

codes! {
    /// Something that must not last too long. The names of the first eleven are the field `timer` of `order.sla.v1`, those
    /// of the others the field `detector` of `order.detector.v1`.
    Watch, WatchSet {
        PaymentWait = "payment_wait",
        AcceptWait = "accept_wait",
        CookLate = "cook_late",
        NoRider = "no_rider",
        RiderLateStore = "rider_late_store",
        HandoverLate = "handover_late",
        RideLate = "ride_late",
        PromiseBroken = "promise_broken",
        Stuck = "stuck",
        GhostDeliveryRisk = "ghost_delivery_risk",
        RefundLate = "refund_late",
        PaidNoOrder = "paid_no_order",
        PaidNotRelayed = "paid_not_relayed",
        GhostDelivery = "ghost_delivery",
    }
}

codes! {
    /// How bad it is.
    Level, LevelSet {
        Warn = "WARN",
        Breach = "BREACH",
        Critical = "CRITICAL",
    }
}

impl Watch {
    /// The timers: those of which `order.sla.v1` tells.
    pub fn timers() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|watch| watch.is_timer())
    }

    /// The others: those of which `order.detector.v1` tells.
    pub fn findings() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|watch| !watch.is_timer())
    }

    /// Whether it is a timer.
    #[must_use]
    pub const fn is_timer(self) -> bool {
        (self as u8) < Self::PaidNoOrder as u8
    }
}
