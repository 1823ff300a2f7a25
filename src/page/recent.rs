//! Rates and latencies of the last minute, from the difference between two gatherings.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use topology::metrics::list;

use super::families::{Buckets, Families};

/// How far back "recent" reaches.
const SPAN: Duration = Duration::from_secs(60);
/// Gatherings kept, one a second.
const KEPT: usize = 61;
/// Gatherings closer together than this are not both kept.
const APART: Duration = Duration::from_millis(900);

/// What has been going on lately; none where nothing can be said yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recent {
    /// Time looked back on, at most a minute.
    pub(super) seconds: f64,
    /// Input events.
    pub(super) events_per_second: Option<f64>,
    pub(super) commits_per_second: Option<f64>,
    /// Seconds; so are all that follow.
    pub(super) commit_p50: Option<f64>,
    pub(super) commit_p99: Option<f64>,
    /// From a record's timestamp to the commit of all it caused.
    pub(super) latency_p50: Option<f64>,
    pub(super) latency_p99: Option<f64>,
}

#[derive(Clone, Debug)]
struct Gathering {
    at: Duration,
    events: f64,
    commits: Buckets,
    latencies: Buckets,
}

/// Gatherings of the last minute.
#[derive(Debug, Default)]
pub(super) struct Memory(VecDeque<Gathering>);

impl Memory {
    /// Takes the metrics at a (monotonic) time, and compares them with those of a minute ago, or the oldest known.
    pub(super) fn observe(&mut self, at: Duration, families: &Families) -> Recent {
        let now = Gathering {
            at,
            events: events(families).unwrap_or(0.0),
            commits: histogram(families, list::COMMIT.name),
            latencies: histogram(families, list::END_TO_END_LATENCY.name),
        };
        let old = |then: &Gathering| at.saturating_sub(then.at) > SPAN;
        while self.0.len() >= KEPT || self.0.front().is_some_and(old) {
            self.0.pop_front();
        }
        let recent = self.0.front().map(|then| difference(then, &now));
        // However many ask, what is kept reaches back for its minute.
        let is_dense = |last: &Gathering| at.saturating_sub(last.at) < APART;
        if !self.0.back().is_some_and(is_dense) {
            self.0.push_back(now);
        }
        recent.unwrap_or_default()
    }
}

/// Events taken from the job's inputs, repartition topics left out; none before the metrics tell of any.
pub(super) fn events(families: &Families) -> Option<f64> {
    let by_kind = families.by_label(list::RECORDS_IN.name, "kind")?;
    by_kind.get("source").copied()
}

fn histogram(families: &Families, name: &str) -> Buckets {
    families.histogram(name).unwrap_or_default()
}

fn difference(then: &Gathering, now: &Gathering) -> Recent {
    let seconds = now.at.saturating_sub(then.at).as_secs_f64();
    if seconds <= 0.0 {
        return Recent::default();
    }
    let commits = since(&then.commits, &now.commits);
    let latencies = since(&then.latencies, &now.latencies);
    Recent {
        seconds,
        events_per_second: Some((now.events - then.events).max(0.0) / seconds),
        commits_per_second: Some(commits.count as f64 / seconds),
        commit_p50: quantile(0.5, &commits),
        commit_p99: quantile(0.99, &commits),
        latency_p50: quantile(0.5, &latencies),
        latency_p99: quantile(0.99, &latencies),
    }
}

fn since(then: &Buckets, now: &Buckets) -> Buckets {
    let bounds = now
        .bounds
        .iter()
        .enumerate()
        .map(|(index, (bound, count))| {
            let before = then.bounds.get(index).map_or(0, |(_, before)| *before);
            (*bound, count.saturating_sub(before))
        });
    Buckets {
        bounds: bounds.collect(),
        count: now.count.saturating_sub(then.count),
        sum: (now.sum - then.sum).max(0.0),
    }
}

/// The quantile within its bucket by straight line, as Prometheus' `histogram_quantile`; beyond the last bound, that
/// bound.
fn quantile(share: f64, buckets: &Buckets) -> Option<f64> {
    if buckets.count == 0 {
        return None;
    }
    let rank = share * buckets.count as f64;
    let (mut lower, mut below) = (0.0, 0_u64);
    for (bound, count) in &buckets.bounds {
        if *count as f64 >= rank {
            let inside = count.saturating_sub(below) as f64;
            let part = if inside > 0.0 {
                (rank - below as f64) / inside
            } else {
                1.0
            };
            return Some(lower + (bound - lower) * part);
        }
        (lower, below) = (*bound, *count);
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{Histogram, HistogramOpts, Registry};

    fn buckets(counts: &[(f64, u64)], count: u64) -> Buckets {
        Buckets {
            bounds: counts.to_vec(),
            count,
            sum: 0.0,
        }
    }

    #[test]
    fn a_quantile_lies_on_a_straight_line_within_its_bucket() {
        let all = buckets(&[(0.1, 50), (0.2, 100)], 100);
        assert_eq!(quantile(0.5, &all), Some(0.1));
        let p75 = quantile(0.75, &all).unwrap();
        assert!((p75 - 0.15).abs() < 1e-9, "{p75}");
        assert_eq!(quantile(0.99, &buckets(&[(0.1, 1)], 100)), Some(0.1));
        assert_eq!(quantile(0.5, &buckets(&[(0.1, 0)], 0)), None);
    }

    #[test]
    fn rates_are_over_the_last_minute_at_most() {
        let registry = Registry::new();
        let records = list::RECORDS_IN.int_counter().unwrap();
        let options = HistogramOpts::new(list::COMMIT.name, "x").buckets(vec![1.0]);
        let commits = Histogram::with_opts(options).unwrap();
        registry.register(Box::new(records.clone())).unwrap();
        registry.register(Box::new(commits.clone())).unwrap();
        let mut memory = Memory::default();
        let mut observe = |second| {
            let families = Families::gather(&registry);
            memory.observe(Duration::from_secs(second), &families)
        };
        assert_eq!(observe(0), Recent::default());
        records.with_label_values(&["a", "source"]).inc_by(700);
        records.with_label_values(&["b", "source"]).inc_by(300);
        // What the job sends to itself is no event.
        records.with_label_values(&["c", "repartition"]).inc_by(5);
        commits.observe(0.5);
        let recent = observe(10);
        assert_eq!(recent.events_per_second, Some(100.0));
        assert_eq!(recent.commits_per_second, Some(0.1));
        assert_eq!(recent.commit_p50, Some(0.5));
        // The first thousand lie more than a minute back.
        records.with_label_values(&["a", "source"]).inc_by(50);
        let recent = observe(70);
        assert_eq!(recent.seconds, 60.0);
        assert_eq!(recent.events_per_second, Some(50.0 / 60.0));
        assert_eq!(recent.commit_p50, None);
        // Nobody watched for a while.
        let recent = observe(500);
        assert_eq!(recent, Recent::default());
    }
}
