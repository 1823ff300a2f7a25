use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::TextEncoder;
use topology::task::TaskId;

use super::known::known_groups;
use super::*;
use crate::domain::aggregates::Group;
use crate::domain::aggregates::{AggregateValue, BusinessCounter, Counted, DeltaBuffer};
use crate::domain::outcome::RejectionReason;
use crate::domain::status::DisplayStatus;
use crate::job::counters::Closed;

/// An instance with one judging and one merging task, both of partition 1.
#[derive(Clone, Default)]
struct Fake {
    counts: Arc<Mutex<Vec<u64>>>,
    totals: Arc<Mutex<DeltaBuffer>>,
}

const fn task(subtopology: u32) -> TaskId {
    TaskId {
        subtopology,
        partition: 1,
    }
}

impl CommittedCounts for Fake {
    fn judging(&self, visit: &mut dyn FnMut(TaskId, &[u64])) {
        visit(task(0), &self.counts.lock());
    }

    fn merging(&self, visit: &mut dyn FnMut(TaskId, &[u64])) {
        visit(task(1), &self.counts.lock());
    }

    fn totals(&self, visit: &mut dyn FnMut(TaskId, &Group<'_>, &AggregateValue)) {
        for delta in self.totals.lock().iter().chain(known_groups().iter()) {
            visit(task(1), &Group::parse(delta.group).unwrap(), delta.value);
        }
    }
}

fn exposed(registry: &Registry) -> String {
    TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap()
}

#[test]
fn committed_counts_are_exposed_as_they_are_at_each_scrape() {
    let fake = Fake::default();
    let registry = Registry::new();
    OrderMetrics::register(&registry, fake.clone()).unwrap();
    let text = exposed(&registry);
    for known in [
        r#"order_events_outcome_total{outcome="APPLIED",partition="1",reason=""} 0"#,
        r#"order_events_outcome_total{outcome="REJECTED",partition="1",reason="PREMATURE"} 0"#,
        r#"order_late_events_total{agg="in_flight",partition="1"} 0"#,
        r#"order_handovers_total{waited="food"} 0"#,
        r#"order_post_cancelled_won_total{liability="STORE"} 0"#,
        "order_refunds_won_total 0",
        r#"order_lead_ride_seconds_bucket{le="2400"} 0"#,
        "order_lead_ride_seconds_count 0",
        r#"order_outbox_relay_lag_seconds_bucket{partition="1",le="10"} 0"#,
    ] {
        assert!(text.contains(known), "{known}: {text}");
    }
    let mut counts = vec![0; counters::names().count()];
    counts[counters::of(Outcome::Rejected(RejectionReason::SeqGap))] = 7;
    counts[counters::late(BusinessAggregate::InFlight)] = 3;
    counts[counters::of(Outcome::Parked)] = 9;
    counts[counters::count(Count::Settled)] = 4;
    counts[counters::count(Count::ExpiredGhost)] = 2;
    counts[counters::violations(Invariant::EveryRecordCounted)] = 1;
    counts[counters::lag(Lag::Lateness, 0)] = 5;
    counts[counters::lag(Lag::Lateness, 1)] = 2;
    counts[counters::lag(Lag::Lateness, 2)] = 1;
    counts[counters::lag_sum(Lag::Lateness)] = 200_500;
    counts[counters::closed(Closed::Deliveries)] = 6;
    *fake.counts.lock() = counts;
    {
        let mut totals = fake.totals.lock();
        let by_sido = Counted::Counter(BusinessCounter::TerminalBySido);
        let completed = Some(DisplayStatus::Completed.code());
        totals.group(by_sido).text("서울").value(completed).add(9);
        // Two places that nobody knows are one series, and sum up in it.
        totals
            .group(by_sido)
            .text("Atlantis")
            .value(completed)
            .add(4);
        totals
            .group(by_sido)
            .text("El Dorado")
            .value(completed)
            .add(1);
        let by_reason = Counted::Counter(BusinessCounter::TerminalByReason);
        totals.group(by_reason).value(completed).value(None).add(14);
        let in_flight = Counted::Aggregate(BusinessAggregate::InFlight);
        let cooking = Some(DisplayStatus::Cooking.code());
        totals.group(in_flight).text("서울").value(cooking).add(2);
        let supply = Counted::Aggregate(BusinessAggregate::SupplyGap);
        totals.group(supply).text("서울").sums([3, 40]);
        totals.sample(BusinessCounter::LeadRide, 1_200_000);
        totals.sample(BusinessCounter::PromiseError, -299_500);
        totals.sample(BusinessCounter::DeliveryAttempts, 2);
    }
    assert!(known_groups().len() > 20);
    // A scrape adds nothing to the one before.
    for _ in 0..2 {
        let text = exposed(&registry);
        for line in [
            r#"order_events_outcome_total{outcome="REJECTED",partition="1",reason="SEQ_GAP"} 7"#,
            r#"order_late_events_total{agg="in_flight",partition="1"} 3"#,
            r#"order_parked{partition="1"} 5"#,
            r#"order_events_settled_total{partition="1"} 4"#,
            r#"order_expired_total{order="ghost",partition="1"} 2"#,
            r#"order_invariant_violation_total{inv="I8",partition="1"} 1"#,
            r#"order_terminal_total{sido="서울",status="COMPLETED"} 9"#,
            r#"order_terminal_total{sido="other-1",status="COMPLETED"} 5"#,
            r#"order_terminal_by_reason_total{reason="",status="COMPLETED"} 14"#,
            r#"order_in_flight{sido="서울",status="COOKING"} 2"#,
            r#"order_delivery_requested{sido="서울"} 3"#,
            r#"order_delivery_assigned_total{sido="서울"} 40"#,
            r#"order_lead_ride_seconds_bucket{le="600"} 0"#,
            r#"order_lead_ride_seconds_bucket{le="1200"} 1"#,
            r#"order_lead_ride_seconds_bucket{le="+Inf"} 1"#,
            "order_lead_ride_seconds_sum 1200",
            r#"order_promise_error_seconds_bucket{le="-300"} 0"#,
            r#"order_promise_error_seconds_bucket{le="0"} 1"#,
            "order_promise_error_seconds_sum -299.5",
            r#"order_delivery_attempts_bucket{le="2"} 1"#,
            r#"order_event_lateness_seconds_bucket{partition="1",le="10"} 5"#,
            r#"order_event_lateness_seconds_bucket{partition="1",le="120"} 7"#,
            r#"order_event_lateness_seconds_bucket{partition="1",le="+Inf"} 8"#,
            r#"order_event_lateness_seconds_sum{partition="1"} 200.5"#,
            r#"order_riders_deliveries_total{partition="1"} 6"#,
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
