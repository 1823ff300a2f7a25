//! Reads the transitions as they become visible to a read_committed consumer. An output carries the timestamp of the input
//! that caused it, which is the time at which that should have been sent: how long it took is known without any table.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jumun::job::topics;
use topology::io::kafka::KafkaLog;
use topology::io::{Admin, Log, Position, RecordBatch};

use super::histogram::Latencies;
use super::schedule::{before_others, now_us};
use crate::error::{Error, Result};
use crate::partitions;

/// Records taken from one partition at a time.
const TURN: usize = 4_096;
/// Between two looks when nothing came; a latency is longer by so much at most.
const NAP: Duration = Duration::from_millis(1);
/// An output that comes within this after its input was due is one of a program that keeps up.
const PROMPT_US: u64 = 500_000;

/// What came so far.
struct Seen {
    records: u64,
    latencies: Latencies,
    /// Latencies count of events that were due in this span of milliseconds since the epoch.
    measured: (i64, i64),
    /// Events due before this many milliseconds do not count in the next three.
    after_ms: i64,
    first_us: Option<u64>,
    /// By partition: when the first prompt output came.
    prompt_us: Vec<Option<u64>>,
}

impl Seen {
    fn take(&mut self, partition: usize, timestamp: i64, now: u64) {
        self.records += 1;
        let due = u64::try_from(timestamp).unwrap_or(0).saturating_mul(1_000);
        let took = now.saturating_sub(due);
        if (self.measured.0..self.measured.1).contains(&timestamp) {
            self.latencies.record(took);
        }
        if timestamp < self.after_ms {
            return;
        }
        self.first_us.get_or_insert(now);
        if let (true, Some(prompt)) = (took <= PROMPT_US, self.prompt_us.get_mut(partition)) {
            prompt.get_or_insert(now);
        }
    }
}

/// The thread that reads.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Watch {
    /// Begins behind what is there now.
    pub(super) fn begin(log: &KafkaLog, admin: &mut dyn Admin) -> Result<Self> {
        let from = partitions::of(admin, &[topics::TRANSITIONS])?;
        let from = partitions::ends(admin, &from)?;
        let seen = Arc::new(Mutex::new(Seen {
            records: 0,
            latencies: Latencies::new()?,
            measured: (i64::MAX, i64::MAX),
            after_ms: i64::MAX,
            first_us: None,
            prompt_us: vec![None; from.len()],
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, told) = (Arc::clone(&seen), Arc::clone(&stop));
        let log = log.clone();
        let read = move || {
            before_others();
            // A reader stays on the thread that made it.
            let mut reader = log.reader("jumun-bench-watch")?;
            let mut inputs = Vec::with_capacity(from.len());
            for (partition, offset) in &from {
                inputs.push(reader.add(partition, Position::Offset(*offset))?);
            }
            let mut batch = RecordBatch::default();
            while !told.load(Ordering::Relaxed) {
                reader.poll()?;
                let mut moved = false;
                for (partition, input) in inputs.iter().enumerate() {
                    reader.fetch(*input, TURN, &mut batch)?;
                    if batch.is_empty() {
                        continue;
                    }
                    moved = true;
                    let now = now_us();
                    let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    for record in batch.iter() {
                        seen.take(partition, record.timestamp, now);
                    }
                    drop(seen);
                    batch.clear();
                }
                if !moved {
                    std::thread::sleep(NAP);
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(read)
            .map_err(Error::file("starting", "the thread that watches".as_ref()))?;
        Ok(Self { seen, stop, thread })
    }

    fn seen<T>(&self, ask: impl FnOnce(&mut Seen) -> T) -> T {
        ask(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Latencies count of events that are due in this span, microseconds since the epoch.
    pub(super) fn measure(&self, from_us: u64, to_us: u64) {
        let ms = |us: u64| i64::try_from(us / 1_000).unwrap_or(i64::MAX);
        self.seen(|seen| {
            seen.latencies.clear();
            seen.measured = (ms(from_us), ms(to_us));
        });
    }

    /// From now on first and prompt outputs are those of events due after this, microseconds since the epoch.
    pub(super) fn expect_after(&self, us: u64) {
        self.seen(|seen| {
            seen.after_ms = i64::try_from(us / 1_000 + 1).unwrap_or(i64::MAX);
            seen.first_us = None;
            seen.prompt_us.fill(None);
        });
    }

    /// When the first such output came, microseconds since the epoch.
    pub(super) fn first(&self) -> Option<u64> {
        self.seen(|seen| seen.first_us)
    }

    /// When the last partition had a prompt one.
    pub(super) fn all_prompt(&self) -> Option<u64> {
        self.seen(|seen| {
            let mut last = None;
            for prompt in &seen.prompt_us {
                last = last.max(Some((*prompt)?));
            }
            last
        })
    }

    /// Outputs that came.
    pub(super) fn records(&self) -> u64 {
        self.seen(|seen| seen.records)
    }

    /// The latencies measured so far.
    pub(super) fn latencies(&self) -> Latencies {
        self.seen(|seen| seen.latencies.clone())
    }

    /// Fails if it has ended by itself.
    pub(super) fn is_alive(&self) -> Result<()> {
        match self.thread.is_finished() {
            false => Ok(()),
            true => Err(Error::failed("the consumer of the outputs has ended")),
        }
    }

    pub(super) fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.map_err(|_| Error::failed("the consumer of the outputs panicked"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(partitions: usize) -> Seen {
        Seen {
            records: 0,
            latencies: Latencies::new().unwrap(),
            measured: (2_000, 3_000),
            after_ms: 1_500,
            first_us: None,
            prompt_us: vec![None; partitions],
        }
    }

    #[test]
    fn only_events_of_the_measured_span_count() {
        let mut seen = seen(1);
        for timestamp in [1_999, 2_000, 2_999, 3_000] {
            seen.take(0, timestamp, 4_000_000);
        }
        assert_eq!((seen.records, seen.latencies.len()), (4, 2));
        assert!((seen.latencies.at(1.0) - 2_000.0).abs() < 3.0);
    }

    #[test]
    fn the_first_output_is_that_of_an_event_due_after_the_kill() {
        let mut seen = seen(2);
        seen.take(0, 1_499, 1_600_000);
        assert_eq!(seen.first_us, None);
        seen.take(0, 1_500, 5_000_000);
        assert_eq!(seen.first_us, Some(5_000_000));
        // It was not prompt, and the next one is one of two partitions.
        assert_eq!(seen.prompt_us, [None, None]);
        seen.take(1, 5_000, 5_400_000);
        seen.take(1, 5_100, 5_500_000);
        assert_eq!(seen.prompt_us, [None, Some(5_400_000)]);
        assert_eq!(seen.first_us, Some(5_000_000));
    }
}
