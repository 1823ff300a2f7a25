//! SIGKILL while events are parked and their time runs: nothing is lost, nothing is released twice.
//!
//! The load flows in as it is processed. A share of its events is held back, so that their successors come first: those
//! wait, and where it takes longer than they may wait, they are rejected, kept and redriven. However that falls, every
//! order has to end as on a day on which nothing was late and nobody was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jumun::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig, Limit, Rate};
use jumun_harness::{Broker, Kafka, Process, wait_for};

use topology::io::murmur2::partition_of;

use crate::support::kill::Ordeal;
use crate::support::mutations::{Event, MutatedDay, Rates, mutate};
use crate::support::processor::{Processor, Setup, TIMEOUT, jumun, tell};
use crate::support::topics::{Outputs, create_inputs, redriven};
use crate::support::undisturbed::{changed, undisturbed};

const PARTITIONS: i32 = 4;
/// 2026-11-20T00:00:00+09:00, in the past: record timestamps are never ahead of the clock.
const START_MS: u64 = 1_795_100_400_000;
const EVENTS_PER_SECOND: f64 = 200.0;
/// Held back for so long, in milliseconds, while others wait for 1.5 s: most of them in time, some not.
const HELD_BACK: (i64, i64) = (200, 3_000);
const WAIT_MS: &str = "1500";
const AIMED: [&str; 5] = [
    "processing",
    "draining",
    "offsets",
    "committing",
    "store_batch",
];
const KILLS: usize = 10;
/// A blow may fall a moment late, and hit nothing that counts; but not for ever.
const MOST_KILLS: usize = 16;

/// In these an event that comes late can be judged otherwise than in time, for good: two owners race (E8). Orders of which
/// any is told stay out of the load, so that its end is known.
/// So do those whose versions are declared void: what is overtaken by a reset is gone for good.
const RACES: [&str; 13] = [
    "aggregate.reset",
    "order.cancel_requested",
    "order.cancelled",
    "order.rejected",
    "order.expired",
    "payment.failed",
    "delivery.cancelled",
    "delivery.failed",
    "delivery.returned",
    "delivery.redispatched",
    "delivery.switched_to_store",
    "claim.post_cancelled",
    "claim.withdrawn",
];

/// So many orders, some of whose events are held back.
fn load(orders: u64) -> MutatedDay {
    let rate = Rate::EventsPerSecond(EVENTS_PER_SECOND);
    let mut config = GeneratorConfig::demo(7, START_MS, rate);
    config.limit = Limit::Orders(orders);
    let mut generator = Generator::new(config);
    let mut events: Vec<Event> = std::iter::from_fn(|| {
        let mut event = GeneratedEvent::default();
        generator
            .next_into(&mut event)
            .then(|| Event::read(event.topic.name(), event.timestamp, &event.value))
    })
    .collect();
    let racing: BTreeSet<String> = events
        .iter()
        .filter(|event| RACES.contains(&event.action.as_str()))
        .map(|event| event.order_no.clone())
        .collect();
    events.retain(|event| !racing.contains(&event.order_no));
    let rates = Rates {
        delay: 0.1,
        delayed_by: HELD_BACK,
        duplicate: 0.01,
        ..Rates::NONE
    };
    mutate(events, &rates, 7)
}

/// Where the records of the load come to lie.
fn ends(day: &MutatedDay) -> BTreeMap<(String, i32), i64> {
    let mut ends = BTreeMap::new();
    for arrival in &day.arrivals {
        let event = &day.events[arrival.event];
        let partition = partition_of(event.order_no.as_bytes(), PARTITIONS);
        *ends.entry((event.topic.to_owned(), partition)).or_default() += 1;
    }
    ends
}

/// What a run left behind.
struct Aftermath {
    /// Events that were never applied.
    lost: usize,
    /// Events that were applied more than once.
    repeated: usize,
    /// Records that were rejected more than once.
    rejected_twice: usize,
    /// Orders that end otherwise, and how.
    changed: BTreeMap<String, String>,
    /// By reason.
    rejections: BTreeMap<String, usize>,
}

impl Aftermath {
    fn of(day: &MutatedDay, kafka: &Kafka) -> Self {
        let outputs = Outputs::read(kafka).whole();
        let mut applied: BTreeMap<&str, usize> = BTreeMap::new();
        for transition in outputs.transitions.values().flatten() {
            *applied
                .entry(transition["eventId"].as_str().unwrap())
                .or_default() += 1;
        }
        let is_missing = |event: &&Event| !applied.contains_key(event.id.as_str());
        let mut rejections: BTreeMap<String, usize> = BTreeMap::new();
        let mut places = BTreeSet::new();
        let mut rejected_twice = 0;
        for rejection in outputs.rejections.values().flatten() {
            let reason = rejection["reason"].as_str().unwrap().to_owned();
            *rejections.entry(reason).or_default() += 1;
            let place = ["topic", "partition", "offset"].map(|field| rejection[field].to_string());
            rejected_twice += usize::from(!places.insert(place));
        }
        Self {
            lost: day.events.iter().filter(is_missing).count(),
            repeated: applied.values().filter(|count| **count > 1).count(),
            rejected_twice,
            changed: changed(&undisturbed(&day.events), &outputs.states),
            rejections,
        }
    }

    fn is_clean(&self) -> bool {
        self.lost + self.repeated + self.rejected_twice + self.changed.len() == 0
    }
}

