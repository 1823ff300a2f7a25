//! The live page: what a person sees at `/`.
//!
//! | file | what it is |
//! |---|---|
//! | `snapshot` | everything shown at one moment; figures come from one gathering of the metrics |
//! | `families`, `recent` | metrics by name; rates and latencies of the last minute |
//! | `report` | `GET /status`, of the same gathering |
//! | `history`, `reading` | orders per minute and rejections, read from derived topics while someone watches |
//! | `windows`, `rejections` | what those records add up to |
//! | `watching` | who watches; the ticker and the reader run as long as someone does |
//! | `events` | the stream of snapshots to one browser |
//! | `files` | the page's files, part of the program |
//! | `drawing` | the topology as a picture |

pub mod drawing;
mod events;
mod families;
mod files;
mod history;
#[cfg(test)]
mod history_tests;
mod reading;
mod recent;
mod rejections;
mod report;
mod snapshot;
#[cfg(test)]
mod tests;
mod watching;
mod windows;

pub use events::EVENTS_TYPE;
pub use files::{CONTENT_SECURITY_POLICY, File, topology_page};
pub use watching::{Page, Watcher};

use serde::Serialize;

/// What the page says about the process.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Version of the program.
    pub version: &'static str,
    /// `application.id`
    pub application_id: String,
    /// `application.instance_id`
    pub instance_id: String,
    /// Whether the application processes the log anew, into topics of its own.
    pub rebuild: bool,
    /// Where the log is, for a person.
    pub log: String,
}
