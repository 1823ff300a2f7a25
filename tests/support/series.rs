//! How many series each metric has at most, in one instance that runs every task of the order job.

use jumun::domain::actor::Liability;
use jumun::domain::aggregates::{Arrival, BusinessAggregate, Waited};
use jumun::domain::detector::Detector;
use jumun::domain::invariants::Invariant;
use jumun::domain::outcome::{DeadLetterReason, Outcome};
use jumun::domain::reason::Reason;
use jumun::domain::status::DisplayStatus;
use jumun::domain::watching::Watch;
use jumun::job::JobOptions;
use jumun::job::metrics::{CATEGORIES, SIDOS, list};
use topology::graph::{BuiltTopology, SubTopology};
use topology::metrics::MetricSpec;
use topology::runtime::CommitPhase;
use topology::store::SetAsideReason;

/// What one instance may expose.
pub const BUDGET: usize = 1_500;
/// Partitions of the inputs.
pub const PARTITIONS: usize = 4;
/// Merging tasks: partitions of the repartition topic.
pub const MERGING: usize = 2;

/// Values of the main region in which an order ends.
const ENDS: usize = 5;

/// Every metric with the most series it can have.
pub fn all() -> Vec<(&'static MetricSpec, usize)> {
    let options = JobOptions {
        merging_tasks: MERGING as i32,
        ..JobOptions::default()
    };
    let built = jumun::job::topology(&options).build().unwrap();
    let engine = topology::metrics::list::ALL.iter().copied();
    engine
        .chain(list::all())
        .map(|spec| (spec, spec.kind.series() * label_values(spec, &built)))
        .collect()
}

fn tasks(part: &SubTopology) -> usize {
    let internal = part.inputs("jumun").iter().all(|input| input.internal);
    if internal { MERGING } else { PARTITIONS }
}

/// How many sets of label values there can be.
fn label_values(spec: &MetricSpec, topology: &BuiltTopology) -> usize {
    let parts = topology.subtopologies();
    let inputs = |part: &SubTopology| part.inputs("jumun").len();
    let outputs = |part: &SubTopology| {
        let changelogs = part.stores().iter().filter(|store| store.changelog);
        part.outputs("jumun").len() + changelogs.count()
    };
    let sum = |of: &dyn Fn(&SubTopology) -> usize| parts.iter().map(of).sum::<usize>();
    // A known sido, the unknown one, and one for all others of each merging task.
    let (sidos, categories) = (SIDOS.len() + 1 + MERGING, CATEGORIES.len() + MERGING);
    let in_flight = DisplayStatus::ALL
        .iter()
        .filter(|it| it.is_in_flight())
        .count();
    match spec.labels {
        [] => 1,
        ["topic", "kind"] if *spec == topology::metrics::list::RECORDS_IN => sum(&inputs),
        ["topic", "kind"] => sum(&outputs) + 1,
        ["class", "reason"] => 3 + DeadLetterReason::ALL.len(),
        ["phase"] => CommitPhase::ALL.len(),
        ["result"] | ["event"] => 3,
        ["reason"] => SetAsideReason::ALL.len(),
        ["state"] => 4,
        ["stall"] => 2,
        ["share"] => 4,
        ["topic", "partition"] => sum(&|part| inputs(part) * tasks(part)),
        ["task"] => sum(&tasks),
        // What is parked has none yet.
        ["partition", "outcome", "reason"] => PARTITIONS * (Outcome::COUNT - 1),
        ["partition"] if list::CLOSED.iter().any(|(_, it)| it == spec) => MERGING,
        ["partition"] => PARTITIONS,
        ["partition", "inv"] => PARTITIONS * Invariant::ALL.len(),
        ["partition", "clock"] => PARTITIONS * list::CLOCK_SKEW.1.len(),
        ["partition", "order"] => PARTITIONS * list::EXPIRED.1.len(),
        ["partition", "timer", "level"] => PARTITIONS * list::sla_levels().count(),
        ["partition", "timer"] => PARTITIONS * Watch::timers().count(),
        ["partition", "detector"] => {
            let of_orders = Watch::findings().count();
            PARTITIONS * of_orders + MERGING * (Detector::ALL.len() - of_orders)
        }
        ["partition", "agg"] => MERGING * BusinessAggregate::ALL.len(),
        ["sido"] => sidos,
        ["category"] => categories,
        ["sido", "status"] if *spec == list::IN_FLIGHT => sidos * in_flight,
        ["sido", "status"] => sidos * ENDS,
        ["sido", "arrival"] => sidos * Arrival::ALL.len(),
        // Or nobody was named.
        ["liability"] => Liability::ALL.len() + 1,
        ["waited"] => Waited::ALL.len(),
        ["category", "status"] => categories * ENDS,
        // Orders that are cancelled or rejected have a reason, and may lack it.
        ["status", "reason"] => 2 * (Reason::ALL.len() + 1) + ENDS - 2,
        ["from", "to"] => DisplayStatus::PAIRS,
        other => panic!("{}: how many values have {other:?}?", spec.name),
    }
}
