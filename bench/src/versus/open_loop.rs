//! Sends events on a schedule, from a thread of its own. Each record carries the time at which it should have been sent as
//! its timestamp, in whole milliseconds; how late the generator was is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jumun::feed::Feed;
use jumun::generate::{EventSource, GeneratedEvent};
use topology::io::kafka::KafkaLog;
use topology::io::{HeaderBuffer, TopicSpec};

use super::histogram::Latencies;
use super::schedule::{Schedule, before_others, now_us};
use crate::backlog;
use crate::error::{Error, Result};

/// Longest sleep, so that acknowledgements are served.
const NAP: Duration = Duration::from_millis(5);
/// A generator that is later than this at the 99th percentile did not keep its schedule: the run is invalid.
pub(super) const LATEST_MS: f64 = 5.0;

/// The thread.
pub(super) struct OpenLoop {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<Result<Sent>>,
}

/// What was sent.
pub(super) struct Sent {
    /// How long after its time each event was handed to the client.
    pub(super) lateness: Latencies,
    /// It goes on behind what was sent.
    pub(super) source: Source,
}

/// Where events come from.
pub(super) type Source = Box<dyn EventSource + Send>;

impl OpenLoop {
    /// Begins to send what `source` yields, so many events, or until it is ended.
    pub(super) fn begin(
        log: &KafkaLog,
        topics: Vec<TopicSpec>,
        mut source: Source,
        schedule: Schedule,
        events: Option<u64>,
    ) -> Result<Self> {
        let log = log.clone();
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (told, count) = (Arc::clone(&stop), Arc::clone(&sent));
        let send = move || {
            before_others();
            // A producer stays on the thread that made it.
            let mut feed = Feed::open(&log, "jumun-bench-load", &topics)?;
            let mut event = GeneratedEvent::default();
            let mut headers = HeaderBuffer::default();
            let mut lateness = Latencies::new()?;
            let mut number = 0;
            while events.is_none_or(|events| number < events) && !told.load(Ordering::Relaxed) {
                let due = schedule.due(number);
                let now = now_us();
                if due > now {
                    feed.poll()?;
                    std::thread::sleep(NAP.min(Duration::from_micros(due - now)));
                    continue;
                }
                if !source.next_into(&mut event) {
                    return Err(Error::failed("the generator has no more events"));
                }
                event.timestamp = due / 1_000;
                backlog::send(&mut feed, &event, &mut headers)?;
                lateness.record(now_us().saturating_sub(due));
                number += 1;
                count.store(number, Ordering::Relaxed);
            }
            feed.flush()?;
            Ok(Sent { lateness, source })
        };
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(send)
            .map_err(Error::file("starting", "the thread of the load".as_ref()))?;
        Ok(Self { stop, sent, thread })
    }

    /// How many events were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until all is sent and acknowledged.
    pub(super) fn finish(self) -> Result<Sent> {
        let sent = self.thread.join();
        sent.map_err(|_| Error::failed("the load panicked"))?
    }

    /// Ends it; everything sent is acknowledged then.
    pub(super) fn end(self) -> Result<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.finish()
    }
}
