//! Where programs are measured: a broker, its input topics filled once, and what must come out of them.

use std::collections::BTreeMap;
use std::path::Path;

use jumun::job::topics;
use jumun_harness::{Broker, BrokerOptions};
use topology::io::kafka::{KafkaLog, KafkaProperties};
use topology::io::{Admin, Log, TopicPartition};

use crate::backlog::{self, Filling};
use crate::contestant::{self, Backlog, Contestant, Run};
use crate::error::Result;
use crate::extent::Extent;
use crate::order_job::{self, Launch, OrderJob};
use crate::partitions::{self, PATIENCE};
use crate::profile::{Moment, Profile};
use crate::progress::say;
use crate::verify::Emitted;

/// A broker of its own with a backlog.
pub(crate) struct Stand {
    pub(crate) broker: Broker,
    pub(crate) log: KafkaLog,
    pub(crate) admin: Box<dyn Admin>,
    pub(crate) backlog: Backlog,
    pub(crate) expected: Emitted,
    /// Of each input topic.
    partitions: i32,
}

/// A run of the order job whose outputs were verified.
pub(crate) struct JobRun {
    pub(crate) run: Run,
    pub(crate) profile: Profile,
    pub(crate) verified: String,
}

impl Stand {
    /// Starts the broker and fills the input topics.
    pub(crate) fn start(filling: &Filling) -> Result<Self> {
        let mut stand = Self::empty(filling.partitions)?;
        backlog::fill(&stand.log, filling)?;
        stand.filled()?;
        let events = stand.backlog.events();
        stand.expected = Emitted::expected(&stand.log, filling.partitions, events)?;
        Ok(stand)
    }

    /// Starts the broker without any events.
    pub(crate) fn empty(partitions: i32) -> Result<Self> {
        say("starting a broker");
        let broker = Broker::start_with(BrokerOptions {
            heap_mib: 1024,
            properties: broker_properties(),
            ..BrokerOptions::default()
        })?;
        let log = KafkaLog::new(KafkaProperties {
            common: vec![(
                "bootstrap.servers".to_owned(),
                broker.bootstrap_servers().to_owned(),
            )],
            ..KafkaProperties::default()
        })?;
        let mut admin = log.admin("jumun-bench-admin")?;
        admin.create_topics(&topics::outputs(&OrderJob::topics_of(partitions)), PATIENCE)?;
        Ok(Self {
            broker,
            log,
            admin,
            backlog: Backlog::default(),
            expected: Emitted::default(),
            partitions,
        })
    }

    /// Takes what lies in the inputs now as the backlog.
    pub(crate) fn filled(&mut self) -> Result<()> {
        let partitions = partitions::of(self.admin.as_mut(), &topics::INPUTS)?;
        let ends = partitions::ends(self.admin.as_mut(), &partitions)?;
        self.backlog = Backlog {
            topics: topics::INPUTS.map(str::to_owned).to_vec(),
            ends: ends
                .into_iter()
                .map(|(partition, end)| ((partition.topic, partition.partition), end))
                .collect(),
        };
        Ok(())
    }

    /// One run of the order job under this name and group, to this extent; its outputs are verified.
    pub(crate) fn order_job(
        &mut self,
        job: &mut OrderJob,
        name: &'static str,
        group: String,
        extent: Extent,
        settings: &[&str],
    ) -> Result<JobRun> {
        let directory = order_job::directory()?;
        let launch = Launch {
            bootstrap_servers: self.broker.bootstrap_servers(),
            application_id: &group,
            directory: directory.path(),
            partitions: self.partitions,
            address: order_job::address()?,
        };
        let contestant = Contestant {
            name,
            command: job.command(&launch, extent, settings),
            group: group.clone(),
            state: Some(launch.state()),
            put_out: None,
        };
        let outputs = OrderJob::outputs(&group, extent)?;
        let events = self.backlog.events();
        let (mut done, totals) = self.verified(contestant, &outputs, || {
            let counts = job.counted(events)?;
            let totals = job.totals(extent, &counts)?;
            Ok((counts, totals))
        })?;
        if let Some(totals) = totals {
            done.verified = format!("{}; {totals}", done.verified);
        }
        Ok(done)
    }

    /// One run of a program that does the order job; its outputs are verified, and `last_words` tell what it counted.
    pub(crate) fn verified<T>(
        &mut self,
        contestant: Contestant,
        outputs: &[(String, Moment)],
        last_words: impl FnOnce() -> Result<(BTreeMap<String, u64>, T)>,
    ) -> Result<(JobRun, T)> {
        let mut emitted = Emitted::default();
        let record = |topic: &str, value: Option<&[u8]>| emitted.record(topic, value);
        let (run, profile, (counts, told)) = self.taken(contestant, outputs, last_words, record)?;
        emitted.counted(counts);
        let verified = self.expected.compare(&emitted)?;
        self.told(&run);
        let done = JobRun {
            run,
            profile,
            verified,
        };
        Ok((done, told))
    }

    /// One run of a program over the backlog, and what it produced to these topics, of which each record is handed to `each`.
    pub(crate) fn taken<T>(
        &mut self,
        contestant: Contestant,
        outputs: &[(String, Moment)],
        last_words: impl FnOnce() -> Result<T>,
        each: impl FnMut(&str, Option<&[u8]>) -> Result<()>,
    ) -> Result<(Run, Profile, T)> {
        let known: Vec<&str> = outputs.iter().map(|(topic, _)| topic.as_str()).collect();
        let before = partitions::of(self.admin.as_mut(), &known)?;
        let before = partitions::ends(self.admin.as_mut(), &before)?;
        let segments = self.segments()?;

        let events = self.backlog.events();
        let (mut run, told) =
            contestant::measure(contestant, &self.broker, &self.backlog, last_words)?;

        run.broker_bytes = self.segments()?.saturating_sub(segments);

        let from = self.since(&before, &known)?;
        let profile = Profile::of(&self.log, &from, outputs, events, each)?;
        (run.records_out, run.bytes_out) = (profile.records(), profile.bytes());
        Ok((run, profile, told))
    }

    /// Bytes of the broker's segments of all topics, those of its own included.
    pub(crate) fn segments(&self) -> Result<u64> {
        let is_segment = |path: &Path| path.extension().is_some_and(|it| it == "log");
        contestant::size_of(&self.broker.directory().join("data"), is_segment)
    }

    /// The marks of before the run; topics made during it are read from their beginning.
    pub(crate) fn since(
        &mut self,
        before: &[(TopicPartition, i64)],
        topics: &[&str],
    ) -> Result<Vec<(TopicPartition, i64)>> {
        let all = partitions::of(self.admin.as_mut(), topics)?;
        let mark = |partition: TopicPartition| {
            let known = before.iter().find(|(before, _)| *before == partition);
            let offset = known.map_or(0, |(_, offset)| *offset);
            (partition, offset)
        };
        Ok(all.into_iter().map(mark).collect())
    }

    /// Tells of a run when it is over.
    pub(crate) fn told(&self, run: &Run) {
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
