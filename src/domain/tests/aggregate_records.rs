//! The records of aggregates, byte by byte.

use super::fixture::NOON;
use crate::domain::aggregates::{
    AggregateValue, BusinessAggregate, Counted, DeltaBuffer, Group, Thing,
};
use crate::domain::records::{
    AggregateUpdate, AggregateWindow, LateDelta, write_aggregate, write_aggregate_key,
    write_late_aggregate, write_late_aggregate_key,
};
use crate::domain::status::DisplayStatus;

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap()
}

/// Calls with a group in the window of the minute four minutes past noon.
fn with_window(fill: impl FnOnce(&mut DeltaBuffer), check: impl FnOnce(&AggregateWindow<'_>)) {
    let mut deltas = DeltaBuffer::default();
    fill(&mut deltas);
    let delta = deltas.iter().next().unwrap();
    let start = NOON + 4 * 60_000;
    check(&AggregateWindow {
        group: Group::parse(delta.group).unwrap(),
        start,
        end: start + 60_000,
    });
}

fn created(sido: &str, category: &str) -> impl FnOnce(&mut DeltaBuffer) {
    move |deltas| {
        let counted = Counted::Aggregate(BusinessAggregate::OrdersCreated);
        deltas.group(counted).text(sido).text(category).add(1);
    }
}

fn terminal(deltas: &mut DeltaBuffer) {
    let counted = Counted::Aggregate(BusinessAggregate::Terminal);
    let status = DisplayStatus::Expired.code();
    deltas
        .group(counted)
        .text("서울")
        .text("치킨")
        .value(Some(status))
        .value(None)
        .value(None)
        .add(1);
}

fn in_flight(deltas: &mut DeltaBuffer) {
    let counted = Counted::Aggregate(BusinessAggregate::InFlight);
    deltas
        .group(counted)
        .text("부산")
        .value(Some(DisplayStatus::Cooking.code()))
        .add(-1);
}

fn late(delta: &AggregateValue) -> LateDelta<'_> {
    LateDelta {
        delta,
        occurred_at: NOON + 4 * 60_000 + 482,
        event_id: "0192f3c1-\"7",
        closed_before: NOON + 9 * 60_000,
        partition: 1,
        n: 42,
    }
}

#[test]
fn an_update_has_the_fields_of_its_schema_in_their_order() {
    with_window(created("서울", "치\"킨"), |window| {
        let update = AggregateUpdate {
            value: &AggregateValue::count(7),
            moved: &AggregateValue::count(7),
            n: 7,
            rev: 2,
            is_final: false,
        };
        let mut out = Vec::new();
        write_aggregate(&mut out, window, &update);
        assert_eq!(
            text(out),
            concat!(
                r#"{"agg":"orders_created","dims":{"sido":"서울","category":"치\"킨"},"#,
                r#""windowStart":"2026-11-20T12:04:00.000+09:00","windowEnd":"2026-11-20T12:05:00.000+09:00","#,
                r#""value":7,"n":7,"rev":2,"final":false}"#
            )
        );
    });
    with_window(in_flight, |window| {
        let update = AggregateUpdate {
            value: &AggregateValue::count(-3),
            moved: &AggregateValue::count(-3),
            n: 9,
            rev: 1,
            is_final: true,
        };
        let mut out = Vec::new();
        write_aggregate(&mut out, window, &update);
        assert_eq!(
            text(out),
            concat!(
                r#"{"agg":"in_flight","dims":{"sido":"부산","status":"COOKING"},"#,
                r#""windowStart":"2026-11-20T12:04:00.000+09:00","windowEnd":"2026-11-20T12:05:00.000+09:00","#,
                r#""value":-3,"n":9,"rev":1,"final":true}"#
            )
        );
    });
}

#[test]
fn an_absent_dim_is_left_out_of_the_value_and_empty_in_the_key() {
    with_window(terminal, |window| {
        let update = AggregateUpdate {
            value: &AggregateValue::count(1),
            moved: &AggregateValue::count(1),
            n: 1,
            rev: 1,
            is_final: true,
        };
        let (mut key, mut out) = (Vec::new(), Vec::new());
        write_aggregate_key(&mut key, window);
        write_aggregate(&mut out, window, &update);
        assert_eq!(text(key), "terminal|서울|치킨|EXPIRED|||2026-11-20T03:04Z");
        assert!(
            text(out).starts_with(
                r#"{"agg":"terminal","dims":{"sido":"서울","category":"치킨","status":"EXPIRED"},"windowStart""#
            )
        );
    });
}

