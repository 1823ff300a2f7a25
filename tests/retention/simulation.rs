//! The real topology on disk, an hour at a time; the clock of the wall is that of the records.

use std::time::Duration;

use jumun::config::Aggregates;
use jumun::job::{JobOptions, counters, topics, topology};
use tempfile::TempDir;
use topology::graph::SubTopology;
use topology::io::Headers;
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::time::Clock;

use super::lives::Lives;
use super::market::{Market, START_MS};
use super::sample::{Extent, Sample};

const APPLICATION: &str = "jumun";
const HOUR_MS: i64 = 3_600_000;
const TASK: TaskId = TaskId {
    subtopology: 0,
    partition: 0,
};

fn changelogs() -> [String; 3] {
    ["orders", "parked", "watches"].map(|store| SubTopology::changelog_topic(APPLICATION, store))
}

pub struct Simulation {
    driver: TestDriver,
    directory: TempDir,
    hour: i64,
    pub market: Market,
    pub lives: Lives,
}

impl Simulation {
    pub fn new(orders_per_day: u32) -> Self {
        let options = JobOptions {
            aggregates: Aggregates {
                enabled: false,
                ..Aggregates::default()
            },
            ..JobOptions::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let mut config = TestDriverConfig::new(APPLICATION).state_dir(directory.path());
        config.initial_wall_clock_ms = START_MS;
        // A commit moves the driver's clock by one interval.
        config.streams.commit_interval = Duration::from_millis(1);
        let built = topology(&options).build().unwrap();
        Self {
            driver: TestDriver::new(built, config).unwrap(),
            directory,
            hour: 0,
            market: Market::new(orders_per_day),
            lives: Lives::default(),
        }
    }

    fn now(&self) -> i64 {
        self.driver.clock().wall_clock_ms()
    }

    /// Runs to the end of a day; days are counted from 1.
    pub fn run_to_day(&mut self, day: u32) {
        while self.hour < i64::from(day) * 24 {
            self.send_hour();
            self.commit();
        }
    }

    /// The same, with a crash in the evening: what the hour brought is processed and not committed, and the disk has
    /// got hold of it or not.
    pub fn crash_at(&mut self, day: u32, flush: bool) {
        while self.hour < i64::from(day) * 24 - 5 {
            self.send_hour();
            self.commit();
        }
        self.send_hour();
        if flush {
            self.driver.flush().unwrap();
        }
        self.driver.crash();
        self.driver.start().unwrap();
        self.commit();
        self.run_to_day(day);
    }

    /// Sends an hour's records once they are past, and has them processed.
    fn send_hour(&mut self) {
        self.hour += 1;
        self.send_until(START_MS + self.hour * HOUR_MS);
    }

    fn send_until(&mut self, moment: i64) {
        let ahead = u64::try_from(moment - self.now()).unwrap_or(0);
        let ahead = Duration::from_millis(ahead);
        self.driver.advance_wall_clock_time(ahead).unwrap();
        let log = self.driver.log();
        self.market.until(moment, |sent| {
            let (key, value) = (Some(sent.key.as_bytes()), Some(sent.value.as_bytes()));
            log.append(sent.topic, None, key, value, sent.at, Headers::default())
                .unwrap();
        });
        self.driver.run_until_idle().unwrap();
    }

    /// Commits, reads what was told, and lets the topics forget it.
    fn commit(&mut self) {
        self.driver.commit().unwrap();
        let log = self.driver.log();
        let (lives, market) = (&mut self.lives, &mut self.market);
        let take = |topic: &str| {
            let records = log.records(topic, 0, true).unwrap();
            let end = log.watermarks(topic, 0).unwrap().high;
            log.delete_records(topic, 0, end).unwrap();
            records
        };
        for record in take(topics::TRANSITIONS) {
            lives.transition(&record);
        }
        for record in take(topics::REJECTED) {
            lives.rejected(&record);
        }
        for record in take(topics::RECONCILE) {
            lives.reconcile(&record);
        }
        for record in take(topics::STATE) {
            lives.state(&record);
        }
        lives.leave(market);
        assert!(take(topics::DEAD_LETTERS).len() <= 1);
        for topic in [
            topics::ORDER_EVENTS,
            topics::PAYMENT_EVENTS,
            topics::DELIVERY_EVENTS,
        ] {
            take(topic);
        }
    }

    /// Rows of a family, as committed.
    pub fn rows(&mut self, family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.driver.dump(TASK).unwrap().into_iter();
        let rows = rows.filter(|(of, _, _)| of == family);
        rows.map(|(_, key, value)| (key, value)).collect()
    }

    fn compact(&self) {
        for topic in changelogs() {
            self.driver.log().compact(&topic);
        }
    }

    /// The extent of everything, compared with what the topics told.
    pub fn sample(&mut self, day: u32) -> Sample {
        let mut sample = Sample::of_day(day);
        for (family, key, value) in self.driver.dump(TASK).unwrap() {
            sample.row(&family, &key, &value);
        }
        self.compact();
        for topic in changelogs() {
            for record in self.driver.log().records(&topic, 0, true).unwrap() {
                let lengths =
                    [&record.key, &record.value].map(|of| of.as_ref().map_or(0, Vec::len));
                sample.changelog.add(lengths.iter().sum());
            }
        }
        let count = |name: &str| {
            let mut counts = counters::names().zip(self.driver.counters());
            counts.find(|(known, _)| known == name).unwrap().1
        };
        for (name, count) in counters::names().zip(self.driver.counters()) {
            assert!(count == 0 || !name.starts_with("invariant/"), "{name}");
        }
        sample.in_flight = count("in-flight/entered") - count("in-flight/left");
        assert_eq!(sample.in_flight, self.lives.in_flight(), "day {day}");
        let (market, now) = (&self.market, self.now());
        self.lives.none_is_overdue(market, now);
        // Ghosts and events that came for no order are stored as orders are, from their time on.
        let others = market.ghosts.values().chain(market.stubs.values());
        let others = others.filter(|since| **since < now).count();
        assert_eq!(sample.orders.rows, self.lives.len() + others, "day {day}");
        sample.is_consistent();
        sample
    }

    /// The disk is lost: what comes from the changelog is what there was, family by family.
    pub fn restore_from_nothing(&mut self) {
        let sorted = |mut rows: Vec<(String, Vec<u8>, Vec<u8>)>| {
            rows.sort();
            rows
        };
        let before = sorted(self.driver.dump(TASK).unwrap());
        self.driver.crash();
        std::fs::remove_dir_all(self.directory.path().join(APPLICATION)).unwrap();
        self.driver.start().unwrap();
        let after = sorted(self.driver.dump(TASK).unwrap());
        for family in ["orders", "parked", "watches", "_task"] {
            let extent = |rows: &[(String, Vec<u8>, Vec<u8>)]| {
                let mut extent = Extent::default();
                for (of, key, value) in rows {
                    if of == family {
                        extent.add(key.len() + value.len());
                    }
                }
                extent
            };
            assert_eq!(extent(&before), extent(&after), "{family}");
            assert!(extent(&after).rows > 0, "{family}");
        }
        assert!(before == after, "rows differ");
    }

    /// No order comes any more, and so much time passes that all are forgotten.
    pub fn let_all_leave(&mut self, days: i64) {
        self.market.close();
        for _ in 0..days {
            for _ in 0..24 {
                self.market.add_moment(START_MS + self.hour * HOUR_MS + 1);
                self.send_hour();
                self.commit();
            }
            self.compact();
        }
    }
}