impl std::fmt::Display for Aftermath {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} events lost, {} applied twice, {} records rejected twice, {} orders end otherwise; rejected on the way: {:?}",
            self.lost,
            self.repeated,
            self.rejected_twice,
            self.changed.len(),
            self.rejections
        )?;
        self.changed
            .iter()
            .take(5)
            .try_for_each(|(order_no, how)| write!(out, "\n- {order_no}: {how}"))
    }
}

/// Sends the load at its own pace, and kills the processor meanwhile as `next` says.
fn endure<'a>(
    broker: &'a Broker,
    day: &MutatedDay,
    setup: Setup,
    ends: &'a BTreeMap<(String, i32), i64>,
    next: impl FnMut(&Ordeal) -> Option<&'static str>,
) -> Ordeal<'a> {
    create_inputs(broker, PARTITIONS);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("load.ndjson");
    day.write(&file);
    let mut command = jumun("replay");
    command
        .arg(&file)
        .args(["--speed", "1x", "--bootstrap-servers"])
        .arg(broker.bootstrap_servers());
    let setup = setup
        .setting("parking.wait_ms", WAIT_MS)
        // There is room for all: what is refused for want of it would have to be replayed.
        .setting("parking.max_per_task", "10000");
    let mut ordeal = Ordeal::new(broker, setup, ends, 9);
    let mut replay = Process::start(command).unwrap();
    ordeal.run(next);
    let status = replay.wait_exit(TIMEOUT).unwrap();
    assert!(status.success(), "{}", replay.stderr());
    ordeal
}

/// Waits until nothing waits any more; fails unless the counters say that each record has exactly one outcome, which
/// cannot be if an event was released twice or never.
fn assert_counted(kafka: &Kafka, processor: &mut Processor, sent: i64) {
    let at_rest = || {
        let consumed = processor.sum("order_events_consumed_total");
        let parked = processor.sum("order_parked");
        let redriven = redriven(kafka).len() as u64;
        (parked == 0 && consumed == sent as u64 + redriven).then_some(consumed)
    };
    let consumed = wait_for("an end of all waiting", TIMEOUT, at_rest).unwrap_or_else(|error| {
        let counted =
            ["order_parked{", "order_events_consumed_total{"].map(|name| processor.metrics(name));
        panic!(
            "{error}: {sent} sent, {} redriven, {counted:?}",
            redriven(kafka).len()
        )
    });
    let outcomes = processor.outcomes();
    let settled = processor.sum("order_events_settled_total");
    tell(format!("{settled} parked and settled: {outcomes:?}"));
    assert_eq!(outcomes.values().sum::<u64>(), consumed);
    assert!(settled > 100, "hardly anything was parked: {settled}");
    assert_eq!(processor.violations(), BTreeMap::new());
}

#[test]
fn ten_kills_lose_no_parked_event_and_release_none_twice() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let day = load(1_400);
    let ends = ends(&day);
    let setup = Setup::new(&broker, "waiting", state.path());
    let ordeal = endure(&broker, &day, setup, &ends, |ordeal| {
        let counted = ordeal.by_phase().values().sum::<usize>();
        let (phase, _) = ordeal.least_hit(&AIMED)?;
        (counted < KILLS && ordeal.kills.len() < MOST_KILLS).then_some(phase)
    });
    tell(format!("{ordeal}after {:.0?}", began.elapsed()));
    let mut processor = ordeal.start_again();
    assert_counted(&broker, &mut processor, ends.values().sum());
    processor.stop();

    let aftermath = Aftermath::of(&day, &broker);
    tell(format!(
        "{} events, {aftermath}, after {:.0?}",
        day.events.len(),
        began.elapsed()
    ));
    assert!(aftermath.is_clean(), "{aftermath}");
    assert!(!aftermath.rejections.is_empty(), "nobody waited in vain");
    ordeal.assert_no_state_was_wiped();
    assert!(
        ordeal.by_phase().values().sum::<usize>() >= KILLS,
        "{ordeal}"
    );
    let waiting = ordeal.kills.iter().filter(|kill| kill.parked > 0).count();
    assert!(
        waiting >= KILLS / 2,
        "{waiting} kills with parked events:\n{ordeal}"
    );
}

/// The same without a kill: what is compared does not hang on the kills.
#[test]
fn the_same_load_without_a_kill_ends_the_same_way() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    let day = load(600);
    let ends = ends(&day);
    let setup = Setup::new(&broker, "waiting", state.path());
    let ordeal = endure(&broker, &day, setup, &ends, |_| None);
    let mut processor = ordeal.start_again();
    assert_counted(&broker, &mut processor, ends.values().sum());
    processor.stop();
    let aftermath = Aftermath::of(&day, &broker);
    assert!(aftermath.is_clean(), "{aftermath}");
}

/// Offsets committed outside the transaction lose what a kill aborts, parked events too.
#[test]
fn a_broken_commit_is_noticed() {
    let broker = Broker::start().unwrap();
    let state = tempfile::tempdir().unwrap();
    let day = load(600);
    let ends = ends(&day);
    let setup = Setup::new(&broker, "broken", state.path())
        .env("JUMUN_TEST_BROKEN", "offsets-outside-transaction");
    let mut targets = ["committing"; 4].into_iter();
    let ordeal = endure(&broker, &day, setup, &ends, |_| targets.next());
    let aftermath = Aftermath::of(&day, &broker);
    tell(format!("{ordeal}{aftermath}"));
    assert!(aftermath.lost > 0, "{aftermath}");
}
