//! The aggregates that are told per window.

use super::dim::Dim;
use crate::domain::codes::codes;

codes! {
    /// A business aggregate in one grouping; the name is the field `agg` of its records.
    ///
    /// The code leads stored groups: a grouping by other dims is another aggregate, with a code of its own.
    BusinessAggregate, BusinessAggregateSet {
        OrdersCreated = "orders_created",
        OrdersCreatedBySigungu = "orders_created_by_sigungu",
        OrdersCreatedByFulfilment = "orders_created_by_fulfilment",
        OrdersPaid = "orders_paid",
        OrdersPaidBySigungu = "orders_paid_by_sigungu",
        OrdersPaidByFulfilment = "orders_paid_by_fulfilment",
        Transitions = "transitions",
        InFlight = "in_flight",
        Terminal = "terminal",
    }
}

impl BusinessAggregate {
    /// The dims that it is grouped by, in the order of the record's key.
    #[must_use]
    pub const fn dims(self) -> &'static [Dim] {
        match self {
            Self::OrdersCreated | Self::OrdersPaid => &[Dim::Sido, Dim::Category],
            Self::OrdersCreatedBySigungu | Self::OrdersPaidBySigungu => &[Dim::Sido, Dim::Sigungu],
            Self::OrdersCreatedByFulfilment | Self::OrdersPaidByFulfilment => &[Dim::Fulfilment],
            Self::Transitions => &[Dim::Sido, Dim::From, Dim::To, Dim::Actor],
            Self::InFlight => &[Dim::Sido, Dim::Status],
            Self::Terminal => &[
                Dim::Sido,
                Dim::Category,
                Dim::Status,
                Dim::Reason,
                Dim::Liability,
            ],
        }
    }

    /// Whether it is a gauge: its value in a window includes all earlier windows.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::InFlight)
    }
}
