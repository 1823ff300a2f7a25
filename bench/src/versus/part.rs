//! The parts of the comparison, each with runs, rows and a file of kept runs of its own.

use clap::ValueEnum;
use serde::Serialize;

/// What is measured by itself, and may be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// The order job over a filled backlog: CPU, pace, bytes to disk and to the broker.
    Backlog,
    /// Killed, started again, and restored from nothing, with much state.
    Recovery,
    /// End-to-end latency at the average load of a day, on many partitions.
    LatencyQuiet,
    /// End-to-end latency at 70 % of what Kafka Streams can do.
    LatencyBusy,
    /// Ours against the floor, and exactly once against at least once.
    Own,
    /// Peak memory and size of the state with many live orders.
    Memory,
    /// The count job: the engine without the domain.
    Count,
}

impl Part {
    /// All of them, in the order in which they are measured: those over one backlog together, and before latency, whose
    /// busy load is taken from it.
    pub(crate) const ALL: [Self; 7] = [
        Self::Backlog,
        Self::Own,
        Self::Count,
        Self::Memory,
        Self::Recovery,
        Self::LatencyQuiet,
        Self::LatencyBusy,
    ];

    /// Whether it is measured over the filled backlog.
    pub(crate) fn is_over_the_backlog(self) -> bool {
        matches!(self, Self::Backlog | Self::Own | Self::Count)
    }

    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::Recovery => "recovery",
            Self::LatencyQuiet => "latency-quiet",
            Self::LatencyBusy => "latency-busy",
            Self::Own => "own",
            Self::Memory => "memory",
            Self::Count => "count",
        }
    }

    /// Those asked for, in the order of measuring; all of them if none is named.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        let is_asked_for = |part: &Self| only.is_empty() || only.contains(part);
        Self::ALL.into_iter().filter(is_asked_for).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for part in Part::ALL {
            assert_eq!(Part::from_str(part.name(), false), Ok(part));
        }
    }

    #[test]
    fn all_are_measured_unless_some_are_named() {
        assert_eq!(Part::chosen(&[]), Part::ALL);
        let some = [Part::Count, Part::Backlog];
        assert_eq!(Part::chosen(&some), [Part::Backlog, Part::Count]);
        let over = Part::ALL.map(Part::is_over_the_backlog);
        assert!(over.is_sorted_by(|one, other| one >= other), "{over:?}");
    }
}
