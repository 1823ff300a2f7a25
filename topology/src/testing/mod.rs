//! Testing topologies without a broker: the real tasks, the real commit protocol, on an in-memory
//! log and a clock that moves only when told to.

mod driver;
mod instance;
mod topics;

pub use driver::{TestDriver, TestDriverConfig};
pub use instance::TestInstance;
pub use topics::{TestInputTopic, TestOutputTopic, TestRecord};
