//! The text form of a topology, in the format of Kafka Streams' `Topology#describe`.

use std::fmt::Write;

use super::built::{BuiltKind, BuiltNode, BuiltTopology, SubTopology};

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
        let mut text = String::from("Topologies:\n");
        for subtopology in &self.subtopologies {
            // Writing to a String cannot fail.
            let _ = part(&mut text, subtopology);
        }
        text
    }
}

fn part(text: &mut String, subtopology: &SubTopology) -> std::fmt::Result {
    writeln!(text, "   Sub-topology: {}", subtopology.index)?;
    for (index, node) in subtopology.nodes.iter().enumerate() {
        let parents = join(
            subtopology
                .nodes
                .iter()
                .filter(|parent| parent.children.contains(&index)),
        );
        let children = join(
            node.children
                .iter()
                .filter_map(|child| subtopology.nodes.get(*child)),
        );
        match &node.kind {
            BuiltKind::Source(topics) => {
                let topics: Vec<String> =
                    topics.iter().map(super::spec::TopicName::short).collect();
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

fn join<'a>(nodes: impl Iterator<Item = &'a BuiltNode>) -> String {
    let names: Vec<&str> = nodes.map(|node| node.name.as_str()).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
