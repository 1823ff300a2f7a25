//! Entries for the tests of this module.

use topology::io::{HeaderBuffer, RecordBatch};

use super::{Entry, EntryId};

/// A dead letter's record.
#[derive(Clone, Copy, Default)]
pub(super) struct Letter<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: &'a [(&'a str, &'a [u8])],
}

impl Letter<'_> {
    /// The entry at this place; its record is of the first second of 1970.
    pub(super) fn entry(&self, id: &str) -> Entry {
        let id: EntryId = id.parse().unwrap();
        let mut headers = HeaderBuffer::default();
        for (name, value) in self.headers {
            headers.push(name, Some(value));
        }
        let mut batch = RecordBatch::default();
        batch.push(id.offset, 1_000, self.key, self.value, headers.view());
        Entry::read(id.kind, id.partition, &batch.front().unwrap())
    }
}

/// An envelope; its id is made of the order, the action and the version.
pub(super) fn envelope(order_no: &str, action: &str, version: u64) -> String {
    let family = action.split('.').next().unwrap_or_default();
    let aggregate = if ["payment", "delivery", "claim"].contains(&family) {
        family
    } else {
        "order"
    };
    format!(
        r#"{{"id":"{order_no}-{action}-{version}","target":{{"type":"{aggregate}","id":"{order_no}-t","orderNo":"{order_no}","version":{version}}},"action":"{action}","actor":{{"type":"CS","id":"cs_1"}},"info":{{}},"time":{{"occurredAt":"2026-11-20T12:00:00+09:00","recordedAt":"2026-11-20T12:00:00+09:00"}},"schema":{{"name":"{action}","version":1}}}}"#
    )
}

/// A rejection of an event of partition 2, in the form in which the processor writes it.
pub(super) fn rejection(
    id: &str,
    reason: &str,
    order_no: &str,
    action: &str,
    version: u64,
) -> Entry {
    let event = envelope(order_no, action, version);
    let value = format!(
        r#"{{"orderNo":"{order_no}","reason":"{reason}","detail":"{action}: why","status":"WAITING_ACCEPT","regions":{{"main":"PAID"}},"versions":{{"order":1}},"topic":"order.events.v1","partition":2,"offset":40,"event":{event}}}"#
    );
    let letter = Letter {
        key: Some(order_no.as_bytes()),
        value: Some(value.as_bytes()),
        headers: &[("traceparent", b"00-1-2-01"), ("event-id", b"e")],
    };
    letter.entry(id)
}
