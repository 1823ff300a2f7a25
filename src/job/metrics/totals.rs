//! Counters and histograms of the merging tasks, and what is known there of orders that are somewhere now.

use std::borrow::Cow;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGaugeVec, Result};
use topology::metrics::MetricSpec;
use topology::task::TaskId;

use super::{bounded, histograms, list};
use crate::domain::aggregates::{
    AggregateValue, Buckets, BusinessAggregate, BusinessCounter, Counted, Dim, Group, Histogram,
};

/// What one scrape makes of the totals.
pub(super) struct Totals {
    in_flight: IntGaugeVec,
    requested: IntGaugeVec,
    assigned: IntCounterVec,
    /// By the codes of the business counters.
    told: Vec<Told>,
}

enum Told {
    Counter(IntCounterVec),
    /// It has no labels, so one task has it.
    Histogram(&'static MetricSpec, Buckets, Histogram),
}

impl Totals {
    pub(super) fn new() -> Result<Self> {
        let told = |(counter, spec): &'static (BusinessCounter, MetricSpec)| {
            let Some(buckets) = counter.buckets() else {
                return initialised(*counter, spec).map(Told::Counter);
            };
            let none = buckets.read(&AggregateValue::default());
            Ok(Told::Histogram(spec, buckets, none))
        };
        Ok(Self {
            in_flight: list::IN_FLIGHT.int_gauge()?,
            requested: list::DELIVERY_REQUESTED.int_gauge()?,
            assigned: list::DELIVERY_ASSIGNED.int_counter()?,
            told: list::COUNTERS.iter().map(told).collect::<Result<_>>()?,
        })
    }

    /// Adds what a task has of a group.
    pub(super) fn add(&mut self, task: TaskId, group: &Group<'_>, value: &AggregateValue) {
        let labels = labels(group, task.partition);
        let sum = |place| u64::try_from(value.sum(place)).unwrap_or(0);
        match group.counted {
            Counted::Counter(counter) => match self.told.get_mut(usize::from(counter.code())) {
                Some(Told::Counter(total)) => total.with_label_values(&labels).inc_by(sum(0)),
                Some(Told::Histogram(_, buckets, told)) => *told = buckets.read(value),
                None => {}
            },
            Counted::Aggregate(BusinessAggregate::InFlight) => {
                self.in_flight.with_label_values(&labels).add(value.sum(0));
            }
            Counted::Aggregate(BusinessAggregate::SupplyGap) => {
                self.requested.with_label_values(&labels).add(value.sum(0));
                self.assigned.with_label_values(&labels).inc_by(sum(1));
            }
            Counted::Aggregate(_) => {}
        }
    }

    pub(super) fn families(self) -> Vec<MetricFamily> {
        let mut families = self.in_flight.collect();
        families.extend(self.requested.collect());
        families.extend(self.assigned.collect());
        for told in self.told {
            match told {
                Told::Counter(total) => families.extend(total.collect()),
                Told::Histogram(spec, buckets, histogram) => {
                    let one = std::iter::once((None, histogram));
                    families.push(histograms::family(spec, buckets, one));
                }
            }
        }
        families
    }
}

/// Series whose labels are known before anything is counted begin with 0, whoever has their group: the greatest of what
/// instances tell is the truth.
fn initialised(counter: BusinessCounter, spec: &MetricSpec) -> Result<IntCounterVec> {
    let total = spec.int_counter()?;
    match counter.dims() {
        [] => total.with_label_values::<&str>(&[]).inc_by(0),
        [dim @ (Dim::Waited | Dim::Liability)] => {
            for value in dim.values() {
                total.with_label_values(&[value]).inc_by(0);
            }
        }
        _ => {}
    }
    Ok(total)
}

fn labels<'a>(group: &Group<'a>, partition: i32) -> Vec<Cow<'a, str>> {
    group
        .dims()
        .map(|(dim, value)| bounded::bounded(dim, value, partition))
        .collect()
}
