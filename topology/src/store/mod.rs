//! State of a task: key-value stores, timers and the task's own small values.
//!
//! [`StateDirectory`] is what the process has, [`TaskState`] what one task has. Everything here is
//! bytes; types begin above. Uncommitted changes live in an overlay and reach RocksDB in one batch
//! per commit, together with the changelog positions they correspond to; the changelog topics hold
//! the same rows, so that a state can be rebuilt from nothing.

mod backend;
mod changelog_key;
mod commit;
mod config;
mod crash;
mod description;
mod differences;
mod directory;
mod disk_format;
#[cfg(feature = "store-faults")]
mod faults;
mod hand_over;
mod ingest;
mod memory;
mod migration;
mod open_database;
mod overlay;
mod own;
mod range;
mod restore;
mod rocks;
mod rocks_options;
mod set_aside;
mod spec;
mod standby;
mod statistics;
mod task_state;
mod timers;
mod view;

pub use commit::ChangelogSink;
pub use config::{ChangedTopology, StateConfig};
pub use crash::CrashCopy;
pub(crate) use description::{DescribedPart, DescribedStore, StateDescription};
pub use directory::{DirectoryStatistics, StateDirectory};
#[cfg(feature = "store-faults")]
pub use faults::{StoreCall, StoreFaultHook, StoreOperation};
pub use range::RowVisitor;
pub use restore::ChangelogRecord;
pub use set_aside::{SetAside, SetAsideReason};
pub use spec::{StoreId, StoreKind, StoreSpec};
pub(crate) use standby::StandbyStates;
pub use statistics::StateStatistics;
pub use task_state::{DumpVisitor, TaskState};
pub use timers::{Timer, TimerBatch, TimerClock};
pub use view::CommittedView;
