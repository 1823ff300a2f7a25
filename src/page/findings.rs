//! What detectors find, from `order.detector.v1`: what lasts, and what is over.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::cells::Skipped;
use super::latest::{Latest, ToldAt};
use super::text::shortened;
use super::usual::Unusual;
use crate::domain::detector::Detector;
use crate::domain::records::Phase;
use crate::domain::time::parse_rfc3339;

/// Findings kept that last; of single orders there may be any number.
const LASTING: usize = 500;
/// Findings kept that are over.
const OVER: usize = 50;
/// The scope of all orders.
const ALL: &str = "all";
/// Times kept at which the number of all orders was unusual.
const UNUSUAL: usize = 16;

/// A finding as it was told last.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    detector: String,
    scope: String,
    /// Whether the scope is an order's number.
    is_order: bool,
    lasts: bool,
    value: f64,
    baseline: Option<f64>,
    /// The value farthest from what is usual.
    peak: Option<f64>,
    /// Of a share: out of so many.
    total: Option<f64>,
    /// Milliseconds since the epoch.
    started_at: i64,
    at: i64,
}

impl ToldAt for Finding {
    fn at(&self) -> i64 {
        self.at
    }
}

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingsView {
    /// Those that last and were read; of minutes before those of single orders, the newest first.
    lasting: Vec<Finding>,
    /// How many last, of those read.
    lasting_count: usize,
    /// The latest that are over, the newest first.
    over: Vec<Finding>,
    /// Reading began in the middle: what began before may last as well.
    midway: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    detector: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    phase: Cow<'a, str>,
    value: f64,
    baseline: Option<f64>,
    #[serde(borrow)]
    started_at: Cow<'a, str>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(default)]
    detail: Detail,
}

#[derive(Default, Deserialize)]
struct Detail {
    peak: Option<f64>,
    total: Option<f64>,
}

/// What names a finding; the newest last.
type Key = (i64, String, String);

/// The findings lately told of.
#[derive(Debug, Default)]
pub(super) struct Findings {
    lasting: BTreeMap<Key, Finding>,
    over: Latest<Finding, OVER>,
    unusual: VecDeque<Unusual>,
    midway: bool,
}

impl Findings {
    /// Reading begins in the middle of the topic.
    pub(super) fn begin_midway(&mut self) {
        self.midway = true;
    }

    /// Takes a record. Those of a finding have one key, so they come in order.
    pub(super) fn add(&mut self, value: &[u8]) -> Result<(), Skipped> {
        let record: Record<'_> = serde_json::from_slice(value).map_err(|_| Skipped::Malformed)?;
        let time = |text: &str| parse_rfc3339(text).ok_or(Skipped::Malformed);
        let (started_at, at) = (time(&record.started_at)?, time(&record.at)?);
        let phase = Phase::from_name(&record.phase).ok_or(Skipped::Malformed)?;
        let detector = Detector::from_name(&record.detector);
        let key = (
            started_at,
            shortened(&record.detector),
            shortened(&record.scope),
        );
        let known = self.lasting.remove(&key);
        let finding = Finding {
            detector: key.1.clone(),
            scope: key.2.clone(),
            is_order: detector.is_some_and(|detector| detector.watch().is_some()),
            lasts: phase != Phase::End,
            value: record.value,
            // The end of an order's finding does not tell again what it was held against.
            baseline: record.baseline.or(known.and_then(|known| known.baseline)),
            peak: record.detail.peak,
            total: record.detail.total,
            started_at,
            at,
        };
        if finding.scope == ALL
            && matches!(detector, Some(Detector::OrderDrop | Detector::OrderSurge))
        {
            self.note_unusual(&finding);
        }
        if !finding.lasts {
            self.over.add(finding);
            return Ok(());
        }
        self.lasting.insert(key, finding);
        if self.lasting.len() > LASTING {
            self.lasting.pop_first();
            // As if it had begun before.
            self.midway = true;
        }
        Ok(())
    }

    fn note_unusual(&mut self, finding: &Finding) {
        let Some(usual) = finding.baseline else {
            return;
        };
        let until = (!finding.lasts).then_some(finding.at);
        let known = self.unusual.iter_mut();
        match known.rev().find(|one| one.from == finding.started_at) {
            Some(known) => known.until = until,
            None => self.unusual.push_back(Unusual {
                from: finding.started_at,
                until,
                usual,
            }),
        }
        if self.unusual.len() > UNUSUAL {
            self.unusual.pop_front();
        }
    }

