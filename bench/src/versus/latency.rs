//! End-to-end latency of one program at a steady load: an open loop on a schedule that is decided beforehand, from the
//! time at which an event should have been sent to the moment at which a read_committed consumer has what came of it.
//!
//! The stream is one without faults, so that nothing waits by intention. How many outputs must come is told by the
//! reference model, from the inputs as they lie in the topics; without all of them there is no figure, and none if the
//! generator was late or the program did not keep up.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jumun::generate::{DayCurve, Generator, GeneratorConfig, Rate};

use super::OURS;
use super::aims::{Aim, Bound, Ratio};
use super::backlog;
use super::context::{Context, turns};
use super::histogram::Latencies;
use super::measured::{Measured, PEAK};
use super::open_loop::{LATEST_MS, OpenLoop, Sent, Source};
use super::part::Part;
use super::peer::{Peer, Profile};
use super::program::{Program, Running, Site};
use super::schedule::{Schedule, now_us};
use super::spaced::Spaced;
use super::stage::Stage;
use super::table::{MIB, Table};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::options::CompareOptions;
use crate::order_job::{OrderJob, PARTITIONS};
use crate::progress::{Progress, say};
use crate::statistics::median;
use crate::table::grouped;

pub(super) const P50: &str = "latency_p50_ms";
pub(super) const P99: &str = "latency_p99_ms";
pub(super) const P999: &str = "latency_p99_9_ms";
pub(super) const LONGEST: &str = "latency_max_ms";
/// Cores' worth of CPU time that the process took while latencies were measured.
pub(super) const CORES: &str = "cpu_cores";
/// Events per second.
pub(super) const LOAD: &str = "load_events_per_second";
/// How late the generator was at the 99th percentile.
pub(super) const LATE_P99: &str = "generator_late_p99_ms";
/// Median lag, in events, in the first and the last quarter of the run, and the largest.
pub(super) const LAG_BEGIN: &str = "lag_first_quarter_events";
pub(super) const LAG_END: &str = "lag_last_quarter_events";
pub(super) const LAG_LARGEST: &str = "lag_largest_events";

/// Not measured at the beginning of the schedule, where two programs stand beside each other.
const LEAD: Duration = Duration::from_secs(2);
/// Between the moment at which the schedule is made and its first event.
const AHEAD_US: u64 = 300_000;
/// Events of the warm-up have timestamps as at this many events per second, if the load is not higher.
const WARM_UP_LOAD: u64 = 20_000;
/// The market of the stream has so many times as many events per second, when its first orders come to their ends: what
/// happens in it is hardly compressed.
const FASTER: u64 = 2;
/// Between two events of an order, when they are sent.
const DISTANCE: Duration = Duration::from_secs(2);
/// Behind the last event, whoever takes longer than this for the rest did not keep up.
const KEPT_UP: Duration = Duration::from_secs(2);
/// Until what was committed is with the consumer.
const TAIL: Duration = Duration::from_secs(10);
const SAMPLE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(120);

/// What a program is put under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) events_per_second: u64,
    pub(super) partitions: i32,
    /// Events before the schedule begins, as fast as a backlog.
    pub(super) warm_up_events: u64,
    /// Not measured at the beginning of the schedule.
    pub(super) lead: Duration,
    /// What is measured.
    pub(super) time: Duration,
    /// Chooses the events.
    pub(super) seed: u64,
}

impl Load {
    /// On four partitions.
    fn of(options: &CompareOptions, events_per_second: u64) -> Self {
        Self {
            events_per_second,
            partitions: PARTITIONS,
            warm_up_events: options.warm_up_events,
            lead: LEAD,
            time: Duration::from_secs(options.seconds),
            seed: options.bench.seed,
        }
    }
}

/// A run, and why it is no figure.
pub(super) struct Told {
    pub(super) measured: Measured,
    /// None of a valid run.
    pub(super) invalid: Option<String>,
}

const AIMS: [Aim; 7] = [
    Aim::told("end-to-end p99, ms", P99, 1, Ratio::TimesLower).bound(Bound::AtLeast(2.0, 3.0)),
    Aim::told("p50, ms", P50, 1, Ratio::TimesLower),
    Aim::told("p99.9, ms", P999, 1, Ratio::TimesLower),
    Aim::told("longest, ms", LONGEST, 1, Ratio::TimesLower),
    Aim::told("CPU cores used", CORES, 3, Ratio::TimesLower),
    Aim::told("largest lag, events", LAG_LARGEST, 0, Ratio::TimesLower),
    Aim::told("peak resident memory, MiB", PEAK, 0, Ratio::TimesLower).per(MIB),
];

