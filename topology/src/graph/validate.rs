//! All mistakes of a topology at once, each naming the node and the fix.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::NodeArena;

use super::mistake::Mistake;
use super::spec::{NodeKind, NodeSpec, TopicName, Topology};

pub(super) fn mistakes(topology: &Topology) -> Vec<Mistake> {
    let mut found = topology.mistakes.clone();
    let mut say = |text: String| found.push(Mistake(text));
    let nodes: BTreeMap<&str, &NodeSpec> = topology
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node))
        .collect();

    if !topology
        .nodes
        .iter()
        .any(|node| matches!(node.kind, NodeKind::Source { .. }))
    {
        say(
            "there is no source: nothing would ever be processed; add one with add_source"
                .to_owned(),
        );
    }
    // A repartition edge is two nodes; declared twice it is still one mistake.
    let mut edges = BTreeSet::new();
    let declared = topology
        .nodes
        .iter()
        .filter(|node| !is_edge_sink(node) || edges.insert(node.name.as_str()));
    duplicates(declared.map(|node| node.name.as_str()), &mut |name| {
        say(format!(
            "node {name}: the name is used twice; give each node its own"
        ));
    });
    let mut ids: BTreeMap<u16, &str> = BTreeMap::new();
    for node in &topology.nodes {
        if let Some(other) = ids.insert(NodeArena::timer_id(&node.name), &node.name)
            && other != node.name
        {
            say(format!(
                "nodes {other} and {}: their timers could not be told apart; rename one",
                node.name
            ));
        }
    }
    let stores = topology
        .stores
        .iter()
        .map(|(store, _)| store.spec.name.as_str());
    duplicates(stores, &mut |name| {
        say(format!(
            "store {name}: declared twice; declare it once and name all its processors"
        ));
    });
    let topics = topology.nodes.iter().flat_map(source_topics);
    duplicates(topics, &mut |topic| {
        say(format!(
            "topic {topic}: read by two sources; let both children name one source as their parent"
        ));
    });

    for node in &topology.nodes {
        wiring(node, &nodes, &mut say);
    }
    let cycle = cycle(topology);
    match cycle.as_slice() {
        [] => {}
        [node] => say(format!(
            "node {node}: it leads back to itself; take it out of its parents"
        )),
        nodes => say(format!(
            "nodes {}: they lead back to each other; take one out of the other's parents",
            nodes.join(", ")
        )),
    }
    for (store, users) in &topology.stores {
        let name = &store.spec.name;
        topic_name(&format!("store {name}"), name, &mut say);
        if users.is_empty() {
            say(format!(
                "store {name}: no processor uses it; name its processors in add_store"
            ));
        }
        for user in users {
            match nodes.get(user.as_str()).map(|node| &node.kind) {
                Some(NodeKind::Processor) => {}
                Some(_) => say(format!(
                    "store {name}: {user} is not a processor; only processors use stores, name one"
                )),
                None => say(format!(
                    "store {name}: there is no processor {user}; correct the name in add_store"
                )),
            }
        }
    }
    found
}

fn wiring(node: &NodeSpec, nodes: &BTreeMap<&str, &NodeSpec>, say: &mut impl FnMut(String)) {
    let name = declared_name(node);
    if name.is_empty() {
        say("a node has an empty name; give it one".to_owned());
    }
    match &node.kind {
        NodeKind::Source { topics } if topics.is_empty() => {
            say(format!(
                "source {name}: it reads no topic; name at least one"
            ));
        }
        NodeKind::Source { topics } => {
            topics
                .iter()
                .for_each(|topic| topic_name(&format!("source {name}"), &topic.short(), say));
        }
        // Its source says it.
        NodeKind::Sink { .. } if is_edge_sink(node) => {}
        NodeKind::Sink { topic } => topic_name(&format!("sink {name}"), &topic.short(), say),
        NodeKind::Processor => {}
    }
    if !matches!(node.kind, NodeKind::Source { .. }) && node.parents.is_empty() {
        say(format!(
            "node {name}: it has no parent; name the node whose records it takes"
        ));
    }
    for parent in &node.parents {
        match nodes.get(parent.as_str()) {
            None => say(format!(
                "node {name}: its parent {parent} does not exist; correct the name or add it"
            )),
            Some(parent) if matches!(parent.kind, NodeKind::Sink { .. }) => {
                say(format!(
                    "node {name}: its parent {} is a sink, which forwards nothing; name another",
                    parent.name
                ));
            }
            Some(_) => {}
        }
    }
}

/// The sink half of a repartition edge, which bears a name that nobody gave it.
fn is_edge_sink(node: &NodeSpec) -> bool {
    matches!(
        node.kind,
        NodeKind::Sink {
            topic: TopicName::Repartition(..)
        }
    )
}

/// The name by which whoever declared the node knows it.
fn declared_name(node: &NodeSpec) -> &str {
    match &node.kind {
        NodeKind::Sink {
            topic: TopicName::Repartition(name, _),
        } => name,
        _ => &node.name,
    }
}

/// Topics read by name; internal ones are as unique as the names of their edges.
fn source_topics(node: &NodeSpec) -> Vec<&str> {
    let NodeKind::Source { topics } = &node.kind else {
        return Vec::new();
    };
    let external = topics.iter().filter_map(|topic| match topic {
        TopicName::External(topic) => Some(topic.as_str()),
        TopicName::Repartition(..) => None,
    });
    external.collect()
}

fn duplicates<'a>(names: impl Iterator<Item = &'a str>, say: &mut impl FnMut(&str)) {
    let mut seen = BTreeMap::new();
    for name in names {
        *seen.entry(name).or_insert(0) += 1;
    }
    seen.iter()
        .filter(|(_, times)| **times > 1)
        .for_each(|(name, _)| say(name));
}

/// Kafka's rule for topic names.
fn topic_name(of: &str, topic: &str, say: &mut impl FnMut(String)) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty()
        || topic == "."
        || topic == ".."
        || topic.len() > 249
        || !topic.chars().all(legal)
    {
        say(format!(
            "{of}: {topic:?} is no legal topic name; use at most 249 of a-z A-Z 0-9 . _ -"
        ));
    }
}

/// The nodes on cycles, in the order of declaration. A node that has parents but hangs on a mistake
/// is none of them: that mistake is told where it is.
fn cycle(topology: &Topology) -> Vec<&str> {
    let mut left: Vec<&NodeSpec> = topology.nodes.iter().collect();
    loop {
        let before = left.len();
        let names: BTreeSet<&str> = left.iter().map(|node| node.name.as_str()).collect();
        let parents: BTreeSet<&str> = left
            .iter()
            .flat_map(|node| node.parents.iter().map(String::as_str))
            .collect();
        // Whatever nothing leads to, or leads nowhere, is on no cycle.
        left.retain(|node| {
            node.parents
                .iter()
                .any(|parent| names.contains(parent.as_str()))
                && parents.contains(node.name.as_str())
        });
        if left.len() == before {
            break;
        }
    }
    left.into_iter().map(|node| node.name.as_str()).collect()
}