    /// When the number of all orders was unusual, and what was usual then.
    pub(super) fn unusual(&self) -> Vec<Unusual> {
        self.unusual.iter().copied().collect()
    }

    /// At most so many that last, and as many that are over.
    pub(super) fn view(&self, count: usize) -> FindingsView {
        let mut lasting: Vec<&Finding> = self.lasting.values().rev().collect();
        lasting.sort_by_key(|finding| (finding.is_order, Reverse(finding.started_at)));
        FindingsView {
            lasting: lasting.into_iter().take(count).cloned().collect(),
            lasting_count: self.lasting.len(),
            over: self.over.newest(count),
            midway: self.midway,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(detector: &str, scope: &str, phase: &str, began: u32, at: u32) -> Vec<u8> {
        let baseline = match phase {
            "END" => "",
            _ => r#""baseline":40,"#,
        };
        format!(
            r#"{{"detector":"{detector}","scope":"{scope}","phase":"{phase}","value":7,{baseline}"startedAt":"2026-11-20T12:{began:02}:00.000+09:00","at":"2026-11-20T12:{at:02}:00.000+09:00","detail":{{"peak":3}}}}"#
        )
        .into_bytes()
    }

    fn findings(records: &[Vec<u8>]) -> Findings {
        let mut findings = Findings::default();
        for record in records {
            findings.add(record).unwrap();
        }
        findings
    }

    #[test]
    fn a_finding_lasts_until_its_end_and_is_then_among_those_that_are_over() {
        let mut findings = findings(&[
            record("order_drop", "all", "START", 1, 3),
            record("paid_not_relayed", "B1", "START", 2, 4),
            record("order_drop", "all", "UPDATE", 1, 8),
            record("no_rider", "sido=서울", "START", 5, 8),
        ]);
        let view = findings.view(9);
        let names: Vec<&str> = view.lasting.iter().map(|it| it.detector.as_str()).collect();
        assert_eq!(names, ["no_rider", "order_drop", "paid_not_relayed"]);
        assert_eq!(view.lasting[1].at - view.lasting[1].started_at, 7 * 60_000);
        assert_eq!((view.lasting_count, view.midway), (3, false));
        assert!(view.lasting[2].is_order && !view.lasting[0].is_order);
        findings
            .add(&record("paid_not_relayed", "B1", "END", 2, 9))
            .unwrap();
        let view = findings.view(9);
        assert_eq!((view.lasting_count, view.over.len()), (2, 1));
        assert_eq!(view.over[0].baseline, Some(40.0));
        assert_eq!(findings.view(1).lasting.len(), 1);
    }

    #[test]
    fn what_all_orders_were_held_against_is_remembered() {
        let found = findings(&[
            record("order_surge", "sido=서울", "START", 1, 3),
            record("order_drop", "all", "START", 4, 6),
            record("order_drop", "all", "END", 4, 20),
        ]);
        let [unusual] = found.unusual()[..] else {
            panic!("{:?}", found.unusual());
        };
        assert_eq!(unusual.usual, 40.0);
        let until = unusual.until.map(|until| until - unusual.from);
        assert_eq!(until, Some(16 * 60_000));
    }

    #[test]
    fn their_number_is_bounded_and_that_some_are_missing_is_told() {
        let mut found = Findings::default();
        for order in 0..LASTING + 7 {
            let scope = format!("B{order:05}");
            found
                .add(&record("paid_not_relayed", &scope, "START", 1, 2))
                .unwrap();
        }
        let view = found.view(9_999);
        assert_eq!((view.lasting.len(), view.midway), (LASTING, true));
        for order in 0..LASTING {
            let scope = format!("B{order:05}");
            found
                .add(&record("paid_not_relayed", &scope, "END", 1, 3))
                .unwrap();
        }
        assert_eq!(found.view(9_999).over.len(), OVER);
    }

    #[test]
    fn what_is_no_finding_is_refused() {
        let mut findings = Findings::default();
        for wrong in [&b""[..], b"{}", b"\xff", &record("a", "b", "MIDDLE", 1, 2)] {
            assert_eq!(findings.add(wrong), Err(Skipped::Malformed));
        }
    }
}
