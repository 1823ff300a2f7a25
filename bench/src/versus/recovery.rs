//! How soon a program with much state is at work again under load: killed, stopped in order, and with nothing left of its
//! state.
//!
//! Orders are created until there are so many; then they are paid one after the other at a steady rate, all over the
//! state, whatever becomes of the program. Times are those of a read_committed consumer of the transitions:
//!
//! * *first output*: the first of an event that was due after the kill (or after the start); what the dead process had
//!   committed does not count;
//! * *zero lag*: every partition has had an output within half a second of the time at which its event was due.
//!
//! The restore is told as records per second: restored records, which must be those that lie in the changelogs behind their
//! low watermarks, over the time from the first restore that began to the last that ended, as the program itself tells it.

use std::time::{Duration, Instant};

use jumun::feed::Feed;
use jumun::generate::{EventSource, GeneratedEvent};

use super::OURS;
use super::aims::{Aim, Bound, Ratio};
use super::context::{Context, turns};
use super::measured::Measured;
use super::open_loop::OpenLoop;
use super::part::Part;
use super::peer::{Peer, Profile};
use super::program::{Program, Running, Site, state_bytes};
use super::schedule::{Schedule, now_us};
use super::stage::Stage;
use super::table::Table;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::order_job::OrderJob;
use crate::orders;
use crate::progress::say;
use crate::table::grouped;

const FIRST_OUTPUT: &str = "kill_to_first_output_seconds";
const ZERO_LAG: &str = "kill_to_zero_lag_seconds";
const RESTART: &str = "clean_start_to_first_output_seconds";
const RESTORE_RATE: &str = "restored_records_per_second";
const RESTORE_SECONDS: &str = "restore_seconds";
const RESTORE_RECORDS: &str = "changelog_records";
/// Size of the state on disk after a clean stop.
pub(super) const STATE_PER_ORDER: &str = "state_bytes_per_order";

const PARTITIONS: i32 = 4;
/// At work before it is disturbed: long enough that some of the state is on disk and some is not.
const AT_WORK: Duration = Duration::from_secs(12);
/// Commits nothing for longer: taken for stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// Until it is at work again.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(10);
/// By so much restored records may differ from those in the changelogs.
const TOLERANCE: f64 = 0.02;

/// Of the peer the tuned setting: static membership and small segments of changelogs are what helps it here.
const PROGRAMS: [&str; 2] = [OURS, Profile::Tuned.name()];

const AIMS: [Aim; 7] = [
    Aim::told(
        "kill -9 to first committed output, s",
        FIRST_OUTPUT,
        2,
        Ratio::TimesLower,
    )
    .bound(Bound::AtLeast(3.0, 5.0)),
    Aim::told("kill -9 to zero lag, s", ZERO_LAG, 2, Ratio::TimesLower),
    Aim::told(
        "clean start to first committed output, s",
        RESTART,
        2,
        Ratio::TimesLower,
    ),
    Aim::told(
        "restore of an empty store, records/s",
        RESTORE_RATE,
        0,
        Ratio::TimesHigher,
    )
    .bound(Bound::AtLeast(2.0, 3.0)),
    Aim::told("  seconds", RESTORE_SECONDS, 2, Ratio::TimesLower),
    Aim::told(
        "  records in the changelogs",
        RESTORE_RECORDS,
        0,
        Ratio::TimesLower,
    ),
    Aim::told(
        "state bytes per order",
        STATE_PER_ORDER,
        0,
        Ratio::TimesLower,
    ),
];

/// All runs that are missing, and the table.
pub(super) fn measure(context: &mut Context<'_>) -> Result<Table> {
    let options = context.options;
    let (orders, load) = (options.orders, options.recovery_load);
    let mut kept = context.kept(Part::Recovery, &format!("{orders}-{load}"), PROGRAMS.len())?;
    turns(&mut kept, options.rounds, &PROGRAMS, |program, _| {
        let (job, peer) = context.programs();
        run(Program::of(program), orders, load, job, peer)
    })?;
    let title = format!(
        "{} orders of state, {} events/s meanwhile, {PARTITIONS} partitions; {} runs of each, in turn",
        grouped(orders),
        grouped(load),
        options.rounds
    );
    Table::of(Part::Recovery, title, &PROGRAMS, &AIMS, kept.into_runs())
}

