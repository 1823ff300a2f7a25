//! The sequence: broker, backlog, what must come out, the runs in turn, the figures.

use std::env;
use std::process::Command;

use jumun::job::topics;
use jumun_harness::{Broker, BrokerOptions};
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::io::{Admin, Log, TopicPartition, TopicSpec};

use crate::backlog;
use crate::contestant::{self, Backlog, Contestant, Run};
use crate::error::{Error, Result};
use crate::floor;
use crate::options::Options;
use crate::order_job::{OrderJob, PARTITIONS};
use crate::partitions::{self, PATIENCE};
use crate::profile::Profile;
use crate::progress::say;
use crate::results::{Figures, Results, TopicFigures, now};
use crate::verify::Emitted;

const ORDER_JOB: &str = "order job";
const WITH_AGGREGATES: &str = "with aggregates";
const FLOOR: &str = "floor";

/// Measures both programs as asked.
pub(crate) fn run(options: &Options) -> Result<Results> {
    let mut job = OrderJob::new(options)?;
    say("starting a broker");
    let broker = Broker::start_with(BrokerOptions {
        heap_mib: 1024,
        properties: broker_properties(),
    })?;
    let log = KafkaLog::new(KafkaProperties {
        common: vec![(
            "bootstrap.servers".to_owned(),
            broker.bootstrap_servers().to_owned(),
        )],
        ..KafkaProperties::default()
    })?;
    let mut admin = log.admin("jumun-bench-admin")?;
    admin.create_topics(&topics::outputs(&OrderJob::topics()), PATIENCE)?;
    backlog::fill(&log, options)?;
    let backlog = backlog_now(admin.as_mut())?;
    let expected = Emitted::expected(&log, PARTITIONS, backlog.events())?;

    let mut bench = Bench {
        options,
        broker: &broker,
        log: &log,
        admin: admin.as_mut(),
        backlog,
        runs: Vec::new(),
    };
    let (mut verified, mut outputs) = (String::new(), Vec::new());
    for number in 1..=options.runs {
        let profile = bench.order_job(&mut job, false, number, &expected, &mut verified)?;
        bench.floor(number, &profile)?;
        // The outputs that are told are those of the job as it is shipped.
        let profile = bench.order_job(&mut job, true, number, &expected, &mut verified)?;
        outputs = TopicFigures::of(&profile);
    }
    bench.results(verified, outputs)
}

