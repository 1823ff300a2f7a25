//! How long each partition of an output was silent, as a read_committed reader of it sees.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jumun_harness::{Isolation, Kafka};

/// When records came, by partition.
type Arrivals = BTreeMap<i32, Vec<Instant>>;

/// A thread that reads an output as it is written.
pub struct GapWatch {
    arrivals: Arc<Mutex<Arrivals>>,
    stop: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl GapWatch {
    /// Begins to read a topic.
    pub fn begin(kafka: &Kafka, topic: &str) -> Self {
        let arrivals = Arc::new(Mutex::new(Arrivals::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut reader = kafka.reader(topic, None, Isolation::ReadCommitted).unwrap();
        let (shared, told) = (Arc::clone(&arrivals), Arc::clone(&stop));
        let reader = thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                if let Some(record) = reader.next_record().unwrap() {
                    let now = Instant::now();
                    let mut arrivals = shared.lock().unwrap();
                    arrivals.entry(record.partition).or_default().push(now);
                }
            }
        });
        Self {
            arrivals,
            stop,
            reader,
        }
    }

    /// Waits until every one of so many partitions has had a record after `since`; false when the time is over before.
    pub fn flows_since(&self, since: Instant, partitions: i32, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            let arrivals = self.arrivals.lock().unwrap();
            let flows =
                |partition: i32| arrivals.get(&partition).and_then(|all| all.last()) > Some(&since);
            if (0..partitions).all(flows) {
                return true;
            }
            drop(arrivals);
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The longest silence of any partition that touches the time between, and which partition it was. What lasts at
    /// the end counts as far as it has come.
    pub fn longest(&self, from: Instant, to: Instant) -> (i32, Duration) {
        let arrivals = self.arrivals.lock().unwrap();
        let mut longest = (-1, Duration::ZERO);
        for (partition, all) in arrivals.iter() {
            let before = all.iter().rev().find(|at| **at <= from).copied();
            let mut last = before.unwrap_or(from);
            let within = all.iter().filter(|at| **at > from).copied();
            for at in within.take_while(|at| *at <= to).chain([to]) {
                longest = longest_of(longest, (*partition, at.duration_since(last)));
                last = at;
            }
        }
        longest
    }

    pub fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.reader.join().unwrap();
    }
}

fn longest_of(one: (i32, Duration), other: (i32, Duration)) -> (i32, Duration) {
    if other.1 > one.1 { other } else { one }
}
