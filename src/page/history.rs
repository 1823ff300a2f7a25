//! What the page knows from derived topics: what windows of a minute add up to, what detectors find, and the latest
//! rejections and breaches.
//!
//! Read by a thread that runs only while someone watches. What was read is kept between watchers, and so are the
//! positions: no record is counted twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use topology::io::{Log, RecordView, TopicPartition};
use topology::time::Clock;
use topology::{Error, ErrorClass};

use super::breaches::{Breach, Breaches};
use super::cells::Skipped;
use super::findings::{Findings, FindingsView};
use super::reading::Reading;
use super::rejections::{Rejection, Rejections};
use super::series::Series;
use super::windows::{Business, Minute, Windows};
use crate::job::REBUILD;
use crate::job::topics::{AGGREGATES, DETECTOR, LATE_AGGREGATES, REJECTED, SLA};

/// Before the next try when the brokers do not answer.
const RETRY: Duration = Duration::from_secs(2);
/// Longest sleep before the thread looks whether it is still wanted.
const NAP: Duration = Duration::from_millis(100);
/// Rejections on the page.
const REJECTIONS_SHOWN: usize = 20;
/// Breaches on the page.
const BREACHES_SHOWN: usize = 10;
/// Findings on the page: that last, and that are over.
const FINDINGS_SHOWN: usize = 10;

/// The topics that are read, and how many offsets before the end reading starts. Half of the offsets may be those of
/// transaction markers.
pub(super) const SOURCES: [(&str, i64); 5] = [
    (AGGREGATES, 100_000),
    (LATE_AGGREGATES, 10_000),
    (REJECTED, 200),
    (SLA, 200),
    (DETECTOR, 10_000),
];

/// How the reading goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum HistoryState {
    /// Nobody watches.
    #[default]
    Idle,
    /// Asking for topics and offsets.
    Connecting,
    /// Reading what lies there.
    CatchingUp,
    /// At the end of every topic that exists.
    Live,
    /// The log does not answer; tried again every two seconds.
    Unreachable,
    /// The log answers, but not with what is needed, such as leave to read; tried again too.
    Failed,
}

/// A topic and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct TopicSeen {
    pub(super) topic: &'static str,
    /// None while it does not exist.
    pub(super) partitions: Option<i32>,
}

/// The part of a snapshot that comes from topics.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryView {
    pub(super) state: HistoryState,
    /// What is wrong, for a person.
    pub(super) detail: String,
    pub(super) topics: Vec<TopicSeen>,
    /// Records taken by this process for this page.
    pub(super) read: u64,
    /// Records passed over because they are not as specified.
    pub(super) malformed: u64,
    /// Records passed over because there are too many groups.
    pub(super) crowded: u64,
    /// Late deltas added.
    pub(super) late: u64,
    pub(super) minutes: Vec<Minute>,
    pub(super) business: Business,
    pub(super) findings: FindingsView,
    pub(super) breaches: Vec<Breach>,
    pub(super) rejections: Vec<Rejection>,
}

#[derive(Default)]
struct Seen {
    state: HistoryState,
    detail: String,
    topics: Vec<TopicSeen>,
    read: u64,
    malformed: u64,
    crowded: u64,
    late: u64,
    windows: Windows,
    findings: Findings,
    breaches: Breaches,
    rejections: Rejections,
    /// Offset of the next record, by partition.
    positions: BTreeMap<TopicPartition, i64>,
}

/// What was read, and the log it is read from.
pub(super) struct History {
    pub(super) log: Arc<dyn Log>,
    pub(super) client_id: String,
    pub(super) clock: Arc<dyn Clock>,
    rebuild: bool,
    seen: Mutex<Seen>,
}

