//! The live page: what a person sees at `/`.
//!
//! | file | what it is |
//! |---|---|
//! | `snapshot` | everything shown at one moment; figures come from one gathering of the metrics |
//! | `families`, `recent` | metrics by name; rates and latencies of the last minute |
//! | `report` | `GET /status`, of the same gathering |
//! | `history`, `reading` | what derived topics tell, read while someone watches |
//! | `series`, `cells`, `window`, `windows` | which aggregates are read, what is known of one in a minute, of a minute, of the last hour |
//! | `usual`, `funnel`, `cancels`, `durations` | what these add up to |
//! | `findings`, `breaches`, `rejections` | the latest (`latest`) of detectors, timers and refused events |
//! | `watched` | timers and detectors by the metrics |
//! | `watching` | who watches; the ticker and the reader run as long as someone does |
//! | `events` | the stream of snapshots to one browser |
//! | `files` | the page's files, part of the program |
//! | `drawing` | the topology as a picture |

mod breaches;
mod cancels;
mod cells;
pub mod drawing;
mod durations;
mod events;
mod families;
mod files;
mod findings;
mod funnel;
mod history;
#[cfg(test)]
mod history_tests;
mod latest;
mod reading;
mod recent;
mod rejections;
mod report;
mod series;
mod snapshot;
#[cfg(test)]
mod tests;
mod text;
mod usual;
mod watched;
mod watching;
mod window;
mod windows;

pub use events::EVENTS_TYPE;
pub use files::{CONTENT_SECURITY_POLICY, File, order_page, topology_page};
pub use watching::{Page, Watcher};

use serde::Serialize;

use crate::config::Configuration;

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
    /// What is told at all.
    pub told: Told,
}

/// Which parts of the processor are switched on: what is off is told from what has not happened.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The names of the aggregates that there are.
    pub aggregates: Vec<&'static str>,
    /// Timers of orders.
    pub timers: bool,
    /// Detectors of single orders, and of minutes where there are aggregates.
    pub detectors: bool,
}

impl Told {
    /// As configured.
    #[must_use]
    pub fn of(configuration: &Configuration) -> Self {
        let counted = configuration.aggregates.counted();
        Self {
            aggregates: counted.iter().map(|one| one.name()).collect(),
            timers: configuration.timers.enabled,
            detectors: configuration.detectors.enabled,
        }
    }
}
