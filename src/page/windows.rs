//! Windows out of `order.agg.1m.v1` and `order.agg.1m.late.v1` (order-domain 2.7): of each group the highest revision
//! counts, and what came late is added.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cancels::{CancelView, by_sido};
use super::cells::{Cells, Skipped};
use super::durations::{Promises, StageView, stage};
use super::funnel::{Funnel, funnel};
use super::series::{LateDelta, Series, Stage, Update};
use super::usual::{Unusual, Usual, usual};
use super::window::{Window, total};
use crate::domain::time::parse_rfc3339;

/// Windows kept: more than an hour and the half before it, so that what arrives out of order finds its window.
const KEPT: usize = 100;
/// Minutes handed to the page.
pub(super) const SHOWN: i64 = 61;
/// Minutes that count as "lately", the one under way among them.
pub(super) const LATELY: i64 = 10;
pub(super) const MINUTE_MS: i64 = 60_000;
/// No window is further ahead of the wall clock than this: one bad record must not push all others out.
const AHEAD_MS: i64 = 10 * MINUTE_MS;

/// One minute of the chart; a window nobody has told of has no values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Minute {
    /// Start, in milliseconds since the epoch.
    pub(super) start: i64,
    pub(super) created: Option<f64>,
    pub(super) paid: Option<f64>,
    /// Paid orders that would be usual.
    #[serde(flatten)]
    pub(super) usual: Usual,
    /// Whether the window is closed: what comes now comes late.
    #[serde(rename = "final")]
    pub(super) is_final: bool,
}

/// What the windows add up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Business {
    /// Over the whole time shown.
    pub(super) funnel: Funnel,
    pub(super) cancels: CancelView,
    /// Lately.
    pub(super) stages: Vec<StageView>,
    pub(super) promises: Promises,
}

/// The windows lately told of.
#[derive(Debug, Default)]
pub(super) struct Windows {
    windows: BTreeMap<i64, Window>,
    /// Reading did not begin at the beginning of the topics.
    begun_midway: bool,
}

impl Windows {
    /// Reading begins somewhere in the middle: of the windows that were closing then only some groups may be told of, and
    /// they are not shown.
    pub(super) fn begin_midway(&mut self) {
        self.begun_midway = true;
    }

    /// Takes a record of `order.agg.1m.v1`.
    pub(super) fn update(
        &mut self,
        series: Series,
        value: &[u8],
        now_ms: i64,
    ) -> Result<(), Skipped> {
        let update = Update::read(value)?;
        self.window(&update.window_start, now_ms)?
            .put(series, &update)
    }

    /// Takes a record of `order.agg.1m.late.v1`; to be called once per record.
    pub(super) fn late(
        &mut self,
        series: Series,
        value: &[u8],
        now_ms: i64,
    ) -> Result<(), Skipped> {
        let late = LateDelta::read(value)?;
        self.window(&late.window_start, now_ms)?.late(series, &late)
    }

    fn window(&mut self, start: &str, now_ms: i64) -> Result<&mut Window, Skipped> {
        let start = parse_rfc3339(start).ok_or(Skipped::Malformed)?;
        if start.rem_euclid(MINUTE_MS) != 0 {
            return Err(Skipped::Malformed);
        }
        let windows = &mut self.windows;
        let is_full = windows.len() >= KEPT;
        let too_old = is_full && windows.keys().next().is_some_and(|first| start < *first);
        if too_old || start > now_ms + AHEAD_MS {
            return Err(Skipped::OutOfSpan);
        }
        if is_full && !windows.contains_key(&start) {
            windows.pop_first();
        }
        Ok(windows.entry(start).or_default())
    }

    /// The first minute that is shown whole.
    fn first(&self) -> i64 {
        let mut whole = self.windows.iter().filter(|(_, window)| window.is_whole());
        match whole.next() {
            _ if !self.begun_midway => i64::MIN,
            Some((first, _)) => *first,
            None => i64::MAX,
        }
    }

    /// The last minute that is shown: the present one, or, when old events are replayed, the newest that was told of.
    fn last(&self, now_ms: i64) -> Option<i64> {
        let (newest, _) = self.windows.last_key_value()?;
        let present = now_ms - now_ms.rem_euclid(MINUTE_MS);
        let is_live = present - newest < (SHOWN - 1) * MINUTE_MS;
        Some(match is_live {
            true => present.max(*newest),
            false => *newest,
        })
    }

