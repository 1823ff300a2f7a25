//! The topology as a picture: topics, nodes, stores; sub-topologies as groups. Drawn by the program itself, as SVG.

mod layout;
mod svg;

use std::collections::BTreeMap;

use topology::graph::{BuiltTopology, NodeRole, NodeView};

/// What is drawn as a box of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Topic,
    Source,
    Processor,
    Sink,
    Store,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    kind: Kind,
    name: String,
    /// Sub-topology, by its place in the list of groups; of a topic, that which reads it, or else that which writes it.
    group: usize,
}

/// What is to be drawn; edges and links by index of items.
#[derive(Debug, Default)]
struct Picture {
    items: Vec<Item>,
    /// The way of records.
    edges: Vec<(usize, usize)>,
    /// Processor and store.
    links: Vec<(usize, usize)>,
    /// The way of records that fail, to the dead-letter topic.
    failures: Vec<(usize, usize)>,
    /// Numbers of the sub-topologies.
    groups: Vec<u32>,
}

/// Draws a topology as an SVG element, to be styled by the page it is put into.
///
/// ```
/// let job = jumun::job::topology(&jumun::job::JobOptions::default());
/// let drawing = jumun::page::drawing::draw(&job.build()?);
/// assert!(drawing.starts_with("<svg") && drawing.contains("order.events.v1"));
/// # Ok::<(), topology::graph::TopologyError>(())
/// ```
pub fn draw(topology: &BuiltTopology) -> String {
    let picture = Picture::of(topology);
    let layout = layout::Layout::of(&picture);
    svg::write(&picture, &layout)
}

impl Picture {
    fn of(topology: &BuiltTopology) -> Self {
        let mut picture = Self::default();
        let mut topics = BTreeMap::new();
        for (group, subtopology) in topology.subtopologies().iter().enumerate() {
            picture.groups.push(subtopology.index());
            let nodes = subtopology.view();
            let first = picture.items.len();
            let mut places = BTreeMap::new();
            for (index, node) in nodes.iter().enumerate() {
                places.insert(node.name.as_str(), first + index);
                let kind = match node.role {
                    NodeRole::Source { .. } => Kind::Source,
                    NodeRole::Processor { .. } => Kind::Processor,
                    NodeRole::Sink { .. } => Kind::Sink,
                };
                picture.add(kind, &node.name, group);
            }
            let mut stores = BTreeMap::new();
            for (index, node) in nodes.iter().enumerate() {
                let place = first + index;
                let children = node.children.iter();
                let children = children.filter_map(|child| places.get(child.as_str()));
                picture.edges.extend(children.map(|child| (place, *child)));
                match &node.role {
                    NodeRole::Source { topics: names } => {
                        for name in names {
                            let topic = picture.topic(&mut topics, name, group);
                            if let Some(item) = picture.items.get_mut(topic) {
                                item.group = group;
                            }
                            picture.edges.push((topic, place));
                        }
                    }
                    NodeRole::Processor { stores: names } => {
                        for name in names {
                            let store = *stores
                                .entry(name.clone())
                                .or_insert_with(|| picture.add(Kind::Store, name, group));
                            picture.links.push((place, store));
                        }
                    }
                    // What goes round is drawn at both ends, so that the way is from left to right.
                    NodeRole::Sink { topic } if is_read(&nodes, topic) => {
                        let topic = picture.add(Kind::Topic, topic, group);
                        picture.edges.push((place, topic));
                    }
                    NodeRole::Sink { topic } => {
                        let topic = picture.topic(&mut topics, topic, group);
                        picture.edges.push((place, topic));
                    }
                }
            }
        }
        picture.add_dead_letters(topology, &mut topics);
        picture
    }

    fn add(&mut self, kind: Kind, name: &str, group: usize) -> usize {
        self.items.push(Item {
            kind,
            name: name.to_owned(),
            group,
        });
        self.items.len() - 1
    }

    fn topic(&mut self, topics: &mut BTreeMap<String, usize>, name: &str, group: usize) -> usize {
        let add = || self.add(Kind::Topic, name, group);
        *topics.entry(name.to_owned()).or_insert_with(add)
    }

    /// Edges that stay in one group, or go from one to another.
    fn edges(&self, within: bool) -> impl Iterator<Item = (usize, usize)> {
        let group = |item: usize| self.items.get(item).map(|item| item.group);
        let edges = self.edges.iter().copied();
        edges.filter(move |(from, to)| (group(*from) == group(*to)) == within)
    }