#[test]
fn no_two_groups_share_a_key() {
    let mut keys = std::collections::BTreeSet::new();
    for (sido, category) in [("a|b", "c"), ("a", "b|c"), ("a\\", "b|c"), ("a\\|b", "c")] {
        with_window(created(sido, category), |window| {
            let mut key = Vec::new();
            write_aggregate_key(&mut key, window);
            assert!(keys.insert(text(key)), "{sido} {category}");
        });
    }
    assert!(
        keys.contains(r"orders_created|a\|b|c|2026-11-20T03:04Z"),
        "{keys:?}"
    );
}

#[test]
fn a_late_delta_has_the_fields_of_its_schema_and_a_key_of_its_own() {
    with_window(created("서울", ""), |window| {
        let (mut key, mut out) = (Vec::new(), Vec::new());
        write_late_aggregate_key(&mut key, window, &late(&AggregateValue::count(-1)));
        write_late_aggregate(&mut out, window, &late(&AggregateValue::count(-1)));
        assert_eq!(
            text(key),
            "orders_created|서울|unknown|2026-11-20T03:04Z|1|42"
        );
        assert_eq!(
            text(out),
            concat!(
                r#"{"agg":"orders_created","dims":{"sido":"서울","category":"unknown"},"#,
                r#""windowStart":"2026-11-20T12:04:00.000+09:00","windowEnd":"2026-11-20T12:05:00.000+09:00","#,
                r#""delta":-1,"occurredAt":"2026-11-20T12:04:00.482+09:00","eventId":"0192f3c1-\"7"}"#
            )
        );
    });
}

#[test]
fn a_late_delta_of_a_gauge_says_up_to_which_window_it_counts() {
    with_window(in_flight, |window| {
        let mut out = Vec::new();
        write_late_aggregate(&mut out, window, &late(&AggregateValue::count(-1)));
        assert_eq!(
            text(out),
            concat!(
                r#"{"agg":"in_flight","dims":{"sido":"부산","status":"COOKING"},"#,
                r#""windowStart":"2026-11-20T12:04:00.000+09:00","windowEnd":"2026-11-20T12:05:00.000+09:00","#,
                r#""delta":-1,"occurredAt":"2026-11-20T12:04:00.482+09:00","eventId":"0192f3c1-\"7","#,
                r#""closedBefore":"2026-11-20T12:09:00.000+09:00"}"#
            )
        );
    });
}

/// What is written of one sido of an aggregate: between two pieces of text.
fn between(
    aggregate: BusinessAggregate,
    write: impl FnOnce(&mut Vec<u8>, &AggregateWindow<'_>),
    (before, after): (&str, &str),
) -> String {
    let mut out = Vec::new();
    let fill = |deltas: &mut DeltaBuffer| {
        deltas
            .group(Counted::Aggregate(aggregate))
            .text("서울")
            .add(1);
    };
    with_window(fill, |window| write(&mut out, window));
    let all = text(out);
    let (_, rest) = all.split_once(before).unwrap();
    rest.split_once(after).unwrap().0.to_owned()
}

fn told(aggregate: BusinessAggregate, value: &AggregateValue, moved: &AggregateValue) -> String {
    let update = AggregateUpdate {
        value,
        moved,
        n: 9,
        rev: 1,
        is_final: true,
    };
    let write = |out: &mut Vec<u8>, window: &AggregateWindow<'_>| {
        write_aggregate(out, window, &update);
    };
    between(aggregate, write, ("\"value\":", ",\"n\":9,"))
}

fn told_late(aggregate: BusinessAggregate, delta: &AggregateValue) -> String {
    let write = |out: &mut Vec<u8>, window: &AggregateWindow<'_>| {
        write_late_aggregate(out, window, &late(delta));
    };
    between(aggregate, write, ("\"delta\":", ",\"occurredAt\""))
}

