//! Persistent timers and punctuations, by wall clock and by stream time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use topology::codec::{I64, Utf8};
use topology::graph::{StoreBuilder, Topology};
use topology::io::TopicPartition;
use topology::process::{
    InitContext, KeyValueStore, ProcessError, Processor, ProcessorContext, Punctuation,
    PunctuationId, PunctuationType, Record, TimerEvent,
};
use topology::runtime::{CommitPhase, PhaseObserver};
use topology::store::TimerClock;
use topology::task::TaskId;
use topology::testing::{TestDriver, TestDriverConfig};
use topology::{Error, ErrorClass};

/// Wall-clock time at which a driver begins.
const NOW: i64 = 1_577_836_800_000;

/// Sets, cancels and fails as the value says: `set wall 500`, `cancel stream 20`, `set wall 5 fail`.
/// Deadlines by wall clock are counted from [`NOW`]. Tells of each timer in the output.
#[derive(Default)]
struct Alarm {
    fired: Option<KeyValueStore<String, i64>>,
}

impl Processor for Alarm {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        self.fired = Some(KeyValueStore::open(context, "fired", Utf8, I64)?);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        let words: Vec<&str> = record.value.split(' ').collect();
        let [verb, clock, deadline, rest @ ..] = words.as_slice() else {
            return Ok(());
        };
        let deadline: i64 = deadline.parse().unwrap();
        let (clock, deadline) = match *clock {
            "wall" => (TimerClock::WallClock, NOW + deadline),
            _ => (TimerClock::StreamTime, deadline),
        };
        let key = record.key.as_bytes();
        match *verb {
            "set" => context.set_timer(clock, deadline, 7, key)?,
            _ => context.cancel_timer(clock, deadline, 7, key)?,
        }
        match rest {
            ["fail"] => Err(ProcessError::record("NO_GOOD", "as told")),
            _ => Ok(()),
        }
    }

    fn on_timer(
        &mut self,
        timer: TimerEvent<'_>,
        context: &mut ProcessorContext<'_, '_, String, String>,
    ) -> Result<(), ProcessError> {
        assert_eq!(timer.kind, 7);
        assert!(context.source_record().is_none());
        let key = String::from_utf8(timer.key.to_vec()).unwrap();
        if key == "canceller" {
            context.cancel_timer(timer.clock, timer.deadline_ms + 1, 7, b"victim")?;
        }
        let fired = self.fired.as_mut().unwrap();
        let mut times = 0;
        fired.get(context, &key, &mut times)?;
        fired.put(context, &key, &(times + 1))?;
        let (clock, deadline) = match timer.clock {
            TimerClock::WallClock => ("wall", timer.deadline_ms - NOW),
            TimerClock::StreamTime => ("stream", timer.deadline_ms),
        };
        let told = format!("{clock} {deadline}");
        context.forward(Record {
            key: &key,
            value: &told,
            timestamp: timer.deadline_ms,
            headers: Default::default(),
        })
    }
}

fn alarms() -> Topology {
    let mut topology = Topology::new();
    topology.add_source("orders", &["orders"], || Utf8, || Utf8);
    topology.add_processor("alarm", Alarm::default, &["orders"]);
    topology.add_store(StoreBuilder::persistent("fired"), &["alarm"]);
    topology.add_sink("rung", "rung", || Utf8, || Utf8, &["alarm"]);
    topology.dead_letter_topic("dead");
    topology
}

fn driver() -> TestDriver {
    TestDriver::new(alarms().build().unwrap(), TestDriverConfig::new("app")).unwrap()
}

fn pipe(driver: &mut TestDriver, key: &str, value: &str, timestamp: i64) {
    let input = driver.create_input_topic("orders", Utf8, Utf8);
    input
        .pipe_input(driver, &key.to_owned(), &value.to_owned(), timestamp)
        .unwrap();
}

/// Everything that has rung since the log began, as `key clock deadline`; committed output only.
fn rung(driver: &mut TestDriver) -> Vec<String> {
    driver.commit().unwrap();
    let records = driver.log().records("rung", 0, true).unwrap();
    let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap();
    records
        .into_iter()
        .map(|record| format!("{} {}", text(record.key), text(record.value)))
        .collect()
}

fn advance(driver: &mut TestDriver, ms: u64) {
    driver
        .advance_wall_clock_time(Duration::from_millis(ms))
        .unwrap();
}

