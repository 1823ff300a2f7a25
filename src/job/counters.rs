//! The committed counters of the job's tasks: of the judging tasks one per outcome, of the merging tasks one per
//! aggregate for what came after its window had closed.

use crate::domain::aggregates::BusinessAggregate;
use crate::domain::outcome::Outcome;

/// The names of all counters, in the order of their indices.
pub fn names() -> impl Iterator<Item = String> {
    let outcomes = Outcome::all().map(|outcome| format!("{}/{}", outcome.name(), outcome.reason()));
    let late = BusinessAggregate::ALL
        .iter()
        .map(|aggregate| format!("late/{}", aggregate.name()));
    outcomes.chain(late)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_has_its_name() {
        let names: Vec<String> = names().collect();
        assert_eq!(
            names[of(Outcome::from_index(7).unwrap())],
            "REJECTED/SEQ_GAP"
        );
        for aggregate in BusinessAggregate::ALL {
            assert_eq!(
                names[late(*aggregate)],
                format!("late/{}", aggregate.name())
            );
        }
        assert_eq!(names.len(), Outcome::COUNT + BusinessAggregate::ALL.len());
    }
}
