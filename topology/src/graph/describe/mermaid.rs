//! A topology as a Mermaid flowchart, which GitHub and many editors draw.

use std::fmt::{self, Write};

use super::drawing::{Drawing, Shape, Thing};
use crate::graph::built::BuiltTopology;

impl BuiltTopology {
    /// A [Mermaid](https://mermaid.js.org) flowchart: sub-topologies as frames, topics as slanted boxes
    /// (internal ones in double lines), stores as cylinders.
    ///
    /// ```
    /// # use topology::{codec::Utf8, graph::Topology};
    /// let mut topology = Topology::new();
    /// topology.add_source("in", &["lines"], || Utf8, || Utf8);
    /// topology.add_sink("out", "copies", || Utf8, || Utf8, &["in"]);
    /// let drawn = topology.build()?.mermaid();
    /// assert!(drawn.contains(r#"t0[/"lines"/]"#));
    /// assert!(drawn.contains("n0_0 --> n0_1"));
    /// # Ok::<(), topology::graph::TopologyError>(())
    /// ```
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        // Writing to a String cannot fail.
        let _ = write(&mut text, &Drawing::of(self));
        text
    }
}

fn write(text: &mut String, drawing: &Drawing) -> fmt::Result {
    for topic in &drawing.topics {
        writeln!(text, "    {}", thing(topic))?;
    }
    for cluster in &drawing.clusters {
        let index = cluster.index;
        writeln!(text, "    subgraph sub{index}[\"Sub-topology: {index}\"]")?;
        for inside in &cluster.things {
            writeln!(text, "        {}", thing(inside))?;
        }
        text.push_str("    end\n");
    }
    for edge in &drawing.edges {
        let arrow = if edge.is_use { "-.-" } else { "-->" };
        writeln!(text, "    {} {arrow} {}", edge.from, edge.to)?;
    }
    Ok(())
}

fn thing(thing: &Thing) -> String {
    let (open, close) = match thing.shape {
        Shape::Source | Shape::Sink => ("([", "])"),
        Shape::Processor => ("[", "]"),
        Shape::Store => ("[(", ")]"),
        Shape::Topic => ("[/", "/]"),
        Shape::InternalTopic => ("[[", "]]"),
    };
    format!("{}{open}\"{}\"{close}", thing.id, escaped(&thing.name))
}

/// Text in quotes: what means something to Mermaid, or to the HTML it makes, as a character code.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => {
                // Writing to a String cannot fail.
                let _ = write!(text, "#{};", u32::from(c));
            }
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
    }
    text
}
