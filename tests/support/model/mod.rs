//! A straightforward model of the order rules, written from order-domain.md alone, with which the tests compare what
//! the program really did. It shares no code with the program, prefers plain matches to tables and clarity to speed.
//!
//! ```text
//! InputRecord ── event ── verdict (rules, search, order) ──┬── parking, waiting ── redrive ──> InputRecord
//!                                                          └── judge ── outputs ──> Judged
//! ```
//! Time is given: a wall clock and how far inputs lag. Stream time is the largest record timestamp of a task.
//!
//! `verify` compares whole runs, `order_of_arrival` tells in which order a task takes a backlog, `aggregates` counts
//! what was applied per minute.
#![allow(
    dead_code,
    reason = "each integration test that includes the model uses a part of it"
)]

pub mod aggregates;
pub mod event;
pub mod judge;
pub mod normalise;
pub mod order;
pub mod order_of_arrival;
pub mod outputs;
pub mod parking;
pub mod policy;
pub mod redrive;
pub mod retention;
pub mod rules;
pub mod search;
pub mod sla;
pub mod step;
pub mod task;
pub mod verdict;
pub mod verify;
pub mod waiting;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

pub use event::InputRecord;
use order::{Ghost, Order};
use outputs::RunOutput;
#[allow(
    unused_imports,
    reason = "each integration test that includes the model uses a part of it"
)]
pub use policy::{Choice, Policy, Settings};
pub use step::Step;
use task::TaskClock;
use verdict::{Case, Verdict};
use waiting::{Parked, Waiting};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Applied,
    AppliedSkip,
    Annotated,
    Duplicate,
    Stale,
    Parked,
    Rejected,
    DeadLettered,
}

impl Outcome {
    /// As outputs and the truth files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Applied => "APPLIED",
            Outcome::AppliedSkip => "APPLIED_SKIP",
            Outcome::Annotated => "ANNOTATED",
            Outcome::Duplicate => "DUPLICATE",
            Outcome::Stale => "STALE",
            Outcome::Parked => "PARKED",
            Outcome::Rejected => "REJECTED",
            Outcome::DeadLettered => "DLT",
        }
    }
}

/// What became of one record, and what the processor must emit for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub outcome: Outcome,
    /// The code of 4.1, of rejections and dead letters.
    pub reason: Option<&'static str>,
    pub transition: Option<Value>,
    /// `main` before the event, where it was applied or annotated.
    pub main_before: &'static str,
    pub rejection: Option<Value>,
    pub reconcile: Vec<Value>,
    /// Applied, annotated or consumed: parked events of the order are tried again.
    pub order_changed: bool,
}

impl Judged {
    pub fn plain(outcome: Outcome) -> Judged {
        Judged {
            outcome,
            reason: None,
            transition: None,
            main_before: "NONE",
            rejection: None,
            reconcile: Vec::new(),
            order_changed: false,
        }
    }

    /// `OUTCOME` or `OUTCOME/REASON`, as in the truth files.
    pub fn name(&self) -> String {
        match self.reason {
            Some(reason) => format!("{}/{reason}", self.outcome.name()),
            None => self.outcome.name().to_string(),
        }
    }
}

/// All orders of a run.
pub struct Model {
    pub settings: Settings,
    pub(crate) orders: HashMap<String, Order>,
    pub(crate) ghosts: HashMap<String, Ghost>,
    pub(crate) waiting: HashMap<String, Waiting>,
    tasks: BTreeMap<i32, TaskClock>,
    arrivals: u64,
    counts: BTreeMap<String, u64>,
    /// Epoch milliseconds; the real clock where none was set.
    now: Option<i64>,
}

impl Model {
    /// With that ordering, and everything else as it is where nobody set it.
    pub fn new(policy: Policy) -> Model {
        Model::with(Settings::new(policy))
    }

    pub fn with(settings: Settings) -> Model {
        Model {
            settings,
            orders: HashMap::new(),
            ghosts: HashMap::new(),
            waiting: HashMap::new(),
            tasks: BTreeMap::new(),
            arrivals: 0,
            counts: BTreeMap::new(),
            now: None,
        }
    }

    /// Fixes the wall clock, in epoch milliseconds, without looking at what becomes due.
    pub fn set_now(&mut self, now: i64) {
        self.now = Some(now);
    }

