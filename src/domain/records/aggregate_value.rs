//! The value of an aggregate as it is told, and the same of what came late.

use std::borrow::Cow;

use super::json_writer::Object;
use crate::domain::aggregates::{
    AggregateValue, BusinessAggregate, Counted, Distinct, Frequent, Shape, Since, Sketch, Thing,
};

/// A rate of fewer orders is not told: it would say nothing (A6).
const LEAST_FOR_A_RATE: i64 = 20;
/// So many stores are told (A20).
const STORES: usize = 20;

/// Writes the member `value`; `moved` is what moved it in the window.
pub(super) fn write_value(
    object: &mut Object<'_>,
    counted: Counted,
    value: &AggregateValue,
    moved: &AggregateValue,
) {
    const NAME: &str = "value";
    let aggregate = match counted {
        Counted::Aggregate(aggregate) => Some(aggregate),
        Counted::Counter(_) => None,
    };
    match counted.shape() {
        Shape::Count => object.number(NAME, value.sum(0)),
        Shape::Sums(names) => {
            let mut told = object.object(NAME);
            write_ratios(&mut told, aggregate, value, moved);
            let shown = match aggregate {
                Some(BusinessAggregate::SupplyGap) => [value, moved, value, value],
                _ => [value; 4],
            };
            for ((place, name), value) in names.iter().enumerate().zip(shown) {
                told.number(name, value.sum(place));
            }
            told.end();
        }
        Shape::Samples(names) => {
            let mut told = object.object(NAME);
            write_samples(&mut told, aggregate, value);
            for (place, name) in names.iter().enumerate() {
                told.number(name, value.sum(place));
            }
            told.end();
        }
        Shape::Riders => {
            let counts = riders(value.thing());
            let [riders, deliveries] = counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
            let mut told = object.object(NAME);
            told.number("riders", riders);
            told.number("deliveries", deliveries);
            told.ratio("perRider", deliveries, riders);
            told.end();
        }
        Shape::Stores => {
            let stores = names_of(value.thing());
            let mut told = object.object(NAME);
            write_stores(&mut told, "top", stores.top(STORES));
            told.number("missing", stores.missing());
            told.end();
        }
        Shape::Overdue => {
            let mut told = object.object(NAME);
            told.number("orders", value.sum(0));
            told.time_or_null("oldestSince", oldest(value.thing()));
            told.end();
        }
    }
}

/// The minute in which what has lasted longest began, epoch milliseconds.
fn oldest(thing: &Thing) -> Option<i64> {
    match thing {
        Thing::Began(minute, number) => since_of(*minute, *number).oldest(),
        Thing::Since(since) => since.oldest(),
        _ => None,
    }
}

fn since_of(minute: i64, number: i64) -> Since {
    let mut since = Since::default();
    since.add(minute, number);
    since
}

fn write_since(told: &mut Object<'_>, since: &Since) {
    told.array("since", |array| {
        for (minute, orders) in since.minutes() {
            let mut told = array.object();
            told.time("minute", minute);
            told.number("orders", orders);
            told.end();
        }
    });
}

/// What follows from sums.
fn write_ratios(
    told: &mut Object<'_>,
    aggregate: Option<BusinessAggregate>,
    value: &AggregateValue,
    moved: &AggregateValue,
) {
    use BusinessAggregate as A;
    match aggregate {
        Some(A::CancelRateFlow | A::CancelRateFlowByCategory) => {
            let paid = Some(value.sum(1)).filter(|paid| *paid >= LEAST_FOR_A_RATE);
            told.ratio("rate", value.sum(0), paid.unwrap_or(0));
        }
        Some(A::CancelRateCohort | A::CancelRateCohortByCategory) => {
            told.ratio("rate", value.sum(0), value.sum(1));
        }
        Some(A::Gmv | A::GmvByCategory) => {
            told.number("net", value.sum(0).saturating_sub(value.sum(2)));
            told.ratio("aov", value.sum(0), value.sum(1));
        }
        Some(A::SupplyGap) => told.ratio("minutes", value.sum(0), moved.sum(1)),
        _ => {}
    }
}

