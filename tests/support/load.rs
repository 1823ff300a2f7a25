//! Generated events as a backlog in the input topics.

use jumun::generate::{
    DayCurve, EventSource, FaultConfig, Faults, GeneratedEvent, Generator, GeneratorConfig, Rate,
};
use jumun_harness::{Kafka, Message};

use crate::support::topics::create_inputs;

/// 2026-11-20T00:00:00+09:00, in the past: record timestamps are never ahead of the clock.
const START_MS: u64 = 1_795_100_400_000;
/// So slow that most stories are told to their end.
const EVENTS_PER_SECOND: f64 = 5.0;

/// Creates the input topics and fills them with the first so many events of a day with duplicates, disorder, illegal
/// and broken events.
pub fn preload(kafka: &Kafka, events: usize, partitions: i32) {
    create_inputs(kafka, partitions);
    kafka
        .produce(self::events(events).iter().map(message))
        .unwrap();
}

/// The first so many events of such a day.
pub fn events(number: usize) -> Vec<GeneratedEvent> {
    let mut config = GeneratorConfig::new(7, START_MS);
    config.rate = Rate::EventsPerSecond(EVENTS_PER_SECOND);
    config.day_curve = DayCurve::Flat;
    let mut source = Faults::new(
        Generator::new(config),
        FaultConfig {
            seed: 7,
            ..FaultConfig::default()
        },
    );
    std::iter::from_fn(|| {
        let mut event = GeneratedEvent::default();
        source.next_into(&mut event).then_some(event)
    })
    .take(number)
    .collect()
}

/// As the outbox relay sends it.
pub fn message(event: &GeneratedEvent) -> Message<'_> {
    let topic = event.topic.name();
    let message = match event.value.is_empty() {
        true => Message::tombstone(topic, &event.key),
        false => Message::new(topic, &event.key, &event.value),
    };
    let message = message
        .timestamp(i64::try_from(event.timestamp).unwrap())
        .header("id", &event.id)
        .header("action", event.action)
        .header("schema-version", &event.schema_version.to_string());
    if event.key.is_empty() {
        message.keyless()
    } else {
        message
    }
}
