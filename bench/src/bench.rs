//! The sequence: the order job, the floor and the job with aggregates in turn over one backlog, and the figures.

use std::env;
use std::process::Command;

use topology::io::TopicSpec;

use crate::backlog::Stream;
use crate::contestant::{self, Contestant, Run};
use crate::error::{Error, Result};
use crate::floor;
use crate::options::Options;
use crate::order_job::OrderJob;
use crate::partitions::{self, PATIENCE};
use crate::profile::Profile;
use crate::results::{Figures, Results, TopicFigures, now};
use crate::stand::Stand;

const ORDER_JOB: &str = "order job";
const WITH_AGGREGATES: &str = "with aggregates";
const FLOOR: &str = "floor";

/// Measures the programs as asked.
pub(crate) fn run(options: &Options) -> Result<Results> {
    let mut job = OrderJob::new(options)?;
    let mut bench = Bench {
        options,
        stand: Stand::start(options, Stream::Usual)?,
        runs: Vec::new(),
        verified: String::new(),
    };
    let mut outputs = Vec::new();
    for number in 1..=options.runs {
        let profile = bench.order_job(&mut job, false, number)?;
        bench.floor(number, &profile)?;
        // The outputs that are told are those of the job as it is shipped.
        let profile = bench.order_job(&mut job, true, number)?;
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
    /// One run of the order job, with or without aggregates; what it produced is told for the floor to produce the
    /// same.
    fn order_job(&mut self, job: &mut OrderJob, aggregates: bool, number: u32) -> Result<Profile> {
        let (name, group) = match aggregates {
            true => (WITH_AGGREGATES, format!("bench-aggregates-{number}")),
            false => (ORDER_JOB, format!("bench-{number}")),
        };
        let done = self.stand.order_job(job, name, group, aggregates)?;
        self.runs.push(done.run);
        self.verified = done.verified;
        Ok(done.profile)
    }

    /// One run of the floor, which must have produced as much.
    fn floor(&mut self, number: u32, job: &Profile) -> Result<()> {
        let group = format!("floor-{number}");
        let mut profile = job.clone();
        for topic in &mut profile.topics {
            // The changelogs of all runs go to topics of their own, as those of the job.
            topic.topic = format!("{}{}", floor::PREFIX, topic.topic);
        }
        self.create_like(job, &profile)?;
        let names: Vec<(String, crate::profile::Moment)> = profile
            .topics
            .iter()
            .map(|topic| (topic.topic.clone(), topic.moment))
            .collect();
        let known: Vec<&str> = names.iter().map(|(topic, _)| topic.as_str()).collect();
        let before = partitions::of(self.stand.admin.as_mut(), &known)?;
        let before = partitions::ends(self.stand.admin.as_mut(), &before)?;

        let directory = tempfile::tempdir().map_err(Error::file("creating", &env::temp_dir()))?;
        let path = directory.path().join("profile");
        profile.write(&path)?;
        let program =
            env::current_exe().map_err(Error::file("finding", "this program".as_ref()))?;
        let mut command = Command::new(program);
        command
            .arg("floor")
            .args(["--bootstrap-servers", self.stand.broker.bootstrap_servers()])
            .args(["--group", &group])
            .arg("--profile")
            .arg(&path)
            .args([
                "--commit-interval-ms",
                &self.options.commit_interval_ms.to_string(),
            ])
            .args(&self.stand.backlog.topics);
        let contestant = Contestant {
            name: FLOOR,
            command,
            group,
        };
        let (mut run, ()) =
            contestant::measure(contestant, &self.stand.broker, &self.stand.backlog, || {
                Ok(())
            })?;

        let produced = Profile::of(&self.stand.log, &before, &names, job.events, |_, _| Ok(()))?;
        produced.as_much_as(&profile)?;
        (run.records_out, run.bytes_out) = (produced.records(), produced.bytes());
        self.stand.told(&run);
        self.runs.push(run);
        Ok(())
    }

    fn create_like(&mut self, job: &Profile, floor: &Profile) -> Result<()> {
        let names: Vec<&str> = job
            .topics
            .iter()
            .map(|topic| topic.topic.as_str())
            .collect();
        let described = self.stand.admin.describe_topics(&names, PATIENCE)?;
        let specs = described
            .into_iter()
            .flatten()
            .zip(&floor.topics)
            .map(|(like, topic)| TopicSpec {
                name: topic.topic.clone(),
                partitions: like.partitions,
                replication_factor: 1,
                config: vec![("cleanup.policy".to_owned(), like.cleanup_policy)],
            });
        Ok(self
            .stand
            .admin
            .create_topics(&specs.collect::<Vec<_>>(), PATIENCE)?)
    }

    fn results(self, outputs: Vec<TopicFigures>) -> Result<Results> {
        let events = self.stand.backlog.events();
        let figures = |program| {
            Figures::of(program, &self.runs, events)
                .ok_or_else(|| Error::failed(format!("there is no run of the {program}")))
        };
        let (order_job, floor) = (figures(ORDER_JOB)?, figures(FLOOR)?);
        let with_aggregates = figures(WITH_AGGREGATES)?;
        Ok(Results {
            at: now(),
            events,
            inputs: self.stand.backlog.topics.clone(),
            partitions: self.stand.backlog.ends.len(),
            seed: self.options.seed,
            commit_interval_ms: self.options.commit_interval_ms,
            settings: self.options.set.clone(),
            runs_of_each: self.options.runs,
            verified: self.verified,
            cpu_ratio_to_floor: order_job.cpu_seconds_per_million_events
                / floor.cpu_seconds_per_million_events,
            cpu_ratio_of_aggregates: with_aggregates.cpu_seconds_per_million_events
                / order_job.cpu_seconds_per_million_events,
            order_job,
            with_aggregates,
            floor,
            outputs,
            runs: self.runs,
        })
    }
}