/// What a run must not meet by chance: the cleaner's and the retention's work.
fn broker_properties() -> Vec<(String, String)> {
    [
        ("log.cleaner.enable", "false"),
        ("log.retention.check.interval.ms", "86400000"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn backlog_now(admin: &mut dyn Admin) -> Result<Backlog> {
    let partitions = partitions::of(admin, &topics::INPUTS)?;
    let ends = partitions::ends(admin, &partitions)?;
    Ok(Backlog {
        topics: topics::INPUTS.map(str::to_owned).to_vec(),
        ends: ends
            .into_iter()
            .map(|(partition, end)| ((partition.topic, partition.partition), end))
            .collect(),
    })
}

struct Bench<'a> {
    options: &'a Options,
    broker: &'a Broker,
    log: &'a KafkaLog,
    admin: &'a mut dyn Admin,
    backlog: Backlog,
    runs: Vec<Run>,
}

impl Bench<'_> {
    /// One run of the order job, with or without aggregates; its outputs are verified, and told for the floor
    /// to produce the same.
    fn order_job(
        &mut self,
        job: &mut OrderJob,
        aggregates: bool,
        number: u32,
        expected: &Emitted,
        verified: &mut String,
    ) -> Result<Profile> {
        let (name, group) = match aggregates {
            true => (WITH_AGGREGATES, format!("bench-aggregates-{number}")),
            false => (ORDER_JOB, format!("bench-{number}")),
        };
        let contestant = Contestant {
            name,
            command: job.command(self.broker.bootstrap_servers(), &group, aggregates)?,
            group: group.clone(),
        };
        let outputs = OrderJob::outputs(&group, aggregates)?;
        let known: Vec<&str> = outputs.iter().map(|(topic, _)| topic.as_str()).collect();
        let before = partitions::of(self.admin, &known)?;
        let before = partitions::ends(self.admin, &before)?;

        let events = self.backlog.events();
        let (mut run, counts) =
            contestant::measure(contestant, self.broker, &self.backlog, || {
                let counts = job.counted(events)?;
                let totals = job.totals(aggregates, &counts)?;
                Ok((counts, totals))
            })?;
        let (counts, totals) = counts;

        let mut emitted = Emitted::default();
        emitted.counted(counts);
        let from = self.since(&before, &known)?;
        let profile = Profile::of(self.log, &from, &outputs, events, |topic, value| {
            emitted.record(topic, value)
        })?;
        *verified = expected.compare(&emitted)?;
        if let Some(totals) = totals {
            *verified = format!("{verified}; {totals}");
        }
        (run.records_out, run.bytes_out) = (profile.records(), profile.bytes());
        self.told(&run);
        self.runs.push(run);
        Ok(profile)
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
        let before = partitions::of(self.admin, &known)?;
        let before = partitions::ends(self.admin, &before)?;

        let directory = tempfile::tempdir().map_err(Error::file("creating", &env::temp_dir()))?;
        let path = directory.path().join("profile");
        profile.write(&path)?;
        let program =
            env::current_exe().map_err(Error::file("finding", "this program".as_ref()))?;
        let mut command = Command::new(program);
        command
            .arg("floor")
            .args(["--bootstrap-servers", self.broker.bootstrap_servers()])
            .args(["--group", &group])
            .arg("--profile")
            .arg(&path)
            .args([
                "--commit-interval-ms",
                &self.options.commit_interval_ms.to_string(),
            ])
            .args(&self.backlog.topics);
        let contestant = Contestant {
            name: FLOOR,
            command,
            group,
        };
        let (mut run, ()) = contestant::measure(contestant, self.broker, &self.backlog, || Ok(()))?;

        let produced = Profile::of(self.log, &before, &names, job.events, |_, _| Ok(()))?;
        produced.as_much_as(&profile)?;
        (run.records_out, run.bytes_out) = (produced.records(), produced.bytes());
        self.told(&run);
        self.runs.push(run);
        Ok(())
    }

    /// The marks of before the run; topics made during it are read from their beginning.
    fn since(
        &mut self,
        before: &[(TopicPartition, i64)],
        topics: &[&str],
    ) -> Result<Vec<(TopicPartition, i64)>> {
        let all = partitions::of(self.admin, topics)?;
        let mark = |partition: TopicPartition| {
            let known = before.iter().find(|(before, _)| *before == partition);
            let offset = known.map_or(0, |(_, offset)| *offset);
            (partition, offset)
        };
        Ok(all.into_iter().map(mark).collect())
    }

    fn create_like(&mut self, job: &Profile, floor: &Profile) -> Result<()> {
        let names: Vec<&str> = job
            .topics
            .iter()
            .map(|topic| topic.topic.as_str())
            .collect();
        let described = self.admin.describe_topics(&names, PATIENCE)?;
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
            .admin
            .create_topics(&specs.collect::<Vec<_>>(), PATIENCE)?)
    }

    fn told(&self, run: &Run) {
        let million = 1e6 / self.backlog.events() as f64;
        say(&format!(
            "{:15} {:.2} CPU s per million events, {:.0} events/s, {:.1} MiB, {} records out",
            run.program,
            run.cpu_seconds * million,
            run.events_per_second,
            run.peak_resident_bytes as f64 / 1_048_576.0,
            run.records_out,
        ));
    }

    fn results(self, verified: String, outputs: Vec<TopicFigures>) -> Result<Results> {
        let events = self.backlog.events();
        let figures = |program| {
            Figures::of(program, &self.runs, events)
                .ok_or_else(|| Error::failed(format!("there is no run of the {program}")))
        };
        let (order_job, floor) = (figures(ORDER_JOB)?, figures(FLOOR)?);
        let with_aggregates = figures(WITH_AGGREGATES)?;
        Ok(Results {
            at: now(),
            events,
            inputs: self.backlog.topics.clone(),
            partitions: self.backlog.ends.len(),
            seed: self.options.seed,
            commit_interval_ms: self.options.commit_interval_ms,
            settings: self.options.set.clone(),
            runs_of_each: self.options.runs,
            verified,
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