#[test]
fn wall_clock_timers_fire_once_in_the_order_of_their_deadlines() {
    let mut driver = driver();
    for (key, deadline) in [("c", 30_000), ("a", 10_000), ("b", 20_000), ("d", 20_000)] {
        pipe(&mut driver, key, &format!("set wall {deadline}"), 1);
    }
    assert_eq!(rung(&mut driver), [""; 0]);
    advance(&mut driver, 9_000);
    assert_eq!(rung(&mut driver), [""; 0], "nothing before its time");
    advance(&mut driver, 60_000);
    let expected = [
        "a wall 10000",
        "b wall 20000",
        "d wall 20000",
        "c wall 30000",
    ];
    assert_eq!(rung(&mut driver), expected);
    advance(&mut driver, 60_000);
    assert_eq!(rung(&mut driver), expected, "once");
}

#[test]
fn stream_time_timers_fire_when_records_have_moved_stream_time_that_far() {
    let mut driver = driver();
    pipe(&mut driver, "late", "set stream 3000", 1_000);
    pipe(&mut driver, "soon", "set stream 2000", 1_000);
    advance(&mut driver, 3_600_000);
    assert_eq!(
        rung(&mut driver),
        [""; 0],
        "wall-clock time alone does nothing"
    );
    pipe(&mut driver, "x", "", 1_999);
    assert_eq!(rung(&mut driver), [""; 0]);
    pipe(&mut driver, "x", "", 2_000);
    assert_eq!(rung(&mut driver), ["soon stream 2000"]);
    pipe(&mut driver, "x", "", 500);
    assert_eq!(rung(&mut driver), ["soon stream 2000"], "never back");
    pipe(&mut driver, "x", "", 9_000);
    assert_eq!(rung(&mut driver), ["soon stream 2000", "late stream 3000"]);
}

#[test]
fn stream_time_timers_fire_between_the_same_records_whatever_the_fetch_sizes() {
    let run = |poll_records: usize| {
        let mut config = TestDriverConfig::new("app");
        config.streams.poll_records = poll_records;
        let mut driver = TestDriver::new(alarms().build().unwrap(), config).unwrap();
        for number in 0..200_i64 {
            // The fourth of each five passes the timer of the first; the fifth cancels it, too late.
            let (key, timestamp) = (format!("k{}", number / 5), 1_000 + number * 10);
            let value = match number % 5 {
                0 => format!("set stream {}", timestamp + 25),
                4 => format!("cancel stream {}", timestamp - 40 + 25),
                _ => "-".to_owned(),
            };
            let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
            let log = driver.log();
            log.append("orders", None, key, value, timestamp, Default::default())
                .unwrap();
        }
        driver.run_until_idle().unwrap();
        rung(&mut driver)
    };
    let one_by_one = run(1);
    assert_eq!(one_by_one.len(), 40);
    assert_eq!(run(7), one_by_one);
    assert_eq!(run(1_000), one_by_one);
}

#[test]
fn row_19_a_timestamp_far_in_the_future_does_not_move_stream_time() {
    let mut driver = driver();
    pipe(
        &mut driver,
        "a",
        &format!("set stream {}", NOW + 60_000),
        NOW,
    );
    pipe(&mut driver, "x", "", NOW + 3_600_000);
    assert_eq!(rung(&mut driver), [""; 0]);
    pipe(&mut driver, "past", &format!("set stream {}", NOW + 1), NOW);
    assert_eq!(rung(&mut driver), [""; 0], "not even to the present");
    // Once the time has really come, it does.
    advance(&mut driver, 60_000);
    pipe(&mut driver, "x", "", NOW + 60_000);
    assert_eq!(
        rung(&mut driver),
        [
            format!("past stream {}", NOW + 1),
            format!("a stream {}", NOW + 60_000)
        ]
    );
}

/// Deadlines are moments: those by wall clock are waited for until the clock shows them again. To a clock that went back,
/// records of the present are of the future; they are processed all the same.
#[test]
fn row_19_a_wall_clock_that_goes_back_an_hour_delays_timers_and_fires_each_once() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut driver = driver();
    pipe(&mut driver, "a", "set wall 60000", NOW);
    let by_records = format!("set stream {}", NOW + 10_000);
    pipe(&mut driver, "b", &by_records, NOW);
    advance(&mut driver, 1_000);
    driver.clock().set_back(HOUR);
    pipe(&mut driver, "c", "set wall -3590000", NOW + 11_000);
    advance(&mut driver, 5_000);
    assert_eq!(rung(&mut driver), [""; 0]);
    let offsets = driver.log().commit_offsets_of("app");
    assert_eq!(offsets[&TopicPartition::new("orders", 0)], 3, "processed");
    // What is set now goes by the clock as it is now.
    advance(&mut driver, 5_000);
    assert_eq!(rung(&mut driver), ["c wall -3590000"]);
    advance(&mut driver, 3_600_000);
    let late = ["c wall -3590000"];
    assert_eq!(rung(&mut driver), late, "eleven seconds after the start");
    pipe(&mut driver, "x", "", NOW + 11_000);
    let by_stream = format!("b stream {}", NOW + 10_000);
    assert_eq!(rung(&mut driver), [late[0], &by_stream]);
    advance(&mut driver, 49_000);
    assert_eq!(rung(&mut driver), [late[0], &by_stream, "a wall 60000"]);
    driver.clock().set_back(HOUR);
    advance(&mut driver, 3_700_000);
    assert_eq!(rung(&mut driver).len(), 3, "each once");
}

