//! What became of one record.

use super::action::Action;
use super::codes::codes;

codes! {
    /// Why a parsed event was not applied.
    RejectionReason, RejectionReasonSet {
        Premature = "PREMATURE",
        SeqGap = "SEQ_GAP",
        SeqGapTimeout = "SEQ_GAP_TIMEOUT",
        AwaitPredecessor = "AWAIT_PREDECESSOR",
        PredecessorTimeout = "PREDECESSOR_TIMEOUT",
        ParkLimit = "PARK_LIMIT",
        EventIdConflict = "EVENT_ID_CONFLICT",
        VersionConflict = "VERSION_CONFLICT",
        OrderIdReuse = "ORDER_ID_REUSE",
        RedriveLimit = "REDRIVE_LIMIT",
        AfterTerminal = "AFTER_TERMINAL",
        IllegalTransition = "ILLEGAL_TRANSITION",
        ActorNotAllowed = "ACTOR_NOT_ALLOWED",
        OverRefund = "OVER_REFUND",
        DeliveryLimit = "DELIVERY_LIMIT",
    }
}

impl RejectionReason {
    /// Whether the machine judged the event, so that its version is consumed. Every other rejection is
    /// repairable: the cursor and the memory stay as they were, and a redrive fits.
    #[must_use]
    pub const fn is_judged(self) -> bool {
        matches!(
            self,
            Self::AfterTerminal
                | Self::IllegalTransition
                | Self::ActorNotAllowed
                | Self::OverRefund
        )
    }
}

impl RejectionReason {
    /// Whether only something was missing that may still come: an event rejected so is kept, and redriven when it
    /// has come. Of premature events that holds for a cancel, the only one that leaves a ghost.
    #[must_use]
    pub fn is_transient(self, action: Option<Action>) -> bool {
        match self {
            Self::PredecessorTimeout | Self::SeqGapTimeout => true,
            Self::Premature => action == Some(Action::OrderCancelled),
            _ => false,
        }
    }
}

codes! {
    /// Why a record goes to the dead-letter topic.
    DeadLetterReason, DeadLetterReasonSet {
        TooLarge = "TOO_LARGE",
        Malformed = "MALFORMED",
        KeyMismatch = "KEY_MISMATCH",
        UnknownAction = "UNKNOWN_ACTION",
        UnsupportedSchema = "UNSUPPORTED_SCHEMA",
    }
}

/// What became of one record; exactly one per record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Applied.
    Applied,
    /// Applied, and a milestone was implied that nobody reported.
    AppliedSkip,
    /// Recorded with its time; no region changed.
    Annotated,
    /// Known by its id.
    Duplicate,
    /// Of a version that was consumed before, by an event that is no longer remembered.
    Stale,
    /// Held until what it waits for arrives.
    Parked,
    /// A record that rightly carries no event, such as a connector's heartbeat.
    Ignored,
    /// Not applied.
    Rejected(RejectionReason),
    /// Not an event that this program can judge.
    DeadLettered(DeadLetterReason),
}

impl Outcome {
    /// How many different outcomes there are: the bound of [`Outcome::index`].
    pub const COUNT: usize = 7 + RejectionReason::ALL.len() + DeadLetterReason::ALL.len();

    /// A dense index for counters, stable within one build.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Applied => 0,
            Self::AppliedSkip => 1,
            Self::Annotated => 2,
            Self::Duplicate => 3,
            Self::Stale => 4,
            Self::Parked => 5,
            Self::Ignored => 6,
            Self::Rejected(reason) => 7 + reason.code() as usize,
            Self::DeadLettered(reason) => 7 + RejectionReason::ALL.len() + reason.code() as usize,
        }
    }

    /// The outcome of an index.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::all().nth(index)
    }

    /// The code in stored records.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Applied => 0,
            Self::AppliedSkip => 1,
            Self::Annotated => 2,
            Self::Duplicate => 3,
            Self::Stale => 4,
            Self::Parked => 5,
            Self::Ignored => 6,
            Self::Rejected(reason) => 64 + reason.code(),
            Self::DeadLettered(reason) => 128 + reason.code(),
        }
    }

    /// The outcome of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Applied),
            1 => Some(Self::AppliedSkip),
            2 => Some(Self::Annotated),
            3 => Some(Self::Duplicate),
            4 => Some(Self::Stale),
            5 => Some(Self::Parked),
            6 => Some(Self::Ignored),
            64..128 => RejectionReason::from_code(code - 64).map(Self::Rejected),
            128.. => DeadLetterReason::from_code(code - 128).map(Self::DeadLettered),
            _ => None,
        }
    }

    /// Every outcome, in the order of the indices.
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::Applied,
            Self::AppliedSkip,
            Self::Annotated,
            Self::Duplicate,
            Self::Stale,
            Self::Parked,
            Self::Ignored,
        ]
        .into_iter()
        .chain(RejectionReason::ALL.iter().copied().map(Self::Rejected))
        .chain(
            DeadLetterReason::ALL
                .iter()
                .copied()
                .map(Self::DeadLettered),
        )
    }

    /// The label `outcome` of metrics, and the `outcome` of a transition.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "APPLIED",
            Self::AppliedSkip => "APPLIED_SKIP",
            Self::Annotated => "ANNOTATED",
            Self::Duplicate => "DUPLICATE",
            Self::Stale => "STALE",
            Self::Parked => "PARKED",
            Self::Ignored => "IGNORED",
            Self::Rejected(_) => "REJECTED",
            Self::DeadLettered(_) => "DLT",
        }
    }

    /// The label `reason` of metrics; empty where there is none.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Rejected(reason) => reason.name(),
            Self::DeadLettered(reason) => reason.name(),
            _ => "",
        }
    }

    /// Whether the event was applied or annotated: it has a transition.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Applied | Self::AppliedSkip | Self::Annotated)
    }
}
