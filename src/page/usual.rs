//! How many paid orders would be usual in a minute.
//!
//! The detectors learn it per minute of the week, and tell it with what they find. Where they have found nothing, the page
//! takes the mean of the half hour before, which is what they go by until they have learnt.

use std::collections::BTreeMap;

use serde::Serialize;

use super::windows::MINUTE_MS;
use crate::domain::detection::{SEED_MINUTES, from_seed};

/// Where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Basis {
    /// A detector told it with a finding of all orders.
    Finding,
    /// The mean of the half hour before.
    HalfHour,
}

/// What is usual, and by what; none where too little is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usual {
    pub(super) usual: Option<f64>,
    pub(super) usual_by: Option<Basis>,
}

/// A time in which a detector finds the number of all orders unusual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unusual {
    /// Epoch milliseconds.
    pub(super) from: i64,
    /// None while it lasts.
    pub(super) until: Option<i64>,
    pub(super) usual: f64,
}

impl Unusual {
    fn holds(&self, minute: i64) -> bool {
        self.from <= minute && self.until.is_none_or(|until| minute < until)
    }
}

/// What is usual in the minute that begins at `start`, of the minutes that are known.
pub(super) fn usual(start: i64, paid: &BTreeMap<i64, f64>, unusual: &[Unusual]) -> Usual {
    let finding = |minute: i64| unusual.iter().find(|one| one.holds(minute));
    if let Some(finding) = finding(start) {
        return Usual {
            usual: Some(finding.usual),
            usual_by: Some(Basis::Finding),
        };
    }
    let (Some((first, _)), Some((newest, _))) = (paid.first_key_value(), paid.last_key_value())
    else {
        return Usual::default();
    };
    let from = (start - SEED_MINUTES * MINUTE_MS).max(*first);
    let until = start.min(newest + MINUTE_MS);
    if from >= until {
        return Usual::default();
    }
    // A minute in between of which nobody told had no orders.
    let minutes = (until - from) / MINUTE_MS;
    let ordinary = (0..minutes).map(|minute| from + minute * MINUTE_MS);
    let ordinary = ordinary.filter(|minute| finding(*minute).is_none());
    let (known, sum) = ordinary.fold((0, 0.0), |(known, sum), minute| {
        (known + 1, sum + paid.get(&minute).copied().unwrap_or(0.0))
    });
    // Of orders there are whole numbers.
    let usual = from_seed(sum as i64, known);
    Usual {
        usual,
        usual_by: usual.map(|_| Basis::HalfHour),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(minutes: &[(i64, f64)]) -> BTreeMap<i64, f64> {
        let at = |(minute, paid): &(i64, f64)| (minute * MINUTE_MS, *paid);
        minutes.iter().map(at).collect()
    }

    fn flat(minutes: std::ops::Range<i64>) -> BTreeMap<i64, f64> {
        minutes.map(|minute| (minute * MINUTE_MS, 20.0)).collect()
    }

    #[test]
    fn it_is_the_mean_of_the_half_hour_before_with_its_silent_minutes() {
        let found = usual(40 * MINUTE_MS, &flat(0..41), &[]);
        assert_eq!(
            (found.usual, found.usual_by),
            (Some(20.0), Some(Basis::HalfHour))
        );
        let sparse = paid(&[(0, 30.0), (9, 30.0), (12, 30.0)]);
        assert_eq!(usual(12 * MINUTE_MS, &sparse, &[]).usual, Some(5.0));
    }

    #[test]
    fn ten_minutes_are_needed_and_what_has_not_been_told_yet_is_no_silence() {
        assert_eq!(usual(9 * MINUTE_MS, &flat(0..10), &[]), Usual::default());
        assert_eq!(usual(0, &BTreeMap::new(), &[]), Usual::default());
        // Read up to minute 19, asked for minute 25.
        let found = usual(25 * MINUTE_MS, &flat(0..20), &[]);
        assert_eq!(found.usual, Some(20.0));
    }

    #[test]
    fn what_a_detector_holds_against_goes_first_and_its_minutes_count_for_nothing() {
        let mut known = flat(0..60);
        for minute in 40..45 {
            known.insert(minute * MINUTE_MS, 0.0);
        }
        let unusual = |until: Option<i64>| Unusual {
            from: 40 * MINUTE_MS,
            until: until.map(|minute| minute * MINUTE_MS),
            usual: 18.0,
        };
        let at = |minute: i64, until| usual(minute * MINUTE_MS, &known, &[unusual(until)]);
        assert_eq!(at(44, None).usual_by, Some(Basis::Finding));
        assert_eq!(at(44, None).usual, Some(18.0));
        assert_eq!(at(45, Some(45)).usual, Some(20.0));
        assert_eq!(at(39, Some(45)).usual_by, Some(Basis::HalfHour));
    }
}
