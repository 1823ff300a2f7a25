//! The text form of a topology, in the format of Kafka Streams' `Topology#describe`.

use std::cmp::Reverse;
use std::fmt::Write;

use crate::graph::built::{BuiltKind, BuiltNode, BuiltTopology, SubTopology};
use crate::graph::spec::TopicName;

impl BuiltTopology {
    /// The description in Kafka Streams' format, which its users and their tools know.
    ///
    /// ```
    /// # use topology::{codec::Utf8, graph::Topology};
    /// let mut topology = Topology::new();
    /// topology.add_source("in", &["lines"], || Utf8, || Utf8);
    /// topology.add_sink("out", "copies", || Utf8, || Utf8, &["in"]);
    /// assert_eq!(
    ///     topology.build()?.describe(),
    ///     "Topologies:\n   Sub-topology: 0\n    Source: in (topics: [lines])\n      --> out\n    Sink: out (topic: copies)\n      <-- in\n\n",
    /// );
    /// # Ok::<(), topology::graph::TopologyError>(())
    /// ```
    pub fn describe(&self) -> String {
        let mut text = String::from("Topologies:\n ");
        for subtopology in &self.subtopologies {
            // Writing to a String cannot fail.
            let _ = part(&mut text, subtopology);
        }
        text
    }
}

fn part(text: &mut String, subtopology: &SubTopology) -> std::fmt::Result {
    writeln!(text, "  Sub-topology: {}", subtopology.index)?;
    let sizes = sizes(&subtopology.nodes);
    for index in ordered(0..subtopology.nodes.len(), subtopology, &sizes) {
        let Some(node) = subtopology.nodes.get(index) else {
            continue;
        };
        let is_parent = |parent: &usize| {
            let parent = subtopology.nodes.get(*parent);
            parent.is_some_and(|parent| parent.children.contains(&index))
        };
        let parents = (0..subtopology.nodes.len()).filter(is_parent);
        let parents = join(ordered(parents, subtopology, &sizes), subtopology);
        let children = ordered(node.children.iter().copied(), subtopology, &sizes);
        let children = join(children, subtopology);
        match &node.kind {
            BuiltKind::Source(topics) => {
                let topics: Vec<String> = topics.iter().map(TopicName::short).collect();
                writeln!(
                    text,
                    "    Source: {} (topics: [{}])\n      --> {children}",
                    node.name,
                    topics.join(", ")
                )?;
            }
            BuiltKind::Processor { stores } => {
                let stores = stores.join(", ");
                writeln!(text, "    Processor: {} (stores: [{stores}])", node.name)?;
                writeln!(text, "      --> {children}\n      <-- {parents}")?;
            }
            BuiltKind::Sink(topic) => {
                writeln!(
                    text,
                    "    Sink: {} (topic: {})\n      <-- {parents}",
                    node.name,
                    topic.short()
                )?;
            }
        }
    }
    text.push('\n');
    Ok(())
}

/// Per node, how much hangs on it, itself included: along each path anew, as Kafka Streams counts.
fn sizes(nodes: &[BuiltNode]) -> Vec<usize> {
    let mut sizes = vec![1_usize; nodes.len()];
    // Children come after their parents.
    for (index, node) in nodes.iter().enumerate().rev() {
        let of_child = |child: &usize| sizes.get(*child).copied().unwrap_or(0);
        let below = node.children.iter().map(of_child);
        let size = below.fold(1, usize::saturating_add);
        if let Some(slot) = sizes.get_mut(index) {
            *slot = size;
        }
    }
    sizes
}

/// Kafka Streams' order of nodes: that on which most hangs first, then by name.
fn ordered(
    nodes: impl Iterator<Item = usize>,
    subtopology: &SubTopology,
    sizes: &[usize],
) -> Vec<usize> {
    let mut nodes: Vec<usize> = nodes.collect();
    nodes.sort_by_key(|node| {
        let name = subtopology.nodes.get(*node).map(|node| &node.name);
        (Reverse(sizes.get(*node)), name)
    });
    nodes
}

fn join(nodes: Vec<usize>, subtopology: &SubTopology) -> String {
    let names: Vec<&str> = nodes
        .into_iter()
        .filter_map(|node| subtopology.nodes.get(node))
        .map(|node| node.name.as_str())
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
