//! Rows 18 and 20: topics that are not as they must be stop the start, by name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::Registry;
use topology::io::memory::MemoryLog;
use topology::metrics::EngineMetrics;
use topology::runtime::Streams;
use topology::store::StateConfig;
use topology::time::SystemClock;

use crate::simulation::job;

const TOPICS: [&str; 6] = ["words", "counted", "latest", "fired", "held", "dead"];

/// Why the job does not start with these topics.
fn refusal(topics: impl Iterator<Item = (&'static str, i32)>, changelog: i32) -> String {
    let log = MemoryLog::new(Arc::new(SystemClock::new()));
    for (topic, partitions) in topics {
        log.create_topic(topic, partitions).unwrap();
    }
    if changelog > 0 {
        log.create_topic("simulated-counts-changelog", changelog)
            .unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(EngineMetrics::register(&Registry::new()).unwrap());
    let streams = Streams::start(
        job::topology(),
        job::config().streams,
        dir.path(),
        StateConfig::default(),
        log,
        metrics,
    )
    .unwrap();
    let began = Instant::now();
    // Input topics may still be created by whoever owns them: those are waited for, and named.
    while streams.failure().is_none() && !streams.status().detail.starts_with("waiting: ") {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it starts: {:?}",
            streams.status()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let failure = streams.failure().map(|error| error.to_string());
    failure.unwrap_or_else(|| streams.status().detail)
}

fn without(missing: &'static str) -> impl Iterator<Item = (&'static str, i32)> {
    let others = TOPICS.into_iter().filter(move |topic| *topic != missing);
    others.map(|topic| (topic, job::PARTITIONS))
}

#[test]
fn row_18_a_missing_input_topic_holds_up_the_start_and_is_named() {
    let told = refusal(without("words"), 0);
    assert!(told.contains("words"), "{told}");
}

#[test]
fn row_18_a_changed_number_of_partitions_stops_the_start_and_is_named() {
    let told = refusal(without(""), job::PARTITIONS + 1);
    assert!(
        told.contains("simulated-counts-changelog") || told.contains("words"),
        "{told}"
    );
}

#[test]
fn row_20_a_missing_dead_letter_topic_stops_the_start_and_is_named() {
    let told = refusal(without("dead"), 0);
    assert!(told.contains("dead"), "{told}");
}
