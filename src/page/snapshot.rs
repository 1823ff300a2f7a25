//! Everything the page shows at one moment, as it is sent to the browser.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use topology::metrics::{MetricSpec, list};
use topology::runtime::{State as ThreadState, StreamsStatus};

use super::About;
use super::families::Families;
use super::history::{HistoryState, HistoryView};
use super::recent::{Recent, events};
use super::watched::{DetectorCount, Timer};
use crate::domain::aggregates::BusinessCounter;
use crate::domain::outcome::Outcome;
use crate::domain::status::DisplayStatus;
use crate::http::{RestoreProgress, State, Status};
use crate::job::metrics::list as orders;

/// One moment. Figures are those of one gathering of the metrics; none where a family is absent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot<'a> {
    /// Milliseconds since the epoch.
    pub(super) at: i64,
    pub(super) uptime_seconds: u64,
    pub(super) about: &'a About,
    pub(super) condition: Condition,
    pub(super) restore: RestoreProgress,
    pub(super) threads: Vec<Thread>,
    pub(super) engine: Engine,
    pub(super) recent: Recent,
    pub(super) orders: Orders,
    pub(super) outcomes: Vec<OutcomeCount>,
    pub(super) timers: Option<Vec<Timer>>,
    pub(super) detectors: Option<Vec<DetectorCount>>,
    pub(super) history: HistoryView,
}

/// The one thing that is going on, worst first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Condition {
    /// The state of the process, or `BROKER_LOST`.
    pub(super) name: &'static str,
    /// For a person; may be empty.
    pub(super) detail: String,
}

/// A stream thread and its tasks.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Thread {
    name: String,
    state: ThreadState,
    detail: String,
    tasks: Vec<Task>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Task {
    id: String,
    state: &'static str,
    restored: i64,
    total: i64,
    /// Records behind, all inputs together; none before it is known.
    lag: Option<f64>,
}

/// Counters and gauges of the engine.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Engine {
    /// Input events, without what the job sends to itself.
    events: Option<f64>,
    records_in: Option<f64>,
    records_out: Option<f64>,
    /// Records out by kind: sink, repartition, changelog, dead_letter.
    out: Option<BTreeMap<String, f64>>,
    dead_letters: Option<f64>,
    transactions: Option<BTreeMap<String, f64>>,
    commits: Option<u64>,
    commit_seconds: Option<f64>,
    rebalances: Option<f64>,
    restored_records: Option<f64>,
    /// Copies of tasks that other instances run.
    standby_tasks: Option<f64>,
    /// Changelog offsets that they are behind, all together.
    standby_lag: Option<f64>,
    lag: Option<f64>,
    /// Of the partition that is furthest behind.
    lag_seconds: Option<f64>,
    /// How far the windowed aggregation's slowest task is behind the wall clock, in seconds.
    watermark_delay: Option<f64>,
    state_keys: Option<f64>,
    unflushed_records: Option<f64>,
    memory_bytes: Option<f64>,
    disk_bytes: Option<f64>,
    stalled_tasks: Option<f64>,
    background_errors: Option<f64>,
}

/// Orders by the aggregates' metrics.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Orders {
    created: Option<f64>,
    paid: Option<f64>,
    /// In the order in which an order goes through them.
    in_flight: Option<Vec<StatusCount>>,
    /// What is meant to be first.
    terminal: Option<Vec<StatusCount>>,
}

#[derive(Debug, PartialEq, Serialize)]
struct StatusCount {
    status: String,
    korean: &'static str,
    count: f64,
}

/// Input records by what became of them.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct OutcomeCount {
    outcome: String,
    reason: String,
    count: f64,
}

impl Condition {
    pub(super) fn of(status: &Status, streams: &StreamsStatus, history: &HistoryView) -> Self {
        let is_over = matches!(
            status.state,
            State::PendingShutdown | State::NotRunning | State::PendingError | State::Error
        );
        let of_thread = streams
            .threads
            .iter()
            .find_map(|thread| thread.broker_trouble.as_ref());
        let of_reader = (history.state == HistoryState::Unreachable).then_some(&history.detail);
        match of_thread.or(of_reader) {
            Some(trouble) if !is_over => Self {
                name: "BROKER_LOST",
                detail: trouble.clone(),
            },
            _ => Self {
                name: status.state.name(),
                detail: status.detail.clone(),
            },
        }
    }
}

/// The threads, with the lag that the metrics tell.
pub(super) fn threads(streams: &StreamsStatus, families: &Families) -> Vec<Thread> {
    let lags = families.by_labels(list::LAG.name, ["topic", "partition"]);
    let lags: BTreeMap<String, f64> = lags
        .unwrap_or_default()
        .into_iter()
        .map(|([topic, partition], lag)| (format!("{topic}-{partition}"), lag))
        .collect();
    let threads = streams.threads.iter().map(|thread| Thread {
        name: thread.name.clone(),
        state: thread.state,
        detail: thread.detail.clone(),
        tasks: thread
            .tasks
            .iter()
            .map(|task| {
                let known: Vec<f64> = task
                    .inputs
                    .iter()
                    .map(|input| format!("{}-{}", input.topic, input.partition))
                    .filter_map(|partition| lags.get(&partition).copied())
                    .collect();
                Task {
                    id: task.id.clone(),
                    state: match task.paused {
                        Some(_) => "PAUSED",
                        None => task.state,
                    },
                    restored: (task.restore.total - task.restore.remaining).max(0),
                    total: task.restore.total,
                    lag: (!known.is_empty()).then(|| known.iter().sum()),
                }
            })
            .collect(),
    });
    threads.collect()
}

