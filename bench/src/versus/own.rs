//! Ours against what it cannot be cheaper than, and against a weaker promise: the order job without aggregates exactly
//! once and at least once, and the floor, which sends as much and does nothing else.

use super::aims::{Aim, Bound, Ratio};
use super::context::{Context, turns};
use super::measured::{CPU, Measured, PACE, PEAK};
use super::part::Part;
use super::table::{MIB, Table};
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::floor_run::{self, FLOOR};
use crate::profile::Profile;
use crate::table::grouped;

const EXACTLY_ONCE: &str = "exactly once";
const AT_LEAST_ONCE: &str = "at least once";
const PROGRAMS: [&str; 3] = [EXACTLY_ONCE, AT_LEAST_ONCE, FLOOR];

const AIMS: [Aim; 5] = [
    Aim::told(
        "CPU s per million events, to the floor",
        CPU,
        2,
        Ratio::Of(FLOOR),
    )
    .bound(Bound::AtMost(1.8, 1.3)),
    Aim::told(
        "events/s, to at least once",
        PACE,
        0,
        Ratio::Of(AT_LEAST_ONCE),
    )
    .bound(Bound::AtLeast(0.9, 0.93)),
    Aim::told(
        "CPU s per million, to at least once",
        CPU,
        2,
        Ratio::Of(AT_LEAST_ONCE),
    ),
    Aim::told("events/s, to the floor", PACE, 0, Ratio::Of(FLOOR)),
    Aim::told(
        "peak resident memory, MiB, to the floor",
        PEAK,
        0,
        Ratio::Of(FLOOR),
    )
    .per(MIB),
];

/// All runs that are missing, and the table.
pub(super) fn measure(context: &mut Context<'_>) -> Result<Table> {
    let options = context.options;
    let bench = &options.bench;
    let sizes = format!("{}-{}", bench.events, bench.seed);
    let mut kept = context.kept(Part::Own, &sizes, PROGRAMS.len())?;
    let mut produced: Option<Profile> = None;
    turns(&mut kept, options.rounds, &PROGRAMS, |program, number| {
        let (stand, job, _) = context.stand()?;
        let events = stand.backlog.events();
        if program == FLOOR {
            // A round is taken up from its beginning.
            let produced = produced
                .as_ref()
                .ok_or_else(|| Error::failed("nobody told the floor what to produce"))?;
            let group = format!("own-floor-{number}");
            let interval = bench.job.backlog_interval_ms();
            let run = floor_run::measure(stand, interval, group, produced)?;
            let verified = "as many records and bytes as the job".to_owned();
            return Ok(Measured::of_run(&run, verified, events));
        }
        let (group, guarantee) = match program {
            AT_LEAST_ONCE => ("own-at-least-once", "at_least_once"),
            _ => ("own-exactly-once", "exactly_once_v2"),
        };
        let guarantee = format!("application.processing_guarantee={guarantee}");
        let group = format!("{group}-{number}");
        let done = stand.order_job(job, program, group, Extent::Judging, &[&guarantee])?;
        if program == EXACTLY_ONCE {
            produced = Some(done.profile);
        }
        Ok(Measured::of_run(&done.run, done.verified, events))
    })?;
    let title = format!(
        "{} events, the order job without aggregates; {} runs of each, in turn; ratios of the first column",
        grouped(bench.events),
        options.rounds
    );
    Table::of(Part::Own, title, &PROGRAMS, &AIMS, kept.into_runs())
}
