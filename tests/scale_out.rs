//! Instances that restart one after the other, die, join and leave while events flow, on a real Kafka: how long each
//! partition of the output is dark, and that what comes out is what the model says.
//!
//! The default suite tells one story under the classic protocol and a short one under the consumer protocol; `make
//! scale-out` tells all of them under both.

use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::Broker;

use crate::support::fleet::{Fleet, Restart};
use crate::support::gaps::GapWatch;
use crate::support::judged::compare_with_model;
use crate::support::model::InputRecord;
use crate::support::processor::{TIMEOUT, tell};
use crate::support::sessions::broker_with_session;
use crate::support::{load, topics};
/// Two tasks for each of three instances.
const PARTITIONS: i32 = 6;
/// A backlog that outlasts the story: every partition has something to put out all the time, and the three inputs are
/// merged by time alone, as the model merges them.
const EVENTS: usize = 100_000;
/// Of each instance: three of them take two thousand a second.
const EVENTS_PER_SECOND: &str = "700";
const SESSION: Duration = Duration::from_secs(6);
/// A dead instance's partitions flow again this long after the end of its session at the latest.
const TAKE_OVER: Duration = Duration::from_secs(5);
/// Over before the session: whoever takes over reads up to a dead instance's open transaction, and no further.
const TRANSACTION_MS: &str = "4000";
/// Between two things that happen, so that each has its own gap.
const CALM: Duration = Duration::from_secs(1);
const NAMES: [&str; 3] = ["a", "b", "c"];

fn is_whole() -> bool {
    std::env::var_os("JUMUN_SCALE_OUT").is_some()
}

/// A load on the inputs, a reader of the transitions, and the instances between them.
struct Story {
    protocol: &'static str,
    broker: Broker,
    state: tempfile::TempDir,
    fleet: Fleet,
    records: Vec<InputRecord>,
    watch: GapWatch,
    table: Vec<(String, Duration)>,
}

