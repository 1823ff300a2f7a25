//! What derived topics tell of an order that its state does not: what was refused and may still be repaired, which timers
//! were told, what detectors found, where owners contradict each other.
//!
//! Topics have no index by key. Of each, the one partition that can have the order is read, from the order's beginning on
//! where that is known, and never more than its last offsets; the answer says how far back that was. Clients are made and
//! dropped on a thread of each search, and there are few at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use topology::Error;
use topology::io::murmur2::partition_of;
use topology::io::{Admin, Log, RecordView, TopicPartition, Watermarks};
use topology::time::{Clock, SystemClock};

use super::answer::KstTime;
use super::find::{Reply, reply};
use super::problem::{Problem, ProblemKind};
use crate::job::REBUILD;
use crate::job::topics::{DETECTOR, RECONCILE, REJECTED, SLA};
use crate::scan::{Extent, Next, Scan, ScanError, Wanted};

/// The topics whose keys are order numbers and that tell what an order's state does not.
const TOPICS: [&str; 4] = [REJECTED, SLA, DETECTOR, RECONCILE];
/// Offsets before the end of a partition beyond which is not read; half of them may be markers of transactions.
pub(super) const BACK: i64 = 20_000;
/// Records told of one topic: the newest.
pub(super) const RECORDS: usize = 100;
/// A longer record is left out.
const RECORD_BYTES: usize = 64 << 10;
/// Searches at a time.
const SEARCHES: usize = 2;
/// What was read by then is told.
const READING: Duration = Duration::from_secs(5);
/// Longest wait for a search: the brokers may not answer at all.
const SEARCH: Duration = Duration::from_secs(20);
/// What comes before the order's own first event, such as a refused cancel.
const BEFORE_MS: i64 = 60_000;
const CALL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_millis(200);

/// What was found, by topic.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracesAnswer {
    /// The order number.
    pub order_no: String,
    /// When this was read.
    pub as_of: KstTime,
    /// The topics that exist.
    pub topics: Vec<TraceAnswer>,
}

/// What was found in a topic, and how far it was looked.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceAnswer {
    /// The topic.
    pub topic: String,
    /// The partition that has the order's records.
    pub partition: i32,
    /// The first offset that was read.
    pub first_offset: i64,
    /// Behind the last.
    pub end_offset: i64,
    /// Time of the first record that was read; none if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<KstTime>,
    /// Whether that reaches back to where the order, or the topic, begins.
    pub reaches_back: bool,
    /// Whether reading came to the end.
    pub reached_end: bool,
    /// The order's records, oldest first.
    pub records: Vec<Trace>,
    /// Further ones that are not told: older, too long, or no JSON.
    pub omitted: usize,
}

/// A record of an order.
#[derive(Debug, Serialize)]
pub struct Trace {
    /// Its timestamp.
    pub at: KstTime,
    /// Its offset.
    pub offset: i64,
    /// Its value, as its topic is specified.
    pub value: Box<RawValue>,
}

/// Searches the topics.
pub struct Traces {
    log: Arc<dyn Log>,
    instance: String,
    suffix: &'static str,
    searches: Arc<Semaphore>,
}

impl Traces {
    /// Searches the topics on `log` as this instance; those of an application that processes the log anew if `rebuild`.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, instance: String, rebuild: bool) -> Self {
        Self {
            log,
            instance,
            suffix: if rebuild { REBUILD } else { "" },
            searches: Arc::new(Semaphore::new(SEARCHES)),
        }
    }

    /// What the topics tell of an order that began at `since`, epoch milliseconds, if that is known.
    pub async fn find(&self, order_no: &str, since: Option<i64>) -> Reply {
        let failed = |error: ProblemKind, detail: String| {
            let problem = Problem {
                order_no: order_no.to_owned(),
                error,
                detail,
                instance: self.instance.clone(),
                absent: Vec::new(),
                restoring: Vec::new(),
            };
            reply(error.status(), error.passes(), &problem)
        };
        let Ok(permit) = Arc::clone(&self.searches).try_acquire_owned() else {
            let detail = "too many are looked for in topics at the same time".to_owned();
            return failed(ProblemKind::Busy, detail);
        };
        let (tell, told) = oneshot::channel();
        let log = Arc::clone(&self.log);
        let client_id = format!("{}-traces", self.instance);
        let (suffix, asked) = (self.suffix, order_no.to_owned());
        let thread = std::thread::Builder::new().name("order-traces".to_owned());
        let search = move || {
            // Whoever asked may have gone.
            let _ = tell.send(search(log.as_ref(), &client_id, suffix, &asked, since));
            drop(permit);
        };
        if let Err(error) = thread.spawn(search) {
            return failed(ProblemKind::Busy, format!("start a thread: {error}"));
        }
        match timeout(SEARCH, told).await {
            Ok(Ok(Ok(topics))) => {
                let answer = TracesAnswer {
                    order_no: order_no.to_owned(),
                    as_of: KstTime(SystemClock::new().wall_clock_ms()),
                    topics,
                };
                reply(StatusCode::OK, false, &answer)
            }
            Ok(Ok(Err(error))) => failed(ProblemKind::TopicsUnavailable, error.to_string()),
            Ok(Err(_)) | Err(_) => {
                let detail = "the brokers did not answer in time".to_owned();
                failed(ProblemKind::TopicsUnavailable, detail)
            }
        }
    }
}

