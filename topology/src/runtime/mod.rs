//! Who runs tasks: stream threads, the commit protocol, assignment, restore, shutdown.

mod assignment;
mod bounded;
mod catch_up;
mod client_id;
mod clients;
mod commit;
mod config;
mod contain;
mod described;
mod expected_topic;
mod incremental;
mod key_query;
mod outputs;
mod paused;
mod phase;
mod purge;
mod rate;
mod recovery;
mod report;
mod restore;
mod restore_plan;
mod retry;
mod standby;
mod status;
mod stop;
mod streak;
mod stream_thread;
mod streams;
mod topics;

pub use crate::io::GroupProtocol;
pub use crate::task::{DeadLetterCircuit, Share};
pub use client_id::{ClientId, check_application_server};
#[cfg(feature = "broken-controls")]
pub use commit::BrokenControl;
pub use config::{AutoOffsetReset, ProcessingGuarantee, StartCheck, StreamsConfig};
pub use key_query::{ActiveHost, KeyQueryMetadata, query_metadata_for_key};
pub(crate) use outputs::OutputKind;
pub use phase::{CommitPhase, PhaseObserver};
pub(crate) use standby::StandbyThread;
pub use status::{
    InputProgress, LastCommit, RestoreStatus, StandbyTaskStatus, State, StatusBoard, StoreQuery,
    StreamsStatus, TaskStatus, ThreadStatus,
};
pub(crate) use stream_thread::ThreadParts;
pub use stream_thread::{Progress, StateRow, StreamThread};
pub use streams::Streams;
pub(crate) use streams::check_topics;
