//! The one list of the business metrics. Registration and documentation are made from it.

mod counted;

use topology::metrics::{MetricKind, MetricSpec};

pub use counted::COUNTERS;

use crate::domain::watching::{Level, Limits, Watch};
use crate::job::counters::{Closed, Count};
use crate::job::lags::Lag;

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

/// Orders that wait for a rider.
pub const DELIVERY_REQUESTED: MetricSpec = MetricSpec {
    name: "order_delivery_requested",
    kind: MetricKind::Gauge,
    labels: &["sido"],
    help: "Orders on their way that wait for a rider, as committed.",
};

/// Riders found.
pub const DELIVERY_ASSIGNED: MetricSpec = MetricSpec {
    name: "order_delivery_assigned_total",
    kind: MetricKind::Counter,
    labels: &["sido"],
    help: "Deliveries that were given to a rider, each attempt.",
};

/// How far behind events come, in the order of [`Lag::ALL`].
pub const LAGS: [MetricSpec; Lag::ALL.len()] = [
    MetricSpec {
        name: "order_event_lateness_seconds",
        kind: MetricKind::Histogram(&[10.0, 120.0]),
        labels: &["partition"],
        help: "From when an event happened to its record's timestamp, as committed; later than the grace of the aggregates (120 s) is late for its window. Replays are left out.",
    },
    MetricSpec {
        name: "order_outbox_relay_lag_seconds",
        kind: MetricKind::Histogram(&[1.0, 10.0, 60.0]),
        labels: &["partition"],
        help: "From when an event was recorded by its owner to its record's timestamp, as committed: the outbox and its relay. Replays are left out.",
    },
];

/// What is told of closed minutes.
pub const CLOSED: [(Closed, MetricSpec); Closed::ALL.len()] = [
    (
        Closed::Riders,
        MetricSpec {
            name: "order_riders_active_total",
            kind: MetricKind::Counter,
            labels: &["partition"],
            help: "Different riders at work in a minute and sido, summed over the closed minutes, by merging task: over five minutes and divided by five, how many there are. To 1.6 %.",
        },
    ),
    (
        Closed::Deliveries,
        MetricSpec {
            name: "order_riders_deliveries_total",
            kind: MetricKind::Counter,
            labels: &["partition"],
            help: "Different deliveries that riders worked for in a minute and sido, summed likewise.",
        },
    ),
];

/// Every business metric.
pub fn all() -> impl Iterator<Item = &'static MetricSpec> {
    const OTHERS: [&MetricSpec; 14] = [
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
        &DELIVERY_REQUESTED,
        &DELIVERY_ASSIGNED,
    ];
    static COUNTED: [(Count, MetricSpec); BY_PARTITION.len()] = BY_PARTITION;
    static OF_LAGS: [MetricSpec; LAGS.len()] = LAGS;
    static OF_CLOSED: [(Closed, MetricSpec); CLOSED.len()] = CLOSED;
    let counters = COUNTERS.iter().map(|(_, spec)| spec);
    let counted = COUNTED.iter().map(|(_, spec)| spec);
    let closed = OF_CLOSED.iter().map(|(_, spec)| spec);
    let counted = counted.chain(&OF_LAGS).chain(closed);
    OTHERS.into_iter().chain(counted).chain(counters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::aggregates::{BusinessAggregate, BusinessCounter, Counted};

    #[test]
    fn labels_are_the_dims_of_what_is_counted() {
        let counters = COUNTERS
            .iter()
            .map(|(counter, spec)| (Counted::Counter(*counter), spec));
        let aggregates = [
            (BusinessAggregate::InFlight, &IN_FLIGHT),
            (BusinessAggregate::SupplyGap, &DELIVERY_REQUESTED),
            (BusinessAggregate::SupplyGap, &DELIVERY_ASSIGNED),
        ];
        let aggregates = aggregates.map(|(it, spec)| (Counted::Aggregate(it), spec));
        for (counted, spec) in counters.chain(aggregates) {
            let dims: Vec<&str> = counted.dims().iter().map(|dim| dim.name()).collect();
            assert_eq!(dims, spec.labels, "{}", spec.name);
        }
        let listed: Vec<BusinessCounter> = COUNTERS.iter().map(|(counter, _)| *counter).collect();
        assert_eq!(listed, BusinessCounter::ALL);
    }

    #[test]
    fn bounds_are_those_that_are_counted_by() {
        let counters = COUNTERS
            .iter()
            .map(|(counter, spec)| (counter.buckets(), spec));
        let lags = Lag::ALL
            .iter()
            .zip(&LAGS)
            .map(|((_, _, buckets), spec)| (Some(*buckets), spec));
        let mut histograms = 0;
        for (buckets, spec) in counters.chain(lags) {
            let MetricKind::Histogram(told) = spec.kind else {
                assert_eq!(buckets, None, "{}", spec.name);
                continue;
            };
            let buckets = buckets.unwrap();
            let bounds = buckets.bounds.iter();
            let bounds: Vec<f64> = bounds.map(|(_, name)| name.parse().unwrap()).collect();
            assert_eq!(bounds, told, "{}", spec.name);
            assert!(bounds.is_sorted_by(|one, next| one < next), "{}", spec.name);
            let is_time = spec.name.ends_with("_seconds");
            assert_eq!(buckets.unit, if is_time { 1_000 } else { 1 });
            histograms += 1;
        }
        assert_eq!(histograms, 12);
    }

    /// A share of those within an objective is exact only where there is a bucket for it.
    #[test]
    fn there_is_a_bound_at_each_limit_of_a_timer() {
        use BusinessCounter as C;
        for (watch, counter) in [
            (Watch::AcceptWait, C::LeadAccept),
            (Watch::CookLate, C::CookOverrun),
            (Watch::NoRider, C::WaitDispatch),
            (Watch::HandoverLate, C::WaitHandover),
            (Watch::RideLate, C::LeadRide),
            (Watch::PromiseBroken, C::PromiseError),
        ] {
            let limits = Limits::DEFAULTS.iter().filter(|(it, ..)| *it == watch);
            for (_, _, limit) in limits {
                let bounds = counter.buckets().unwrap().bounds;
                let found = bounds.iter().any(|(bound, _)| bound == limit);
                assert!(found, "{}: {limit}", counter.name());
            }
        }
    }
}
