//! How long the stages of an order's way take, put together from the quantiles of groups and minutes.
//!
//! Quantiles of parts cannot be added up, and their mean means nothing. But each part tells five points of its
//! distribution and how many samples it has: taken as straight lines between these points, the parts are put together, and
//! the quantile of the whole is read off. It lies between those of the parts, and of one part it is the quantile told.

use serde::Serialize;

use super::cells::{Late, Skipped};
use super::series::{Figures, Stage};

/// The shares of the samples below the points that are told.
const SHARES: [f64; 6] = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0];
/// The interval is halved so often: a day to a tenth of a millisecond.
const HALVINGS: usize = 30;

/// Samples of a group in a minute.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    count: f64,
    /// Where the shares of the samples lie, in milliseconds; never falling.
    points: [f64; SHARES.len()],
}

impl Samples {
    /// What is told of a group; none where it has no sample.
    pub(super) fn told(figures: &Figures) -> Result<Option<Self>, Skipped> {
        if figures.count <= 0.0 {
            return Ok(None);
        }
        let points = [
            figures.min,
            figures.p50,
            figures.p90,
            figures.p95,
            figures.p99,
            figures.max,
        ];
        let mut known = [0.0; SHARES.len()];
        let mut least = f64::NEG_INFINITY;
        for (known, point) in known.iter_mut().zip(points) {
            // A sketch's quantiles are right to a percent, the ends exactly: they may cross by so much.
            least = point.ok_or(Skipped::Malformed)?.max(least);
            *known = least;
        }
        Ok(Some(Self {
            count: figures.count,
            points: known,
        }))
    }

    /// The same sample so often.
    pub(super) const fn of(sample: f64, count: f64) -> Self {
        Self {
            count,
            points: [sample; SHARES.len()],
        }
    }

    /// The share of the samples up to `at`.
    fn share_up_to(&self, at: f64) -> f64 {
        let [first, ..] = self.points;
        if at < first {
            return 0.0;
        }
        let ends = self.points.iter().zip(SHARES);
        let mut before = (first, 0.0);
        for (point, share) in ends {
            if at < *point {
                let (from, below) = before;
                return below + (share - below) * (at - from) / (point - from);
            }
            before = (*point, share);
        }
        1.0
    }
}

impl Late for Samples {
    fn add(&mut self, _other: &Self) -> bool {
        false
    }
}

/// Deliveries, and those of them that were as promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Promises {
    /// At most five minutes late.
    pub(super) on_time: f64,
    pub(super) delivered: f64,
}

impl Promises {
    /// As a window tells them, or a delta.
    pub(super) fn told(figures: &Figures) -> Self {
        let late: f64 = figures.samples.iter().map(|(_, count)| count).sum();
        Self {
            on_time: figures.on_time,
            delivered: figures.count + late,
        }
    }
}

impl Late for Promises {
    fn add(&mut self, other: &Self) -> bool {
        self.on_time += other.on_time;
        self.delivered += other.delivered;
        true
    }
}

/// A stage lately.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StageView {
    stage: &'static str,
    count: f64,
    /// Seconds; none without samples.
    p50: Option<f64>,
    p90: Option<f64>,
}

/// Puts the parts of a stage together.
pub(super) fn stage<'a>(stage: Stage, parts: impl Iterator<Item = &'a Samples>) -> StageView {
    let parts: Vec<&Samples> = parts.collect();
    let seconds = |share| quantile(&parts, share).map(|ms| ms / 1_000.0);
    StageView {
        stage: stage.name(),
        // A sum of nothing would be -0.
        count: parts.iter().fold(0.0, |sum, part| sum + part.count),
        p50: seconds(0.5),
        p90: seconds(0.9),
    }
}