/// Forwards the stream time that it sees with each record.
struct Clockwatcher;

impl Processor for Clockwatcher {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn process(
        &mut self,
        record: Record<'_, String, String>,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let seen = context.stream_time().unwrap_or(-1);
        context.forward(record.with_value(&seen))
    }
}

#[test]
fn stream_time_is_the_largest_timestamp_so_far_that_of_the_present_record_included() {
    let mut topology = Topology::new();
    topology.add_source("orders", &["orders"], || Utf8, || Utf8);
    topology.add_processor("watch", || Clockwatcher, &["orders"]);
    topology.add_sink("seen", "seen", || Utf8, || I64, &["watch"]);
    let config = TestDriverConfig::new("app");
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    for timestamp in [1_000, 3_000, 2_000, NOW + 3_600_000, 4_000] {
        pipe(&mut driver, "k", "", timestamp);
    }
    let mut seen = driver.create_output_topic("seen", Utf8, I64);
    let seen = seen.read_records_to_list(&mut driver).unwrap();
    let seen: Vec<i64> = seen.iter().map(|record| record.value).collect();
    assert_eq!(seen, [1_000, 3_000, 3_000, 3_000, 4_000]);
}

#[test]
fn a_cancelled_timer_never_fires() {
    let mut driver = driver();
    pipe(&mut driver, "a", "set wall 10000", 1);
    pipe(&mut driver, "b", "set wall 10000", 1);
    pipe(&mut driver, "c", "set wall 10000", 1);
    pipe(&mut driver, "a", "cancel wall 10000", 1);
    driver.commit().unwrap();
    // After the commit that made it, too; one that was never set is no matter.
    pipe(&mut driver, "c", "cancel wall 10000", 1);
    pipe(&mut driver, "never", "cancel wall 10000", 1);
    advance(&mut driver, 60_000);
    assert_eq!(rung(&mut driver), ["b wall 10000"]);
}

#[test]
fn a_due_timer_that_an_earlier_one_cancels_does_not_fire() {
    let mut driver = driver();
    pipe(&mut driver, "canceller", "set wall 10000", 1);
    pipe(&mut driver, "victim", "set wall 10001", 1);
    pipe(&mut driver, "bystander", "set wall 10001", 1);
    advance(&mut driver, 60_000);
    assert_eq!(
        rung(&mut driver),
        ["canceller wall 10000", "bystander wall 10001"]
    );
}

#[test]
fn the_same_timer_set_twice_fires_once() {
    let mut driver = driver();
    pipe(&mut driver, "a", "set wall 10000", 1);
    pipe(&mut driver, "a", "set wall 10000", 2);
    advance(&mut driver, 60_000);
    assert_eq!(rung(&mut driver), ["a wall 10000"]);
}

#[test]
fn the_timers_of_a_record_rolled_back_never_exist_and_those_it_cancelled_do() {
    let mut driver = driver();
    pipe(&mut driver, "kept", "set wall 10000", 1);
    pipe(&mut driver, "undone", "set wall 10000 fail", 1);
    pipe(&mut driver, "kept", "cancel wall 10000 fail", 1);
    advance(&mut driver, 60_000);
    assert_eq!(rung(&mut driver), ["kept wall 10000"]);
    assert_eq!(driver.log().records("dead", 0, true).unwrap().len(), 2);
}

