//! Every record of a day against what became of it, in topics and in counters.

use std::collections::{BTreeMap, BTreeSet};

use jumun_harness::Record;
use serde_json::Value;

use crate::support::model::InputRecord;
use crate::support::model::outputs::RunOutput;

/// Topic, partition, offset.
pub type Place = (String, i32, i64);

/// What is known of a day once nothing waits any more.
pub struct Accounts {
    /// Of the services' topics.
    pub inputs: Vec<InputRecord>,
    pub redriven: Vec<Record>,
    pub outputs: RunOutput,
    /// By `OUTCOME` or `OUTCOME/REASON`, as the metrics count them.
    pub outcomes: BTreeMap<String, u64>,
    pub consumed: u64,
    pub parked: u64,
    pub violations: BTreeMap<String, u64>,
    /// Orders on their way, counted as records and by status.
    pub in_flight: [u64; 2],
}

impl Accounts {
    pub fn transitions(&self) -> impl Iterator<Item = &Value> {
        self.outputs.transitions.values().flatten()
    }

    pub fn rejections(&self) -> impl Iterator<Item = &Value> {
        self.outputs.rejections.values().flatten()
    }

    /// Reasons of rejections by the place of the record.
    pub fn rejected(&self) -> BTreeMap<Place, &str> {
        self.rejections()
            .map(|rejection| {
                let place = (
                    text(rejection, "topic").to_owned(),
                    i32::try_from(rejection["partition"].as_i64().unwrap()).unwrap(),
                    rejection["offset"].as_i64().unwrap(),
                );
                (place, text(rejection, "reason"))
            })
            .collect()
    }

    /// Reasons of dead letters by the place of the record.
    pub fn dead_letters(&self) -> BTreeMap<Place, &str> {
        let letters = self.outputs.dead_letters.iter();
        letters
            .map(|letter| {
                let place = (letter.topic.clone(), letter.partition, letter.offset);
                (place, letter.reason.as_str())
            })
            .collect()
    }

    /// Ids of events that were applied or annotated.
    pub fn applied(&self) -> BTreeSet<&str> {
        self.transitions()
            .map(|transition| text(transition, "eventId"))
            .collect()
    }

    fn counted(&self, kind: &str) -> u64 {
        let of_kind = self
            .outcomes
            .iter()
            .filter(|(outcome, _)| outcome.starts_with(kind));
        of_kind.map(|(_, count)| count).sum()
    }

    /// Fails unless each record has exactly one outcome, and the topics tell what the counters count.
    #[track_caller]
    pub fn assert_complete(&self) {
        let records = (self.inputs.len() + self.redriven.len()) as u64;
        assert_eq!(self.parked, 0);
        assert_eq!(self.consumed, records);
        assert_eq!(self.outcomes.values().sum::<u64>(), records);
        let applied = self.transitions().count();
        assert_eq!(self.applied().len(), applied, "an event was applied twice");
        let refused = self.rejections().count();
        assert_eq!(self.rejected().len(), refused, "rejected twice");
        let dead = self.outputs.dead_letters.len();
        assert_eq!(self.dead_letters().len(), dead, "dead twice");
        assert_eq!(self.counted("A"), applied as u64);
        assert_eq!(self.counted("REJECTED"), refused as u64);
        assert_eq!(self.counted("DLT"), dead as u64);
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        let rejected = self.rejected();
        let named = rejected.values().map(|reason| format!("REJECTED/{reason}"));
        for outcome in named.chain(self.dead_letters().values().map(|why| format!("DLT/{why}"))) {
            *reasons.entry(outcome).or_default() += 1;
        }
        for (outcome, count) in reasons {
            assert_eq!(self.outcomes.get(&outcome), Some(&count), "{outcome}");
        }
        assert_eq!(
            self.counted("DUPLICATE") + self.counted("STALE"),
            records - (applied + refused + dead) as u64
        );
        self.assert_invariants();
    }

    /// Fails if any invariant was violated but I5, which the world violates: food handed out for a cancelled order.
    #[track_caller]
    fn assert_invariants(&self) {
        let handed_out = self.rejections().filter(|rejection| {
            let action = rejection["event"]["action"].as_str();
            rejection["reason"] == "AFTER_TERMINAL"
                && rejection["regions"]["main"] == "CANCELLED"
                && matches!(action, Some("delivery.picked_up" | "delivery.delivered"))
        });
        let ghosts = handed_out.count() as u64;
        let found = self.violations.get("I5").copied().unwrap_or(0);
        assert_eq!(found, ghosts);
        let others: Vec<_> = self
            .violations
            .keys()
            .filter(|name| *name != "I5")
            .collect();
        assert!(others.is_empty(), "{:?}", self.violations);
        let closed = [
            "PAYMENT_FAILED",
            "REJECTED",
            "EXPIRED",
            "CANCELLED",
            "POST_CANCELLED",
            "COMPLETED",
        ];
        let states = self.outputs.states.values();
        let open = states.filter(|state| !closed.contains(&text(state, "status")));
        let open = open.count() as u64;
        assert_eq!(self.in_flight, [open; 2]);
    }
}

pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
}

pub fn place(record: &InputRecord) -> Place {
    (record.topic.clone(), record.partition, record.offset)
}