    pub(crate) fn now(&self) -> i64 {
        self.now
            .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond())
    }

    /// How far the inputs of a task lag, in milliseconds.
    pub fn set_lag(&mut self, partition: i32, lag: i64) {
        self.task(partition).lag = lag;
    }

    /// Judges the next record, in the order in which the processor takes them, and all that it sets going.
    pub fn take(&mut self, record: &InputRecord) -> Step {
        let now = self.now();
        self.task(record.partition).see(record.timestamp, now);
        let mut step = Step::default();
        parking::consume(self, record, &mut step);
        if self.settings.rebuild {
            parking::give_up(self, record.partition, &mut step);
        }
        retention::forget(self, record.partition, &mut step);
        self.count(&step);
        step
    }

    /// Lets the wall clock go on to `now`, in one step.
    pub fn pass_time(&mut self, now: i64) -> Step {
        self.set_now(now);
        let mut step = Step::default();
        let tasks: Vec<i32> = self.tasks.keys().copied().collect();
        for partition in tasks {
            if !self.settings.rebuild {
                parking::give_up(self, partition, &mut step);
            }
        }
        self.count(&step);
        step
    }

    /// The same as [`Model::take`] where nothing is ever parked, so that a record has one outcome.
    pub fn feed(&mut self, record: &InputRecord) -> Judged {
        let mut step = self.take(record);
        assert_eq!(step.settled.len(), 1, "something was parked");
        step.settled.remove(0).1
    }

    /// Judges a whole run and collects what must be emitted for it.
    pub fn play(&mut self, records: &[InputRecord]) -> RunOutput {
        let mut output = RunOutput::default();
        for record in records {
            output.add_step(&self.take(record));
        }
        output.states = self.states();
        output
    }

    fn count(&mut self, step: &Step) {
        for (_, judged) in &step.settled {
            *self.counts.entry(judged.name()).or_default() += 1;
        }
    }

    /// `order.state.v1` of every order with a record, by order number.
    pub fn states(&self) -> BTreeMap<String, Value> {
        self.orders
            .values()
            .map(|order| (order.order_no.clone(), outputs::state(order)))
            .collect()
    }

    /// Records by `OUTCOME` or `OUTCOME/REASON`. A record that was parked counts a second time when it is settled.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.clone()
    }

    /// The record as the model keeps it.
    pub fn order(&self, order_no: &str) -> Option<&Order> {
        self.orders.get(order_no)
    }

    /// Whether a rejected cancel waits for the create of this order.
    pub fn has_ghost(&self, order_no: &str) -> bool {
        self.ghosts.contains_key(order_no)
    }

    /// Events of the order that are parked now.
    pub fn parked(&self, order_no: &str) -> usize {
        self.waiting
            .get(order_no)
            .map_or(0, |waiting| waiting.parked().len())
    }

    /// Events of all orders that are parked now.
    pub fn parked_in_all(&self) -> usize {
        self.tasks.values().map(|task| task.deadlines.len()).sum()
    }

    /// Rejected events of the order that will be sent again.
    pub fn kept(&self, order_no: &str) -> usize {
        self.waiting
            .get(order_no)
            .map_or(0, |waiting| waiting.kept().len())
    }

    /// Records consumed by all tasks, ghosts' cancels that were judged in place included.
    pub fn consumed(&self) -> u64 {
        self.tasks.values().map(|task| task.consumed).sum()
    }

    pub(crate) fn task(&mut self, partition: i32) -> &mut TaskClock {
        self.tasks.entry(partition).or_default()
    }

    /// By which parked events are given up: the wall clock, or stream time in a rebuild.
    pub(crate) fn deadline_clock(&mut self, partition: i32) -> i64 {
        match self.settings.rebuild {
            true => self.task(partition).stream_time,
            false => self.now(),
        }
    }

    pub(crate) fn set_aside(&mut self, parked: Parked) {
        let task = self.task(parked.record.partition);
        task.deadlines.insert(parked.deadline());
        let order_no = parked.case.event.order_no.clone();
        self.waiting.entry(order_no).or_default().park(parked);
    }

    /// Forgets everything that was set aside of an order.
    pub(crate) fn forget_waiting(&mut self, order_no: &str) {
        let waiting = self.waiting.remove(order_no).unwrap_or_default();
        for parked in waiting.parked() {
            let task = self.task(parked.record.partition);
            task.deadlines.remove(&parked.deadline());
        }
    }

    pub(crate) fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    pub(crate) fn order_or_nothing(&self, order_no: &str) -> Order {
        let known = self.orders.get(order_no).cloned();
        known.unwrap_or_else(|| Order::nothing(order_no))
    }

    /// What should become of an event now.
    pub(crate) fn verdict(&self, case: &Case, policy: &Policy) -> Verdict {
        let (nothing, nobody);
        let order_no = &case.event.order_no;
        let order = match self.orders.get(order_no) {
            Some(order) => order,
            None => {
                nothing = Order::nothing(order_no);
                &nothing
            }
        };
        let others = match self.waiting.get(order_no) {
            Some(others) => others,
            None => {
                nobody = Waiting::default();
                &nobody
            }
        };
        verdict::verdict(order, others, case, policy)
    }

    pub(crate) fn put(&mut self, order: Order, partition: i32) {
        let end = retention::end_of(&order, self.settings.retention);
        self.task(partition).calendar.note(end, &order.order_no);
        self.orders.insert(order.order_no.clone(), order);
    }

    pub(crate) fn put_ghost(&mut self, order_no: &str, ghost: Ghost) {
        let (end, partition) = (
            ghost.record.timestamp + self.settings.retention,
            ghost.record.partition,
        );
        self.task(partition).calendar.note(end, order_no);
        self.ghosts.insert(order_no.to_string(), ghost);
    }
}
