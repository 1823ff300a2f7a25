//! Status before and after, over all that can happen.

use std::collections::BTreeSet;

use super::state_graph::explore;
use crate::domain::outcome::Outcome;
use crate::domain::status::DisplayStatus;

#[test]
fn pairs_of_status_are_as_many_as_stated() {
    let mut pairs = BTreeSet::new();
    explore(|before, after, _, outcome| {
        if matches!(outcome, Outcome::Applied | Outcome::AppliedSkip) {
            let of = |order: &crate::domain::order::Order| DisplayStatus::of(&order.regions).name();
            pairs.insert((of(before), of(after)));
        }
    });
    assert_eq!(pairs.len(), DisplayStatus::PAIRS, "{pairs:?}");
}
