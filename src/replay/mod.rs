//! Reading files of events back, and when each of them is due.

mod envelope;
mod pace;
mod reader;

pub use pace::{Pace, ParseSpeedError, Speed};
pub use reader::{EventFileReader, ReplayRecord};