#[test]
fn a_rate_of_few_orders_is_null_and_its_sums_are_told_all_the_same() {
    use BusinessAggregate as A;
    for (sums, expected) in [
        ([1, 19], r#"{"rate":null,"cancelled":1,"paid":19}"#),
        ([1, 20], r#"{"rate":0.05,"cancelled":1,"paid":20}"#),
        ([3, 0], r#"{"rate":null,"cancelled":3,"paid":0}"#),
    ] {
        let value = AggregateValue::of(sums);
        assert_eq!(told(A::CancelRateFlow, &value, &value), expected);
    }
    let value = AggregateValue::of([1, 4]);
    let expected = r#"{"rate":0.25,"cancelled":1,"paid":4}"#;
    assert_eq!(told(A::CancelRateCohort, &value, &value), expected);
    assert_eq!(
        told_late(A::CancelRateCohort, &AggregateValue::of([1, 0])),
        r#"{"cancelled":1}"#
    );
}

#[test]
fn money_queues_and_samples_are_told_with_what_follows_from_them() {
    use BusinessAggregate as A;
    let value = AggregateValue::of([50_000, 4, 20_000]);
    let expected = r#"{"net":30000,"aov":12500,"gmv":50000,"orders":4,"refunds":20000}"#;
    assert_eq!(told(A::Gmv, &value, &value), expected);
    // The queue as it stands, and what was assigned in the window.
    let (value, moved) = (AggregateValue::of([6, 900]), AggregateValue::of([1, 4]));
    let expected = r#"{"minutes":1.5,"requested":6,"assigned":4}"#;
    assert_eq!(told(A::SupplyGap, &value, &moved), expected);
    let nothing = AggregateValue::of([6, 900]);
    let expected = r#"{"minutes":null,"requested":6,"assigned":0}"#;
    assert_eq!(
        told(A::SupplyGap, &nothing, &AggregateValue::of([1])),
        expected
    );

    let mut value = AggregateValue::of([1]).with(Thing::Sample(-61_000));
    value.merge(&AggregateValue::of([0]).with(Thing::Sample(600_000)));
    let expected = concat!(
        r#"{"p50":-60421,"p90":-60421,"p95":-60421,"p99":-60421,"min":-61000,"max":600000,"count":2,"#,
        r#""onTimeRate":0.5,"onTime":1}"#
    );
    assert_eq!(told(A::PromiseError, &value, &value), expected);
    let only_negative = AggregateValue::of([2]);
    assert_eq!(
        told(A::LeadRide, &only_negative, &only_negative),
        r#"{"count":0,"negative":2}"#
    );
    let late = AggregateValue::of([1]).with(Thing::Sample(61_234));
    assert_eq!(
        told_late(A::PromiseError, &late),
        r#"{"onTime":1,"samples":[[61234,1]]}"#
    );
}

#[test]
fn orders_that_last_too_long_are_told_with_the_minute_of_the_oldest() {
    use crate::domain::watching::Watch;
    let stuck = |deltas: &mut DeltaBuffer| {
        let counted = Counted::Aggregate(BusinessAggregate::Stuck);
        let timer = Watch::RideLate.code();
        deltas.group(counted).text("서울").value(Some(timer)).add(1);
    };
    let minute = NOON / 60_000;
    with_window(stuck, |window| {
        let mut value = AggregateValue::of([1]).with(Thing::Began(minute + 1, 1));
        let told = |value: &AggregateValue| {
            let update = AggregateUpdate {
                value,
                moved: value,
                n: 1,
                rev: 1,
                is_final: true,
            };
            let mut out = Vec::new();
            write_aggregate(&mut out, window, &update);
            let out = text(out);
            let (_, value) = out.split_once(r#""value":"#).unwrap();
            value.split_once(r#","n""#).unwrap().0.to_owned()
        };
        assert_eq!(
            told(&value),
            r#"{"orders":1,"oldestSince":"2026-11-20T12:01:00.000+09:00"}"#
        );
        value.merge(&AggregateValue::of([1]).with(Thing::Began(minute, 1)));
        assert_eq!(
            told(&value),
            r#"{"orders":2,"oldestSince":"2026-11-20T12:00:00.000+09:00"}"#
        );
        let none = AggregateValue::default();
        assert_eq!(told(&none), r#"{"orders":0,"oldestSince":null}"#);
        let (mut key, mut out) = (Vec::new(), Vec::new());
        let delta = AggregateValue::of([-1]).with(Thing::Began(minute, -1));
        write_late_aggregate_key(&mut key, window, &late(&delta));
        write_late_aggregate(&mut out, window, &late(&delta));
        assert_eq!(text(key), "stuck|서울|ride_late|2026-11-20T03:04Z|1|42");
        let out = text(out);
        assert!(
            out.contains(
                r#""delta":{"orders":-1,"since":[{"minute":"2026-11-20T12:00:00.000+09:00","orders":-1}]},"occurredAt""#
            ),
            "{out}"
        );
        assert!(out.contains("closedBefore"), "{out}");
    });
}
