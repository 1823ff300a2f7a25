//! Where the business metrics come from: counters and cumulative totals of committed state.

use std::ops::ControlFlow;
use std::sync::Arc;

use topology::graph::BuiltTopology;
use topology::io::murmur2::partition_of;
use topology::runtime::StatusBoard;
use topology::task::TaskId;
use topology::window::current_aggregates;

use super::known::known_groups;
use crate::domain::aggregates::{AggregateValue, DeltaBuffer, Group};
use crate::domain::detection::is_measured;
use crate::job::codec::AggregateValues;
use crate::job::{names, topics};

/// What the tasks of this instance have committed. Asked at every scrape: it must be quick, and hold up no thread.
pub trait CommittedCounts: Send + Sync {
    /// The counters of each judging task.
    fn judging(&self, visit: &mut dyn FnMut(TaskId, &[u64]));

    /// The counters of each merging task.
    fn merging(&self, visit: &mut dyn FnMut(TaskId, &[u64]));

    /// The cumulative value of every group of each merging task, and 0 of those that are known before anything is counted.
    /// A group has its place in one task; its values add up, as 0 may be told besides.
    fn totals(&self, visit: &mut dyn FnMut(TaskId, &Group<'_>, &AggregateValue));
}

/// Of the streams of this process.
pub struct CommittedByStreams {
    board: Arc<StatusBoard>,
    judging: Vec<u32>,
    merging: Vec<u32>,
    /// How many merging tasks there are, on all instances.
    merging_tasks: i32,
    known: DeltaBuffer,
}

impl CommittedByStreams {
    /// Counters are one list for the whole topology: which sub-topology uses which part of it is told by what it reads
    /// and keeps.
    pub fn new(board: Arc<StatusBoard>, topology: &BuiltTopology, merging_tasks: i32) -> Self {
        let mut committed = Self {
            board,
            judging: Vec::new(),
            merging: Vec::new(),
            merging_tasks,
            known: known_groups(),
        };
        for part in topology.subtopologies() {
            let inputs = part.inputs("");
            let mut stores = part.stores().iter();
            if inputs
                .iter()
                .any(|input| topics::INPUTS.contains(&input.topic.as_str()))
            {
                committed.judging.push(part.index());
            }
            if stores.any(|store| store.name == names::AGGREGATES) {
                committed.merging.push(part.index());
            }
        }
        committed
    }

    fn counters(&self, parts: &[u32], visit: &mut dyn FnMut(TaskId, &[u64])) {
        for (task, counts) in self.board.counters() {
            if parts.contains(&task.subtopology) {
                visit(task, &counts);
            }
        }
    }
}

impl CommittedCounts for CommittedByStreams {
    fn judging(&self, visit: &mut dyn FnMut(TaskId, &[u64])) {
        self.counters(&self.judging, visit);
    }

    fn merging(&self, visit: &mut dyn FnMut(TaskId, &[u64])) {
        self.counters(&self.merging, visit);
    }

    fn totals(&self, visit: &mut dyn FnMut(TaskId, &Group<'_>, &AggregateValue)) {
        for (view, store) in self.board.stores(names::AGGREGATES) {
            let task = view.task();
            let read = current_aggregates(
                &view,
                store,
                AggregateValues,
                &mut |key, value: &AggregateValue| {
                    match Group::parse(key) {
                        // A queue that the detectors measure is none of the totals.
                        Err(_) if is_measured(key) => {}
                        Ok(group) => visit(task, &group, value),
                        Err(error) => tracing::debug!(%task, %error, "a total is left out"),
                    }
                    ControlFlow::Continue(())
                },
            );
            if let Err(error) = read {
                // Its next owner tells them; the recording rules bridge the gap.
                tracing::debug!(%task, %error, "totals are left out");
                continue;
            }
            for delta in self.known.iter() {
                let is_here = partition_of(delta.group, self.merging_tasks) == task.partition;
                if let (true, Ok(group)) = (is_here, Group::parse(delta.group)) {
                    visit(task, &group, delta.value);
                }
            }
        }
    }
}
