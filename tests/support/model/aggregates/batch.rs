//! The aggregates in one go: no partitions, no commits, no watermarks, no revisions.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::duplicates::Suspects;
use super::grouping::{DUP_ORDER_SUSPECT, Grouping, STUCK};
use super::life::{Life, Part};
use super::movement::Movement;
use super::overdue::{Breach, Runs, minute};
use super::rich::RichSum;

/// By start of window, epoch milliseconds: the sum of what moved the group in that window. A window that moved it to
/// and fro is there with 0.
pub type Windows = BTreeMap<i64, i64>;

/// What must come out.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    /// By the key of their records, without the window.
    groups: HashMap<String, Windows>,
    /// Of those whose values are no numbers.
    rich: HashMap<String, BTreeMap<i64, RichSum>>,
    /// By order number and generation.
    lives: HashMap<(String, u64), Life>,
    runs: Runs,
    suspects: Suspects,
}

impl Batch {
    /// A movement, with what the event says: its `info`, or nothing where no one needs it.
    pub fn live(&mut self, movement: &Movement<'_>, info: &Value) {
        self.add(movement);
        let transition = movement.transition();
        let order = transition["orderNo"].as_str().unwrap_or_default();
        let generation = transition["generation"].as_u64().unwrap_or_default();
        self.runs.live(movement, info);
        self.suspects.live(movement, info);
        let life = self.lives.entry((order.to_owned(), generation));
        for addition in life.or_default().live(transition, info, movement.window()) {
            let values = addition.values.iter().map(String::as_str);
            let group = addition.grouping.group(values);
            self.add_rich(addition.grouping, group, addition.window, addition.parts);
        }
    }

    fn add_rich(&mut self, grouping: Grouping, group: String, window: i64, parts: Vec<Part>) {
        if grouping.is_gauge {
            let change = parts.iter().map(|part| match part {
                Part::Sum("requested", change) | Part::Began(_, change) => *change,
                _ => 0,
            });
            let windows = self.groups.entry(group.clone()).or_default();
            *windows.entry(window).or_default() += change.sum::<i64>();
        }
        let windows = self.rich.entry(group).or_default();
        windows.entry(window).or_default().add(parts);
    }

    /// What is no sum of what single events add: what is overdue, by what timers told, and pairs of orders.
    pub fn derived(&self, breaches: &[Breach]) -> Batch {
        let mut derived = Batch::default();
        for (group, window, change) in breaches.iter().flat_map(Breach::counts) {
            let windows = derived.groups.entry(group).or_default();
            *windows.entry(window).or_default() += change;
        }
        for breach in breaches.iter().filter(|breach| breach.level == "BREACH") {
            let group = STUCK.group([breach.sido.as_str(), breach.timer.as_str()]);
            let began = minute(breach.since);
            for (window, change) in self.runs.overdue(breach) {
                let parts = vec![Part::Began(began, change)];
                derived.add_rich(STUCK, group.clone(), window, parts);
            }
        }
        let group = DUP_ORDER_SUSPECT.group([]);
        derived.groups.insert(group, self.suspects.pairs());
        derived
    }

    pub fn rich(&self) -> &HashMap<String, BTreeMap<i64, RichSum>> {
        &self.rich
    }

    /// Windows of a grouping in which there is something.
    pub fn windows_of(&self, grouping: Grouping) -> usize {
        let is_its = |group: &str| Grouping::of_group(group) == Some(grouping);
        let counts = self.groups.iter().filter(|(group, _)| is_its(group));
        let rich = self.rich.iter().filter(|(group, _)| is_its(group));
        let counts: usize = counts.map(|(_, windows)| windows.len()).sum();
        counts.max(rich.map(|(_, windows)| windows.len()).sum())
    }

    pub fn add(&mut self, movement: &Movement<'_>) {
        movement.contribute(|grouping, values, change| {
            let group = grouping.group(values.iter().copied());
            let windows = self.groups.entry(group).or_default();
            *windows.entry(movement.window()).or_default() += change;
        });
    }

    pub fn groups(&self) -> &HashMap<String, Windows> {
        &self.groups
    }

    pub fn windows(&self, group: &str) -> Option<&Windows> {
        self.groups.get(group)
    }

    /// All groups and windows of a grouping added up.
    pub fn total(&self, grouping: Grouping) -> i64 {
        let sums = self
            .groups
            .iter()
            .filter(|(group, _)| Grouping::of_group(group) == Some(grouping));
        sums.flat_map(|(_, windows)| windows.values()).sum()
    }

    /// Start of the last window in which anything moved, epoch milliseconds.
    pub fn last_window(&self) -> Option<i64> {
        let last = |windows: &Windows| windows.last_key_value().map(|(window, _)| *window);
        self.groups.values().filter_map(last).max()
    }
}

/// A batch over the records of `order.transitions.v1`, each order's in their order: for runs in which it hangs on the
/// moment in what order the inputs were taken.
#[derive(Debug, Default)]
pub struct TransitionBatch {
    batch: Batch,
    /// Generation and `main` of every order after its last transition.
    orders: HashMap<String, (u64, String)>,
}

impl TransitionBatch {
    /// `info` is that of the transition's event.
    pub fn add(&mut self, transition: &Value, info: &Value) {
        let text = |pointer| {
            transition
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_else(|| panic!("no {pointer} in {transition}"))
        };
        let generation = transition["generation"].as_u64().unwrap_or_default();
        let last = self.orders.get(text("/orderNo"));
        let main_before = match last {
            Some((known, main)) if *known == generation => main.as_str(),
            _ => "NONE",
        };
        // The relay's record timestamp is the event's recordedAt (2.1).
        let record_time: jiff::Timestamp = text("/recordedAt").parse().unwrap();
        let movement = Movement::new(transition, record_time.as_millisecond(), main_before);
        self.batch.live(&movement, info);
        let now = (generation, text("/regions/main").to_owned());
        self.orders.insert(text("/orderNo").to_owned(), now);
    }

    pub fn finish(self) -> Batch {
        self.batch
    }
}
