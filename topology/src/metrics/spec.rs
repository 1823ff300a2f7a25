use std::collections::HashMap;

use prometheus::core::Desc;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Result};

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A classic histogram with these upper bounds, and one without bound.
    Histogram(&'static [f64]),
}

impl MetricKind {
    /// The name in the exposition format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    /// Series that one set of label values takes: a histogram has one per bucket, sum and count.
    pub const fn series(self) -> usize {
        match self {
            Self::Counter | Self::Gauge => 1,
            Self::Histogram(bounds) => bounds.len() + 3,
        }
    }
}

/// One metric: the entry of a list from which it is registered and documented.
///
/// ```
/// use topology::metrics::{MetricKind, MetricSpec};
///
/// const LETTERS: MetricSpec = MetricSpec {
///     name: "post_letters_total",
///     kind: MetricKind::Counter,
///     labels: &["town"],
///     help: "Letters delivered.",
/// };
/// let letters = LETTERS.int_counter()?;
/// letters.with_label_values(&["Seoul"]).inc();
/// # Ok::<(), prometheus::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricSpec {
    /// With prefix and unit.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: MetricKind,
    /// Names of the labels.
    pub labels: &'static [&'static str],
    /// One sentence for whoever meets it in a dashboard.
    pub help: &'static str,
}

impl MetricSpec {
    fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    /// A counter of whole things.
    ///
    /// # Errors
    /// When name or labels are not legal.
    pub fn int_counter(&self) -> Result<IntCounterVec> {
        IntCounterVec::new(self.opts(), self.labels)
    }

    /// A gauge of whole things.
    ///
    /// # Errors
    /// As [`MetricSpec::int_counter`].
    pub fn int_gauge(&self) -> Result<IntGaugeVec> {
        IntGaugeVec::new(self.opts(), self.labels)
    }

    /// A gauge.
    ///
    /// # Errors
    /// As [`MetricSpec::int_counter`].
    pub fn gauge(&self) -> Result<GaugeVec> {
        GaugeVec::new(self.opts(), self.labels)
    }

    /// A histogram; without bounds of its own it has those of the Prometheus client.
    ///
    /// # Errors
    /// As [`MetricSpec::int_counter`].
    pub fn histogram(&self) -> Result<HistogramVec> {
        let opts = HistogramOpts::new(self.name, self.help);
        let opts = match self.kind {
            MetricKind::Histogram(bounds) => opts.buckets(bounds.to_vec()),
            MetricKind::Counter | MetricKind::Gauge => opts,
        };
        HistogramVec::new(opts, self.labels)
    }

    /// For a collector that makes the series when asked.
    ///
    /// # Errors
    /// As [`MetricSpec::int_counter`].
    pub fn desc(&self) -> Result<Desc> {
        let labels = self.labels.iter().map(|label| (*label).to_owned());
        Desc::new(
            self.name.to_owned(),
            self.help.to_owned(),
            labels.collect(),
            HashMap::new(),
        )
    }
}
