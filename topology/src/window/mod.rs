//! Windowed aggregation in two stages: each upstream task keeps partial aggregates and hands them
//! over once per commit; a merging task puts them together and closes windows by the watermarks of
//! the upstream tasks.
//!
//! | file | idea |
//! |---|---|
//! | `time_windows`, `time_windowed`, `options`, `aggregator`, `result` | what users say and see |
//! | `clocks` | clocks of inputs and the watermark that follows; arithmetic only |
//! | `partial`, `partial_processor` | the first stage |
//! | `handover` | what goes from the first to the second stage |
//! | `upstream` | the reports of all upstream tasks; arithmetic only |
//! | `rows`, `merge_processor` | the second stage |

mod aggregator;
mod build;
mod clocks;
mod handover;
mod merge_processor;
mod options;
mod partial;
mod partial_processor;
mod query;
mod result;
mod rows;
mod time_windowed;
mod time_windows;
mod upstream;

pub(crate) use aggregator::{Adds, Merger};
pub use aggregator::{Deltas, WindowedAggregator};
pub use options::{EmitStrategy, IdleRule, MORE_WINDOWS, WindowedOptions};
pub use query::current_aggregates;
pub use result::WindowResult;
pub use time_windowed::TimeWindowed;
pub use time_windows::{TimeWindows, Windowed};
