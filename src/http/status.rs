//! What the process tells about itself over HTTP: the trait the server asks, and the plain structs it answers with.

use prometheus::Registry;
use serde::Serialize;
use topology::runtime::StreamsStatus;

/// The one the HTTP server asks. Calls must be quick and must not block: they run on the server's threads.
pub trait StatusSource: Send + Sync + 'static {
    /// Whether the process still does anything at all: false only when its loops stand still for good. Restore, a
    /// rebalance or a lost broker leave it true.
    fn is_live(&self) -> bool;

    /// What the process is doing now.
    fn status(&self) -> Status;

    /// The stream threads and their tasks.
    fn streams(&self) -> StreamsStatus;

    /// Takes no more records; the reason is told to whoever looks.
    fn pause(&self, reason: &str);

    /// Takes records again; answers why none were taken, if somebody had paused.
    fn resume(&self) -> Option<String>;

    /// Lets tasks that paused by themselves take records again; answers which they were.
    fn resume_paused_tasks(&self) -> Vec<String>;

    /// The metrics to be exposed.
    fn metrics(&self) -> &Registry;

    /// The topology's description, as text.
    fn topology(&self) -> String;

    /// The topology's drawing, as SVG to be put into a page.
    fn drawing(&self) -> String;
}

/// State of the whole process. Names are those of `KafkaStreams.State`, completed by two that Kafka Streams lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Starting: nothing is assigned yet, or the broker has not been reached.
    Created,
    /// Partitions are being handed out.
    Rebalancing,
    /// Partitions are assigned and their stores are being rebuilt (ours).
    Restoring,
    /// Every task processes.
    Running,
    /// At least one task has stopped taking records on its own account and the detail says why (ours).
    Paused,
    /// Stopping in order.
    PendingShutdown,
    /// Stopped in order.
    NotRunning,
    /// Stopping because of an error.
    PendingError,
    /// Stopped because of an error.
    Error,
}

impl State {
    /// The name as it is exposed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Rebalancing => "REBALANCING",
            Self::Restoring => "RESTORING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::PendingShutdown => "PENDING_SHUTDOWN",
            Self::NotRunning => "NOT_RUNNING",
            Self::PendingError => "PENDING_ERROR",
            Self::Error => "ERROR",
        }
    }

    /// Whether an instance in this state counts as ready: only one whose tasks all process does.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Running)
    }
}

/// State of one task. Names are those of Kafka Streams' `Task.State`, and `PAUSED` for one that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskState {
    /// Assigned, not started.
    Created,
    /// Its stores are being rebuilt.
    Restoring,
    /// It processes.
    Running,
    /// Its partitions are revoked, its stores still open.
    Suspended,
    /// It stopped taking records on its own account (ours).
    Paused,
    /// Gone.
    Closed,
}

impl TaskState {
    /// The name as it is exposed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Restoring => "RESTORING",
            Self::Running => "RUNNING",
            Self::Suspended => "SUSPENDED",
            Self::Paused => "PAUSED",
            Self::Closed => "CLOSED",
        }
    }
}

/// How much of the changelogs is still to be read, in offsets: it reaches 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RestoreProgress {
    /// Offsets still to be read.
    pub remaining: u64,
    /// Offsets to be read when the restore began.
    pub total: u64,
    /// Records restored per second, since the restore began.
    pub records_per_second: u64,
    /// Seconds left at the pace so far; absent before anything was read, and when nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
}

/// One task of this instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// `<sub-topology>_<partition>`, for example `0_3`.
    pub id: String,
    /// State.
    pub state: TaskState,
    /// Why the task is in this state, where that needs a word; else empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Restore of this task's stores.
    pub restore: RestoreProgress,
}

/// The body of `/health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// State of the process.
    pub state: State,
    /// What it is doing or what it waits for, for a person.
    pub detail: String,
    /// The tasks assigned to this instance.
    pub tasks: Vec<TaskStatus>,
    /// Restore of all tasks together.
    pub restore: RestoreProgress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_named_alike_in_code_and_json() {
        use State::*;
        for state in [
            Created,
            Rebalancing,
            Restoring,
            Running,
            Paused,
            PendingShutdown,
            NotRunning,
            PendingError,
            Error,
        ] {
            assert_eq!(
                serde_json::to_string(&state).unwrap(),
                format!("\"{}\"", state.name())
            );
        }
    }
}
