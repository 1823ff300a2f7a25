use std::time::Duration;

use super::TimeWindows;

/// When the aggregates of a window are told, as Kafka Streams' class of the same name (KIP-825).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmitStrategy {
    /// What changed is told every so often by wall clock, and once more, finally, when the window closes.
    OnWindowUpdate(Duration),
    /// Each aggregate is told once, when its window closes.
    OnWindowClose,
}

/// When an input that has nothing new no longer holds windows back: its clock runs on at the pace of
/// the wall clock, some way behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleRule {
    /// An input that is caught up and had no record for so long is idle.
    pub after: Duration,
    /// So far behind the wall clock the clock of an idle input runs.
    pub distance: Duration,
}

impl Default for IdleRule {
    /// Idle after 30 s, 60 s behind.
    fn default() -> Self {
        Self {
            after: Duration::from_secs(30),
            distance: Duration::from_secs(60),
        }
    }
}

/// So many kinds of windows an aggregation can have besides its own.
pub const MORE_WINDOWS: usize = 2;

/// Settings of a windowed aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowedOptions {
    /// The windows.
    pub windows: TimeWindows,
    /// Windows of another size or grace, for deltas that are added with
    /// [`Deltas::add_in`](super::Deltas::add_in): the first is number 1. They close by the same watermarks.
    pub more_windows: [Option<TimeWindows>; MORE_WINDOWS],
    /// When aggregates are told.
    pub emit: EmitStrategy,
    /// What an input without records means.
    pub idle: IdleRule,
    /// How far an event's time may lie ahead of the record's timestamp or of the wall clock and still
    /// move the clock of its input.
    pub future_tolerance: Duration,
    /// Between two reports of an upstream task's watermark.
    pub watermark_interval: Duration,
    /// Merging tasks; `None`: as many as the widest input has partitions.
    pub partitions: Option<i32>,
}

impl WindowedOptions {
    /// The defaults: updates every 10 s, idle after 30 s and 60 s behind, 5 s tolerance, a report a second.
    #[must_use]
    pub fn new(windows: TimeWindows) -> Self {
        Self {
            windows,
            more_windows: [None; MORE_WINDOWS],
            emit: EmitStrategy::OnWindowUpdate(Duration::from_secs(10)),
            idle: IdleRule::default(),
            future_tolerance: Duration::from_secs(5),
            watermark_interval: Duration::from_secs(1),
            partitions: None,
        }
    }

    /// The windows of this number: 0 are [`WindowedOptions::windows`], further ones those of `more_windows`.
    pub(crate) fn windows_of(&self, number: u8) -> Option<TimeWindows> {
        match usize::from(number).checked_sub(1) {
            None => Some(self.windows),
            Some(more) => self.more_windows.get(more).copied().flatten(),
        }
    }

    /// All windows with their numbers.
    pub(crate) fn all_windows(&self) -> impl Iterator<Item = (u8, TimeWindows)> {
        let more = self.more_windows.into_iter().zip(1..);
        let more = more.filter_map(|(windows, number)| Some((number, windows?)));
        std::iter::once((0, self.windows)).chain(more)
    }
}

impl From<TimeWindows> for WindowedOptions {
    fn from(windows: TimeWindows) -> Self {
        Self::new(windows)
    }
}
