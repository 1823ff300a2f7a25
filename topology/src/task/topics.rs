//! What a task needs to know of the topics around it, looked up once at the start.

use std::collections::BTreeMap;

use super::TaskId;
use crate::graph::{BuiltTopology, SubTopology};
use crate::io::TopicDescription;
use crate::process::TaskLimits;
use crate::store::StoreSpec;

/// All topics of the application, by name.
pub(crate) type KnownTopics = BTreeMap<String, TopicDescription>;

/// The topics around a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskTopics {
    /// Topics of the inputs, in their order.
    pub(crate) inputs: Vec<String>,
    pub(crate) limits: TaskLimits,
    /// The tasks that write to each repartition topic that this one reads.
    pub(crate) upstream: BTreeMap<String, Vec<TaskId>>,
    /// The topics that the task writes to.
    pub(crate) outputs: KnownTopics,
}

impl TaskTopics {
    pub(crate) fn of(
        id: TaskId,
        topology: &BuiltTopology,
        application_id: &str,
        known: &KnownTopics,
    ) -> Self {
        let parts = topology.subtopologies();
        let Some(part) = parts.iter().find(|part| part.index() == id.subtopology) else {
            return Self::default();
        };
        let limit = |topic: &str| {
            known
                .get(topic)
                .map_or(usize::MAX, |topic| topic.max_message_bytes)
        };
        let outputs = part.outputs(application_id);
        let changelog =
            |store: &StoreSpec| SubTopology::changelog_topic(application_id, &store.name);
        let limits = TaskLimits {
            outputs: outputs
                .iter()
                .map(|output| limit(&output.topic))
                .chain(topology.dead_letter_topic().map(limit))
                .collect(),
            stores: part
                .stores()
                .iter()
                .map(|store| limit(&changelog(store)))
                .collect(),
        };
        let known_outputs = outputs
            .iter()
            .filter_map(|output| known.get_key_value(&output.topic))
            .map(|(name, topic)| (name.clone(), topic.clone()))
            .collect();
        let inputs = part.inputs(application_id);
        let tasks_of = |upstream: &SubTopology| {
            let inputs = upstream.inputs(application_id);
            let first = inputs.first().and_then(|input| known.get(&input.topic));
            let (subtopology, partitions) = (upstream.index(), first.map_or(0, |it| it.partitions));
            (0..partitions).map(move |partition| TaskId {
                subtopology,
                partition,
            })
        };
        // Inputs may be fed by different parts, which know nothing of each other.
        let upstream = inputs.iter().filter(|input| input.internal).map(|input| {
            let writes_here = |upstream: &&SubTopology| {
                let outputs = upstream.outputs(application_id);
                outputs.iter().any(|output| output.topic == input.topic)
            };
            let tasks = parts.iter().filter(writes_here).flat_map(tasks_of);
            (input.topic.clone(), tasks.collect())
        });
        Self {
            limits,
            upstream: upstream.collect(),
            outputs: known_outputs,
            inputs: inputs.iter().map(|input| input.topic.clone()).collect(),
        }
    }
}
