//! Who watches the page. Snapshots are made, and topics read, as long as someone does.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use topology::io::Log;
use topology::time::{Clock, SystemClock};

use super::About;
use super::events::message;
use super::families::Families;
use super::history::History;
use super::recent::{Memory, events};
use super::report;
use super::snapshot::{Condition, Engine, Orders, Snapshot, outcomes, threads};
use super::watched;
use crate::http::StatusSource;

/// Between two snapshots.
const TICK: Duration = Duration::from_secs(1);
/// Browsers that may watch at the same time; the server's other connections stay free for health and metrics.
pub(super) const MAX_WATCHERS: usize = 16;

/// Longest wait for the reader at the end: longer than one of its calls to the brokers takes.
const CLOSE: Duration = Duration::from_secs(3);

/// The page of one process.
///
/// One snapshot a second is made for all who watch, and each gets the latest that it can take. Without anyone watching
/// nothing is gathered and nothing is read.
pub struct Page {
    source: Arc<dyn StatusSource>,
    about: About,
    history: History,
    clock: Arc<dyn Clock>,
    started: Duration,
    latest: watch::Sender<Option<Bytes>>,
    /// Of the last minute, as far as somebody looked.
    memory: Mutex<Memory>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    watchers: usize,
    ticking: bool,
    reading: bool,
    closed: bool,
    reader: Option<JoinHandle<()>>,
}

/// Someone who watches, until dropped.
pub struct Watcher {
    page: Arc<Page>,
    latest: watch::Receiver<Option<Bytes>>,
}

impl Page {
    /// A page of what `source` tells, with history from the derived topics on `log`. Nothing is read yet.
    pub fn new(source: Arc<dyn StatusSource>, log: Arc<dyn Log>, about: About) -> Arc<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let client_id = format!("{}-page", about.instance_id);
        Arc::new(Self {
            source,
            history: History::new(log, client_id, Arc::clone(&clock)).of(about.rebuild),
            about,
            started: clock.monotonic(),
            clock,
            latest: watch::Sender::new(None),
            memory: Mutex::default(),
            watched: Mutex::default(),
        })
    }

    /// Lets someone watch; none when there are too many already. To be called within the runtime.
    pub fn watch(self: &Arc<Self>) -> Option<Watcher> {
        let mut watched = self.watched.lock();
        if watched.watchers >= MAX_WATCHERS || watched.closed {
            return None;
        }
        watched.watchers += 1;
        if !watched.ticking {
            watched.ticking = true;
            // What was shown last is of no interest any more.
            let _ = self.latest.send_replace(None);
            tokio::spawn(Arc::clone(self).tick());
        }
        if !watched.reading {
            let page = Arc::clone(self);
            let thread = std::thread::Builder::new().name("page".to_owned());
            match thread.spawn(move || page.read()) {
                Ok(reader) => {
                    watched.reading = true;
                    watched.reader = Some(reader);
                }
                Err(error) => tracing::warn!("the page shows no history: start a thread: {error}"),
            }
        }
        Some(Watcher {
            page: Arc::clone(self),
            latest: self.latest.subscribe(),
        })
    }

    /// Ends the reading of topics and waits a little for its thread, so that its clients are gone before the process
    /// ends. Blocks; not for async code.
    pub fn close(&self) {
        let reader = {
            let mut watched = self.watched.lock();
            watched.closed = true;
            watched.reader.take()
        };
        let Some(reader) = reader else { return };
        let deadline = self.clock.monotonic() + CLOSE;
        while !reader.is_finished() {
            if self.clock.monotonic() > deadline {
                tracing::debug!("the page's reader still waits for the brokers; left behind");
                return;
            }
            self.clock.sleep(Duration::from_millis(5));
        }
        if reader.join().is_err() {
            tracing::warn!("the thread that read the page's history panicked");
        }
    }

    async fn tick(self: Arc<Self>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut number = 0_u64;
        loop {
            ticks.tick().await;
            if self.is_over(|watched| &mut watched.ticking) {
                return;
            }
            number += 1;
            match self.snapshot() {
                Ok(snapshot) => {
                    let _ = self.latest.send_replace(Some(message(number, &snapshot)));
                }
                Err(error) => tracing::error!("the page's snapshot could not be written: {error}"),
            }
        }
    }

    /// What `GET /status` answers, as JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn status_report(&self) -> serde_json::Result<Vec<u8>> {
        let now = self.clock.monotonic();
        let families = Families::gather(self.source.metrics());
        let recent = self.memory.lock().observe(now, &families);
        serde_json::to_vec(&report::of(&report::Facts {
            about: &self.about,
            at_ms: self.clock.wall_clock_ms(),
            uptime: now.saturating_sub(self.started),
            status: &self.source.status(),
            streams: &self.source.streams(),
            events: events(&families),
            events_per_second: recent.events_per_second,
        }))
    }

    fn snapshot(&self) -> serde_json::Result<Vec<u8>> {
        let now = self.clock.monotonic();
        let families = Families::gather(self.source.metrics());
        let at = self.clock.wall_clock_ms();
        let (status, streams) = (self.source.status(), self.source.streams());
        let history = self.history.view();
        serde_json::to_vec(&Snapshot {
            at,
            uptime_seconds: now.saturating_sub(self.started).as_secs(),
            about: &self.about,
            condition: Condition::of(&status, &streams, &history),
            restore: status.restore,
            threads: threads(&streams, &families),
            engine: Engine::of(&families, at),
            recent: self.memory.lock().observe(now, &families),
            orders: Orders::of(&families),
            outcomes: outcomes(&families),
            timers: watched::timers(&families),
            detectors: watched::detectors(&families),
            history,
        })
    }

    fn read(&self) {
        let wanted = || {
            let watched = self.watched.lock();
            watched.watchers > 0 && !watched.closed
        };
        loop {
            self.history.run(&wanted);
            // Someone may have come meanwhile, and found this thread at work.
            if self.is_over(|watched| &mut watched.reading) {
                return;
            }
        }
    }

    /// Whether nobody watches; if so, the worker is noted as gone.
    fn is_over(&self, worker: impl FnOnce(&mut Watched) -> &mut bool) -> bool {
        let mut watched = self.watched.lock();
        let is_over = watched.watchers == 0 || watched.closed;
        if is_over {
            *worker(&mut watched) = false;
        }
        is_over
    }

    /// Watchers, and whether the ticker and the reader run.
    #[cfg(test)]
    pub(super) fn workers(&self) -> (usize, bool, bool) {
        let watched = self.watched.lock();
        (watched.watchers, watched.ticking, watched.reading)
    }
}

impl Watcher {
    /// The latest snapshots, as messages of the stream.
    pub(super) fn latest(&mut self) -> &mut watch::Receiver<Option<Bytes>> {
        &mut self.latest
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watched = self.page.watched.lock();
        watched.watchers = watched.watchers.saturating_sub(1);
    }
}
