//! The events of one order in any order, with duplicates, pauses and crashes, under every policy.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use super::histories::{by_order, data_file, generated, records};
use crate::support::model::normalise::normalised;
use crate::support::model::{InputRecord, Model, Policy, Settings};
use crate::support::side_by_side::{ACCEPTING, SideBySide};

/// Arrivals tried per policy.
const CASES: u32 = 150;
const GENERATED_ORDERS: u64 = 400;
/// So long even money does not wait.
const EVERYTHING_TIMES_OUT: u64 = 601_000;
/// Chooses the arrivals; a failure prints it.
const SEED: &str = "JUMUN_ARRIVAL_SEED";

/// Histories that begin with a create and have all their events.
static HISTORIES: LazyLock<Vec<Vec<InputRecord>>> = LazyLock::new(|| {
    let mut histories = generated(GENERATED_ORDERS);
    for day in ["market-day-0.ndjson.gz", "market-day-4.ndjson.gz"] {
        histories.extend(
            data_file(day)
                .into_iter()
                .flat_map(|path| by_order(records(&path))),
        );
    }
    histories
});

#[derive(Debug, Clone)]
struct Arrival {
    /// Place in the history.
    event: usize,
    /// Milliseconds of the wall clock before it.
    pause: u64,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Commit,
    Crash,
}

fn arrivals(
    histories: &'static [Vec<InputRecord>],
) -> impl Strategy<Value = (usize, Vec<Arrival>)> {
    let pause = prop_oneof![
        12 => Just(0),
        3 => 1..20_000_u64,
        2 => 25_000..35_000_u64,
        1 => Just(EVERYTHING_TIMES_OUT),
    ];
    let then = prop_oneof![
        6 => Just(Then::Nothing),
        5 => Just(Then::Commit),
        1 => Just(Then::Crash),
    ];
    let history = any::<Index>().prop_map(|index| index.index(histories.len()));
    // How far events move: not at all, to a neighbour's place, or anywhere.
    let distance = prop_oneof![1 => Just(0_u32), 3 => Just(3), 2 => Just(100)];
    (history, distance).prop_flat_map(move |(history, distance)| {
        let events = histories[history].len();
        let moves = prop::collection::vec(0..=distance, events);
        let again = prop::collection::vec((any::<Index>(), any::<Index>()), 0..5);
        let rest = prop::collection::vec((pause.clone(), then.clone()), events + 5);
        (moves, again, rest).prop_map(move |(moves, again, rest)| {
            let mut order: Vec<usize> = (0..events).collect();
            order.sort_by_key(|event| *event as u32 + moves[*event]);
            for (event, place) in again {
                order.insert(place.index(order.len() + 1), event.index(events));
            }
            let arrivals = order.into_iter().zip(rest);
            let arrivals = arrivals.map(|(event, (pause, then))| Arrival { event, pause, then });
            (history, arrivals.collect())
        })
    })
}

/// Tries arrivals; a failure tells its seed and the smallest arrivals that fail.
fn for_any_arrival(
    cases: u32,
    histories: &'static [Vec<InputRecord>],
    check: impl Fn(&[InputRecord], &[Arrival]),
) {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    });
    println!("{SEED}={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&arrivals(histories), |(history, arrivals)| {
        check(&histories[history], &arrivals);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{SEED}={seed}: {failure}");
    }
}

/// Both get the events so; afterwards the time of everything that waits is over.
fn deliver(policy: Policy, history: &[InputRecord], arrivals: &[Arrival]) -> SideBySide {
    let start = history.iter().map(|record| record.timestamp).max().unwrap();
    let mut both = SideBySide::new(Settings::new(policy), start + 60_000);
    for arrival in arrivals {
        if arrival.pause > 0 {
            both.wait(arrival.pause);
        }
        both.feed(history[arrival.event].clone());
        match arrival.then {
            Then::Nothing => {}
            Then::Commit => both.commit(),
            Then::Crash => both.crash(),
        }
    }
    both.wait(EVERYTHING_TIMES_OUT);
    both
}

