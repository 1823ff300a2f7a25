//! What each form costs; run with `--ignored --nocapture` on a quiet machine.

use std::time::Instant;

use super::{Arrival, Decoder, Dialect, Dialects, Form};
use crate::domain::decode::decode;
use crate::domain::event::OrderEvent;
use crate::domain::tests::market_days::lines;

const TOPIC: &str = super::topics::ORDER_EVENTS;
const PASSES: usize = 20;

/// The best of some passes over all records, in nanoseconds per record.
fn best(records: usize, mut pass: impl FnMut()) -> u128 {
    let passes = (0..PASSES).map(|_| {
        let started = Instant::now();
        pass();
        started.elapsed().as_nanos() / records as u128
    });
    passes.min().unwrap()
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
    let alone = best(lines.len(), || {
        for (line, key) in lines.iter().zip(&keys) {
            decode(Some(line), &mut event).unwrap();
            assert!(event.order_no() == key);
        }
    });
    println!("the envelope alone {alone} ns");
    for form in [Form::Plain, Form::Detect] {
        for with_headers in [false, true] {
            let dialect = Dialect {
                form,
                ..Dialect::default()
            };
            let mut decoder = Decoder::new(Dialects::new([(TOPIC.to_owned(), dialect)]));
            let nanoseconds = best(lines.len(), || {
                for (place, line) in lines.iter().enumerate() {
                    let headers = [
                        ("id", Some(ids[place].as_bytes())),
                        ("action", Some(actions[place].as_bytes())),
                        ("schema-version", Some(&b"1"[..])),
                        (
                            "traceparent",
                            Some(&b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"[..]),
                        ),
                    ];
                    let headers = &headers[..if with_headers { 4 } else { 0 }];
                    let arrival = Arrival {
                        topic: TOPIC,
                        key: Some(keys[place].as_bytes()),
                        value: Some(line),
                    };
                    let headers = headers.iter().copied();
                    decoder.decode(&arrival, headers, &mut event).unwrap();
                }
            });
            println!("{form:?}, headers {with_headers}: {nanoseconds} ns");
        }
    }
    let escaped: Vec<String> = lines
        .iter()
        .map(|line| serde_json::to_string(std::str::from_utf8(line).unwrap()).unwrap())
        .collect();
    let mut decoder = Decoder::default();
    let nanoseconds = best(lines.len(), || {
        for (line, key) in escaped.iter().zip(&keys) {
            let arrival = Arrival {
                topic: TOPIC,
                key: Some(key.as_bytes()),
                value: Some(line.as_bytes()),
            };
            decoder
                .decode(&arrival, std::iter::empty(), &mut event)
                .unwrap();
        }
    });
    println!("an envelope in a string: {nanoseconds} ns");
}