/// Where reading begins, and whether that is early enough.
fn beginning(
    admin: &mut dyn Admin,
    partition: &TopicPartition,
    marks: Watermarks,
    since: Option<i64>,
) -> Result<(i64, bool), Error> {
    let earliest = (marks.high - BACK).max(marks.low);
    let Some(since) = since else {
        return Ok((earliest, earliest <= marks.low));
    };
    let asked = std::slice::from_ref(partition);
    let from = admin.offsets_at(asked, since.saturating_sub(BEFORE_MS), CALL)?;
    let from = from.first().copied().flatten().unwrap_or(marks.high);
    Ok((from.max(earliest), from.max(marks.low) >= earliest))
}

/// Reads the partitions that can have the order.
pub(super) fn search(
    log: &dyn Log,
    client_id: &str,
    suffix: &str,
    order_no: &str,
    since: Option<i64>,
) -> Result<Vec<TraceAnswer>, ScanError> {
    let names = TOPICS.map(|topic| format!("{topic}{suffix}"));
    let topics = names.each_ref().map(String::as_str);
    let wanted = Wanted {
        client_id,
        topics: &topics,
        partition: None,
        extent: Extent::ToEnd,
    };
    let mut known: BTreeMap<String, i32> = BTreeMap::new();
    let mut found: BTreeMap<String, TraceAnswer> = BTreeMap::new();
    let opened = Scan::open(log, wanted, |admin, partition, marks| {
        let partitions = match known.get(&partition.topic) {
            Some(partitions) => *partitions,
            None => {
                let described = admin.describe_topics(&[&partition.topic], CALL)?;
                let described = described.into_iter().flatten().next();
                let partitions = described.map_or(0, |topic| topic.partitions);
                known.insert(partition.topic.clone(), partitions);
                partitions
            }
        };
        if partitions == 0 || partition_of(order_no.as_bytes(), partitions) != partition.partition {
            return Ok(marks.high);
        }
        let (offset, reaches_back) = beginning(admin, partition, marks, since)?;
        found.insert(
            partition.topic.clone(),
            TraceAnswer {
                topic: partition.topic.clone(),
                partition: partition.partition,
                first_offset: offset,
                end_offset: marks.high,
                reaches_back,
                reached_end: offset >= marks.high,
                ..TraceAnswer::default()
            },
        );
        Ok(offset)
    });
    let mut scan = match opened {
        Ok(scan) => scan,
        // An application that has told nothing yet.
        Err(ScanError::NoTopic(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let deadline = Instant::now() + READING;
    let is_at_end = loop {
        match scan.next(PATIENCE)? {
            Next::Records(scanned) => {
                if let Some(answer) = found.get_mut(&scanned.partition.topic) {
                    for record in scanned.records() {
                        answer.take(order_no, &record);
                    }
                }
            }
            Next::Nothing => {}
            Next::End => break true,
        }
        if Instant::now() > deadline {
            break false;
        }
    };
    let in_order = names.iter().filter_map(|name| found.remove(name));
    let told = in_order.map(|answer| TraceAnswer {
        reached_end: answer.reached_end || is_at_end,
        ..answer
    });
    Ok(told.collect())
}

impl TraceAnswer {
    fn take(&mut self, order_no: &str, record: &RecordView<'_>) {
        self.since.get_or_insert(KstTime(record.timestamp));
        if record.key != Some(order_no.as_bytes()) {
            return;
        }
        let Some(value) = record.value else {
            return;
        };
        let text = std::str::from_utf8(value).ok();
        let text = text.filter(|text| text.len() <= RECORD_BYTES);
        match text.and_then(|text| RawValue::from_string(text.to_owned()).ok()) {
            Some(value) => self.records.push(Trace {
                at: KstTime(record.timestamp),
                offset: record.offset,
                value,
            }),
            None => self.omitted += 1,
        }
        if self.records.len() > RECORDS {
            self.records.remove(0);
            self.omitted += 1;
        }
    }
}
