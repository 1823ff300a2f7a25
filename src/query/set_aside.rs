//! From an event that was set aside to what is told of it.

use serde_json::value::RawValue;

use super::answer::{KstTime, SetAsideAnswer};
use crate::dialect::Decoder;
use crate::domain::awaiting::awaiting;
use crate::domain::headers::RecordHeaders;
use crate::domain::judge::JudgingPolicy;
use crate::domain::judgement::RecordContext;
use crate::domain::order::Order;
use crate::domain::waiting::{Aside, Waiting};
use crate::job::codec::Incoming;
use crate::job::set_aside::SetAside;

/// What is needed to read events and to examine them.
pub(super) struct Examiner<'a> {
    pub(super) decoder: Decoder,
    pub(super) policy: &'a JudgingPolicy,
    /// Epoch milliseconds.
    pub(super) now: i64,
}

impl Examiner<'_> {
    /// What is told of an event; none if its row cannot be read.
    pub(super) fn answer(
        &mut self,
        order: &Order,
        entry: &Waiting,
        row: &[u8],
    ) -> Option<SetAsideAnswer> {
        let mut record = SetAside::default();
        record.decode(row).ok()?;
        let source = record.source();
        let mut incoming = Incoming::default();
        incoming.decode_again(&mut self.decoder, &source);
        let event = &incoming.event;
        let mut headers = RecordHeaders::default();
        for (name, value) in source.headers.iter() {
            headers.read(name, value);
        }
        let context = RecordContext {
            timestamp: source.timestamp,
            wall_clock: self.now,
            parking_clock: self.now,
            task_is_full: false,
            headers,
        };
        let missing = awaiting(order, event, entry.aside, &context, self.policy);
        let is_parked = entry.aside == Aside::Parked;
        Some(SetAsideAnswer {
            action: event.action_name().to_owned(),
            event_id: event.id().to_owned(),
            aggregate: entry.aggregate.name().to_owned(),
            version: entry.version,
            since: KstTime(entry.since),
            until: is_parked.then_some(KstTime(entry.deadline)),
            cause: missing.map(|missing| missing.reason.name().to_owned()),
            detail: missing.map(|missing| missing.explanation.to_string()),
            in_the_end: missing
                .filter(|_| is_parked)
                .map(|missing| missing.in_the_end.name().to_owned()),
            topic: source.topic.to_owned(),
            partition: source.partition,
            offset: source.offset,
            event: RawValue::from_string(event.envelope().to_owned()).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use topology::io::HeaderBuffer;
    use topology::process::SourceRecord;

    use super::*;
    use crate::domain::judge::judge;
    use crate::domain::tests::fixture::{Ev, NOON, ev};
    use crate::job::set_aside;

    /// What is told of an event that was set aside from an order that was created and not paid.
    fn told(event: &Ev, aside: Aside, payload: &str) -> Option<SetAsideAnswer> {
        let policy = JudgingPolicy::default();
        let context = RecordContext {
            timestamp: NOON,
            wall_clock: NOON,
            ..RecordContext::default()
        };
        let mut order = Order::default();
        let created = ev("order.created", "CUSTOMER", 1).decoded();
        judge(&mut order, &created, &context, &policy);
        let time = (NOON, NOON + 30_000);
        let arrival = order.waiting.add(&event.decoded(), aside, false, time);
        let mut row = Vec::new();
        let headers = HeaderBuffer::default();
        let source = SourceRecord {
            input: 0,
            topic: "delivery.events.v1",
            partition: 2,
            offset: 7,
            timestamp: NOON,
            key: Some(b"B1"),
            value: Some(payload.as_bytes()),
            headers: headers.view(),
        };
        set_aside::encode(&source, &mut row);
        if payload.is_empty() {
            row.truncate(4);
        }
        let mut examiner = Examiner {
            decoder: Decoder::default(),
            policy: &policy,
            now: NOON + 5_000,
        };
        examiner.answer(&order, order.waiting.get(arrival).unwrap(), &row)
    }

    #[test]
    fn it_is_told_what_is_missing_now_and_what_comes_then() {
        let event = ev("delivery.requested", "SYSTEM", 1);
        let parked = told(&event, Aside::Parked, &event.json()).unwrap();
        assert_eq!(parked.until, Some(KstTime(NOON + 30_000)));
        assert_eq!(parked.cause.as_deref(), Some("AWAIT_PREDECESSOR"));
        assert_eq!(parked.in_the_end.as_deref(), Some("PREDECESSOR_TIMEOUT"));
        assert_eq!(
            (parked.topic.as_str(), parked.partition, parked.offset),
            ("delivery.events.v1", 2, 7)
        );
        assert_eq!(parked.event.unwrap().get(), event.json());

        let kept = told(&event, Aside::Kept, &event.json()).unwrap();
        assert_eq!((kept.until, kept.in_the_end), (None, None));
        let ready = ev("order.note_added", "CS", 2);
        assert_eq!(
            told(&ready, Aside::Kept, &ready.json()).unwrap().cause,
            None
        );
    }

    #[test]
    fn the_cause_is_that_of_the_event_and_a_damaged_row_is_none() {
        let event = ev("order.note_added", "CS", 3);
        let parked = told(&event, Aside::Parked, &event.json()).unwrap();
        assert_eq!(parked.cause.as_deref(), Some("SEQ_GAP"));
        assert_eq!(parked.detail.as_deref(), Some("version 3 after 1"));
        assert!(told(&event, Aside::Parked, "").is_none());
    }
}
