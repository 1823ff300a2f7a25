//! The events of one order that wait: parked ones, for what is missing; kept ones, to be sent again.

use std::rc::Rc;

use super::event::InputRecord;
use super::order::Order;
use super::policy::{Cause, Choice, Policy};
use super::verdict::{Case, Verdict, verdict};

/// When a parked event is looked at again, its version, its arrival and its order.
pub type Deadline = (i64, u64, u64, String);

/// An event set aside.
#[derive(Debug, Clone)]
pub struct Parked {
    pub record: InputRecord,
    pub case: Case,
    /// Position among all events that were ever set aside.
    pub arrival: u64,
    /// By the clock of deadlines, epoch milliseconds.
    pub parked_at: i64,
    /// When it is looked at again; later than its limit allows while an input lags.
    pub due: i64,
    /// A ghost's cancel that was judged in place waits for what is missing under every policy.
    pub waits_for_gaps: bool,
}

impl Parked {
    /// What the task notes of it. Those that are due at the same moment are given up in the order in which they are
    /// tried.
    pub fn deadline(&self) -> Deadline {
        let (version, arrival) = self.turn();
        (self.due, version, arrival, self.case.event.order_no.clone())
    }

    /// The policy for this event.
    pub fn policy(&self, policy: Policy) -> Policy {
        match self.waits_for_gaps {
            true => Policy {
                gap: Choice::Park,
                ..policy
            },
            false => policy,
        }
    }

    /// Parked events are tried lowest version first, then by arrival; those without version before all others.
    fn turn(&self) -> (u64, u64) {
        (self.case.version().unwrap_or(0), self.arrival)
    }
}

/// A rejected event that is sent again once it would be judged otherwise.
#[derive(Debug, Clone)]
pub struct Kept {
    pub record: InputRecord,
    pub case: Case,
    pub arrival: u64,
}

impl Kept {
    fn turn(&self) -> (u64, u64) {
        (self.case.version().unwrap_or(0), self.arrival)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Waiting {
    parked: Vec<Parked>,
    kept: Vec<Kept>,
}

impl Waiting {
    pub fn parked(&self) -> &[Parked] {
        &self.parked
    }

    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    pub fn is_empty(&self) -> bool {
        self.parked.is_empty() && self.kept.is_empty()
    }

    pub fn park(&mut self, parked: Parked) {
        self.parked.push(parked);
        self.parked.sort_by_key(Parked::turn);
    }

    pub fn keep(&mut self, kept: Kept) {
        self.kept.push(kept);
        self.kept.sort_by_key(Kept::turn);
    }

    /// Takes the parked event of that arrival out.
    pub fn unpark(&mut self, arrival: u64) -> Option<Parked> {
        let place = self
            .parked
            .iter()
            .position(|parked| parked.arrival == arrival)?;
        Some(self.parked.remove(place))
    }

    /// What the memory says of the id of a parked event.
    pub fn canonical_of(&self, id: &str) -> Option<&Rc<str>> {
        let mut parked = self.parked.iter().map(|parked| &parked.case.event);
        parked
            .find(|event| event.id == id)
            .map(|event| &event.canonical)
    }

    /// Forgets the kept copies of an event.
    pub fn forget_kept(&mut self, id: &str) {
        self.kept.retain(|kept| kept.case.event.id != id);
    }

    /// Takes out the kept events that have nothing to wait for any more, in their turn. Those of which another copy was
    /// taken meanwhile are forgotten.
    pub fn take_sendable(&mut self, order: &Order, policy: &Policy) -> Vec<Kept> {
        let mut sendable = Vec::new();
        for kept in std::mem::take(&mut self.kept) {
            match verdict(order, self, &kept.case, policy) {
                Verdict::Duplicate => {}
                found if still_waits(found, policy) => self.kept.push(kept),
                _ => sendable.push(kept),
            }
        }
        sendable
    }
}

/// Whether sending it again would be in vain: what is missing still is. An event that its own aggregate does not allow
/// waits only where such events are parked.
fn still_waits(verdict: Verdict, policy: &Policy) -> bool {
    match verdict {
        Verdict::TooEarly(Cause::Violation, "ILLEGAL_TRANSITION") => {
            policy.violation == Choice::Park
        }
        Verdict::TooEarly(..) => true,
        _ => false,
    }
}