/// Partitions of the inputs at the quiet load.
const QUIET_PARTITIONS: i32 = 24;
/// Of what the peer can do over a backlog.
const BUSY_SHARE: f64 = 0.7;
/// An invalid run is tried again so many times.
const TRIES: u32 = 6;

/// All runs that are missing at the quiet load, and the table.
pub(super) fn measure_quiet(context: &mut Context<'_>) -> Result<Table> {
    let programs = [OURS, Profile::Tuned.name(), Profile::Stock.name()];
    let load = Load {
        partitions: QUIET_PARTITIONS,
        ..Load::of(context.options, context.options.quiet_load)
    };
    measure(context, Part::LatencyQuiet, &programs, load, false)
}

/// The same at 70 % of what the better setting of the peer did over the backlog. It alone stands beside ours: what the
/// other cannot do at all is no latency. Nor is that load what both can do while events come in: it is lowered by a fifth,
/// and all runs begin anew, when the generator is late or a program does not keep up.
pub(super) fn measure_busy(context: &mut Context<'_>) -> Result<Table> {
    let better = backlog::better_peer(context)?;
    let load = match (context.options.busy_load, better) {
        (Some(load), _) => load,
        (None, Some((_, pace))) => (pace * BUSY_SHARE) as u64,
        (None, None) => {
            return Err(Error::failed(
                "the load of latency-busy is 70 % of what the peer does over the backlog, which was not measured yet; \
                 measure the backlog first, or give a load with --busy-load",
            ));
        }
    };
    let profile = better.map_or(Profile::Tuned, |(profile, _)| profile);
    let may_lower = context.options.busy_load.is_none();
    let load = Load::of(context.options, load);
    let programs = [OURS, profile.name()];
    measure(context, Part::LatencyBusy, &programs, load, may_lower)
}