#[test]
fn timers_survive_a_crash_and_a_restore_from_the_changelog_alone() {
    for on_disk in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = TestDriverConfig::new("app");
        config.state_dir = on_disk.then(|| dir.path().to_owned());
        let mut driver = TestDriver::new(alarms().build().unwrap(), config).unwrap();
        pipe(&mut driver, "wall", "set wall 100000", 1_000);
        pipe(&mut driver, "stream", "set stream 5000", 1_000);
        pipe(&mut driver, "fired", "set wall 1000", 1_000);
        pipe(&mut driver, "cancelled", "set wall 100000", 1_000);
        pipe(&mut driver, "cancelled", "cancel wall 100000", 1_000);
        pipe(&mut driver, "x", "", 4_999);
        advance(&mut driver, 2_000);
        assert_eq!(rung(&mut driver), ["fired wall 1000"]);
        driver.crash();
        if on_disk {
            std::fs::remove_dir_all(dir.path().join("app")).unwrap();
        }
        driver.start().unwrap();
        // Stream time survived as well: 4 999, so one millisecond is enough.
        pipe(&mut driver, "x", "", 5_000);
        assert_eq!(rung(&mut driver), ["fired wall 1000", "stream stream 5000"]);
        advance(&mut driver, 200_000);
        assert_eq!(
            rung(&mut driver),
            ["fired wall 1000", "stream stream 5000", "wall wall 100000"]
        );
    }
}

/// Dies at a phase as soon as it is armed.
struct CrashWhenArmed {
    phase: CommitPhase,
    armed: AtomicBool,
}

impl PhaseObserver for CrashWhenArmed {
    fn reached(&self, phase: CommitPhase) -> Result<(), Error> {
        if phase == self.phase && self.armed.swap(false, Ordering::SeqCst) {
            return Err(Error::new(ErrorClass::Fatal, "crash", "simulated"));
        }
        Ok(())
    }
}

#[test]
fn a_timer_and_what_it_wrote_and_forwarded_are_one_transaction() {
    for (phase, again) in [
        (CommitPhase::Draining, true),
        (CommitPhase::Committing, true),
        (CommitPhase::StoreBatch, false),
    ] {
        let observer = Arc::new(CrashWhenArmed {
            phase,
            armed: AtomicBool::new(false),
        });
        let mut config = TestDriverConfig::new("app");
        config.streams.observer = Some(Arc::clone(&observer) as _);
        let mut driver = TestDriver::new(alarms().build().unwrap(), config).unwrap();
        pipe(&mut driver, "a", "set wall 10000", 1);
        driver.commit().unwrap();
        observer.armed.store(true, Ordering::SeqCst);
        // No record: the transaction is the timer's alone.
        let crashed = driver
            .advance_wall_clock_time(Duration::from_secs(11))
            .and_then(|()| driver.commit());
        assert_eq!(crashed.unwrap_err().operation(), "crash");
        driver.crash();
        let before = driver.log().records("rung", 0, true).unwrap().len();
        assert_eq!(before, usize::from(!again), "{phase}: committed before");
        driver.start().unwrap();
        advance(&mut driver, 10_000);
        assert_eq!(rung(&mut driver), ["a wall 10000"], "{phase}");
        let rows = driver
            .dump(TaskId {
                subtopology: 0,
                partition: 0,
            })
            .unwrap();
        let fired: Vec<_> = rows
            .iter()
            .filter(|(family, ..)| family == "fired")
            .collect();
        assert_eq!(fired.len(), 1);
        assert_eq!(fired[0].2, 1_i64.to_be_bytes(), "{phase}: state");
    }
}

#[test]
fn a_wave_of_timers_fires_completely() {
    let mut driver = driver();
    for number in 0..2_500 {
        pipe(&mut driver, &format!("k{number:04}"), "set wall 10000", 1);
    }
    advance(&mut driver, 20_000);
    let rung = rung(&mut driver);
    assert_eq!(rung.len(), 2_500);
    assert!(rung.is_sorted());
}

#[test]
fn a_timer_without_a_store_to_keep_it_is_refused_with_the_fix() {
    struct Homeless;
    impl Processor for Homeless {
        type Key = String;
        type Value = String;
        type OutKey = ();
        type OutValue = ();
        fn process(
            &mut self,
            _record: Record<'_, String, String>,
            context: &mut ProcessorContext<'_, '_, (), ()>,
        ) -> Result<(), ProcessError> {
            context.set_timer(TimerClock::WallClock, NOW, 1, b"k")
        }
    }
    let mut topology = Topology::new();
    topology.add_source("orders", &["orders"], || Utf8, || Utf8);
    topology.add_processor("homeless", || Homeless, &["orders"]);
    let config = TestDriverConfig::new("app");
    let mut driver = TestDriver::new(topology.build().unwrap(), config).unwrap();
    let log = driver.log();
    log.append(
        "orders",
        None,
        Some(b"k"),
        Some(b"v"),
        1,
        Default::default(),
    )
    .unwrap();
    assert_eq!(
        driver.commit().unwrap_err().to_string(),
        "set a timer: the task has no store with a changelog to keep it in; connect one with add_store (node homeless)"
    );
}

