//! The order job over a filled backlog: what an event costs, and how fast one catches up.

use super::OURS;
use super::aims::{Aim, Bound, Ratio};
use super::context::{Context, turns};
use super::measured::{
    BROKER_BYTES, BYTES, CPU, CPU_SECOND_HALF, DISK_BYTES, FIRST_COMMIT, Measured, PACE,
    PACE_SECOND_HALF, PEAK, RECORDS,
};
use super::part::Part;
use super::peer::Profile;
use super::table::{MIB, Table};
use crate::error::Result;
use crate::extent::Extent;
use crate::statistics::median;
use crate::table::grouped;

const PROGRAMS: [&str; 3] = [OURS, Profile::Tuned.name(), Profile::Stock.name()];

const AIMS: [Aim; 10] = [
    Aim::told("CPU seconds per million events", CPU, 2, Ratio::TimesLower)
        .bound(Bound::AtLeast(3.5, 6.0)),
    Aim::told(
        "  of the second half",
        CPU_SECOND_HALF,
        2,
        Ratio::TimesLower,
    )
    .bound(Bound::AtLeast(3.5, 6.0)),
    Aim::told("events/s over the backlog", PACE, 0, Ratio::TimesHigher)
        .bound(Bound::AtLeast(2.5, 5.0)),
    Aim::told(
        "  of the second half",
        PACE_SECOND_HALF,
        0,
        Ratio::TimesHigher,
    )
    .bound(Bound::AtLeast(2.5, 5.0)),
    // What is aimed at is told of 365,000 live orders; a backlog leaves fewer.
    Aim::told("peak resident memory, MiB", PEAK, 0, Ratio::TimesLower).per(MIB),
    Aim::told(
        "start to first commit seen, s",
        FIRST_COMMIT,
        2,
        Ratio::TimesLower,
    ),
    Aim::told(
        "records to the broker per event",
        RECORDS,
        3,
        Ratio::TimesLower,
    ),
    Aim::told(
        "keys and values to the broker per event",
        BYTES,
        0,
        Ratio::TimesLower,
    ),
    Aim::told(
        "bytes of the broker's log per event",
        BROKER_BYTES,
        0,
        Ratio::TimesLower,
    ),
    Aim::told("bytes to disk per event", DISK_BYTES, 0, Ratio::TimesLower),
];

fn sizes(context: &Context<'_>) -> String {
    let bench = &context.options.bench;
    format!("{}-{}", bench.events, bench.seed)
}

/// All runs that are missing, and the table.
pub(super) fn measure(context: &mut Context<'_>) -> Result<Table> {
    let options = context.options;
    let mut kept = context.kept(Part::Backlog, &sizes(context), PROGRAMS.len())?;
    turns(
        &mut kept,
        options.bench.runs,
        &PROGRAMS,
        |program, number| {
            let (stand, job, peer) = context.stand()?;
            let done = match Profile::of(program) {
                None => stand.order_job(
                    job,
                    OURS,
                    format!("bench-{OURS}-{number}"),
                    Extent::Compared,
                    &[],
                )?,
                Some(profile) => peer?.run(stand, profile, number)?,
            };
            Ok(Measured::of_run(
                &done.run,
                done.verified,
                stand.backlog.events(),
            ))
        },
    )?;
    let title = format!(
        "{} events, exactly once, commit every {} ms (ours {}, as all of it is backlog), aggregates on, heap of the peer {}; {} runs of each, in turn",
        grouped(options.bench.events),
        options.bench.job.commit_interval_ms,
        options.bench.job.backlog_interval_ms(),
        options.java_heap,
        options.bench.runs,
    );
    Table::of(Part::Backlog, title, &PROGRAMS, &AIMS, kept.into_runs())
}

/// The setting of the peer that was faster, and how many events per second it did, if this part was measured.
pub(super) fn better_peer(context: &Context<'_>) -> Result<Option<(Profile, f64)>> {
    let kept = context.kept(Part::Backlog, &sizes(context), PROGRAMS.len())?;
    let pace = |profile: Profile| {
        let runs = kept.runs().filter(|run| run.program == profile.name());
        let pace = median(runs.filter_map(|run| run.get(PACE)))?;
        Some((profile, pace))
    };
    let paces = [Profile::Tuned, Profile::Stock]
        .into_iter()
        .filter_map(pace);
    Ok(paces.max_by(|one, other| one.1.total_cmp(&other.1)))
}