impl Story {
    /// Begins with these instances; all have the same settings.
    fn begin(protocol: &'static str, first: &[&'static str], leave_on_stop: bool) -> Self {
        let session = SESSION.as_millis().to_string();
        let broker = broker_with_session(SESSION);
        load::preload(&broker, EVENTS, PARTITIONS);
        let records = topics::input_records(&broker);
        let state = tempfile::tempdir().unwrap();
        let mut fleet = Fleet::new(&broker, protocol, state.path(), &NAMES, |setup| {
            setup
                .setting("application.group_protocol", protocol)
                .setting("application.session_timeout_ms", &session)
                .setting("application.transaction_timeout_ms", TRANSACTION_MS)
                .flag("--max-rate", EVENTS_PER_SECOND)
                .setting("application.leave_on_stop", &leave_on_stop.to_string())
                .setting("topics.partitions", &PARTITIONS.to_string())
        });
        fleet.start(&first[..1]);
        fleet.start(&first[1..]);
        let watch = GapWatch::begin(&broker, topics::TRANSITIONS);
        let story = Self {
            protocol,
            broker,
            state,
            fleet,
            records,
            watch,
            table: Vec::new(),
        };
        story.wait_flow("at the beginning");
        thread::sleep(CALM);
        story
    }

    fn wait_flow(&self, when: &str) {
        let flows = self.watch.flows_since(Instant::now(), PARTITIONS, TIMEOUT);
        let logs = || self.fleet.logs();
        assert!(flows, "some partition stays dark {when}\n{}", logs());
    }

    /// Lets something happen; the longest silence of any partition around it.
    fn gap<T>(&mut self, what: &str, happens: impl FnOnce(&mut Fleet) -> T) -> (T, Duration) {
        let from = Instant::now();
        let done = happens(&mut self.fleet);
        self.wait_flow(what);
        thread::sleep(CALM);
        let (_, gap) = self.watch.longest(from, Instant::now());
        self.table.push((format!("longest gap: {what}"), gap));
        (done, gap)
    }

    /// One after the other is stopped without leaving and started again.
    fn rolling_restart(&mut self) {
        let mut clean = Duration::ZERO;
        for name in NAMES {
            let before = self.fleet.moves();
            let what = format!("rolling restart, {name}");
            let (restart, gap) = self.gap(&what, |fleet| fleet.restart(name));
            if clean.is_zero() {
                let Restart { stopping, starting } = restart;
                self.table.push(("stopping".to_owned(), stopping));
                self.table.push(("starting".to_owned(), starting));
                clean = restart.whole();
                self.table.push(("clean restart".to_owned(), clean));
                if is_whole() {
                    tell(format!(
                        "a restart, as logged:\n{}",
                        self.fleet.log_of(name)
                    ));
                }
            }
            for (other, moves) in self.fleet.moves() {
                if other != name {
                    assert_eq!(moves, before[other], "partitions of {other} moved: {what}");
                }
            }
            let log = || self.fleet.log_of(name);
            assert!(gap <= 2 * clean, "{what}: {gap:?} of {clean:?}\n{}", log());
        }
    }

    /// Its partitions go to the others; later it comes back.
    fn kill(&mut self, name: &'static str) {
        let (_, gap) = self.gap("kill -9", |fleet| fleet.kill9(name));
        assert!(gap <= SESSION + TAKE_OVER, "dark for {gap:?} after a kill");
        self.gap("the killed one comes back", |fleet| fleet.start(&[name]));
    }

    /// From one instance to three and back.
    fn scale(&mut self) {
        self.gap("1 → 2", |fleet| fleet.start(&["b"]));
        self.gap("2 → 3", |fleet| fleet.start(&["c"]));
        self.gap("3 → 2", |fleet| fleet.stop("b"));
        self.gap("2 → 1", |fleet| fleet.stop("c"));
    }

    /// Lets everything be processed, at full speed, and compares.
    fn end(mut self) {
        let ends = topics::ends(&self.records);
        let left = topics::decided_offsets(&self.broker, self.protocol, PARTITIONS);
        let left = ends.values().sum::<i64>() - left.values().sum::<i64>();
        assert!(left > 0, "the backlog did not outlast the story");
        self.fleet.hurry();
        topics::wait_consumed(&self.broker, self.protocol, &ends, TIMEOUT);
        self.watch.end();
        let set_aside = self.fleet.set_aside();
        let counters = self.fleet.end();
        let comparison = compare_with_model(&self.broker, &self.records);
        let report = comparison.report;
        let mut lines = format!(
            "{} protocol, {EVENTS} events, {EVENTS_PER_SECOND}/s for each instance, {left} left at the end of the story, \
             session timeout {SESSION:?}\n",
            self.protocol
        );
        for (what, took) in &self.table {
            lines += &format!("  {what:40} {:6.2} s\n", took.as_secs_f64());
        }
        tell(format!("{lines}  {report}"));
        assert!(report.is_clean(), "{report}");
        assert!(report.compared > EVENTS, "{report}");
        assert_eq!(counters, comparison.outcomes, "business counters");
        assert!(set_aside.is_empty(), "state was set aside: {set_aside:?}");
        drop(self.state);
    }
}

fn restarts_and_a_kill(protocol: &'static str) {
    let mut story = Story::begin(protocol, &NAMES, false);
    story.rolling_restart();
    story.kill("b");
    story.end();
}

fn scaling(protocol: &'static str) {
    let mut story = Story::begin(protocol, &NAMES[..1], true);
    story.scale();
    story.end();
}

#[test]
fn restarts_keep_partitions_and_a_dead_instance_is_replaced_under_the_classic_protocol() {
    restarts_and_a_kill("classic");
}

#[test]
fn restarts_keep_partitions_and_a_dead_instance_is_replaced_under_the_consumer_protocol() {
    if !is_whole() {
        tell("left out: make scale-out runs it");
        return;
    }
    restarts_and_a_kill("consumer");
}

#[test]
fn scaling_from_one_to_three_and_back_loses_nothing_under_the_classic_protocol() {
    if !is_whole() {
        tell("left out: make scale-out runs it");
        return;
    }
    scaling("classic");
}

#[test]
fn scaling_from_one_to_three_and_back_loses_nothing_under_the_consumer_protocol() {
    if !is_whole() {
        tell("left out: make scale-out runs it");
        return;
    }
    scaling("consumer");
}
