//! The latest of `order.rejected.v1`, newest first.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::cells::Skipped;
use super::latest::{Latest, ToldAt};
use super::text::shortened;
use crate::domain::action::Action;
use crate::domain::status::DisplayStatus;

/// Rejections kept.
pub(super) const KEPT: usize = 50;

/// One refused event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rejection {
    /// Timestamp of the record, in milliseconds since the epoch.
    pub(super) at: i64,
    pub(super) order_no: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) action: String,
    /// Empty where the action is not known.
    pub(super) action_korean: &'static str,
    pub(super) actor: String,
    /// Display status of the order.
    pub(super) status: String,
    /// Empty where the status is not known.
    pub(super) status_korean: &'static str,
}

impl ToldAt for Rejection {
    fn at(&self) -> i64 {
        self.at
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    order_no: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow, default)]
    detail: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    event: Event<'a>,
}

#[derive(Default, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    actor: Option<Actor<'a>>,
}

#[derive(Deserialize)]
struct Actor<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
}

/// The latest rejections.
#[derive(Debug, Default)]
pub(super) struct Rejections(Latest<Rejection, KEPT>);

impl Rejections {
    /// Takes a record.
    pub(super) fn add(&mut self, at: i64, value: &[u8]) -> Result<(), Skipped> {
        let record: Record<'_> = serde_json::from_slice(value).map_err(|_| Skipped::Malformed)?;
        if !self.0.takes(at) {
            return Ok(());
        }
        let action = Action::from_name(&record.event.action);
        let status = DisplayStatus::from_name(&record.status);
        let rejection = Rejection {
            at,
            order_no: shortened(&record.order_no),
            reason: shortened(&record.reason),
            detail: shortened(&record.detail),
            action: shortened(&record.event.action),
            action_korean: action.map_or("", Action::korean),
            actor: record
                .event
                .actor
                .map_or_else(String::new, |actor| shortened(&actor.kind)),
            status: shortened(&record.status),
            status_korean: status.map_or("", DisplayStatus::korean),
        };
        self.0.add(rejection);
        Ok(())
    }

    /// The newest ones, newest first.
    pub(super) fn latest(&self, count: usize) -> Vec<Rejection> {
        self.0.newest(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::TEXT_CHARS;
    use super::*;

    fn record(order_no: &str) -> Vec<u8> {
        format!(
            r#"{{"orderNo":"{order_no}","reason":"AFTER_TERMINAL","detail":"cooking.started: main is CANCELLED","status":"CANCELLED","topic":"order.events.v1","partition":0,"offset":1,"event":{{"id":"e","action":"cooking.started","actor":{{"type":"STORE","id":"st_1"}}}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn the_newest_come_first_whatever_the_order_of_reading() {
        let mut rejections = Rejections::default();
        for at in [3, 1, 2] {
            rejections.add(at, &record(&format!("B{at}"))).unwrap();
        }
        let latest = rejections.latest(2);
        assert_eq!(latest.len(), 2);
        assert_eq!((latest[0].at, latest[0].order_no.as_str()), (3, "B3"));
        assert_eq!(latest[1].at, 2);
        assert_eq!(latest[0].action_korean, "조리시작됨");
        assert_eq!(latest[0].status_korean, "주문취소");
        assert_eq!(latest[0].actor, "STORE");
    }

    #[test]
    fn their_number_is_bounded_and_the_oldest_go() {
        let mut rejections = Rejections::default();
        for at in 0..200 {
            rejections.add(at, &record("B")).unwrap();
        }
        rejections.add(0, &record("old")).unwrap();
        let latest = rejections.latest(1_000);
        assert_eq!(latest.len(), KEPT);
        assert_eq!(latest[KEPT - 1].at, 150);
    }

    #[test]
    fn what_is_not_known_is_shown_as_it_came_but_shortened() {
        let mut rejections = Rejections::default();
        let long = "x".repeat(10_000);
        let value = format!(r#"{{"orderNo":"{long}","reason":"NEW_REASON"}}"#);
        rejections.add(1, value.as_bytes()).unwrap();
        let latest = rejections.latest(1);
        assert_eq!(latest[0].order_no.len(), TEXT_CHARS);
        assert_eq!(latest[0].reason, "NEW_REASON");
        assert_eq!(rejections.add(1, b"{}"), Err(Skipped::Malformed));
        assert_eq!(rejections.add(1, b"\xff"), Err(Skipped::Malformed));
    }
}
