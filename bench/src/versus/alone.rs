//! Latency of ours alone at a steady load: latencies, lag over time, and CPU.

use std::fmt::Write;
use std::time::Duration;

use super::latency::{
    self, CORES, LAG_BEGIN, LAG_END, LAG_LARGEST, LATE_P99, LONGEST, Load, P50, P99, P999,
};
use super::measured::{Measured, PEAK};
use super::program::Program;
use super::table::MIB;
use crate::error::{Error, Result};
use crate::options::{Format, LatencyOptions};
use crate::order_job::OrderJob;
use crate::results;
use crate::table::grouped;

/// Runs once and tells. A run that is no figure is an error.
pub(crate) fn alone(options: &LatencyOptions) -> Result<()> {
    let mut job = OrderJob::new(&options.job)?;
    let load = Load {
        events_per_second: options.rate,
        partitions: options.partitions,
        warm_up_events: options.warm_up_events,
        lead: Duration::from_secs(options.lead_seconds),
        time: Duration::from_secs(options.seconds),
        seed: options.seed,
    };
    let told = latency::run(Program::Ours, &load, &mut job, None)?;
    match options.format {
        Format::Text => super::print(&text(&told.measured, options)),
        Format::Json => super::print(&results::json(&told.measured)?),
    }
    match told.invalid {
        None => Ok(()),
        Some(why) => Err(Error::failed(format!("the run is invalid: {why}"))),
    }
}

fn text(measured: &Measured, options: &LatencyOptions) -> String {
    let of = |figure: &str| measured.get(figure).unwrap_or(f64::NAN);
    let mut text = format!(
        "{} events/s on {} partitions for {} s, commit every {} ms\nverified: {}\n\n",
        grouped(options.rate),
        options.partitions,
        options.seconds,
        options.job.commit_interval_ms,
        measured.verified
    );
    for (name, value, decimals) in [
        ("end-to-end p50, ms", of(P50), 1),
        ("end-to-end p99, ms", of(P99), 1),
        ("end-to-end p99.9, ms", of(P999), 1),
        ("end-to-end longest, ms", of(LONGEST), 1),
        ("lag in the first quarter, events", of(LAG_BEGIN), 0),
        ("lag in the last quarter, events", of(LAG_END), 0),
        ("largest lag, events", of(LAG_LARGEST), 0),
        ("CPU cores used", of(CORES), 3),
        ("peak resident memory, MiB", of(PEAK) / MIB, 1),
        ("generator late at p99, ms", of(LATE_P99), 2),
    ] {
        let _ = writeln!(text, "{name:36}{value:>12.decimals$}");
    }
    text
}