impl History {
    pub(super) fn new(log: Arc<dyn Log>, client_id: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            log,
            client_id,
            clock,
            rebuild: false,
            seen: Mutex::default(),
        }
    }

    /// The topics are those of an application that processes the log anew, or not.
    pub(super) fn of(mut self, rebuild: bool) -> Self {
        self.rebuild = rebuild;
        self
    }

    /// The name of a topic on the log.
    pub(super) fn name(&self, topic: &str) -> String {
        match self.rebuild {
            true => format!("{topic}{REBUILD}"),
            false => topic.to_owned(),
        }
    }

    pub(super) fn view(&self) -> HistoryView {
        let now_ms = self.clock.wall_clock_ms();
        let seen = self.seen.lock();
        HistoryView {
            state: seen.state,
            detail: seen.detail.clone(),
            topics: seen.topics.clone(),
            read: seen.read,
            malformed: seen.malformed,
            crowded: seen.crowded,
            late: seen.late,
            minutes: seen.windows.minutes(now_ms, &seen.findings.unusual()),
            business: seen.windows.business(now_ms),
            findings: seen.findings.view(FINDINGS_SHOWN),
            breaches: seen.breaches.latest(BREACHES_SHOWN),
            rejections: seen.rejections.latest(REJECTIONS_SHOWN),
        }
    }

    /// Reads until it is not wanted any more. Whatever goes wrong is told in the view and tried again. Clients are made
    /// and dropped on the calling thread.
    pub(super) fn run(&self, wanted: &dyn Fn() -> bool) {
        while wanted() {
            self.is_now(HistoryState::Connecting, "");
            let outcome = Reading::open(self).and_then(|mut reading| reading.run(wanted));
            if let Err(error) = outcome {
                tracing::debug!("the page's reader: {error}");
                let state = match error.class() {
                    ErrorClass::Retriable => HistoryState::Unreachable,
                    _ => HistoryState::Failed,
                };
                self.is_now(state, &error.to_string());
                self.nap(RETRY, wanted);
            }
        }
        self.is_now(HistoryState::Idle, "");
    }

    pub(super) fn nap(&self, time: Duration, wanted: &dyn Fn() -> bool) {
        let end = self.clock.monotonic() + time;
        while wanted() && self.clock.monotonic() < end {
            self.clock.sleep(NAP.min(time));
        }
    }

    pub(super) fn is_now(&self, state: HistoryState, detail: &str) {
        let mut seen = self.seen.lock();
        seen.state = state;
        detail.clone_into(&mut seen.detail);
    }

    pub(super) fn set_topics(&self, topics: Vec<TopicSeen>) {
        self.seen.lock().topics = topics;
    }

    pub(super) fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.seen.lock().positions.get(partition).copied()
    }

    /// A partition of a topic is read from its middle.
    pub(super) fn begin_midway(&self, topic: &str) {
        let mut seen = self.seen.lock();
        match topic {
            AGGREGATES | LATE_AGGREGATES => seen.windows.begin_midway(),
            DETECTOR => seen.findings.begin_midway(),
            _ => {}
        }
    }

    /// A topic was made anew, or has lost records that were not read: nothing known holds any more.
    pub(super) fn forget(&self) {
        let mut seen = self.seen.lock();
        *seen = Seen {
            state: seen.state,
            ..Seen::default()
        };
    }

    /// Takes records of one partition, in order.
    pub(super) fn take<'a>(
        &self,
        partition: &TopicPartition,
        records: impl Iterator<Item = RecordView<'a>>,
    ) {
        let now_ms = self.clock.wall_clock_ms();
        let mut seen = self.seen.lock();
        for record in records {
            if let Some(position) = seen.positions.get_mut(partition) {
                *position = record.offset + 1;
            } else {
                seen.positions.insert(partition.clone(), record.offset + 1);
            }
            seen.read += 1;
            match seen.record(&partition.topic, &record, now_ms) {
                Err(Skipped::Malformed) => seen.malformed += 1,
                Err(Skipped::Crowded) => seen.crowded += 1,
                Ok(()) | Err(Skipped::OutOfSpan) => {}
            }
        }
    }
}

impl Seen {
    fn record(&mut self, topic: &str, record: &RecordView<'_>, now_ms: i64) -> Result<(), Skipped> {
        let key = record.key.ok_or(Skipped::Malformed)?;
        let topic = source(topic);
        if let REJECTED | SLA | DETECTOR = topic {
            let value = record.value.ok_or(Skipped::Malformed)?;
            return match topic {
                REJECTED => self.rejections.add(record.timestamp, value),
                SLA => self.breaches.add(value),
                _ => self.findings.add(value),
            };
        }
        let (Some(series), Some(value)) = (Series::of_key(key), record.value) else {
            return Ok(());
        };
        if topic == LATE_AGGREGATES {
            self.windows.late(series, value, now_ms)?;
            self.late += 1;
            return Ok(());
        }
        self.windows.update(series, value, now_ms)
    }
}

/// The topic of [`SOURCES`] by its name on the log.
pub(super) fn source(name: &str) -> &str {
    name.strip_suffix(REBUILD).unwrap_or(name)
}

/// What [`Reading`] answers with.
pub(super) type Outcome<T> = Result<T, Error>;
