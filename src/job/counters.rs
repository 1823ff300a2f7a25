//! The committed counters of the job's tasks: of the judging tasks one per outcome and what is counted besides, of the
//! merging tasks one per aggregate for what came after its window had closed.

use crate::domain::aggregates::BusinessAggregate;
use crate::domain::detector::Detector;
use crate::domain::invariants::Invariant;
use crate::domain::outcome::Outcome;
use crate::domain::watching::{Level, Watch};
use crate::job::lags::Lag;

/// What judging tasks count besides outcomes; the names are part of the state on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// Records consumed: all of them, and cancels of ghosts that were judged again in place.
    Consumed,
    /// Parked events that are not parked any more; each has its final outcome.
    Settled,
    /// Events sent to be judged again, by the processor itself.
    Redriven,
    /// Records that say they are a replay.
    Replayed,
    /// Events that came before a version of their aggregate.
    Gap,
    /// Of these, the events whose missing version came while they were parked.
    Inversion,
    /// Events whose actor's clock was ahead of the record's by more than 5 s.
    ClockAhead,
    /// Events whose actor's clock was ahead by more than a day.
    ClockBad,
    /// Orders that came to be on their way.
    InFlightEntered,
    /// Orders that are not on their way any more.
    InFlightLeft,
    /// Closed orders that were forgotten when their time was over.
    ExpiredClosed,
    /// Orders that were never closed and were forgotten when their time was over.
    ExpiredAbandoned,
    /// Ghosts, and orders of which only rejected events were known, that were forgotten when their time was over.
    ExpiredGhost,
}

impl Count {
    /// All of them, in the order of their indices, with their names.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Consumed, "consumed"),
        (Self::Settled, "settled"),
        (Self::Redriven, "redriven"),
        (Self::Replayed, "replayed"),
        (Self::Gap, "gap"),
        (Self::Inversion, "inversion"),
        (Self::ClockAhead, "clock/ahead"),
        (Self::ClockBad, "clock/bad"),
        (Self::InFlightEntered, "in-flight/entered"),
        (Self::InFlightLeft, "in-flight/left"),
        (Self::ExpiredClosed, "expired/closed"),
        (Self::ExpiredAbandoned, "expired/abandoned"),
        (Self::ExpiredGhost, "expired/ghost"),
    ];
}

/// What merging tasks count besides late deltas, of each minute of riders once it is closed; the names are part of the state on
/// disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Closed {
    /// Different riders at work in the minute, in each sido.
    Riders,
    /// Different deliveries that they worked for.
    Deliveries,
}

