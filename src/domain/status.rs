//! The display status: one value per order, derived from the regions.

use super::codes::codes;
use super::regions::{Claim, Delivery, Kitchen, Main, Regions};

codes! {
    /// What a person is shown, and what aggregates are grouped by.
    DisplayStatus, DisplayStatusSet {
        None = "NONE",
        PaymentFailed = "PAYMENT_FAILED",
        Rejected = "REJECTED",
        Expired = "EXPIRED",
        Cancelled = "CANCELLED",
        PostCancelled = "POST_CANCELLED",
        Completed = "COMPLETED",
        Returned = "RETURNED",
        Failed = "FAILED",
        Delivering = "DELIVERING",
        Ready = "READY",
        Cooking = "COOKING",
        Accepted = "ACCEPTED",
        WaitingAccept = "WAITING_ACCEPT",
        PaymentWait = "PAYMENT_WAIT",
    }
}

impl DisplayStatus {
    /// How many pairs of status before and after there are among all applied events: the series of transitions.
    pub const PAIRS: usize = 48;

    /// The status of these regions: the first rule that matches wins.
    #[must_use]
    pub const fn of(regions: &Regions) -> Self {
        match regions.main {
            Main::None => return Self::None,
            Main::PaymentFailed => return Self::PaymentFailed,
            Main::Rejected => return Self::Rejected,
            Main::Expired => return Self::Expired,
            Main::Cancelled => return Self::Cancelled,
            Main::Created | Main::Paid | Main::Accepted | Main::Completed => {}
        }
        if matches!(regions.claim, Claim::PostCancelled) {
            return Self::PostCancelled;
        }
        if matches!(regions.main, Main::Completed) {
            return Self::Completed;
        }
        match regions.delivery {
            Delivery::Delivered => return Self::Completed,
            Delivery::Returned => return Self::Returned,
            Delivery::Failed => return Self::Failed,
            Delivery::PickedUp | Delivery::AtCustomer => return Self::Delivering,
            _ => {}
        }
        match (regions.main, regions.kitchen) {
            (_, Kitchen::Ready) => Self::Ready,
            (_, Kitchen::Cooking) => Self::Cooking,
            (Main::Accepted, Kitchen::Idle) => Self::Accepted,
            (Main::Paid, Kitchen::Idle) => Self::WaitingAccept,
            (_, Kitchen::Idle) => Self::PaymentWait,
        }
    }

    /// The Korean label.
    #[must_use]
    pub const fn korean(self) -> &'static str {
        match self {
            Self::None => "없음",
            Self::PaymentFailed => "결제실패",
            Self::Rejected => "주문거절",
            Self::Expired => "미접수만료",
            Self::Cancelled => "주문취소",
            Self::PostCancelled => "배달후취소",
            Self::Completed => "완료",
            Self::Returned => "반송",
            Self::Failed => "배달실패",
            Self::Delivering => "배달중",
            Self::Ready => "조리완료",
            Self::Cooking => "조리중",
            Self::Accepted => "접수완료",
            Self::WaitingAccept => "접수대기",
            Self::PaymentWait => "결제대기",
        }
    }

    /// Whether the order still has a way to go. RETURNED and FAILED are in flight until someone closes them.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        !matches!(
            self,
            Self::None
                | Self::PaymentFailed
                | Self::Rejected
                | Self::Expired
                | Self::Cancelled
                | Self::PostCancelled
                | Self::Completed
        )
    }
}