/// The order as it is when its events come as they happened.
fn clean_state(history: &[InputRecord]) -> Value {
    let mut model = Model::new(Policy::STRICT);
    model.set_now(history.iter().map(|record| record.timestamp).max().unwrap() + 60_000);
    model.play(history).states.into_values().next().unwrap()
}

/// The highest version of each aggregate.
fn all_versions(history: &[InputRecord]) -> BTreeMap<String, u64> {
    let mut versions = BTreeMap::new();
    for record in history {
        let event: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        let target = &event["target"];
        let cursor = match target["type"].as_str().unwrap() {
            "delivery" => format!("delivery/{}", target["id"].as_str().unwrap()),
            other => other.to_string(),
        };
        let version = target["version"].as_u64().unwrap();
        let last = versions.entry(cursor).or_insert(0);
        *last = version.max(*last);
    }
    versions
}

/// Any arrival is judged as the model says, and in the end, after what was refused has been sent again, nothing is
/// missing: every version was applied, annotated or judged.
fn check(policy: Policy) {
    for_any_arrival(CASES, &HISTORIES, |history, arrivals| {
        let mut both = deliver(policy, history, arrivals);
        both.check("any arrival");
        for _ in 0..3 {
            for record in history {
                let mut again = record.clone();
                again.headers = vec![("x-redrive-count".to_string(), b"1".to_vec())];
                both.take(again);
            }
            both.wait(EVERYTHING_TIMES_OUT);
        }
        both.check("after everything was sent again");
        let order_no = String::from_utf8(history[0].key.clone().unwrap()).unwrap();
        let order = both.model.order(&order_no).unwrap();
        // An accepted gap gives up what is missing, and whatever waits for it.
        if policy != ACCEPTING {
            assert_eq!(order.versions, all_versions(history), "cursors converge");
        }
        assert_eq!(both.model.parked(&order_no), 0);
    });
}

#[test]
fn any_arrival_by_default() {
    check(Policy::DEFAULT);
}

#[test]
fn any_arrival_under_strict() {
    check(Policy::STRICT);
}

#[test]
fn any_arrival_under_park() {
    check(Policy::PARK);
}

#[test]
fn any_arrival_where_gaps_are_accepted() {
    check(ACCEPTING);
}

/// Whether two aggregates of the order compete: whoever comes first decides what becomes of the other.
fn is_race(history: &[InputRecord]) -> bool {
    let actions: Vec<String> = history
        .iter()
        .map(|record| {
            let event: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            event["action"].as_str().unwrap().to_string()
        })
        .collect();
    let collected = actions
        .iter()
        .position(|action| action == "delivery.picked_up");
    actions.iter().enumerate().any(|(place, action)| {
        match action.as_str() {
            "order.cancelled"
            | "order.cancel_requested"
            | "order.cancel_declined"
            | "order.rejected"
            | "order.expired"
            | "delivery.cancelled"
            | "delivery.failed"
            | "delivery.redispatched"
            | "delivery.switched_to_store" => true,
            // A button pressed after the pick-up would count as pressed in time if it came before it.
            action if action.starts_with("cooking.") => {
                collected.is_some_and(|collected| place > collected)
            }
            action => action.starts_with("claim.") || action.contains("refund"),
        }
    })
}

static WITHOUT_RACES: LazyLock<Vec<Vec<InputRecord>>> = LazyLock::new(|| {
    let histories = HISTORIES.iter().filter(|history| !is_race(history));
    histories.cloned().collect()
});

/// By default, and with nobody's help, an order without races ends as if its events had come as they happened.
#[test]
fn any_arrival_of_an_order_without_races_ends_in_the_clean_state() {
    assert!(WITHOUT_RACES.len() > 100, "{}", WITHOUT_RACES.len());
    for_any_arrival(CASES, &WITHOUT_RACES, |history, arrivals| {
        let mut both = deliver(Policy::DEFAULT, history, arrivals);
        both.check("any arrival");
        let state = both.job.states().into_values().next().unwrap();
        let expected = normalised("state", &clean_state(history));
        assert_eq!(normalised("state", &state), expected);
    });
}
