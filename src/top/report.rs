//! What one instance tells of itself: the body of `GET /status`, as it is written and as it is read.

use serde::{Deserialize, Serialize};

/// Version of these fields' names and meanings: fields may be added to one, and none changes or goes.
pub const FORMAT: u32 = 1;
/// So many tasks are told at most.
pub const MAX_TASKS: usize = 2_000;
/// Longest text for a person, in characters.
pub const MAX_TEXT: usize = 500;

/// One instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// [`FORMAT`]
    pub format: u32,
    /// When it was told, in milliseconds since the epoch.
    pub at: i64,
    /// Of the group.
    pub application_id: String,
    /// Of this process.
    pub instance_id: String,
    /// Of the program.
    pub version: String,
    /// Since the start.
    pub uptime_ms: u64,
    /// As in `/health/ready`.
    pub state: String,
    /// Why, for a person.
    pub detail: String,
    /// Why somebody paused the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// Events committed since the start, without what the job sends to itself.
    pub events: u64,
    /// Over the last minute at most; none where nobody looked at the instance a moment ago.
    #[serde(default)]
    pub events_per_second: Option<f64>,
    /// Stream threads.
    pub threads: Vec<ThreadReport>,
    /// Tasks, at most [`MAX_TASKS`].
    pub tasks: Vec<TaskReport>,
    /// Tasks that were left out.
    #[serde(default)]
    pub omitted_tasks: usize,
    /// Copies of tasks that other instances run, at most [`MAX_TASKS`].
    #[serde(default)]
    pub standby_tasks: Vec<StandbyTaskReport>,
}

/// One stream thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadReport {
    /// As in logs.
    pub name: String,
    /// As Kafka Streams names it.
    pub state: String,
    /// Why, for a person.
    pub detail: String,
    /// What is wrong between it and the brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_trouble: Option<String>,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskReport {
    /// Such as `0_3`.
    pub id: String,
    /// CREATED, RESTORING, RUNNING, PAUSED or SUSPENDED.
    pub phase: String,
    /// Name of its thread.
    pub thread: String,
    /// Its input partitions.
    pub inputs: Vec<InputReport>,
    /// While it is restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreReport>,
    /// Why it takes no records, of its own accord or with its instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// `closed`, or `open` while the task takes no records because too many were dead-lettered.
    pub dead_letter_circuit: String,
    /// Since the last commit in which it took part.
    #[serde(default)]
    pub last_commit_age_ms: Option<u64>,
    /// How long that commit took.
    #[serde(default)]
    pub commit_ms: Option<u64>,
}

/// A copy of a task that another instance runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandbyTaskReport {
    /// Such as `0_3`.
    pub id: String,
    /// Changelog offsets that it is behind.
    pub lag: u64,
}

/// One input partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputReport {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset of the next record.
    pub position: i64,
    /// Records behind; none before it is known.
    #[serde(default)]
    pub lag: Option<i64>,
    /// Age of the oldest record that was not processed yet, by its timestamp; 0 where nothing is behind.
    #[serde(default)]
    pub lag_ms: Option<u64>,
}

/// How far a restore has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreReport {
    /// Offsets still to be read.
    pub remaining: u64,
    /// Offsets in all.
    pub total: u64,
    /// Pace so far.
    pub records_per_second: u64,
    /// Seconds left at that pace; none before anything was read.
    #[serde(default)]
    pub eta_seconds: Option<u64>,
}

impl TaskReport {
    /// Records behind on all inputs together; none where no input knows.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        let known = self.inputs.iter().filter_map(|input| input.lag);
        known.reduce(|one, other| one + other)
    }

    /// Of the input that is furthest behind.
    #[must_use]
    pub fn lag_ms(&self) -> Option<u64> {
        self.inputs.iter().filter_map(|input| input.lag_ms).max()
    }
}

/// A text for a person, no longer than is of use.
#[must_use]
pub fn bounded(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
