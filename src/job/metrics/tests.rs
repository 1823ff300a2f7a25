use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::TextEncoder;
use topology::task::TaskId;

use super::*;
use crate::domain::aggregates::{BusinessCounter, DeltaBuffer};
use crate::domain::outcome::RejectionReason;
use crate::domain::status::DisplayStatus;

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

    fn totals(&self, visit: &mut dyn FnMut(TaskId, &Group<'_>, i64)) {
        for delta in self.totals.lock().iter() {
            visit(
                task(1),
                &Group::parse(delta.group).unwrap(),
                delta.value.sum(0),
            );
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
    }
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
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