    /// Any node may fail; the edge is drawn from the first processor, or source, of the first group.
    fn add_dead_letters(&mut self, topology: &BuiltTopology, topics: &mut BTreeMap<String, usize>) {
        let of_kind = |kind| self.items.iter().position(|item| item.kind == kind);
        let node = of_kind(Kind::Processor).or_else(|| of_kind(Kind::Source));
        if let (Some(name), Some(node)) = (topology.dead_letter_topic(), node) {
            let topic = self.topic(topics, name, 0);
            self.failures.push((node, topic));
        }
    }
}

/// Whether one of the nodes reads the topic.
fn is_read(nodes: &[NodeView], topic: &str) -> bool {
    nodes.iter().any(|node| match &node.role {
        NodeRole::Source { topics } => topics.iter().any(|read| read == topic),
        NodeRole::Processor { .. } | NodeRole::Sink { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use super::layout::Layout;
    use super::*;
    use crate::job::JobOptions;
    use topology::codec::Utf8;
    use topology::graph::Topology;

    fn two_stages() -> BuiltTopology {
        let mut topology = Topology::new();
        topology.add_source("words", &["words", "more"], || Utf8, || Utf8);
        topology.add_repartition::<String, String, _, _>("by-word", || Utf8, || Utf8, &["words"]);
        topology.add_sink("<kept>", "kept", || Utf8, || Utf8, &["words"]);
        topology.add_sink("counted", "counts", || Utf8, || Utf8, &["by-word"]);
        topology.dead_letter_topic("bad");
        topology.build().unwrap()
    }

    #[test]
    fn every_topic_is_drawn_once_and_groups_meet_in_topics() {
        let picture = Picture::of(&two_stages());
        let topics = picture.items.iter().filter(|item| item.kind == Kind::Topic);
        let mut names: Vec<&str> = topics.map(|item| item.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "bad",
                "by-word-repartition",
                "counts",
                "kept",
                "more",
                "words"
            ]
        );
        assert_eq!(picture.groups, [0, 1]);
    }

    #[test]
    fn records_go_from_left_to_right_and_nothing_overlaps() {
        let job = crate::job::topology(&JobOptions::default());
        for topology in [two_stages(), job.build().unwrap()] {
            let picture = Picture::of(&topology);
            let layout = Layout::of(&picture);
            for (from, to) in picture.edges(true).chain(picture.failures.clone()) {
                let (from, to) = (layout.boxes[from], layout.boxes[to]);
                assert!(from.x + from.width < to.x, "{from:?} {to:?}");
            }
            for (index, one) in layout.boxes.iter().enumerate() {
                assert!(one.x >= 0.0 && one.x + one.width <= layout.width, "{one:?}");
                assert!(
                    one.y >= 0.0 && one.y + one.height <= layout.height,
                    "{one:?}"
                );
                for other in &layout.boxes[index + 1..] {
                    assert!(!one.overlaps(other), "{one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_group_stands_below_the_one_that_feeds_it() {
        let picture = Picture::of(&two_stages());
        let layout = Layout::of(&picture);
        let crossing: Vec<_> = picture.edges(false).collect();
        assert_eq!(crossing.len(), 1);
        let (sink, topic) = (layout.boxes[crossing[0].0], layout.boxes[crossing[0].1]);
        assert!(sink.y + sink.height < layout.frames[1].y);
        assert!(layout.frames[1].y < topic.y);
    }

    #[test]
    fn a_group_holds_its_nodes_and_stores_and_no_other() {
        let picture = Picture::of(&two_stages());
        let layout = Layout::of(&picture);
        for (item, place) in picture.items.iter().zip(&layout.boxes) {
            for (group, frame) in layout.frames.iter().enumerate() {
                let inside = item.kind != Kind::Topic && item.group == group;
                assert_eq!(frame.overlaps(place), inside, "{item:?} {group}");
            }
        }
    }

    #[test]
    fn names_are_escaped_and_the_picture_says_what_it_is() {
        let drawing = draw(&two_stages());
        assert!(drawing.contains("&lt;kept&gt;"));
        assert!(!drawing.contains("<kept>"));
        assert!(drawing.contains("role=\"img\""));
        assert!(drawing.contains("Sub-topology 1"));
        assert!(!drawing.contains("style="));
    }
}