impl Closed {
    /// All of them, in the order of their indices, with their names.
    pub const ALL: [(Self, &'static str); 2] = [
        (Self::Riders, "closed/riders"),
        (Self::Deliveries, "closed/deliveries"),
    ];
}

/// The names of all counters, in the order of their indices.
pub fn names() -> impl Iterator<Item = String> {
    let outcomes = Outcome::all().map(|outcome| format!("{}/{}", outcome.name(), outcome.reason()));
    let late = BusinessAggregate::ALL
        .iter()
        .map(|aggregate| format!("late/{}", aggregate.name()));
    let counts = Count::ALL.iter().map(|(_, name)| (*name).to_owned());
    let violations = Invariant::ALL
        .iter()
        .map(|invariant| format!("invariant/{}", invariant.name()));
    let levels = Watch::timers().flat_map(|timer| {
        let levels = Level::ALL.iter();
        levels.map(move |level| format!("sla/{}/{}", timer.name(), level.name()))
    });
    let left = Watch::timers().map(|timer| format!("sla-left/{}", timer.name()));
    let detectors = Detector::ALL.iter();
    let found = detectors
        .clone()
        .map(|it| format!("detector/{}", it.name()));
    let over = detectors.map(|it| format!("detector-over/{}", it.name()));
    let lags = Lag::ALL.iter().flat_map(|(_, lag, buckets)| {
        let parts = buckets.names().chain(["sum"]);
        parts.map(move |part| format!("{lag}/{part}"))
    });
    let closed = Closed::ALL.iter().map(|(_, name)| (*name).to_owned());
    outcomes
        .chain(late)
        .chain(counts)
        .chain(violations)
        .chain(levels)
        .chain(left)
        .chain(found)
        .chain(over)
        .chain(lags)
        .chain(closed)
}

/// The counter of records with this outcome.
#[must_use]
pub const fn of(outcome: Outcome) -> usize {
    outcome.index()
}

/// The counter of late deltas of an aggregate.
#[must_use]
pub const fn late(aggregate: BusinessAggregate) -> usize {
    Outcome::COUNT + aggregate.code() as usize
}

/// The counter of something else.
#[must_use]
pub const fn count(count: Count) -> usize {
    Outcome::COUNT + BusinessAggregate::ALL.len() + count as usize
}

/// The counter of violations of an invariant.
#[must_use]
pub const fn violations(invariant: Invariant) -> usize {
    Outcome::COUNT + BusinessAggregate::ALL.len() + Count::ALL.len() + invariant.code() as usize
}

const TIMERS: usize = Watch::PaidNoOrder as usize;
const LEVELS: usize = Level::ALL.len();
const BEHIND_INVARIANTS: usize =
    Outcome::COUNT + BusinessAggregate::ALL.len() + Count::ALL.len() + Invariant::ALL.len();

/// The counter of orders in which a timer reached a level.
#[must_use]
pub const fn sla(timer: Watch, level: Level) -> usize {
    BEHIND_INVARIANTS + timer.code() as usize * LEVELS + level.code() as usize
}

/// The counter of orders in which what a timer had told as a breach is over.
#[must_use]
pub const fn sla_left(timer: Watch) -> usize {
    BEHIND_INVARIANTS + TIMERS * LEVELS + timer.code() as usize
}

/// The counter of findings that began.
#[must_use]
pub const fn found(detector: Detector) -> usize {
    BEHIND_INVARIANTS + TIMERS * (LEVELS + 1) + detector.code() as usize
}

/// The counter of findings that are over.
#[must_use]
pub const fn found_over(detector: Detector) -> usize {
    found(detector) + Detector::ALL.len()
}

const BEHIND_DETECTORS: usize = BEHIND_INVARIANTS + TIMERS * (LEVELS + 1) + 2 * Detector::ALL.len();

/// The counters of a lag: its buckets, what is above them, and the sum.
const fn counters_of(lag: Lag) -> usize {
    let [lateness, relay] = &Lag::ALL;
    let (_, _, buckets) = match lag {
        Lag::Lateness => lateness,
        Lag::OutboxRelay => relay,
    };
    buckets.bounds.len() + 2
}

const fn first_of(lag: Lag) -> usize {
    match lag {
        Lag::Lateness => BEHIND_DETECTORS,
        Lag::OutboxRelay => BEHIND_DETECTORS + counters_of(Lag::Lateness),
    }
}

/// The counter of the events in one bucket of a lag, by its place.
#[must_use]
pub const fn lag(lag: Lag, place: usize) -> usize {
    first_of(lag) + place
}

/// The counter of the milliseconds of a lag, all together.
#[must_use]
pub const fn lag_sum(lag: Lag) -> usize {
    first_of(lag) + counters_of(lag) - 1
}

/// The counter of what is told of closed minutes.
#[must_use]
pub const fn closed(closed: Closed) -> usize {
    first_of(Lag::OutboxRelay) + counters_of(Lag::OutboxRelay) + closed as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_has_its_name() {
        let names: Vec<String> = names().collect();
        assert_eq!(
            names[of(Outcome::from_index(8).unwrap())],
            "REJECTED/SEQ_GAP"
        );
        for aggregate in BusinessAggregate::ALL {
            assert_eq!(
                names[late(*aggregate)],
                format!("late/{}", aggregate.name())
            );
        }
        for (at, (which, name)) in Count::ALL.into_iter().enumerate() {
            assert_eq!(which as usize, at);
            assert_eq!(names[count(which)], name);
        }
        for invariant in Invariant::ALL {
            let name = format!("invariant/{}", invariant.name());
            assert_eq!(names[violations(*invariant)], name);
        }
        for timer in Watch::timers() {
            for level in Level::ALL {
                let name = format!("sla/{}/{}", timer.name(), level.name());
                assert_eq!(names[sla(timer, *level)], name);
            }
            assert_eq!(names[sla_left(timer)], format!("sla-left/{}", timer.name()));
        }
        for detector in Detector::ALL {
            let name = detector.name();
            assert_eq!(names[found(*detector)], format!("detector/{name}"));
            assert_eq!(
                names[found_over(*detector)],
                format!("detector-over/{name}")
            );
        }
        for (at, (which, name, buckets)) in Lag::ALL.into_iter().enumerate() {
            assert_eq!(which as usize, at);
            for (place, bucket) in buckets.names().enumerate() {
                assert_eq!(names[lag(which, place)], format!("{name}/{bucket}"));
            }
            assert_eq!(names[lag_sum(which)], format!("{name}/sum"));
        }
        for (at, (which, name)) in Closed::ALL.into_iter().enumerate() {
            assert_eq!(which as usize, at);
            assert_eq!(names[closed(which)], name);
        }
        assert_eq!(names.len(), closed(Closed::Deliveries) + 1);
    }
}
