//! What grows.

use clap::ValueEnum;
use serde::Serialize;

/// One thing that grows while all others stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Axis {
    /// Of each input topic.
    Partitions,
    /// In the state before the run, which meets all of them.
    LiveOrders,
    /// Of the program.
    Threads,
    /// Of the envelope.
    EventBytes,
    /// Over the backlog, where it is one second otherwise.
    CommitInterval,
}

impl Axis {
    const ALL: [Self; 5] = [
        Self::Partitions,
        Self::Threads,
        Self::EventBytes,
        Self::CommitInterval,
        Self::LiveOrders,
    ];

    /// Above its table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Partitions => "partitions of each input",
            Self::LiveOrders => "live orders",
            Self::Threads => "threads",
            Self::EventBytes => "bytes of an event",
            Self::CommitInterval => "commit interval",
        }
    }

    /// Those asked for, in the order of measuring; all of them if none is named.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        let is_asked_for = |axis: &Self| only.is_empty() || only.contains(axis);
        Self::ALL.into_iter().filter(is_asked_for).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_measured_unless_some_are_named() {
        assert_eq!(Axis::chosen(&[]).len(), Axis::value_variants().len());
        let some = [Axis::LiveOrders, Axis::Threads];
        assert_eq!(Axis::chosen(&some), [Axis::Threads, Axis::LiveOrders]);
    }
}