/// One run of one program on a broker of its own.
fn run(
    program: Program,
    orders: u64,
    events_per_second: u64,
    job: &mut OrderJob,
    peer: Option<&Peer>,
) -> Result<Measured> {
    let mut stage = Stage::start(PARTITIONS)?;
    // The feed is closed before anything is measured.
    orders::create(
        &mut Feed::open(&stage.log, "jumun-bench-orders", &stage.inputs())?,
        orders,
    )?;
    let site = Site::new(program, stage.broker.bootstrap_servers(), PARTITIONS)?;
    let name = program.name();
    say(&format!("{name}: taking {orders} orders in"));
    let mut running = site.start(job, peer)?;
    running.wait_ready()?;
    stage.wait_consumed(&site.application_id, &mut running, PATIENCE)?;

    let watch = Watch::begin(&stage.log, stage.admin.as_mut())?;
    let load = OpenLoop::begin(
        &stage.log,
        stage.inputs(),
        Box::new(Payments::new(orders)),
        Schedule::new(now_us(), events_per_second as f64),
        None,
    )?;
    settle(&watch, &load, &mut running)?;
    say(&format!("{name}: kill -9"));
    let killed = now_us();
    running.kill()?;
    watch.expect_after(now_us());
    let mut running = site.start(job, peer)?;
    let zero_lag = at_work_again(&watch, &load, &mut running)?;
    let first = watch.first().unwrap_or(zero_lag);
    let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e6;
    let (first, zero_lag) = (seconds(killed, first), seconds(killed, zero_lag));
    say(&format!(
        "{name}: first output after {first:.2} s, zero lag after {zero_lag:.2} s"
    ));

    settle(&watch, &load, &mut running)?;
    running.stop()?;
    let started = now_us();
    watch.expect_after(started);
    let mut running = site.start(job, peer)?;
    at_work_again(&watch, &load, &mut running)?;
    let restart = seconds(started, watch.first().unwrap_or(started));
    say(&format!("{name}: started again in {restart:.2} s"));

    load.end()?;
    stage.wait_consumed(&site.application_id, &mut running, PATIENCE)?;
    watch.end()?;
    running.stop()?;
    let state = state_bytes(&site.state())?;
    let (records, restore) = restore(&mut stage, &site, job, peer)?;
    let expected = stage.expected()?;
    // It counts only since it was started last; records are compared all the same.
    let verified = stage.verify(&expected, None)?;
    Ok(Measured::new(name, verified)
        .with(FIRST_OUTPUT, first)
        .with(ZERO_LAG, zero_lag)
        .with(RESTART, restart)
        .with(RESTORE_RATE, records as f64 / restore)
        .with(RESTORE_SECONDS, restore)
        .with(RESTORE_RECORDS, records as f64)
        .with(
            STATE_PER_ORDER,
            state as f64 / expected.orders().max(1) as f64,
        ))
}

/// Starts it without any state; records in the changelogs, and for how long they were restored.
fn restore(
    stage: &mut Stage,
    site: &Site,
    job: &mut OrderJob,
    peer: Option<&Peer>,
) -> Result<(u64, f64)> {
    site.forget_state()?;
    let changelogs = site.changelogs()?;
    let before = stage.records(&changelogs)?;
    let mut running = site.start(job, peer)?;
    running.wait_ready()?;
    let (records, seconds) = running.restored()?;
    running.stop()?;
    let after = stage.records(&changelogs)?;
    let name = site.program.name();
    if !is_all(records, before, after) {
        return Err(Error::failed(format!(
            "{name} restored {records} records; {before} lay in its changelogs before, {after} after: it did not restore \
             all of them, or not once"
        )));
    }
    say(&format!(
        "{name}: {records} changelog records restored in {seconds:.2} s"
    ));
    Ok((records, seconds))
}

/// Whether so many restored records are all that there were: changelogs may be compacted meanwhile.
fn is_all(restored: u64, before: u64, after: u64) -> bool {
    let least = before.min(after) as f64 * (1.0 - TOLERANCE);
    let most = before.max(after) as f64 * (1.0 + TOLERANCE);
    (least..=most).contains(&(restored as f64))
}

/// Lets it work, and waits until it keeps up.
fn settle(watch: &Watch, load: &OpenLoop, running: &mut Running) -> Result<()> {
    std::thread::sleep(AT_WORK);
    watch.expect_after(now_us());
    at_work_again(watch, load, running).map(drop)
}

/// When every partition had a prompt output.
fn at_work_again(watch: &Watch, load: &OpenLoop, running: &mut Running) -> Result<u64> {
    let deadline = Instant::now() + RECOVERY_TIMEOUT;
    loop {
        if let Some(at) = watch.all_prompt() {
            return Ok(at);
        }
        running.is_alive()?;
        watch.is_alive()?;
        if load.is_finished() {
            return Err(Error::failed(
                "every order is paid, or the load has ended; ask for more --orders, or for a smaller --recovery-load",
            ));
        }
        if Instant::now() > deadline {
            return Err(running.failed(&format!(
                "not every partition had a prompt output within {RECOVERY_TIMEOUT:?}"
            )));
        }
        std::thread::sleep(LOOK);
    }
}

/// Pays each order once.
struct Payments {
    orders: u64,
    next: u64,
}

impl Payments {
    fn new(orders: u64) -> Self {
        Self { orders, next: 0 }
    }
}

impl EventSource for Payments {
    fn next_into(&mut self, event: &mut GeneratedEvent) -> bool {
        if self.next == self.orders {
            return false;
        }
        let order = orders::scattered(self.next, self.orders);
        orders::write(event, order, orders::PAID, 1, self.orders + order);
        self.next += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jumun::generate::InputTopic;

    use super::*;

    #[test]
    fn all_records_are_those_before_or_after_a_compaction() {
        assert!(is_all(1_000, 1_000, 1_000) && is_all(900, 1_000, 900) && is_all(950, 1_000, 900));
        assert!(!is_all(970, 1_000, 1_000) && !is_all(1_030, 1_000, 1_000));
        assert!(!is_all(0, 1_000, 1_000));
    }

    #[test]
    fn each_order_is_paid_once() {
        let mut source = Payments::new(1_000);
        let mut event = GeneratedEvent::default();
        let mut keys = HashSet::new();
        while source.next_into(&mut event) {
            assert_eq!(event.topic, InputTopic::Payment);
            assert!(keys.insert(event.key.clone()));
        }
        assert_eq!(keys.len(), 1_000);
    }
}
