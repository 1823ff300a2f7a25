//! Counters and histograms of the merging tasks, and what is known there of orders that are somewhere now.

use std::borrow::Cow;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGaugeVec, Result};
use topology::metrics::MetricSpec;
use topology::task::TaskId;

use super::{bounded, histograms, list};
use crate::domain::aggregates::{
    AggregateValue, Buckets, BusinessAggregate, BusinessCounter, Counted, Group, Histogram,
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
    /// It has no labels, so one task has it; none unless that is here.
    Histogram(&'static MetricSpec, Buckets, Option<Histogram>),
}

impl Totals {
    pub(super) fn new() -> Result<Self> {
        let told = |(counter, spec): &'static (BusinessCounter, MetricSpec)| {
            let Some(buckets) = counter.buckets() else {
                return spec.int_counter().map(Told::Counter);
            };
            Ok(Told::Histogram(spec, buckets, None))
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
                Some(Told::Histogram(_, buckets, told)) => {
                    let read = buckets.read(value);
                    // Behind what it has, 0 is told too.
                    if told.is_none() || read.count > 0 {
                        *told = Some(read);
                    }
                }
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
                    let here = histogram.into_iter().map(|histogram| (None, histogram));
                    families.push(histograms::family(spec, buckets, here));
                }
            }
        }
        families
    }
}

fn labels<'a>(group: &Group<'a>, partition: i32) -> Vec<Cow<'a, str>> {
    group
        .dims()
        .map(|(dim, value)| bounded::bounded(dim, value, partition))
        .collect()
}
