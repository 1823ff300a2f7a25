//! `jumun top`: all instances of an application at a glance.
//!
//! | file | what it is |
//! |---|---|
//! | `report` | what one instance tells of itself: `GET /status` |
//! | `brokers` | what the brokers alone tell: members, committed offsets, ends |
//! | `ask` | asking all instances at once, none longer than a moment |
//! | `view` | both put together: what is shown, and printed as JSON |
//! | `draw` | the view as lines of a width |

pub mod ask;
pub mod brokers;
pub mod draw;
pub mod report;
pub mod view;
