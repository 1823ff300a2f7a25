//! Windowed aggregation in two stages: each upstream task keeps partial aggregates and hands them
//! over once per commit; a merging task puts them together and closes windows by the watermarks of
//! the upstream tasks.

mod aggregator;
mod options;
mod result;
mod time_windows;

pub use aggregator::{Deltas, WindowedAggregator};
pub use options::{EmitStrategy, IdleRule, WindowedOptions};
pub use result::WindowResult;
pub use time_windows::{TimeWindows, Windowed};
