//! Whether events of other aggregates alone can still make a failing guard true.
//!
//! The answers are those of a search over all that the other aggregates can do from the present state; a test
//! makes that search over the table and compares.

use super::actor::Aggregate;
use super::lifecycle::{Awaits, Row};
use super::order::Order;
use super::regions::{Claim, Delivery, Main, Payment};

/// Whether an event of this row, in sequence for its aggregate, has to wait for another aggregate only.
#[must_use]
pub fn awaits_another(row: &Row, aggregate: Aggregate, order: &Order) -> bool {
    let regions = &order.regions;
    if regions.main == Main::None {
        return aggregate != Aggregate::Order && row.awaits != Awaits::Nothing;
    }
    match row.awaits {
        Awaits::Nothing | Awaits::Creation => false,
        Awaits::Approval => regions.main == Main::Created,
        Awaits::Acceptance => {
            let by_store = order.store_may_deliver();
            matches!(regions.main, Main::Created | Main::Paid)
                && (row.guard.delivery.contains(regions.delivery)
                    || (by_store && row.guard.delivery_by_store.contains(regions.delivery)))
        }
        Awaits::Completion => regions.claim != Claim::PostCancelled && can_complete(order),
        Awaits::RefundDue => regions.payment == Payment::Offline && can_complete(order),
        Awaits::RefundAsked => match regions.payment {
            // A cancel asks the money back too, not only a claim.
            Payment::Approved => {
                matches!(regions.main, Main::Paid | Main::Accepted)
                    || (regions.main == Main::Completed && regions.claim != Claim::PostCancelled)
            }
            Payment::Offline => regions.claim != Claim::PostCancelled && can_complete(order),
            // Through a claim, its withdrawal with a new charge, and another claim.
            Payment::Refunded | Payment::RefundFailed => can_complete(order),
            _ => false,
        },
    }
}

/// Whether the order is completed or can still be, by whatever its other aggregates do.
fn can_complete(order: &Order) -> bool {
    match order.regions.main {
        Main::Completed => true,
        Main::Created | Main::Paid => true,
        // What was returned is never delivered, and what is not picked up at the counter needs a delivery.
        Main::Accepted => order.regions.delivery != Delivery::Returned,
        _ => false,
    }
}
