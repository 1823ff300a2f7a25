use std::time::Duration;

use super::{InitContext, ProcessError, ProcessorContext, Record};
use crate::store::TimerClock;

/// An operator: takes records of one type, keeps state in stores, forwards records to its children.
///
/// The engine makes one instance per task and calls it from one thread. After an abort the
/// instance is dropped and made anew, so fields may hold what has not been committed yet.
///
/// ```
/// use topology::process::{ProcessError, Processor, ProcessorContext, Record};
///
/// /// Forwards the length of each value.
/// struct Length;
///
/// impl Processor for Length {
///     type Key = String;
///     type Value = String;
///     type OutKey = String;
///     type OutValue = i64;
///
///     fn process(&mut self, record: Record<'_, String, String>, context: &mut ProcessorContext<'_, '_, String, i64>) -> Result<(), ProcessError> {
///         let length = record.value.len() as i64;
///         context.forward(record.with_value(&length))
///     }
/// }
/// ```
///
/// What it forwards it has to say; another type does not compile:
///
/// ```compile_fail,E0308
/// # use topology::process::{ProcessError, Processor, ProcessorContext, Record};
/// # struct Length;
/// # impl Processor for Length {
/// #     type Key = String;
/// #     type Value = String;
/// #     type OutKey = String;
/// #     type OutValue = i64;
/// fn process(&mut self, record: Record<'_, String, String>, context: &mut ProcessorContext<'_, '_, String, i64>) -> Result<(), ProcessError> {
///     context.forward(record)
/// }
/// # }
/// ```
pub trait Processor: Send + 'static {
    /// Key taken.
    type Key: 'static;
    /// Value taken.
    type Value: 'static;
    /// Key forwarded; `()` where nothing is.
    type OutKey: 'static;
    /// Value forwarded; `()` where nothing is.
    type OutValue: 'static;

    /// Called once, before any record: resolve stores and children, schedule punctuations.
    ///
    /// # Errors
    /// Ends the start of the task.
    fn init(&mut self, _context: &mut InitContext<'_>) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Takes one record.
    ///
    /// # Errors
    /// [`ProcessError::Record`] undoes everything the record wrote and dead-letters it.
    fn process(
        &mut self,
        record: Record<'_, Self::Key, Self::Value>,
        context: &mut ProcessorContext<'_, '_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), ProcessError>;

    /// A timer of this node is due; it is already removed. One by stream time comes before the next
    /// record is processed.
    ///
    /// # Errors
    /// There is no record to dead-letter: an error ends the task.
    fn on_timer(
        &mut self,
        _timer: TimerEvent<'_>,
        _context: &mut ProcessorContext<'_, '_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    /// A punctuation scheduled in `init` is due: by wall clock first an interval after the start, by
    /// stream time with the first record; then once whenever a multiple of the interval has been
    /// passed, however many were missed. As in Kafka Streams, it is not part of the state.
    ///
    /// # Errors
    /// As [`Processor::on_timer`].
    fn on_punctuate(
        &mut self,
        _punctuation: Punctuation,
        _context: &mut ProcessorContext<'_, '_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    /// Goes on with what was left for later by [`ProcessingContext::go_on_later`](super::ProcessingContext::go_on_later),
    /// or from before a restart by [`InitContext::go_on_later`]. Comes before the next record, and perhaps behind a
    /// commit: what is left has to follow from the stores alone, should the process end in between.
    ///
    /// # Errors
    /// As [`Processor::on_timer`].
    fn go_on(
        &mut self,
        _context: &mut ProcessorContext<'_, '_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    /// The transaction is about to be committed: hand over what is held back in fields.
    ///
    /// # Errors
    /// As [`Processor::on_timer`].
    fn before_commit(
        &mut self,
        _context: &mut ProcessorContext<'_, '_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), ProcessError> {
        Ok(())
    }

    /// A record failed, and what it did to stores, timers, counters and outputs is undone: take back what
    /// it did to fields. `unit` is what [`ProcessingContext::unit`](super::ProcessingContext::unit) was while it was processed; every processor of
    /// the task is told, whether the record reached it or not.
    fn on_rollback(&mut self, _unit: u64) {}
}

/// A persistent timer that is due.
#[derive(Clone, Copy, Debug)]
pub struct TimerEvent<'a> {
    /// Key it was set for.
    pub key: &'a [u8],
    /// Kind, as the processor numbered it.
    pub kind: u8,
    /// When it was due, milliseconds since the epoch.
    pub deadline_ms: i64,
    /// By which clock.
    pub clock: TimerClock,
}

/// By which clock a punctuation runs, as in Kafka Streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PunctuationType {
    /// The machine's time.
    WallClockTime,
    /// The task's stream time: moves with records only.
    StreamTime,
}

/// A punctuation that is due.
#[derive(Clone, Copy, Debug)]
pub struct Punctuation {
    /// The token given by [`InitContext::schedule`].
    pub id: PunctuationId,
    /// The time, milliseconds since the epoch, of the clock it runs by.
    pub timestamp: i64,
}

/// Names a scheduled punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PunctuationId(pub(crate) usize);

impl Schedule {
    /// Whether it is due at `now` by its clock; if so, it is scheduled again.
    pub(crate) fn take_due(&mut self, now: i64) -> bool {
        let interval = i64::try_from(self.interval.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let due = match (self.next, self.kind) {
            // Where the wall clock went back, it is not waited for to be there again.
            (Some(next), PunctuationType::WallClockTime) => next.min(now.saturating_add(interval)),
            (Some(next), PunctuationType::StreamTime) => next,
            (None, PunctuationType::StreamTime) => 0,
            (None, PunctuationType::WallClockTime) => now.saturating_add(interval),
        };
        if due > now {
            self.next = Some(due);
            return false;
        }
        // What was missed is skipped, so that the times stay where they would have been.
        let passed = (now.saturating_sub(due) / interval).saturating_mul(interval);
        self.next = Some(due.saturating_add(passed).saturating_add(interval));
        true
    }
}

/// One scheduled punctuation of a node.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) id: PunctuationId,
    pub(crate) node: usize,
    pub(crate) interval: Duration,
    pub(crate) kind: PunctuationType,
    /// When it is due; `None` before the first look at a clock.
    pub(crate) next: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_punctuation_goes_on_after_the_wall_clock_went_back() {
        let mut schedule = Schedule {
            id: PunctuationId(0),
            node: 0,
            interval: Duration::from_secs(10),
            kind: PunctuationType::WallClockTime,
            next: None,
        };
        assert!(!schedule.take_due(3_600_000));
        assert!(schedule.take_due(3_610_000));
        assert!(!schedule.take_due(1_000));
        assert!(!schedule.take_due(10_999));
        assert!(schedule.take_due(11_000));
    }
}
