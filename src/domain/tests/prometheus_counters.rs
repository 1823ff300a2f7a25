//! What stories of orders add to the histograms and the money that Prometheus gets.

use super::fixture::{CREATED_INFO, Desk, Ev, ev};
use crate::domain::aggregates::{
    AggregateValue, BusinessCounter as C, Counted, DeltaBuffer, Group, Histogram, count,
    is_suspected,
};

/// What events added, by group.
#[derive(Default)]
struct Added(std::collections::BTreeMap<String, (C, AggregateValue)>);

impl Added {
    fn play(events: &[Ev]) -> Self {
        let (mut desk, mut deltas, mut added) =
            (Desk::default(), DeltaBuffer::default(), Self::default());
        for event in events {
            let judgement = desk.judge(event);
            assert!(judgement.transition.is_some(), "{event:?}: {judgement:?}");
            deltas.clear();
            count(&desk.order, &desk.event, &judgement, &mut deltas);
            // Orders that may have been sent twice are no group of the counters.
            for delta in deltas.iter().filter(|delta| !is_suspected(delta.group)) {
                let group = Group::parse(delta.group).unwrap();
                if let Counted::Counter(counter) = group.counted {
                    let values = group.values().filter(|value| !value.is_empty());
                    let names = std::iter::once(counter.name()).chain(values);
                    let name = names.collect::<Vec<_>>().join(" ");
                    let entry = added
                        .0
                        .entry(name)
                        .or_insert((counter, AggregateValue::default()));
                    entry.1.merge(delta.value);
                }
            }
        }
        added
    }

    fn sum(&self, name: &str) -> Option<i64> {
        self.0.get(name).map(|(_, value)| value.sum(0))
    }

    fn histogram(&self, counter: C) -> Histogram {
        let found = self.0.get(counter.name());
        let value = found.map(|(_, value)| value.clone()).unwrap_or_default();
        counter.buckets().unwrap().read(&value)
    }

    /// One sample of so many seconds, that is within the last so many bounds.
    #[track_caller]
    fn has_one(&self, counter: C, seconds: i64, within: usize) {
        let found = self.histogram(counter);
        let cumulative: u64 = found.cumulative.iter().sum();
        let unit = counter.buckets().unwrap().unit;
        assert_eq!(
            (found.count, found.sum, cumulative),
            (1, seconds * unit, within as u64),
            "{}",
            counter.name()
        );
    }
}

fn created(more: &str) -> Ev {
    let info = CREATED_INFO.replace('}', more);
    ev("order.created", "CUSTOMER", 1).info(&info)
}

fn minutes(event: Ev, at: f64) -> Ev {
    event.at(at * 60.0)
}

/// Paid at noon, promised for 12:40, delivered at 12:50 by the second rider.
fn slow_day() -> Vec<Ev> {
    vec![
        created(r#","discount":3000,"promisedAt":"2026-11-20T12:40:00.000+09:00"}"#),
        ev("payment.approved", "PG", 1),
        minutes(
            ev("order.accepted", "STORE", 2).info(r#"{"cookMinutes":10}"#),
            5.0,
        ),
        minutes(ev("delivery.requested", "SYSTEM", 1), 5.0),
        minutes(ev("delivery.assigned", "DISPATCH", 2), 6.0),
        minutes(ev("delivery.unassigned", "RIDER", 3), 8.0),
        minutes(ev("delivery.assigned", "DISPATCH", 4), 19.0),
        minutes(ev("delivery.arrived_store", "RIDER", 5), 21.0),
        minutes(ev("cooking.completed", "STORE", 3), 24.0),
        minutes(ev("delivery.picked_up", "RIDER", 6), 25.5),
        minutes(ev("delivery.delivered", "RIDER", 7), 50.0),
    ]
}

#[test]
fn durations_of_an_order_are_samples_in_the_bucket_of_their_objective() {
    let added = Added::play(&slow_day());
    // On the bound of 5 min is within it.
    added.has_one(C::LeadAccept, 300, 2);
    added.has_one(C::LeadCook, 19 * 60, 3);
    added.has_one(C::CookOverrun, 9 * 60, 1);
    added.has_one(C::WaitHandover, 90, 2);
    added.has_one(C::LeadRide, 24 * 60 + 30, 3);
    added.has_one(C::LeadTotal, 50 * 60, 3);
    added.has_one(C::PromiseError, 600, 1);
    added.has_one(C::DeliveryAttempts, 2, 2);
    // After one minute, and eleven after the loss.
    let dispatch = added.histogram(C::WaitDispatch);
    assert_eq!((dispatch.cumulative, dispatch.count), (vec![1, 1, 1, 2], 2));
    assert_eq!(dispatch.sum, 12 * 60_000);
    assert_eq!(added.sum("order_handovers_total rider"), Some(1));
    assert_eq!(added.sum("order_promises_total 서울 late"), Some(1));
    assert_eq!(added.sum("order_promises_total 서울 on_time"), None);
    assert_eq!(added.sum("order_delivery_unassigned_total"), Some(1));
    assert_eq!(added.sum("order_cook_implied_total"), None);
}

#[test]
fn what_nobody_pressed_is_no_sample() {
    let mut events = slow_day();
    events.retain(|event| event.action != "cooking.completed");
    let last = events.len() - 1;
    events[last] = minutes(ev("delivery.delivered", "RIDER", 7), 45.0);
    let added = Added::play(&events);
    for counter in [C::LeadCook, C::CookOverrun, C::WaitHandover] {
        assert_eq!(added.histogram(counter).count, 0, "{}", counter.name());
    }
    assert_eq!(added.sum("order_cook_implied_total"), Some(1));
    assert_eq!(added.sum("order_handovers_total unknown"), Some(1));
    // Five minutes late is on time.
    assert_eq!(added.sum("order_promises_total 서울 on_time"), Some(1));
}

#[test]
fn clocks_that_differ_make_no_negative_duration() {
    let mut events = slow_day();
    events.truncate(2);
    events.push(ev("order.accepted", "STORE", 2).at(-3.0));
    let added = Added::play(&events);
    assert_eq!(
        added.histogram(C::LeadAccept),
        C::LeadAccept
            .buckets()
            .unwrap()
            .read(&AggregateValue::default())
    );
}

#[test]
fn money_is_counted_where_it_moves() {
    let added = Added::play(&slow_day()[..2]);
    assert_eq!(added.sum("order_gmv_won_total 서울"), Some(20_000));
    assert_eq!(added.sum("order_discounts_won_total"), Some(3_000));
    assert_eq!(added.sum("order_list_price_won_total"), Some(23_000));
    assert_eq!(added.sum("order_refunds_won_total"), None);

    let mut events = slow_day();
    let post_cancelled = ev("claim.post_cancelled", "CS", 1)
        .info(r#"{"reason":"FOREIGN_MATTER","liability":"STORE"}"#);
    events.push(minutes(post_cancelled, 60.0));
    events.push(minutes(ev("payment.part_refunded", "PG", 2), 61.0));
    events.push(minutes(ev("claim.withdrawn", "CS", 2), 62.0));
    let added = Added::play(&events);
    assert_eq!(added.sum("order_post_cancelled_total STORE"), Some(1));
    assert_eq!(
        added.sum("order_post_cancelled_won_total STORE"),
        Some(20_000)
    );
    assert_eq!(added.sum("order_refunds_won_total"), Some(5_000));
    assert_eq!(added.sum("order_post_cancel_withdrawn_total"), Some(1));
    assert_eq!(
        added.sum("order_post_cancel_withdrawn_won_total"),
        Some(20_000)
    );
}
