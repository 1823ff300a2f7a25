//! What is done with an event that came before another one: reject it, or wait.
//!
//! Judging only says what an event would wait for; this policy says whether it does.

use super::outcome::RejectionReason;

/// What an event would wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// An event of another aggregate.
    Predecessor,
    /// The versions between the last one and its own.
    Versions,
    /// A legal state: the event is in sequence, but its own aggregate does not allow it.
    LegalState,
}

/// What to do with an event that would have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Reject it at once.
    Reject,
}

/// One choice per cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderingPolicy {
    /// For an event whose predecessor is of another aggregate.
    pub predecessor: Choice,
    /// For an event beyond a gap of versions.
    pub versions: Choice,
    /// For a violation inside one aggregate.
    pub legal_state: Choice,
}

impl OrderingPolicy {
    /// Everything that came too early is rejected at once.
    pub const STRICT: Self = Self {
        predecessor: Choice::Reject,
        versions: Choice::Reject,
        legal_state: Choice::Reject,
    };

    /// The choice for a cause.
    #[must_use]
    pub const fn choice(&self, waits_for: WaitsFor) -> Choice {
        match waits_for {
            WaitsFor::Predecessor => self.predecessor,
            WaitsFor::Versions => self.versions,
            WaitsFor::LegalState => self.legal_state,
        }
    }
}

impl WaitsFor {
    /// The reason of a rejection at once; a violation keeps the reason that the machine gave.
    #[must_use]
    pub const fn rejection(self, violation: RejectionReason) -> RejectionReason {
        match self {
            Self::Predecessor => RejectionReason::AwaitPredecessor,
            Self::Versions => RejectionReason::SeqGap,
            Self::LegalState => violation,
        }
    }
}
