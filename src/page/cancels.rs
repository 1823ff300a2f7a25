//! How many of the paid orders are cancelled, by sido, from `cancel_rate_flow`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cells::Late;

/// Longer names are cut: a sido is what an event says it is.
const NAME_CHARS: usize = 40;
/// There are seventeen sidos.
const SHOWN: usize = 20;

/// Orders of a sido in a minute.
#[derive(Clone, Debug)]
pub(super) struct Cancels {
    sido: Box<str>,
    counts: Counts,
}

/// Orders paid, and those cancelled, rejected or expired meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Counts {
    pub(super) cancelled: f64,
    pub(super) paid: f64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.cancelled += other.cancelled;
        self.paid += other.paid;
    }
}

impl Cancels {
    pub(super) fn new(sido: &str, cancelled: f64, paid: f64) -> Self {
        Self {
            sido: sido.chars().take(NAME_CHARS).collect(),
            counts: Counts { cancelled, paid },
        }
    }
}

impl Late for Cancels {
    fn add(&mut self, other: &Self) -> bool {
        let is_same = self.sido == other.sido;
        if is_same {
            self.counts.add(other.counts);
        }
        is_same
    }
}

/// A sido, lately and over the whole time shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct SidoCancels {
    pub(super) sido: String,
    pub(super) lately: Counts,
    pub(super) whole: Counts,
}

/// What is shown: the sidos with the most paid orders, and all together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct CancelView {
    pub(super) all: SidoCancels,
    pub(super) sidos: Vec<SidoCancels>,
    /// Sidos that are not shown.
    pub(super) omitted: usize,
}

/// Adds up what the windows tell, each with whether it is one of the last.
pub(super) fn by_sido<'a>(told: impl Iterator<Item = (bool, &'a Cancels)>) -> CancelView {
    let mut all = SidoCancels::default();
    let mut sidos: BTreeMap<&str, SidoCancels> = BTreeMap::new();
    for (is_late, one) in told {
        for sum in [&mut all, sidos.entry(&one.sido).or_default()] {
            sum.whole.add(one.counts);
            if is_late {
                sum.lately.add(one.counts);
            }
        }
    }
    let mut sidos: Vec<SidoCancels> = sidos
        .into_iter()
        .map(|(sido, counts)| SidoCancels {
            sido: sido.to_owned(),
            ..counts
        })
        .collect();
    sidos.sort_by(|one, other| other.whole.paid.total_cmp(&one.whole.paid));
    let omitted = sidos.len().saturating_sub(SHOWN);
    sidos.truncate(SHOWN);
    CancelView {
        all,
        sidos,
        omitted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_added_up_by_sido_and_the_busiest_come_first() {
        let told = [
            (false, Cancels::new("부산", 1.0, 10.0)),
            (false, Cancels::new("서울", 5.0, 30.0)),
            (true, Cancels::new("서울", 2.0, 20.0)),
        ];
        let view = by_sido(told.iter().map(|(lately, one)| (*lately, one)));
        let names: Vec<&str> = view.sidos.iter().map(|one| one.sido.as_str()).collect();
        assert_eq!(names, ["서울", "부산"]);
        let counts = |cancelled, paid| Counts { cancelled, paid };
        assert_eq!(view.sidos[0].whole, counts(7.0, 50.0));
        assert_eq!(view.sidos[0].lately, counts(2.0, 20.0));
        assert_eq!(view.sidos[1].lately, Counts::default());
        assert_eq!(view.all.whole, counts(8.0, 60.0));
        assert_eq!(view.omitted, 0);
    }

    #[test]
    fn what_events_call_a_sido_neither_fills_the_page_nor_a_line() {
        let told: Vec<Cancels> = (0..100)
            .map(|number| Cancels::new(&format!("{number}{}", "x".repeat(500)), 0.0, 1.0))
            .collect();
        let view = by_sido(told.iter().map(|one| (false, one)));
        assert_eq!((view.sidos.len(), view.omitted), (SHOWN, 80));
        assert!(
            view.sidos
                .iter()
                .all(|one| one.sido.chars().count() <= NAME_CHARS)
        );
        assert_eq!(view.all.whole.paid, 100.0);
    }
}
