//! Records that are refused, topics that are missing or changed: rows 17, 18 and 20.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jumun_harness::{Broker, Message, wait_for};

use crate::matrix::world::{APPLICATION, PARTITIONS, World, long_form};
use crate::support::changelogs::compare_with_changelogs;
use crate::support::judged::compare_with_model;
use crate::support::load;
use crate::support::model::InputRecord;
use crate::support::processor::{Processor, TIMEOUT, tell};
use crate::support::topics::{self, DEAD_LETTERS, ORDERS, TRANSITIONS};

/// Some orders begin with an event whose transition is too large, for the headers that it passes on; the same event
/// follows without them. The large ones are dead letters and leave nothing behind: their twins are judged as the first.
#[test]
fn row_17_output_too_large_dead_letters_its_input_atomically() {
    const LARGE: usize = 40;
    let broker = Broker::start().unwrap();
    topics::create_inputs(&broker, PARTITIONS);
    broker
        .create_topic(TRANSITIONS, PARTITIONS, &[("max.message.bytes", "4096")])
        .unwrap();
    let events = load::events(4_000);
    let (mut known, mut large) = (BTreeSet::new(), 0);
    let messages = events.iter().flat_map(|event| {
        let first = known.insert(&event.key) && event.action == "order.created";
        let twice = first && large < LARGE && event.topic.name() == ORDERS;
        large += usize::from(twice);
        let with_baggage = || load::message(event).header("baggage", &[b'x'; 5_000]);
        [twice.then(with_baggage), Some(load::message(event))]
    });
    broker.produce(messages.flatten()).unwrap();
    let mut world = World::of(&broker);
    let one = world
        .instance("one")
        // So many dead letters of so few records are what is wanted here.
        .setting("dead_letters.circuit", "false");
    let mut processor = one.start_ready();
    wait_for(
        "the end of the inputs, or of the program",
        2 * TIMEOUT,
        || {
            let ended = processor.process.exit_status().unwrap().is_some();
            (ended || world.committed() >= world.total()).then_some(())
        },
    )
    .unwrap_or_else(|error| panic!("{error}: {:?}", processor.readiness()));
    let log = processor.process.stderr();
    assert_eq!(world.committed(), world.total(), "{log}");
    processor.stop();

    let is_large = |record: &InputRecord| record.headers.iter().any(|(name, _)| name == "baggage");
    let place = |record: &InputRecord| (record.topic.clone(), record.partition, record.offset);
    let large: Vec<_> = world
        .records
        .iter()
        .filter(|it| is_large(it))
        .map(place)
        .collect();
    assert_eq!(large.len(), LARGE);
    let letters = topics::Outputs::read(&broker).whole().dead_letters;
    let mut too_large: Vec<_> = letters
        .into_iter()
        .filter(|letter| letter.reason == "OUTPUT_TOO_LARGE")
        .map(|letter| (letter.topic, letter.partition, letter.offset))
        .collect();
    too_large.sort();
    assert_eq!(
        too_large,
        BTreeSet::from_iter(large).into_iter().collect::<Vec<_>>()
    );
    // Of all the rest, exactly what the model says.
    world.records.retain(|record| !is_large(record));
    let report = compare_with_model(&broker, &world.records).report;
    let wrong = report.missing + report.duplicate + report.wrong;
    assert_eq!((wrong, report.unexpected), (0, LARGE), "{report}");
    assert!(report.compared > world.records.len(), "{report}");
    let folded = compare_with_changelogs(&broker, APPLICATION, &[one.store_dir()]);
    assert!(folded.differences.is_empty(), "{folded:?}");
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

/// An input is deleted under the running program: it ends and names it, and does not take an empty one of the same name
/// for it.
#[test]
fn row_18_input_topic_that_is_deleted_stops_the_program_and_is_named() {
    if !long_form() {
        return;
    }
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 500);
    let one = world.instance("one");
    let processor = one.start_ready();
    world.wait_consumed();
    broker.delete_topics(&[ORDERS]).unwrap();
    let (last, took) = last_words(processor);
    assert!(took < Duration::from_secs(50), "{took:?}");
    assert!(last.contains(ORDERS), "{last}");
    broker.create_topic(ORDERS, PARTITIONS, &[]).unwrap();
    let (last, _) = last_words(one.start());
    assert!(last.contains("no committed offsets"), "{last}");
    assert!(last.contains("or an input topic"), "{last}");
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

/// The program's own end, and how long after this call it came: its last words.
fn last_words(processor: Processor) -> (String, Duration) {
    let began = Instant::now();
    let (status, errors) = processor.wait_end();
    assert_eq!(status, Some(1), "{errors}");
    let last = errors.lines().last().unwrap_or_default().to_owned();
    tell(format!("stopped after {:?}: {last}", began.elapsed()));
    (last, began.elapsed())
}

/// The topic of the dead letters takes nothing any more: the program stops, says what mends it and keeps its place.
#[test]
fn row_20_dead_letter_topic_that_refuses_stops_and_skips_nothing() {
    let broker = Broker::start().unwrap();
    let mut world = World::with_load(&broker, 500);
    let one = world.instance("one");
    let processor = one.start_ready();
    world.wait_consumed();
    let before = world.committed();
    broker
        .configure_topic(DEAD_LETTERS, &[("max.message.bytes", "100")])
        .unwrap();
    poison(&broker);
    let (last, took) = last_words(processor);
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!(last.contains(DEAD_LETTERS), "{last}");
    assert!(last.contains("max.message.bytes"), "{last}");
    assert_eq!(world.committed(), before, "a record was skipped");
    // As long as nobody has raised the limit, a start ends in the same way.
    let (last, _) = last_words(one.start());
    assert!(last.contains(DEAD_LETTERS), "{last}");
    assert!(last.contains("raise its max.message.bytes"), "{last}");
    assert_eq!(world.committed(), before, "a record was skipped");
    broker.configure_topic(DEAD_LETTERS, &[]).unwrap();
    let processor = one.start_ready();
    world.wait_committed(before + 4);
    processor.stop();
    world.records = topics::input_records(&broker);
    world.assert_outputs();
}

/// The topic of the dead letters is deleted under the running program, which makes it anew when it is started again.
#[test]
fn row_20_dead_letter_topic_that_is_deleted_stops_and_skips_nothing() {
    let broker = Broker::start().unwrap();
    let world = World::with_load(&broker, 500);
    let one = world.instance("one");
    let processor = one.start_ready();
    world.wait_consumed();
    let before = world.committed();
    broker.delete_topics(&[DEAD_LETTERS]).unwrap();
    poison(&broker);
    let (last, took) = last_words(processor);
    // A record for a topic that nobody knows waits as long as a transaction may last.
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(last.contains(DEAD_LETTERS), "{last}");
    assert!(last.contains("does not exist any more"), "{last}");
    assert_eq!(world.committed(), before, "a record was skipped");
    let processor = one.start_ready();
    world.wait_committed(before + 4);
    processor.stop();
    let letters = topics::Outputs::read(&broker).whole().dead_letters;
    let offsets: BTreeSet<(i32, i64)> =
        letters.iter().map(|it| (it.partition, it.offset)).collect();
    assert_eq!((letters.len(), offsets.len()), (4, 4), "{letters:?}");
    assert!(letters.iter().all(|it| it.topic == ORDERS), "{letters:?}");
}
