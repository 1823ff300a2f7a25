//! The latest of `order.sla.v1`, newest first.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::cells::Skipped;
use super::latest::{Latest, ToldAt};
use super::text::shortened;
use crate::domain::status::DisplayStatus;
use crate::domain::time::parse_rfc3339;

/// Breaches kept.
const KEPT: usize = 50;

/// A level that a timer of an order has reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Breach {
    /// When it was told, in milliseconds since the epoch.
    at: i64,
    /// When what is watched began.
    since: i64,
    /// When the level was reached.
    deadline: i64,
    order_no: String,
    timer: String,
    level: String,
    /// Display status of the order.
    status: String,
    /// Empty where the status is not known.
    status_korean: &'static str,
}

impl ToldAt for Breach {
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
    timer: Cow<'a, str>,
    #[serde(borrow)]
    level: Cow<'a, str>,
    #[serde(borrow)]
    since: Cow<'a, str>,
    #[serde(borrow)]
    deadline: Cow<'a, str>,
    #[serde(borrow)]
    fired_at: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
}

/// The latest breaches.
#[derive(Debug, Default)]
pub(super) struct Breaches(Latest<Breach, KEPT>);

impl Breaches {
    /// Takes a record.
    pub(super) fn add(&mut self, value: &[u8]) -> Result<(), Skipped> {
        let record: Record<'_> = serde_json::from_slice(value).map_err(|_| Skipped::Malformed)?;
        let time = |text: &str| parse_rfc3339(text).ok_or(Skipped::Malformed);
        let at = time(&record.fired_at)?;
        if !self.0.takes(at) {
            return Ok(());
        }
        let status = DisplayStatus::from_name(&record.status);
        let breach = Breach {
            at,
            since: time(&record.since)?,
            deadline: time(&record.deadline)?,
            order_no: shortened(&record.order_no),
            timer: shortened(&record.timer),
            level: shortened(&record.level),
            status: shortened(&record.status),
            status_korean: status.map_or("", DisplayStatus::korean),
        };
        self.0.add(breach);
        Ok(())
    }

    /// The newest ones, newest first.
    pub(super) fn latest(&self, count: usize) -> Vec<Breach> {
        self.0.newest(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(order_no: &str, second: u32) -> Vec<u8> {
        format!(
            r#"{{"orderNo":"{order_no}","timer":"no_rider","level":"BREACH","since":"2026-11-20T12:00:00.000+09:00","deadline":"2026-11-20T12:10:00.000+09:00","firedAt":"2026-11-20T12:10:{second:02}.000+09:00","status":"COOKING","dims":{{}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn the_newest_come_first_and_their_number_is_bounded() {
        let mut breaches = Breaches::default();
        for second in [3, 1, 2] {
            breaches
                .add(&record(&format!("B{second}"), second))
                .unwrap();
        }
        let orders = |breaches: &Breaches, count| {
            let latest = breaches.latest(count).into_iter();
            latest.map(|one| one.order_no).collect::<Vec<_>>()
        };
        assert_eq!(orders(&breaches, 2), ["B3", "B2"]);
        assert_eq!(breaches.latest(1)[0].status_korean, "조리중");
        for _ in 0..KEPT {
            breaches.add(&record("B9", 9)).unwrap();
        }
        breaches.add(&record("B1", 1)).unwrap();
        assert!(orders(&breaches, 999).iter().all(|order| order == "B9"));
    }

    #[test]
    fn what_is_no_breach_is_refused() {
        let mut breaches = Breaches::default();
        for wrong in [&b""[..], b"{}", b"\xff", br#"{"orderNo":"B1"}"#] {
            assert_eq!(breaches.add(wrong), Err(Skipped::Malformed));
        }
    }
}
