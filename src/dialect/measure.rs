//! What each form costs; run with `--ignored --nocapture` on a quiet machine.

use std::time::Instant;

use super::{Arrival, Decoder, Dialect, Dialects, Form};
use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;
use crate::domain::tests::market_days::lines;

const TOPIC: &str = super::topics::ORDER_EVENTS;
const TRACE: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const PASSES: usize = 20;

/// Nanoseconds per record: of each record the best of some passes, so that other work on the machine counts little.
fn best(records: usize, mut read: impl FnMut(usize)) -> u128 {
    let mut best = vec![u128::MAX; records];
    for _ in 0..PASSES {
        for (place, best) in best.iter_mut().enumerate() {
            let started = Instant::now();
            read(place);
            *best = (*best).min(started.elapsed().as_nanos());
        }
    }
    best.iter().sum::<u128>() / records as u128
}

#[test]
#[ignore = "measures"]
fn nanoseconds_per_record() {
    let Some(lines) = lines("market-day-4.ndjson.gz") else {
        return;
    };
    let mut event = OrderEvent::default();
    let mut keys = Vec::new();
    let mut ids = Vec::new();
    let mut actions = Vec::new();
    for line in &lines {
        decode(Some(line), &mut event).unwrap();
        keys.push(event.order_no().to_owned());
        ids.push(event.id().to_owned());
        actions.push(event.action_name().to_owned());
    }
    let alone = best(lines.len(), |place| {
        decode(Some(&lines[place]), &mut event).unwrap();
        assert!(event.order_no() == keys[place]);
    });
    println!("the envelope alone {alone} ns");
    for form in [Form::Plain, Form::Detect] {
        for with_headers in [false, true] {
            let dialect = Dialect {
                form,
                ..Dialect::default()
            };
            let mut decoder = Decoder::new(Dialects::new([(TOPIC.to_owned(), dialect)]));
            let nanoseconds = best(lines.len(), |place| {
                let headers = [
                    ("id", Some(ids[place].as_bytes())),
                    ("action", Some(actions[place].as_bytes())),
                    ("schema-version", Some(&b"1"[..])),
                    ("traceparent", Some(TRACE)),
                ];
                let headers = &headers[..if with_headers { 4 } else { 0 }];
                let arrival = Arrival {
                    topic: TOPIC,
                    key: Some(keys[place].as_bytes()),
                    value: Some(&lines[place]),
                };
                let headers = headers.iter().copied();
                decoder.decode(&arrival, headers, &mut event).unwrap();
            });
            println!("{form:?}, headers {with_headers}: {nanoseconds} ns");
        }
    }
    let escaped: Vec<String> = lines
        .iter()
        .map(|line| serde_json::to_string(std::str::from_utf8(line).unwrap()).unwrap())
        .collect();
    let mut decoder = Decoder::default();
    let nanoseconds = best(lines.len(), |place| {
        let arrival = Arrival {
            topic: TOPIC,
            key: Some(keys[place].as_bytes()),
            value: Some(escaped[place].as_bytes()),
        };
        let headers = std::iter::empty();
        decoder.decode(&arrival, headers, &mut event).unwrap();
    });
    println!("an envelope in a string: {nanoseconds} ns");
}
