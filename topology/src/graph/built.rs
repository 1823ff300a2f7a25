use std::collections::BTreeSet;

use super::spec::{NodeSupplier, TopicName};
use crate::process::NodeArena;
use crate::store::StoreSpec;

/// A topology that has been checked and divided.
#[derive(Clone)]
pub struct BuiltTopology {
    pub(crate) subtopologies: Vec<SubTopology>,
    pub(crate) dead_letter_topic: Option<String>,
    pub(crate) counters: Vec<String>,
}

/// Nodes that are connected through edges or stores: what one task runs.
#[derive(Clone)]
pub struct SubTopology {
    pub(crate) index: u32,
    /// Parents before children.
    pub(crate) nodes: Vec<BuiltNode>,
    pub(crate) stores: Vec<StoreSpec>,
    /// Per store, the names of the processors that use it.
    pub(crate) store_users: Vec<(String, Vec<String>)>,
}

#[derive(Clone)]
pub(crate) struct BuiltNode {
    pub(crate) name: String,
    pub(crate) kind: BuiltKind,
    pub(crate) children: Vec<usize>,
    pub(crate) supplier: NodeSupplier,
}

#[derive(Clone)]
pub(crate) enum BuiltKind {
    Source(Vec<TopicName>),
    Processor { stores: Vec<String> },
    Sink(TopicName),
}

/// A topic that a sub-topology reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputTopic {
    /// Full name.
    pub topic: String,
    /// Whether it is a repartition topic, which the engine creates.
    pub internal: bool,
    /// The number of partitions that the edge asks for.
    pub(crate) partitions: Option<i32>,
    pub(crate) node: usize,
}

/// A topic that a sub-topology writes, by its index among its outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTopic {
    /// Full name.
    pub topic: String,
    /// Whether it is a repartition topic, which the engine creates.
    pub internal: bool,
}

impl SubTopology {
    /// Its number, the first part of its tasks' names.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The stores of each of its tasks.
    pub fn stores(&self) -> &[StoreSpec] {
        &self.stores
    }

    /// Topics read, in the order in which records of equal timestamp are taken.
    pub fn inputs(&self, application_id: &str) -> Vec<InputTopic> {
        let mut inputs = Vec::new();
        for (node, built) in self.nodes.iter().enumerate() {
            if let BuiltKind::Source(topics) = &built.kind {
                inputs.extend(topics.iter().map(|topic| InputTopic {
                    topic: topic.full(application_id),
                    internal: matches!(topic, TopicName::Repartition(..)),
                    partitions: match topic {
                        TopicName::Repartition(_, partitions) => *partitions,
                        TopicName::External(_) => None,
                    },
                    node,
                }));
            }
        }
        inputs
    }

    /// Topics written by sinks, each once.
    pub fn outputs(&self, application_id: &str) -> Vec<OutputTopic> {
        let mut seen = BTreeSet::new();
        let sinks = self.nodes.iter().filter_map(|node| match &node.kind {
            BuiltKind::Sink(topic) => Some(topic),
            _ => None,
        });
        sinks
            .map(|topic| OutputTopic {
                topic: topic.full(application_id),
                internal: matches!(topic, TopicName::Repartition(..)),
            })
            .filter(|output| seen.insert(output.topic.clone()))
            .collect()
    }

    /// Topics read, by their names without the application id.
    pub(crate) fn source_names(&self) -> Vec<String> {
        let sources = self.nodes.iter().filter_map(|node| match &node.kind {
            BuiltKind::Source(topics) => Some(topics),
            _ => None,
        });
        sources.flatten().map(TopicName::short).collect()
    }

    /// Names of the nodes that are processors.
    pub(crate) fn processor_names(&self) -> impl Iterator<Item = &str> {
        let is_processor = |node: &&BuiltNode| matches!(node.kind, BuiltKind::Processor { .. });
        self.nodes
            .iter()
            .filter(is_processor)
            .map(|node| node.name.as_str())
    }

    /// Name of a store's changelog topic.
    pub fn changelog_topic(application_id: &str, store: &str) -> String {
        format!("{application_id}-{store}-changelog")
    }

    /// New nodes for a task.
    pub(crate) fn instantiate(&self, application_id: &str) -> NodeArena {
        let outputs = self.outputs(application_id);
        let mut arena = NodeArena::default();
        for built in &self.nodes {
            let (topic, output) = match &built.kind {
                BuiltKind::Sink(topic) => {
                    let topic = topic.full(application_id);
                    let output = outputs
                        .iter()
                        .position(|output| output.topic == topic)
                        .unwrap_or(usize::MAX);
                    (topic, output)
                }
                _ => (String::new(), usize::MAX),
            };
            arena.push(
                built.name.clone(),
                built.children.clone(),
                (built.supplier)(&topic, output),
            );
        }
        arena
    }
}

impl BuiltTopology {
    /// The sub-topologies, by number.
    pub fn subtopologies(&self) -> &[SubTopology] {
        &self.subtopologies
    }

    /// Names of the committed counters.
    pub fn counters(&self) -> &[String] {
        &self.counters
    }

    /// The dead-letter topic, if there is one.
    pub fn dead_letter_topic(&self) -> Option<&str> {
        self.dead_letter_topic.as_deref()
    }
}
