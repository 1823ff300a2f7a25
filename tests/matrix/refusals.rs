//! Records that are refused, topics that are missing or changed: rows 17, 18 and 20.

use std::collections::BTreeSet;
use std::time::Duration;

use jumun_harness::{Broker, Isolation, Message, wait_for};
use serde_json::Value;

use crate::processor::{TIMEOUT, tell};
use crate::topics::{self, DEAD_LETTERS, ORDERS, TRANSITIONS};
use crate::world::{World, not_passing_yet};

/// A topic that takes only some of the outputs: those inputs whose outputs it does not take are dead-lettered, and
/// leave nothing else behind.
#[test]
fn row_17_output_too_large_dead_letters_its_input_atomically() {
    if !not_passing_yet("row 17, an output that is too large,") {
        return;
    }
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 4_000);
    broker
        .create_topic(TRANSITIONS, 4, &[("max.message.bytes", "560")])
        .unwrap();
    let one = world
        .instance("one")
        // Many are too large: that is no reason to pause here.
        .setting("dead_letters.circuit", "false");
    let processor = one.start_ready();
    world.wait_consumed();
    processor.stop();

    let outputs = topics::Outputs::read(&broker).whole();
    let mut letters = BTreeSet::new();
    let mut too_large = 0;
    for letter in &outputs.dead_letters {
        let place = (letter.topic.clone(), letter.partition, letter.offset);
        assert!(letters.insert(place), "dead-lettered twice: {letter:?}");
        too_large += usize::from(letter.reason == "OUTPUT_TOO_LARGE");
    }
    let id = |value: &[u8]| {
        let value: Value = serde_json::from_slice(value).ok()?;
        Some(value["eventId"].as_str()?.to_owned())
    };
    let dead: BTreeSet<String> = world
        .records
        .iter()
        .filter(|it| letters.contains(&(it.topic.clone(), it.partition, it.offset)))
        .filter_map(|it| id(it.value.as_deref()?))
        .collect();
    let mut transitions = 0;
    for transition in outputs.transitions.values().flatten() {
        transitions += 1;
        let of = transition["eventId"].as_str().unwrap();
        let twice = world.records.iter().filter(|it| {
            it.value.as_deref().and_then(id).as_deref() == Some(of)
                && !letters.contains(&(it.topic.clone(), it.partition, it.offset))
        });
        assert!(
            !dead.contains(of) || twice.count() > 0,
            "{of} has a transition and a dead letter"
        );
    }
    tell(format!(
        "{too_large} outputs too large, {transitions} taken"
    ));
    assert!(
        too_large > 10 && transitions > 10,
        "{too_large} {transitions}"
    );
}

/// More partitions than the state was built with: nothing is rehashed, the start says so.
#[test]
fn row_18_changed_partition_count_ends_the_start_with_its_name() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 500);
    let one = world.instance("one");
    let processor = one.start_ready();
    world.wait_consumed();
    processor.stop();
    for topic in topics::INPUTS {
        broker.add_partitions(topic, 6).unwrap();
    }
    let (status, errors) = one.start().wait_end();
    assert_eq!(status, Some(1), "{errors}");
    let last = errors.lines().last().unwrap_or_default();
    assert!(
        last.contains(ORDERS) && last.contains('6') && last.contains('4'),
        "{last}"
    );
}

/// What cannot be judged, for every partition.
fn poison(broker: &Broker) {
    let messages = (0..4).map(|partition| {
        Message::new(
            ORDERS,
            "B-poison",
            "no JSON at all, and rather long: it has to be refused by a topic that is \
             told to take next to nothing",
        )
        .partition(partition)
    });
    broker.produce(messages).unwrap();
}

/// The topic of the dead letters takes nothing any more: the program stops and keeps its place.
#[test]
fn row_20_dead_letter_topic_that_refuses_stops_and_skips_nothing() {
    if !not_passing_yet("row 20, a dead-letter topic that refuses,") {
        return;
    }
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 500);
    let one = world.instance("one");
    let mut processor = one.start_ready();
    world.wait_consumed();
    let before = world.committed();
    let letters = broker
        .consume_all(DEAD_LETTERS, Isolation::ReadCommitted)
        .unwrap()
        .len();
    broker
        .configure_topic(DEAD_LETTERS, &[("max.message.bytes", "100")])
        .unwrap();
    poison(&broker);
    // The engine tries again for a minute before it gives up.
    let stopped = wait_for("the stop", 3 * TIMEOUT, || {
        let ended = processor.process.exit_status().unwrap().is_some();
        (ended || processor.readiness().0 != 200).then_some(())
    });
    stopped.unwrap_or_else(|error| panic!("{error}:\n{}", processor.process.stderr()));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(world.committed(), before, "a record was skipped");
    assert!(
        processor.process.stderr().contains(DEAD_LETTERS),
        "{}",
        processor.process.stderr()
    );
    if processor.process.exit_status().unwrap().is_none() {
        processor.process.kill9().unwrap();
    }
    broker.configure_topic(DEAD_LETTERS, &[]).unwrap();
    let processor = one.start_ready();
    world.wait_committed(before + 4);
    processor.stop();
    let now = broker
        .consume_all(DEAD_LETTERS, Isolation::ReadCommitted)
        .unwrap()
        .len();
    assert_eq!(now, letters + 4);
}

/// The topic of the dead letters is deleted under the running program.
#[test]
fn row_20_dead_letter_topic_that_is_deleted_stops_and_skips_nothing() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 500);
    let one = world
        .instance("one")
        .setting("application.transaction_timeout_ms", "5000");
    let mut processor = one.start_ready();
    world.wait_consumed();
    let before = world.committed();
    broker.delete_topics(&[DEAD_LETTERS]).unwrap();
    poison(&broker);
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(world.committed(), before, "a record was skipped");
    if processor.process.exit_status().unwrap().is_none() {
        processor.process.kill9().unwrap();
    }
    // The start makes the topic anew, and what waited gets there.
    let processor = one.start_ready();
    world.wait_committed(before + 4);
    processor.stop();
    let letters = broker
        .consume_all(DEAD_LETTERS, Isolation::ReadCommitted)
        .unwrap()
        .len();
    assert_eq!(letters, 4);
}