    /// The windows of the last minutes.
    fn of_last(&self, minutes: i64, now_ms: i64) -> impl Iterator<Item = (i64, &Window)> {
        let last = self.last(now_ms).unwrap_or(i64::MIN);
        let from = last.saturating_sub((minutes - 1) * MINUTE_MS);
        let from = from.max(self.first());
        let windows = self.windows.iter();
        let within = windows.filter(move |(start, _)| (from..=last).contains(start));
        within.map(|(start, window)| (*start, window))
    }

    /// The last hour and the minute under way, without gaps in time, each with what is usual at it.
    pub(super) fn minutes(&self, now_ms: i64, unusual: &[Unusual]) -> Vec<Minute> {
        let Some(end) = self.last(now_ms) else {
            return Vec::new();
        };
        let first = self.first();
        let known = self.windows.range(first..);
        let paid: BTreeMap<i64, f64> = known
            .map(|(start, window)| (*start, total(&window.paid).unwrap_or(0.0)))
            .collect();
        let minutes = (0..SHOWN).rev().map(|ago| {
            let start = end - ago * MINUTE_MS;
            let window = self.windows.get(&start).filter(|_| start >= first);
            Minute {
                start,
                created: window.and_then(|window| total(&window.created)),
                paid: window.and_then(|window| total(&window.paid)),
                usual: usual(start, &paid, unusual),
                is_final: window.is_some_and(Window::is_final),
            }
        });
        minutes.collect()
    }

    /// What else the windows tell.
    pub(super) fn business(&self, now_ms: i64) -> Business {
        let hour = || self.of_last(SHOWN, now_ms);
        let lately = || self.of_last(LATELY, now_ms).map(|(_, window)| window);
        let late_from = self.last(now_ms).unwrap_or(0) - (LATELY - 1) * MINUTE_MS;
        let cancels = hour().flat_map(|(start, window)| {
            let is_late = start >= late_from;
            window.cancels.values().map(move |one| (is_late, one))
        });
        let stages = Stage::ALL.map(|one| {
            let cells = lately().filter_map(|window| window.stages.get(one as usize));
            stage(one, cells.flat_map(Cells::values))
        });
        let mut promises = Promises::default();
        for told in lately().flat_map(|window| window.promises.values()) {
            promises.on_time += told.on_time;
            promises.delivered += told.delivered;
        }
        Business {
            funnel: funnel(hour().map(|(_, window)| window.steps.values().collect())),
            cancels: by_sido(cancels),
            stages: stages.into(),
            promises,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-12 12:00 in Korea.
    const NOON: i64 = 1_715_482_800_000;

    fn update(minute: &str, fulfilment: &str, value: u32, rev: u32, is_final: bool) -> Vec<u8> {
        format!(
            r#"{{"agg":"orders_created_by_fulfilment","dims":{{"fulfilment":"{fulfilment}"}},"windowStart":"2024-05-12T{minute}:00.000+09:00","windowEnd":"x","value":{value},"n":{value},"rev":{rev},"final":{is_final},"new":1}}"#
        )
        .into_bytes()
    }

    fn minute(windows: &Windows, ago: usize) -> Minute {
        let mut minutes = windows.minutes(NOON, &[]);
        minutes.swap_remove(minutes.len() - 1 - ago)
    }

    #[test]
    fn the_highest_revision_counts_whatever_comes_first() {
        let mut windows = Windows::default();
        for (fulfilment, value, rev, is_final) in [
            ("PICKUP", 5, 2, false),
            ("PICKUP", 3, 1, false),
            ("STORE", 10, 1, true),
            ("PICKUP", 6, 3, true),
            ("PICKUP", 5, 2, false),
        ] {
            let record = update("12:00", fulfilment, value, rev, is_final);
            windows.update(Series::Created, &record, NOON).unwrap();
        }
        let found = minute(&windows, 0);
        assert_eq!(found.created, Some(16.0));
        assert_eq!((found.paid, found.is_final), (None, true));
    }

    #[test]
    fn a_window_is_final_when_all_its_groups_are() {
        let mut windows = Windows::default();
        let open = update("11:59", "PICKUP", 1, 1, false);
        let closed = update("11:59", "STORE", 1, 2, true);
        windows.update(Series::Created, &closed, NOON).unwrap();
        assert!(minute(&windows, 1).is_final);
        windows.update(Series::Paid, &open, NOON).unwrap();
        assert!(!minute(&windows, 1).is_final);
    }

    #[test]
    fn late_deltas_are_added_each_once() {
        let mut windows = Windows::default();
        let closed = update("11:58", "STORE", 7, 4, true);
        windows.update(Series::Created, &closed, NOON).unwrap();
        let late = br#"{"agg":"a","dims":{},"windowStart":"2024-05-12T11:58:00.000+09:00","delta":2,"eventId":"e"}"#;
        windows.late(Series::Created, late, NOON).unwrap();
        windows.late(Series::Created, late, NOON).unwrap();
        assert_eq!(minute(&windows, 2).created, Some(11.0));
    }

    #[test]
    fn minutes_have_no_gaps_in_time_and_end_now() {
        let mut windows = Windows::default();
        assert!(windows.minutes(NOON, &[]).is_empty());
        let record = update("11:30", "STORE", 7, 1, true);
        windows.update(Series::Created, &record, NOON).unwrap();
        let minutes = windows.minutes(NOON + 1, &[]);
        assert_eq!(minutes.len(), 61);
        assert_eq!(minutes[60].start, NOON);
        assert!(
            minutes
                .windows(2)
                .all(|two| two[1].start - two[0].start == MINUTE_MS)
        );
        let told: Vec<&Minute> = minutes.iter().filter(|one| one.created.is_some()).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].start, NOON - 30 * MINUTE_MS);
    }

