use std::fmt;

use crate::Error;

/// The steps of a commit, in their order; see [`super::StreamThread`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitPhase {
    /// No transaction is open: whatever was processed is committed.
    Idle,
    /// Records are processed in an open transaction.
    Processing,
    /// Operators hand over what they hold; changelog records are produced.
    Changelog,
    /// Waiting for every record to be acknowledged.
    Draining,
    /// Input offsets are put into the transaction.
    Offsets,
    /// The transaction is being committed.
    Committing,
    /// Committed at the broker; the state on this machine is still that of the commit before.
    StoreBatch,
}

impl CommitPhase {
    /// All phases, in order.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Processing,
        Self::Changelog,
        Self::Draining,
        Self::Offsets,
        Self::Committing,
        Self::StoreBatch,
    ];

    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Processing => "processing",
            Self::Changelog => "changelog",
            Self::Draining => "draining",
            Self::Offsets => "offsets",
            Self::Committing => "committing",
            Self::StoreBatch => "store_batch",
        }
    }
}

impl fmt::Display for CommitPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Is told when a thread enters a phase of its commit.
pub trait PhaseObserver: Send + Sync {
    /// The thread is about to do this.
    ///
    /// # Errors
    /// Stops the thread where it stands: a simulated crash.
    fn reached(&self, phase: CommitPhase) -> Result<(), Error>;
}