fn write_samples(
    told: &mut Object<'_>,
    aggregate: Option<BusinessAggregate>,
    value: &AggregateValue,
) {
    use BusinessAggregate as A;
    let count = with_sketch(value.thing(), |sketch| {
        for (name, percent) in [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)] {
            told.number(name, sketch.quantile(percent));
        }
        told.number("min", sketch.min());
        told.number("max", sketch.max());
        sketch.count()
    });
    let count = count.unwrap_or(0);
    told.number("count", count);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    match aggregate {
        Some(A::PromiseError | A::PromiseErrorByCategory) => {
            told.ratio("onTimeRate", value.sum(0), count);
        }
        Some(A::Reassign) => told.ratio("reassignedRate", value.sum(1), count),
        _ => {}
    }
}

fn with_sketch<R>(thing: &Thing, tell: impl FnOnce(&Sketch) -> R) -> Option<R> {
    match thing {
        Thing::Sample(sample) => Some(tell(&Sketch::of(*sample))),
        Thing::Sketch(sketch) => Some(tell(sketch)),
        _ => None,
    }
}

fn names_of(thing: &Thing) -> Cow<'_, Frequent> {
    match thing {
        Thing::Name(name) => Cow::Owned(Frequent::of(name.as_str())),
        Thing::Names(names) => Cow::Borrowed(names),
        _ => Cow::default(),
    }
}

fn write_stores<'a>(
    told: &mut Object<'_>,
    name: &str,
    stores: impl IntoIterator<Item = (&'a str, u64)>,
) {
    told.array(name, |array| {
        for (store, orders) in stores {
            let mut told = array.object();
            told.text("storeId", store);
            told.number("orders", orders);
            told.end();
        }
    });
}

/// How many riders, and how many deliveries.
#[must_use]
pub fn riders(thing: &Thing) -> [u64; 2] {
    match thing {
        Thing::Pair(..) => [1, 1],
        Thing::Pairs(pairs) => pairs.each_ref().map(Distinct::count),
        _ => [0, 0],
    }
}

/// Writes the member `delta`: the sums that moved, and what came to the rest.
pub(super) fn write_delta(object: &mut Object<'_>, counted: Counted, delta: &AggregateValue) {
    const NAME: &str = "delta";
    let names = match counted.shape() {
        Shape::Count => return object.number(NAME, delta.sum(0)),
        Shape::Sums(names) | Shape::Samples(names) => names,
        Shape::Overdue => &["orders"],
        Shape::Riders | Shape::Stores => &[],
    };
    let mut told = object.object(NAME);
    for (place, name) in names.iter().enumerate() {
        if delta.sum(place) != 0 {
            told.number(name, delta.sum(place));
        }
    }
    match delta.thing() {
        Thing::None => {}
        Thing::Sample(sample) => told.array("samples", |array| array.pair(*sample, 1)),
        Thing::Sketch(sketch) => told.array("samples", |array| {
            sketch
                .samples()
                .for_each(|(sample, count)| array.pair(sample, count));
        }),
        thing @ (Thing::Name(_) | Thing::Names(_)) => {
            write_stores(&mut told, "stores", names_of(thing).names());
        }
        thing @ (Thing::Pair(..) | Thing::Pairs(_)) => {
            let [riders, deliveries] = riders(thing);
            told.number("riders", riders);
            told.number("deliveries", deliveries);
        }
        Thing::Began(minute, number) => write_since(&mut told, &since_of(*minute, *number)),
        Thing::Since(since) => write_since(&mut told, since),
        // What is known of single orders is never told.
        Thing::Mark(_) | Thing::Marks(_) => {}
    }
    told.end();
}
