//! What is done with an event that came before another one: reject it, park it, or accept it as it is
//! (order-domain 4.1).
//!
//! Judging only says what an event would wait for; this policy says whether it does.

use super::outcome::RejectionReason;

/// What an event would wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A legal state: the event is in sequence, but its own aggregate does not allow it.
    Violation,
    /// An event of another aggregate.
    Predecessor,
    /// The versions between the last one and its own.
    Gap,
}

/// What to do with an event that would have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Reject it at once.
    Reject,
    /// Set it aside until what it waits for arrives, or its time is over.
    Park,
    /// Judge it as if nothing were missing, and flag the order `incomplete`: for a gap only.
    Accept,
}

/// One choice per cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderingPolicy {
    /// For a violation inside one aggregate: a cancel before its create, delivered twice.
    pub violation: Choice,
    /// For an event whose predecessor is of another aggregate.
    pub predecessor: Choice,
    /// For an event beyond a gap of versions.
    pub gap: Choice,
}

impl OrderingPolicy {
    /// What cannot be is rejected at once; what is only early waits.
    pub const DEFAULT: Self = Self {
        violation: Choice::Reject,
        predecessor: Choice::Park,
        gap: Choice::Park,
    };

    /// Everything that came too early is rejected at once.
    pub const STRICT: Self = Self {
        violation: Choice::Reject,
        predecessor: Choice::Reject,
        gap: Choice::Reject,
    };

    /// Everything that another event could still make right waits for it.
    pub const PARK: Self = Self {
        violation: Choice::Park,
        predecessor: Choice::Park,
        gap: Choice::Park,
    };

    /// The choice for a cause.
    #[must_use]
    pub const fn choice(&self, cause: Cause) -> Choice {
        match cause {
            Cause::Violation => self.violation,
            Cause::Predecessor => self.predecessor,
            Cause::Gap => self.gap,
        }
    }
}

impl Cause {
    /// The reason of a rejection at once; a violation keeps the reason that the machine gave.
    #[must_use]
    pub const fn rejection(self, violation: RejectionReason) -> RejectionReason {
        match self {
            Self::Violation => violation,
            Self::Predecessor => RejectionReason::AwaitPredecessor,
            Self::Gap => RejectionReason::SeqGap,
        }
    }

    /// The reason of a rejection after waiting in vain.
    #[must_use]
    pub const fn timeout(self, violation: RejectionReason) -> RejectionReason {
        match self {
            Self::Violation => violation,
            Self::Predecessor => RejectionReason::PredecessorTimeout,
            Self::Gap => RejectionReason::SeqGapTimeout,
        }
    }
}
