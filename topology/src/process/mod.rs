//! What an operator is: records, processors, and what a processor may do through its context.

mod context;
mod dead_letter_counts;
mod error;
mod latest;
mod node;
pub(crate) mod outputs;
mod processor;
mod processor_context;
mod record;
mod scope;
pub(crate) mod sink;
pub(crate) mod source;
mod store_handle;

pub use context::{Child, InitContext, ProcessingContext};
pub(crate) use dead_letter_counts::DeadLetterCounts;
pub use error::ProcessError;
pub(crate) use error::{ENGINE_REASONS, OUTPUT_TOO_LARGE, RECORD_REFUSED, STATE_TOO_LARGE};
pub(crate) use node::{Node, NodeArena, ProcessorNode};
pub use processor::{Processor, Punctuation, PunctuationId, PunctuationType, TimerEvent};
pub use processor_context::ProcessorContext;
pub use record::{InputStatus, Record, SourceRecord};
pub(crate) use scope::{Counters, TaskLimits, TaskScope};
pub use sink::SinkMode;
pub use store_handle::KeyValueStore;
