//! The aggregates of whole market days, where they are at hand.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::market_days::lines;
use crate::domain::aggregates::{
    BusinessCounter, Counted, DeltaBuffer, Dim, Group, count, is_suspected,
};
use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;
use crate::domain::judge::{JudgingPolicy, judge};
use crate::domain::judgement::{Judgement, RecordContext};
use crate::domain::order::Order;

/// Plays a day, and hands every judged event to `each`; returns the orders as they are at the end.
fn play(
    lines: &[Vec<u8>],
    mut each: impl FnMut(&Order, &OrderEvent, &Judgement),
) -> HashMap<String, Order> {
    let (mut event, policy) = (OrderEvent::default(), JudgingPolicy::strict());
    let mut orders: HashMap<String, Order> = HashMap::new();
    for line in lines {
        if decode(Some(line), &mut event).is_err() {
            continue;
        }
        let context = RecordContext {
            timestamp: event.recorded_at(),
            wall_clock: event.recorded_at() + 1_000,
            ..RecordContext::default()
        };
        let order = orders.entry(event.order_no().to_owned()).or_default();
        let judgement = judge(order, &event, &context, &policy);
        each(order, &event, &judgement);
    }
    orders
}

/// Sums by aggregate or counter and the value of one dim, or of none.
fn sums(deltas: &BTreeMap<Vec<u8>, i64>, dim: Option<Dim>) -> BTreeMap<(&'static str, &str), i64> {
    let mut sums = BTreeMap::new();
    for (group, sum) in deltas {
        let group = Group::parse(group).unwrap();
        let value = match dim {
            None => "",
            Some(dim) => match group.dims().find(|(found, _)| *found == dim) {
                Some((_, value)) => value,
                None => continue,
            },
        };
        *sums.entry((group.counted.name(), value)).or_default() += sum;
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn of_day(lines: &[Vec<u8>]) -> (BTreeMap<Vec<u8>, i64>, HashMap<String, Order>) {
    let mut deltas = DeltaBuffer::default();
    let mut groups: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    let orders = play(lines, |order, event, judgement| {
        deltas.clear();
        count(order, event, judgement, &mut deltas);
        for delta in deltas.iter().filter(|it| !is_suspected(it.group)) {
            *groups.entry(delta.group.to_vec()).or_default() += delta.value.sum(0);
        }
    });
    (groups, orders)
}

/// Orders in flight by sido and status, counted from the orders themselves.
fn in_flight(orders: &HashMap<String, Order>) -> BTreeMap<(String, &'static str), i64> {
    let mut sums = BTreeMap::new();
    for order in orders
        .values()
        .filter(|order| order.status().is_in_flight())
    {
        *sums
            .entry((order.sido.clone(), order.status().name()))
            .or_default() += 1;
    }
    sums
}

fn in_flight_of(deltas: &BTreeMap<Vec<u8>, i64>) -> BTreeMap<(String, String), i64> {
    let mut sums = BTreeMap::new();
    for (group, sum) in deltas.iter().filter(|(_, sum)| **sum != 0) {
        let group = Group::parse(group).unwrap();
        if group.counted.name() == "in_flight" {
            let values: Vec<&str> = group.values().collect();
            sums.insert((values[0].to_owned(), values[1].to_owned()), *sum);
        }
    }
    sums
}

#[test]
fn day_4_adds_up_to_the_counts_that_were_published_for_it() {
    let Some(lines) = lines("market-day-4.ndjson.gz") else {
        return;
    };
    let (deltas, _) = of_day(&lines);
    let totals = sums(&deltas, None);
    for (names, expected) in [
        (
            &[
                "orders_created",
                "orders_created_by_sigungu",
                "orders_created_by_fulfilment",
                "order_created_total",
                "order_created_by_category_total",
            ][..],
            1_185,
        ),
        (
            &[
                "orders_paid",
                "orders_paid_by_sigungu",
                "orders_paid_by_fulfilment",
                "order_paid_total",
                "order_paid_by_category_total",
            ],
            1_176,
        ),
        (&["transitions", "order_transitions_total"], 11_354),
        (
            &[
                "terminal",
                "order_terminal_total",
                "order_terminal_by_category_total",
                "order_terminal_by_reason_total",
            ],
            1_139 + 26 + 8 + 4 + 7,
        ),
        (&["in_flight"], 1),
    ] {
        for name in names {
            assert_eq!(totals.get(&(*name, "")), Some(&expected), "{name}");
        }
    }
    let by_status = sums(&deltas, Some(Dim::Status));
    for (status, expected) in [
        // Later, four of these were cancelled after delivery.
        ("COMPLETED", 1_135 + 4),
        ("CANCELLED", 26),
        ("REJECTED", 8),
        ("EXPIRED", 4),
        ("PAYMENT_FAILED", 7),
    ] {
        for name in ["terminal", "order_terminal_by_reason_total"] {
            assert_eq!(
                by_status.get(&(name, status)),
                Some(&expected),
                "{name} {status}"
            );
        }
    }
    assert_eq!(by_status.get(&("in_flight", "RETURNED")), Some(&1));
}

#[test]
fn in_flight_is_what_a_count_of_the_orders_says() {
    for name in ["market-day-4.ndjson.gz", "market-day-4-faults.ndjson.gz"] {
        let Some(lines) = lines(name) else { return };
        // In the middle of the day, where many are in flight, and at its end.
        for end in [lines.len() / 2, lines.len()] {
            let (deltas, orders) = of_day(&lines[..end]);
            let expected: BTreeMap<(String, String), i64> = in_flight(&orders)
                .into_iter()
                .map(|((sido, status), count)| ((sido, status.to_owned()), count))
                .collect();
            assert!(!expected.is_empty());
            assert_eq!(in_flight_of(&deltas), expected, "{name}, {end} lines");
        }
    }
}

#[test]
fn groups_that_are_grouped_otherwise_have_the_same_sums() {
    let Some(lines) = lines("market-day-4-faults.ndjson.gz") else {
        return;
    };
    let (deltas, _) = of_day(&lines);
    let totals = sums(&deltas, None);
    for (one, other) in [
        ("orders_created", "orders_created_by_fulfilment"),
        ("orders_created", "order_created_total"),
        ("orders_paid", "orders_paid_by_sigungu"),
        ("terminal", "order_terminal_by_category_total"),
        ("transitions", "order_transitions_total"),
        ("gmv", "order_gmv_won_total"),
        ("post_cancel", "order_post_cancelled_total"),
    ] {
        assert_eq!(totals[&(one, "")], totals[&(other, "")], "{one} {other}");
    }
    let names = deltas
        .keys()
        .map(|group| Group::parse(group).unwrap().counted.name());
    let names: Vec<&str> = names.collect();
    // What timers tell, what is counted behind the merging, and how long an event was parked is no event's.
    let others = [
        "stuck",
        "sla_breach",
        "sla_breach_by_fulfilment",
        "dup_order_suspect",
        Counted::Counter(BusinessCounter::ParkTime).name(),
    ];
    for counted in Counted::all().filter(|it| !others.contains(&it.name())) {
        assert!(names.contains(&counted.name()), "{}", counted.name());
    }
}

/// Measures the best of some passes; run with `--ignored --nocapture` on a quiet machine.
#[test]
#[ignore = "measures"]
fn nanoseconds_per_delta() {
    let Some(lines) = lines("market-day-4.ndjson.gz") else {
        return;
    };
    let mut judged = Vec::new();
    play(&lines, |order, event, judgement| {
        judged.push((order.clone(), event.clone(), judgement.clone()));
    });
    let mut deltas = DeltaBuffer::default();
    let (mut best, mut number) = (u128::MAX, 0);
    for _ in 0..50 {
        number = 0;
        let started = Instant::now();
        for (order, event, judgement) in &judged {
            deltas.clear();
            count(order, event, judgement, &mut deltas);
            number += std::hint::black_box(&deltas).len();
        }
        best = best.min(started.elapsed().as_nanos());
    }
    let (events, number) = (judged.len() as u128, number as u128);
    println!(
        "{events} events, {number} deltas: {} ns per event, {} ns per delta",
        best / events,
        best / number
    );
}
