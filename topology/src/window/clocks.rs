//! The clocks of an upstream task's inputs, and the watermark that follows from them. Arithmetic only.

use super::IdleRule;
use crate::process::InputStatus;
use crate::time::milliseconds;

/// How far an upstream task has come in event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watermark {
    /// None of its inputs ever had a record: it holds nothing back.
    Empty,
    /// No record of before this moment is expected; epoch milliseconds.
    At(i64),
}

impl Watermark {
    /// Whether it says anything new. What a task reports never goes back, nor to EMPTY.
    pub(crate) fn is_news(self, known: Option<Self>) -> bool {
        match (known, self) {
            (None, _) | (Some(Self::Empty), Self::At(_)) => true,
            (Some(Self::At(known)), Self::At(new)) => new > known,
            (Some(_), Self::Empty) => false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct InputClock {
    /// Where the clock stood after the last record.
    last: i64,
    /// When, by wall clock, that record came.
    heard_at: i64,
    /// The clock: the largest event time, or further if the input is idle. Never goes back.
    time: i64,
}

/// One clock per input that ever had a record.
#[derive(Debug)]
pub(crate) struct InputClocks {
    idle_after_ms: i64,
    idle_distance_ms: i64,
    tolerance_ms: i64,
    clocks: Vec<Option<InputClock>>,
}

impl InputClocks {
    pub(crate) fn new(rule: IdleRule, tolerance: std::time::Duration) -> Self {
        Self {
            idle_after_ms: milliseconds(rule.after),
            idle_distance_ms: milliseconds(rule.distance),
            tolerance_ms: milliseconds(tolerance),
            clocks: Vec::new(),
        }
    }

    fn slot(&mut self, input: usize) -> Option<&mut Option<InputClock>> {
        if self.clocks.len() <= input {
            self.clocks.resize(input + 1, None);
        }
        self.clocks.get_mut(input)
    }

    /// Takes over what [`InputClocks::time`] said before a restart or a move. How long the input has
    /// been quiet counts anew: nobody knows what it did meanwhile.
    pub(crate) fn restore(&mut self, input: usize, time: i64, wall_clock: i64) {
        if let Some(slot) = self.slot(input) {
            *slot = Some(InputClock {
                last: time,
                heard_at: wall_clock,
                time,
            });
        }
    }

    /// As far as a clock of ours goes by a good clock of others.
    pub(crate) fn limit(&self, good_clock: i64) -> i64 {
        good_clock.saturating_add(self.tolerance_ms)
    }

    /// A record came. One bad clock must not push the watermark: its event time counts up to a little
    /// more than the record's own timestamp, which is a producer's clock too, and than our own clock.
    pub(crate) fn heard(
        &mut self,
        input: usize,
        event_time: i64,
        record_timestamp: i64,
        wall_clock: i64,
    ) {
        let event_time = event_time.min(self.limit(record_timestamp.min(wall_clock)));
        let Some(slot) = self.slot(input) else { return };
        let before = slot.map_or(event_time, |clock| clock.time);
        let time = before.max(event_time);
        *slot = Some(InputClock {
            last: time,
            heard_at: wall_clock,
            time,
        });
    }

    /// The clock of an input, if it ever had a record.
    pub(crate) fn time(&self, input: usize) -> Option<i64> {
        Some(self.clocks.get(input)?.as_ref()?.time)
    }

    /// The minimum over the inputs that ever had a record; `None` while it cannot be told, because an
    /// input that never had one may be about to.
    ///
    /// An idle input runs on at the pace of the wall clock, some way behind it, and not further behind
    /// than that from the input that is furthest: in a replay, event time is faster than the wall clock.
    pub(crate) fn watermark(
        &mut self,
        inputs: &[InputStatus],
        wall_clock: i64,
    ) -> Option<Watermark> {
        let never_heard = |(input, status): (usize, &InputStatus)| {
            status.caught_up_since.is_none() && self.time(input).is_none()
        };
        if inputs.iter().enumerate().any(never_heard) {
            return None;
        }
        let furthest = self.clocks.iter().flatten().map(|clock| clock.time).max();
        let Some(furthest) = furthest else {
            return Some(Watermark::Empty);
        };
        for (clock, status) in self.clocks.iter_mut().zip(inputs) {
            let Some(clock) = clock else { continue };
            // A machine's clock that went back: quiet counts from here, not from when it is there again.
            clock.heard_at = clock.heard_at.min(wall_clock);
            let Some(since) = status.caught_up_since else {
                continue;
            };
            let quiet = wall_clock.saturating_sub(clock.heard_at.max(since));
            if quiet >= self.idle_after_ms {
                let run = clock.last.saturating_add(quiet).max(furthest);
                clock.time = clock.time.max(run.saturating_sub(self.idle_distance_ms));
            }
        }
        let slowest = self.clocks.iter().flatten().map(|clock| clock.time).min();
        slowest.map(Watermark::At)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: i64 = 1_000_000_000;

    fn clocks() -> InputClocks {
        InputClocks::new(IdleRule::default(), Duration::from_secs(5))
    }

    fn caught_up(since: i64) -> InputStatus {
        InputStatus {
            caught_up_since: Some(since),
            ..InputStatus::default()
        }
    }

    const LAGGING: InputStatus = InputStatus {
        caught_up_since: None,
        lag_ms: None,
    };

    #[test]
    fn the_slowest_input_counts_and_one_that_never_had_a_record_does_not() {
        let mut clocks = clocks();
        clocks.heard(0, NOW - 1_000, NOW, NOW);
        clocks.heard(2, NOW - 7_000, NOW, NOW);
        let inputs = [caught_up(NOW); 3];
        assert_eq!(
            clocks.watermark(&inputs, NOW),
            Some(Watermark::At(NOW - 7_000))
        );
    }

    #[test]
    fn nothing_is_said_while_an_input_without_clock_is_not_caught_up() {
        let mut clocks = clocks();
        assert_eq!(clocks.watermark(&[LAGGING, caught_up(NOW)], NOW), None);
        clocks.heard(0, NOW, NOW, NOW);
        assert_eq!(
            clocks.watermark(&[LAGGING, LAGGING], NOW),
            None,
            "the second may be about to have its first record"
        );
        assert_eq!(
            clocks.watermark(&[LAGGING, caught_up(NOW)], NOW),
            Some(Watermark::At(NOW))
        );
    }

    #[test]
    fn a_task_without_any_record_is_empty() {
        assert_eq!(
            clocks().watermark(&[caught_up(NOW); 3], NOW),
            Some(Watermark::Empty)
        );
    }

    #[test]
    fn a_future_timestamp_does_not_push_the_watermark() {
        let mut clocks = clocks();
        let day = 86_400_000;
        // The event's clock is bad; then the producer's too.
        clocks.heard(0, NOW + day, NOW - 3_000, NOW);
        assert_eq!(clocks.time(0), Some(NOW + 2_000));
        clocks.heard(0, NOW + day, NOW + day, NOW);
        assert_eq!(clocks.time(0), Some(NOW + 5_000));
    }

    #[test]
    fn a_clock_never_goes_back() {
        let mut clocks = clocks();
        clocks.heard(0, NOW, NOW, NOW);
        clocks.heard(0, NOW - 50_000, NOW, NOW);
        assert_eq!(clocks.time(0), Some(NOW));
        // It ran on while the input was idle, and an old record comes after all.
        let later = NOW + 200_000;
        let _ = clocks.watermark(&[caught_up(NOW)], later);
        assert_eq!(clocks.time(0), Some(NOW + 140_000));
        clocks.heard(0, NOW + 1, later, later);
        assert_eq!(clocks.time(0), Some(NOW + 140_000));
    }

    #[test]
    fn an_idle_input_runs_on_behind_the_wall_clock() {
        let mut clocks = clocks();
        let old = NOW - 5_000_000_000;
        clocks.heard(0, old, old, NOW);
        let inputs = [caught_up(NOW)];
        for (passed, run) in [
            (29_999, 0),
            (30_000, 0),
            (60_000, 0),
            (60_001, 1),
            (180_000, 120_000),
        ] {
            assert_eq!(
                clocks.watermark(&inputs, NOW + passed),
                Some(Watermark::At(old + run)),
                "{passed}"
            );
        }
    }

    #[test]
    fn an_idle_input_follows_the_furthest_one() {
        let mut clocks = clocks();
        // A replay: the payments end an hour of event time before the deliveries, a second of ours.
        clocks.heard(0, 0, 0, NOW);
        clocks.heard(1, 3_600_000, 3_600_000, NOW + 1_000);
        let inputs = [caught_up(NOW); 2];
        assert_eq!(
            clocks.watermark(&inputs, NOW + 29_000),
            Some(Watermark::At(0))
        );
        assert_eq!(
            clocks.watermark(&inputs, NOW + 30_000),
            Some(Watermark::At(3_540_000))
        );
    }

    #[test]
    fn an_input_with_lag_or_without_brokers_is_not_idle() {
        let mut clocks = clocks();
        clocks.heard(0, NOW, NOW, NOW);
        assert_eq!(
            clocks.watermark(&[LAGGING], NOW + 900_000),
            Some(Watermark::At(NOW))
        );
        // Caught up again: quiet counts from here.
        let again = NOW + 900_000;
        assert_eq!(
            clocks.watermark(&[caught_up(again)], again + 50_000),
            Some(Watermark::At(NOW))
        );
        assert_eq!(
            clocks.watermark(&[caught_up(again)], again + 70_000),
            Some(Watermark::At(NOW + 10_000))
        );
    }

    #[test]
    fn a_wall_clock_that_went_back_does_not_keep_an_input_from_being_idle() {
        let mut clocks = clocks();
        clocks.heard(0, NOW, NOW, NOW);
        let back = NOW - 3_600_000;
        for (passed, run) in [(0, 0), (59_999, 0), (70_000, 10_000)] {
            assert_eq!(
                clocks.watermark(&[caught_up(back)], back + passed),
                Some(Watermark::At(NOW + run)),
                "{passed}"
            );
        }
    }

    #[test]
    fn after_a_restart_quiet_counts_anew_from_the_restored_clock() {
        let mut clocks = clocks();
        clocks.restore(0, NOW, NOW + 500_000);
        let inputs = [caught_up(NOW + 500_000)];
        assert_eq!(
            clocks.watermark(&inputs, NOW + 560_000),
            Some(Watermark::At(NOW))
        );
        assert_eq!(
            clocks.watermark(&inputs, NOW + 580_000),
            Some(Watermark::At(NOW + 20_000))
        );
    }
}
