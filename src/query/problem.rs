//! Why there is no answer.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProblemKind {
    /// Every partition was asked, and none has the order.
    NotFound,
    /// The path holds no order number.
    NoOrderNumber,
    /// The instance that has the partition rebuilds its state.
    Restoring,
    /// The partition is on its way to another instance.
    Rebalancing,
    /// The partition is assigned to nobody.
    NoOwner,
    /// The group did not say who has what.
    GroupUnavailable,
    /// Too many are asking at the same time.
    Busy,
    /// The owner did not tell the group where it can be asked.
    OwnerUnknown,
    /// The owner cannot be reached, or what it answered is of no use.
    OwnerUnreachable,
    /// The owner did not answer in time.
    OwnerTimeout,
    /// The state cannot be read.
    Unreadable,
    /// The derived topics cannot be read.
    TopicsUnavailable,
}

impl ProblemKind {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NoOrderNumber => StatusCode::BAD_REQUEST,
            Self::Restoring
            | Self::Rebalancing
            | Self::NoOwner
            | Self::GroupUnavailable
            | Self::TopicsUnavailable
            | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::OwnerUnknown | Self::OwnerUnreachable => StatusCode::BAD_GATEWAY,
            Self::OwnerTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreadable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether it will be over by itself, soon.
    #[must_use]
    pub fn passes(self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }
}

/// The body of an answer that tells nothing of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What was asked for.
    pub order_no: String,
    /// The kind.
    pub error: ProblemKind,
    /// The same for a person, with what to do.
    pub detail: String,
    /// The instance that answers.
    pub instance: String,
    /// Partitions in which the order is not.
    pub absent: Vec<i32>,
    /// Partitions whose state is being rebuilt by the instance that answers.
    pub restoring: Vec<i32>,
}