/// Where this share of all samples lies; none where there are none.
fn quantile(parts: &[&Samples], share: f64) -> Option<f64> {
    let ends = |pick: fn(f64, f64) -> f64, at: usize| {
        let points = parts.iter().filter_map(|part| part.points.get(at).copied());
        points.reduce(pick)
    };
    let (mut low, mut high) = (ends(f64::min, 0)?, ends(f64::max, SHARES.len() - 1)?);
    let all: f64 = parts.iter().map(|part| part.count).sum();
    let reached = |at: f64| {
        let up_to = parts.iter().map(|part| part.count * part.share_up_to(at));
        up_to.sum::<f64>() >= share * all
    };
    if reached(low) {
        return Some(low);
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        match reached(middle) {
            true => high = middle,
            false => low = middle,
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What would be told of these samples.
    fn told(samples: &[u32]) -> Samples {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = (share * (sorted.len() - 1) as f64) as usize;
            Some(f64::from(sorted[index]))
        };
        let figures = Figures {
            count: samples.len() as f64,
            min: at(0.0),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            max: at(1.0),
            ..Figures::default()
        };
        Samples::told(&figures).unwrap().unwrap()
    }

    fn of(parts: &[Samples], share: f64) -> f64 {
        quantile(&parts.iter().collect::<Vec<_>>(), share).unwrap()
    }

    #[test]
    fn of_one_group_it_is_what_the_group_tells() {
        let samples: Vec<u32> = (0..1_000).map(|sample| sample * sample).collect();
        let one = [told(&samples)];
        for (share, expected) in [(0.5, 499.0 * 499.0), (0.9, 899.0 * 899.0)] {
            assert!((of(&one, share) - expected).abs() < 1.0, "{share}");
        }
        assert_eq!(of(&[Samples::of(7.0, 3.0)], 0.9), 7.0);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn groups_of_different_size_and_place_are_put_together_by_their_samples() {
        // Nine in ten take a minute, one in ten takes ten.
        let parts = [Samples::of(60_000.0, 90.0), Samples::of(600_000.0, 10.0)];
        assert!((of(&parts, 0.5) - 60_000.0).abs() < 1.0);
        assert!((of(&parts, 0.9) - 60_000.0).abs() < 1.0);
        assert!((of(&parts, 0.95) - 600_000.0).abs() < 1.0);
    }

    #[test]
    fn what_is_told_as_absent_or_crossing_is_read_for_what_it_is() {
        assert!(Samples::told(&Figures::default()).unwrap().is_none());
        let lacking = Figures {
            count: 1.0,
            ..Figures::default()
        };
        assert_eq!(Samples::told(&lacking).err(), Some(Skipped::Malformed));
        let crossing = Figures {
            count: 2.0,
            min: Some(100.0),
            p50: Some(99.0),
            p90: Some(99.0),
            p95: Some(99.0),
            p99: Some(99.0),
            max: Some(100.0),
            ..Figures::default()
        };
        let crossing = Samples::told(&crossing).unwrap().unwrap();
        assert_eq!(of(&[crossing], 0.5), 100.0);
    }

    #[test]
    fn a_stage_without_samples_has_none() {
        let nothing = stage(Stage::Ride, std::iter::empty());
        assert!(nothing.count.is_sign_positive());
        assert_eq!(
            (nothing.stage, nothing.p50, nothing.p90),
            ("ride", None, None)
        );
    }

    #[test]
    fn promises_are_sums_and_what_is_late_counts() {
        let mut promises = Promises::told(&Figures {
            on_time: 8.0,
            count: 10.0,
            ..Figures::default()
        });
        let late = Promises::told(&Figures {
            on_time: 1.0,
            samples: vec![(-500.0, 1.0), (900_000.0, 2.0)],
            ..Figures::default()
        });
        assert!(promises.add(&late));
        assert_eq!((promises.on_time, promises.delivered), (9.0, 13.0));
    }

    proptest! {
        #[test]
        fn it_lies_between_those_of_the_groups(
            groups in proptest::collection::vec(proptest::collection::vec(0_u32..100_000, 1..60), 1..8),
            share in prop_oneof![Just(0.5), Just(0.9)],
        ) {
            let parts: Vec<Samples> = groups.iter().map(|group| told(group)).collect();
            let each: Vec<f64> = parts.iter().map(|part| of(std::slice::from_ref(part), share)).collect();
            let (least, most) = (
                each.iter().copied().fold(f64::MAX, f64::min),
                each.iter().copied().fold(0.0, f64::max),
            );
            let found = of(&parts, share);
            prop_assert!(found >= least - 1.0 && found <= most + 1.0, "{least} {found} {most}");
        }

        #[test]
        fn of_groups_that_are_alike_it_is_near_the_truth(
            samples in proptest::collection::vec(0_u32..100_000, 2_000),
            share in prop_oneof![Just(0.5), Just(0.9)],
        ) {
            let parts: Vec<Samples> = samples.chunks(200).map(told).collect();
            let truth = told(&samples).points[if share == 0.5 { 1 } else { 2 }];
            prop_assert!((of(&parts, share) - truth).abs() < 6_000.0);
        }
    }
}
