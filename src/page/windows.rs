//! Orders per minute out of `order.agg.1m.v1` and `order.agg.1m.late.v1` (order-domain 2.7): of each window the highest
//! revision counts, and what came late is added.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::time::parse_rfc3339;

/// Windows kept: more than an hour, so that what arrives out of order finds its window.
const KEPT: usize = 90;
/// Minutes handed to the page.
const SHOWN: i64 = 61;
const MINUTE_MS: i64 = 60_000;
/// Groups kept per window and series; there are four ways of fulfilment.
const GROUPS: usize = 32;
/// No window is further ahead of the wall clock than this: one bad record must not push all others out.
const AHEAD_MS: i64 = 10 * MINUTE_MS;

/// The aggregates that are shown. The grouping with the fewest records per window is read, and its groups are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    Created,
    Paid,
}

impl Series {
    const ALL: [Self; 2] = [Self::Created, Self::Paid];

    const fn aggregate(self) -> &'static str {
        match self {
            Self::Created => "orders_created_by_fulfilment",
            Self::Paid => "orders_paid_by_fulfilment",
        }
    }

    /// The series a record belongs to, by its key; most records are of no interest and are not parsed.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        let is_of = |series: &Self| {
            let rest = key.strip_prefix(series.aggregate().as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b'|'))
        };
        Self::ALL.into_iter().find(is_of)
    }
}

/// Why a record was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// It is not as order-domain 2.7 says.
    Malformed,
    /// Its window is older than those kept, or lies in the future.
    OutOfSpan,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update<'a> {
    #[serde(borrow, default)]
    dims: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow)]
    window_start: Cow<'a, str>,
    value: f64,
    rev: u64,
    #[serde(rename = "final")]
    is_final: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Late<'a> {
    #[serde(borrow)]
    window_start: Cow<'a, str>,
    delta: f64,
}

#[derive(Clone, Debug)]
struct Group {
    dims: String,
    value: f64,
    rev: u64,
    is_final: bool,
    /// Told of for the first time when its window was still open.
    seen_open: bool,
}

#[derive(Clone, Debug, Default)]
struct Total {
    groups: Vec<Group>,
    late: f64,
}

impl Total {
    fn is_seen(&self) -> bool {
        !self.groups.is_empty() || self.late != 0.0
    }

    fn value(&self) -> Option<f64> {
        let sum: f64 = self.groups.iter().map(|group| group.value).sum();
        self.is_seen().then_some(sum + self.late)
    }
}

#[derive(Clone, Debug, Default)]
struct Window {
    created: Total,
    paid: Total,
}

impl Window {
    fn total(&mut self, series: Series) -> &mut Total {
        match series {
            Series::Created => &mut self.created,
            Series::Paid => &mut self.paid,
        }
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.created.groups.iter().chain(&self.paid.groups)
    }

    fn is_final(&self) -> bool {
        self.groups().all(|group| group.is_final)
    }

    /// Whether it was open when reading began, so that each of its groups was or will be told of.
    fn is_whole(&self) -> bool {
        self.groups().next().is_some() && self.groups().all(|group| group.seen_open)
    }
}

/// One minute of the chart; a window nobody has told of has no values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Minute {
    /// Start, in milliseconds since the epoch.
    pub(super) start: i64,
    pub(super) created: Option<f64>,
    pub(super) paid: Option<f64>,
    /// Whether the window is closed: what comes now comes late.
    #[serde(rename = "final")]
    pub(super) is_final: bool,
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
        let update: Update<'_> = serde_json::from_slice(value).map_err(|_| Skipped::Malformed)?;
        let total = self.window(&update.window_start, now_ms)?.total(series);
        let mut dims = String::new();
        for (name, value) in &update.dims {
            dims.extend([name.as_ref(), "=", value.as_ref(), "|"]);
        }
        let is_full = total.groups.len() >= GROUPS;
        match total.groups.iter_mut().find(|group| group.dims == dims) {
            Some(group) if update.rev < group.rev => {}
            Some(group) => {
                (group.value, group.rev, group.is_final) =
                    (update.value, update.rev, update.is_final);
            }
            None if !is_full => total.groups.push(Group {
                dims,
                value: update.value,
                rev: update.rev,
                is_final: update.is_final,
                seen_open: !update.is_final || update.rev <= 1,
            }),
            None => return Err(Skipped::Malformed),
        }
        Ok(())
    }

    /// Takes a record of `order.agg.1m.late.v1`; to be called once per record.
    pub(super) fn late(
        &mut self,
        series: Series,
        value: &[u8],
        now_ms: i64,
    ) -> Result<(), Skipped> {
        let late: Late<'_> = serde_json::from_slice(value).map_err(|_| Skipped::Malformed)?;
        self.window(&late.window_start, now_ms)?.total(series).late += late.delta;
        Ok(())
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

    /// The last hour and the minute under way, without gaps in time. It ends with the present minute, or, when old events
    /// are replayed, with the newest window told of.
    pub(super) fn minutes(&self, now_ms: i64) -> Vec<Minute> {
        let Some((newest, _)) = self.windows.last_key_value() else {
            return Vec::new();
        };
        let mut whole = self.windows.iter().filter(|(_, window)| window.is_whole());
        let first = match whole.next() {
            _ if !self.begun_midway => i64::MIN,
            Some((first, _)) => *first,
            None => i64::MAX,
        };
        let present = now_ms - now_ms.rem_euclid(MINUTE_MS);
        let is_live = present - newest < (SHOWN - 1) * MINUTE_MS;
        let end = if is_live {
            present.max(*newest)
        } else {
            *newest
        };
        let minutes = (0..SHOWN).rev().map(|ago| {
            let start = end - ago * MINUTE_MS;
            let window = self.windows.get(&start).filter(|_| start >= first);
            Minute {
                start,
                created: window.and_then(|window| window.created.value()),
                paid: window.and_then(|window| window.paid.value()),
                is_final: window.is_some_and(Window::is_final),
            }
        });
        minutes.collect()
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
        let mut minutes = windows.minutes(NOON);
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
        assert!(windows.minutes(NOON).is_empty());
        let record = update("11:30", "STORE", 7, 1, true);
        windows.update(Series::Created, &record, NOON).unwrap();
        let minutes = windows.minutes(NOON + 1);
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
        let minutes = windows.minutes(NOON + 300 * 86_400_000);
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

    #[test]
    fn keys_tell_the_series() {
        let check = |key: &str, expected| assert_eq!(Series::of_key(key.as_bytes()), expected);
        check(
            "orders_created_by_fulfilment|STORE|2024-05-12T03:00Z",
            Some(Series::Created),
        );
        check(
            "orders_paid_by_fulfilment|STORE|2024-05-12T03:00Z",
            Some(Series::Paid),
        );
        check("orders_created|서울특별시|치킨|2024-05-12T03:00Z", None);
        check("orders_paid_by_fulfilment_and_more|x", None);
        check("", None);
    }
}
