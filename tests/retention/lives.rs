//! What a reader of the topics knows of the orders, and what must follow from it: when each is forgotten.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use topology::io::memory::OwnedRecord;

use super::market::{DAY_MS, Market};

const RETENTION_MS: i64 = 31 * DAY_MS;
/// Between two events of a quiet night.
const SILENCE_MS: i64 = 6 * 3_600_000;
const TERMINAL: [&str; 5] = [
    "COMPLETED",
    "REJECTED",
    "EXPIRED",
    "CANCELLED",
    "PAYMENT_FAILED",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transition<'a> {
    order_no: &'a str,
    generation: u32,
    seq: u64,
    action: &'a str,
    #[serde(borrow)]
    regions: Regions<'a>,
}

#[derive(Deserialize)]
struct Regions<'a> {
    main: &'a str,
}

/// An order that was created and is not forgotten.
#[derive(Clone, Debug)]
pub struct Life {
    pub generation: u32,
    pub seq: u64,
    closed: Option<i64>,
    last: i64,
}

/// All orders, as the topics tell of them.
#[derive(Default)]
pub struct Lives {
    living: HashMap<String, Life>,
    /// Told to be abandoned, and not forgotten by the state topic yet: when, and in which status.
    abandoned: HashMap<String, (i64, String)>,
    pub left_closed: usize,
    pub left_open: usize,
    pub left_ghosts: usize,
    pub left_stubs: usize,
    pub claims: usize,
    pub refunds: usize,
    pub reused_too_early: u64,
}

impl Lives {
    pub fn of(&self, number: &str) -> Option<&Life> {
        self.living.get(number)
    }

    pub fn is_empty(&self) -> bool {
        self.living.is_empty() && self.abandoned.is_empty()
    }

    pub fn len(&self) -> usize {
        self.living.len()
    }

    /// Orders that are on their way.
    pub fn in_flight(&self) -> u64 {
        let open = self.living.values().filter(|life| life.closed.is_none());
        open.count() as u64
    }

    pub fn transition(&mut self, record: &OwnedRecord) {
        let value = record.value.as_deref().unwrap();
        let told: Transition<'_> = serde_json::from_slice(value).unwrap();
        self.claims += usize::from(told.action == "claim.post_cancelled");
        self.refunds += usize::from(told.action == "payment.part_refunded");
        let life = self.living.entry(told.order_no.to_owned());
        let life = life.or_insert_with(|| Life {
            generation: 1,
            seq: 0,
            closed: None,
            last: i64::MIN,
        });
        if told.generation != life.generation {
            assert_eq!(told.generation, life.generation + 1, "{}", told.order_no);
            (life.generation, life.seq, life.closed) = (told.generation, 0, None);
        }
        // Nothing is lost and nothing comes twice, whatever crashed and was restored.
        assert_eq!(told.seq, life.seq + 1, "{}", told.order_no);
        life.seq = told.seq;
        life.last = life.last.max(record.timestamp);
        if TERMINAL.contains(&told.regions.main) {
            life.closed.get_or_insert(record.timestamp);
        }
    }

    pub fn rejected(&mut self, record: &OwnedRecord) {
        let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        self.reused_too_early += u64::from(value["reason"] == "ORDER_ID_REUSE");
    }

    pub fn reconcile(&mut self, record: &OwnedRecord) {
        let value: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        if value["kind"] != "ABANDONED" {
            return;
        }
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        let told = (record.timestamp, text("status"));
        let again = self.abandoned.insert(text("orderNo"), told);
        assert!(again.is_none(), "{value}");
    }

    /// A record of the state topic; those of the reconcile topic were read before.
    pub fn state(&mut self, record: &OwnedRecord) {
        if record.value.is_some() {
            return;
        }
        let number = String::from_utf8(record.key.clone().unwrap()).unwrap();
        let life = self.living.remove(&number);
        let life = life.unwrap_or_else(|| panic!("{number}: a tombstone of nothing"));
        is_due(&number, life.closed.unwrap_or(life.last), record.timestamp);
        let abandoned = self.abandoned.remove(&number);
        assert_eq!(abandoned.is_some(), life.closed.is_none(), "{number}");
        match life.closed {
            Some(_) => self.left_closed += 1,
            None => self.left_open += 1,
        }
    }

    /// What was told to be abandoned and is no order must be a ghost, or an event that came for no order.
    pub fn leave(&mut self, market: &mut Market) {
        for (number, (at, status)) in self.abandoned.drain() {
            assert_eq!(status, "NONE", "{number}");
            if let Some(since) = market.ghosts.remove(&number) {
                is_due(&number, since, at);
                self.left_ghosts += 1;
            } else {
                let since = market.stubs.remove(&number);
                is_due(&number, since.unwrap_or_else(|| panic!("{number}")), at);
                self.left_stubs += 1;
            }
        }
    }

    /// Nobody stays longer than they are to.
    pub fn none_is_overdue(&self, market: &Market, now: i64) {
        let living = self.living.iter();
        let living = living.map(|(number, life)| (number, life.closed.unwrap_or(life.last)));
        let others = market.ghosts.iter().chain(&market.stubs);
        for (number, since) in living.chain(others.map(|(number, since)| (number, *since))) {
            let latest = since + RETENTION_MS + SILENCE_MS;
            assert!(now < latest, "{number} is overdue");
        }
    }
}

fn is_due(number: &str, since: i64, at: i64) {
    let late = at - (since + RETENTION_MS);
    assert!((0..SILENCE_MS).contains(&late), "{number}: {late} ms late");
}
