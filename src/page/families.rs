//! Figures by name from metrics as gathered once, so that the page and `/metrics` cannot disagree.

use std::collections::BTreeMap;

use prometheus::Registry;
use prometheus::proto::{Metric, MetricFamily, MetricType};

/// Metrics at one moment.
pub(super) struct Families(Vec<MetricFamily>);

/// A histogram's buckets: upper bounds in base units, counts up to each, and the count and sum of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets {
    pub(super) bounds: Vec<(f64, u64)>,
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Families {
    pub(super) fn gather(registry: &Registry) -> Self {
        Self(registry.gather())
    }

    fn family(&self, name: &str) -> Option<&MetricFamily> {
        self.0.iter().find(|family| family.name() == name)
    }

    /// The sum over all series of a counter or gauge; none where there is no such family.
    pub(super) fn sum(&self, name: &str) -> Option<f64> {
        let family = self.family(name)?;
        let values = family.get_metric().iter();
        Some(values.map(|metric| value(family, metric)).sum())
    }

    /// The largest value of a gauge over its series; none where there is no series.
    pub(super) fn max(&self, name: &str) -> Option<f64> {
        let family = self.family(name)?;
        let values = family.get_metric().iter();
        values.map(|metric| value(family, metric)).reduce(f64::max)
    }

    /// The smallest value of a gauge over its series; none where there is no series.
    pub(super) fn min(&self, name: &str) -> Option<f64> {
        let family = self.family(name)?;
        let values = family.get_metric().iter();
        values.map(|metric| value(family, metric)).reduce(f64::min)
    }

    /// The sums of a counter or gauge by the values of one label; none where there is no such family.
    pub(super) fn by_label(&self, name: &str, by: &str) -> Option<BTreeMap<String, f64>> {
        let sums = self.by_labels(name, [by])?;
        Some(sums.into_iter().map(|([by], sum)| (by, sum)).collect())
    }

    /// The same by several labels.
    pub(super) fn by_labels<const N: usize>(
        &self,
        name: &str,
        by: [&str; N],
    ) -> Option<BTreeMap<[String; N], f64>> {
        let family = self.family(name)?;
        let mut sums = BTreeMap::new();
        for metric in family.get_metric() {
            let key = by.map(|by| label(metric, by).to_owned());
            *sums.entry(key).or_insert(0.0) += value(family, metric);
        }
        Some(sums)
    }

    /// A histogram, its series added up.
    pub(super) fn histogram(&self, name: &str) -> Option<Buckets> {
        let family = self.family(name)?;
        let mut all = Buckets::default();
        for metric in family.get_metric() {
            let histogram = metric.get_histogram();
            all.count += histogram.get_sample_count();
            all.sum += histogram.get_sample_sum();
            for (index, bucket) in histogram.get_bucket().iter().enumerate() {
                match all.bounds.get_mut(index) {
                    Some((_, count)) => *count += bucket.cumulative_count(),
                    None => all
                        .bounds
                        .push((bucket.upper_bound(), bucket.cumulative_count())),
                }
            }
        }
        Some(all)
    }
}

fn value(family: &MetricFamily, metric: &Metric) -> f64 {
    match family.get_field_type() {
        MetricType::COUNTER => metric.get_counter().get_value(),
        MetricType::GAUGE => metric.get_gauge().get_value(),
        _ => 0.0,
    }
}

fn label<'a>(metric: &'a Metric, name: &str) -> &'a str {
    let labels = metric.get_label().iter();
    labels
        .filter(|label| label.name() == name)
        .map(|label| label.value())
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{HistogramOpts, HistogramVec, IntGaugeVec, Opts};

    #[test]
    fn figures_are_sums_over_the_labels_not_asked_for() {
        let registry = Registry::new();
        let labels = ["sido", "status"];
        let gauge = IntGaugeVec::new(Opts::new("order_in_flight", "x"), &labels).unwrap();
        gauge.with_label_values(&["서울특별시", "COOKING"]).set(3);
        gauge.with_label_values(&["부산광역시", "COOKING"]).set(4);
        gauge.with_label_values(&["부산광역시", "READY"]).set(5);
        registry.register(Box::new(gauge)).unwrap();
        let families = Families::gather(&registry);
        assert_eq!(families.sum("order_in_flight"), Some(12.0));
        let by = families.by_label("order_in_flight", "status").unwrap();
        assert_eq!(by["COOKING"], 7.0);
        assert_eq!(by["READY"], 5.0);
        let by = families.by_labels("order_in_flight", ["status", "sido"]);
        assert_eq!(by.unwrap().len(), 3);
        assert_eq!(families.max("order_in_flight"), Some(5.0));
        assert_eq!(families.min("order_in_flight"), Some(3.0));
    }

    #[test]
    fn a_family_that_is_absent_is_not_zero() {
        let families = Families::gather(&Registry::new());
        assert_eq!(families.sum("order_created_total"), None);
        assert_eq!(families.by_label("order_created_total", "sido"), None);
        assert_eq!(families.histogram("topology_commit_seconds"), None);
    }

    #[test]
    fn histograms_of_several_series_are_added_up() {
        let registry = Registry::new();
        let options = HistogramOpts::new("h", "x").buckets(vec![1.0, 2.0]);
        let histogram = HistogramVec::new(options, &["phase"]).unwrap();
        histogram.with_label_values(&["a"]).observe(0.5);
        histogram.with_label_values(&["b"]).observe(1.5);
        histogram.with_label_values(&["b"]).observe(9.0);
        registry.register(Box::new(histogram)).unwrap();
        let all = Families::gather(&registry).histogram("h").unwrap();
        assert_eq!(all.bounds, [(1.0, 1), (2.0, 2)]);
        assert_eq!((all.count, all.sum), (3, 11.0));
    }
}