/// Punctuates every 10 s by both clocks and tells of it.
#[derive(Default)]
struct Metronome {
    ids: Vec<PunctuationId>,
}

impl Processor for Metronome {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = i64;

    fn init(&mut self, context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        for kind in [PunctuationType::WallClockTime, PunctuationType::StreamTime] {
            self.ids
                .push(context.schedule(Duration::from_secs(10), kind));
        }
        Ok(())
    }

    fn process(
        &mut self,
        _record: Record<'_, String, String>,
        _context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    fn on_punctuate(
        &mut self,
        punctuation: Punctuation,
        context: &mut ProcessorContext<'_, '_, String, i64>,
    ) -> Result<(), ProcessError> {
        let is_wall = punctuation.id == self.ids[0];
        let (kind, at) = match is_wall {
            true => ("wall", (punctuation.timestamp - NOW) / 1_000),
            false => ("stream", punctuation.timestamp / 1_000),
        };
        context.forward(Record {
            key: &kind.to_owned(),
            value: &at,
            timestamp: punctuation.timestamp,
            headers: Default::default(),
        })
    }
}

fn metronome() -> TestDriver {
    let mut topology = Topology::new();
    topology.add_source("orders", &["orders"], || Utf8, || Utf8);
    topology.add_processor("metronome", Metronome::default, &["orders"]);
    topology.add_sink("ticks", "ticks", || Utf8, || I64, &["metronome"]);
    let config = TestDriverConfig::new("app");
    TestDriver::new(topology.build().unwrap(), config).unwrap()
}

/// Seconds at which the punctuation of a kind ran so far.
fn ticks(driver: &mut TestDriver, kind: &str) -> Vec<i64> {
    driver.commit().unwrap();
    let records = driver.log().records("ticks", 0, true).unwrap();
    let of_kind = records
        .into_iter()
        .filter(|record| record.key.as_deref() == Some(kind.as_bytes()));
    of_kind
        .map(|record| i64::from_be_bytes(record.value.unwrap().try_into().unwrap()))
        .collect()
}

#[test]
fn wall_clock_punctuation_runs_every_interval_after_the_start_without_drifting() {
    let mut driver = metronome();
    advance(&mut driver, 9_000);
    assert_eq!(ticks(&mut driver, "wall"), [0; 0]);
    // Late by some seconds, and the next is due when it would have been anyway.
    advance(&mut driver, 4_000);
    assert_eq!(ticks(&mut driver, "wall"), [13]);
    advance(&mut driver, 8_000);
    assert_eq!(ticks(&mut driver, "wall"), [13, 21]);
}

#[test]
fn a_wall_clock_punctuation_that_missed_intervals_runs_once() {
    let mut driver = metronome();
    advance(&mut driver, 65_000);
    assert_eq!(ticks(&mut driver, "wall"), [65]);
    advance(&mut driver, 3_000);
    assert_eq!(ticks(&mut driver, "wall"), [65]);
    advance(&mut driver, 4_000);
    assert_eq!(ticks(&mut driver, "wall"), [65, 72]);
}

#[test]
fn stream_time_punctuation_begins_with_the_first_record_and_keeps_to_multiples_of_its_interval() {
    let mut driver = metronome();
    advance(&mut driver, 60_000);
    assert_eq!(ticks(&mut driver, "stream"), [0; 0], "no record, no time");
    pipe(&mut driver, "k", "", 103_000);
    assert_eq!(ticks(&mut driver, "stream"), [103]);
    pipe(&mut driver, "k", "", 109_000);
    assert_eq!(ticks(&mut driver, "stream"), [103]);
    pipe(&mut driver, "k", "", 111_000);
    assert_eq!(ticks(&mut driver, "stream"), [103, 111]);
    // A gap: once, and on with the next multiple.
    pipe(&mut driver, "k", "", 158_000);
    pipe(&mut driver, "k", "", 159_000);
    pipe(&mut driver, "k", "", 160_000);
    assert_eq!(ticks(&mut driver, "stream"), [103, 111, 158, 160]);
}

/// A transaction without offsets would not be fenced.
#[test]
fn what_a_punctuation_tells_is_committed_with_the_positions_of_the_inputs() {
    let mut driver = metronome();
    let partition = TopicPartition::new("orders", 0);
    advance(&mut driver, 10_000);
    assert_eq!(ticks(&mut driver, "wall"), [10]);
    let committed = driver.log().commit_offsets_of("app");
    assert_eq!(committed.get(&partition), Some(&0));
}
