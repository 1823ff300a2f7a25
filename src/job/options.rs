use std::time::Duration;

use super::watching::WatchOptions;
use crate::config::Aggregates;
use crate::dialect::Dialects;
use crate::domain::judge::JudgingPolicy;

/// How long an order is kept after it was closed, or after its last event if it never was: longer than its number
/// can be used again (E11), and than a claim can be made.
pub const RETENTION: Duration = Duration::from_secs(31 * 86_400);

/// What is appended to the names of an application that processes the log anew, and to those of its topics.
pub const REBUILD: &str = "-rebuild";

/// What the job is to do, where marketplaces differ.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// How the topics of the services are read.
    pub dialects: Dialects,
    /// How events are judged.
    pub judging: JudgingPolicy,
    /// How long an order is kept, by the time of the records.
    pub retention: Duration,
    /// The log is processed anew, into topics of its own (E10): what waits does so by the time of the records, nothing
    /// is redriven, and consumers are told that it is a replay.
    pub rebuild: bool,
    /// What is aggregated.
    pub aggregates: Aggregates,
    /// What is watched of single orders: timers, and detectors that look at one order.
    pub watching: WatchOptions,
    /// The detectors that look at minutes; they need the aggregates.
    pub minutes: MinuteDetection,
    /// In so many tasks aggregates are merged.
    pub merging_tasks: i32,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            dialects: Dialects::default(),
            judging: JudgingPolicy::default(),
            retention: RETENTION,
            rebuild: false,
            aggregates: Aggregates::default(),
            watching: WatchOptions::default(),
            minutes: MinuteDetection::default(),
            merging_tasks: 2,
        }
    }
}

impl JobOptions {
    /// The topic to which what is meant for `topic` is written.
    #[must_use]
    pub fn output(&self, topic: &str) -> String {
        match self.rebuild {
            true => format!("{topic}{REBUILD}"),
            false => topic.to_owned(),
        }
    }
}

/// How the detectors look at minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinuteDetection {
    /// Whether they do at all.
    pub enabled: bool,
    /// How long after its end a minute waits for what comes late.
    pub grace: Duration,
}

impl Default for MinuteDetection {
    fn default() -> Self {
        Self {
            enabled: true,
            grace: Duration::from_secs(15),
        }
    }
}
