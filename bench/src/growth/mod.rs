//! What an event costs with more partitions, more live orders, more threads, larger events and other commit intervals:
//! the order job, and the job with everything, in turn at each point, every output verified.
//!
//! | file | what it is |
//! |---|---|
//! | `axis` | what grows, and the points at which it is measured |
//! | `backlogs` | points that are a backlog and settings |
//! | `live_orders` | the points that need a state of so many orders first |
//! | `told` | from runs to figures to what is printed |

mod axis;
mod backlogs;
mod live_orders;
mod told;

use crate::contestant::Run;
use crate::error::Result;
use crate::extent::Extent;
use crate::options::GrowthOptions;
use crate::order_job::OrderJob;
use crate::progress::say;

pub(crate) use axis::Axis;
use told::Growth;

/// The programs, as they are named and how they are run.
const PROGRAMS: [(&str, Extent); 2] = [
    ("order job", Extent::Judging),
    ("everything", Extent::Everything),
];

/// The runs at one point.
struct Point {
    label: String,
    /// That each run worked off.
    events: u64,
    /// What was verified in the last run.
    verified: String,
    runs: Vec<Run>,
}

impl Point {
    fn new(label: String) -> Self {
        Self {
            label,
            events: 0,
            verified: String::new(),
            runs: Vec::new(),
        }
    }
}

/// Measures what is asked for.
pub(crate) fn run(options: &GrowthOptions) -> Result<Growth> {
    let mut job = OrderJob::new(&options.job)?;
    let axes = Axis::chosen(&options.only);
    let mut growth = Growth::new(options);
    for (index, axis) in axes.iter().enumerate() {
        let number = index + 1;
        say(&format!("== {} ({number} of {})", axis.title(), axes.len()));
        let points = match axis {
            Axis::LiveOrders => live_orders::measure(options, &mut job)?,
            _ => backlogs::measure(options, &mut job, *axis)?,
        };
        growth.add(*axis, &points)?;
    }
    Ok(growth)
}
