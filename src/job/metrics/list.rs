//! The one list of the business metrics. Registration and documentation are made from it.

use topology::metrics::{MetricKind, MetricSpec};

use crate::domain::aggregates::BusinessCounter;
use crate::domain::watching::{Level, Limits, Watch};
use crate::job::counters::Count;

/// Input records by what became of them.
pub const EVENTS_OUTCOME: MetricSpec = MetricSpec {
    name: "order_events_outcome_total",
    kind: MetricKind::Counter,
    labels: &["partition", "outcome", "reason"],
    help: "Input records by what became of them in the end, by input partition, as committed; with those that are parked now they add up to the records consumed.",
};

/// Parked events.
pub const PARKED: MetricSpec = MetricSpec {
    name: "order_parked",
    kind: MetricKind::Gauge,
    labels: &["partition"],
    help: "Events that wait for another one now, by input partition, as committed.",
};

/// Orders on their way, counted where they are.
pub const RECORDS_IN_FLIGHT: MetricSpec = MetricSpec {
    name: "order_records_in_flight",
    kind: MetricKind::Gauge,
    labels: &["partition"],
    help: "Orders on their way, counted by the tasks that hold them; at rest the sum of order_in_flight (invariant I7).",
};

/// What must never be.
pub const INVARIANT_VIOLATIONS: MetricSpec = MetricSpec {
    name: "order_invariant_violation_total",
    kind: MetricKind::Counter,
    labels: &["partition", "inv"],
    help: "Events that violated an invariant, as committed; I5 is food handed out for a cancelled order, any other is a defect.",
};

/// What is counted by input partition alone.
pub const BY_PARTITION: [(Count, MetricSpec); 6] = {
    const fn counted(name: &'static str, help: &'static str) -> MetricSpec {
        MetricSpec {
            name,
            kind: MetricKind::Counter,
            labels: &["partition"],
            help,
        }
    }
    [
        (
            Count::Consumed,
            counted(
                "order_events_consumed_total",
                "Input records consumed, by input partition, as committed.",
            ),
        ),
        (
            Count::Settled,
            counted(
                "order_events_settled_total",
                "Parked events that have got their outcome, as committed.",
            ),
        ),
        (
            Count::Redriven,
            counted(
                "order_events_redriven_total",
                "Rejected events sent to be judged again, because what they waited for has come, as committed.",
            ),
        ),
        (
            Count::Replayed,
            counted(
                "order_events_replayed_total",
                "Input records marked as a replay, as committed.",
            ),
        ),
        (
            Count::Gap,
            counted(
                "order_version_gap_total",
                "Events that came before an earlier version of their aggregate, as committed.",
            ),
        ),
        (
            Count::Inversion,
            counted(
                "order_version_inversion_total",
                "Of these, the events whose earlier version came while they were parked: reordered, not lost.",
            ),
        ),
    ]
};

/// Clocks of actors.
pub const CLOCK_SKEW: (MetricSpec, [(Count, &str); 2]) = (
    MetricSpec {
        name: "order_clock_skew_total",
        kind: MetricKind::Counter,
        labels: &["partition", "clock"],
        help: "Events whose actor's clock was ahead of the record's by more than 5 s (ahead) or a day (bad), as committed.",
    },
    [(Count::ClockAhead, "ahead"), (Count::ClockBad, "bad")],
);

/// Orders forgotten.
pub const EXPIRED: (MetricSpec, [(Count, &str); 3]) = (
    MetricSpec {
        name: "order_expired_total",
        kind: MetricKind::Counter,
        labels: &["partition", "order"],
        help: "Orders forgotten when their time was over, as committed: closed ones, abandoned ones, and ghosts.",
    },
    [
        (Count::ExpiredClosed, "closed"),
        (Count::ExpiredAbandoned, "abandoned"),
        (Count::ExpiredGhost, "ghost"),
    ],
);

/// Timers of orders.
pub const SLA_REACHED: MetricSpec = MetricSpec {
    name: "order_sla_reached_total",
    kind: MetricKind::Counter,
    labels: &["partition", "timer", "level"],
    help: "Orders in which a timer reached a level, as committed; each is a record of order.sla.v1.",
};

/// Of these, what is not over.
pub const SLA_OVERDUE: MetricSpec = MetricSpec {
    name: "order_sla_overdue",
    kind: MetricKind::Gauge,
    labels: &["partition", "timer"],
    help: "Orders past the breach of a timer for which it still runs, as committed.",
};

/// The levels that there are: those that have a limit by default.
pub fn sla_levels() -> impl Iterator<Item = (Watch, Level)> {
    let timers = Limits::DEFAULTS.iter().filter(|(it, ..)| it.is_timer());
    timers.map(|(watch, level, _)| (*watch, *level))
}

/// Findings of detectors.
pub const DETECTOR_FINDINGS: MetricSpec = MetricSpec {
    name: "order_detector_findings_total",
    kind: MetricKind::Counter,
    labels: &["partition", "detector"],
    help: "Findings of detectors that began, by input partition, or by merging task where a detector looks at minutes, as committed.",
};

/// Of these, what is not over.
pub const DETECTOR_ACTIVE: MetricSpec = MetricSpec {
    name: "order_detector_active",
    kind: MetricKind::Gauge,
    labels: &["partition", "detector"],
    help: "Findings of detectors that began and are not over, as committed.",
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
    const OTHERS: [&MetricSpec; 12] = [
        &EVENTS_OUTCOME,
        &PARKED,
        &INVARIANT_VIOLATIONS,
        &CLOCK_SKEW.0,
        &EXPIRED.0,
        &SLA_REACHED,
        &SLA_OVERDUE,
        &DETECTOR_FINDINGS,
        &DETECTOR_ACTIVE,
        &LATE_EVENTS,
        &RECORDS_IN_FLIGHT,
        &IN_FLIGHT,
    ];
    static COUNTED: [(Count, MetricSpec); BY_PARTITION.len()] = BY_PARTITION;
    static TABLE: [(BusinessCounter, MetricSpec); BusinessCounter::ALL.len()] = COUNTERS;
    let counters = TABLE.iter().map(|(_, spec)| spec);
    let counted = COUNTED.iter().map(|(_, spec)| spec);
    OTHERS.into_iter().chain(counted).chain(counters)
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
