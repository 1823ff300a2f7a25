//! Histograms that were counted elsewhere, as the families that a scrape is made of.

use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};
use topology::metrics::MetricSpec;

use crate::domain::aggregates::{Buckets, Histogram};

/// A family with one histogram for each value of its label, or one without any.
pub(super) fn family(
    spec: &MetricSpec,
    buckets: Buckets,
    histograms: impl Iterator<Item = (Option<String>, Histogram)>,
) -> MetricFamily {
    let metrics = histograms.map(|(label, histogram)| metric(spec, buckets, label, &histogram));
    let mut family = MetricFamily::default();
    family.set_name(spec.name.to_owned());
    family.set_help(spec.help.to_owned());
    family.set_field_type(MetricType::HISTOGRAM);
    family.set_metric(metrics.collect());
    family
}

fn metric(
    spec: &MetricSpec,
    buckets: Buckets,
    label: Option<String>,
    histogram: &Histogram,
) -> Metric {
    let labels = spec.labels.iter().zip(label).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value);
        pair
    });
    let counted = buckets.bounds.iter().zip(&histogram.cumulative);
    let counted = counted.map(|((bound, _), count)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(in_unit(*bound, buckets));
        bucket.set_cumulative_count(*count);
        bucket
    });
    let mut told = proto::Histogram::default();
    told.set_bucket(counted.collect());
    told.set_sample_count(histogram.count);
    told.set_sample_sum(in_unit(histogram.sum, buckets));
    let mut metric = Metric::from_label(labels.collect());
    metric.set_histogram(told);
    metric
}

fn in_unit(number: i64, buckets: Buckets) -> f64 {
    number as f64 / buckets.unit as f64
}
