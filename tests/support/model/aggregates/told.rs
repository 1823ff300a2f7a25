//! What the two topics told so far, record by record in the order of the topics.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::grouping::Grouping;
use super::record::{LateDelta, Update, began};

/// Violations that are remembered word by word; all are counted.
const QUOTED_VIOLATIONS: usize = 10;

/// What was told of one window of a group.
#[derive(Debug, Default, Clone)]
pub struct Window {
    /// The last revision.
    pub update: Option<Revision>,
    /// The sum of the late deltas.
    pub late: i64,
    pub late_records: u64,
    /// The last value, if values are no numbers, and how many deltas are in it.
    pub rich: Option<(Value, i64)>,
    pub rich_late: Vec<Value>,
}

#[derive(Debug, Clone, Copy)]
pub struct Revision {
    pub partition: i32,
    pub value: i64,
    pub rev: u64,
    pub is_final: bool,
}

/// A late delta of a gauge.
#[derive(Debug, Clone)]
pub struct GaugeDelta {
    pub window: i64,
    pub closed_before: i64,
    pub delta: i64,
    /// Of what is overdue how many began in which minute.
    pub began: BTreeMap<i64, i64>,
}

/// What was told of one group.
#[derive(Debug, Default, Clone)]
pub struct Group {
    /// By start of window, epoch milliseconds.
    pub windows: BTreeMap<i64, Window>,
    /// Of a gauge.
    pub gauge_deltas: Vec<GaugeDelta>,
}

/// What was told of everything, and what no comparison of sums would notice.
#[derive(Debug, Default)]
pub struct Told {
    groups: HashMap<String, Group>,
    late_keys: HashSet<Vec<u8>>,
    updates: u64,
    /// Windows that were told of and are not final.
    open: usize,
    violations: u64,
    quoted: Vec<String>,
}

impl Told {
    /// The next record of a partition of `order.agg.1m.v1`.
    pub fn add_update(&mut self, partition: i32, key: &[u8], value: &[u8]) {
        self.updates += 1;
        let update = match Update::read(key, value) {
            Ok(update) => update,
            Err(error) => return self.violate(&error, key, value),
        };
        let group = self.groups.entry(update.place.group).or_default();
        let window = group.windows.entry(update.place.window).or_default();
        window.rich = update.rich;
        let before = window.update.replace(Revision {
            partition,
            value: update.value,
            rev: update.rev,
            is_final: update.is_final,
        });
        self.open += usize::from(!update.is_final);
        self.open -= usize::from(before.is_some_and(|before| !before.is_final));
        match before {
            Some(before) if before.partition != partition => {
                self.violate("a window in two partitions", key, value);
            }
            Some(before) if before.is_final && update.is_final => {
                self.violate("a second final", key, value);
            }
            Some(before) if before.is_final => self.violate("after the final", key, value),
            Some(before) if before.rev >= update.rev => {
                self.violate(&format!("after revision {}", before.rev), key, value);
            }
            _ => {}
        }
    }

    /// The next record of a partition of `order.agg.1m.late.v1`.
    pub fn add_late(&mut self, key: &[u8], value: &[u8]) {
        let late = match LateDelta::read(key, value) {
            Ok(late) => late,
            Err(error) => return self.violate(&error, key, value),
        };
        if !self.late_keys.insert(key.to_owned()) {
            self.violate("a late key repeated", key, value);
        }
        let group = self.groups.entry(late.place.group).or_default();
        let window = group.windows.entry(late.place.window).or_default();
        window.late += late.delta;
        let began = late.rich.as_ref().map(began).unwrap_or_default();
        window.rich_late.extend(late.rich);
        window.late_records += 1;
        if let Some(closed_before) = late.closed_before {
            group.gauge_deltas.push(GaugeDelta {
                window: late.place.window,
                closed_before,
                delta: late.delta,
                began,
            });
        }
    }

    fn violate(&mut self, what: &str, key: &[u8], value: &[u8]) {
        self.violations += 1;
        if self.quoted.len() < QUOTED_VIOLATIONS {
            let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            self.quoted.push(format!("{what}: {key} {value}"));
        }
    }

    pub fn groups(&self) -> &HashMap<String, Group> {
        &self.groups
    }

    /// Records of `order.agg.1m.v1`.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Records of `order.agg.1m.late.v1`, but for what timers told: they may look long after a deadline.
    pub fn late_records(&self) -> u64 {
        let groups = self.groups.iter();
        let groups = groups.filter(|(group, _)| !of_timers(group));
        let windows = groups.flat_map(|(_, group)| group.windows.values());
        windows.map(|window| window.late_records).sum()
    }

    /// Windows told of by more than their final.
    pub fn revised_windows(&self) -> usize {
        let is_revised = |window: &&Window| window.update.is_some_and(|update| update.rev > 1);
        self.windows().filter(is_revised).count()
    }

    /// Windows that were told of and are not final.
    pub fn open_windows(&self) -> usize {
        self.open
    }

    /// The same without those that stay open for an hour longer than the others, and without deadlines, which may lie before
    /// everything that has happened.
    pub fn open_minutes(&self) -> usize {
        let groups = self.groups.iter();
        let is_minute = |group: &str| !Grouping::is_cohort(group) && !of_timers(group);
        let groups = groups.filter(|(group, _)| is_minute(group));
        let windows = groups.flat_map(|(_, group)| group.windows.values());
        let is_open = |window: &&Window| window.update.is_some_and(|update| !update.is_final);
        windows.filter(is_open).count()
    }

    /// Changes what was told of one closed window of a grouping, as a wrong publisher would; `None` where there is none. Gives
    /// what was told, to be put back.
    pub fn falsify(&mut self, grouping: Grouping) -> Option<(String, i64, Window)> {
        const LIE: i64 = 1_000;
        let is_its = |group: &str| Grouping::of_group(group) == Some(grouping);
        for (group, told) in self.groups.iter_mut().filter(|(group, _)| is_its(group)) {
            for (start, window) in &mut told.windows {
                let before = window.clone();
                let Some(update) = &mut window.update else {
                    continue;
                };
                if let Some((value, _)) = &mut window.rich {
                    let mut members = value.as_object_mut()?.values_mut();
                    let Some(member) = members.find(|member| member.is_number()) else {
                        continue;
                    };
                    *member = (member.as_f64()? as i64 + LIE).into();
                }
                update.value += LIE;
                return Some((group.clone(), *start, before));
            }
        }
        None
    }

    /// Puts back what was told of a window.
    pub fn put_back(&mut self, (group, start, window): (String, i64, Window)) {
        let told = self.groups.get_mut(&group).unwrap();
        told.windows.insert(start, window);
    }

    pub fn violations(&self) -> u64 {
        self.violations
    }

    pub fn quoted_violations(&self) -> &[String] {
        &self.quoted
    }

    fn windows(&self) -> impl Iterator<Item = &Window> {
        self.groups
            .values()
            .flat_map(|group| group.windows.values())
    }
}

fn of_timers(group: &str) -> bool {
    Grouping::of_group(group).is_some_and(|grouping| Grouping::is_of_timers(grouping.name))
}
