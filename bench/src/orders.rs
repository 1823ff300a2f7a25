//! Orders made by hand, as many as are asked for: created one after the other, then met again all over the state.

use jiff::Timestamp;
use jumun::feed::Feed;
use jumun::generate::{GeneratedEvent, InputTopic};
use topology::io::HeaderBuffer;

use crate::backlog;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::written::{CREATED, Written};

/// The first event of an order.
const FIRST: &str = "order.created";
/// What may come once.
pub(crate) const PAID: &str = "payment.approved";
/// What may come any number of times.
pub(crate) const NOTE: &str = "order.note_added";

const PREFIX: &str = "B2611200";
const SUFFIX: &str = "Z";

/// Sends the first event of each of so many orders.
pub(crate) fn create(feed: &mut Feed, orders: u64) -> Result<()> {
    send(feed, "creating orders", 0..orders, |event, order| {
        write(event, order, FIRST, 1, order);
    })
}

/// Sends the events that `write` makes of these numbers.
pub(crate) fn send(
    feed: &mut Feed,
    what: &str,
    numbers: std::ops::Range<u64>,
    write: impl Fn(&mut GeneratedEvent, u64),
) -> Result<()> {
    let mut event = GeneratedEvent::default();
    let mut headers = HeaderBuffer::default();
    let mut progress = Progress::start(what, numbers.end - numbers.start);
    for (sent, number) in (0_u64..).zip(numbers) {
        write(&mut event, number);
        backlog::send(feed, &event, &mut headers)?;
        if sent.is_multiple_of(10_000) {
            feed.poll()?;
            progress.at(sent);
        }
    }
    Ok(feed.flush()?)
}

/// The order that is the n-th to be met of so many, of which 7919 must be no factor: all of them before any is met again,
/// and those that follow each other far apart.
pub(crate) fn scattered(n: u64, orders: u64) -> u64 {
    (n % orders) * 7_919 % orders
}

/// An event of an order that happens now, into the buffers of the last one.
pub(crate) fn write(
    event: &mut GeneratedEvent,
    order: u64,
    action: &'static str,
    version: u64,
    id: u64,
) {
    let at = Timestamp::now().as_millisecond();
    let number = format!("{PREFIX}{order:07}{SUFFIX}");
    let (actor, info) = match action {
        PAID => ("PG", r#"{"amount":20000}"#),
        NOTE => ("CUSTOMER", "{}"),
        _ => ("CUSTOMER", CREATED),
    };
    let written = Written {
        number: &number,
        action,
        version,
        actor,
        info,
        at,
    };
    event.topic = match written.topic() {
        topic if topic == InputTopic::Payment.name() => InputTopic::Payment,
        _ => InputTopic::Order,
    };
    event.value = written.envelope(id).into_bytes();
    event
        .id
        .copy_from_slice(format!("00000000-0000-7000-8000-{id:012}").as_bytes());
    event.key = number.into_bytes();
    event.action = action;
    event.schema_version = 1;
    event.timestamp = at.unsigned_abs();
}

/// Which of the orders has this number.
pub(crate) fn number_of(order_no: &str) -> Result<usize> {
    let digits = order_no
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::failed(format!("nobody created an order {order_no:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_met_before_any_is_met_again() {
        let met: std::collections::HashSet<u64> = (0..1_000).map(|n| scattered(n, 1_000)).collect();
        assert_eq!(met.len(), 1_000);
        assert_eq!(scattered(1_003, 1_000), scattered(3, 1_000));
    }

    #[test]
    fn an_order_is_found_again_by_its_number() -> Result<()> {
        let mut event = GeneratedEvent::default();
        write(&mut event, 2_999_999, NOTE, 7, 12);
        let key = String::from_utf8(event.key).unwrap();
        assert_eq!(number_of(&key)?, 2_999_999);
        assert!(number_of("B2611200x").is_err());
        let value: serde_json::Value = serde_json::from_slice(&event.value).unwrap();
        assert_eq!(value["target"]["version"], 7);
        assert_eq!(event.topic, InputTopic::Order);
        Ok(())
    }
}
