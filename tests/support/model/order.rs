//! What the model remembers of one order (order-domain 1.1, 2.7, 4.1).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use serde_json::Value;

use super::event::{Event, InputRecord};

/// Length of the dedup memory.
const REMEMBERED_EVENTS: usize = 64;

pub const TERMINAL: [&str; 5] = [
    "COMPLETED",
    "REJECTED",
    "EXPIRED",
    "CANCELLED",
    "PAYMENT_FAILED",
];

/// One live order.
#[derive(Debug, Clone)]
pub struct Order {
    pub order_no: String,
    pub generation: u64,
    /// Applied and annotated events so far.
    pub seq: u64,
    pub main: &'static str,
    pub kitchen: &'static str,
    pub delivery: &'static str,
    pub payment: &'static str,
    pub claim: &'static str,
    /// Last consumed version by cursor name (`Event::cursor`).
    pub versions: BTreeMap<String, u64>,
    /// Last applied or annotated version by cursor name; a judged rejection moves only `versions`.
    pub applied_versions: BTreeMap<String, u64>,
    pub current_delivery: Option<String>,
    pub former_deliveries: BTreeSet<String>,
    pub customer_id: Option<String>,
    pub store_id: Option<String>,
    pub category: Option<String>,
    pub sido: Option<String>,
    pub sigungu: Option<String>,
    pub dong: Option<String>,
    pub fulfilment: Option<String>,
    pub amount: u64,
    pub paid: u64,
    pub refunded: u64,
    pub payment_method: Option<String>,
    pub payment_before_claim: &'static str,
    pub promised_at: Option<i64>,
    pub times: BTreeMap<&'static str, i64>,
    pub ready_implied: bool,
    pub attempts: u64,
    pub reassigned: u64,
    pub reason: Option<String>,
    pub liability: Option<String>,
    /// Aggregates whose last judged rejection no applied event has answered yet.
    pub contradicted: BTreeSet<String>,
    /// The cancel that came before the create; while it is here, transitions are held.
    pub ghost: Option<Ghost>,
    pub flags: BTreeSet<&'static str>,
    pub memory: VecDeque<Remembered>,
    pub last_applied: Option<Fact>,
    pub updated_at: i64,
    /// Record timestamps of the latest event and of the one that closed the order: from them retention counts.
    pub last_event_at: i64,
    pub closed_recorded_at: Option<i64>,
}

/// A rejected cancel of an order that does not exist yet.
#[derive(Debug, Clone)]
pub struct Ghost {
    pub event_id: String,
    pub event: Rc<Value>,
    pub record: InputRecord,
}

/// One entry of the dedup memory. The model keeps the text that the real one hashes.
#[derive(Debug, Clone)]
pub struct Remembered {
    pub id: String,
    pub canonical: Rc<str>,
    pub cursor: String,
    pub version: Option<u64>,
    /// Rejected as judged, or dead-lettered as an unknown action: a forced redrive may try it again.
    pub judged: bool,
}

/// The last applied event, as `order.reconcile.v1` tells it.
#[derive(Debug, Clone)]
pub struct Fact {
    pub event_id: String,
    pub action: String,
    pub version: Option<u64>,
    pub occurred_at: i64,
}

impl Order {
    /// An order of which nothing is known: what an event without a record is judged against.
    pub fn nothing(order_no: &str) -> Order {
        Order {
            order_no: order_no.to_string(),
            generation: 1,
            seq: 0,
            main: "NONE",
            kitchen: "IDLE",
            delivery: "NONE",
            payment: "NONE",
            claim: "NONE",
            versions: BTreeMap::new(),
            applied_versions: BTreeMap::new(),
            current_delivery: None,
            former_deliveries: BTreeSet::new(),
            customer_id: None,
            store_id: None,
            category: None,
            sido: None,
            sigungu: None,
            dong: None,
            fulfilment: None,
            amount: 0,
            paid: 0,
            refunded: 0,
            payment_method: None,
            payment_before_claim: "NONE",
            promised_at: None,
            times: BTreeMap::new(),
            ready_implied: false,
            attempts: 0,
            reassigned: 0,
            reason: None,
            liability: None,
            contradicted: BTreeSet::new(),
            ghost: None,
            flags: BTreeSet::new(),
            memory: VecDeque::new(),
            last_applied: None,
            updated_at: 0,
            last_event_at: 0,
            closed_recorded_at: None,
        }
    }

    pub fn exists(&self) -> bool {
        self.main != "NONE"
    }

    pub fn is_terminal(&self) -> bool {
        TERMINAL.contains(&self.main)
    }

    /// When the food left the store: pick-up by a rider or hand-over to the customer.
    pub fn collected_at(&self) -> Option<i64> {
        self.times
            .get("pickedUpAt")
            .or(self.times.get("handedOverAt"))
            .copied()
    }

    pub fn last_version(&self, cursor: &str) -> u64 {
        self.versions.get(cursor).copied().unwrap_or(0)
    }

    pub fn is_contradicted(&self) -> bool {
        !self.contradicted.is_empty() || self.ghost.is_some()
    }

    /// Applied, judged, in conflict or stale: the ghost's cancel has been answered.
    pub fn end_ghost(&mut self, event_id: &str) {
        if self
            .ghost
            .as_ref()
            .is_some_and(|ghost| ghost.event_id == event_id)
        {
            self.ghost = None;
        }
    }

    pub fn recall(&self, id: &str) -> Option<&Remembered> {
        self.memory.iter().find(|known| known.id == id)
    }

    /// Puts an event into the memory, or renews what the memory says of it.
    pub fn remember(&mut self, event: &Event, version: Option<u64>, judged: bool) {
        if let Some(known) = self.memory.iter_mut().find(|known| known.id == event.id) {
            known.judged = judged;
            return;
        }
        self.memory.push_back(Remembered {
            id: event.id.clone(),
            canonical: event.canonical.clone(),
            cursor: event.cursor(),
            version,
            judged,
        });
        if self.memory.len() > REMEMBERED_EVENTS {
            self.memory.pop_front();
        }
    }

    /// The display status of 1.1: the first line that matches.
    pub fn status(&self) -> &'static str {
        match (self.main, self.claim, self.delivery, self.kitchen) {
            ("NONE", _, _, _) => "NONE",
            ("PAYMENT_FAILED", _, _, _) => "PAYMENT_FAILED",
            ("REJECTED", _, _, _) => "REJECTED",
            ("EXPIRED", _, _, _) => "EXPIRED",
            ("CANCELLED", _, _, _) => "CANCELLED",
            (_, "POST_CANCELLED", _, _) => "POST_CANCELLED",
            (_, _, "DELIVERED", _) | ("COMPLETED", _, _, _) => "COMPLETED",
            (_, _, "RETURNED", _) => "RETURNED",
            (_, _, "FAILED", _) => "FAILED",
            (_, _, "PICKED_UP" | "AT_CUSTOMER", _) => "DELIVERING",
            (_, _, _, "READY") => "READY",
            (_, _, _, "COOKING") => "COOKING",
            ("ACCEPTED", _, _, _) => "ACCEPTED",
            ("PAID", _, _, _) => "WAITING_ACCEPT",
            _ => "PAYMENT_WAIT",
        }
    }

    /// Regions and money: what an event must change to count as applied.
    pub fn substance(
        &self,
    ) -> (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        u64,
    ) {
        (
            self.main,
            self.kitchen,
            self.delivery,
            self.payment,
            self.claim,
            self.refunded,
        )
    }
}
