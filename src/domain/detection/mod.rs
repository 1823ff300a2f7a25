//! Detectors that look at minutes (order-domain 3.3 and 3.4): what is measured, what is usual, and the rules. Pure: windows
//! and state are the caller's.

mod baseline;
mod measure;
mod rules;
mod track;

pub use baseline::{MINUTE_MS, PAST_WEEKS, Past, SEED_MINUTES, from_seed, minute_of_week, week};
pub use measure::{Measure, is_measured, read_measured, read_sums, write_measured, write_sums};
pub use rules::{Minute, Rule, Verdict, rules};
pub use track::{Step, Track};