fn measure(
    context: &mut Context<'_>,
    part: Part,
    programs: &[&'static str],
    mut load: Load,
    may_lower: bool,
) -> Result<Table> {
    let options = context.options;
    let sizes = format!(
        "{}-{}-{}-{}",
        options.seconds,
        options.warm_up_events,
        options.bench.seed,
        // Runs at a load that was lowered go on at that.
        if may_lower { 0 } else { load.events_per_second },
    );
    let mut kept = context.kept(part, &sizes, programs.len())?;
    if let Some(lowered) = kept.runs().find_map(|run| run.get(LOAD)) {
        load.events_per_second = lowered as u64;
    }
    let mut tries = 1;
    loop {
        let mut invalid = None;
        let done = turns(&mut kept, options.rounds, programs, |program, _| {
            let (job, peer) = context.programs();
            let told = run(Program::of(program), &load, job, peer)?;
            match told.invalid {
                None => Ok(told.measured),
                Some(why) => {
                    let error = Error::failed(format!("{program}: an invalid run, {why}"));
                    invalid = Some(why);
                    Err(error)
                }
            }
        });
        match (done, invalid) {
            (Ok(()), _) => break,
            (Err(error), Some(_)) if tries < TRIES => say(&error.to_string()),
            (Err(error), _) => return Err(error),
        }
        tries += 1;
        if may_lower {
            load.events_per_second = load.events_per_second * 4 / 5;
            kept.clear()?;
            say(&format!(
                "beginning anew at {} events/s",
                grouped(load.events_per_second)
            ));
        }
    }
    let title = format!(
        "{} events/s on {} partitions for {} s, in an open loop, behind {} events of warming up; {} runs of each, in turn",
        grouped(load.events_per_second),
        load.partitions,
        options.seconds,
        grouped(load.warm_up_events),
        options.rounds
    );
    Table::of(part, title, programs, &AIMS, kept.into_runs())
}

/// One run of one program on a broker of its own.
pub(super) fn run(
    program: Program,
    load: &Load,
    job: &mut OrderJob,
    peer: Option<&Peer>,
) -> Result<Told> {
    let mut stage = Stage::start(load.partitions)?;
    let source = warm_up(&stage, load)?;
    let site = Site::new(program, stage.broker.bootstrap_servers(), load.partitions)?;
    let watch = Watch::begin(&stage.log, stage.admin.as_mut())?;
    say(&format!("warming up {}", program.name()));
    let mut running = site.start(job, peer)?;
    running.wait_ready()?;
    stage.wait_consumed(&site.application_id, &mut running, PATIENCE)?;
    let mut during = During::begin(&stage, &watch, load, source)?;
    let sent = during.wait(&stage, &site, &mut running, &watch)?;
    let last = Instant::now();
    stage.wait_consumed(&site.application_id, &mut running, PATIENCE)?;
    let drained = last.elapsed();

    let late = sent.lateness.at(0.99);
    let invalid = why_invalid(late, drained);
    let peak = running.usage()?.peak_resident_bytes;
    let (latencies, verified) = match &invalid {
        // What is no figure need not be verified.
        Some(why) => {
            let latencies = watch.latencies();
            watch.end()?;
            running.stop()?;
            (latencies, format!("nothing, for {why}"))
        }
        None => verified(&mut stage, running, watch)?,
    };
    if latencies.len() == 0 {
        return Err(Error::failed(
            "no latency was measured; ask for more seconds",
        ));
    }
    let mut measured = Measured::new(program.name(), verified)
        .with(P50, latencies.at(0.5))
        .with(P99, latencies.at(0.99))
        .with(P999, latencies.at(0.999))
        .with(LONGEST, latencies.at(1.0))
        .with(CORES, during.cores()?)
        .with(LOAD, load.events_per_second as f64)
        .with(LATE_P99, late)
        .with(PEAK, peak as f64);
    for (figure, lag) in [LAG_BEGIN, LAG_END, LAG_LARGEST]
        .into_iter()
        .zip(during.lags())
    {
        measured = measured.with(figure, lag);
    }
    measured.distribution = latencies.distribution();
    say(&format!(
        "{:22} {} events/s: p50 {:.0} ms, p99 {:.0} ms, {:.2} cores; {} latencies; the generator was {late:.2} ms late at p99",
        program.name(),
        load.events_per_second,
        latencies.at(0.5),
        latencies.at(0.99),
        during.cores()?,
        latencies.len(),
    ));
    Ok(Told { measured, invalid })
}

/// The latencies, once as many outputs came as must and all are as they must be.
fn verified(stage: &mut Stage, running: Running, watch: Watch) -> Result<(Latencies, String)> {
    let counts = running.counted(stage.events()?)?;
    let expected = stage.expected()?;
    let came = wait_records(&watch, expected.transitions())?;
    let latencies = watch.latencies();
    watch.end()?;
    running.stop()?;
    let verified = stage.verify(&expected, Some(counts))?;
    if came != expected.transitions() {
        return Err(Error::failed(format!(
            "there is no figure: {came} transitions came to the consumer, {} lie in the topic",
            expected.transitions()
        )));
    }
    Ok((latencies, verified))
}

fn why_invalid(late_ms: f64, drained: Duration) -> Option<String> {
    if late_ms > LATEST_MS {
        return Some(format!(
            "the generator was {late_ms:.1} ms late at the 99th percentile ({LATEST_MS} are allowed)"
        ));
    }
    (drained > KEPT_UP).then(|| {
        format!(
            "the program did not keep up: it worked for {:.1} s behind the last event",
            drained.as_secs_f64()
        )
    })
}

/// Events of a market without faults, those of an order so far from each other that it does not matter how far inputs are
/// ahead of each other. What happens in the market lies some hours back; records carry the time at which they are due.
fn source(load: &Load) -> Source {
    const BACK_MS: u64 = 6 * 3_600_000;
    let now = Timestamp::now().as_millisecond().unsigned_abs();
    let market = (load.events_per_second * FASTER).max(WARM_UP_LOAD);
    let config = GeneratorConfig {
        day_curve: DayCurve::Flat,
        rate: Rate::EventsPerSecond(market as f64),
        ..GeneratorConfig::new(load.seed, now.saturating_sub(BACK_MS))
    };
    let distance = load.events_per_second * DISTANCE.as_secs();
    Box::new(Spaced::new(Generator::new(config), distance))
}

/// Sends the first events, as a backlog that the program will find: a JIT compiler has seen its work when it is done.
fn warm_up(stage: &Stage, load: &Load) -> Result<Source> {
    let fastest = load.events_per_second.max(WARM_UP_LOAD) as f64;
    let past = load.warm_up_events as f64 / fastest * 1e6;
    // All of them are due.
    let schedule = Schedule::new(now_us().saturating_sub(past as u64), fastest);
    let events = Some(load.warm_up_events);
    let mut progress = Progress::start("sending events to warm up with", load.warm_up_events);
    let open_loop = OpenLoop::begin(&stage.log, stage.inputs(), source(load), schedule, events)?;
    while !open_loop.is_finished() {
        std::thread::sleep(SAMPLE);
        progress.at(open_loop.sent());
    }
    Ok(open_loop.finish()?.source)
}

/// A schedule under way, and what is looked at meanwhile.
struct During {
    open_loop: Option<OpenLoop>,
    events: u64,
    lead: u64,
    warm_up: u64,
    /// CPU time and the clock, when measuring began and when it ended.
    cpu: [Option<(Duration, Instant)>; 2],
    /// Events sent and not committed, over time.
    lag: Vec<f64>,
}

impl During {
    fn begin(stage: &Stage, watch: &Watch, load: &Load, source: Source) -> Result<Self> {
        let schedule = Schedule::new(now_us() + AHEAD_US, load.events_per_second as f64);
        let (lead, events) = (
            schedule.events_in(load.lead),
            schedule.events_in(load.lead + load.time),
        );
        watch.measure(schedule.due(lead), schedule.due(events));
        let inputs = stage.inputs();
        let open_loop = OpenLoop::begin(&stage.log, inputs, source, schedule, Some(events))?;
        Ok(Self {
            open_loop: Some(open_loop),
            events,
            lead,
            warm_up: load.warm_up_events,
            cpu: [None; 2],
            lag: Vec::new(),
        })
    }

    /// Looks at the program until everything is sent.
    fn wait(
        &mut self,
        stage: &Stage,
        site: &Site,
        running: &mut Running,
        watch: &Watch,
    ) -> Result<Sent> {
        let open_loop = self
            .open_loop
            .take()
            .ok_or_else(|| Error::failed("the load was waited for before"))?;
        let what = format!("latency of {}", site.program.name());
        let mut progress = Progress::start(what, self.events);
        while !open_loop.is_finished() {
            std::thread::sleep(SAMPLE);
            let sent = open_loop.sent();
            progress.at(sent);
            running.is_alive()?;
            watch.is_alive()?;
            if sent < self.lead {
                continue;
            }
            let cpu = Some((running.usage()?.cpu, Instant::now()));
            let [begin, end] = &mut self.cpu;
            match begin {
                None => *begin = cpu,
                Some(_) => *end = cpu,
            }
            // What was sent when they were asked for is known before the answer.
            let committed = stage.committed(&site.application_id)?;
            self.lag
                .push((self.warm_up + sent).saturating_sub(committed) as f64);
        }
        open_loop.finish()
    }

    fn cores(&self) -> Result<f64> {
        match self.cpu {
            [Some((before, began)), Some((after, ended))] => {
                let seconds = (ended - began).as_secs_f64();
                Ok(after.saturating_sub(before).as_secs_f64() / seconds)
            }
            _ => Err(Error::failed(
                "the run was too short to tell CPU time; ask for more seconds",
            )),
        }
    }

    /// In the first quarter, in the last, at most.
    fn lags(&self) -> [f64; 3] {
        let quarter = self.lag.len().div_ceil(4);
        let begin = median(self.lag.iter().copied().take(quarter)).unwrap_or(0.0);
        let end = median(self.lag.iter().rev().copied().take(quarter)).unwrap_or(0.0);
        let largest = self.lag.iter().copied().fold(0.0, f64::max);
        [begin, end, largest]
    }
}

/// Waits until as many outputs came as must, for some time at most; how many came.
fn wait_records(watch: &Watch, expected: u64) -> Result<u64> {
    let deadline = Instant::now() + TAIL;
    while watch.records() < expected && Instant::now() < deadline {
        watch.is_alive()?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(watch.records())
}

#[cfg(test)]
mod tests {
    use jumun::generate::GeneratedEvent;

    use super::*;

    #[test]
    fn a_late_generator_or_a_program_that_is_behind_gives_no_figure() {
        let prompt = Duration::from_millis(200);
        assert_eq!(why_invalid(4.9, prompt), None);
        assert!(why_invalid(5.1, prompt).unwrap().contains("5.1 ms late"));
        let behind = why_invalid(0.1, Duration::from_secs(3)).unwrap();
        assert!(behind.contains("did not keep up: it worked for 3.0 s"));
    }

    #[test]
    fn lag_is_told_of_the_beginning_and_of_the_end() {
        let during = During {
            open_loop: None,
            events: 0,
            lead: 0,
            warm_up: 0,
            cpu: [None; 2],
            lag: vec![1.0, 2.0, 90.0, 3.0, 4.0, 5.0, 7.0, 9.0],
        };
        assert_eq!(during.lags(), [1.5, 8.0, 90.0]);
        assert!(during.cores().is_err());
    }

    #[test]
    fn events_do_not_happen_after_they_are_due() {
        let load = Load {
            events_per_second: 40_000,
            partitions: 4,
            warm_up_events: 0,
            lead: LEAD,
            time: Duration::ZERO,
            seed: 1,
        };
        let mut source = source(&load);
        let now = now_us() / 1_000;
        let mut event = GeneratedEvent::default();
        for _ in 0..200_000 {
            assert!(source.next_into(&mut event));
        }
        assert!(event.timestamp < now - 3_600_000);
    }
}
