//! Memory and state with many live orders: a backlog of a market in which so many orders are open when it ends.

use super::OURS;
use super::aims::{Aim, Bound, Ratio};
use super::context::{Context, turns};
use super::measured::{BROKER_BYTES, DISK_BYTES, Measured, PEAK, STATE_BYTES};
use super::part::Part;
use super::peer::Profile;
use super::recovery::STATE_PER_ORDER;
use super::table::{MIB, Table};
use crate::backlog::Stream;
use crate::error::Result;
use crate::extent::Extent;
use crate::stand::Stand;
use crate::table::grouped;

const PROGRAMS: [&str; 3] = [OURS, Profile::Tuned.name(), Profile::Stock.name()];

const AIMS: [Aim; 5] = [
    Aim::told("peak resident memory, MiB", PEAK, 0, Ratio::TimesLower)
        .per(MIB)
        .bound(Bound::AtLeast(5.0, 8.0)),
    Aim::told("state on disk, MiB", STATE_BYTES, 1, Ratio::TimesLower).per(MIB),
    Aim::told(
        "state bytes per order",
        STATE_PER_ORDER,
        0,
        Ratio::TimesLower,
    ),
    Aim::told("bytes to disk per event", DISK_BYTES, 0, Ratio::TimesLower),
    Aim::told(
        "bytes of the broker's log per event",
        BROKER_BYTES,
        0,
        Ratio::TimesLower,
    ),
];

/// All runs that are missing, and the table.
pub(super) fn measure(context: &mut Context<'_>) -> Result<Table> {
    let options = context.options;
    let orders = options.live_orders;
    let sizes = format!("{orders}-{}", options.bench.seed);
    let mut kept = context.kept(Part::Memory, &sizes, PROGRAMS.len())?;
    let stream = Stream::LiveOrders(usize::try_from(orders).unwrap_or(usize::MAX));
    let mut stand: Option<Stand> = None;
    turns(&mut kept, options.rounds, &PROGRAMS, |program, number| {
        let stand = match &mut stand {
            Some(stand) => stand,
            none => none.insert(Stand::start(&options.bench.filling(stream))?),
        };
        let (job, peer) = context.programs();
        let done = match (Profile::of(program), peer) {
            (Some(profile), Some(peer)) => peer.run(stand, profile, number)?,
            _ => stand.order_job(job, OURS, format!("memory-{number}"), Extent::Compared, &[])?,
        };
        let state = done.run.state_bytes as f64;
        let orders = stand.expected.orders().max(1) as f64;
        let events = stand.backlog.events();
        Ok(
            Measured::of_run(&done.run, done.verified, events)
                .with(STATE_PER_ORDER, state / orders),
        )
    })?;
    let title = format!(
        "{} live orders at the end of a backlog; {} runs of each, in turn",
        grouped(orders),
        options.rounds
    );
    Table::of(Part::Memory, title, &PROGRAMS, &AIMS, kept.into_runs())
}
