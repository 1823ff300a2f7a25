//! A built topology as a drawing or a tool sees it: names and edges, nothing of how it runs.

use super::built::{BuiltKind, SubTopology};
use super::spec::TopicName;

/// What a node does, and with which topics or stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRole {
    /// Reads these topics; names as [`BuiltTopology::describe`](super::BuiltTopology::describe) prints them.
    Source {
        /// In the order in which records of equal timestamp are taken.
        topics: Vec<String>,
    },
    /// Processes, with these stores.
    Processor {
        /// Names.
        stores: Vec<String>,
    },
    /// Writes this topic.
    Sink {
        /// As [`BuiltTopology::describe`](super::BuiltTopology::describe) prints it.
        topic: String,
    },
}

/// A node of a sub-topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Unique in the topology.
    pub name: String,
    /// What it does.
    pub role: NodeRole,
    /// Names of the nodes that get its records.
    pub children: Vec<String>,
}

impl SubTopology {
    /// The nodes, parents before children.
    ///
    /// ```
    /// # use topology::{codec::Utf8, graph::{NodeRole, Topology}};
    /// let mut topology = Topology::new();
    /// topology.add_source("in", &["lines"], || Utf8, || Utf8);
    /// topology.add_sink("out", "copies", || Utf8, || Utf8, &["in"]);
    /// let built = topology.build()?;
    /// let nodes = built.subtopologies()[0].view();
    /// assert_eq!(nodes[0].children, ["out"]);
    /// assert_eq!(nodes[1].role, NodeRole::Sink { topic: "copies".to_owned() });
    /// # Ok::<(), topology::graph::TopologyError>(())
    /// ```
    pub fn view(&self) -> Vec<NodeView> {
        let name = |child: &usize| self.nodes.get(*child).map(|node| node.name.clone());
        let nodes = self.nodes.iter().map(|node| NodeView {
            name: node.name.clone(),
            role: match &node.kind {
                BuiltKind::Source(topics) => NodeRole::Source {
                    topics: topics.iter().map(TopicName::short).collect(),
                },
                BuiltKind::Processor { stores } => NodeRole::Processor {
                    stores: stores.clone(),
                },
                BuiltKind::Sink(topic) => NodeRole::Sink {
                    topic: topic.short(),
                },
            },
            children: node.children.iter().filter_map(name).collect(),
        });
        nodes.collect()
    }
}
