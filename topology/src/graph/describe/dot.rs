//! A topology in the language of Graphviz.

use std::fmt::{self, Write};

use super::drawing::{Drawing, Shape, Thing};
use crate::graph::built::BuiltTopology;

impl BuiltTopology {
    /// A graph for [Graphviz](https://graphviz.org), such as for `dot -Tsvg`: sub-topologies as frames,
    /// topics as arrow-shaped boxes (internal ones dashed), stores as cylinders.
    ///
    /// ```
    /// # use topology::{codec::Utf8, graph::Topology};
    /// let mut topology = Topology::new();
    /// topology.add_source("in", &["lines"], || Utf8, || Utf8);
    /// topology.add_sink("out", "copies", || Utf8, || Utf8, &["in"]);
    /// let dot = topology.build()?.dot();
    /// assert!(dot.contains(r#"t0 [label="lines", shape=cds];"#));
    /// assert!(dot.contains("n0_0 -> n0_1;"));
    /// # Ok::<(), topology::graph::TopologyError>(())
    /// ```
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph topology {\n");
        // Writing to a String cannot fail.
        let _ = write(&mut text, &Drawing::of(self));
        text.push_str("}\n");
        text
    }
}

fn write(text: &mut String, drawing: &Drawing) -> fmt::Result {
    for topic in &drawing.topics {
        writeln!(text, "    {}", thing(topic))?;
    }
    for cluster in &drawing.clusters {
        let index = cluster.index;
        writeln!(text, "    subgraph cluster_{index} {{")?;
        writeln!(text, "        label=\"Sub-topology: {index}\";")?;
        for inside in &cluster.things {
            writeln!(text, "        {}", thing(inside))?;
        }
        text.push_str("    }\n");
    }
    for edge in &drawing.edges {
        let (from, to) = (&edge.from, &edge.to);
        let style = if edge.is_use {
            " [dir=none, style=dashed]"
        } else {
            ""
        };
        writeln!(text, "    {from} -> {to}{style};")?;
    }
    Ok(())
}

fn thing(thing: &Thing) -> String {
    let shape = match thing.shape {
        Shape::Source | Shape::Sink => "box, style=rounded",
        Shape::Processor => "box",
        Shape::Store => "cylinder",
        Shape::Topic => "cds",
        Shape::InternalTopic => "cds, style=dashed",
    };
    format!(
        "{} [label=\"{}\", shape={shape}];",
        thing.id,
        escaped(&thing.name)
    )
}

/// Text in quotes; a backslash begins an escape there, too.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
    }
    text
}
