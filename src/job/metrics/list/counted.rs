//! What the merging tasks count and measure over all time.

use topology::metrics::{MetricKind, MetricSpec};

use crate::domain::aggregates::BusinessCounter;

/// The counters over all time: cumulative, of committed state, each series told by one merging task.
pub static COUNTERS: [(BusinessCounter, MetricSpec); BusinessCounter::ALL.len()] = {
    const fn spec(
        counter: BusinessCounter,
        kind: MetricKind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> (BusinessCounter, MetricSpec) {
        let name = counter.name();
        (
            counter,
            MetricSpec {
                name,
                kind,
                labels,
                help,
            },
        )
    }
    const fn count(
        counter: BusinessCounter,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> (BusinessCounter, MetricSpec) {
        spec(counter, MetricKind::Counter, labels, help)
    }
    const fn histogram(
        counter: BusinessCounter,
        bounds: &'static [f64],
        help: &'static str,
    ) -> (BusinessCounter, MetricSpec) {
        spec(counter, MetricKind::Histogram(bounds), &[], help)
    }
    use BusinessCounter as C;
    [
        count(C::CreatedBySido, &["sido"], "Orders created, by sido."),
        count(
            C::CreatedByCategory,
            &["category"],
            "Orders created, by category.",
        ),
        count(C::PaidBySido, &["sido"], "Orders paid, by sido."),
        count(
            C::PaidByCategory,
            &["category"],
            "Orders paid, by category.",
        ),
        count(
            C::TerminalBySido,
            &["sido", "status"],
            "Orders that reached their end, by sido and what it was.",
        ),
        count(
            C::TerminalByCategory,
            &["category", "status"],
            "Orders that reached their end, by category and what it was.",
        ),
        count(
            C::TerminalByReason,
            &["status", "reason"],
            "Orders that reached their end, by what it was and the reason given, which is empty where there is none.",
        ),
        count(
            C::Transitions,
            &["from", "to"],
            "Applied events by the display status before and after.",
        ),
        histogram(
            C::LeadAccept,
            &[60.0, 120.0, 300.0, 600.0],
            "From payment to acceptance; objectives at 2, 5 and 10 min.",
        ),
        histogram(
            C::LeadCook,
            &[600.0, 1200.0, 1800.0, 2700.0],
            "From acceptance to the press of ready.",
        ),
        histogram(
            C::CookOverrun,
            &[0.0, 300.0, 900.0],
            "The same less the minutes that the store asked for; objectives at 5 and 15 min.",
        ),
        histogram(
            C::WaitDispatch,
            &[60.0, 300.0, 600.0, 1200.0],
            "From the request of a rider, or the loss of one, to the assignment, each attempt; objectives at 5, 10 and 20 min.",
        ),
        histogram(
            C::WaitHandover,
            &[60.0, 300.0, 600.0],
            "From when both food and rider were there to the pick-up; objectives at 5 and 10 min.",
        ),
        histogram(
            C::LeadRide,
            &[600.0, 1200.0, 2100.0, 2400.0, 3300.0],
            "From pick-up to delivery; objectives at 20 and 40 min, of bundles at 35 and 55.",
        ),
        histogram(
            C::LeadTotal,
            &[1800.0, 2700.0, 3600.0, 5400.0, 10800.0],
            "From payment to delivery; objectives at 90 and 180 min.",
        ),
        histogram(
            C::PromiseError,
            &[-300.0, 0.0, 300.0, 600.0],
            "Delivery less what was promised first, negative where it came earlier; on time up to 5 min.",
        ),
        histogram(
            C::DeliveryAttempts,
            &[1.0, 2.0, 3.0],
            "Riders that a delivery took, of orders delivered.",
        ),
        histogram(
            C::ParkTime,
            &[1.0, 10.0, 60.0, 600.0],
            "How long a parked event waited, whatever became of it then.",
        ),
        count(
            C::Handovers,
            &["waited"],
            "Pick-ups by who waited: the rider, the food, or unknown where one of the two was not seen.",
        ),
        count(
            C::CookImplied,
            &[],
            "Pick-ups and hand-overs that nobody had pressed ready for: of these there is no time of cooking.",
        ),
        count(
            C::Promises,
            &["sido", "arrival"],
            "Deliveries for which an arrival was promised, by whether they were on time: up to 5 min after it.",
        ),
        count(C::Unassigned, &[], "Riders lost after they were assigned."),
        count(C::Gmv, &["sido"], "Won of the orders paid, by sido."),
        count(C::Refunds, &[], "Won refunded, of whatever orders."),
        count(
            C::Discounts,
            &[],
            "Won of discounts, of the orders created.",
        ),
        count(
            C::ListPrice,
            &[],
            "Won that the orders created would have cost without their discounts.",
        ),
        count(
            C::PostCancelled,
            &["liability"],
            "Orders cancelled after delivery, by who answers for it, which is empty where nobody was named.",
        ),
        count(C::PostCancelledWon, &["liability"], "Won of these orders."),
        count(
            C::Withdrawn,
            &[],
            "Cancels after delivery that were withdrawn.",
        ),
        count(C::WithdrawnWon, &[], "Won of these orders."),
    ]
};
