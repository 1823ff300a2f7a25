//! The counters over all time.

use super::dim::Dim;
use crate::domain::codes::codes;

codes! {
    /// A count over all time with one set of labels, for Prometheus; the name is that of the metric.
    ///
    /// Counters are by sido, and separately by category, never by both, so that their series stay few. How many
    /// orders are in flight is no counter: it is the running aggregate of that name.
    BusinessCounter, BusinessCounterSet {
        CreatedBySido = "order_created_total",
        CreatedByCategory = "order_created_by_category_total",
        PaidBySido = "order_paid_total",
        PaidByCategory = "order_paid_by_category_total",
        TerminalBySido = "order_terminal_total",
        TerminalByCategory = "order_terminal_by_category_total",
        TerminalByReason = "order_terminal_by_reason_total",
        Transitions = "order_transitions_total",
    }
}

impl BusinessCounter {
    /// The labels, in their order.
    #[must_use]
    pub const fn dims(self) -> &'static [Dim] {
        match self {
            Self::CreatedBySido | Self::PaidBySido => &[Dim::Sido],
            Self::CreatedByCategory | Self::PaidByCategory => &[Dim::Category],
            Self::TerminalBySido => &[Dim::Sido, Dim::Status],
            Self::TerminalByCategory => &[Dim::Category, Dim::Status],
            Self::TerminalByReason => &[Dim::Status, Dim::Reason],
            Self::Transitions => &[Dim::From, Dim::To],
        }
    }
}
