//! How much of the order job is run.

use jumun::config::Aggregates;
use jumun::domain::watching::WatchSet;
use jumun::job::{MinuteDetection, WatchOptions};

/// What is aggregated: what was from the beginning, and what the same job on Kafka Streams has too.
const COMPARED_AGGREGATES: &str = "orders_created,orders_created_by_sigungu,orders_created_by_fulfilment,orders_paid,\
    orders_paid_by_sigungu,orders_paid_by_fulfilment,transitions,in_flight,terminal";

/// What the order job does besides judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nothing: what the floor is compared with.
    Judging,
    /// The aggregates that the peer has too.
    Compared,
    /// All aggregates, timers and detectors, as it is shipped.
    Everything,
}

impl Extent {
    /// Whether anything is aggregated.
    pub(crate) fn aggregates(self) -> bool {
        self != Self::Judging
    }

    /// The settings by which it is told to.
    pub(crate) fn settings(self) -> Vec<String> {
        let mut settings = vec![format!("aggregates.enabled={}", self.aggregates())];
        if self == Self::Compared {
            settings.push(format!("aggregates.include={COMPARED_AGGREGATES}"));
        }
        if self != Self::Everything {
            settings.push("timers.enabled=false".to_owned());
            settings.push("detectors.enabled=false".to_owned());
        }
        settings
    }

    /// The same as options of the topology, as far as it hangs on them.
    pub(crate) fn options(self) -> (Aggregates, WatchOptions, MinuteDetection) {
        let aggregates = Aggregates {
            enabled: self.aggregates(),
            ..Aggregates::default()
        };
        let (mut watching, mut minutes) = (WatchOptions::default(), MinuteDetection::default());
        if self != Self::Everything {
            watching.watches = WatchSet::EMPTY;
            minutes.enabled = false;
        }
        (aggregates, watching, minutes)
    }
}
