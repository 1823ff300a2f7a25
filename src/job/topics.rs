//! The topics of the order job (order-domain 2.5).

use topology::io::TopicSpec;

use crate::config::{Configuration, Topics};

pub use crate::dialect::topics::{DELIVERY_EVENTS, INPUTS, ORDER_EVENTS, PAYMENT_EVENTS};

/// Events sent once more, to be judged again: by the processor itself, and by `jumun dlt replay`. Its own topic,
/// because those of the services have one writer each, and other readers.
pub const REDRIVE: &str = "order.redrive.v1";
/// Everything that the job reads.
pub const SOURCES: [&str; 4] = [ORDER_EVENTS, PAYMENT_EVENTS, DELIVERY_EVENTS, REDRIVE];

/// What happened: every applied or annotated event.
pub const TRANSITIONS: &str = "order.transitions.v1";
/// The current state of every order; compacted.
pub const STATE: &str = "order.state.v1";
/// Judged and refused.
pub const REJECTED: &str = "order.rejected.v1";
/// Contradictions between owners, for people and healers.
pub const RECONCILE: &str = "order.reconcile.v1";
/// Aggregates per minute: what is known of them, and once more when their window is closed; compacted.
pub const AGGREGATES: &str = "order.agg.1m.v1";
/// What belongs to windows that were closed when it came, to be added to them.
pub const LATE_AGGREGATES: &str = "order.agg.1m.late.v1";
/// What lasts too long in the life of an order, by level.
pub const SLA: &str = "order.sla.v1";
/// Findings of the detectors, from their start to their end.
pub const DETECTOR: &str = "order.detector.v1";
/// What could not be judged: bytes untouched.
pub const DEAD_LETTERS: &str = "order.dlt.v1";

/// The engine's producer takes as much.
const MAX_DEAD_LETTER_BYTES: u64 = 16 << 20;
const DAY_MS: u64 = 86_400_000;

fn spec(name: &str, partitions: i32, topics: &Topics, config: &[(&str, String)]) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        replication_factor: i16::try_from(topics.replication_factor).unwrap_or(i16::MAX),
        config: config
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    }
}

fn retention(days: u64) -> [(&'static str, String); 2] {
    [
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", (days * DAY_MS).to_string()),
    ]
}

/// The input topics as `replay` and `generate` create them where they are missing.
pub fn inputs(topics: &Topics) -> Vec<TopicSpec> {
    INPUTS
        .iter()
        .map(|name| spec(name, topics.partitions, topics, &retention(31)))
        .collect()
}

/// The topic of redriven events; its partitions are those of the inputs.
pub fn redrive(topics: &Topics) -> TopicSpec {
    spec(REDRIVE, topics.partitions, topics, &retention(31))
}

/// All topics that the job writes, as `run` creates them where they are missing.
pub fn written(configuration: &Configuration) -> Vec<TopicSpec> {
    let topics = &configuration.topics;
    let mut written = outputs(topics);
    if configuration.aggregates.enabled {
        written.extend(aggregates(topics));
    }
    if configuration.timers.enabled {
        written.push(watched(SLA, topics));
    }
    if configuration.detectors.enabled {
        written.push(watched(DETECTOR, topics));
    }
    let job = configuration.job();
    for topic in &mut written {
        topic.name = job.output(&topic.name);
    }
    // Read by every application, and with it by one that processes the log anew.
    written.push(redrive(topics));
    written
}

/// The output topics.
pub fn outputs(topics: &Topics) -> Vec<TopicSpec> {
    vec![
        spec(TRANSITIONS, topics.partitions, topics, &retention(7)),
        spec(
            STATE,
            topics.partitions,
            topics,
            &[("cleanup.policy", "compact".to_owned())],
        ),
        spec(REJECTED, topics.output_partitions, topics, &retention(31)),
        spec(RECONCILE, topics.output_partitions, topics, &retention(7)),
        dead_letters(topics),
    ]
}

/// A topic of timers or detectors.
fn watched(name: &str, topics: &Topics) -> TopicSpec {
    spec(name, topics.output_partitions, topics, &retention(7))
}

/// The topics of the aggregates.
pub fn aggregates(topics: &Topics) -> Vec<TopicSpec> {
    let [_, retention] = retention(31);
    let config = [("cleanup.policy", "compact,delete".to_owned()), retention];
    [AGGREGATES, LATE_AGGREGATES]
        .iter()
        .map(|name| spec(name, topics.output_partitions, topics, &config))
        .collect()
}

/// A dead letter is its record and a dozen headers: it must fit whatever an input topic took.
fn dead_letters(topics: &Topics) -> TopicSpec {
    let mut dead_letters = spec(
        DEAD_LETTERS,
        topics.output_partitions,
        topics,
        &retention(31),
    );
    let limit = (
        "max.message.bytes".to_owned(),
        MAX_DEAD_LETTER_BYTES.to_string(),
    );
    dead_letters.config.push(limit);
    dead_letters
}
