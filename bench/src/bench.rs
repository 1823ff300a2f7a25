//! The sequence: the order job, the floor, the job with aggregates and that with everything in turn over one backlog, and the figures.

use crate::backlog::Stream;
use crate::contestant::Run;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::floor_run::{self, FLOOR};
use crate::options::Options;
use crate::order_job::OrderJob;
use crate::profile::Profile;
use crate::results::{Figures, Results, TopicFigures, now};
use crate::stand::Stand;

const ORDER_JOB: &str = "order job";
const WITH_AGGREGATES: &str = "with aggregates";
const EVERYTHING: &str = "everything";

/// Measures the programs as asked.
pub(crate) fn run(options: &Options) -> Result<Results> {
    let mut job = OrderJob::new(&options.job)?;
    let mut bench = Bench {
        options,
        stand: Stand::start(&options.filling(Stream::Usual))?,
        runs: Vec::new(),
        verified: String::new(),
    };
    let mut outputs = Vec::new();
    for number in 1..=options.runs {
        let profile = bench.order_job(&mut job, Extent::Judging, number)?;
        bench.floor(number, &profile)?;
        bench.order_job(&mut job, Extent::Compared, number)?;
        // The outputs that are told are those of the job as it is shipped.
        let profile = bench.order_job(&mut job, Extent::Everything, number)?;
        outputs = TopicFigures::of(&profile);
    }
    bench.results(outputs)
}

struct Bench<'a> {
    options: &'a Options,
    stand: Stand,
    runs: Vec<Run>,
    verified: String,
}

impl Bench<'_> {
    /// One run of the order job to this extent; what it produced is told for the floor to produce the same.
    fn order_job(&mut self, job: &mut OrderJob, extent: Extent, number: u32) -> Result<Profile> {
        let (name, group) = match extent {
            Extent::Judging => (ORDER_JOB, format!("bench-{number}")),
            Extent::Compared => (WITH_AGGREGATES, format!("bench-aggregates-{number}")),
            Extent::Everything => (EVERYTHING, format!("bench-everything-{number}")),
        };
        let done = self.stand.order_job(job, name, group, extent, &[])?;
        self.runs.push(done.run);
        self.verified = done.verified;
        Ok(done.profile)
    }

    /// One run of the floor, which must have produced as much.
    fn floor(&mut self, number: u32, job: &Profile) -> Result<()> {
        let group = format!("floor-{number}");
        let interval = self.options.job.backlog_interval_ms();
        self.runs
            .push(floor_run::measure(&mut self.stand, interval, group, job)?);
        Ok(())
    }

    fn results(self, outputs: Vec<TopicFigures>) -> Result<Results> {
        let events = self.stand.backlog.events();
        let figures = |program| {
            Figures::of(program, &self.runs, events)
                .ok_or_else(|| Error::failed(format!("there is no run of the {program}")))
        };
        let (order_job, floor) = (figures(ORDER_JOB)?, figures(FLOOR)?);
        let (with_aggregates, everything) = (figures(WITH_AGGREGATES)?, figures(EVERYTHING)?);
        Ok(Results {
            at: now(),
            events,
            inputs: self.stand.backlog.topics.clone(),
            partitions: self.stand.backlog.ends.len(),
            seed: self.options.seed,
            commit_interval_ms: self.options.job.backlog_interval_ms(),
            settings: self.options.job.set.clone(),
            runs_of_each: self.options.runs,
            verified: self.verified,
            cpu_ratio_to_floor: order_job.cpu_seconds_per_million_events
                / floor.cpu_seconds_per_million_events,
            cpu_ratio_of_aggregates: with_aggregates.cpu_seconds_per_million_events
                / order_job.cpu_seconds_per_million_events,
            pace_ratio_of_everything: everything.events_per_second / order_job.events_per_second,
            order_job,
            with_aggregates,
            everything,
            floor,
            outputs,
            runs: self.runs,
        })
    }
}
