//! The input topics, filled once with the events of a generated marketplace.

use jiff::Timestamp;
use jumun::feed::Feed;
use jumun::generate::{
    DayCurve, EventSource, FaultConfig, Faults, GeneratedEvent, Generator, GeneratorConfig, Limit,
    Rate,
};
use jumun::job::topics;
use topology::io::{HeaderBuffer, Log};
use xxhash_rust::xxh3::xxh3_64;

use crate::disorder::Disorder;
use crate::error::{Error, Result};
use crate::order_job::OrderJob;
use crate::progress::Progress;

/// Progress is told, and acknowledgements are served, after so many events.
const STEP: u64 = 10_000;

/// Which events the backlog is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// After the load model, with its faults.
    Usual,
    /// Without any fault.
    InOrder,
    /// The same events, but some swapped and some repeated.
    Disordered,
    /// Of a market so busy that this many orders are open before the first ones end, and no further: without any fault.
    LiveOrders(usize),
}

/// A backlog to be filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling {
    pub(crate) stream: Stream,
    pub(crate) events: u64,
    /// Chooses the events.
    pub(crate) seed: u64,
    /// Of each input topic.
    pub(crate) partitions: i32,
    /// Events are padded to so many bytes.
    pub(crate) event_bytes: usize,
}

/// Generates events and sends them to the input topics. Gives their number.
pub(crate) fn fill(log: &dyn Log, options: &Filling) -> Result<u64> {
    let mut feed = Feed::open(
        log,
        "jumun-bench-generator",
        &topics::inputs(&OrderJob::topics_of(options.partitions)),
    )?;
    let now = Timestamp::now().as_millisecond().unsigned_abs();
    if let Stream::LiveOrders(orders) = options.stream {
        return fill_live(&mut feed, options, now, orders);
    }
    let mut source = source(options, now);
    let mut event = GeneratedEvent::default();
    let mut headers = HeaderBuffer::default();
    let mut progress = Progress::start("generating the backlog", options.events);
    while feed.total() < options.events && source.next_into(&mut event) {
        if event.timestamp >= now {
            return Err(Error::failed(
                "the backlog reaches into the future; ask for fewer events",
            ));
        }
        pad(&mut event, options.event_bytes);
        send(&mut feed, &event, &mut headers)?;
        if feed.total().is_multiple_of(STEP) {
            feed.poll()?;
            progress.at(feed.total());
        }
    }
    feed.flush()?;
    Ok(feed.total())
}

/// Sends events until so many orders are open.
fn fill_live(feed: &mut Feed, options: &Filling, now: u64, orders: usize) -> Result<u64> {
    /// In event time: so many that few have ended when all are there.
    const ORDERS_PER_SECOND: f64 = 500.0;
    let span_ms = (orders as f64 / ORDERS_PER_SECOND * 1000.0) as u64;
    let config = GeneratorConfig {
        day_curve: DayCurve::Flat,
        rate: Rate::OrdersPerSecond(ORDERS_PER_SECOND),
        limit: Limit::Endless,
        ..GeneratorConfig::new(options.seed, now.saturating_sub(3 * span_ms))
    };
    let mut generator = Generator::new(config);
    let mut event = GeneratedEvent::default();
    let mut headers = HeaderBuffer::default();
    let mut progress = Progress::start("generating orders", orders as u64);
    while generator.live_orders() < orders && generator.next_into(&mut event) {
        if event.timestamp >= now {
            return Err(Error::failed(
                "the orders reach into the future; ask for fewer",
            ));
        }
        send(feed, &event, &mut headers)?;
        if feed.total().is_multiple_of(STEP) {
            feed.poll()?;
            progress.at(generator.live_orders() as u64);
        }
    }
    feed.flush()?;
    Ok(feed.total())
}

/// A marketplace at a steady rate whose stream ends before `now`. The first hour is that of a market that opens: the
/// orders that come do not end yet. So it starts as much earlier.
fn source(options: &Filling, now: u64) -> Box<dyn EventSource> {
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
    let generator = Generator::new(config);
    match options.stream {
        Stream::InOrder | Stream::LiveOrders(_) => Box::new(generator),
        Stream::Disordered => Box::new(Disorder::new(generator, options.seed)),
        Stream::Usual => {
            let faults = FaultConfig {
                seed: options.seed,
                ..FaultConfig::default()
            };
            Box::new(Faults::new(generator, faults))
        }
    }
}

/// Adds a field to an event that is shorter, of digits that LZ4 cannot shorten. What is no JSON object stays as it is.
fn pad(event: &mut GeneratedEvent, bytes: usize) {
    const NAME: &[u8] = br#","padding":""#;
    let missing = bytes.saturating_sub(event.value.len() + NAME.len() + 1);
    if missing == 0 || event.value.pop_if(|last| *last == b'}').is_none() {
        return;
    }
    event.value.extend_from_slice(NAME);
    let end = event.value.len() + missing;
    let mut digits = xxh3_64(&event.id);
    while event.value.len() < end {
        let left = end - event.value.len();
        let next = format!("{digits:016x}");
        event.value.extend(next.bytes().take(left));
        digits = xxh3_64(&digits.to_le_bytes());
    }
    event.value.extend_from_slice(b"\"}");
}

/// Sends an event with the headers of the outbox relay.
pub(crate) fn send(
    feed: &mut Feed,
    event: &GeneratedEvent,
    headers: &mut HeaderBuffer,
) -> Result<()> {
    headers.clear();
    headers.push("id", Some(&event.id));
    headers.push("action", Some(event.action.as_bytes()));
    headers.push(
        "schema-version",
        Some(event.schema_version.to_string().as_bytes()),
    );
    let timestamp = i64::try_from(event.timestamp).unwrap_or(i64::MAX);
    let (key, value) = (present(&event.key), present(&event.value));
    Ok(feed.send(event.topic.name(), timestamp, key, value, headers.view())?)
}

/// Empty stands for none.
fn present(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(value: &[u8], bytes: usize) -> Vec<u8> {
        let mut event = GeneratedEvent {
            value: value.to_vec(),
            ..GeneratedEvent::default()
        };
        pad(&mut event, bytes);
        event.value
    }

    #[test]
    fn an_event_is_padded_to_the_size_asked_for_and_stays_what_it_was() {
        let value = padded(br#"{"id":"a"}"#, 2_048);
        assert_eq!(value.len(), 2_048);
        let read: serde_json::Value = serde_json::from_slice(&value).unwrap();
        assert_eq!(read["id"], "a");
    }

    #[test]
    fn what_is_long_enough_or_no_object_stays_as_it_is() {
        for (value, bytes) in [
            (&br#"{"id":"a"}"#[..], 0),
            (br#"{"id":"a"}"#, 20),
            (br#"{"id""#, 2_048),
            (b"", 2_048),
        ] {
            assert_eq!(padded(value, bytes), value);
        }
    }
}
