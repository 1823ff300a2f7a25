//! `docs/metrics.md` is made of the lists that the metrics are registered from, and their series stay within the budget.

use std::fmt::Write;

use topology::metrics::MetricSpec;

use crate::support::made_document::{self, WRITE};
use crate::support::series;

fn table(out: &mut String, metrics: &[(&MetricSpec, usize)]) {
    out.push_str("| Metric | Kind | Labels | Series | Meaning |\n|---|---|---|---:|---|\n");
    for (spec, series) in metrics {
        let labels: Vec<String> = spec
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        writeln!(
            out,
            "| `{}` | {} | {} | {series} | {} |",
            spec.name,
            spec.kind.name(),
            labels.join(", "),
            spec.help
        )
        .unwrap();
    }
}

fn documentation() -> String {
    let all = series::all();
    let (engine, business): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(spec, _)| spec.name.starts_with("topology_"));
    let sum = |metrics: &[(&MetricSpec, usize)]| -> usize {
        metrics.iter().map(|(_, series)| series).sum()
    };
    let (of_engine, of_business) = (sum(&engine), sum(&business));
    let mut out = format!(
        "# Metrics

What `/metrics` exposes. Written by `{WRITE}=1 cargo test --release --test all metrics_documentation` from the lists
in `topology/src/metrics/list.rs` and `src/job/metrics/list.rs`; the test fails when this file differs from them.

*Series* is the most that one instance can have which runs all tasks, with {} partitions of the inputs and {} merging tasks: {of_engine} of the
engine and {of_business} of the business, {} in all. The budget is {}. A histogram counts with all its buckets.

## Business (`order_`)

From committed state only: a restart, a crash or a move neither repeats nor loses a count. Each series is told by the
instance that runs its task, so two instances may tell it for a moment, or none: read what
`grafana/rules/jumun.recording.yml` makes of it, which bridges both. Orders are counted by sido, and separately by
category, never by both; histograms have no labels but of lags. Series of orders appear with the first order they count, those
whose labels are known before begin with 0; a sido or category that is not known counts under `other-<merging task>`.
Money is by sido alone, refunds, discounts and riders lost by nothing, because of the budget. Status is the display status; `reason` is empty where there is none.

",
        series::PARTITIONS,
        series::MERGING,
        of_engine + of_business,
        series::BUDGET,
    );
    table(&mut out, &business);
    out.push_str(
        "
## Engine (`topology_`)

Of this instance. Counts of records move when their transaction is committed. Moments are Unix timestamps: how long ago
they were is `time() - …`. Gauges are sampled five times a second, those of RocksDB every three seconds.

",
    );
    table(&mut out, &engine);
    out
}

#[test]
fn the_documentation_is_that_of_the_lists() {
    made_document::compare("metrics.md", &documentation());
}

#[test]
fn series_stay_within_the_budget() {
    let sum: usize = series::all().iter().map(|(_, series)| series).sum();
    assert!(sum <= series::BUDGET, "{sum} series");
}
