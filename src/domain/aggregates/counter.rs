//! The counters over all time.

use super::buckets::{Buckets, buckets};
use super::dim::Dim;
use crate::domain::codes::codes;

codes! {
    /// A count, a sum or a histogram over all time with one set of labels, for Prometheus; the name is that of the metric.
    ///
    /// Counters are by sido, and separately by category, never by both, so that their series stay few; histograms have no
    /// labels at all. How many orders are in flight is no counter: it is the running aggregate of that name.
    BusinessCounter, BusinessCounterSet {
        CreatedBySido = "order_created_total",
        CreatedByCategory = "order_created_by_category_total",
        PaidBySido = "order_paid_total",
        PaidByCategory = "order_paid_by_category_total",
        TerminalBySido = "order_terminal_total",
        TerminalByCategory = "order_terminal_by_category_total",
        TerminalByReason = "order_terminal_by_reason_total",
        Transitions = "order_transitions_total",
        LeadAccept = "order_lead_accept_seconds",
        LeadCook = "order_lead_cook_seconds",
        CookOverrun = "order_cook_overrun_seconds",
        WaitDispatch = "order_wait_dispatch_seconds",
        WaitHandover = "order_wait_handover_seconds",
        LeadRide = "order_lead_ride_seconds",
        LeadTotal = "order_lead_total_seconds",
        PromiseError = "order_promise_error_seconds",
        DeliveryAttempts = "order_delivery_attempts",
        ParkTime = "order_park_seconds",
        Handovers = "order_handovers_total",
        CookImplied = "order_cook_implied_total",
        Promises = "order_promises_total",
        Unassigned = "order_delivery_unassigned_total",
        Gmv = "order_gmv_won_total",
        Refunds = "order_refunds_won_total",
        Discounts = "order_discounts_won_total",
        ListPrice = "order_list_price_won_total",
        PostCancelled = "order_post_cancelled_total",
        PostCancelledWon = "order_post_cancelled_won_total",
        Withdrawn = "order_post_cancel_withdrawn_total",
        WithdrawnWon = "order_post_cancel_withdrawn_won_total",
    }
}

impl BusinessCounter {
    /// The labels, in their order.
    #[must_use]
    pub const fn dims(self) -> &'static [Dim] {
        match self {
            Self::CreatedBySido | Self::PaidBySido | Self::Gmv => &[Dim::Sido],
            Self::CreatedByCategory | Self::PaidByCategory => &[Dim::Category],
            Self::TerminalBySido => &[Dim::Sido, Dim::Status],
            Self::TerminalByCategory => &[Dim::Category, Dim::Status],
            Self::TerminalByReason => &[Dim::Status, Dim::Reason],
            Self::Transitions => &[Dim::From, Dim::To],
            Self::Handovers => &[Dim::Waited],
            Self::Promises => &[Dim::Sido, Dim::Arrival],
            Self::PostCancelled | Self::PostCancelledWon => &[Dim::Liability],
            Self::LeadAccept
            | Self::LeadCook
            | Self::CookOverrun
            | Self::WaitDispatch
            | Self::WaitHandover
            | Self::LeadRide
            | Self::LeadTotal
            | Self::PromiseError
            | Self::DeliveryAttempts
            | Self::ParkTime
            | Self::CookImplied
            | Self::Unassigned
            | Self::Refunds
            | Self::Discounts
            | Self::ListPrice
            | Self::Withdrawn
            | Self::WithdrawnWon => &[],
        }
    }

    /// The buckets, if it is a histogram. There is a bound at each limit that a timer has by default.
    #[must_use]
    pub const fn buckets(self) -> Option<Buckets> {
        Some(match self {
            Self::LeadAccept => buckets!(1_000: 60, 120, 300, 600),
            Self::LeadCook => buckets!(1_000: 600, 1200, 1800, 2700),
            Self::CookOverrun => buckets!(1_000: 0, 300, 900),
            Self::WaitDispatch => buckets!(1_000: 60, 300, 600, 1200),
            Self::WaitHandover => buckets!(1_000: 60, 300, 600),
            Self::LeadRide => buckets!(1_000: 600, 1200, 2100, 2400, 3300),
            Self::LeadTotal => buckets!(1_000: 1800, 2700, 3600, 5400, 10800),
            Self::PromiseError => buckets!(1_000: -300, 0, 300, 600),
            Self::DeliveryAttempts => buckets!(1: 1, 2, 3),
            Self::ParkTime => buckets!(1_000: 1, 10, 60, 600),
            _ => return None,
        })
    }
}
