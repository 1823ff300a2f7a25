//! A straightforward model of the order rules, written from order-domain.md alone, with which the tests compare what
//! the program really did. It shares no code with the program, prefers plain matches to tables and clarity to speed.
//!
//! ```text
//! InputRecord ── event::parse ── judge::judge (rules, search, order) ── outputs ──> Judged
//! ```
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
pub mod rules;
pub mod search;
pub mod verify;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

pub use event::InputRecord;
use order::{Ghost, Order};
use outputs::RunOutput;

/// The ordering preset (order-domain 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Gaps and missing predecessors are rejected at once; nothing is parked.
    Strict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Applied,
    AppliedSkip,
    Annotated,
    Duplicate,
    Stale,
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
    pub policy: Policy,
    pub(crate) orders: HashMap<String, Order>,
    pub(crate) ghosts: HashMap<String, Ghost>,
    counts: BTreeMap<String, u64>,
    /// Epoch milliseconds; the real clock where none was set.
    now: Option<i64>,
}

impl Model {
    pub fn new(policy: Policy) -> Model {
        Model {
            policy,
            orders: HashMap::new(),
            ghosts: HashMap::new(),
            counts: BTreeMap::new(),
            now: None,
        }
    }

    /// Fixes the wall clock, in epoch milliseconds. It matters only for record timestamps in the future (E13).
    pub fn set_now(&mut self, now: i64) {
        self.now = Some(now);
    }

    pub(crate) fn now(&self) -> i64 {
        self.now
            .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond())
    }

    /// Judges the next record, in the order in which the processor takes them.
    pub fn feed(&mut self, record: &InputRecord) -> Judged {
        let judged = judge::judge(self, record);
        *self.counts.entry(judged.name()).or_default() += 1;
        judged
    }

    /// Judges a whole run and collects what must be emitted for it.
    pub fn play(&mut self, records: &[InputRecord]) -> RunOutput {
        let mut output = RunOutput::default();
        for record in records {
            let judged = self.feed(record);
            output.add_judged(record, &judged);
        }
        output.states = self.states();
        output
    }

    /// `order.state.v1` of every order with a record, by order number.
    pub fn states(&self) -> BTreeMap<String, Value> {
        self.orders
            .values()
            .map(|order| (order.order_no.clone(), outputs::state(order)))
            .collect()
    }

    /// Records by `OUTCOME` or `OUTCOME/REASON`; they add up to the records fed.
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
}
