//! What waits for another aggregate is what a search over their events finds.

use super::state_graph::explore;
use crate::domain::outcome::{Outcome, RejectionReason};
use crate::domain::regions::Main;

#[test]
fn an_event_awaits_its_predecessor_exactly_if_other_aggregates_alone_can_make_it_legal() {
    let graph = explore(|_, _, _, _| {});
    let mut incoming = vec![Vec::new(); graph.states.len()];
    for edge in graph
        .edges
        .iter()
        .filter(|edge| edge.outcome.is_accepted() && edge.from != edge.to)
    {
        incoming[edge.to].push((edge.from, graph.candidates[edge.candidate].aggregate));
    }
    let mut awaited = 0;
    for (at, candidate) in graph.candidates.iter().enumerate() {
        // The allowed actor's twin tells when the event is legal; the table says that 24 is never waited for.
        let legal = |state: usize| {
            graph.edges[state * graph.candidates.len()..(state + 1) * graph.candidates.len()]
                .iter()
                .any(|edge| {
                    let other = &graph.candidates[edge.candidate];
                    let pressed = matches!(candidate.action, "cooking.started" | "cooking.delayed");
                    other.action == candidate.action
                        && other.aggregate == candidate.aggregate
                        && other.info == candidate.info
                        && edge.outcome.is_accepted()
                        && !(pressed && graph.states[state].picked_up)
                })
        };
        let mut reaches: Vec<bool> = (0..graph.states.len()).map(legal).collect();
        let mut open: Vec<usize> = (0..reaches.len()).filter(|state| reaches[*state]).collect();
        while let Some(state) = open.pop() {
            for (from, aggregate) in &incoming[state] {
                if *aggregate != candidate.aggregate && !reaches[*from] {
                    reaches[*from] = true;
                    open.push(*from);
                }
            }
        }
        for (state, reaches) in reaches.iter().enumerate() {
            let outcome = graph.edges[state * graph.candidates.len() + at].outcome;
            let expected = match outcome {
                Outcome::Rejected(RejectionReason::AwaitPredecessor) => true,
                Outcome::Rejected(
                    RejectionReason::IllegalTransition | RejectionReason::Premature,
                ) => false,
                _ => continue,
            };
            let asked = candidate.action == "order.cancel_requested";
            let is_paid = graph.states[state].regions.main != Main::Created;
            let waits = *reaches && !(asked && is_paid);
            awaited += usize::from(waits);
            assert_eq!(
                expected, waits,
                "{} of {} {} in {:?}: {outcome:?}",
                candidate.action, candidate.aggregate, candidate.info, graph.states[state]
            );
        }
    }
    assert!(awaited > 0);
    println!(
        "{} states, {} judgements, {awaited} awaited",
        graph.states.len(),
        graph.edges.len()
    );
}
