//! The input topics, filled once with the events of a generated marketplace.

use std::time::Duration;

use jiff::Timestamp;
use jumun::generate::{
    DayCurve, EventSource, FaultConfig, Faults, GeneratedEvent, Generator, GeneratorConfig,
    InputTopic, Limit,
};
use topology::io::{HeaderBuffer, Log, OutputId, OutputRecord, Producer, ProducerConfig};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::partitions::PATIENCE;
use crate::progress::Progress;

/// Clean events are told about so many at a time.
const STEP: u64 = 10_000;

/// Generates events after the load model, faults included, and sends them to the input topics. Gives their number.
pub(crate) fn fill(log: &dyn Log, options: &Options) -> Result<u64> {
    let mut producer = log.producer(&ProducerConfig {
        client_id: "jumun-bench-generator".to_owned(),
        transactional_id: None,
        transaction_timeout: PATIENCE,
    })?;
    let mut outputs = Vec::new();
    for topic in InputTopic::ALL {
        outputs.push((topic, producer.register(topic.name())?));
    }
    let now = Timestamp::now().as_millisecond().unsigned_abs();
    let mut source = source(options, now);
    let mut event = GeneratedEvent::default();
    let mut headers = HeaderBuffer::default();
    let mut progress = Progress::start("generating the backlog", options.events);
    let mut sent = 0;
    while sent < options.events && source.next_into(&mut event) {
        if event.timestamp >= now {
            return Err(Error::failed(
                "the backlog reaches into the future; ask for fewer events",
            ));
        }
        send(producer.as_mut(), &outputs, &event, &mut headers)?;
        sent += 1;
        if sent.is_multiple_of(STEP) {
            producer.poll(Duration::ZERO)?;
            progress.at(sent);
        }
    }
    while producer.in_flight() > 0 {
        producer.poll(Duration::from_millis(5))?;
    }
    match producer.delivery_error() {
        Some(error) => Err(error.into()),
        None => Ok(sent),
    }
}

/// A marketplace at a steady rate whose stream ends before `now`. The first hour is that of a market that opens: the
/// orders that come do not end yet. So it starts as much earlier.
fn source(options: &Options, now: u64) -> Faults<Generator> {
    const HOUR_MS: u64 = 3_600_000;
    const EVENTS_PER_SECOND: u64 = 330;
    let span_ms = options.events * 1000 / EVENTS_PER_SECOND;
    let config = GeneratorConfig {
        day_curve: DayCurve::Flat,
        limit: Limit::Endless,
        ..GeneratorConfig::new(
            options.seed,
            now.saturating_sub(span_ms + span_ms / 4 + 2 * HOUR_MS),
        )
    };
    let faults = FaultConfig {
        seed: options.seed,
        ..FaultConfig::default()
    };
    Faults::new(Generator::new(config), faults)
}

fn send(
    producer: &mut dyn Producer,
    outputs: &[(InputTopic, OutputId)],
    event: &GeneratedEvent,
    headers: &mut HeaderBuffer,
) -> Result<()> {
    let output = outputs
        .iter()
        .find(|(topic, _)| *topic == event.topic)
        .map(|(_, output)| *output);
    let output = output.ok_or_else(|| Error::failed("an event for a topic that is no input"))?;
    headers.clear();
    headers.push("id", Some(&event.id));
    headers.push("action", Some(event.action.as_bytes()));
    headers.push(
        "schema-version",
        Some(event.schema_version.to_string().as_bytes()),
    );
    Ok(producer.send(OutputRecord {
        output,
        partition: None,
        timestamp: i64::try_from(event.timestamp).unwrap_or(i64::MAX),
        key: present(&event.key),
        value: present(&event.value),
        headers: headers.view(),
    })?)
}

/// Empty stands for none.
fn present(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}
