//! The one list of the business metrics. Registration and documentation are made from it.

use topology::metrics::{MetricKind, MetricSpec};

use crate::domain::aggregates::BusinessCounter;

/// Input records by what became of them.
pub const EVENTS_OUTCOME: MetricSpec = MetricSpec {
    name: "order_events_outcome_total",
    kind: MetricKind::Counter,
    labels: &["partition", "outcome", "reason"],
    help: "Input records by what became of them, by input partition, as committed.",
};

/// Late deltas.
pub const LATE_EVENTS: MetricSpec = MetricSpec {
    name: "order_late_events_total",
    kind: MetricKind::Counter,
    labels: &["partition", "agg"],
    help: "Deltas that came after their window had closed, by aggregate and merging task, as committed; each is a record of the late topic.",
};

/// Where orders are.
pub const IN_FLIGHT: MetricSpec = MetricSpec {
    name: "order_in_flight",
    kind: MetricKind::Gauge,
    labels: &["sido", "status"],
    help: "Orders that still have a way to go, by display status, as committed.",
};

const fn counter(
    counter: BusinessCounter,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricSpec {
    MetricSpec {
        name: counter.name(),
        kind: MetricKind::Counter,
        labels,
        help,
    }
}

/// The counters over all time: cumulative, of committed state, each series told by one merging task.
pub const COUNTERS: [(BusinessCounter, MetricSpec); BusinessCounter::ALL.len()] = {
    use BusinessCounter as C;
    [
        (
            C::CreatedBySido,
            counter(C::CreatedBySido, &["sido"], "Orders created, by sido."),
        ),
        (
            C::CreatedByCategory,
            counter(
                C::CreatedByCategory,
                &["category"],
                "Orders created, by category.",
            ),
        ),
        (
            C::PaidBySido,
            counter(C::PaidBySido, &["sido"], "Orders paid, by sido."),
        ),
        (
            C::PaidByCategory,
            counter(
                C::PaidByCategory,
                &["category"],
                "Orders paid, by category.",
            ),
        ),
        (
            C::TerminalBySido,
            counter(
                C::TerminalBySido,
                &["sido", "status"],
                "Orders that reached their end, by sido and what it was.",
            ),
        ),
        (
            C::TerminalByCategory,
            counter(
                C::TerminalByCategory,
                &["category", "status"],
                "Orders that reached their end, by category and what it was.",
            ),
        ),
        (
            C::TerminalByReason,
            counter(
                C::TerminalByReason,
                &["status", "reason"],
                "Orders that reached their end, by what it was and the reason given, which is empty where there is none.",
            ),
        ),
        (
            C::Transitions,
            counter(
                C::Transitions,
                &["from", "to"],
                "Applied events by the display status before and after.",
            ),
        ),
    ]
};

/// Every business metric.
pub fn all() -> impl Iterator<Item = &'static MetricSpec> {
    const OTHERS: [&MetricSpec; 3] = [&EVENTS_OUTCOME, &LATE_EVENTS, &IN_FLIGHT];
    static TABLE: [(BusinessCounter, MetricSpec); BusinessCounter::ALL.len()] = COUNTERS;
    let counters = TABLE.iter().map(|(_, spec)| spec);
    OTHERS.into_iter().chain(counters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::aggregates::{BusinessAggregate, Counted};

    #[test]
    fn labels_are_the_dims_of_what_is_counted() {
        let counters = COUNTERS
            .iter()
            .map(|(counter, spec)| (Counted::Counter(*counter), spec));
        let in_flight = (Counted::Aggregate(BusinessAggregate::InFlight), &IN_FLIGHT);
        for (counted, spec) in counters.chain([in_flight]) {
            let dims: Vec<&str> = counted.dims().iter().map(|dim| dim.name()).collect();
            assert_eq!(dims, spec.labels, "{}", spec.name);
        }
        let listed: Vec<BusinessCounter> = COUNTERS.iter().map(|(counter, _)| *counter).collect();
        assert_eq!(listed, BusinessCounter::ALL);
    }
}
