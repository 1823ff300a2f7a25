//! What is drawn of a topology, whatever the language: sub-topologies with their nodes and stores,
//! topics between them, and what leads where.

use crate::graph::built::{BuiltKind, BuiltTopology, SubTopology};
use crate::graph::spec::TopicName;

/// What a thing is, and so its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Source,
    Processor,
    Sink,
    Store,
    Topic,
    /// A repartition topic.
    InternalTopic,
}

/// A thing that is drawn: an id that any language takes, and its name as it is.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) shape: Shape,
}

/// A sub-topology.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) index: u32,
    pub(super) things: Vec<Thing>,
}

/// What leads from where to where, by id.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    /// A processor and its store: records flow both ways.
    pub(super) is_use: bool,
}

/// All that is drawn.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawing {
    pub(super) clusters: Vec<Cluster>,
    pub(super) topics: Vec<Thing>,
    pub(super) edges: Vec<Edge>,
}

impl Drawing {
    pub(super) fn of(topology: &BuiltTopology) -> Self {
        let mut drawing = Self::default();
        for subtopology in &topology.subtopologies {
            drawing.add(subtopology);
        }
        drawing
    }

    fn add(&mut self, subtopology: &SubTopology) {
        let part = subtopology.index;
        let node_id = |node: usize| format!("n{part}_{node}");
        let store_id = |store: usize| format!("s{part}_{store}");
        let mut things = Vec::new();
        for (index, node) in subtopology.nodes.iter().enumerate() {
            let id = node_id(index);
            let shape = match &node.kind {
                BuiltKind::Source(topics) => {
                    for topic in topics {
                        let topic = self.topic(topic);
                        self.edge(topic, id.clone(), false);
                    }
                    Shape::Source
                }
                BuiltKind::Processor { stores } => {
                    let known = subtopology.stores.iter().enumerate();
                    for (store, _) in known.filter(|(_, store)| stores.contains(&store.name)) {
                        self.edge(id.clone(), store_id(store), true);
                    }
                    Shape::Processor
                }
                BuiltKind::Sink(topic) => {
                    let topic = self.topic(topic);
                    self.edge(id.clone(), topic, false);
                    Shape::Sink
                }
            };
            for child in &node.children {
                self.edge(id.clone(), node_id(*child), false);
            }
            let name = node.name.clone();
            things.push(Thing { id, name, shape });
        }
        let stores = subtopology.stores.iter().enumerate();
        things.extend(stores.map(|(index, store)| Thing {
            id: store_id(index),
            name: store.name.clone(),
            shape: Shape::Store,
        }));
        self.clusters.push(Cluster {
            index: part,
            things,
        });
    }

    /// The id of a topic, which is drawn once whoever reads and writes it.
    fn topic(&mut self, topic: &TopicName) -> String {
        let name = topic.short();
        let shape = match topic {
            TopicName::External(_) => Shape::Topic,
            TopicName::Repartition(..) => Shape::InternalTopic,
        };
        let mut known = self.topics.iter();
        if let Some(topic) = known.find(|topic| topic.name == name && topic.shape == shape) {
            return topic.id.clone();
        }
        let id = format!("t{}", self.topics.len());
        self.topics.push(Thing {
            id: id.clone(),
            name,
            shape,
        });
        id
    }

    fn edge(&mut self, from: String, to: String, is_use: bool) {
        self.edges.push(Edge { from, to, is_use });
    }
}
