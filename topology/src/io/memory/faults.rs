//! Faults a test injects: every call to the log may fail before it has an effect, or after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::io::IoResult;
use crate::{Error, ErrorClass};

/// A call of one of the log's traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the trait methods")]
pub enum OperationKind {
    CreateConsumer,
    CreateProducer,
    CreateReader,
    CreateAdmin,
    Subscribe,
    PollGroup,
    ReadCommittedOffsets,
    Assign,
    Unassign,
    Fetch,
    Seek,
    ReadGroupMetadata,
    CommitOffsets,
    CloseConsumer,
    AddPartition,
    RemovePartition,
    PollReader,
    RegisterTopic,
    InitTransactions,
    BeginTransaction,
    Send,
    PollProducer,
    SendOffsets,
    CommitTransaction,
    AbortTransaction,
    DescribeTopics,
    CreateTopics,
    ReadWatermarks,
    /// [`crate::io::Admin::group_members`]
    DescribeGroup,
    /// [`crate::io::Admin::delete_records`]
    DeleteRecords,
}

impl OperationKind {
    /// The operation as it is named in errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateConsumer => "create consumer",
            Self::CreateProducer => "create producer",
            Self::CreateReader => "create reader",
            Self::CreateAdmin => "create admin client",
            Self::Subscribe => "subscribe",
            Self::PollGroup => "poll group",
            Self::ReadCommittedOffsets => "read committed offsets",
            Self::Assign => "assign",
            Self::Unassign => "unassign",
            Self::Fetch => "fetch",
            Self::Seek => "seek",
            Self::ReadGroupMetadata => "read group metadata",
            Self::CommitOffsets => "commit offsets",
            Self::CloseConsumer => "close consumer",
            Self::AddPartition => "add partition",
            Self::RemovePartition => "remove partition",
            Self::PollReader => "poll reader",
            Self::RegisterTopic => "register topic",
            Self::InitTransactions => "init transactions",
            Self::BeginTransaction => "begin transaction",
            Self::Send => "send",
            Self::PollProducer => "poll producer",
            Self::SendOffsets => "send offsets to transaction",
            Self::CommitTransaction => "commit transaction",
            Self::AbortTransaction => "abort transaction",
            Self::DescribeTopics => "describe topic",
            Self::CreateTopics => "create topic",
            Self::ReadWatermarks => "read watermarks",
            Self::DescribeGroup => "describe group",
            Self::DeleteRecords => "delete records",
        }
    }
}

/// One call, as the fault hook sees it.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// Which call.
    pub kind: OperationKind,
    /// The client that makes it.
    pub client_id: &'a str,
    /// The transactional id, for calls of a transactional producer.
    pub transactional_id: Option<&'a str>,
    /// Topic and partition, where the call is about one. For a record that goes to the partition
    /// of its key's hash, that partition.
    pub partition: Option<(&'a str, i32)>,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has no effect.
    Fail(ErrorClass),
    /// The call has its effect in the log, but the client is told it failed: the answer was lost.
    /// For a record sent, the loss is told as a delivery error.
    LoseAnswer(ErrorClass),
    /// Of a commit or an abort: the coordinator has written its decision, and stopped before it
    /// wrote the markers; the client gets no answer. The coordinator goes on by itself a little
    /// later, or as soon as the producer asks again. Other calls take it for
    /// [`Fault::LoseAnswer`].
    Prepare(ErrorClass),
}

impl Fault {
    pub(super) fn error(self, kind: OperationKind) -> Error {
        let (class, detail) = match self {
            Fault::Fail(class) => (class, "injected: failed before it had an effect"),
            Fault::LoseAnswer(class) => (class, "injected: the answer was lost"),
            Fault::Prepare(class) => (class, "injected: decided, and the answer was lost"),
        };
        Error::new(class, kind.as_str(), detail)
    }
}

/// Decides about the fault of a call; consulted from the thread that makes the call, with no lock
/// held.
pub type FaultHook = dyn Fn(&Operation<'_>) -> Option<Fault> + Send + Sync;

/// The hook, at next to no cost while there is none.
#[derive(Default)]
pub(super) struct Faults {
    armed: AtomicBool,
    hook: RwLock<Option<Arc<FaultHook>>>,
}

impl Faults {
    pub(super) fn set(&self, hook: Option<Arc<FaultHook>>) {
        let mut slot = self.hook.write();
        self.armed.store(hook.is_some(), Ordering::Release);
        *slot = hook;
    }

    /// Whether anyone wants to be asked.
    pub(super) fn armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    pub(super) fn ask(&self, operation: &Operation<'_>) -> Option<Fault> {
        if !self.armed() {
            return None;
        }
        // Taken out of the lock, so that a hook may replace itself.
        let hook = self.hook.read().clone()?;
        hook(operation)
    }

    /// Makes `call`, which is what happens in the log; what the client learns of it is the answer.
    pub(super) fn run<T>(
        &self,
        operation: &Operation<'_>,
        call: impl FnOnce() -> IoResult<T>,
    ) -> IoResult<T> {
        match self.ask(operation) {
            None => call(),
            Some(fault @ Fault::Fail(_)) => Err(fault.error(operation.kind)),
            Some(fault @ (Fault::LoseAnswer(_) | Fault::Prepare(_))) => {
                // A refusal by the log is lost as well.
                let _ = call();
                Err(fault.error(operation.kind))
            }
        }
    }
}
