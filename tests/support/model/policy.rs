//! What is done with an event that came too early, and what else the operator may set (order-domain 4.1).

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const DAY: i64 = 24 * 60 * MINUTE;

/// What to do with an event that something is missing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Reject,
    Park,
    /// Of gaps only: judge it as if nothing were missing.
    Accept,
}

/// What an event can be too early for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its own aggregate is not where it should be.
    Violation,
    /// An event of another aggregate has not arrived.
    Predecessor,
    /// Versions before its own are missing.
    Gap,
}

/// One choice per cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub violation: Choice,
    pub predecessor: Choice,
    pub gap: Choice,
}

impl Policy {
    pub const DEFAULT: Policy = Policy {
        violation: Choice::Reject,
        predecessor: Choice::Park,
        gap: Choice::Park,
    };
    pub const STRICT: Policy = Policy {
        violation: Choice::Reject,
        predecessor: Choice::Reject,
        gap: Choice::Reject,
    };
    pub const PARK: Policy = Policy {
        violation: Choice::Park,
        predecessor: Choice::Park,
        gap: Choice::Park,
    };

    pub fn choice(&self, cause: Cause) -> Choice {
        match cause {
            Cause::Violation => self.violation,
            Cause::Predecessor => self.predecessor,
            Cause::Gap => self.gap,
        }
    }
}

/// Everything that an operator may set. Durations are milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub policy: Policy,
    /// How long an event may be parked.
    pub park_limit: i64,
    /// The same for money.
    pub park_limit_of_payments: i64,
    /// Up to which a park limit stretches while an input lags.
    pub longest_park_limit: i64,
    pub parked_per_order: usize,
    pub retention: i64,
    /// Whether a ghost's cancel is judged again as soon as its order is created.
    pub autoapply_ghosts: bool,
    /// Whether rejections that time may mend are sent again as soon as they would be judged otherwise.
    pub automatic_redrive: bool,
    /// Whether old records are judged once more, beside the live job: time is that of the records.
    pub rebuild: bool,
}

impl Settings {
    pub fn new(policy: Policy) -> Settings {
        Settings {
            policy,
            park_limit: 30 * SECOND,
            park_limit_of_payments: 10 * MINUTE,
            longest_park_limit: 10 * MINUTE,
            parked_per_order: 64,
            retention: 31 * DAY,
            autoapply_ghosts: false,
            automatic_redrive: true,
            rebuild: false,
        }
    }

    pub fn park_limit_of(&self, action: &str) -> i64 {
        match action.starts_with("payment.") {
            true => self.park_limit_of_payments,
            false => self.park_limit,
        }
    }
}