    #[test]
    fn a_replay_of_old_events_ends_with_its_newest_window() {
        let mut windows = Windows::default();
        let record = update("11:30", "STORE", 7, 1, true);
        windows.update(Series::Created, &record, NOON).unwrap();
        let minutes = windows.minutes(NOON + 300 * 86_400_000, &[]);
        assert_eq!(minutes[60].created, Some(7.0));
    }

    #[test]
    fn windows_are_bounded_and_the_oldest_go() {
        let mut windows = Windows::default();
        for hour in 8..12 {
            for minute in 0..60 {
                let record = update(&format!("{hour:02}:{minute:02}"), "STORE", 1, 1, true);
                windows.update(Series::Created, &record, NOON).unwrap();
            }
        }
        assert_eq!(windows.windows.len(), KEPT);
        let old = update("08:00", "STORE", 1, 1, true);
        let skipped = windows.update(Series::Created, &old, NOON);
        assert_eq!(skipped, Err(Skipped::OutOfSpan));
        assert_eq!(minute(&windows, 1).created, Some(1.0));
    }

    #[test]
    fn windows_that_were_closing_when_reading_began_are_not_shown() {
        let mut windows = Windows::default();
        windows.begin_midway();
        for (minute, fulfilment, rev, is_final) in [
            // Of the first only the end is seen; it may have had other groups.
            ("11:57", "STORE", 9, true),
            ("11:58", "STORE", 5, false),
            ("11:58", "STORE", 6, true),
            ("11:58", "PICKUP", 1, true),
            ("11:59", "STORE", 1, false),
        ] {
            let record = update(minute, fulfilment, 1, rev, is_final);
            windows.update(Series::Created, &record, NOON).unwrap();
        }
        assert_eq!(minute(&windows, 3).created, None);
        assert_eq!(minute(&windows, 2).created, Some(2.0));
        assert_eq!(minute(&windows, 1).created, Some(1.0));
    }

    #[test]
    fn what_is_no_update_is_refused() {
        let check = |value: &str, expected| {
            let mut windows = Windows::default();
            let found = windows.update(Series::Created, value.as_bytes(), NOON);
            assert_eq!(found, Err(expected), "{value}");
            assert!(windows.windows.is_empty());
        };
        let record = |start: &str, value: &str| {
            format!(r#"{{"windowStart":"{start}","value":{value},"rev":1,"final":false}}"#)
        };
        check("", Skipped::Malformed);
        check("[]", Skipped::Malformed);
        check(&record("yesterday", "1"), Skipped::Malformed);
        check(&record("2024-05-12T12:00:01Z", "1"), Skipped::Malformed);
        check(&record("2024-05-12T02:00:00Z", "null"), Skipped::Malformed);
        check(&record("2124-05-12T02:00:00Z", "1"), Skipped::OutOfSpan);
    }
}
