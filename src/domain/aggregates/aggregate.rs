//! The aggregates that are told per window.

use super::deltas::DeltaKind;
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
        CancelRateFlow = "cancel_rate_flow",
        CancelRateFlowByCategory = "cancel_rate_flow_by_category",
        CancelRateCohort = "cancel_rate_cohort",
        CancelRateCohortByCategory = "cancel_rate_cohort_by_category",
        PostCancel = "post_cancel",
        LeadAccept = "lead_accept",
        LeadAcceptByCategory = "lead_accept_by_category",
        LeadCook = "lead_cook",
        WaitDispatch = "wait_dispatch",
        WaitHandover = "wait_handover",
        LeadRide = "lead_ride",
        LeadRideByFulfilment = "lead_ride_by_fulfilment",
        LeadTotal = "lead_total",
        LeadTotalByCategory = "lead_total_by_category",
        LeadTotalByFulfilment = "lead_total_by_fulfilment",
        PromiseError = "promise_error",
        PromiseErrorByCategory = "promise_error_by_category",
        Gmv = "gmv",
        GmvByCategory = "gmv_by_category",
        Reassign = "reassign",
        SupplyGap = "supply_gap",
        TopStores = "top_stores",
        RiderLoad = "rider_load",
        Stuck = "stuck",
        SlaBreach = "sla_breach",
        SlaBreachByFulfilment = "sla_breach_by_fulfilment",
        DupOrderSuspect = "dup_order_suspect",
    }
}

/// How the value of an aggregate is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number.
    Count,
    /// Named sums, and what follows from them.
    Sums(&'static [&'static str]),
    /// Quantiles of samples, and named sums.
    Samples(&'static [&'static str]),
    /// Riders and deliveries.
    Riders,
    /// Stores.
    Stores,
    /// Orders that last too long, and since when.
    Overdue,
}

impl BusinessAggregate {
    /// The dims that it is grouped by, in the order of the record's key.
    #[must_use]
    pub const fn dims(self) -> &'static [Dim] {
        match self {
            Self::OrdersCreated | Self::OrdersPaid => &[Dim::Sido, Dim::Category],
            Self::OrdersCreatedBySigungu | Self::OrdersPaidBySigungu => &[Dim::Sido, Dim::Sigungu],
            Self::OrdersCreatedByFulfilment
            | Self::OrdersPaidByFulfilment
            | Self::LeadRideByFulfilment
            | Self::LeadTotalByFulfilment => &[Dim::Fulfilment],
            Self::Transitions => &[Dim::Sido, Dim::From, Dim::To, Dim::Actor],
            Self::InFlight => &[Dim::Sido, Dim::Status],
            Self::Terminal => &[
                Dim::Sido,
                Dim::Category,
                Dim::Status,
                Dim::Reason,
                Dim::Liability,
            ],
            Self::PostCancel => &[Dim::Category, Dim::Liability, Dim::Age],
            Self::CancelRateFlowByCategory
            | Self::CancelRateCohortByCategory
            | Self::LeadAcceptByCategory
            | Self::LeadCook
            | Self::LeadTotalByCategory
            | Self::PromiseErrorByCategory
            | Self::GmvByCategory => &[Dim::Category],
            Self::Stuck => &[Dim::Sido, Dim::Timer],
            Self::SlaBreach => &[Dim::Sido, Dim::Timer, Dim::Level],
            Self::SlaBreachByFulfilment => &[Dim::Fulfilment, Dim::Timer, Dim::Level],
            Self::DupOrderSuspect => &[],
            Self::CancelRateFlow
            | Self::CancelRateCohort
            | Self::LeadAccept
            | Self::WaitDispatch
            | Self::WaitHandover
            | Self::LeadRide
            | Self::LeadTotal
            | Self::PromiseError
            | Self::Gmv
            | Self::Reassign
            | Self::SupplyGap
            | Self::TopStores
            | Self::RiderLoad => &[Dim::Sido],
        }
    }

    /// Where its deltas count.
    #[must_use]
    pub const fn kind(self) -> DeltaKind {
        match self {
            Self::InFlight | Self::SupplyGap | Self::Stuck => DeltaKind::Running,
            Self::CancelRateCohort | Self::CancelRateCohortByCategory => DeltaKind::Cohort,
            _ => DeltaKind::Window,
        }
    }

    /// How its value is told; sums stand in the order of their places in it.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::CancelRateFlow
            | Self::CancelRateFlowByCategory
            | Self::CancelRateCohort
            | Self::CancelRateCohortByCategory => Shape::Sums(&["cancelled", "paid"]),
            Self::PostCancel => Shape::Sums(&[
                "postCancelled",
                "postCancelledAmount",
                "withdrawn",
                "withdrawnAmount",
            ]),
            Self::Gmv | Self::GmvByCategory => Shape::Sums(&["gmv", "orders", "refunds"]),
            Self::SupplyGap => Shape::Sums(&["requested", "assigned"]),
            Self::LeadAccept
            | Self::LeadAcceptByCategory
            | Self::WaitDispatch
            | Self::LeadRide
            | Self::LeadRideByFulfilment
            | Self::LeadTotal
            | Self::LeadTotalByCategory
            | Self::LeadTotalByFulfilment => Shape::Samples(&["negative"]),
            Self::LeadCook => Shape::Samples(&["negative", "implied"]),
            Self::WaitHandover => {
                Shape::Samples(&["negative", "riderWaited", "foodWaited", "unknown"])
            }
            Self::PromiseError | Self::PromiseErrorByCategory => Shape::Samples(&["onTime"]),
            Self::Reassign => Shape::Samples(&["unassigned", "reassigned"]),
            Self::RiderLoad => Shape::Riders,
            Self::TopStores => Shape::Stores,
            Self::Stuck => Shape::Overdue,
            _ => Shape::Count,
        }
    }
}
