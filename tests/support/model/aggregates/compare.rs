//! final + Σ late against the batch, grouping by grouping.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::batch::{Batch, Windows};
use super::grouping::{GROUPINGS, Grouping, Rich, STUCK};
use super::overdue::Breach;
use super::record::{Place, oldest};
use super::rich::{self, RichSum};
use super::told::{Group, Told};

const QUOTED_DIFFERENCES: usize = 10;

/// One grouping's windows of all groups.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Windows in which the batch has something.
    pub expected: u64,
    /// Nothing was told of them.
    pub missing: u64,
    /// Told of, though nothing happened in them.
    pub extra: u64,
    /// Told of with another value.
    pub wrong: u64,
    /// Told of, and no final among it.
    pub open: u64,
}

impl Tally {
    pub fn is_clean(&self) -> bool {
        self.missing + self.extra + self.wrong + self.open == 0
    }
}

/// How what was told differs from the batch.
#[derive(Debug, Default, Clone)]
pub struct Report {
    pub tallies: BTreeMap<&'static str, Tally>,
    /// Records that should not be as they are, or where they are.
    pub violations: u64,
    pub updates: u64,
    pub late_records: u64,
    pub revised_windows: usize,
    pub differences: Vec<String>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.violations == 0 && self.tallies.values().all(Tally::is_clean)
    }

    /// The same, where those windows are not due yet that stay open for an hour longer than the others, nor deadlines that lie
    /// before everything that has happened.
    pub fn is_clean_by_now(&self) -> bool {
        let is_clean = |(name, tally): (&&str, &Tally)| {
            let open = match Grouping::is_cohort(name) {
                true => 0,
                false => tally.open,
            };
            tally.missing + tally.extra + tally.wrong + open == 0
        };
        let mut due = self.tallies.iter();
        self.violations == 0 && due.all(|tally| Grouping::is_of_timers(tally.0) || is_clean(tally))
    }

    fn note(&mut self, difference: impl FnOnce() -> String) {
        if self.differences.len() < QUOTED_DIFFERENCES {
            self.differences.push(difference());
        }
    }

    /// One window: what the batch has, what was told, and whether something was left open.
    fn judge(&mut self, place: &Place, expected: Option<i64>, told: Option<i64>, is_open: bool) {
        let tally = self.tallies.entry(place.grouping.name).or_default();
        tally.expected += u64::from(expected.is_some());
        tally.open += u64::from(is_open);
        let what = match (expected, told) {
            (Some(_), None) => {
                tally.missing += 1;
                "missing"
            }
            (None, Some(_)) => {
                tally.extra += 1;
                "extra"
            }
            (expected, told) if expected != told => {
                tally.wrong += 1;
                "wrong"
            }
            _ if is_open => "never closed",
            _ => return,
        };
        self.note(|| {
            format!(
                "{what}: {} expected {expected:?}, told {told:?}",
                place.key()
            )
        });
    }
}

/// Compares everything that was told, at the end of a run; `breaches` are the records of `order.sla.v1`.
pub fn compare(batch: &Batch, breaches: &[Breach], told: &Told) -> Report {
    compare_some(batch, &batch.derived(breaches), told, |_| true)
}

/// The groupings of which a wrong value would not be noticed, or of which nothing was told: there should be none.
pub fn unnoticed(batch: &Batch, breaches: &[Breach], told: &mut Told) -> Vec<&'static str> {
    let derived = batch.derived(breaches);
    let mut unnoticed = Vec::new();
    for grouping in GROUPINGS {
        let Some(before) = told.falsify(grouping) else {
            unnoticed.push(grouping.name);
            continue;
        };
        let report = compare_some(batch, &derived, told, |one| one == grouping);
        if report.tallies.values().all(Tally::is_clean) {
            unnoticed.push(grouping.name);
        }
        told.put_back(before);
    }
    unnoticed
}

fn compare_some(
    batch: &Batch,
    derived: &Batch,
    told: &Told,
    is_wanted: impl Fn(Grouping) -> bool,
) -> Report {
    let mut report = Report {
        violations: told.violations(),
        differences: told.quoted_violations().to_vec(),
        updates: told.updates(),
        late_records: told.late_records(),
        revised_windows: told.revised_windows(),
        ..Report::default()
    };
    let (no_windows, no_group) = (Windows::default(), Group::default());
    let both = [batch, derived].into_iter();
    let groups = both.flat_map(|batch| batch.groups().keys().chain(batch.rich().keys()));
    let groups: BTreeSet<&String> = groups.chain(told.groups().keys()).collect();
    for group in groups {
        let told = told.groups().get(group).unwrap_or(&no_group);
        let grouping = Grouping::of_group(group).filter(|grouping| is_wanted(*grouping));
        let Some(grouping) = grouping else {
            continue;
        };
        let batch = match Grouping::is_derived(grouping.name) {
            true => derived,
            false => batch,
        };
        let expected = batch.windows(group).unwrap_or(&no_windows);
        if let Some(rich) = grouping.rich {
            let nothing = BTreeMap::new();
            let expected = batch.rich().get(group).unwrap_or(&nothing);
            match grouping == STUCK {
                true => compare_oldest(&mut report, group, expected, told),
                false => compare_rich(&mut report, (grouping, rich), group, expected, told),
            }
        }
        match grouping.is_gauge {
            false if grouping.rich.is_some() => {}
            true => compare_gauge(&mut report, grouping, group, expected, told),
            false => compare_count(&mut report, grouping, group, expected, told),
        }
    }
    report
}