impl Engine {
    pub(super) fn of(families: &Families, now_ms: i64) -> Self {
        let sum = |spec: MetricSpec| families.sum(spec.name);
        let by = |spec: MetricSpec, label| families.by_label(spec.name, label);
        let commits = families.histogram(list::COMMIT.name);
        let watermark = families.min(list::WATERMARK.name);
        let memory = [
            list::CACHED,
            list::DIRTY,
            list::MEMTABLES,
            list::BLOCK_CACHE,
        ];
        Self {
            events: events(families),
            records_in: sum(list::RECORDS_IN),
            records_out: sum(list::RECORDS_OUT),
            out: by(list::RECORDS_OUT, "kind"),
            dead_letters: sum(list::DEAD_LETTERS),
            transactions: by(list::TRANSACTIONS, "result"),
            commits: commits.as_ref().map(|commits| commits.count),
            commit_seconds: commits.as_ref().map(|commits| commits.sum),
            rebalances: sum(list::REBALANCES),
            restored_records: sum(list::RESTORED_RECORDS),
            standby_tasks: sum(list::STANDBY_TASKS),
            standby_lag: sum(list::STANDBY_LAG),
            lag: sum(list::LAG),
            lag_seconds: families.max(list::LAG_SECONDS.name),
            watermark_delay: watermark
                .filter(|seconds| *seconds > 0.0)
                .map(|seconds| (now_ms as f64 / 1_000.0 - seconds).max(0.0)),
            state_keys: sum(list::KEYS),
            unflushed_records: sum(list::UNFLUSHED_RECORDS),
            memory_bytes: memory.into_iter().map(sum).sum(),
            disk_bytes: sum(list::DISK),
            stalled_tasks: sum(list::WRITE_STALLS),
            background_errors: sum(list::BACKGROUND_ERRORS),
        }
    }
}

impl Orders {
    pub(super) fn of(families: &Families) -> Self {
        let in_flight = families.by_label(orders::IN_FLIGHT.name, "status");
        let terminal = families.by_label(BusinessCounter::TerminalBySido.name(), "status");
        Self {
            created: families.sum(BusinessCounter::CreatedBySido.name()),
            paid: families.sum(BusinessCounter::PaidBySido.name()),
            in_flight: in_flight.map(|by| {
                // The codes go from the end of an order's way to its beginning.
                let on_the_way = DisplayStatus::ALL.iter().rev();
                let on_the_way = on_the_way.filter(|status| status.is_in_flight());
                let mut counts: Vec<StatusCount> = on_the_way
                    .map(|status| StatusCount {
                        status: status.name().to_owned(),
                        korean: status.korean(),
                        count: by.get(status.name()).copied().unwrap_or(0.0),
                    })
                    .collect();
                counts.extend(by.iter().filter_map(|(status, count)| {
                    let known = DisplayStatus::from_name(status);
                    (!known.is_some_and(DisplayStatus::is_in_flight))
                        .then(|| status_count(status, *count))
                }));
                counts
            }),
            terminal: terminal.map(|by| {
                let counts = by
                    .iter()
                    .map(|(status, count)| status_count(status, *count));
                let mut counts: Vec<StatusCount> = counts.collect();
                let code = |one: &StatusCount| {
                    DisplayStatus::from_name(&one.status).map(DisplayStatus::code)
                };
                counts.sort_by_key(|one| Reverse(code(one)));
                counts
            }),
        }
    }
}

fn status_count(status: &str, count: f64) -> StatusCount {
    StatusCount {
        status: status.to_owned(),
        korean: DisplayStatus::from_name(status).map_or("", DisplayStatus::korean),
        count,
    }
}

/// The outcomes that have occurred, and events that have none yet, because they are parked, in the order of [`Outcome::all`].
pub(super) fn outcomes(families: &Families) -> Vec<OutcomeCount> {
    let by = families.by_labels(orders::EVENTS_OUTCOME.name, ["outcome", "reason"]);
    let mut by = by.unwrap_or_default();
    let parked = families.sum(orders::PARKED.name).unwrap_or(0.0);
    by.insert([Outcome::Parked.name().to_owned(), String::new()], parked);
    let order = |key: &[String; 2]| {
        let [outcome, reason] = key;
        Outcome::all().position(|known| known.name() == outcome && known.reason() == reason)
    };
    let mut counts: Vec<_> = by.into_iter().filter(|(_, count)| *count > 0.0).collect();
    counts.sort_by_key(|(key, _)| order(key).unwrap_or(usize::MAX));
    let counts = counts
        .into_iter()
        .map(|([outcome, reason], count)| OutcomeCount {
            outcome,
            reason,
            count,
        });
    counts.collect()
}
