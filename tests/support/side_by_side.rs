//! The job and the model, fed the same records at the same moments, and compared record by record.

use std::collections::BTreeMap;

use jumun::config::Aggregates;
use jumun::domain::judge::JudgingPolicy;
use jumun::domain::ordering::{Choice as JobChoice, OrderingPolicy};
use jumun::job::JobOptions;

use crate::support::driven::Job;
use crate::support::model::order_of_arrival::order_of_arrival_in_all_partitions;
use crate::support::model::outputs::{RunOutput, redrive_told};
use crate::support::model::verify::compare;
use crate::support::model::{Choice, InputRecord, Model, Policy, Settings};

/// Default, but gaps are accepted.
pub const ACCEPTING: Policy = Policy {
    gap: Choice::Accept,
    ..Policy::DEFAULT
};

/// The same settings for the job.
pub fn job_options(settings: &Settings) -> JobOptions {
    let choice = |choice| match choice {
        Choice::Reject => JobChoice::Reject,
        Choice::Park => JobChoice::Park,
        Choice::Accept => JobChoice::Accept,
    };
    let policy = settings.policy;
    JobOptions {
        judging: JudgingPolicy {
            ordering: OrderingPolicy {
                violation: choice(policy.violation),
                predecessor: choice(policy.predecessor),
                gap: choice(policy.gap),
            },
            redrive: settings.automatic_redrive,
            ghost_autoapply: settings.autoapply_ghosts,
            ..JudgingPolicy::default()
        },
        aggregates: Aggregates {
            enabled: false,
            ..Aggregates::default()
        },
        ..JobOptions::default()
    }
}

pub struct SideBySide {
    pub job: Job,
    pub model: Model,
    expected: RunOutput,
    /// Records that the model says are sent again with the next commit.
    sent_again: Vec<InputRecord>,
    /// Taken by the job, but not committed: the model takes them with the commit.
    open: Vec<InputRecord>,
}

impl SideBySide {
    pub fn new(settings: Settings, now: i64) -> SideBySide {
        let job = Job::new(&job_options(&settings), now);
        let mut model = Model::with(settings);
        model.set_now(job.now());
        SideBySide {
            job,
            model,
            expected: RunOutput::default(),
            sent_again: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Both take a record. Nothing is committed.
    pub fn feed(&mut self, mut record: InputRecord) {
        self.job.append(&mut record);
        self.job.run();
        self.open.push(record);
    }

    /// The model takes a record at once, the job with the next commit: by their timestamps, which must go up. Answers
    /// the model's outcomes.
    pub fn append(&mut self, mut record: InputRecord) -> Vec<String> {
        self.job.append(&mut record);
        self.model_takes(&record)
    }

    /// Both have the record's consequences, records sent again among them.
    pub fn take(&mut self, record: InputRecord) {
        self.feed(record);
        self.commit();
    }

    /// Takes a record and compares what was judged because of it. Answers the outcome of the record itself.
    pub fn take_and_compare(&mut self, record: InputRecord) -> String {
        self.commit();
        self.job.new_outcomes();
        let (mut before, what) = (self.model.counts(), format!("{record:?}"));
        self.feed(record);
        let first = self.catch_up().first().cloned().unwrap_or_default();
        self.commit();
        let mut new = self.model.counts();
        new.iter_mut()
            .for_each(|(name, count)| *count -= before.remove(name).unwrap_or(0));
        new.retain(|_, count| *count > 0);
        assert_eq!(new, self.job.new_outcomes(), "{what}");
        first
    }

    /// The model catches up with what the job took. Answers the outcomes.
    pub fn catch_up(&mut self) -> Vec<String> {
        let open = std::mem::take(&mut self.open);
        open.iter()
            .flat_map(|record| self.model_takes(record))
            .collect()
    }

    fn model_takes(&mut self, record: &InputRecord) -> Vec<String> {
        let step = self.model.take(record);
        self.expected.add_step(&step);
        let names = step.names();
        self.sent_again.extend(step.redriven);
        names
    }

    /// Commits until nothing is sent again any more.
    pub fn commit(&mut self) {
        self.catch_up();
        loop {
            self.job.commit();
            self.let_model_wait();
            let expected: Vec<_> = self.sent_again.drain(..).collect();
            let sent = self.job.redriven();
            // Of which order timers of one moment come first is nobody's promise.
            let told = |records: &[InputRecord]| {
                let mut told: Vec<_> = records.iter().map(redrive_told).collect();
                told.sort_by_key(|record| record["orderNo"].to_string());
                told
            };
            assert_eq!(told(&expected), told(&sent), "sent again: expected, found");
            if sent.is_empty() {
                return;
            }
            for record in sent {
                self.model_takes(&record);
            }
        }
    }

    fn let_model_wait(&mut self) {
        let step = self.model.pass_time(self.job.now());
        self.expected.add_step(&step);
        self.sent_again.extend(step.redriven);
    }

    /// Lets the wall clock go on, in one step.
    pub fn wait(&mut self, milliseconds: u64) {
        self.commit();
        self.job.wait(milliseconds);
        self.let_model_wait();
        self.commit();
    }

    /// What was not committed is lost to the job and done once more, at the moment of the restart.
    pub fn crash(&mut self) {
        self.job.crash_and_restart();
        self.let_model_wait();
        // A backlog is taken by record timestamps, whatever came first.
        self.open = order_of_arrival_in_all_partitions(std::mem::take(&mut self.open));
    }

    /// Everything that was emitted so far is what the model says.
    #[track_caller]
    pub fn check(&mut self, what: &str) {
        self.commit();
        self.expected.states = self.model.states();
        let report = compare(&self.expected, &self.job.output());
        assert!(report.is_clean(), "{what}: {report}");
        assert_eq!(self.model.counts(), self.job.outcomes(), "{what}: outcomes");
        self.check_that_nothing_is_lost(what);
    }

    /// I8: every record consumed has one outcome now; of a parked one that was settled, both are counted.
    fn check_that_nothing_is_lost(&self, what: &str) {
        let outcomes: BTreeMap<String, u64> = self.job.outcomes();
        let parked = outcomes.get("PARKED").copied().unwrap_or(0);
        let settled = self.job.counter("settled");
        let others: u64 = outcomes.values().sum::<u64>() - parked;
        let consumed = self.model.consumed();
        assert_eq!(others + parked - settled, consumed, "{what}: {outcomes:?}");
    }
}