fn compare_rich(
    report: &mut Report,
    (grouping, rich): (Grouping, Rich),
    group: &str,
    expected: &BTreeMap<i64, RichSum>,
    told: &Group,
) {
    let to_tell = rich::windows_to_tell(rich, expected, told);
    let mut windows: BTreeSet<i64> = told.windows.keys().copied().collect();
    windows.extend(&to_tell);
    for window in windows {
        let place = Place {
            grouping,
            group: group.to_owned(),
            window,
        };
        let told_of = told.windows.get(&window);
        let is_told = told_of.is_some_and(|window| window.rich.is_some());
        let difference = rich::difference(grouping, rich, window, expected, told);
        let tally = report.tallies.entry(grouping.name).or_default();
        let is_expected = to_tell.contains(&window);
        if !grouping.is_gauge {
            tally.expected += u64::from(is_expected);
            tally.open += u64::from(is_open(told, window));
            // Of minutes in which all came late only that is told.
            let is_silent = match rich.minutes {
                1 => told_of.is_none(),
                _ => !is_told,
            };
            if is_expected && is_silent {
                tally.missing += 1;
                report.note(|| format!("missing: {}", place.key()));
                continue;
            }
            if !is_expected && is_told {
                tally.extra += 1;
                report.note(|| format!("extra: {}", place.key()));
                continue;
            }
        }
        if let Some(difference) = difference {
            tally.wrong += 1;
            report.note(|| format!("wrong: {}: {difference}", place.key()));
        }
    }
}

/// Since when the oldest of what is overdue has waited, in each window told: of what all deltas up to there say, without those
/// that came when it was closed.
fn compare_oldest(
    report: &mut Report,
    group: &str,
    expected: &BTreeMap<i64, RichSum>,
    told: &Group,
) {
    let mut all = expected.iter().peekable();
    let mut began: BTreeMap<i64, i64> = BTreeMap::new();
    for (window, told_of) in &told.windows {
        while let Some((_, sum)) = all.next_if(|(at, _)| *at <= window) {
            for (minute, number) in &sum.began {
                *began.entry(*minute).or_default() += number;
            }
        }
        let Some((value, _)) = &told_of.rich else {
            continue;
        };
        let mut in_time = began.clone();
        let late = told.gauge_deltas.iter();
        for late in late.filter(|late| late.window <= *window && late.closed_before > *window) {
            for (minute, number) in &late.began {
                *in_time.entry(*minute).or_default() -= number;
            }
        }
        let known = in_time.iter().find(|(_, number)| **number > 0);
        let known = known.map(|(minute, _)| *minute);
        let told = oldest(value);
        if told != Ok(known) {
            let tally = report.tallies.entry(STUCK.name).or_default();
            tally.wrong += 1;
            report.note(|| format!("wrong: {group} at {window}: {told:?} is not {known:?}"));
        }
        began.retain(|_, number| *number != 0);
    }
}

fn compare_count(
    report: &mut Report,
    grouping: Grouping,
    group: &str,
    expected: &Windows,
    told: &Group,
) {
    for place in places(grouping, group, expected, told) {
        let window = told.windows.get(&place.window);
        // Of pairs of orders none are told too, unless all orders of the minute came late.
        if expected.get(&place.window) == Some(&0) && window.is_none() {
            continue;
        }
        let value =
            window.map(|window| window.late + window.update.map_or(0, |update| update.value));
        report.judge(
            &place,
            expected.get(&place.window).copied(),
            value,
            is_open(told, place.window),
        );
    }
}

/// A gauge is compared where it moved: what all deltas of windows up to there add up to, against the last final up to
/// there and the late deltas that it does not contain. Of a window that moved it to and fro nothing need be told.
fn compare_gauge(
    report: &mut Report,
    grouping: Grouping,
    group: &str,
    expected: &Windows,
    told: &Group,
) {
    let mut expected_value = 0;
    for place in places(grouping, group, expected, told) {
        let change = expected.get(&place.window).copied();
        expected_value += change.unwrap_or(0);
        let is_told = told.windows.contains_key(&place.window);
        let value = gauge_at(told, place.window);
        if change == Some(0) && !is_told && value == expected_value {
            continue;
        }
        report.judge(
            &place,
            change.map(|_| expected_value),
            is_told.then_some(value),
            is_open(told, place.window),
        );
    }
}

fn gauge_at(told: &Group, window: i64) -> i64 {
    let last = told
        .windows
        .range(..=window)
        .rev()
        .find_map(|(start, window)| Some((*start, window.update?.value)));
    let (closed, base) = last.unwrap_or((i64::MIN, 0));
    let later = told
        .gauge_deltas
        .iter()
        .filter(|late| late.window <= window && late.closed_before > closed);
    base + later.map(|late| late.delta).sum::<i64>()
}

fn is_open(told: &Group, window: i64) -> bool {
    let window = told.windows.get(&window);
    window
        .and_then(|window| window.update)
        .is_some_and(|update| !update.is_final)
}

/// The windows of a group in which the batch has something or of which something was told.
fn places(grouping: Grouping, group: &str, expected: &Windows, told: &Group) -> Vec<Place> {
    let windows: BTreeSet<i64> = expected
        .keys()
        .chain(told.windows.keys())
        .copied()
        .collect();
    let place = |window| Place {
        grouping,
        group: group.to_owned(),
        window,
    };
    windows.into_iter().map(place).collect()
}

/// A line per grouping.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} records, {} late, {} windows with revisions, {} violations",
            self.updates, self.late_records, self.revised_windows, self.violations
        )?;
        for (name, tally) in &self.tallies {
            writeln!(
                out,
                "{name:28} {:7} windows expected: {} missing, {} extra, {} wrong, {} never closed",
                tally.expected, tally.missing, tally.extra, tally.wrong, tally.open
            )?;
        }
        self.differences
            .iter()
            .try_for_each(|difference| writeln!(out, "- {difference}"))
    }
}
